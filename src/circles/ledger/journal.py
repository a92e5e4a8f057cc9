"""Booking: the one way in. Checks first, so that a refusal comes in words; then the database, which
checks all of it again and is the fence.

A request is answered once. The same idempotency key with the same body gives the first answer; with
another body it is a ConflictError. Notes are compared too, through their salted hashes.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from datetime import date, datetime
from typing import Any, cast

from sqlalchemy import Table, insert, select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from circles.errors import ConflictError, InvalidError, MissingError
from circles.ledger import chart
from circles.ledger.tables import Account, Balance, Book, Idempotency, Note, TransferRow
from circles.ledger.transfer import (
    Entry,
    NewTransfer,
    Transfer,
    chain_hash,
    note_hash,
    request_hash,
)
from circles.money import AMOUNT_MINOR_MAX
from circles.web.i18n import day as day_words
from circles.web.i18n import gettext as _

_REF_CHARS_MAX = 120
NOTE_CHARS_MAX = 500
_NAMES = tuple(field.name for field in fields(Transfer))
_TABLE = cast("Table", TransferRow.__table__)
TRANSFER_COLUMNS = tuple(_TABLE.c[name] for name in _NAMES)
_PG_TYPES = {
    "seq": "bigint",
    "amount_minor": "bigint",
    "actor": "bigint",
    "kind": "text",
    "debit": "text",
    "credit": "text",
    "business_ref": "text",
    "effective_on": "date",
    "recorded_at": "timestamptz",
}
# One statement for many rows, so that the guard of an entry runs once, and never compiled anew.
_PG_INSERT = text(
    f"INSERT INTO ledger_transfer ({', '.join(_NAMES)}) SELECT * FROM unnest("  # noqa: S608 - our own column names
    + ", ".join(f"CAST(:{name} AS {_PG_TYPES.get(name, 'bytea')}[])" for name in _NAMES)
    + ")"
)


class NotCoveredError(ConflictError):
    """The account does not hold that much; nothing was booked."""

    code = "not-covered"


class ClosedPeriodError(ConflictError):
    """The day lies in a closed period: book it in the open one, and say the day in a note."""

    code = "closed-period"


class BookedAlreadyError(ConflictError):
    """The same key, reference or reversal was booked before, and not with these words."""

    code = "booked-already"


@dataclass(frozen=True)
class BookState:
    """A book as it stands while its row is locked."""

    id: bytes
    circle_id: bytes
    currency: str
    next_seq: int
    head: bytes
    closed_through: date | None


@dataclass(frozen=True)
class _Sums:
    floor: chart.Floor
    debits: int
    credits: int

    def broken(self) -> bool:
        """Whether these sums stand under the floor."""
        if self.floor == "credit":
            return self.credits < self.debits
        return self.floor == "debit" and self.debits < self.credits


async def book_of(db: AsyncSession, circle_id: bytes, *, lock: bool = False) -> BookState:
    """The circle's book. With `lock`, its other writers wait until this transaction ends."""
    query = select(
        Book.id, Book.circle_id, Book.currency, Book.next_seq, Book.head, Book.closed_through
    ).where(Book.circle_id == circle_id)
    row = (await db.execute(query.with_for_update() if lock else query)).one_or_none()
    if row is None:
        raise MissingError(_("This circle has no books yet. Found the circle first."))
    return BookState(*row)


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
    book = await book_of(db, circle_id, lock=True)
    if key is not None:
        answered = await _answered(db, book, key, wanted)
        if answered is not None:
            return answered
    await _refuse_known_refs(db, book, wanted)
    for transfer in wanted:
        _refuse_closed(book, transfer)
        if transfer.kind == chart.REVERSAL:
            await _refuse_no_mirror(db, book, transfer)
    await _cover(db, book, wanted)
    entry = await _store(db, book, wanted, now)
    if key is not None:
        values = {
            "book_id": book.id,
            "key": key,
            "request_sha256": request_hash(book.id, key, wanted),
            "entry_id": entry.id,
        }
        await db.execute(insert(Idempotency).values(values))
    return entry


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


async def _answered(
    db: AsyncSession, book: BookState, key: str, wanted: list[NewTransfer]
) -> Entry | None:
    """The first answer to this key; BookedAlreadyError if the body was another."""
    query = select(Idempotency.request_sha256, Idempotency.entry_id).where(
        Idempotency.book_id == book.id, Idempotency.key == key
    )
    row = (await db.execute(query)).one_or_none()
    if row is None:
        return None
    transfers = await entry_transfers(db, book.id, row.entry_id)
    same = row.request_sha256 == request_hash(book.id, key, wanted)
    if not same or not await _same_notes(db, book, transfers, wanted):
        raise BookedAlreadyError(
            _(
                "This form was sent before, with other words in it. What was booked then still "
                "stands; open the form anew for something else."
            )
        )
    return Entry(row.entry_id, transfers, created=False)


async def _same_notes(
    db: AsyncSession,
    book: BookState,
    transfers: tuple[Transfer, ...],
    wanted: list[NewTransfer],
) -> bool:
    """Whether the notes are the ones of then. An erased note can no longer differ."""
    for stored, asked in zip(transfers, wanted, strict=True):
        if (stored.note_hash is None) != (asked.note is None):
            return False
        if stored.note_hash is None or asked.note is None:
            continue
        salt = await db.scalar(select(Note.salt).where(Note.hash == stored.note_hash))
        if salt is not None and note_hash(book.id, salt, asked.note) != stored.note_hash:
            return False
    return True


async def _refuse_known_refs(db: AsyncSession, book: BookState, wanted: list[NewTransfer]) -> None:
    refs = [t.business_ref for t in wanted if t.business_ref is not None]
    if not refs:
        return
    query = select(TransferRow.business_ref).where(
        TransferRow.book_id == book.id, TransferRow.business_ref.in_(refs)
    )
    known = (await db.scalars(query)).first()
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


async def _refuse_no_mirror(db: AsyncSession, book: BookState, mirror: NewTransfer) -> None:
    query = select(*TRANSFER_COLUMNS).where(
        TransferRow.book_id == book.id, TransferRow.id == mirror.reverses
    )
    row = (await db.execute(query)).one_or_none()
    if row is None:
        raise InvalidError(_("What should be reversed is not in these books."))
    original = Transfer(*row)
    if original.kind == chart.REVERSAL or (
        (original.debit, original.credit, original.amount_minor)
        != (mirror.credit, mirror.debit, mirror.amount_minor)
    ):
        raise InvalidError(_("A reversal is the exact mirror of one transfer that is none itself."))
    if await reversed_by(db, book.id, original.id) is not None:
        raise BookedAlreadyError(_("That line was reversed before; it counts once."))


async def reversed_by(db: AsyncSession, book_id: bytes, transfer_id: bytes) -> bytes | None:
    """The id of the reversal of a transfer, if it was reversed."""
    query = select(TransferRow.id).where(
        TransferRow.book_id == book_id, TransferRow.reverses == transfer_id
    )
    return (await db.scalars(query)).one_or_none()


async def _cover(db: AsyncSession, book: BookState, wanted: list[NewTransfer]) -> None:
    """Open accounts that are new, then walk through the transfers: no step may break a floor."""
    codes = {code for t in wanted for code in (t.debit, t.credit)}
    query = select(Balance.code, Balance.floor, Balance.debits, Balance.credits).where(
        Balance.book_id == book.id, Balance.code.in_(codes)
    )
    sums = {row.code: _Sums(row.floor, row.debits, row.credits) for row in await db.execute(query)}
    missing = sorted(codes - sums.keys())
    if missing:
        await db.execute(
            insert(Account),
            [
                {
                    "book_id": book.id,
                    "code": code,
                    "class_": chart.class_of(code),
                    "floor": chart.floor_of(code),
                }
                for code in missing
            ],
        )
    sums |= {code: _Sums(chart.floor_of(code), 0, 0) for code in missing}
    for t in wanted:
        debit, credit = sums[t.debit], sums[t.credit]
        sums[t.debit] = replace(debit, debits=debit.debits + t.amount_minor)
        sums[t.credit] = replace(credit, credits=credit.credits + t.amount_minor)
        for code in (t.debit, t.credit):
            if sums[code].broken():
                raise NotCoveredError(_not_covered(chart.class_of(code)))


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


async def _store(
    db: AsyncSession, book: BookState, wanted: list[NewTransfer], now: datetime
) -> Entry:
    entry_id, head = secrets.token_bytes(16), book.head
    transfers: list[Transfer] = []
    notes: list[dict[str, object]] = []
    for seq, new in enumerate(wanted, start=book.next_seq):
        hashed = None
        if new.note is not None:
            salt = secrets.token_bytes(16)
            hashed = note_hash(book.id, salt, new.note)
            notes.append({"hash": hashed, "book_id": book.id, "salt": salt, "note": new.note})
        stored = _chained(book, new, seq, entry_id, head, hashed, now)
        transfers.append(stored)
        head = stored.hash
    if notes:
        await db.execute(insert(Note), notes)
    if transfers:
        rows = [{name: getattr(t, name) for name in _NAMES} for t in transfers]
        try:
            await _insert(db, rows)
        except IntegrityError as error:
            raise InvalidError(
                _(
                    "The database refused this booking, and nothing was booked. Please report it: "
                    "the page should have said so before."
                )
            ) from error
    return Entry(entry_id, tuple(transfers), created=True)


async def _insert(db: AsyncSession, rows: list[dict[str, Any]]) -> None:
    if len(rows) > 1 and db.get_bind().dialect.name == "postgresql":
        await db.execute(_PG_INSERT, {name: [row[name] for row in rows] for name in _NAMES})
    else:
        await db.execute(insert(_TABLE), rows)


def _chained(
    book: BookState,
    new: NewTransfer,
    seq: int,
    entry_id: bytes,
    head: bytes,
    hashed_note: bytes | None,
    now: datetime,
) -> Transfer:
    transfer = Transfer(
        id=secrets.token_bytes(16),
        book_id=book.id,
        seq=seq,
        entry_id=entry_id,
        kind=new.kind,
        debit=new.debit,
        credit=new.credit,
        amount_minor=new.amount_minor,
        effective_on=new.effective_on,
        recorded_at=now.replace(microsecond=0),
        reverses=new.reverses,
        actor=new.actor,
        note_hash=hashed_note,
        business_ref=new.business_ref,
        salt=secrets.token_bytes(16),
        prev_hash=head,
        hash=b"",
    )
    return replace(transfer, hash=chain_hash(transfer))
