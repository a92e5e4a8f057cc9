"""The bank's lines as they were kept: which wait, and which there are."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import ColumnElement, Exists, and_, exists, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from circles.errors import MissingError
from circles.ledger.bank import words
from circles.ledger.bank.words import LineWords
from circles.ledger.bank_tables import (
    BankLineRow,
    BankMatch,
    BankSeen,
    BankStatement,
    BankTied,
    BankUntied,
    BankWithdrawal,
)
from circles.ledger.tables import Book, TransferRow
from circles.vault import Vault
from circles.web.i18n import gettext as _


@dataclass(frozen=True, slots=True)
class BankLine:
    """One line of the bank. `words` is None once they were erased, or when nobody asked for them.

    `key` is 32 bytes that only this line of this account has; it comes from a keyed hash, so it may
    stand in a business reference.
    """

    id: bytes
    account_id: bytes
    key: bytes
    booked_on: date
    value_on: date | None
    amount_minor: int
    words: LineWords | None


def stands() -> Exists:
    """Whether a line counts: a statement that was not withdrawn has it."""
    withdrawn = exists().where(BankWithdrawal.statement_id == BankSeen.statement_id)
    return exists().where(BankSeen.line_id == BankLineRow.id, ~withdrawn)


def in_live_match(*more: ColumnElement[bool]) -> Exists:
    """Whether a part of a live match fits these conditions."""
    untied = exists().where(BankUntied.match_id == BankTied.match_id)
    return exists().where(BankTied.match_id == BankMatch.id, ~untied, *more)


async def waiting(db: AsyncSession, vault: Vault | None, circle_id: bytes) -> list[BankLine]:
    """Lines that no live match explains, the oldest first."""
    tied = in_live_match(BankTied.line_id == BankLineRow.id)
    return await _select(db, vault, circle_id, ~tied)


async def count_waiting(db: AsyncSession, circle_id: bytes) -> tuple[int, int]:
    """(how many of them there are, what they come to)."""
    tied = in_live_match(BankTied.line_id == BankLineRow.id)
    query = (
        select(func.count(), func.coalesce(func.sum(BankLineRow.amount_minor), 0))
        .select_from(BankLineRow)
        .join(Book, Book.id == BankLineRow.book_id)
        .where(Book.circle_id == circle_id, stands(), ~tied)
    )
    count, minor = (await db.execute(query)).one()
    return count, int(minor)


async def between(
    db: AsyncSession, vault: Vault | None, circle_id: bytes, first: date, last: date
) -> list[BankLine]:
    """All lines of these days, the first and the last among them, the oldest first."""
    days = and_(BankLineRow.booked_on >= first, BankLineRow.booked_on <= last)
    return await _select(db, vault, circle_id, days)


async def untied_through(
    db: AsyncSession, vault: Vault | None, circle_id: bytes, through: date
) -> list[BankLine]:
    """Lines booked by that day whose transfers, if any, were not all booked by then."""
    part = aliased(BankTied)
    later = exists().where(
        part.match_id == BankMatch.id,
        part.transfer_id == TransferRow.id,
        TransferRow.effective_on > through,
    )
    settled = in_live_match(BankTied.line_id == BankLineRow.id, ~later)
    return await _select(db, vault, circle_id, BankLineRow.booked_on <= through, ~settled)


async def get(db: AsyncSession, vault: Vault | None, circle_id: bytes, line_id: bytes) -> BankLine:
    """One line of this circle; MissingError."""
    found = await _select(db, vault, circle_id, BankLineRow.id == line_id)
    if not found:
        raise MissingError(_("There is no such line of the bank in this circle."))
    return found[0]


async def some(
    db: AsyncSession, vault: Vault | None, circle_id: bytes, line_ids: Collection[bytes]
) -> list[BankLine]:
    """Those of these lines that count, the oldest first."""
    return await _select(db, vault, circle_id, BankLineRow.id.in_(line_ids))


async def _select(
    db: AsyncSession, vault: Vault | None, circle_id: bytes, *which: ColumnElement[bool]
) -> list[BankLine]:
    query = (
        select(
            BankLineRow.id,
            BankLineRow.account_id,
            BankLineRow.key,
            BankLineRow.booked_on,
            BankLineRow.value_on,
            BankLineRow.amount_minor,
            BankLineRow.words_sealed,
        )
        .join(Book, Book.id == BankLineRow.book_id)
        .where(Book.circle_id == circle_id, stands(), *which)
        .order_by(BankLineRow.booked_on, BankLineRow.id)
    )
    return [
        BankLine(*row[:-1], words=words.opened(vault, row.id, row.words_sealed) if vault else None)
        for row in await db.execute(query)
    ]


async def erase_words(db: AsyncSession, before: datetime) -> int:
    """Take the bank's words away from lines that came before that moment and are explained, or lie
    in a closed period. What still waits keeps them. How many were erased."""
    recent = exists().where(
        BankSeen.line_id == BankLineRow.id,
        BankStatement.id == BankSeen.statement_id,
        BankStatement.imported_at >= before,
    )
    closed = exists().where(
        Book.id == BankLineRow.book_id, Book.closed_through >= BankLineRow.booked_on
    )
    done = or_(in_live_match(BankTied.line_id == BankLineRow.id), closed, ~stands())
    erased = await db.execute(
        update(BankLineRow)
        .where(BankLineRow.words_sealed.is_not(None), ~recent, done)
        .values(words_sealed=None)
        .returning(BankLineRow.id)
        .execution_options(synchronize_session=False)
    )
    return len(erased.all())
