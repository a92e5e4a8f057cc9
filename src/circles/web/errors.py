"""Errors as answers: the one place that knows HTTP numbers.

People get a page in words; machine endpoints (`opt={"machine": True}`, and everything below
`/cast/`) get `application/problem+json` with a stable `code`. The last handler logs what nobody
foresaw, with a number that the page shows too, and answers plainly.
"""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import structlog
from litestar import Request, Response
from litestar.exceptions import HTTPException
from litestar.handlers import BaseRouteHandler
from litestar.types import ExceptionHandlersMap

from circles import errors
from circles.web import i18n, logs
from circles.web.i18n import gettext as _
from circles.web.render import HTML, html

PROBLEM = "application/problem+json"
_log = structlog.get_logger("circles")

_BY_CODE = {
    "malformed": 400,
    "bad-host": 400,
    "not-on-roll": 403,
    "cross-site": 403,
    "frozen": 403,
    "unknown-poll": 404,
    "not-open": 409,
    "slot-used": 409,
    "slate-changed": 409,
    "closed": 410,
    "gone": 410,
    "too-long": 413,
    "unsupported-type": 415,
    "bad-blinded": 422,
    "bad-secret": 422,
    "token-invalid": 422,
    "sig-invalid": 422,
    "doc-mismatch": 422,
    "seq-exhausted": 429,
}
_BY_CLASS: tuple[tuple[type[errors.CirclesError], int], ...] = (
    (errors.MissingError, 404),
    (errors.ForbiddenError, 403),
    (errors.SignInNeededError, 401),
    (errors.ConflictError, 409),
    (errors.InvalidError, 400),
    (errors.TooManyError, 429),
    (errors.OutcomeUnknownError, 503),
    (errors.SettingsError, 503),
    (errors.CirclesError, 409),
)
# Where programs knock, for what routing refuses before a handler is found (a wrong method).
_MACHINE_PATH = re.compile(
    r"/c/[^/]+/(?:api/.*|log/.*|archive\.zip|rounds/[^/]+/(?:archive\.zip|[^/]+/[^/]+))"
)
_SETTLED = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


@dataclass(frozen=True)
class Said:
    """An error as a page says it."""

    status: int
    code: str
    title: str
    message: str
    wrong: bool = True
    number: str = ""


def status_of(error: errors.CirclesError) -> int:
    """The HTTP number of one of our errors."""
    if error.code in _BY_CODE:
        return _BY_CODE[error.code]
    return next(number for kind, number in _BY_CLASS if isinstance(error, kind))


def _title(status: int) -> tuple[str, bool]:
    """The headline, and whether it is trouble (else it is only how things are)."""
    return {
        400: (_("That could not be read."), True),
        401: (_("Please sign in first."), False),
        403: (_("This is not yours to do."), False),
        404: (_("There is nothing here."), False),
        405: (_("That cannot be done here."), True),
        409: (_("Things stand otherwise now."), False),
        410: (_("That time has passed."), False),
        413: (_("That is too long for this page."), True),
        415: (_("That could not be read."), True),
        422: (_("That does not hold together."), True),
        429: (_("A short rest, please."), False),
        503: (_("We do not know whether that worked."), True),
    }.get(status, (_("Something broke on our side."), True))


def _handler(request: Request[Any, Any, Any]) -> BaseRouteHandler | None:
    """The route that was found; none when routing itself failed, whatever the types promise."""
    scope: dict[str, Any] = {**request.scope}
    found: BaseRouteHandler | None = scope.get("route_handler")
    return found


def wants_machine(request: Request[Any, Any, Any]) -> bool:
    """Whether the one who asks is a program."""
    handler = _handler(request)
    if handler is not None and handler.opt.get("machine"):
        return True
    path = str(request.scope.get("path", ""))
    if path.startswith("/cast/"):
        return True
    if handler is not None:
        return False
    known = _MACHINE_PATH.fullmatch(path) is not None
    return known or "json" in request.headers.get("accept", "")


def problem(said: Said, headers: dict[str, str] | None = None) -> Response[bytes]:
    """RFC 9457, with our stable `code`."""
    body = {"type": "about:blank", "title": said.title, "status": said.status, "code": said.code}
    body["detail"] = said.message
    text = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
    return Response(text.encode(), status_code=said.status, headers=headers, media_type=PROBLEM)


def answer(
    request: Request[Any, Any, Any], said: Said, headers: dict[str, str] | None = None
) -> Response[bytes]:
    """The error as this reader reads it."""
    handler = _handler(request)
    if handler is not None and handler.opt.get("anyone"):
        # Refused on the way in: the guard that opens answers to all has not seen this one.
        headers = {**(headers or {}), "Access-Control-Allow-Origin": "*"}
    if wants_machine(request):
        return problem(said, headers)
    body = html("web/error.html", {"said": said}, circle=_circle(request))
    return Response(body, status_code=said.status, headers=headers, media_type=HTML)


def said_of(error: errors.CirclesError) -> Said:
    """One of our errors as a page says it."""
    status = status_of(error)
    title, wrong = _title(status)
    if isinstance(error, errors.SettingsError):
        title = _("This machine is not set up right.")
    return Said(status, error.code, title, str(error), wrong)


def _in_its_language(handle: Callable[..., Response[bytes]]) -> Callable[..., Response[bytes]]:
    """By now the request's own language is let go of: take it up again for what is said here."""

    def speaking(request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
        with i18n.speaking(_circle(request)):
            return handle(request, error)

    return speaking


def _circle(request: Request[Any, Any, Any]) -> Any:
    """The circle this was about, when it was found before things went wrong."""
    scope: dict[str, Any] = {**request.scope}
    return scope.get("state", {}).get("circle")


@_in_its_language
def ours(request: Request[Any, Any, Any], error: errors.CirclesError) -> Response[bytes]:
    """A refusal that was foreseen."""
    said, headers = said_of(error), dict[str, str]()
    if isinstance(error, errors.TooManyError):
        headers["Retry-After"] = str(max(error.retry_after_s, 1))
    if isinstance(error, errors.SettingsError):
        _log.error("settings", code=error.code, message=str(error))
    if isinstance(error, errors.OutcomeUnknownError):
        _log.error("outcome-unknown", where=logs.where(error))
        headers["Retry-After"] = "5"
    if said.status == 401 and not wants_machine(request) and request.method == "GET":  # noqa: PLR2004 -- an HTTP number
        return Response(b"", status_code=303, headers={"Location": _sign_in(request)})
    return answer(request, said, headers)


def _sign_in(request: Request[Any, Any, Any]) -> str:
    """The circle's sign-in page, and where to go on from there."""
    slug = request.path_params.get("slug", "")
    then = request.scope["path"]
    return f"/c/{quote(str(slug))}/sign-in?then={quote(then, safe='/')}"


@_in_its_language
def frameworks(request: Request[Any, Any, Any], error: HTTPException) -> Response[bytes]:
    """What routing itself refuses: no such address, no such method, a parameter that is none."""
    status = error.status_code
    if status >= 500:  # noqa: PLR2004 -- an HTTP number
        return unforeseen(request, error)
    codes = {400: "malformed", 404: "not-found", 405: "bad-method", 413: "too-long"}
    title, wrong = _title(status)
    message = {
        404: _(
            "The address may have a slip in it, or the page was taken down because somebody asked."
        ),
        405: _("This address is not for that. Nothing was changed."),
        413: _("Nothing was kept. Please send less."),
    }.get(status, _("The address or the form could not be read. Nothing was kept."))
    headers = {k: v for k, v in (error.headers or {}).items() if k.lower() == "allow"}
    return answer(
        request, Said(status, codes.get(status, "refused"), title, message, wrong), headers
    )


@_in_its_language
def unforeseen(request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
    """The last handler: log it with a number, answer plainly, give nothing away."""
    mark = "".join(secrets.choice(_SETTLED) for _i in range(5))
    number = f"{mark[:3]}-{mark[3:]}"
    handler = _handler(request)
    # The route's pattern, never the path: a path may hold a code that lets somebody in.
    route = handler.handler_name if handler is not None else "-"
    if handler is None or handler.opt.get("anyone"):
        _log.error("unforeseen", number=number, route=route, where=logs.where(error))
    else:
        _log.error("unforeseen", number=number, route=route, exc_info=error)
    title, _wrong = _title(500)
    message = _(
        "It was not you, and nothing was done twice. Try again in a minute. "
        "If it stays, tell whoever runs this machine this number: %(number)s."
    ) % {"number": number}
    return answer(request, Said(500, "internal", title, message, number=number))


handlers: ExceptionHandlersMap = {
    errors.CirclesError: ours,
    HTTPException: frameworks,
    Exception: unforeseen,
}
