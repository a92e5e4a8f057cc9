"""Signing in and out: the page, the endpoint for programs (docs/protocol.md, 5), words for one."""

from __future__ import annotations

import json
import re
from datetime import datetime
from typing import Any

from litestar import Request, Response, delete, get, post

from circles.circle.circles import Circle
from circles.circle.provide import TheCircle, TheHost
from circles.errors import InvalidError, TooManyError
from circles.host import Host
from circles.members import notices, sessions, signin
from circles.members.signin import TheMember, WrongPassphraseError
from circles.web import forms
from circles.web.forms import Form
from circles.web.i18n import gettext as _
from circles.web.render import page, see_other

_OWN_PATH = re.compile(r"(?:[A-Za-z0-9_-]+(?:/[A-Za-z0-9_-]+)*/?)?", re.ASCII)


def own_path(circle: Circle, then: str) -> str:
    """`then` if it is one of this circle's pages for members, else the month."""
    start = f"{circle.path}/in/"
    if then.startswith(start) and _OWN_PATH.fullmatch(then.removeprefix(start)):
        return then
    return start


def signed_in(host: Host, circle: Circle, token: str, then: str) -> Response[bytes]:
    """On to a page, with the new cookie."""
    answer = see_other(own_path(circle, then))
    answer.set_cookie(signin.cookie(host.settings, circle, token))
    return answer


def _page(
    request: Request[Any, Any, Any], circle: Circle, form: Form, status: int = 200
) -> Response[bytes]:
    context = {"form": form, "here": "sign-in", "then": own_path(circle, form.value("then"))}
    return page(request, "members/sign_in.html", context, circle=circle, status=status)


@get("/c/{slug:str}/sign-in")
async def sign_in_page(request: Request[Any, Any, Any], circle: TheCircle) -> Response[bytes]:
    """The form; who is signed in goes on at once."""
    then = request.query_params.get("then", "")
    if await signin.live_member(request) is not None:
        return see_other(own_path(circle, then))
    return _page(request, circle, Form(then=then))


@post("/c/{slug:str}/sign-in")
async def sign_in(
    request: Request[Any, Any, Any], circle: TheCircle, host: TheHost
) -> Response[bytes]:
    """Check, rotate, and go on; with words waiting for the member, to those first."""
    form = await forms.read(request)
    handle = form.text("handle", max_chars=signin.HANDLE_TYPED_CHARS_MAX)
    passphrase = form.secret("passphrase")
    if form.trouble:
        return _page(request, circle, form, 422)
    try:
        member, token = await signin.sign_in(
            host, circle, handle, passphrase, signin.token_of(request)
        )
    except WrongPassphraseError as error:
        form.trouble.add("handle", str(error))
        return _page(request, circle, form, 422)
    except TooManyError as error:
        form.trouble.add("handle", str(error))
        answer = _page(request, circle, form, 429)
        answer.headers["Retry-After"] = str(error.retry_after_s)
        return answer
    async with host.database.read() as db:
        waiting = await notices.told(db, member.id)
    then = f"{circle.path}/in/told" if waiting else form.value("then")
    return signed_in(host, circle, token, then)


@post("/c/{slug:str}/sign-out")
async def sign_out(
    request: Request[Any, Any, Any], circle: TheCircle, host: TheHost
) -> Response[bytes]:
    """End this browser's session; nobody signed in is no error."""
    answer = see_other(f"{circle.path}/")
    await _end(request, circle, host, answer)
    return answer


async def _end(
    request: Request[Any, Any, Any], circle: Circle, host: Host, answer: Response[Any]
) -> None:
    token = signin.token_of(request)
    if not token:
        return
    async with host.database.begin() as db:
        await sessions.end(db, token)
    answer.set_cookie(signin.no_cookie(host.settings, circle))


@get("/c/{slug:str}/in/told")
async def told_page(
    request: Request[Any, Any, Any], circle: TheCircle, member: TheMember, host: TheHost
) -> Response[bytes]:
    """Words for this member alone."""
    async with host.database.read() as db:
        told = await notices.told(db, member.id)
    context = {"told": told, "until": told[-1].at.isoformat() if told else "", "here": "you"}
    return page(request, "members/told.html", context, circle=circle, member=member)


@post("/c/{slug:str}/in/told")
async def told_read(
    request: Request[Any, Any, Any], circle: TheCircle, member: TheMember, host: TheHost
) -> Response[bytes]:
    """They have been read: forget those that were on the page."""
    form = await forms.read(request)
    try:
        until = datetime.fromisoformat(form.value("until"))
    except ValueError:
        until = None
    if until is not None and until.tzinfo is not None:
        async with host.database.begin() as db:
            await notices.read(db, member.id, until)
    return see_other(f"{circle.path}/in/")


# ------------------------------------------------------------------ for programs


def _strict(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len({name for name, _value in pairs}) != len(pairs):
        raise ValueError("a name twice")
    return dict(pairs)


def _is_text(words: str) -> bool:
    """JSON can spell half a letter, which is none, and NUL, which PostgreSQL takes for an error."""
    return not any("\ud800" <= c <= "\udfff" or c == "\0" for c in words)


def _credentials(body: bytes) -> tuple[str, str]:
    """Handle and passphrase of `{"handle": ..., "passphrase": ...}`; InvalidError."""
    try:
        read = json.loads(body.decode(), object_pairs_hook=_strict)
    except (ValueError, RecursionError):
        read = None
    if isinstance(read, dict) and set(read) == {"handle", "passphrase"}:
        handle, passphrase = read["handle"], read["passphrase"]
        if (
            isinstance(handle, str)
            and isinstance(passphrase, str)
            and _is_text(handle + passphrase)
        ):
            return handle, passphrase
    raise InvalidError(_('Send {"handle": "…", "passphrase": "…"}, nothing else.'))


@post("/c/{slug:str}/api/session", opt={"machine": True})
async def session_begin(
    request: Request[Any, Any, Any], circle: TheCircle, host: TheHost
) -> Response[bytes]:
    """JSON in, 204 and a cookie out; 401 `wrong-passphrase`, 429 `too-many`."""
    handle, passphrase = _credentials(await request.body())
    _member, token = await signin.sign_in(
        host, circle, handle, passphrase, signin.token_of(request)
    )
    answer = Response(b"", status_code=204)
    answer.set_cookie(signin.cookie(host.settings, circle, token))
    return answer


@get("/c/{slug:str}/api/session", opt={"machine": True})
async def session_of(member: TheMember) -> Response[bytes]:
    """Who is signed in; 401 `sign-in` if nobody is."""
    body = json.dumps({"handle": member.handle}, ensure_ascii=False).encode()
    return Response(body, media_type="application/json")


@delete("/c/{slug:str}/api/session", opt={"machine": True}, status_code=204)
async def session_end(
    request: Request[Any, Any, Any], circle: TheCircle, host: TheHost
) -> Response[None]:
    """204, signed out."""
    answer: Response[None] = Response(None, status_code=204)
    await _end(request, circle, host, answer)
    return answer


routes: list[Any] = [
    sign_in_page,
    sign_in,
    sign_out,
    told_page,
    told_read,
    session_begin,
    session_of,
    session_end,
]
