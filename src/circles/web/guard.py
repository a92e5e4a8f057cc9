"""What stands before every page: known hosts, clean addresses, headers, limits, own posts only.

Two rings. The outer one, `Gate`, sees every request before routing and every answer after it,
errors included. The inner one, `RouteGuard`, runs once the route is known and reads its options:

| option of a handler | means |
| --- | --- |
| `machine=True` | errors are problem+json, never pages |
| `anyone=True` | any origin may read and post here: no cookie is ever looked at |
| `body_bytes_max=n` | the longest body it takes; 16 kB when not said |
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from urllib.parse import unquote_to_bytes, urlsplit

from litestar import Litestar
from litestar.enums import ScopeType
from litestar.types import ASGIApp, HTTPScope, Message, Receive, Scope, Send

from circles.errors import ForbiddenError, InvalidError
from circles.settings import Settings
from circles.web.errors import Said, problem
from circles.web.i18n import gettext as _
from circles.web.render import HTML, html

BODY_BYTES_MAX = 16 * 1024
METHODS = frozenset({"GET", "HEAD", "POST", "DELETE", "OPTIONS"})
_LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
_PORTS = {"http": ":80", "https": ":443"}

CSP = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)
HEADERS = {
    "Content-Security-Policy": CSP,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}
HSTS = "max-age=63072000; includeSubDomains"


class TooLongError(InvalidError):
    """A body longer than its address takes."""

    code = "too-long"


class HungUpError(InvalidError):
    """The other side went away in the middle of its body; nobody reads this answer."""

    code = "hung-up"


class CrossSiteError(ForbiddenError):
    """Another site tried to act in the name of who is signed in."""

    code = "cross-site"


def known_hosts(settings: Settings) -> frozenset[str]:
    """The Host headers that mean us; on loopback all its names."""
    parts = urlsplit(settings.url)
    names = {settings.host_name.lower()}
    name = parts.hostname or ""
    port = f":{parts.port}" if parts.port else ""
    if name in {"127.0.0.1", "localhost", "::1"}:
        names.update(alias + port for alias in _LOOPBACK)
    if not port:
        names.update({known + _PORTS[parts.scheme] for known in names})
    return frozenset(names)


def header(scope: Scope, name: bytes) -> str | None:
    """The one value of a header; doubled ones are joined, so that they match nothing."""
    values = [value for key, value in scope["headers"] if key.lower() == name]
    return b", ".join(values).decode("latin-1") if values else None


class Gate:
    """The outer ring, around routing itself."""

    def __init__(self, app: ASGIApp, settings: Settings, litestar: Litestar) -> None:
        self._app = app
        self._hosts = known_hosts(settings)
        self._litestar = litestar
        self._headers = [(k.lower().encode(), v.encode()) for k, v in HEADERS.items()]
        if settings.secure:
            self._headers.append((b"strict-transport-security", HSTS.encode()))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request through."""
        if scope["type"] != ScopeType.HTTP:
            await self._app(scope, receive, send)
            return
        head = scope["method"] == "HEAD"
        dressed = self._dressed(send, head=head)
        refused = self._refusal(scope)
        if refused is not None:
            await _send_refusal(scope, refused, dressed)
            return
        # No handler, log or trace can keep an address that it is never given.
        scope["client"] = None
        if head:
            scope = {**scope, "method": "GET"}
        await self._app(scope, receive, dressed)

    def _refusal(self, scope: HTTPScope) -> Said | None:
        if scope["method"] not in METHODS:
            return Said(
                405,
                "bad-method",
                _("That cannot be done here."),
                _("This address is not for that. Nothing was changed."),
            )
        if (header(scope, b"host") or "").lower() not in self._hosts:
            return Said(
                400,
                "bad-host",
                _("This is not the address of this host."),
                _("The request named another host. Open the address you were given, unchanged."),
            )
        if not (_readable(scope.get("raw_path") or b"") and _readable(scope["query_string"])):
            return Said(
                400,
                "malformed",
                _("That could not be read."),
                _("There are letters in the address that cannot be read."),
            )
        return None

    def _dressed(self, send: Send, *, head: bool) -> Send:
        async def dressed(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = self._all_headers(message["headers"])
            elif head and message["type"] == "http.response.body":
                message["body"] = b""
            await send(message)

        return dressed

    def _all_headers(self, given: Iterable[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
        headers = [(name.lower(), value) for name, value in given if name.lower() != b"server"]
        names = {name for name, _value in headers}
        headers += [pair for pair in self._headers if pair[0] not in names]
        if b"cache-control" not in names:
            # What nobody declared public is nobody else's: pages, errors, redirects.
            headers.append((b"cache-control", b"no-store"))
        if b"cross-origin-resource-policy" not in names:
            open_to_all = b"access-control-allow-origin" in names
            policy = b"cross-origin" if open_to_all else b"same-origin"
            headers.append((b"cross-origin-resource-policy", policy))
        return headers


def _readable(raw: bytes) -> bool:
    """Percent-decoded strict UTF-8 without NUL."""
    try:
        text = unquote_to_bytes(raw).decode()
    except UnicodeDecodeError:
        return False
    return "\0" not in text


async def _send_refusal(scope: HTTPScope, said: Said, send: Send) -> None:
    if scope["path"].startswith("/cast/"):
        made = problem(said)
        body, kind = made.content, "application/problem+json"
    else:
        body = html("web/error.html", {"said": said})
        kind = HTML + "; charset=utf-8"
    headers = [
        (b"content-type", kind.encode()),
        (b"content-length", str(len(body)).encode()),
        (b"connection", b"close"),
    ]
    await send({"type": "http.response.start", "status": said.status, "headers": headers})
    await send({"type": "http.response.body", "body": body, "more_body": False})


class RouteGuard:
    """The inner ring, once the route is known."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One routed request through."""
        if scope["type"] != ScopeType.HTTP:
            await self._app(scope, receive, send)
            return
        opt: dict[str, Any] = scope["route_handler"].opt
        anyone = bool(opt.get("anyone"))
        if anyone:
            send = _open_to_all(send)
        elif scope["method"] not in {"GET", "OPTIONS"}:
            refuse_cross_site(scope)
        limit = int(opt.get("body_bytes_max", BODY_BYTES_MAX))
        declared = header(scope, b"content-length")
        if declared is not None and (not declared.isdecimal() or int(declared) > limit):
            raise _too_long(limit)
        await self._app(scope, _limited(receive, limit), send)


def _too_long(limit: int) -> TooLongError:
    return TooLongError(
        _("At most %(kb)s kilobytes fit here. Nothing was kept. Please send less.")
        % {"kb": limit // 1024}
    )


def _limited(receive: Receive, limit: int) -> Receive:
    seen, whole = 0, False

    async def limited() -> Any:
        nonlocal seen, whole
        message = await receive()
        if message["type"] == "http.request":
            seen += len(message.get("body", b""))
            whole = not message.get("more_body", False)
            if seen > limit:
                raise _too_long(limit)
        elif message["type"] == "http.disconnect" and not whole:
            # Afterwards it is no fault: who streams a file to somebody listens for their leaving.
            # Raised by us, or the framework would call it our fault and the last handler log it.
            raise HungUpError(_("The connection ended before everything had come."))
        return message

    return limited


def _open_to_all(send: Send) -> Send:
    async def opened(message: Message) -> None:
        if message["type"] == "http.response.start":
            names = {name.lower() for name, _value in message["headers"]}
            if b"access-control-allow-origin" not in names:
                message["headers"] = [
                    *message["headers"],
                    (b"access-control-allow-origin", b"*"),
                ]
        await send(message)

    return opened


def refuse_cross_site(scope: Scope) -> None:
    """CrossSiteError when a browser says that another site sent this.

    Sec-Fetch-Site is asked first, because under `no-referrer` a browser's own form posts say
    `Origin: null`. A request with neither header comes from no browser of our time, so it carries
    no cookie that a stranger's page could borrow; command lines pass.
    """
    site, origin = header(scope, b"sec-fetch-site"), header(scope, b"origin")
    if site is not None:
        if site in {"same-origin", "none"}:
            return
    elif (
        origin is None or urlsplit(origin).netloc.lower() == (header(scope, b"host") or "").lower()
    ):
        return
    raise CrossSiteError(
        _(
            "Another site tried to send this in your name. Nothing was done. "
            "If it was you, open this circle's own page and do it there."
        )
    )
