"""The pledge: another amount, a pause, a month left out, an end. No reason is asked anywhere."""

from __future__ import annotations

from typing import Any

from litestar import Request, Response, get, post

from circles.circle.circles import Circle
from circles.circle.provide import TheCircle, TheHost
from circles.dues import dues
from circles.errors import ConflictError
from circles.host import Host
from circles.members import first_pledge, pledges
from circles.members.people import Member
from circles.members.signin import TheMember
from circles.month.pay import Standing, pledge_form, standing
from circles.web import forms
from circles.web.forms import Form
from circles.web.i18n import gettext as _
from circles.web.render import page, see_other


async def _stands(host: Host, circle: Circle, member: Member) -> Standing:
    async with host.database.read() as db:
        return await standing(db, circle, member, host.clock.round_now())


def _page(
    request: Request[Any, Any, Any], circle: Circle, member: Member, stands: Standing, form: Form
) -> Response[bytes]:
    context = {
        "stands": stands,
        "form": form,
        "usual": first_pledge.usual_minor(circle),
        "here": "pay",
    }
    status = 422 if form.trouble else 200
    return page(request, "month/pledge.html", context, circle=circle, member=member, status=status)


@get("/c/{slug:str}/in/pledge")
async def pledge_page(
    request: Request[Any, Any, Any], circle: TheCircle, member: TheMember, host: TheHost
) -> Response[bytes]:
    """What one has promised, and what can be done with it."""
    stands = await _stands(host, circle, member)
    return _page(request, circle, member, stands, pledge_form(circle, stands))


@post("/c/{slug:str}/in/pledge")
async def change_pledge(
    request: Request[Any, Any, Any], circle: TheCircle, member: TheMember, host: TheHost
) -> Response[bytes]:
    """Another amount from the next due on; 0 stops it."""
    form = await forms.read(request)
    stands = await _stands(host, circle, member)
    amount_minor = first_pledge.read(form, circle, stands_minor=stands.pledge.amount_minor)
    if form.trouble:
        return _page(request, circle, member, stands, form)
    async with host.database.begin() as db:
        await pledges.change(db, circle, member.id, amount_minor, host.clock.now())
    return see_other(f"{circle.path}/in/pledge")


@post("/c/{slug:str}/in/pledge/pause")
async def pause_pledge(circle: TheCircle, member: TheMember, host: TheHost) -> Response[bytes]:
    """No month counts until it is taken up again; the amount is remembered."""
    async with host.database.begin() as db:
        await pledges.pause(db, member.id, paused=True, at=host.clock.now())
    return see_other(f"{circle.path}/in/pledge")


@post("/c/{slug:str}/in/pledge/resume")
async def resume_pledge(circle: TheCircle, member: TheMember, host: TheHost) -> Response[bytes]:
    """Take it up again, from the next due on."""
    async with host.database.begin() as db:
        await pledges.pause(db, member.id, paused=False, at=host.clock.now())
    return see_other(f"{circle.path}/in/pledge")


async def _month_named(
    request: Request[Any, Any, Any], host: Host, circle: Circle, member: Member
) -> str:
    """The month in the form, which must be the one the page spoke of."""
    form = await forms.read(request)
    month = (await _stands(host, circle, member)).month
    if form.value("month") != month:
        raise ConflictError(_("The month has turned meanwhile. Look again; nothing was changed."))
    return month


@post("/c/{slug:str}/in/pledge/skip")
async def skip_month(
    request: Request[Any, Any, Any], circle: TheCircle, member: TheMember, host: TheHost
) -> Response[bytes]:
    """Leave this month out."""
    month = await _month_named(request, host, circle, member)
    async with host.database.begin() as db:
        await pledges.skip(db, member.id, month)
    return see_other(f"{circle.path}/in/pay")


@post("/c/{slug:str}/in/pledge/unskip")
async def unskip_month(
    request: Request[Any, Any, Any], circle: TheCircle, member: TheMember, host: TheHost
) -> Response[bytes]:
    """Take part this month after all; what is covered already moves at once."""
    month = await _month_named(request, host, circle, member)
    async with host.database.begin() as db:
        await pledges.unskip(db, member.id, month)
        await dues.settle(db, circle, host.clock.round_now())
    return see_other(f"{circle.path}/in/pay")


routes: list[Any] = [
    pledge_page,
    change_pledge,
    pause_pledge,
    resume_pledge,
    skip_month,
    unskip_month,
]
