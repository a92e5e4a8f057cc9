"""Joining with an invitation: the page in the browser of somebody who is not a member yet."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from litestar import Request, Response, get, post
from litestar.params import FromPath

from circles.circle.circles import Circle
from circles.circle.provide import TheCircle, TheHost
from circles.host import Host
from circles.members import first_pledge, invitations, notices, people, pledges, sessions
from circles.members import passphrase as passphrases
from circles.members.invitations import Invitation, InvitationOverError, UnknownInvitationError
from circles.members.people import CircleFullError, HandleError, HandleTakenError, Member
from circles.members.signin_pages import signed_in
from circles.web import forms
from circles.web.forms import Form
from circles.web.i18n import gettext as _
from circles.web.render import page

_HANDLE_TYPED_CHARS_MAX = 100
_FULL = "full"
_UNKNOWN = "unknown"


def _over(
    request: Request[Any, Any, Any],
    circle: Circle,
    state: str,
    status: int,
    expires_at: datetime | None = None,
) -> Response[bytes]:
    context = {"state": state, "expires_at": expires_at}
    return page(request, "members/join_over.html", context, circle=circle, status=status)


def _refusal(request: Request[Any, Any, Any], circle: Circle, error: Exception) -> Response[bytes]:
    if isinstance(error, InvitationOverError):
        return _over(request, circle, error.state, 410, error.expires_at)
    if isinstance(error, CircleFullError):
        return _over(request, circle, _FULL, 409)
    return _over(request, circle, _UNKNOWN, 404)


_REFUSALS = (InvitationOverError, UnknownInvitationError, CircleFullError)


@dataclass(frozen=True)
class _Chair:
    """An open invitation, how many are in, and from which month on a newcomer votes."""

    invitation: Invitation
    members: int
    votes_from: str | None


async def _chair(host: Host, circle: Circle, code: str) -> _Chair:
    """The chair that is offered; raises one of _REFUSALS."""
    async with host.database.read() as db:
        invitation = await invitations.by_code(db, circle.id, code, host.clock.now())
        members = await people.count(db, circle.id)
        votes_from = await people.votes_from(db, circle, host.clock.round_now())
    if members >= circle.cap:
        raise CircleFullError(_("Every chair is taken."))
    return _Chair(invitation, members, votes_from)


def _page(
    request: Request[Any, Any, Any],
    circle: Circle,
    code: str,
    chair: _Chair,
    form: Form,
) -> Response[bytes]:
    context = {
        "form": form,
        "code": code,
        "invitation": chair.invitation,
        "members": chair.members,
        "votes_from": chair.votes_from,
        "usual": first_pledge.usual_minor(circle),
    }
    status = 422 if form.trouble else 200
    return page(request, "members/join.html", context, circle=circle, status=status)


@get("/c/{slug:str}/join/{code:str}")
async def join_page(
    request: Request[Any, Any, Any], circle: TheCircle, host: TheHost, code: FromPath[str]
) -> Response[bytes]:
    """What the circle is, and the form; looking uses nothing up."""
    try:
        chair = await _chair(host, circle, code)
    except _REFUSALS as error:
        return _refusal(request, circle, error)
    usual = first_pledge.options(circle)[0]
    return _page(request, circle, code, chair, Form(pledge=usual))


@post("/c/{slug:str}/join/{code:str}")
async def join(
    request: Request[Any, Any, Any], circle: TheCircle, host: TheHost, code: FromPath[str]
) -> Response[bytes]:
    """Take the chair: account, first pledge and session in one transaction, or nothing at all."""
    form = await forms.read(request)
    try:
        chair = await _chair(host, circle, code)
        handle, passphrase = read_account(form, circle)
        pledge_minor = first_pledge.read(form, circle)
        if not form.checked("norms"):
            form.trouble.add("norms", _("Please read how we are with each other, and tick this."))
        if form.trouble:
            return _page(request, circle, code, chair, form)
        passphrase_hash = await passphrases.hash_of(passphrase)
        token = await _take_chair(host, circle, code, handle, passphrase_hash, pledge_minor)
    except HandleTakenError as error:
        form.trouble.add("handle", str(error))
        return _page(request, circle, code, chair, form)
    except _REFUSALS as error:
        return _refusal(request, circle, error)
    return signed_in(host, circle, token, "")


def read_account(form: Form, circle: Circle | None, also_known: str = "") -> tuple[str, str]:
    """Handle and passphrase from a form, trouble said under the fields; also for the founder."""
    handle = form.text("handle", max_chars=_HANDLE_TYPED_CHARS_MAX)
    if handle:
        try:
            handle = people.clean_handle(handle)
        except HandleError as error:
            form.trouble.add("handle", str(error))
    return handle, read_new_passphrase(
        form, [handle, also_known, *((circle.name, circle.slug) if circle else ())]
    )


def read_new_passphrase(form: Form, known_words: list[str]) -> str:
    """A passphrase to be kept, from the field `passphrase`."""
    passphrase = form.secret("passphrase", max_chars=passphrases.BYTES_MAX)
    if "passphrase" in form.trouble:
        return ""
    try:
        passphrases.check(passphrase, known_words)
    except passphrases.PassphraseError as error:
        form.trouble.add("passphrase", str(error))
    return passphrase


async def _take_chair(
    host: Host, circle: Circle, code: str, handle: str, passphrase_hash: str, pledge_minor: int
) -> str:
    """All or nothing; the new session's cookie."""
    now = host.clock.now()
    async with host.database.begin() as db:
        await people.lock(db, circle.id)
        await invitations.use(db, circle.id, code, now)
        member: Member = await people.join(
            db,
            circle,
            handle=handle,
            passphrase_hash=passphrase_hash,
            round_now=host.clock.round_now(),
            at=now,
        )
        if pledge_minor:
            await pledges.change(db, circle, member.id, pledge_minor, now)
        await notices.pin(
            db, circle.id, "joined", {"who_id": member.id.hex()}, host.clock.round_now()
        )
        return await sessions.begin(db, member.id, now)


routes: list[Any] = [join_page, join]
