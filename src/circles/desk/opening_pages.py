"""What the circle began with: asked once, in one form."""

from __future__ import annotations

from typing import Any

from litestar import Request, Response, get, post

from circles.circle.circles import Circle
from circles.circle.provide import TheCircle, TheHost
from circles.desk.fields import blank, read_day, refused
from circles.desk.lines import line_of
from circles.desk.names import Names, names_for
from circles.dues import dues
from circles.errors import CirclesError
from circles.host import Host
from circles.ledger import openings
from circles.ledger.books import JournalLine
from circles.ledger.openings import Began
from circles.members import guards
from circles.members.signin import TheMember
from circles.web import forms
from circles.web.forms import Form
from circles.web.i18n import gettext as _
from circles.web.render import page, see_other

_GUARDS = [guards.treasurer]


async def _context(host: Host, circle: Circle, form: Form) -> dict[str, Any]:
    async with host.database.read() as db:
        stands = await openings.opening(db, circle.id)
        lines = [JournalLine(one, None, None) for one in stands.lines] if stands else []
        names = await names_for(db, circle.id, lines)
    return {
        "form": form,
        "stands": stands,
        "lines": [_owned(line, names) for line in lines],
        "members": names.members,
        "here": "desk",
    }


def _owned(entry: JournalLine, names: Names) -> dict[str, Any]:
    """A line of the opening, with whose it is."""
    credit = entry.transfer.credit
    if credit.startswith("Liabilities:Members:"):
        whose = names.owner(credit)
    else:
        whose = {"Equity:Fund": _("The fund")}.get(credit, _("Nobody’s yet"))
    return {"line": line_of(entry, names), "whose": whose}


@get("/c/{slug:str}/in/desk/opening", guards=_GUARDS)
async def opening_page(
    request: Request[Any, Any, Any], circle: TheCircle, member: TheMember, host: TheHost
) -> Response[bytes]:
    """The form, or what was said."""
    context = await _context(host, circle, blank(circle, host.clock.round_now()))
    return page(request, "desk/opening.html", context, circle=circle, member=member)


def _amount(form: Form, name: str) -> int:
    """An amount, or nothing when the field was left empty."""
    return form.amount(name, least_minor=0) if form.value(name).strip() else 0


@post("/c/{slug:str}/in/desk/opening", guards=_GUARDS)
async def begin(
    request: Request[Any, Any, Any], circle: TheCircle, member: TheMember, host: TheHost
) -> Response[bytes]:
    """Write it down; what members had paid ahead covers what is due of theirs at once."""
    form = await forms.read(request)
    now = host.clock.round_now()
    context = await _context(host, circle, form)
    ahead = {m.book_number: _amount(form, f"ahead-{m.id.hex()}") for m in context["members"]}
    began = Began(
        on=read_day(form, circle, now),
        bank_minor=_amount(form, "bank"),
        cash_minor=_amount(form, "cash"),
        ahead_minor={number: amount for number, amount in ahead.items() if amount},
        suspense_minor=_amount(form, "suspense"),
    )
    if not form.trouble and not began.bank_minor and not began.cash_minor:
        form.trouble.add("bank", _("Please write how much there was, or press the other button."))
    if not form.trouble and began.fund_minor < 0:
        form.trouble.add(
            "suspense", _("Together that is more than was there. Look at the parts again.")
        )
    if form.trouble:
        return page(request, "desk/opening.html", context, circle=circle, member=member, status=422)
    try:
        async with host.database.begin() as db:
            await openings.begin(db, circle.id, began, actor=member.actor, now=now)
            await dues.settle(db, circle, now)
    except CirclesError as error:
        return refused(request, "desk/opening.html", context, error, circle=circle, member=member)
    return see_other(f"{circle.path}/in/desk/opening")


@post("/c/{slug:str}/in/desk/opening/nothing", guards=_GUARDS)
async def begin_with_nothing(circle: TheCircle, host: TheHost) -> Response[bytes]:
    """We start at zero."""
    async with host.database.begin() as db:
        await openings.begin_with_nothing(db, circle.id, now=host.clock.round_now())
    return see_other(f"{circle.path}/in/desk/opening")


@post("/c/{slug:str}/in/desk/opening/undo", guards=_GUARDS)
async def undo(circle: TheCircle, member: TheMember, host: TheHost) -> Response[bytes]:
    """Take all of it back, while nothing else was booked."""
    async with host.database.begin() as db:
        await openings.undo(db, circle.id, actor=member.actor, now=host.clock.round_now())
    return see_other(f"{circle.path}/in/desk/opening")


routes: list[Any] = [opening_page, begin, begin_with_nothing, undo]
