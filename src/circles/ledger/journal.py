"""Booking: the one way in. Checks first, so that a refusal comes in words; then the database, which
checks all of it again and is the fence.

A request is answered once. The same idempotency key with the same body gives the first answer; with
another body it is a ConflictError. Notes are compared too, through their salted hashes.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import fields, replace
from datetime import date, datetime
from typing import cast

from sqlalchemy import Table, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from circles.errors import ConflictError, InvalidError, MissingError
from circles.ledger import booking, chart
from circles.ledger.booking import Ask, BookState, Look, Statements, Steps
from circles.ledger.problems import as_transfer
from circles.ledger.tables import Book, TransferRow
from circles.ledger.transfer import (
    Entry,
    NewTransfer,
    Transfer,
    note_hash,
    request_hash,
)
from circles.money import AMOUNT_MINOR_MAX
from circles.web.i18n import day as day_words
from circles.web.i18n import gettext as _

__all__ = [
    "NOTE_CHARS_MAX",
    "TRANSFER_COLUMNS",
    "BookState",
    "BookedAlreadyError",
    "ClosedPeriodError",
    "NotCoveredError",
    "book_of",
    "by_ref",
    "entry_transfers",
    "record",
    "reverse",
    "reversed_by",
    "transfer",
]

_REF_CHARS_MAX = 120
NOTE_CHARS_MAX = 500
_TABLE = cast("Table", TransferRow.__table__)
TRANSFER_COLUMNS = tuple(_TABLE.c[field.name] for field in fields(Transfer))


class NotCoveredError(ConflictError):
    """The account does not hold that much; nothing was booked."""

    code = "not-covered"


class ClosedPeriodError(ConflictError):
    """The day lies in a closed period: book it in the open one, and say the day in a note."""

    code = "closed-period"


class BookedAlreadyError(ConflictError):
    """The same key, reference or reversal was booked before, and not with these words."""

    code = "booked-already"


async def book_of(db: AsyncSession, circle_id: bytes, *, lock: bool = False) -> BookState:
    """The circle's book. With `lock`, its other writers wait until this transaction ends."""
    query = select(
        Book.id, Book.circle_id, Book.currency, Book.next_seq, Book.head, Book.closed_through
    ).where(Book.circle_id == circle_id)
    row = (await db.execute(query.with_for_update() if lock else query)).one_or_none()
    if row is None:
        raise _no_books()
    return BookState(*row)


def _no_books() -> MissingError:
    return MissingError(_("This circle has no books yet. Found the circle first."))


async def record(
    db: AsyncSession,
    circle_id: bytes,
    new: Sequence[NewTransfer],
    *,
    key: str | None,
    now: datetime,
) -> Entry:
    """Book these transfers together, or none of them.

    Raises InvalidError (may not be booked at all), NotCoveredError, ClosedPeriodError,
    BookedAlreadyError. `new` may be empty only under a key: "nothing to do" is an answer too.
    """
    wanted = [_checked(transfer) for transfer in new]
    if not wanted and key is None:
        raise InvalidError(_("Nothing was asked to be booked."))
    try:
        return await booking.carry_out(
            db, lambda sql: _record(sql, circle_id, wanted, key=key, now=now)
        )
    except (IntegrityError, sqlite3.IntegrityError) as error:
        raise InvalidError(
            _(
                "The database refused this booking, and nothing was booked. Please report it: "
                "the page should have said so before."
            )
        ) from error


def _record(
    sql: Statements,
    circle_id: bytes,
    wanted: list[NewTransfer],
    *,
    key: str | None,
    now: datetime,
) -> Steps[Entry]:
    found = yield from booking.look(sql, circle_id, wanted, key)
    if found is None:
        raise _no_books()
    if key is not None and found.answered is not None:
        return (yield from _answered(sql, found.book, key, wanted, *found.answered))
    _refuse_known_refs(found.known_ref, wanted)
    for transfer in wanted:
        _refuse_closed(found.book, transfer)
        if transfer.kind == chart.REVERSAL:
            yield from _refuse_no_mirror(sql, found.book, transfer)
    missing = _cover(found, wanted)
    return (yield from booking.store(sql, found.book, missing, wanted, key, now))


async def reverse(
    db: AsyncSession,
    circle_id: bytes,
    transfer_id: bytes,
    *,
    actor: int,
    now: datetime,
    effective_on: date | None = None,
    note: str | None = None,
    key: str | None = None,
) -> Entry:
    """Book the mirror of a transfer that was booked wrongly: once, and never of a reversal."""
    book = await book_of(db, circle_id, lock=True)
    original = await transfer(db, circle_id, transfer_id)
    if original.kind == chart.REVERSAL:
        raise BookedAlreadyError(_("That is a correction itself. Book what is right instead."))
    mirror = NewTransfer(
        kind=chart.REVERSAL,
        debit=original.credit,
        credit=original.debit,
        amount_minor=original.amount_minor,
        effective_on=effective_on or _open_day(book, now.date()),
        actor=actor,
        note=note,
        reverses=original.id,
    )
    return await record(db, circle_id, [mirror], key=key, now=now)


async def transfer(db: AsyncSession, circle_id: bytes, transfer_id: bytes) -> Transfer:
    """One transfer of this circle's book, by its id."""
    query = (
        select(*TRANSFER_COLUMNS)
        .join(Book, Book.id == TransferRow.book_id)
        .where(Book.circle_id == circle_id, TransferRow.id == transfer_id)
    )
    row = (await db.execute(query)).one_or_none()
    if row is None:
        raise MissingError(_("There is no such line in the books of this circle."))
    return Transfer(*row)


async def by_ref(db: AsyncSession, circle_id: bytes, business_ref: str) -> Transfer | None:
    """The transfer booked under that reference, if any."""
    query = (
        select(*TRANSFER_COLUMNS)
        .join(Book, Book.id == TransferRow.book_id)
        .where(Book.circle_id == circle_id, TransferRow.business_ref == business_ref)
    )
    row = (await db.execute(query)).one_or_none()
    return None if row is None else Transfer(*row)


def _open_day(book: BookState, day: date) -> date:
    """The day, or the first day of the open period."""
    if book.closed_through is not None and day <= book.closed_through:
        return date.fromordinal(book.closed_through.toordinal() + 1)
    return day


def _checked(transfer: NewTransfer) -> NewTransfer:
    if not 0 < transfer.amount_minor <= AMOUNT_MINOR_MAX:
        raise InvalidError(
            _("An amount must be above nothing, and one that these books can count.")
        )
    chart.class_of(transfer.debit)
    chart.class_of(transfer.credit)
    if (transfer.kind == chart.REVERSAL) != (transfer.reverses is not None):
        raise InvalidError(_("A reversal names what it reverses, and nothing else does."))
    if transfer.kind != chart.REVERSAL and not chart.allows(
        transfer.kind, transfer.debit, transfer.credit
    ):
        raise InvalidError(
            _("“{kind}” never goes from {debit} to {credit}.").format(
                kind=transfer.kind, debit=transfer.debit, credit=transfer.credit
            )
        )
    ref = transfer.business_ref
    if ref is not None and not (0 < len(ref) <= _REF_CHARS_MAX and ref.isascii()):
        raise InvalidError(_("A reference is 1 to 120 plain characters."))
    if transfer.note is not None:
        note = transfer.note.strip()[:NOTE_CHARS_MAX] or None
        return replace(transfer, note=note)
    return transfer


async def entry_transfers(
    db: AsyncSession, book_id: bytes, entry_id: bytes
) -> tuple[Transfer, ...]:
    """The transfers booked together under that entry, in order."""
    query = (
        select(*TRANSFER_COLUMNS)
        .where(TransferRow.book_id == book_id, TransferRow.entry_id == entry_id)
        .order_by(TransferRow.seq)
    )
    return tuple(Transfer(*row) for row in await db.execute(query))


def _answered(
    sql: Statements,
    book: BookState,
    key: str,
    wanted: list[NewTransfer],
    request_sha256: bytes,
    entry_id: bytes,
) -> Steps[Entry]:
    """The first answer to this key; BookedAlreadyError if the body was another."""
    transfers = yield from booking.entry_transfers(sql, book.id, entry_id)
    same = request_sha256 == request_hash(book.id, key, wanted)
    if not same or not (yield from _same_notes(sql, book, transfers, wanted)):
        raise BookedAlreadyError(
            _(
                "This form was sent before, with other words in it. What was booked then still "
                "stands; open the form anew for something else."
            )
        )
    return Entry(entry_id, transfers, created=False)


def _same_notes(
    sql: Statements,
    book: BookState,
    transfers: tuple[Transfer, ...],
    wanted: list[NewTransfer],
) -> Steps[bool]:
    """Whether the notes are the ones of then. An erased note can no longer differ."""
    for stored, asked in zip(transfers, wanted, strict=True):
        if (stored.note_hash is None) != (asked.note is None):
            return False
        if stored.note_hash is None or asked.note is None:
            continue
        for (salt,) in (yield Ask(sql.salt, (stored.note_hash,))):
            if note_hash(book.id, salt, asked.note) != stored.note_hash:
                return False
    return True


def _refuse_known_refs(known: str | None, wanted: list[NewTransfer]) -> None:
    refs = [t.business_ref for t in wanted if t.business_ref is not None]
    if known is not None or len(set(refs)) < len(refs):
        raise BookedAlreadyError(
            _("“{ref}” is in the books already; it counts once.").format(ref=known or refs[0])
        )


def _refuse_closed(book: BookState, transfer: NewTransfer) -> None:
    if book.closed_through is not None and transfer.effective_on <= book.closed_through:
        raise ClosedPeriodError(
            _(
                "The books are closed up to {day}. Use a later day, and write the true one into "
                "the note."
            ).format(day=day_words(book.closed_through, year=True))
        )


def _refuse_no_mirror(sql: Statements, book: BookState, mirror: NewTransfer) -> Steps[None]:
    rows = yield Ask(sql.mirrored, (book.id, mirror.reverses))
    if not rows:
        raise InvalidError(_("What should be reversed is not in these books."))
    *columns, undone_by = rows[0]
    original = as_transfer(columns)
    if original.kind == chart.REVERSAL or (
        (original.debit, original.credit, original.amount_minor)
        != (mirror.credit, mirror.debit, mirror.amount_minor)
    ):
        raise InvalidError(_("A reversal is the exact mirror of one transfer that is none itself."))
    if undone_by is not None:
        raise BookedAlreadyError(_("That line was reversed before; it counts once."))


async def reversed_by(db: AsyncSession, book_id: bytes, transfer_id: bytes) -> bytes | None:
    """The id of the reversal of a transfer, if it was reversed."""
    query = select(TransferRow.id).where(
        TransferRow.book_id == book_id, TransferRow.reverses == transfer_id
    )
    return (await db.scalars(query)).one_or_none()


def _cover(found: Look, wanted: list[NewTransfer]) -> list[str]:
    """Walk through the transfers: no step may break a floor. The codes that have no account yet."""
    nets = dict(found.nets)
    missing = sorted({code for t in wanted for code in (t.debit, t.credit)} - nets.keys())
    nets.update(dict.fromkeys(missing, 0))
    for t in wanted:
        nets[t.debit] -= t.amount_minor
        nets[t.credit] += t.amount_minor
        for code in (t.debit, t.credit):
            floor, net = chart.floor_of(code), nets[code]
            if (floor == "credit" and net < 0) or (floor == "debit" and net > 0):
                raise NotCoveredError(_not_covered(chart.class_of(code)))
    return missing


def _not_covered(account_class: chart.AccountClass) -> str:
    words: dict[chart.AccountClass, str] = {
        "cash": _("The cash tin does not hold that much. Nothing was booked."),
        "member": _("That is more than this member has left in the books. Nothing was booked."),
        "suspense": _("Less than that waits for an owner. Nothing was booked."),
        "award": _("This award does not hold that much any more. Nothing was booked."),
        "transit": _("Less than that is on its way. Nothing was booked."),
        "round": _("The round does not hold that much. Nothing was booked."),
        "fund": _("The fund does not hold that much. Nothing was booked."),
    }
    return words[account_class]
