"""Bank against books at a month's end, and the treasurer's side of closing it."""

from __future__ import annotations

from datetime import date
from typing import Any

from litestar import Request, Response, get, post

from circles.circle.calendar import month_after
from circles.circle.circles import Circle
from circles.circle.provide import TheCircle, TheHost
from circles.desk import closing
from circles.desk.fields import id_of
from circles.desk.lines import line_of
from circles.desk.names import names_for
from circles.dues.dues import local_day
from circles.errors import CirclesError, ForbiddenError, InvalidError, MissingError
from circles.host import Host
from circles.ledger import handovers, periods, suspense
from circles.ledger.books import JournalLine
from circles.ledger.export import Period
from circles.ledger.periods import BlockedError, Said
from circles.members import guards
from circles.members.people import Member
from circles.members.signin import TheMember
from circles.protocol.text import b64
from circles.web import forms
from circles.web.errors import status_of
from circles.web.forms import Form
from circles.web.i18n import gettext as _
from circles.web.render import page, see_other

_GUARDS = [guards.treasurer]
_MONTH_CHARS = len("2026-10")
# What the form itself asks for: no trouble until it was sent without.
_ASKED = frozenset({"untold", "cash-untold", "suspense", "unreached"})
_OTHERS_SHOWN = 12


def month_in(text: str) -> str:
    """A month of an address or a form; MissingError when it is none."""
    try:
        Period.parse(text)
    except InvalidError as error:
        raise MissingError(_("There is nothing at this address. Go back to the desk.")) from error
    if len(text) != _MONTH_CHARS:
        raise MissingError(_("There is nothing at this address. Go back to the desk."))
    return text


def _said(form: Form) -> Said:
    """What the treasurer says besides the books; what was left empty was not said."""
    bank = form.amount("bank", least_minor=0) if form.value("bank").strip() else None
    if bank is not None and form.checked("overdrawn"):
        bank = -bank
    cash = form.amount("cash", least_minor=0) if form.value("cash").strip() else None
    return Said(bank, cash, form.checked("suspense"), form.checked("quiet"))


async def _context(
    host: Host, circle: Circle, member: Member, month: str | None, form: Form
) -> dict[str, Any]:
    now = host.clock.round_now()
    today = local_day(circle, now)
    async with host.database.read() as db:
        following = await periods.to_close(db, circle.id)
        asked = month or min(following, today.isoformat()[:7])
        found = await periods.look(db, circle.id, asked)
        against = await periods.blocks(db, circle.id, asked, found, Said(), today)
        waiting = await periods.proposal(db, circle.id)
        stale = waiting is not None and await periods.is_stale(db, circle.id, waiting)
        nobodys = [
            line
            for line in await suspense.waiting(db, circle.id)
            if line.transfer.effective_on <= found.through
        ]
        unseen = [JournalLine(transfer, None, None) for transfer in found.transfers]
        names = await names_for(db, circle.id, [*nobodys, *unseen])
        closed = await periods.closes(db, circle.id)
        alone = await closing.may_go_alone(db, circle.id)
    return {
        "form": form,
        "month": asked,
        "following": following,
        "found": found,
        "source": periods.source_of(found),
        "against": [block for block in against if block not in _ASKED],
        "asks": [block for block in against if block in _ASKED],
        "unseen": [line_of(line, names) for line in unseen],
        "nobodys": [line_of(line, names) for line in nobodys],
        "waiting": waiting,
        "stale": stale,
        "proposer": names.actor(waiting.proposer_actor) if waiting else "",
        "mine": waiting is not None and waiting.proposer_actor == member.actor,
        "alone": alone,
        "done": next((c for c in closed if c.month == asked), None),
        "names": names,
        "months": _months(following, today),
        "today": today,
        "here": "desk",
    }


def _months(following: str, today: date) -> list[str]:
    """The months that can be looked at: from the next to close to the running one."""
    found = [following]
    while found[-1] < today.isoformat()[:7] and len(found) < _OTHERS_SHOWN:
        found.append(month_after(found[-1]))
    return found


@get("/c/{slug:str}/in/desk/reconcile", guards=_GUARDS)
async def reconcile_page(
    request: Request[Any, Any, Any], circle: TheCircle, member: TheMember, host: TheHost
) -> Response[bytes]:
    """Bank and books at the end of a month, and what stands against closing it."""
    asked = request.query_params.get("month", "")
    month = month_in(asked) if asked else None
    context = await _context(host, circle, member, month, Form())
    return page(request, "desk/reconcile.html", context, circle=circle, member=member)


@post("/c/{slug:str}/in/desk/reconcile", guards=_GUARDS)
async def propose(
    request: Request[Any, Any, Any], circle: TheCircle, member: TheMember, host: TheHost
) -> Response[bytes]:
    """Ask for the second name."""
    form = await forms.read(request)
    month, said = month_in(form.value("month")), _said(form)
    status = 422
    if not form.trouble:
        try:
            await closing.propose(host, circle, member, month, said)
        except CirclesError as error:
            if isinstance(error, MissingError | ForbiddenError):
                raise
            status = status_of(error)
            _tell(form, error)
        else:
            return see_other(f"{circle.path}/in/desk/reconcile?month={month}")
    context = await _context(host, circle, member, month, form)
    return page(
        request, "desk/reconcile.html", context, circle=circle, member=member, status=status
    )


def _tell(form: Form, error: CirclesError) -> None:
    """Say what stood in the way, at the field where it can be put right."""
    against = error.blocks if isinstance(error, BlockedError) else ()
    for block in against:
        match block:
            case "untold":
                form.trouble.add("bank", _("Please write what the bank says."))
            case "difference":
                form.trouble.add(
                    "bank", _("The books say something else. A line is missing, or one is wrong.")
                )
            case "cash-untold":
                form.trouble.add("cash", _("Please count the tin."))
            case "cash":
                form.trouble.add(
                    "cash",
                    _(
                        "The books say something else. Look for a line that is missing or wrong. "
                        "If there is none: below, two of you write down what is missing."
                    ),
                )
            case "suspense":
                form.trouble.add("suspense", _("Please look at these, and tick."))
            case "unreached":
                form.trouble.add("quiet", _("Import the rest, or tick that there is none."))
            case _:
                form.trouble.add("form", str(error))
    if not against:
        form.trouble.add("form", str(error))


@post("/c/{slug:str}/in/desk/reconcile/withdraw", guards=_GUARDS)
async def withdraw(
    request: Request[Any, Any, Any], circle: TheCircle, member: TheMember, host: TheHost
) -> Response[bytes]:
    """Take the proposal back."""
    form = await forms.read(request)
    await closing.withdraw(host, circle, member, id_of(form.value("proposal")))
    return see_other(f"{circle.path}/in/desk/reconcile")


@post("/c/{slug:str}/in/desk/reconcile/alone", guards=_GUARDS)
async def close_alone(
    request: Request[Any, Any, Any], circle: TheCircle, member: TheMember, host: TheHost
) -> Response[bytes]:
    """A circle of one officer goes without a second name, and everybody is told."""
    form = await forms.read(request)
    closed = await closing.confirm(host, circle, member, id_of(form.value("proposal")), alone=True)
    return see_other(f"{circle.path}/in/desk/reconcile?month={closed.month}")


# ------------------------------------------------------------------ the second name


async def _closes_context(host: Host, circle: Circle, member: Member, form: Form) -> dict[str, Any]:
    async with host.database.read() as db:
        waiting = await periods.proposal(db, circle.id)
        stale = waiting is not None and await periods.is_stale(db, circle.id, waiting)
        closed = await periods.closes(db, circle.id)
        passed = await handovers.every(db, circle.id)
        names = await names_for(db, circle.id, [])
        found = await periods.look(db, circle.id, waiting.month) if waiting else None
    return {
        "form": form,
        "waiting": waiting,
        "through": periods.last_day(waiting.month) if waiting else None,
        "stale": stale,
        "mine": waiting is not None and waiting.proposer_actor == member.actor,
        "frozen": not member.may_confirm_payouts(host.clock.now()),
        "closed": closed,
        "heads": {one.month: b64(one.head) for one in closed},
        "handovers": [one for one in passed if one.accepted_at is not None],
        "names": names,
        "has_cash": found is not None and found.has_cash,
        "here": "",
    }


@get("/c/{slug:str}/in/closes")
async def closes_page(
    request: Request[Any, Any, Any], circle: TheCircle, member: TheMember, host: TheHost
) -> Response[bytes]:
    """For every one of us: the month that waits for a second name, and those that are closed."""
    context = await _closes_context(host, circle, member, Form())
    return page(request, "desk/closes.html", context, circle=circle, member=member)


@post("/c/{slug:str}/in/closes")
async def confirm(
    request: Request[Any, Any, Any], circle: TheCircle, member: TheMember, host: TheHost
) -> Response[bytes]:
    """The second name, of somebody who is one of us at this very moment, and who looked."""
    form = await forms.read(request)
    proposal_id = id_of(form.value("proposal"))
    if not form.checked("looked"):
        form.trouble.add("looked", _("Please look at the bank’s page first, then tick."))
        context = await _closes_context(host, circle, member, form)
        return page(request, "desk/closes.html", context, circle=circle, member=member, status=422)
    await closing.confirm(host, circle, member, proposal_id)
    return see_other(f"{circle.path}/in/closes")


routes: list[Any] = [
    reconcile_page,
    propose,
    withdraw,
    close_alone,
    closes_page,
    confirm,
]
