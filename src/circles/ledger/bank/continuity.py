"""Whether one statement goes on where another ended, and how much is missing if it does not.

Each statement claims what stood at the end of a day: its opening before its first day, its closing
at its last. Between two claims only the lines of those days may lie. Notices and reports within a
day (CAMT 052, 054, MT942) claim nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from sqlalchemy import ColumnElement, and_, exists, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from circles.ledger.bank import lines
from circles.ledger.bank_tables import (
    BankAccount,
    BankLineRow,
    BankSeen,
    BankStatement,
    BankWithdrawal,
)
from circles.ledger.tables import Book


@dataclass(frozen=True, slots=True)
class Gap:
    """Between these days the bank's balance moved by `missing_minor` that no line explains."""

    after: date
    until: date
    missing_minor: int


@dataclass(frozen=True, slots=True)
class Span:
    """A statement that counts: its first and last day, and what stood before and after."""

    id: bytes
    start: date
    end: date
    opening_minor: int | None
    closing_minor: int | None


async def spans(db: AsyncSession, circle_id: bytes, code: str) -> list[Span]:
    """Statements of that account which claim balances, by their first day."""
    withdrawn = exists().where(BankWithdrawal.statement_id == BankStatement.id)
    query = (
        select(BankStatement)
        .join(BankAccount, BankAccount.id == BankStatement.account_id)
        .join(Book, Book.id == BankStatement.book_id)
        .where(
            Book.circle_id == circle_id,
            BankAccount.code == code,
            BankStatement.kind == "statement",
            ~withdrawn,
        )
    )
    found = []
    for row in await db.scalars(query):
        days = [d for d in (row.first_on, row.last_on, row.opening_on, row.closing_on) if d]
        if not days or (row.opening_minor, row.closing_minor) == (None, None):
            continue
        start = row.first_on or row.opening_on or row.closing_on or days[0]
        end = max(start, row.last_on or start, row.closing_on or start)
        found.append(Span(row.id, start, end, row.opening_minor, row.closing_minor))
    return sorted(found, key=lambda span: (span.start, span.end, span.id))


async def newest(db: AsyncSession, circle_id: bytes, code: str) -> Span | None:
    """The statement whose closing balance is the newest that is known."""
    closing = [s for s in await spans(db, circle_id, code) if s.closing_minor is not None]
    return max(closing, key=lambda span: (span.end, span.start), default=None)


async def before(
    db: AsyncSession, circle_id: bytes, code: str, day: date, known: list[Span]
) -> tuple[date, int] | None:
    """(claimed since, what should have stood before that day began); where statements differ, what
    most of them say. None where none says anything.
    """
    told = await claims(db, circle_id, code, day, known)
    minors = [minor for _since, minor in told]
    return max(told, key=lambda one: (minors.count(one[1]), one), default=None)


async def claims(
    db: AsyncSession, circle_id: bytes, code: str, day: date, known: list[Span]
) -> list[tuple[date, int]]:
    """(claimed since, what should have stood before that day began), by the statements that ended
    last before it and by those that began last. Several of one day may each tell half of it, so
    each is asked.
    """
    ended = [s for s in known if s.closing_minor is not None and s.end < day]
    begun = [s for s in known if s.opening_minor is not None and s.start <= day]
    last = max((s.end for s in ended), default=None)
    first = max((s.start for s in begun), default=None)
    told = [
        (span.end, await _since_end(db, circle_id, code, day, span, known))
        for span in ended
        if span.end == last and (first is None or first <= span.end)
    ]
    for span in begun:
        if span.start == first and (last is None or first > last):
            moved = await _sum(
                db,
                circle_id,
                code,
                BankLineRow.booked_on >= span.start,
                BankLineRow.booked_on < day,
            )
            told.append((span.start, (span.opening_minor or 0) + moved))
    return told


async def _since_end(
    db: AsyncSession, circle_id: bytes, code: str, day: date, span: Span, known: list[Span]
) -> int:
    """Its closing, with the lines since: of its last day those that neither it had yet, nor a
    statement that it goes on from."""
    earlier = [s.id for s in known if s.end == span.start and s.closing_minor == span.opening_minor]
    seen = exists().where(
        BankSeen.line_id == BankLineRow.id, BankSeen.statement_id.in_([span.id, *earlier])
    )
    after = or_(BankLineRow.booked_on > span.end, and_(BankLineRow.booked_on == span.end, ~seen))
    moved = await _sum(db, circle_id, code, after, BankLineRow.booked_on < day)
    return (span.closing_minor or 0) + moved


def missing(told: list[tuple[date, int]], stands: int, until: date) -> Gap | None:
    """What none of these explains of what stands there; the smallest of the differences."""
    if not told or any(minor == stands for _since, minor in told):
        return None
    since, minor = min(told, key=lambda one: (abs(stands - one[1]), one[0]))
    return Gap(since, until, stands - minor)


async def _sum(db: AsyncSession, circle_id: bytes, code: str, *which: ColumnElement[bool]) -> int:
    query = (
        select(func.coalesce(func.sum(BankLineRow.amount_minor), 0))
        .join(BankAccount, BankAccount.id == BankLineRow.account_id)
        .join(Book, Book.id == BankLineRow.book_id)
        .where(Book.circle_id == circle_id, BankAccount.code == code, lines.stands(), *which)
    )
    return int(await db.scalar(query) or 0)


async def of_opening(
    db: AsyncSession, circle_id: bytes, code: str, span: Span, known: list[Span]
) -> Gap | None:
    """What is missing before this statement, by the others."""
    if span.opening_minor is None:
        return None
    # A file of half a day ends where the next one, of the other half, begins.
    told_then = {s.closing_minor for s in known if s.end == span.start}
    told_then |= {s.opening_minor for s in known if s.start == span.start}
    if span.opening_minor in told_then:
        return None
    told = await claims(db, circle_id, code, span.start, known)
    return missing(told, span.opening_minor, span.start)


async def gaps(db: AsyncSession, circle_id: bytes, code: str) -> list[Gap]:
    """Everything that is missing between this account's statements, and inside them."""
    known = await spans(db, circle_id, code)
    found = []
    for span in known:
        others = [other for other in known if other.id != span.id]
        gap = await of_opening(db, circle_id, code, span, others)
        if gap is None:
            gap = await _inside(db, circle_id, code, span, others)
        if gap is not None:
            found.append(gap)
    return found


async def _inside(
    db: AsyncSession, circle_id: bytes, code: str, span: Span, others: list[Span]
) -> Gap | None:
    """What a statement's own lines leave unexplained of its closing."""
    if span.closing_minor is None:
        return None
    seen = exists().where(BankSeen.line_id == BankLineRow.id, BankSeen.statement_id == span.id)
    if span.opening_minor is not None:
        moved = await _sum(db, circle_id, code, seen)
        return missing([(span.start, span.opening_minor + moved)], span.closing_minor, span.end)
    told = await claims(db, circle_id, code, span.start, others)
    own = and_(BankLineRow.booked_on >= span.start, BankLineRow.booked_on <= span.end)
    moved = await _sum(db, circle_id, code, or_(own, seen))
    return missing(told, span.closing_minor - moved, span.end)
