"""The draft slate: what was named, in the order of hashes, and what may be left out."""

from __future__ import annotations

from typing import Any

from litestar import Request, Response, get, post

from circles.circle.circles import Circle
from circles.circle.provide import TheCircle, TheHost
from circles.errors import InvalidError
from circles.host import Host
from circles.members import people
from circles.members.people import Member
from circles.members.signin import TheMember
from circles.protocol.messages import OMIT_REASONS
from circles.protocol.text import HASH_BYTES, MalformedError, b64, unb64
from circles.rounds import rounds, slate
from circles.rounds.booth_context import Request as Asked
from circles.rounds.slate import Draft
from circles.web import forms
from circles.web.forms import Form
from circles.web.i18n import gettext as _
from circles.web.render import page, see_other

_ACTIONS = ("propose", "confirm", "withdraw")


@get("/c/{slug:str}/in/slate")
async def draft_page(
    request: Request[Any, Any, Any], host: TheHost, circle: TheCircle, member: TheMember
) -> Response[bytes]:
    """All requests that were counted, and the say that members have in them."""
    return await _page(request, host, circle, member, Form())


@post("/c/{slug:str}/in/slate")
async def change_draft(
    request: Request[Any, Any, Any], host: TheHost, circle: TheCircle, member: TheMember
) -> Response[bytes]:
    """Propose to leave a request out, agree to it, or take that back."""
    form = await forms.read(request)
    nomination = _nomination(form.value("nomination"))
    action = form.value("action")
    if action not in _ACTIONS:
        raise InvalidError(_("This page has no such button. Nothing was changed."))
    async with host.database.read() as db:
        round_ = await rounds.current(db, circle, host.clock.round_now())
    if round_ is None:
        raise InvalidError(_("There is no round yet. Nothing was changed."))
    if action == "propose":
        reason = form.choice("reason", OMIT_REASONS)
        if form.trouble:
            return await _page(request, host, circle, member, form)
        await slate.propose_omission(host, circle, round_.month, nomination, reason, member)
    elif action == "confirm":
        await slate.confirm_omission(host, circle, round_.month, nomination, member)
    else:
        await slate.withdraw_omission(host, circle, round_.month, nomination, member)
    return see_other(f"{circle.path}/in/slate")


def _nomination(text: str) -> bytes:
    try:
        return unb64(text, HASH_BYTES)
    except MalformedError as error:
        raise InvalidError(_("This request is not on the draft.")) from error


async def _page(
    request: Request[Any, Any, Any], host: Host, circle: Circle, member: Member, form: Form
) -> Response[bytes]:
    async with host.database.read() as db:
        round_ = await rounds.current(db, circle, host.clock.round_now())
        drafts = await slate.draft(db, round_) if round_ else []
        handles = {one.id: one.handle for one in await people.every(db, circle.id)}
    context = {
        "round": round_,
        "is_open": round_ is not None and slate.is_open(round_),
        "requests": [_shown(one, handles) for one in drafts],
        "reasons": OMIT_REASONS,
        "form": form,
        "here": "month",
    }
    status = 422 if form.trouble else 200
    return page(request, "rounds/slate.html", context, circle=circle, member=member, status=status)


def _shown(one: Draft, handles: dict[bytes, str]) -> dict[str, object]:
    """A request as the page shows it, and what is said about it."""
    nominated, omission = one.nominated, one.omission
    return {
        "key": b64(nominated.leaf),
        "request": Asked.of(0, nominated.leaf, nominated.ask, nominated.salt, nominated.document),
        "reason": omission.reason if omission else None,
        "proposed_by": handles.get(omission.proposed_by, "") if omission else "",
        "proposed_by_id": omission.proposed_by if omission else None,
        "confirmed_by": handles.get(omission.confirmed_by or b"", "") if omission else "",
        "is_left_out": omission is not None and omission.confirmed_by is not None,
    }


routes = [draft_page, change_draft]
