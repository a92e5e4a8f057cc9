"""Leaving: one page, one step, at once."""

from __future__ import annotations

from typing import Any

from litestar import Request, Response, get, post

from circles.circle.circles import Circle
from circles.circle.provide import TheCircle, TheHost
from circles.dues import parting
from circles.host import Host
from circles.ledger import books
from circles.members import notices, people, signin
from circles.members.people import LastStewardError, Member
from circles.members.signin import TheMember
from circles.rounds import trustees
from circles.web import forms
from circles.web.forms import Form
from circles.web.render import page

_GIVE, _REFUND = "give", "refund"


async def _page(
    request: Request[Any, Any, Any], host: Host, circle: Circle, member: Member, form: Form
) -> Response[bytes]:
    async with host.database.read() as db:
        rest_minor = await books.member_minor(db, circle.id, member.book_number)
        everybody = await people.every(db, circle.id)
    stewards = sum(one.is_steward for one in everybody)
    context = {
        "form": form,
        "rest_minor": rest_minor,
        "last_steward": member.is_steward and stewards == 1,
        "here": "you",
    }
    status = 422 if form.trouble else 200
    return page(request, "month/leave.html", context, circle=circle, member=member, status=status)


@get("/c/{slug:str}/in/you/leave")
async def leave_page(
    request: Request[Any, Any, Any], circle: TheCircle, member: TheMember, host: TheHost
) -> Response[bytes]:
    """What goes, what stays, and the one button."""
    return await _page(request, host, circle, member, Form(rest=_GIVE))


@post("/c/{slug:str}/in/you/leave")
async def leave(
    request: Request[Any, Any, Any], circle: TheCircle, member: TheMember, host: TheHost
) -> Response[bytes]:
    """Go. The cookie is taken back, too."""
    form = await forms.read(request)
    async with host.database.read() as db:
        rest_minor = await books.member_minor(db, circle.id, member.book_number)
    wish = form.choice("rest", (_GIVE, _REFUND)) if rest_minor > 0 else _GIVE
    reach = form.text("reach", max_chars=parting.REACH_CHARS_MAX, required=wish == _REFUND)
    if form.trouble:
        return await _page(request, host, circle, member, form)
    now = host.clock.now()
    try:
        async with host.database.begin() as db:
            await trustees.forget(db, circle, member.id, host.clock.round_now())
            await parting.part(
                db,
                circle,
                member,
                give=wish == _GIVE,
                reach=reach,
                round_now=host.clock.round_now(),
                at=now,
            )
            await notices.pin(db, circle.id, "left", {}, host.clock.round_now())
    except LastStewardError as error:
        form.trouble.add("rest", str(error))
        return await _page(request, host, circle, member, form)
    context = {"refund": wish == _REFUND}
    answer = page(request, "month/left.html", context, circle=circle)
    answer.set_cookie(signin.no_cookie(host.settings, circle))
    return answer


routes: list[Any] = [leave_page, leave]
