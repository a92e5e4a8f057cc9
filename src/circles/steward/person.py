"""One member, as a steward may help them: roles, a way back in, ticks anew, taking off the list."""

from __future__ import annotations

from typing import Any

from litestar import Request, Response, get, post
from litestar.params import FromPath
from sqlalchemy.ext.asyncio import AsyncSession

from circles.circle import qr
from circles.circle.circles import Circle
from circles.circle.provide import TheCircle, TheHost
from circles.dues import parting
from circles.errors import ConflictError, InvalidError
from circles.host import Host
from circles.log import floor
from circles.members import guards, notices, people, way_back
from circles.members.people import Member
from circles.members.signin import TheMember
from circles.rounds import rounds, schedule, trustees
from circles.steward.ids import row_id
from circles.web import forms
from circles.web.i18n import gettext as _
from circles.web.render import page, see_other

_HOLDS = ("give", "take")


async def _open_polls(db: AsyncSession, circle: Circle, host: Host) -> list[str]:
    """Purposes of the round in hand whose poll still runs."""
    round_ = await rounds.current(db, circle, host.clock.round_now())
    if round_ is None:
        return []
    return [purpose for purpose in rounds.PURPOSES if not round_.of(purpose).shut]


@get("/c/{slug:str}/in/steward/people/{member_id:str}", guards=[guards.steward])
async def person_page(
    request: Request[Any, Any, Any],
    circle: TheCircle,
    member: TheMember,
    host: TheHost,
    member_id: FromPath[str],
) -> Response[bytes]:
    """What can be done for this member; all of it is seen by all."""
    async with host.database.read() as db:
        person = await people.get(db, circle.id, row_id(member_id))
        polls = await _open_polls(db, circle, host)
    context = {
        "person": person,
        "polls": polls,
        "is_self": person.id == member.id,
        "frozen": not person.may_confirm_payouts(host.clock.now()),
        "here": "steward",
    }
    return page(request, "steward/person.html", context, circle=circle, member=member)


def _back(circle: Circle, person_id: bytes) -> Response[bytes]:
    return see_other(f"{circle.path}/in/steward/people/{person_id.hex()}")


@post("/c/{slug:str}/in/steward/people/{member_id:str}/role", guards=[guards.steward])
async def change_role(
    request: Request[Any, Any, Any],
    circle: TheCircle,
    member: TheMember,
    host: TheHost,
    member_id: FromPath[str],
) -> Response[bytes]:
    """Give or take a role; told to the member, pinned up for all. LastStewardError."""
    form = await forms.read(request)
    role, what = form.choice("role", people.ROLES), form.choice("do", _HOLDS)
    if form.trouble:
        raise InvalidError(_("That is no role here. Nothing was changed."))
    person_id, now = row_id(member_id), host.clock.round_now()
    async with host.database.begin() as db:
        changed = await people.set_role(db, circle.id, person_id, role, holds=what == "give")
        if changed:
            kind = "role-given" if what == "give" else "role-taken"
            values = {"by_id": member.id.hex(), "who_id": person_id.hex(), "role": role}
            await notices.pin(db, circle.id, kind, values, now)
            if person_id != member.id:
                await notices.tell(db, person_id, kind, values, now)
    if person_id == member.id and role == "steward" and what == "take":
        return see_other(f"{circle.path}/in/people")
    return _back(circle, person_id)


@post("/c/{slug:str}/in/steward/people/{member_id:str}/way-back", guards=[guards.steward])
async def give_way_back(
    circle: TheCircle, member: TheMember, host: TheHost, member_id: FromPath[str]
) -> Response[bytes]:
    """A link for somebody who stands here in person. Nobody gives one to themselves."""
    person_id = row_id(member_id)
    if person_id == member.id:
        raise ConflictError(_("For yourself, change your pass phrase on your own page."))
    async with host.database.begin() as db:
        given = await way_back.give(db, host, circle, member, person_id)
    return see_other(f"{circle.path}/in/steward/ways-back/{given.id.hex()}")


@get("/c/{slug:str}/in/steward/ways-back/{way_back_id:str}", guards=[guards.steward])
async def way_back_page(
    request: Request[Any, Any, Any],
    circle: TheCircle,
    member: TheMember,
    host: TheHost,
    way_back_id: FromPath[str],
) -> Response[bytes]:
    """The link and its code, for the steward who made it."""
    async with host.database.read() as db:
        given = await way_back.by_id(db, circle, row_id(way_back_id), host.clock.now())
    if given.by_id != member.id:
        raise ConflictError(_("Another steward made this link, and only they can show it."))
    address = way_back.link(host, circle, given)
    context = {
        "person": given.member,
        "until": given.expires_at,
        "link": address,
        "qr": qr.link(address, _("Code that opens the way back on a phone")),
        "here": "steward",
    }
    return page(request, "steward/way_back.html", context, circle=circle, member=member)


@post("/c/{slug:str}/in/steward/people/{member_id:str}/reissue", guards=[guards.steward])
async def reissue(
    request: Request[Any, Any, Any],
    circle: TheCircle,
    member: TheMember,
    host: TheHost,
    member_id: FromPath[str],
) -> Response[bytes]:
    """Let a member collect the ticks of a running poll once more: logged, counted, pinned up."""
    form = await forms.read(request)
    purpose, person_id = form.choice("purpose", rounds.PURPOSES), row_id(member_id)
    async with host.database.read() as db:
        person = await people.get(db, circle.id, person_id)
        round_ = await rounds.current(db, circle, host.clock.round_now())
        polls = await _open_polls(db, circle, host)
    if round_ is None or purpose not in polls:
        raise ConflictError(_("Nothing can be collected at the moment. Nothing was changed."))
    await schedule.allow_reissue(host, circle, round_.month, purpose, person.id, member)
    await floor.raise_to(host, circle.id)
    return _back(circle, person_id)


@post("/c/{slug:str}/in/steward/people/{member_id:str}/remove", guards=[guards.steward])
async def remove(
    circle: TheCircle, member: TheMember, host: TheHost, member_id: FromPath[str]
) -> Response[bytes]:
    """Take somebody off the list, as leaving does; what they paid in ahead is owed to them."""
    person_id, now = row_id(member_id), host.clock.now()
    if person_id == member.id:
        raise ConflictError(_("To go yourself, use “Leave the circle” on your own page."))
    async with host.database.begin() as db:
        person: Member = await people.get(db, circle.id, person_id)
        await trustees.forget(db, circle, person.id, host.clock.round_now())
        await parting.part(
            db,
            circle,
            person,
            give=False,
            reach="",
            round_now=host.clock.round_now(),
            at=now,
        )
        await notices.pin(
            db, circle.id, "removed", {"by_id": member.id.hex()}, host.clock.round_now()
        )
    return see_other(f"{circle.path}/in/people")


routes: list[Any] = [
    person_page,
    change_role,
    give_way_back,
    way_back_page,
    reissue,
    remove,
]
