"""From the database to a file: one snapshot, one page of lines after the other."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import date
from typing import Final, Literal

from sqlalchemy import ColumnElement, false, func, select, true
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from circles.errors import MissingError
from circles.ledger.export.beancount import Beancount
from circles.ledger.export.journal_text import Hledger, Ledger
from circles.ledger.export.json_lines import JsonLines
from circles.ledger.export.table import Table
from circles.ledger.export.values import Booked, BookValues, Period, Sums, Writer
from circles.ledger.journal import TRANSFER_COLUMNS
from circles.ledger.tables import Book, Note, TransferRow
from circles.ledger.transfer import Transfer
from circles.web.i18n import gettext as _

Format = Literal["beancount", "hledger", "ledger", "csv", "jsonl"]

_WRITERS: Final[dict[Format, type[Writer]]] = {
    "beancount": Beancount,
    "hledger": Hledger,
    "ledger": Ledger,
    "csv": Table,
    "jsonl": JsonLines,
}
FORMATS: Final = tuple(_WRITERS)
_PAGE_ROWS = 2000


async def export(
    db: AsyncSession,
    circle_id: bytes,
    title: str,
    to: Format,
    period: Period | None,
    write: Callable[[str], object],
    report: Callable[[int, int], None],
    *,
    notes: bool = True,
) -> int:
    """Write a circle's books, or one period of them; how many transfers that were.

    `write` gets the file's text piece by piece; `report` is told (written, total) transfers now and
    then. Without `notes` the words beside lines are left out, as if they were rubbed out: they may
    name people. Raises MissingError when the circle has no books. Call it inside one
    `database.read()`.
    """
    book = await _book(db, circle_id)
    first, last, total = await _span(db, book.id, period)
    values = BookValues(
        title=title,
        book_id=book.id,
        circle_id=circle_id,
        currency=book.currency,
        minor_digits=book.minor_digits,
        opened_at=book.opened_at,
        period=period,
        first=first,
        last=last,
        accounts=await sums_of(db, book.id, period),
    )
    writer = _WRITERS[to](values)
    _push(write, writer.begin())
    written, after = 0, 0
    report(0, total)
    while page := await _page(db, book.id, period, after):
        shown = page if notes else [replace(one, note=None, note_salt=None) for one in page]
        _push(write, map(writer.line, shown))
        written, after = written + len(page), page[-1].transfer.seq
        report(written, total)
    _push(write, writer.end())
    return written


def _push(write: Callable[[str], object], pieces: Iterable[str]) -> None:
    write("".join(pieces))


async def _book(db: AsyncSession, circle_id: bytes) -> Book:
    book = await db.scalar(select(Book).where(Book.circle_id == circle_id))
    if book is None:
        raise MissingError(_("This circle has no books yet. Found the circle first."))
    return book


def _within(period: Period | None) -> ColumnElement[bool]:
    if period is None:
        return true()
    return TransferRow.effective_on.between(period.first, period.last)


async def _span(
    db: AsyncSession, book_id: bytes, period: Period | None
) -> tuple[date | None, date | None, int]:
    """First day, last day, number of transfers."""
    day = TransferRow.effective_on
    query = select(func.min(day), func.max(day), func.count()).where(
        TransferRow.book_id == book_id, _within(period)
    )
    first, last, total = (await db.execute(query)).one()
    if period is not None:
        first, last = period.first, period.last
    return first, last, int(total)


async def sums_of(db: AsyncSession, book_id: bytes, period: Period | None) -> dict[str, Sums]:
    """Every account that moved in the period or held something before it, by code."""
    before: dict[str, int] = {}
    after: dict[str, int] = {}
    moved: set[str] = set()
    early = TransferRow.effective_on < period.first if period else false()
    for code, sign in ((TransferRow.debit, 1), (TransferRow.credit, -1)):
        of_book = select(code, func.sum(TransferRow.amount_minor)).where(
            TransferRow.book_id == book_id
        )
        for name, amount in await db.execute(of_book.where(early).group_by(code)):
            before[name] = before.get(name, 0) + sign * int(amount)
        for name, amount in await db.execute(of_book.where(_within(period)).group_by(code)):
            after[name] = after.get(name, 0) + sign * int(amount)
            moved.add(name)
    return {
        code: Sums(before.get(code, 0), before.get(code, 0) + after.get(code, 0))
        for code in sorted(before.keys() | moved)
        if code in moved or before[code]
    }


async def _page(
    db: AsyncSession, book_id: bytes, period: Period | None, after: int
) -> list[Booked]:
    undone = aliased(TransferRow)
    query = (
        select(*TRANSFER_COLUMNS, undone.seq, Note.note, Note.salt)
        .outerjoin(undone, undone.id == TransferRow.reverses)
        .outerjoin(Note, Note.hash == TransferRow.note_hash)
        .where(TransferRow.book_id == book_id, TransferRow.seq > after, _within(period))
        .order_by(TransferRow.seq)
        .limit(_PAGE_ROWS)
    )
    return [Booked(Transfer(*row[:-3]), *row[-3:]) for row in await db.execute(query)]
