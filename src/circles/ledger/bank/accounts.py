"""The bank accounts that a circle said are its own, and how their tables are read."""

from __future__ import annotations

import secrets
from collections.abc import Mapping as Items
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import delete, insert, select
from sqlalchemy.ext.asyncio import AsyncSession

from circles.ledger import chart
from circles.ledger.bank_tables import BankAccount, BankMapping
from circles.ledger.statements.mapping import Mapping, MappingError
from circles.ledger.tables import Book

# What a table's account is called when neither file nor circle knows a number for it.
NAMELESS = "-"


@dataclass(frozen=True, slots=True)
class Account:
    """One number under which files name an account; `code` is its account in the books."""

    id: bytes
    number: str
    code: str


async def known(db: AsyncSession, circle_id: bytes) -> dict[str, Account]:
    """By number."""
    query = (
        select(BankAccount.id, BankAccount.number, BankAccount.code)
        .join(Book, Book.id == BankAccount.book_id)
        .where(Book.circle_id == circle_id)
        .order_by(BankAccount.added_at, BankAccount.number)
    )
    return {row.number: Account(*row) for row in await db.execute(query)}


async def add(
    db: AsyncSession, book_id: bytes, number: str, *, actor: int, now: datetime
) -> Account:
    """Another number; it means the circle's one bank account, whose code it gets."""
    made = Account(secrets.token_bytes(16), number, chart.MAIN_BANK)
    await db.execute(
        insert(BankAccount).values(
            id=made.id,
            book_id=book_id,
            number=number,
            code=made.code,
            added_at=now,
            added_actor=actor,
        )
    )
    return made


def fingerprint(mapping: Mapping, columns: int) -> str:
    """What a table is known again by: the names of its columns, or only how many there are."""
    return mapping.fingerprint if any(mapping.names) else f"{ord(mapping.delimiter)}:{columns}"


async def mappings(db: AsyncSession, circle_id: bytes) -> dict[str, Mapping]:
    """What was said of this circle's tables, by fingerprint; the newest word where two differ."""
    query = (
        select(BankMapping.fingerprint, BankMapping.mapping)
        .join(BankAccount, BankAccount.id == BankMapping.account_id)
        .join(Book, Book.id == BankAccount.book_id)
        .where(Book.circle_id == circle_id)
        .order_by(BankMapping.kept_at)
    )
    found: dict[str, Mapping] = {}
    for row in await db.execute(query):
        try:
            found[row.fingerprint] = Mapping.from_json(row.mapping)
        except MappingError:
            continue
    return found


def remembered(kept: Items[str, Mapping], guessed: Mapping) -> Mapping | None:
    """What was said of such a table before, with the rows before the header as they are now."""
    found = kept.get(fingerprint(guessed, width(guessed)))
    return None if found is None else replace(found, header_row=guessed.header_row)


def width(mapping: Mapping) -> int:
    """How many columns a mapping speaks of."""
    used = max((n for _name, numbers in mapping.columns for n in numbers), default=-1) + 1
    return max(used, len(mapping.names))


async def keep_mapping(
    db: AsyncSession, account_id: bytes, mapping: Mapping, *, now: datetime
) -> None:
    """Remember how this account's tables are read."""
    mark = fingerprint(mapping, width(mapping))
    await db.execute(
        delete(BankMapping).where(
            BankMapping.account_id == account_id, BankMapping.fingerprint == mark
        )
    )
    await db.execute(
        insert(BankMapping).values(
            account_id=account_id, fingerprint=mark, mapping=mapping.to_json(), kept_at=now
        )
    )
