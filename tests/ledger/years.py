"""A made-up year of a circle, booked by the real books: every kind, slips, and hostile notes."""

from __future__ import annotations

import secrets
from dataclasses import replace
from datetime import UTC, date, datetime
from random import Random

from sqlalchemy.ext.asyncio import AsyncSession

from circles.db import Database
from circles.ledger import books, cash_counts, chart
from circles.ledger.books import NewTransfer

YEAR = 2026
MEMBERS = tuple(f"M{1000 + n}" for n in range(12))
HOSTILE_NOTES = (
    "; comment | = 3 EUR",
    "[1] [2026-13-45] [=2026/02/30]",
    "=1+1",
    '+49 30 "Anna" \\ \\" end',
    "-5\tEUR",
    "@SUM(A1)",
    "date: 2026-99-99, note: :tag: key:: 3",
    "two\nlines\n2026-01-01 * not a line\n  Assets:Cash  5 EUR",
    "\n2026-01-01 open Assets:Other",
    "Grüße, 你好 \u202e right to left",
    "x" * 500,
    "' apostrophe",
)
_NOW = datetime(YEAR, 1, 1, 8, 0, tzinfo=UTC)


class Year:
    """Books one year, month by month."""

    def __init__(self, database: Database, circle_id: bytes, seed: int) -> None:
        self.database, self.circle_id = database, circle_id
        self.random = Random(seed)

    async def book(self, db: AsyncSession, *new: NewTransfer) -> tuple[books.Transfer, ...]:
        entry = await books.record(db, self.circle_id, new, key=None, now=_NOW)
        return entry.transfers

    async def month(self, month: int) -> None:
        async with self.database.begin() as db:
            await self._money_in(db, month)
            await self._slips(db, month)
            await self._round(db, month)

    def _one(self, kind: str, debit: str, credit: str, minor: int, on: date) -> NewTransfer:
        note = self.random.choice(HOSTILE_NOTES) if self.random.random() < 0.5 else None
        return NewTransfer(kind, debit, credit, minor, on, actor=7, note=note)

    async def _money_in(self, db: AsyncSession, month: int) -> None:
        bank, cash, fund = chart.MAIN_BANK, chart.CASH, chart.FUND
        if month == 1:
            await self.book(db, self._one("opening", bank, fund, 12345, date(YEAR, 1, 1)))
            await self.book(db, self._one("opening", cash, fund, 2000, date(YEAR, 1, 1)))
        for number in MEMBERS:
            minor = self.random.choice((500, 1000, 1550))
            place = self.random.choice((bank, bank, cash))
            account, day = chart.member(number), self.random.randint(1, 12)
            on = date(YEAR, month, day)
            await self.book(
                db,
                self._one("contribution", place, account, minor + 7, on),
                NewTransfer("pledge", account, fund, minor, on, business_ref=f"p:{number}:{month}"),
            )
        day = date(YEAR, month, 13)
        await self.book(
            db,
            self._one("contribution_unidentified", bank, chart.SUSPENSE, 501, day),
            self._one("identify", chart.SUSPENSE, chart.member(MEMBERS[0]), 400, day),
            self._one("gift", chart.SUSPENSE, fund, 100, day),
            self._one("gift", cash, fund, 250, day),
            self._one("deposit", bank, cash, 300, day),
            self._one("interest", bank, fund, month, day),
            self._one("fee", fund, bank, 150, day),
        )
        for kind, debit, credit, minor in (
            ("cash_missing", fund, cash, 31),
            ("cash_found", cash, fund, 17),
        ):
            ref = cash_counts.ref_of(f"{month:02}-{kind:13}".encode(), 8)
            new = self._one(kind, debit, credit, minor, day)
            await self.book(db, replace(new, business_ref=ref))

    async def _slips(self, db: AsyncSession, month: int) -> None:
        bank, back = chart.MAIN_BANK, chart.RETURNED
        member, day = chart.member(MEMBERS[1]), date(YEAR, month, 14)
        wrong = await self.book(db, self._one("fee", chart.FUND, bank, 99, day))
        await books.reverse(
            db, self.circle_id, wrong[0].id, actor=7, now=_NOW, effective_on=day, note="[0] slip"
        )
        await self.book(
            db,
            self._one("returned", back, bank, 1000, day),
            self._one("contribution_returned", bank, back, 993, day),
            self._one("offset", member, back, 7, day),
            self._one("fee", back, bank, 45, day),
            self._one("fee", chart.FUND, back, 45, day),
            self._one("withdraw", chart.FUND, member, 100, day),
            self._one("refund", member, chart.TRANSIT, 60, day),
            self._one("payout_settled", chart.TRANSIT, bank, 60, day),
        )

    async def _round(self, db: AsyncSession, month: int) -> None:
        name = f"{YEAR}-{month:02}"
        on = date(YEAR, month, 22)
        held = await books.reserve_fund(db, self.circle_id, name, 0, _NOW, on=on)
        awards = {1: 4000, 2: 1500, 12: 700}
        rest = held - sum(awards.values())
        await books.allocate(db, self.circle_id, name, awards, rest, 0, _NOW, on=on)
        transit, bank = chart.TRANSIT, chart.MAIN_BANK
        day = date(YEAR, month, 28)
        await self.book(
            db,
            self._one("payout_sent", chart.award(name, 1), transit, 4000, day),
            self._one("payout_settled", transit, bank, 4000, day),
            self._one("payout_sent", chart.award(name, 2), transit, 1500, day),
            self._one("payout_settled", transit, chart.CASH, 1500, day),
            self._one("payout_returned", chart.CASH, chart.award(name, 2), 1500, day),
            self._one("release", chart.award(name, 12), chart.FUND, 700, day),
        )


async def a_year(database: Database, *, months: int = 12, seed: int = 4) -> bytes:
    """The id of a circle whose books hold so many months."""
    circle_id = secrets.token_bytes(16)
    async with database.begin() as db:
        await books.open_book(db, circle_id, "EUR", _NOW)
    year = Year(database, circle_id, seed)
    for month in range(1, months + 1):
        await year.month(month)
    return circle_id
