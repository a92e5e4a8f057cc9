"""Receipts and payments of a month or a year: what came into bank and tin, what went out, what was
there before and after, and what it was for. All from transfers, in the minor units of the book.

A correction counts against what it corrects, in the period in which it was made.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final

from sqlalchemy import case, func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from circles.ledger import chart
from circles.ledger.books import balances
from circles.ledger.export import Period
from circles.ledger.export.reading import sums_of
from circles.ledger.export.values import Sums
from circles.ledger.journal import book_of
from circles.ledger.tables import TransferRow

# In the order of the page. What is not here only changes its place, or what it is for.
_CAME: Final = (
    "opening",
    "contribution",
    "contribution_unidentified",
    "gift",
    "interest",
    "cash_found",
    "contribution_returned",
    "payout_returned",
)
_WENT: Final = ("payout_settled", "refund", "fee", "returned", "cash_missing")


@dataclass(frozen=True)
class Standing:
    """What one thing held before the period and at its end; `name` is a code or a class."""

    name: str
    before_minor: int
    after_minor: int


@dataclass(frozen=True)
class Report:
    """`places` (account codes) and `purposes` (classes of the chart) add up to the same, before and
    after; before + came - went = after."""

    period: Period
    places: list[Standing]
    came: list[tuple[str, int]]
    went: list[tuple[str, int]]
    purposes: list[Standing]

    @property
    def before_minor(self) -> int:
        """In bank and tin before the period."""
        return sum(place.before_minor for place in self.places)

    @property
    def after_minor(self) -> int:
        """In bank and tin at its end."""
        return sum(place.after_minor for place in self.places)

    @property
    def came_minor(self) -> int:
        """All that came in."""
        return sum(amount for _kind, amount in self.came)

    @property
    def went_minor(self) -> int:
        """All that went out."""
        return sum(amount for _kind, amount in self.went)


async def begins_on(db: AsyncSession, circle_id: bytes) -> date | None:
    """The day of the earliest line; None while the books are empty."""
    book = await book_of(db, circle_id)
    first = select(func.min(TransferRow.effective_on)).where(TransferRow.book_id == book.id)
    return await db.scalar(first)


async def receipts_and_payments(db: AsyncSession, circle_id: bytes, period: Period) -> Report:
    """The report; MissingError when the circle has no books."""
    book = await book_of(db, circle_id)
    sums = await sums_of(db, book.id, period)
    came, went = await _moved(db, book.id, period)
    return Report(
        period=period,
        places=_places(sums),
        came=[(kind, came[kind]) for kind in _CAME if kind in came],
        went=[(kind, went[kind]) for kind in _WENT if kind in went],
        purposes=_purposes(sums),
    )


def is_place(code: str) -> bool:
    """Whether money in this account can be touched: a bank account, or the tin."""
    return chart.class_of(code) in {"bank", "cash"}


def _places(sums: Mapping[str, Sums]) -> list[Standing]:
    return [Standing(code, s.before, s.after) for code, s in sums.items() if is_place(code)]


@dataclass(frozen=True)
class FundMonth:
    """What the fund got and gave in a month, and what it held at the end; what is set aside for a
    vote is still the fund's. in - out is the step from one end to the next."""

    month: str
    in_minor: int
    out_minor: int
    end_minor: int


async def fund_by_month(
    db: AsyncSession, circle_id: bytes, last: str, count: int
) -> list[FundMonth]:
    """The `count` months up to `last` ("2026-10"), from the first in which the fund moved. What was
    taken back counts against what it corrects."""
    book = await book_of(db, circle_id)
    end = Period.parse(last).last
    months = [last]
    while len(months) < count and (before := Period.parse(months[0]).before()) is not None:
        months.insert(0, before)
    start = Period.parse(months[0]).first
    original = aliased(TransferRow)
    back = TransferRow.reverses.is_not(None)
    debit = func.coalesce(original.debit, TransferRow.debit).label("debit")
    credit = func.coalesce(original.credit, TransferRow.credit).label("credit")
    signed = func.sum(case((back, -TransferRow.amount_minor), else_=TransferRow.amount_minor))
    rows = (
        await db.execute(
            select(TransferRow.effective_on, debit, credit, signed)
            .outerjoin(original, original.id == TransferRow.reverses)
            .where(TransferRow.book_id == book.id, TransferRow.effective_on >= start)
            .group_by(TransferRow.effective_on, debit, credit)
        )
    ).all()
    came: defaultdict[str, int] = defaultdict(int)
    went: defaultdict[str, int] = defaultdict(int)
    for on, taken, given, amount in rows:
        if _is_fund(given) and not _is_fund(taken):
            came[on.isoformat()[:7]] += int(amount)
        elif _is_fund(taken) and not _is_fund(given):
            went[on.isoformat()[:7]] += int(amount)
    held = sum(amount for code, amount in (await balances(db, circle_id)).items() if _is_fund(code))
    late = [month for month in {*came, *went} if month > end.isoformat()[:7]]
    stands = held - sum(came[month] - went[month] for month in late)
    found: list[FundMonth] = []
    for month in reversed(months):
        found.insert(0, FundMonth(month, came[month], went[month], stands))
        stands -= came[month] - went[month]
    quiet = next(
        (at for at, m in enumerate(found) if m.in_minor or m.out_minor or m.end_minor), len(found)
    )
    return found[quiet:]


def _is_fund(code: str) -> bool:
    return chart.class_of(code) in {"fund", "round"}


_PURPOSES: Final[tuple[chart.AccountClass, ...]] = (
    "fund",
    "round",
    "award",
    "transit",
    "member",
    "suspense",
    "returned",
)


def _purposes(sums: Mapping[str, Sums]) -> list[Standing]:
    found = []
    for name in _PURPOSES:
        of_class = [s for code, s in sums.items() if chart.class_of(code) == name]
        if any(s.before or s.after for s in of_class):
            before, after = sum(-s.before for s in of_class), sum(-s.after for s in of_class)
            found.append(Standing(name, before, after))
    return found


async def _moved(
    db: AsyncSession, book_id: bytes, period: Period
) -> tuple[dict[str, int], dict[str, int]]:
    """By kind: what came in and what went out, less what was taken back."""
    original, refund = aliased(TransferRow), aliased(TransferRow)
    entry = func.coalesce(original.entry_id, TransferRow.entry_id)
    # Money given back leaves by the same kind as an award; its own entry says which it was.
    given_back = (
        select(refund.seq)
        .where(refund.book_id == book_id, refund.kind == "refund", refund.entry_id == entry)
        .exists()
    )
    own = func.coalesce(original.kind, TransferRow.kind)
    kind = case(((own == "payout_settled") & given_back, "refund"), else_=own).label("kind")
    debit = func.coalesce(original.debit, TransferRow.debit).label("debit")
    credit = func.coalesce(original.credit, TransferRow.credit).label("credit")
    signed = case(
        (TransferRow.reverses.is_not(None), -TransferRow.amount_minor),
        else_=TransferRow.amount_minor,
    )
    rows = (
        select(kind, debit, credit, signed.label("amount"))
        .outerjoin(original, original.id == TransferRow.reverses)
        .where(
            TransferRow.book_id == book_id,
            TransferRow.effective_on.between(period.first, period.last),
        )
        .subquery()
    )
    query = select(rows.c.kind, rows.c.debit, rows.c.credit, func.sum(rows.c.amount)).group_by(
        rows.c.kind, rows.c.debit, rows.c.credit
    )
    came: defaultdict[str, int] = defaultdict(int)
    went: defaultdict[str, int] = defaultdict(int)
    for name, taken, given, amount in await db.execute(query):
        if is_place(taken) and not is_place(given):
            came[name] += int(amount)
        elif is_place(given) and not is_place(taken):
            went[name] += int(amount)
    return came, went
