"""Who is in, and the own page: sessions, passphrase. Data and leaving need the books: `month/`."""

from __future__ import annotations

from typing import Any

from litestar import Request, Response, get, post
from litestar.params import FromPath

from circles.circle.circles import Circle
from circles.circle.provide import TheCircle, TheHost
from circles.errors import MissingError, TooManyError
from circles.members import notices, people, sessions, signin
from circles.members.join_pages import read_new_passphrase
from circles.members.people import Member
from circles.members.signin import TheMember, WrongPassphraseError
from circles.web import forms
from circles.web.forms import Form
from circles.web.i18n import gettext as _
from circles.web.render import page, see_other


@get("/c/{slug:str}/in/people")
async def people_page(
    request: Request[Any, Any, Any], circle: TheCircle, member: TheMember, host: TheHost
) -> Response[bytes]:
    """Who is in, and what is pinned up. Nothing about money, nothing about votes."""
    async with host.database.read() as db:
        members = await people.every(db, circle.id)
        pinned = await notices.pinned(db, circle.id, limit=50)
    context = {"members": members, "pinned": pinned, "here": "you"}
    return page(request, "members/people.html", context, circle=circle, member=member)


@get("/c/{slug:str}/in/you")
async def own_page(
    request: Request[Any, Any, Any], circle: TheCircle, member: TheMember, host: TheHost
) -> Response[bytes]:
    """The account: where it is signed in, and what can be done with it."""
    async with host.database.read() as db:
        found = await sessions.of(db, member.id, signin.token_of(request), host.clock.now())
        told = await notices.told(db, member.id)
    context = {"sessions": found, "told": told, "here": "you"}
    return page(request, "members/you.html", context, circle=circle, member=member)


@post("/c/{slug:str}/in/you/sessions/{public_id:str}/end")
async def end_session(
    request: Request[Any, Any, Any],
    circle: TheCircle,
    member: TheMember,
    host: TheHost,
    public_id: FromPath[str],
) -> Response[bytes]:
    """Sign out one other browser of one's own."""
    try:
        wanted = bytes.fromhex(public_id)
    except ValueError:
        wanted = b""
    async with host.database.begin() as db:
        ended = len(wanted) == people.ID_BYTES and await sessions.end_one(db, member.id, wanted)
    if not ended:
        raise MissingError(_("That browser is not signed in any more."))
    return see_other(f"{circle.path}/in/you")


@post("/c/{slug:str}/in/you/sessions/end-others")
async def end_other_sessions(
    request: Request[Any, Any, Any], circle: TheCircle, member: TheMember, host: TheHost
) -> Response[bytes]:
    """Sign out everywhere but here."""
    async with host.database.begin() as db:
        await sessions.end_all(db, member.id, but_token=signin.token_of(request))
    return see_other(f"{circle.path}/in/you")


def _passphrase_page(
    request: Request[Any, Any, Any], circle: Circle, member: Member, form: Form, status: int = 200
) -> Response[bytes]:
    context = {"form": form, "here": "you"}
    return page(
        request, "members/passphrase.html", context, circle=circle, member=member, status=status
    )


@get("/c/{slug:str}/in/you/passphrase")
async def passphrase_page(
    request: Request[Any, Any, Any], circle: TheCircle, member: TheMember
) -> Response[bytes]:
    """The form."""
    return _passphrase_page(request, circle, member, Form())


@post("/c/{slug:str}/in/you/passphrase")
async def change_passphrase(
    request: Request[Any, Any, Any], circle: TheCircle, member: TheMember, host: TheHost
) -> Response[bytes]:
    """The old one is asked; all other sessions end."""
    form = await forms.read(request)
    old = form.secret("old")
    new = read_new_passphrase(form, [member.handle, circle.name, circle.slug])
    if form.trouble:
        return _passphrase_page(request, circle, member, form, 422)
    try:
        await signin.change_passphrase(host, circle, member, old, new, signin.token_of(request))
    except WrongPassphraseError as error:
        form.trouble.add("old", str(error))
        return _passphrase_page(request, circle, member, form, 422)
    except TooManyError as error:
        form.trouble.add("old", str(error))
        answer = _passphrase_page(request, circle, member, form, 429)
        answer.headers["Retry-After"] = str(error.retry_after_s)
        return answer
    return see_other(f"{circle.path}/in/told")


routes: list[Any] = [
    people_page,
    own_page,
    end_session,
    end_other_sessions,
    passphrase_page,
    change_passphrase,
]
