"""Counting the tin: one who keeps the books counts and says why, another one of us counts too."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, Final

from litestar import Response, get, post

from circles.desk.fields import id_of, read_day
from circles.desk.names import names_of
from circles.desk.visit import TheVisit, Visit
from circles.dues.dues import local_day
from circles.errors import CirclesError, ForbiddenError, InvalidError
from circles.ledger import books, cash_counts
from circles.ledger.cash_counts import Count
from circles.ledger.journal import NOTE_CHARS_MAX
from circles.members import guards, notices, people
from circles.members.people import Member
from circles.web.forms import Form
from circles.web.i18n import gettext as _

_GUARDS: Final = [guards.treasurer]


async def _context(visit: Visit, form: Form, on: date | None = None) -> dict[str, Any]:
    circle = visit.circle
    today = local_day(circle, visit.now)
    async with visit.host.database.read() as db:
        waiting = await cash_counts.waiting(db, circle.id)
        on = waiting.counted_on if waiting else on or today
        held = await cash_counts.in_tin(db, circle.id, on)
        names = await names_of(db, circle.id)
    return {
        "form": form,
        "waiting": waiting,
        "on": on,
        "held": held,
        "stale": waiting is not None and waiting.counted_minor - held != waiting.difference_minor,
        "counter": names.actor(waiting.counter_actor) if waiting else "",
        "mine": waiting is not None and waiting.counter_actor == visit.member.actor,
        "frozen": not visit.member.may_confirm_payouts(visit.host.clock.now()),
        "here": "desk" if visit.member.is_treasurer else "",
    }


def _refuse_frozen(visit: Visit, member: Member) -> None:
    if not member.may_confirm_payouts(visit.host.clock.now()):
        raise ForbiddenError(
            _("You came in, or back in, a few days ago. Until a week has passed, another counts."),
            code="frozen",
        )


def _day_asked(visit: Visit) -> date:
    today = local_day(visit.circle, visit.now)
    try:
        return min(date.fromisoformat(visit.request.query_params.get("on", "")), today)
    except ValueError:
        return today


@get("/c/{slug:str}/in/desk/tin", guards=_GUARDS)
async def tin_page(visit: TheVisit) -> Response[bytes]:
    """What the books say is in it; a count that waits, or the form for one."""
    on = _day_asked(visit)
    return visit.page("desk/tin.html", await _context(visit, Form({"on": on.isoformat()}), on))


@post("/c/{slug:str}/in/desk/tin", guards=_GUARDS)
async def count(visit: TheVisit) -> Response[bytes]:
    """Say what was counted; pinned up for all."""
    form = await visit.form()
    on = read_day(form, visit.circle, visit.now)
    counted = form.amount("counted", least_minor=0)
    reason = form.lines("reason", max_chars=NOTE_CHARS_MAX)
    context = await _context(visit, form, on)
    if form.trouble:
        return visit.page("desk/tin.html", context, status=422)
    try:
        await _propose(visit, counted, reason, on, visit.now)
    except CirclesError as error:
        return visit.refused("desk/tin.html", context, error)
    return visit.go("/desk/tin")


async def _propose(visit: Visit, counted: int, reason: str, on: date, now: datetime) -> None:
    circle = visit.circle
    async with visit.host.database.begin() as db:
        await books.lock(db, circle.id)
        asking = await people.get(db, circle.id, visit.member.id)
        if not asking.is_treasurer:
            raise ForbiddenError(_("Only who keeps the books may do this. Ask them."))
        _refuse_frozen(visit, asking)
        before = await cash_counts.waiting(db, circle.id)
        if before is not None and _same(before, asking, counted, reason, on):
            return
        await cash_counts.propose(
            db, circle.id, counted, reason, on=on, actor=asking.actor, now=now
        )
        await notices.pin(db, circle.id, "tin-counted", {"by_id": asking.id.hex()}, now)


def _same(before: Count, asking: Member, counted: int, reason: str, on: date) -> bool:
    """Pressed twice."""
    said = (before.counter_actor, before.counted_minor, before.reason, before.counted_on)
    return said == (asking.actor, counted, reason.strip(), on)


@post("/c/{slug:str}/in/desk/tin/withdraw", guards=_GUARDS)
async def withdraw(visit: TheVisit) -> Response[bytes]:
    """Not after all: it was found, or counted wrongly. Twice is once."""
    form = await visit.form()
    async with visit.host.database.begin() as db:
        await cash_counts.withdraw(db, visit.circle.id, id_of(form.value("count")))
    return visit.go("/desk/tin")


# ------------------------------------------------------------------ the second person


@get("/c/{slug:str}/in/tin")
async def second_page(visit: TheVisit) -> Response[bytes]:
    """For every one of us: the count that waits for another one's."""
    return visit.page("desk/tin_second.html", await _context(visit, Form()))


@post("/c/{slug:str}/in/tin")
async def confirm(visit: TheVisit) -> Response[bytes]:
    """The second count, of somebody who is one of us at this very moment. Twice is once."""
    form = await visit.form()
    count_id = id_of(form.value("count"))
    counted = form.amount("counted", least_minor=0)
    if form.trouble:
        return visit.page("desk/tin_second.html", await _context(visit, form), status=422)
    try:
        await _confirm(visit, count_id, counted)
    except CirclesError as error:
        if isinstance(error, InvalidError):
            form.trouble.add("counted", str(error))
            return visit.page("desk/tin_second.html", await _context(visit, form), status=422)
        return visit.refused("desk/tin_second.html", await _context(visit, form), error)
    return visit.go("/tin")


async def _confirm(visit: Visit, count_id: bytes, counted: int) -> None:
    circle, now = visit.circle, visit.now
    async with visit.host.database.begin() as db:
        await books.lock(db, circle.id)
        asking = await people.get(db, circle.id, visit.member.id)
        _refuse_frozen(visit, asking)
        booked, fresh = await cash_counts.confirm(
            db, circle.id, count_id, counted, actor=asking.actor, now=now
        )
        if fresh:
            first = [m for m in await people.every(db, circle.id) if m.actor == booked.actor]
            values = {
                "by_id": first[0].id.hex() if first else "",
                "who_id": asking.id.hex(),
                "amount_minor": str(booked.amount_minor),
            }
            kind = "tin-missing" if booked.kind == "cash_missing" else "tin-found"
            await notices.pin(db, circle.id, kind, values, now)


routes: list[Any] = [tin_page, count, withdraw, second_page, confirm]
