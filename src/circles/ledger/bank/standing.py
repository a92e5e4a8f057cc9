"""How bank and books stand to one another at the end of a day.

What the books say is in the bank, less what the bank has not shown by then, more what it showed and
the books do not have, is what its statement says; else there is a difference.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, timedelta

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from circles.ledger import chart
from circles.ledger.bank import continuity, lines, matches
from circles.ledger.bank.continuity import Gap
from circles.ledger.bank.lines import BankLine
from circles.ledger.tables import Book, TransferRow
from circles.ledger.transfer import Transfer


@dataclass(frozen=True, slots=True)
class Balance:
    """What the bank said stood there at the end of that day."""

    on: date
    minor: int


@dataclass(frozen=True, slots=True)
class Tally:
    """How many, and what they come to; money that went out counts below nothing."""

    count: int
    minor: int


@dataclass(frozen=True)
class Standing:
    """Bank and books at the end of `through`; `statement_closing` is None without any statement.

    `reached` is the last day that a statement speaks of: before `through`, what the bank did since
    is not known. `lines` and `transfers` are what the tallies count.
    """

    through: date
    book_minor: int
    cash_minor: int
    has_cash: bool
    has_bank: bool
    suspense_minor: int
    transit_minor: int
    statement_closing: Balance | None
    reached: date | None
    lines: tuple[BankLine, ...]
    transfers: tuple[Transfer, ...]
    gaps: tuple[Gap, ...]

    @property
    def untied_lines(self) -> Tally:
        """Lines of the bank that nothing in the books explains by that day."""
        return Tally(len(self.lines), sum(line.amount_minor for line in self.lines))

    @property
    def untied_transfers(self) -> Tally:
        """Lines of the books that the bank had not shown by that day."""
        return Tally(len(self.transfers), sum(matches.bank_minor(t) for t in self.transfers))

    @property
    def expected_minor(self) -> int:
        """What the statement should say."""
        return self.book_minor - self.untied_transfers.minor + self.untied_lines.minor

    @property
    def difference_minor(self) -> int | None:
        """What the statement says beyond that; None without a statement."""
        if self.statement_closing is None:
            return None
        return self.statement_closing.minor - self.expected_minor


async def standing(db: AsyncSession, circle_id: bytes, through: date) -> Standing:
    """Bank and books as they were at the end of that day, by what is known now."""
    held = await balances_on(db, circle_id, through)
    known = await continuity.spans(db, circle_id, chart.MAIN_BANK)
    # A statement that begins the day after says with its opening what stood there.
    after = through + timedelta(days=1)
    known = [span for span in known if span.start <= after]
    told: list[int] = []
    reached = None
    if known:
        begun = any(span.start == after and span.opening_minor is not None for span in known)
        reached = through if begun else min(max(span.end for span in known), through)
        claims = await continuity.claims(db, circle_id, chart.MAIN_BANK, after, known)
        told = [minor for _since, minor in claims]
    gaps = [
        gap
        for gap in await continuity.gaps(db, circle_id, chart.MAIN_BANK)
        if known and (gap.after < through or gap.until <= through)
    ]
    untied = await matches.untied_transfers(db, circle_id, through) if known else []
    found = Standing(
        through=through,
        book_minor=held.get(chart.MAIN_BANK, 0),
        cash_minor=held.get(chart.CASH, 0),
        has_cash=chart.CASH in held,
        has_bank=chart.MAIN_BANK in held or bool(known),
        suspense_minor=-held.get(chart.SUSPENSE, 0),
        transit_minor=-held.get(chart.TRANSIT, 0),
        statement_closing=None,
        reached=reached,
        lines=tuple(await lines.untied_through(db, None, circle_id, through)),
        transfers=tuple(untied),
        gaps=tuple(gaps),
    )
    if not told:
        return found
    # Files of one day may each tell a part of it: the one that fits is the last one.
    fits = found.expected_minor if found.expected_minor in told else told[0]
    return replace(found, statement_closing=Balance(through, fits))


async def balances_on(db: AsyncSession, circle_id: bytes, day: date) -> dict[str, int]:
    """Debits less credits of each account that was ever booked on by that day."""
    found: dict[str, int] = {}
    for code, sign in ((TransferRow.debit, 1), (TransferRow.credit, -1)):
        query = (
            select(code, func.sum(TransferRow.amount_minor))
            .join(Book, Book.id == TransferRow.book_id)
            .where(Book.circle_id == circle_id, TransferRow.effective_on <= day)
            .group_by(code)
        )
        for name, amount in await db.execute(query):
            found[name] = found.get(name, 0) + sign * int(amount)
    return found
