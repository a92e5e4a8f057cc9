"""The books of a circle, as other rooms see them.

All functions take the circle's id; amounts are minor units of the circle's currency. What a month
does to the fund (reserve, allocate, seal) is idempotent: safe to run again after a crash.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime

from sqlalchemy import delete, insert, or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from circles.errors import ConflictError
from circles.ledger import chart
from circles.ledger.journal import (
    TRANSFER_COLUMNS,
    BookedAlreadyError,
    ClosedPeriodError,
    NotCoveredError,
    book_of,
    by_ref,
    entry_transfers,
    record,
    reverse,
    reversed_by,
    transfer,
)
from circles.ledger.tables import Balance, Book, Idempotency, Note, SealRow, TransferRow
from circles.ledger.transfer import (
    Entry,
    Json,
    NewTransfer,
    Transfer,
    genesis,
    seal_hash,
    time_text,
)
from circles.money import minor_digits
from circles.protocol.text import b64
from circles.web.i18n import day as day_words
from circles.web.i18n import gettext as _

__all__ = [
    "BookedAlreadyError",
    "ClosedPeriodError",
    "Entry",
    "JournalLine",
    "NewTransfer",
    "NotCoveredError",
    "SealFigures",
    "StatementLine",
    "Transfer",
    "allocate",
    "answered",
    "balance",
    "balances",
    "booked_with",
    "by_ref",
    "close_through",
    "erase_note",
    "fund_minor",
    "has_book",
    "is_reversed",
    "journal",
    "lock",
    "member_minor",
    "open_book",
    "record",
    "reserve_fund",
    "reserved_minor",
    "reverse",
    "seal",
    "statement_of",
    "transfer",
    "undecided_minor",
]


_UNDECIDED = (chart.FUND, "Liabilities:Round:")


@dataclass(frozen=True)
class SealFigures:
    """What a seal record says: how many transfers, the chain's head, the fund to decide about."""

    transfers: int
    head: bytes
    fund_minor: int
    currency: str


@dataclass(frozen=True)
class StatementLine:
    """One line of a member's own statement; `amount_minor` is negative when it left them."""

    seq: int
    on: date
    kind: str
    amount_minor: int
    balance_minor: int
    undone: bool


@dataclass(frozen=True)
class JournalLine:
    """A transfer with its note, if that was not erased, and the reversal that undid it, if any."""

    transfer: Transfer
    note: str | None
    reversed_by: bytes | None


async def open_book(db: AsyncSession, circle_id: bytes, currency: str, now: datetime) -> None:
    """Open the circle's book; once is enough, again changes nothing."""
    if await has_book(db, circle_id):
        return
    book_id, opened_at = secrets.token_bytes(16), now.astimezone(UTC).replace(microsecond=0)
    digits = minor_digits(currency)
    await db.execute(
        insert(Book).values(
            id=book_id,
            circle_id=circle_id,
            currency=currency,
            minor_digits=digits,
            opened_at=opened_at,
            next_seq=1,
            head=genesis(book_id, circle_id, currency, digits, opened_at),
            closed_through=None,
        )
    )


async def lock(db: AsyncSession, circle_id: bytes) -> None:
    """Let nobody else book here until this transaction ends."""
    await book_of(db, circle_id, lock=True)


async def is_reversed(db: AsyncSession, circle_id: bytes, transfer_id: bytes) -> bool:
    """Whether a transfer of this circle was undone."""
    book = await book_of(db, circle_id)
    return await reversed_by(db, book.id, transfer_id) is not None


async def answered(db: AsyncSession, circle_id: bytes, key: str) -> Entry | None:
    """What was booked under that key, if anything was."""
    book = await book_of(db, circle_id)
    entry_id = await db.scalar(
        select(Idempotency.entry_id).where(Idempotency.book_id == book.id, Idempotency.key == key)
    )
    if entry_id is None:
        return None
    return Entry(entry_id, await entry_transfers(db, book.id, entry_id), created=False)


async def booked_with(db: AsyncSession, circle_id: bytes, one: Transfer) -> tuple[Transfer, ...]:
    """All transfers of the entry that this one belongs to, in order."""
    book = await book_of(db, circle_id)
    return await entry_transfers(db, book.id, one.entry_id)


async def has_book(db: AsyncSession, circle_id: bytes) -> bool:
    """Whether the circle's book is open."""
    return await db.scalar(select(Book.id).where(Book.circle_id == circle_id)) is not None


def _natural(code: str, debits: int, credits_: int) -> int:
    """The sums as one figure: assets grow by debits, all else by credits."""
    return debits - credits_ if code.startswith("Assets:") else credits_ - debits


async def balances(db: AsyncSession, circle_id: bytes) -> dict[str, int]:
    """Every account that was ever booked on, and what stands in it."""
    query = (
        select(Balance.code, Balance.debits, Balance.credits)
        .join(Book, Book.id == Balance.book_id)
        .where(Book.circle_id == circle_id)
        .order_by(Balance.code)
    )
    return {
        row.code: _natural(row.code, row.debits, row.credits) for row in await db.execute(query)
    }


async def balance(db: AsyncSession, circle_id: bytes, code: str) -> int:
    """What stands in one account; 0 if it was never booked on."""
    query = (
        select(Balance.debits, Balance.credits)
        .join(Book, Book.id == Balance.book_id)
        .where(Book.circle_id == circle_id, Balance.code == code)
    )
    row = (await db.execute(query)).one_or_none()
    return 0 if row is None else _natural(code, row.debits, row.credits)


async def fund_minor(db: AsyncSession, circle_id: bytes) -> int:
    """The fund, without what is reserved for a round that is being counted."""
    return await balance(db, circle_id, chart.FUND)


async def reserved_minor(db: AsyncSession, circle_id: bytes, month: str) -> int:
    """What is reserved for that month's round and neither awarded nor carried yet."""
    return await balance(db, circle_id, chart.round_of(month))


async def undecided_minor(db: AsyncSession, circle_id: bytes) -> int:
    """The fund, with what is reserved for a round that is not decided yet: what a seal says."""
    held = await balances(db, circle_id)
    return sum(amount for code, amount in held.items() if code.startswith(_UNDECIDED))


async def member_minor(db: AsyncSession, circle_id: bytes, book_number: str) -> int:
    """What a member paid in beyond what moved to the fund."""
    return await balance(db, circle_id, chart.member(book_number))


async def statement_of(db: AsyncSession, circle_id: bytes, book_number: str) -> list[StatementLine]:
    """A member's own lines, oldest first, with the balance after each."""
    book = await book_of(db, circle_id)
    code = chart.member(book_number)
    undoing = aliased(TransferRow)
    query = (
        select(TransferRow, undoing.id)
        .outerjoin(undoing, undoing.reverses == TransferRow.id)
        .where(
            TransferRow.book_id == book.id,
            or_(TransferRow.debit == code, TransferRow.credit == code),
        )
        .order_by(TransferRow.seq)
    )
    lines: list[StatementLine] = []
    running = 0
    for row, undone in await db.execute(query):
        amount = row.amount_minor if row.credit == code else -row.amount_minor
        running += amount
        lines.append(
            StatementLine(row.seq, row.effective_on, row.kind, amount, running, undone is not None)
        )
    return lines


async def journal(
    db: AsyncSession,
    circle_id: bytes,
    *,
    limit: int,
    before_seq: int | None = None,
    kinds: tuple[str, ...] = (),
    code: str | None = None,
) -> list[JournalLine]:
    """The newest lines first; `kinds` and `code` narrow them, `before_seq` turns the page."""
    book = await book_of(db, circle_id)
    undoing = aliased(TransferRow)
    query = (
        select(*TRANSFER_COLUMNS, Note.note, undoing.id)
        .outerjoin(Note, Note.hash == TransferRow.note_hash)
        .outerjoin(undoing, undoing.reverses == TransferRow.id)
        .where(TransferRow.book_id == book.id)
        .order_by(TransferRow.seq.desc())
        .limit(limit)
    )
    if before_seq is not None:
        query = query.where(TransferRow.seq < before_seq)
    if kinds:
        query = query.where(TransferRow.kind.in_(kinds))
    if code is not None:
        query = query.where(or_(TransferRow.debit == code, TransferRow.credit == code))
    return [
        JournalLine(Transfer(*row[:-2]), note=row[-2], reversed_by=row[-1])
        for row in await db.execute(query)
    ]


async def erase_note(db: AsyncSession, circle_id: bytes, transfer_id: bytes) -> None:
    """Take the words away; the line stays, and so does the hash that tells nothing."""
    line = await transfer(db, circle_id, transfer_id)
    if line.note_hash is not None:
        await db.execute(delete(Note).where(Note.hash == line.note_hash))


async def reserve_fund(
    db: AsyncSession,
    circle_id: bytes,
    month: str,
    actor: int,
    now: datetime,
    *,
    on: date | None = None,
) -> int:
    """Set the whole fund aside for that month's vote; gives the amount, 0 if there is none.

    Asked again, it gives the first answer, whatever came into the fund since.
    """
    await lock(db, circle_id)
    key = f"reserve:{month}"
    before = await answered(db, circle_id, key)
    if before is not None:
        return sum(t.amount_minor for t in before.transfers)
    fund = await fund_minor(db, circle_id)
    if fund != await undecided_minor(db, circle_id):
        raise ConflictError(
            _("An earlier round is not decided yet. Finish it first; nothing was reserved.")
        )
    wanted = [
        NewTransfer(
            kind="reserve",
            debit=chart.FUND,
            credit=chart.round_of(month),
            amount_minor=fund,
            effective_on=on or now.date(),
            actor=actor,
            business_ref=key,
        )
    ]
    await record(db, circle_id, wanted if fund else [], key=key, now=now)
    return fund


async def allocate(
    db: AsyncSession,
    circle_id: bytes,
    month: str,
    awards: Mapping[int, int],
    carried: int,
    actor: int,
    now: datetime,
    *,
    on: date | None = None,
) -> Entry:
    """Move what was reserved: to the awards (candidate number -> amount), the rest to the fund.

    Awards and rest must be exactly what was reserved. Asked again with the same figures, it gives
    the first answer; with others it is a ConflictError.
    """
    await lock(db, circle_id)
    key, source = f"allocate:{month}", chart.round_of(month)
    before = await answered(db, circle_id, key)
    if before is not None:
        return _same_allocation(before, month, awards, carried)
    reserved = await balance(db, circle_id, source)
    if reserved != sum(awards.values()) + carried:
        raise ConflictError(
            _(
                "Awards and rest of {month} do not add up to what was reserved. "
                "Nothing was booked; count the round again."
            ).format(month=month)
        )
    day = on or now.date()
    wanted = [
        NewTransfer(
            kind="allocate",
            debit=source,
            credit=chart.award(month, candidate),
            amount_minor=amount,
            effective_on=day,
            actor=actor,
            business_ref=f"allocate:{month}:{candidate}",
        )
        for candidate, amount in sorted(awards.items())
    ]
    if carried:
        wanted.append(
            NewTransfer(
                kind="carry",
                debit=source,
                credit=chart.FUND,
                amount_minor=carried,
                effective_on=day,
                actor=actor,
                business_ref=f"carry:{month}",
            )
        )
    return await record(db, circle_id, wanted, key=key, now=now)


def _same_allocation(entry: Entry, month: str, awards: Mapping[int, int], carried: int) -> Entry:
    wanted = {chart.award(month, n): amount for n, amount in awards.items()}
    if carried:
        wanted[chart.FUND] = carried
    if wanted != {t.credit: t.amount_minor for t in entry.transfers}:
        raise BookedAlreadyError(
            _("{month} was allocated before, with other figures.").format(month=month)
        )
    return entry


async def seal(
    db: AsyncSession,
    circle_id: bytes,
    month: str,
    moment: str = "vote",
    *,
    actor: int = 0,
    now: datetime | None = None,
) -> SealFigures:
    """The state of the books at a named moment of a month, fixed when first asked for.

    `fund_minor` is `undecided_minor`: reserving and sealing in one transaction gives a seal with
    exactly the reserved amount, and two seals of one state always agree. Moments: `vote` (before
    the vote's close record), `end` (the month's end), or any short name, such as `payout-<id>`.
    """
    return await _sealed(db, circle_id, f"{moment}:{month}", month, actor, now, None)


async def close_through(
    db: AsyncSession,
    circle_id: bytes,
    through: date,
    *,
    actor: int,
    now: datetime,
    ref: str | None = None,
) -> SealFigures:
    """Close the books up to and including that day. There is no way back, by design.

    `ref` names the seal; a month that two people closed has one of its own (`ledger.periods`).
    """
    ref, month = ref or f"close:{through.isoformat()}", through.isoformat()[:7]
    return await _sealed(db, circle_id, ref, month, actor, now, through)


async def _sealed(
    db: AsyncSession,
    circle_id: bytes,
    ref: str,
    month: str,
    actor: int,
    now: datetime | None,
    through: date | None,
) -> SealFigures:
    book = await book_of(db, circle_id, lock=True)
    query = select(SealRow.transfers, SealRow.head, SealRow.fund_minor).where(
        SealRow.book_id == book.id, SealRow.ref == ref
    )
    stored = (await db.execute(query)).one_or_none()
    if stored is not None:
        return SealFigures(stored.transfers, stored.head, stored.fund_minor, book.currency)
    if through is not None and book.closed_through is not None and through <= book.closed_through:
        raise ClosedPeriodError(
            _("The books are closed up to {day} already.").format(
                day=day_words(book.closed_through, year=True)
            )
        )
    fund = await undecided_minor(db, circle_id)
    figures = SealFigures(book.next_seq - 1, book.head, fund, book.currency)
    sealed_at = (now or datetime.now(UTC)).astimezone(UTC).replace(microsecond=0)
    await db.execute(
        insert(SealRow).values(
            book_id=book.id,
            ref=ref,
            month=month,
            transfers=figures.transfers,
            head=figures.head,
            fund_minor=fund,
            sealed_at=sealed_at,
            actor=actor,
            closes_through=through,
            hash=seal_hash(
                seal_record(book.id, ref, month, figures, sealed_at, actor, through),
            ),
        )
    )
    return figures


def seal_record(
    book_id: bytes,
    ref: str,
    month: str,
    figures: SealFigures,
    sealed_at: datetime,
    actor: int,
    through: date | None,
) -> Json:
    """What a stored seal's hash covers: all of its columns."""
    return {
        "actor": str(actor),
        "book": b64(book_id),
        "closes_through": None if through is None else through.isoformat(),
        "fund": figures.fund_minor,
        "head": b64(figures.head),
        "month": month,
        "ref": ref,
        "sealed_at": time_text(sealed_at),
        "transfers": figures.transfers,
    }
