"""What the desk shows at a glance: what waits, where payments are, what the books hold."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from circles.circle.circles import Circle
from circles.desk import booking
from circles.desk.lines import Line, line_of
from circles.desk.names import Names, months_in, names_of
from circles.ledger import books, chart, payouts, suspense
from circles.ledger.payouts import Payout

_LINES_SHOWN = 6
_ENDED_SHOWN = timedelta(days=45)


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
    """A row of the payments table; `payout` is None while nobody has proposed it."""

    what: str
    amount_minor: int
    href: str
    payout: Payout | None
    proposer: str


@dataclass(frozen=True)
class Overview:
    """Everything on the desk. `holds` are (kind, amount) pairs that add up to bank and cash."""

    waits: list[Wait]
    unclaimed: list[Line]
    payments: list[Payment]
    bank_minor: int
    cash_minor: int
    holds: list[tuple[str, int]]
    total_minor: int
    ahead: list[tuple[str, int]]
    lines: list[Line]


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
    payments = await _payments(db, circle, names, shown)
    fees = await booking.waiting_fees_minor(db, circle.id)
    holds = [
        (kind, sum(amount for code, amount in held.items() if code.startswith(prefix)))
        for kind, prefix in _HOLDS
    ]
    holds.append(("returned", -held.get(chart.RETURNED, 0)))
    bank, cash = held.get(chart.MAIN_BANK, 0), held.get(chart.CASH, 0)
    return Overview(
        waits=_waits(circle, unclaimed, payments, fees),
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
    )


async def _payments(
    db: AsyncSession, circle: Circle, names: Names, shown: list[Payout]
) -> list[Payment]:
    """Awards that wait for a proposal, then payouts under way, then what lately ended."""
    desk = f"{circle.path}/in/desk"
    fresh = [
        Payment(
            what=names.request(award.month, award.candidate),
            amount_minor=award.amount_minor,
            href=f"{desk}/pay/{award.month}/{award.candidate}",
            payout=None,
            proposer="",
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
        )
        for payout in shown
        if payout.state not in {"returned", "withdrawn"}
    ]
    return [*fresh, *begun]


def _waits(circle: Circle, unclaimed: list[Line], payments: list[Payment], fees: int) -> list[Wait]:
    """In the order in which a sitting goes: money in, payments out, loose ends."""
    found: list[Wait] = []
    if unclaimed:
        total = sum(line.amount_minor for line in unclaimed)
        found.append(Wait("unclaimed", len(unclaimed), total, "", "#unclaimed"))
    for state in (None, "confirmed", "proposed", "sent"):
        of_state = [p for p in payments if (p.payout.state if p.payout else None) == state]
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
