"""The books passed on to a new treasurer: one page that says how they stand, two who agree."""

from __future__ import annotations

from typing import Any

from litestar import Request, Response, get, post

from circles.circle.circles import Circle
from circles.circle.provide import TheCircle, TheHost
from circles.desk import closing
from circles.desk.fields import id_of
from circles.desk.names import names_of
from circles.errors import ConflictError, InvalidError
from circles.host import Host
from circles.ledger import books, chart, handovers, payouts, periods, suspense
from circles.ledger.bank import matches
from circles.ledger.bank.standing import standing
from circles.members import guards
from circles.members.people import Member
from circles.members.signin import TheMember
from circles.web import forms
from circles.web.forms import Form
from circles.web.i18n import gettext as _
from circles.web.render import page, see_other

_GUARDS = [guards.treasurer]
_SEEN_MOST = 10**12


async def _context(host: Host, circle: Circle, member: Member, form: Form) -> dict[str, Any]:
    today = host.clock.round_now().date()
    async with host.database.read() as db:
        waiting = await handovers.waiting(db, circle.id)
        held = await books.balances(db, circle.id)
        under_way = await payouts.open_for(db, circle.id)
        unpaid = await payouts.unpaid(db, circle.id)
        months = {p.month for p in under_way} | {a.month for a in unpaid}
        names = await names_of(db, circle.id, months)
        nobodys = await suspense.waiting(db, circle.id)
        found = await standing(db, circle.id, today)
        return {
            "form": form,
            "waiting": waiting,
            "giver": names.actor(waiting.giver_actor) if waiting else "",
            "taker": names.actor(waiting.taker_actor) if waiting else "",
            "is_giver": waiting is not None and waiting.giver_actor == member.actor,
            "is_taker": waiting is not None and waiting.taker_actor == member.actor,
            "closed_through": await periods.closed_through(db, circle.id),
            "following": await periods.to_close(db, circle.id),
            "closing": await periods.proposal(db, circle.id),
            "transfers": await handovers.booked(db, circle.id),
            "bank": held.get(chart.MAIN_BANK, 0),
            "cash": held.get(chart.CASH, 0),
            "fund": held.get(chart.FUND, 0),
            "nobodys": [line.transfer for line in nobodys],
            "lines": found.untied_lines,
            "has_files": bool(await matches.codes(db, circle.id)),
            "under_way": [(p, names.request(p.month, p.candidate)) for p in under_way],
            "unpaid": [(a, names.request(a.month, a.candidate)) for a in unpaid],
            "others": [(m.id.hex(), m.handle) for m in names.members if not m.is_treasurer],
        }


@get("/c/{slug:str}/in/desk/handover", guards=_GUARDS)
async def handover_page(
    request: Request[Any, Any, Any], circle: TheCircle, member: TheMember, host: TheHost
) -> Response[bytes]:
    """How the books stand, and who is to have them."""
    context = await _context(host, circle, member, Form())
    context["here"] = "desk"
    return page(request, "desk/handover.html", context, circle=circle, member=member)


@post("/c/{slug:str}/in/desk/handover", guards=_GUARDS)
async def propose(
    request: Request[Any, Any, Any], circle: TheCircle, member: TheMember, host: TheHost
) -> Response[bytes]:
    """Ask one of us to take them over."""
    form = await forms.read(request)
    context = await _context(host, circle, member, form)
    taker = form.choice("taker", [value for value, _handle in context["others"]])
    if form.trouble:
        context["here"] = "desk"
        return page(
            request, "desk/handover.html", context, circle=circle, member=member, status=422
        )
    await closing.propose_handover(host, circle, member, id_of(taker))
    return see_other(f"{circle.path}/in/desk/handover")


@get("/c/{slug:str}/in/handover")
async def take_page(
    request: Request[Any, Any, Any], circle: TheCircle, member: TheMember, host: TheHost
) -> Response[bytes]:
    """For who is asked: what they would take over. Others only see that it is so."""
    context = await _context(host, circle, member, Form())
    return page(request, "desk/take_over.html", context, circle=circle, member=member)


@post("/c/{slug:str}/in/handover")
async def take_over(
    request: Request[Any, Any, Any], circle: TheCircle, member: TheMember, host: TheHost
) -> Response[bytes]:
    """Take the books over as they were shown."""
    form = await forms.read(request)
    seen = form.number("seen", least=0, most=_SEEN_MOST)
    if form.trouble:
        raise InvalidError(_("Please open the page anew and look at the figures first."))
    try:
        await closing.take_over(host, circle, member, id_of(form.value("handover")), seen)
    except ConflictError as error:
        form.trouble.add("form", str(error))
        context = await _context(host, circle, member, form)
        return page(
            request, "desk/take_over.html", context, circle=circle, member=member, status=409
        )
    return see_other(f"{circle.path}/in/desk")


@post("/c/{slug:str}/in/handover/withdraw")
async def withdraw(
    request: Request[Any, Any, Any], circle: TheCircle, member: TheMember, host: TheHost
) -> Response[bytes]:
    """Not after all, said by either of the two."""
    form = await forms.read(request)
    await closing.withdraw_handover(host, circle, member, id_of(form.value("handover")))
    return see_other(f"{circle.path}/in/{'desk/handover' if member.is_treasurer else 'handover'}")


routes: list[Any] = [handover_page, propose, take_page, take_over, withdraw]
