"""Accounts that paid for a member before. Learned when a person confirms a line, never by guessing.

What is kept is a keyed hash over circle, member and account: with the database alone nobody learns
an account number, nor that two members share one. It is forgotten when the member leaves, or when
they or the treasurer say so.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import delete, insert, select
from sqlalchemy.ext.asyncio import AsyncSession

from circles.ledger.bank.words import LineWords
from circles.ledger.journal import book_of
from circles.ledger.payer_tables import MatchingRow, PayerLinkRow
from circles.ledger.statements.model import Detail
from circles.ledger.tables import Book
from circles.vault import Vault

_LINK = "ledger/payer-link"
# More keyed hashes than that are made beside the loop.
_AT_ONCE = 2000


@dataclass(frozen=True, slots=True)
class Link:
    """One thing that was learned: for whom, and when. What it was nobody can read."""

    mark: bytes
    number: str
    learned_on: date


def account_of(words: LineWords | Detail | None) -> str | None:
    """The other side's account as the bank names it, or nothing."""
    if words is None:
        return None
    number = words.counterparty_iban
    if not number and isinstance(words, LineWords):
        number = words.counterparty_account
    plain = "".join((number or "").split()).upper()
    return f"account:{plain}" if plain else None


def name_of(words: LineWords | Detail | None) -> str | None:
    """The other side's name: all that some banks tell."""
    name = " ".join((words.counterparty or "").casefold().split()) if words else ""
    return f"name:{name}" if name else None


def mark(vault: Vault, circle_id: bytes, number: str, payer: str) -> bytes:
    """32 bytes that say, to this host alone, that this payer paid for that member."""
    return vault.mac(_LINK, circle_id + f"{number}\x00{payer}".encode("utf-8", "replace"))


async def links(db: AsyncSession, circle_id: bytes) -> list[Link]:
    """All that was learned, by member and day."""
    query = (
        select(PayerLinkRow.mark, PayerLinkRow.number, PayerLinkRow.learned_on)
        .join(Book, Book.id == PayerLinkRow.book_id)
        .where(Book.circle_id == circle_id)
        .order_by(PayerLinkRow.number, PayerLinkRow.learned_on, PayerLinkRow.mark)
    )
    return [Link(*row) for row in await db.execute(query)]


async def known(
    db: AsyncSession, vault: Vault, circle_id: bytes, payers: Iterable[str]
) -> dict[str, frozenset[str]]:
    """For whom each of these payers paid before; those for nobody are left out."""
    by_number: dict[str, set[bytes]] = {}
    for link in await links(db, circle_id):
        by_number.setdefault(link.number, set()).add(link.mark)
    asked = set(payers)
    if len(asked) * len(by_number) <= _AT_ONCE:
        return _paid_for(vault, circle_id, by_number, asked)
    return await asyncio.to_thread(_paid_for, vault, circle_id, by_number, asked)


def _paid_for(
    vault: Vault, circle_id: bytes, by_number: Mapping[str, set[bytes]], asked: Iterable[str]
) -> dict[str, frozenset[str]]:
    found: dict[str, frozenset[str]] = {}
    for payer in asked:
        numbers = frozenset(
            number
            for number, marks in by_number.items()
            if mark(vault, circle_id, number, payer) in marks
        )
        if numbers:
            found[payer] = numbers
    return found


async def learn(
    db: AsyncSession,
    vault: Vault,
    circle_id: bytes,
    number: str,
    payer: str,
    *,
    actor: int,
    on: date,
) -> None:
    """Remember what a person confirmed. Twice is once."""
    book = await book_of(db, circle_id, lock=True)
    made = mark(vault, circle_id, number, payer)
    if await db.get(PayerLinkRow, (book.id, made)) is None:
        await db.execute(
            insert(PayerLinkRow).values(
                book_id=book.id, mark=made, number=number, learned_on=on, learned_actor=actor
            )
        )


async def unlearn(
    db: AsyncSession, vault: Vault, circle_id: bytes, number: str, payer: str
) -> None:
    """That was wrong: forget it."""
    book = await book_of(db, circle_id, lock=True)
    made = mark(vault, circle_id, number, payer)
    await db.execute(
        delete(PayerLinkRow).where(PayerLinkRow.book_id == book.id, PayerLinkRow.mark == made)
    )


async def forget(db: AsyncSession, circle_id: bytes, number: str) -> int:
    """Forget every account that paid for this member; how many there were."""
    book = await book_of(db, circle_id)
    gone = await db.execute(
        delete(PayerLinkRow)
        .where(PayerLinkRow.book_id == book.id, PayerLinkRow.number == number)
        .returning(PayerLinkRow.mark)
    )
    return len(gone.all())


async def books_by_itself(db: AsyncSession, circle_id: bytes) -> bool:
    """Whether certain lines are booked without a click: off until somebody says so."""
    book = await book_of(db, circle_id)
    query = select(MatchingRow.by_itself).where(MatchingRow.book_id == book.id)
    return await db.scalar(query) == 1


async def let_it_book(
    db: AsyncSession, circle_id: bytes, *, on: bool, actor: int, now: datetime
) -> None:
    """Say whether it may."""
    book = await book_of(db, circle_id, lock=True)
    await db.execute(delete(MatchingRow).where(MatchingRow.book_id == book.id))
    await db.execute(
        insert(MatchingRow).values(
            book_id=book.id, by_itself=int(on), said_actor=actor, said_at=now
        )
    )
