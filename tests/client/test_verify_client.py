"""`circles verify-client` at the real server, and at one that changes a little on the way."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
import uvicorn

from circles import cli
from circles.client import served_page
from circles.client.release import Manifest
from circles.rounds import clients
from circles.web import static
from tests.conftest import Served
from tests.neighbours import PASSPHRASE
from tests.world import World

pytestmark = pytest.mark.one_database("what a host serves depends on no database")

Answer = tuple[int, dict[str, str], bytes]
Twist = Callable[[str, Answer], Answer]
CAST = f"/static/{static.tree().digest}/ballot/cast.js"


@asynccontextmanager
async def between(served: Served, twist: Twist) -> AsyncIterator[str]:
    """A host in the middle: the real answers, each twisted; its address."""
    client = httpx.AsyncClient()

    async def app(scope, receive, send):  # type: ignore[no-untyped-def]  # ASGI
        if scope["type"] != "http":
            return
        body = (await receive())["body"]
        answer = await client.request(
            scope["method"],
            served.url + scope["raw_path"].decode(),
            content=body,
            headers=[(k, v) for k, v in scope["headers"] if k != b"host"],
        )
        dropped = {"content-length", "content-encoding", "transfer-encoding"}
        headers = {k: v for k, v in answer.headers.items() if k not in dropped}
        status, headers, content = twist(
            scope["path"], (answer.status_code, headers, answer.content)
        )
        pairs = [(k.encode(), v.encode()) for k, v in headers.items()]
        await send({"type": "http.response.start", "status": status, "headers": pairs})
        await send({"type": "http.response.body", "body": content})

    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="error", lifespan="off"))
    running = asyncio.create_task(server.serve())
    while not server.started:
        if running.done():
            await running
        await asyncio.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    await running
    await client.aclose()


async def run(address: str, *options: str) -> int:
    return await asyncio.to_thread(cli.main, ["verify-client", address, *options])


@pytest.fixture
async def world(served: Served) -> World:
    world = await World.found(served.host, members=5, fund_minor=13500)
    await world.begin()
    return world


@pytest.fixture
def passphrase(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    return lambda: monkeypatch.setattr("sys.stdin", io.StringIO(f"{PASSPHRASE}\n"))


async def test_the_real_host_serves_the_release(
    served: Served,
    world: World,
    passphrase: Callable[[], None],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    address = f"{served.url}{world.circle.path}"
    passphrase()
    assert await run(address, "--handle", "Ann") == 0
    said = capsys.readouterr().out
    assert "all as in the release" in said
    assert "in/ballot: there is nothing to do on it now" in said
    # A manifest that was published says the same; one of another release differs.
    kept = tmp_path / "manifest"
    assert await asyncio.to_thread(cli.main, ["client-manifest"]) == 0
    kept.write_text(capsys.readouterr().out)
    assert await run(address, "--manifest", str(kept)) == 0
    contents = {**clients.contents(), "static/ballot/cast.js": b"of another release"}
    kept.write_text(Manifest.of(contents).text())
    assert await run(address, "--manifest", str(kept)) == 1
    said = capsys.readouterr().out
    assert "DIFFERS static/ballot/cast.js: it is not the release's" in said
    assert "which the release does not have" in said
    kept.write_text("nonsense")
    assert await run(address, "--manifest", str(kept)) == 2


def _body(path: str, old: bytes, new: bytes) -> Twist:
    def twist(asked: str, answer: Answer) -> Answer:
        status, headers, body = answer
        if not asked.endswith(path):
            return answer
        assert old in body
        return status, headers, body.replace(old, new, 1)

    return twist


def _head(path: str, status: int, **changed: str) -> Twist:
    def twist(asked: str, answer: Answer) -> Answer:
        if not asked.endswith(path):
            return answer
        names = {name.replace("_", "-"): value for name, value in changed.items()}
        return status, {**answer[1], **names}, answer[2]

    return twist


EVIL = b'<script type="module" src="/static/0123456789abcdef/ballot/evil.js"></script></body>'
TWISTS: dict[str, tuple[Twist, str]] = {
    "one byte of a script": (
        _body("ballot/cast.js", b"const TRIES = 3", b"const TRIES = 4"),
        "static/ballot/cast.js: it is not the release's",
    ),
    "one byte of the single file": (
        _body("/ballot.html", b"const TRIES = 3", b"const TRIES = 4"),
        "ballot.html: it is not the release's",
    ),
    "a script added": (_body("/in/collect", b"</body>", EVIL), "in/collect: it runs ballot/"),
    "a script inside": (
        _body("/in/collect", b"</body>", b"<script>steal()</script></body>"),
        "in/collect: there is a script of its own",
    ),
    "the script removed": (
        _body("/in/collect", b'type="module"', b'type="text/plain"'),
        "in/collect: it runs no script, and must run ballot/collect-page.js",
    ),
    "a form that sends elsewhere": (
        _body("/in/collect", b"</main>", b'<form action="//evil.example/"></form></main>'),
        "in/collect: a form sends to //evil.example/",
    ),
    "a form that sends to its own page": (
        _body(
            "/in/collect", b"</main>", b'<form method="post"><button>Vote</button></form></main>'
        ),
        "in/collect: a form sends to its own page",
    ),
    "a script where a browser ends a comment and a parser does not": (
        _body("/in/collect", b"</main>", b"<!-->" + EVIL + b"--></main>"),
        "in/collect: there is something in it that can be read in two ways",
    ),
    "letters of another kind": (
        _head("/in/collect", 200, content_type="text/html; charset=iso-2022-jp"),
        "in/collect: it comes as iso-2022-jp letters, not as utf-8",
    ),
    "a redirect": (
        _head("ballot/cast.js", 302, location="https://evil.example/cast.js"),
        f"{CAST}: the host answers 302, which leads to https://evil.example/cast.js",
    ),
    "a script that is gone": (_head("ballot/cast.js", 404), f"{CAST}: the host answers 404"),
    "another content type": (
        _head("ballot/cast.js", 200, content_type="text/html"),
        f"{CAST}: it comes as text/html, not as text/javascript",
    ),
    "a weaker policy": (
        _head("/in/collect", 200, content_security_policy="script-src * 'unsafe-inline'"),
        "in/collect: the header Content-Security-Policy is not the release's",
    ),
}


async def test_each_change_on_the_way_is_named(
    served: Served,
    world: World,
    passphrase: Callable[[], None],
    capsys: pytest.CaptureFixture[str],
) -> None:
    for name, (twist, said) in TWISTS.items():
        async with between(served, twist) as host:
            passphrase()
            # The server knows one host name only: the one in the middle speaks as it.
            code = await run(f"{host}{world.circle.path}", "--handle", "Ann")
        out = capsys.readouterr().out
        assert code == 1, name
        assert f"DIFFERS {said}" in out, (name, out)


async def test_a_poll_record_of_another_release_is_named(
    served: Served, world: World, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    contents = {**clients.contents(), "static/ballot/new.js": b"new in the next release"}
    kept = tmp_path / "manifest"
    kept.write_text(Manifest.of(contents).text())
    assert await run(f"{served.url}{world.circle.path}", "--manifest", str(kept)) == 1
    said = capsys.readouterr().out
    assert "its record does not name static/ballot/new.js of the release" in said


@pytest.mark.parametrize(
    "html",
    [
        b"<base href='https://evil.example/'>",
        b"<iframe src='/x'></iframe>",
        b"<p onclick='x()'>",
        b"<a href=' java\nscript:x()'>",
        b"<a href='data:text/html,x'>",
        b"<meta http-equiv='refresh' content='0;url=/x'>",
        b"<link rel='modulepreload' href='/static/0123456789abcdef/ballot/evil.js'>",
        b"<link rel='stylesheet' href='https://evil.example/x.css'>",
        b"<svg><script href='x.js'></script></svg>",
        b"<SCRIPT SRC='https://evil.example/x.js'></SCRIPT>",
        b"<script type=module src=/static/0123456789abcdef/../evil.js></script>",
        b"<button formaction='/elsewhere'>",
        b"<p id='a' id='b'>",
        b"<script type='application/json' id='booth' src='x.js'></script>",
        # A form of no action sends to the page's own address.
        b"<form method='post'><input name='n1'></form>",
        b"<form><input name='n1'></form>",
        b"<form method='dialog'></form><button form='f' formmethod='post'>",
        # What browsers run and the parser reads as a comment, as words, as data.
        b"<!-->" + EVIL + b"-->",
        b"<!-- --!>" + EVIL + b"-->",
        b"<![CDATA[>" + EVIL + b"]]>",
        b"<title><!--</title>" + EVIL + b"-->",
        b"<textarea><!--</textarea>" + EVIL + b"-->",
        b"<title><script type='application/json' id='booth'></title>" + EVIL,
        ("\ufeff" + EVIL.decode()).encode("utf-16-be"),
    ],
)
def test_what_has_no_business_in_a_page_that_votes(html: bytes) -> None:
    assert served_page.read(b"<main>" + html + b"</main>", "/c/x/sign-out").wrong


def test_what_the_release_s_own_pages_are_made_of() -> None:
    plain = b"<!doctype html>\n<main><form method='dialog'><input></form><br/></main>"
    assert served_page.read(plain, "/c/x/sign-out").wrong == []
