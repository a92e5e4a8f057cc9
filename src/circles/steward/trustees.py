"""Who holds the keys to the box from the next round on: a steward decides, before all eyes."""

from __future__ import annotations

from typing import Any

from litestar import Request, Response, get, post
from sqlalchemy.ext.asyncio import AsyncSession

from circles.circle import boxes
from circles.circle.circles import Circle
from circles.circle.provide import TheCircle, TheHost
from circles.host import Host
from circles.members import guards, people
from circles.members.people import Member
from circles.members.signin import TheMember
from circles.protocol.poll_records import TRUSTEES_MAX
from circles.rounds import trustees
from circles.rounds.trustees import Plan, PlanError
from circles.steward.ids import row_id
from circles.web import forms
from circles.web.forms import Form
from circles.web.render import page, see_other

# From so many members on a key in other hands than the server's is what we offer.
OFFERED_FROM = 5
_PERSON = "who-"


async def offer(db: AsyncSession, circle: Circle, members: list[Member]) -> Plan | None:
    """What is offered where nobody has decided yet: this server and the stewards, two together.

    None where somebody has, or where so few are in that a guess tells more than a key.
    """
    if len(members) < OFFERED_FROM or await boxes.to_come(db, circle.id) is not None:
        return None
    stewards = [one.id for one in members if one.is_steward][: TRUSTEES_MAX - 1]
    return Plan(frozenset(stewards), True, 2)


def _form(plan: Plan) -> Form:
    values = {f"{_PERSON}{member_id.hex()}": "on" for member_id in plan.members}
    if plan.server:
        values["server"] = "on"
    return Form(values, needed=str(plan.needed))


async def _page(
    request: Request[Any, Any, Any],
    host: Host,
    circle: Circle,
    member: Member,
    form: Form | None = None,
) -> Response[bytes]:
    async with host.database.read() as db:
        members = await people.every(db, circle.id)
        plan = await trustees.plan(db, circle.id)
        offered = await offer(db, circle, members)
        waiting = await trustees.waiting(db, circle.id)
    form = form or _form(offered or plan)
    context = {
        "form": form,
        "members": members,
        "plan": plan,
        "offered": offered,
        "waiting": waiting,
        "here": "steward",
    }
    status = 422 if form.trouble else 200
    return page(
        request, "steward/trustees.html", context, circle=circle, member=member, status=status
    )


@get("/c/{slug:str}/in/steward/trustees", guards=[guards.steward])
async def trustees_page(
    request: Request[Any, Any, Any], circle: TheCircle, member: TheMember, host: TheHost
) -> Response[bytes]:
    """As it was decided, or as it is offered."""
    return await _page(request, host, circle, member)


@post("/c/{slug:str}/in/steward/trustees", guards=[guards.steward])
async def decide(
    request: Request[Any, Any, Any], circle: TheCircle, member: TheMember, host: TheHost
) -> Response[bytes]:
    """Who holds one from the next round on, and how many open the box; pinned up."""
    form = await forms.read(request)
    chosen = frozenset(
        row_id(name.removeprefix(_PERSON)) for name in form.names(_PERSON) if form.checked(name)
    )
    needed = form.number("needed", least=1, most=TRUSTEES_MAX)
    wanted = Plan(chosen, form.checked("server"), needed)
    if not form.trouble:
        try:
            async with host.database.begin() as db:
                now = host.clock.round_now()
                await trustees.decide(db, circle, wanted, member, now)
        except PlanError as error:
            form.trouble.add("needed", str(error))
    if form.trouble:
        return await _page(request, host, circle, member, form)
    return see_other(f"{circle.path}/in/trustee")


routes: list[Any] = [trustees_page, decide]
