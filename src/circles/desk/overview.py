"""What the desk shows at a glance: what waits, where payments are, what the books hold."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from circles import money
from circles.circle.circles import Circle
from circles.desk import booking
from circles.desk.lines import Line, line_of
from circles.desk.names import Names, months_in, names_of
from circles.dues.dues import local_day
from circles.ledger import (
    books,
    cash_counts,
    chart,
    openings,
    payee_changes,
    payouts,
    periods,
    suspense,
)
from circles.ledger.bank import lines as bank_lines
from circles.ledger.payouts import Payout
from circles.ledger.report import FundMonth, fund_by_month
from circles.web import drawings, i18n
from circles.web.i18n import gettext as _

_LINES_SHOWN = 6
_ENDED_SHOWN = timedelta(days=45)
_MONTHS_SHOWN = 12


@dataclass(frozen=True)
class Wait:
    """One thing that waits. `kind` picks the words; `href` leads to it."""

    kind: str
    count: int
    amount_minor: int
    what: str
    href: str


@dataclass(frozen=True)
class Payment:
    """A row of the payments table; `payout` is None while nobody has proposed it. `waits`: who gets
    it was changed, or is to be, and until that is over nothing goes out."""

    what: str
    amount_minor: int
    href: str
    payout: Payout | None
    proposer: str
    waits: bool = False
    came_back: bool = False


@dataclass(frozen=True)
class Overview:
    """Everything on the desk. `holds` are (kind, amount) pairs that add up to bank and cash; `fund`
    is None while the fund has not moved."""

    waits: list[Wait]
    unclaimed: list[Line]
    payments: list[Payment]
    bank_minor: int
    cash_minor: int
    holds: list[tuple[str, int]]
    total_minor: int
    ahead: list[tuple[str, int]]
    lines: list[Line]
    fund: Picture | None
    closed_through: date | None
    asks_opening: bool


@dataclass(frozen=True)
class Picture:
    """The fund over the months, drawn and as figures; `unit_minor`: what one dot stands for."""

    months: list[FundMonth]
    unit_minor: int
    drawing: str


_HOLDS = (
    ("fund", chart.FUND),
    ("round", "Liabilities:Round:"),
    ("award", "Liabilities:Awards:"),
    ("transit", chart.TRANSIT),
    ("ahead", "Liabilities:Members:"),
    ("unclaimed", chart.SUSPENSE),
)


async def overview(db: AsyncSession, circle: Circle, now: datetime) -> Overview:
    """The desk as of this moment."""
    held = await books.balances(db, circle.id)
    newest = await books.journal(db, circle.id, limit=_LINES_SHOWN)
    shown = await payouts.since(db, circle.id, now - _ENDED_SHOWN)
    months = {payout.month for payout in shown}
    months |= months_in(code for code, amount in held.items() if amount)
    months |= months_in(c for line in newest for c in (line.transfer.debit, line.transfer.credit))
    names = await names_of(db, circle.id, months)
    unclaimed = [line_of(line, names) for line in await suspense.waiting(db, circle.id)]
    payments = await _payments(db, circle, names, shown, now)
    fees = await booking.waiting_fees_minor(db, circle.id)
    holds = [
        (kind, sum(amount for code, amount in held.items() if code.startswith(prefix)))
        for kind, prefix in _HOLDS
    ]
    holds.append(("returned", -held.get(chart.RETURNED, 0)))
    bank, cash = held.get(chart.MAIN_BANK, 0), held.get(chart.CASH, 0)
    return Overview(
        waits=[
            *await _bank_waits(db, circle),
            *_waits(circle, unclaimed, payments, fees),
            *await _tin_waits(db, circle),
            *await _month_waits(db, circle, now),
        ],
        unclaimed=unclaimed,
        payments=payments,
        bank_minor=bank,
        cash_minor=cash,
        holds=[(kind, amount) for kind, amount in holds if amount or kind == "fund"],
        total_minor=bank + cash,
        ahead=sorted(
            (names.owner(code), amount)
            for code, amount in held.items()
            if code.startswith("Liabilities:Members:") and amount
        ),
        lines=[line_of(line, names) for line in newest],
        fund=await _picture(db, circle, now),
        closed_through=await periods.closed_through(db, circle.id),
        asks_opening=not newest and await openings.opening(db, circle.id) is None,
    )


async def _bank_waits(db: AsyncSession, circle: Circle) -> list[Wait]:
    """Lines of the bank that nobody has looked at."""
    count, total = await bank_lines.count_waiting(db, circle.id)
    if not count:
        return []
    return [Wait("lines", count, total, "", f"{circle.path}/in/desk/lines")]


async def _tin_waits(db: AsyncSession, circle: Circle) -> list[Wait]:
    """A count of the tin that one person made."""
    count = await cash_counts.waiting(db, circle.id)
    if count is None:
        return []
    return [Wait("tin", 1, abs(count.difference_minor), "", f"{circle.path}/in/desk/tin")]


async def _month_waits(db: AsyncSession, circle: Circle, now: datetime) -> list[Wait]:
    """The month that is over and still open, once anything was booked."""
    month = await periods.to_close(db, circle.id)
    if local_day(circle, now) <= periods.last_day(month):
        return []
    if not await books.journal(db, circle.id, limit=1):
        return []
    asked = await periods.proposal(db, circle.id)
    kind = "closing" if asked is not None else "close"
    return [Wait(kind, 1, 0, month, f"{circle.path}/in/desk/reconcile?month={month}")]


async def _picture(db: AsyncSession, circle: Circle, now: datetime) -> Picture | None:
    """None while there is nothing to see."""
    this_month = local_day(circle, now).isoformat()[:7]
    months = await fund_by_month(db, circle.id, this_month, _MONTHS_SHOWN)
    if not months:
        return None
    # A month in which more was taken back than came, or given, shows none of it as dots.
    columns = [
        drawings.Column(
            i18n.month_short(m.month),
            max(m.in_minor, 0),
            max(m.out_minor, 0),
            i18n.money_short(m.in_minor) if m.in_minor else _("none"),
            i18n.money_short(m.out_minor) if m.out_minor else _("none"),
            max(m.end_minor, 0),
            i18n.money_short(m.end_minor),
        )
        for m in months
    ]
    highest = max(max(c.in_minor, c.out_minor, c.end_minor) for c in columns)
    unit = drawings.chart_unit(highest, 10 ** money.minor_digits(circle.currency))
    label = _(
        "The fund by month: what came in, what went out, what was there at the end. The table "
        "below has every figure."
    )
    return Picture(months, unit, drawings.chart(columns, unit, label))


async def _payments(
    db: AsyncSession, circle: Circle, names: Names, shown: list[Payout], now: datetime
) -> list[Payment]:
    """Awards that wait for a proposal, then payouts under way, then what lately ended."""
    desk = f"{circle.path}/in/desk"
    back = {(one.month, one.candidate) for one in shown if one.state == "returned"}
    fresh = [
        Payment(
            what=names.request(award.month, award.candidate),
            amount_minor=award.amount_minor,
            href=f"{desk}/pay/{award.month}/{award.candidate}",
            payout=None,
            proposer="",
            came_back=(award.month, award.candidate) in back,
        )
        for award in await payouts.unpaid(db, circle.id)
    ]
    begun = [
        Payment(
            what=names.request(payout.month, payout.candidate),
            amount_minor=payout.amount_minor,
            href=f"{desk}/payments/{payout.id.hex()}",
            payout=payout,
            proposer=names.actor(payout.proposer_actor),
            waits=await _waits_for_a_change(db, payout, now),
        )
        for payout in shown
        if payout.state not in {"returned", "withdrawn"}
    ]
    return [*fresh, *begun]


async def _waits_for_a_change(db: AsyncSession, payout: Payout, now: datetime) -> bool:
    if payout.state not in payouts.OPEN:
        return False
    held = payout.pay_from is not None and now < payout.pay_from
    return held or await payee_changes.waiting(db, payout.id) is not None


def _waits(circle: Circle, unclaimed: list[Line], payments: list[Payment], fees: int) -> list[Wait]:
    """In the order in which a sitting goes: money in, payments out, loose ends."""
    found: list[Wait] = []
    if unclaimed:
        total = sum(line.amount_minor for line in unclaimed)
        found.append(Wait("unclaimed", len(unclaimed), total, "", "#unclaimed"))
    for state in (None, "confirmed", "proposed", "sent"):
        of_state = [
            p
            for p in payments
            if (p.payout.state if p.payout else None) == state
            and not (state == "confirmed" and p.waits)
        ]
        if of_state:
            one = of_state[0] if len(of_state) == 1 else None
            found.append(
                Wait(
                    kind=state or "award",
                    count=len(of_state),
                    amount_minor=sum(p.amount_minor for p in of_state),
                    what=one.what if one else "",
                    href=one.href if one else "#payments",
                )
            )
    if fees > 0:
        found.append(Wait("fee", 1, fees, "", f"{circle.path}/in/desk/fees"))
    return found
