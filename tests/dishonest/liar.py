"""A server that lies over HTTP: the real application, with a liar before it.

    liar = Liar()
    liar.app = create_app(host)
    liar.lie("GET", "/rounds/.*/poll", lambda answer: answer.with_body(other))
    liar.hold("POST", "/take")                   # the request is served, its answer never comes

What came in is written down in `liar.seen`, as a server that wants to know would.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from litestar.types import Receive, Scope, Send


@dataclass(frozen=True)
class Answer:
    """What the honest server would have said."""

    status: int
    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes

    def with_body(self, body: bytes) -> Answer:
        """The same head, another body."""
        return replace(self, body=body)

    def replaced(self, old: bytes, new: bytes) -> Answer:
        """Another word in the body, which must be there."""
        assert old in self.body, "nothing to lie about"
        return self.with_body(self.body.replace(old, new))


@dataclass(frozen=True)
class Asked:
    """A request as it came in."""

    method: str
    path: str
    headers: dict[bytes, bytes]


Change = Callable[[Answer], Answer | None]


@dataclass
class Liar:
    """An ASGI application. `app` is the real one; `lies` are tried in order, the first is told."""

    app: Any = None
    lies: list[tuple[re.Pattern[str], Change]] = field(default_factory=list)
    seen: list[Asked] = field(default_factory=list)
    told: int = 0

    def lie(self, method: str, path: str, change: Change) -> None:
        """Change the answers to requests whose path ends in this pattern."""
        self.lies.append((re.compile(f"{method} .*{path}"), change))

    def hold(self, method: str, path: str) -> None:
        """Never answer such requests; what they ask for is done."""
        self.lie(method, path, lambda _answer: None)

    def honest(self) -> None:
        """No lies any more."""
        self.lies.clear()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        line = f"{scope['method']} {scope['path']}"
        self.seen.append(Asked(scope["method"], scope["path"], dict(scope["headers"])))
        change = next((make for known, make in self.lies if known.fullmatch(line)), None)
        if change is None:
            await self.app(scope, receive, send)
            return
        self.told += 1
        answer = change(await self._honest_answer(scope, receive))
        if answer is None:
            while (await receive())["type"] != "http.disconnect":
                pass
            return
        await _send(answer, send)

    async def _honest_answer(self, scope: Scope, receive: Receive) -> Answer:
        parts: list[Any] = []

        async def keep(message: Any) -> None:
            parts.append(message)

        await self.app(scope, receive, keep)
        start = parts[0]
        body = b"".join(part.get("body", b"") for part in parts[1:])
        return Answer(start["status"], tuple(start["headers"]), body)


async def _send(answer: Answer, send: Send) -> None:
    headers = [(n, v) for n, v in answer.headers if n.lower() != b"content-length"]
    headers.append((b"content-length", b"%d" % len(answer.body)))
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})  # type: ignore[arg-type]  # plain tuples do
    await send({"type": "http.response.body", "body": answer.body, "more_body": False})
