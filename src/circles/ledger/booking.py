"""One booking as a list of questions to the database, asked by whoever can.

The steps are a generator: it yields a statement, is sent the rows, and returns the entry. On SQLite
all of it runs in one visit to the connection's thread (`lite.Connection.run`); on PostgreSQL each
statement is one round trip, and there are two of them: look and store. Nothing here is compiled:
the statements are texts, prepared once by the driver.
"""

from __future__ import annotations

import json
import secrets
import sqlite3
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, date, datetime
from functools import lru_cache
from operator import attrgetter
from typing import Any, NamedTuple, TypeVar

from sqlalchemy.exc import OperationalError
from sqlalchemy.ext.asyncio import AsyncSession

from circles.ledger import chart
from circles.ledger.problems import PAGE_ROWS, as_day, as_transfer
from circles.ledger.transfer import (
    Entry,
    NewTransfer,
    Transfer,
    chained,
    note_hash,
    request_hash,
)
from circles.lite import Connection

Answer = TypeVar("Answer")
# The columns of a stored transfer, in the order in which they are written and read.
STORED = tuple(field.name for field in fields(Transfer))
_COLUMNS = ", ".join(STORED)
_values = attrgetter(*STORED)
# How many rows one SQLite statement brings: each statement with triggers keeps a journal of the
# pages it changes, so that many rows in one are cheaper than many of one. Few sizes, because each
# is a statement to prepare.
_BUNCHES = (50, 10, 1)


class Ask(NamedTuple):
    """A statement and its values; with `many`, once for each of the tuples in `values`."""

    sql: str
    values: Sequence[Any]
    many: bool = False


Steps = Generator[Ask, Sequence[Any], Answer]


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
class Look:
    """What a booking must know: the book, the balances (`code -> credits - debits`) of the accounts
    it names that exist, a reference of it that is booked already, and the first answer to its key
    (hash of the request, id of the entry)."""

    book: BookState
    nets: dict[str, int]
    known_ref: str | None
    answered: tuple[bytes, bytes] | None


class Statements:
    """The texts for one kind of database. Balances are read after the book's row is locked, by a
    statement of their own inside `ledger_look`: beside the lock they could be older than it."""

    def __init__(self, dialect: str) -> None:
        self.sqlite = dialect == "sqlite"
        self.look = _SQLITE_LOOK if self.sqlite else "SELECT * FROM ledger_look($1, $2, $3, $4)"
        self.account = self._insert("ledger_account", "book_id, code, class, floor")
        self.note = self._insert("ledger_note", "hash, book_id, salt, note")
        self.key = self._insert("ledger_idempotency", "book_id, key, request_sha256, entry_id")
        one = self.mark
        self.mirrored = (
            f"SELECT {_COLUMNS}, (SELECT r.id FROM ledger_transfer r WHERE r.reverses = o.id) "  # noqa: S608 - our own column names
            f"FROM ledger_transfer o WHERE o.book_id = {one(1)} AND o.id = {one(2)}"
        )
        self.entry = (
            f"SELECT {_COLUMNS} FROM ledger_transfer "  # noqa: S608 - our own column names
            f"WHERE book_id = {one(1)} AND entry_id = {one(2)} ORDER BY seq"
        )
        self.page = (
            f"SELECT {_COLUMNS} FROM ledger_transfer "  # noqa: S608 - our own column names
            f"WHERE book_id = {one(1)} AND seq > {one(2)} ORDER BY seq LIMIT {one(3)}"
        )
        self.salt = f"SELECT salt FROM ledger_note WHERE hash = {one(1)}"  # noqa: S608 - no value

    def mark(self, number: int) -> str:
        """Where the value of that number goes."""
        return f"?{number}" if self.sqlite else f"${number}"

    def _insert(self, table: str, columns: str) -> str:
        marks = ", ".join(self.mark(n + 1) for n in range(columns.count(",") + 1))
        return f"INSERT INTO {table} ({columns}) VALUES ({marks})"  # noqa: S608 - our own names

    def texts(self, values: Sequence[str]) -> Any:
        """A list of texts as one value."""
        return json.dumps(list(values)) if self.sqlite else list(values)

    def transfers(self, rows: Sequence[Transfer]) -> Steps[None]:
        """Store them, in order, in as few statements as it takes."""
        if not self.sqlite:
            yield Ask(
                _PG_INSERT, [list(column) for column in zip(*map(_values, rows), strict=True)]
            )
            return
        stored = [_sqlite_values(row) for row in rows]
        while stored:
            size = next(size for size in _BUNCHES if size <= len(stored))
            yield Ask(_SQLITE_INSERTS[size], [v for row in stored[:size] for v in row])
            stored = stored[size:]


_SQLITE_LOOK = """
WITH b AS MATERIALIZED (
  SELECT b.id, b.circle_id, b.currency, b.next_seq, b.head, b.closed_through,
    (SELECT t.business_ref FROM ledger_transfer t WHERE t.book_id = b.id
      AND t.business_ref IN (SELECT value FROM json_each(?3)) LIMIT 1) AS known_ref,
    i.request_sha256, i.entry_id
  FROM ledger_book b
  LEFT JOIN ledger_idempotency i ON i.book_id = b.id AND i.key = ?4
  WHERE b.circle_id = ?1)
SELECT b.*, a.code, a.credits - a.debits FROM b
LEFT JOIN ledger_balance a ON a.book_id = b.id AND a.code IN (SELECT value FROM json_each(?2))
"""
_SQLITE_INSERTS = {
    size: f"INSERT INTO ledger_transfer ({_COLUMNS}) VALUES "  # noqa: S608 - our own column names
    + ", ".join(["(" + ", ".join("?" * len(STORED)) + ")"] * size)
    for size in _BUNCHES
}
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
_PG_INSERT = (
    f"INSERT INTO ledger_transfer ({_COLUMNS}) SELECT * FROM unnest("  # noqa: S608 - our own column names
    + ", ".join(f"${n}::{_PG_TYPES.get(name, 'bytea')}[]" for n, name in enumerate(STORED, 1))
    + ")"
)
_STATEMENTS = {dialect: Statements(dialect) for dialect in ("sqlite", "postgresql")}


def _sqlite_values(row: Transfer) -> list[Any]:
    values = list(_values(row))
    values[8], values[9] = row.effective_on.isoformat(), _sqlite_time(row.recorded_at)
    return values


@lru_cache(maxsize=16)
def _sqlite_time(at: datetime) -> str:
    """As the mapped type writes it."""
    return at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")


async def carry_out(db: AsyncSession, steps: Callable[[Statements], Steps[Answer]]) -> Answer:
    """Ask the database all that these steps want to know, inside the transaction of `db`."""
    connection = await db.connection()
    dialect = connection.dialect.name
    asking = steps(_STATEMENTS[dialect])
    if dialect == "sqlite":
        raw = await connection.get_raw_connection()
        driver = raw.driver_connection
        if not isinstance(driver, Connection):
            raise TypeError("SQLite is opened by circles.db")
        return await driver.run(lambda sqlite: _in_thread(sqlite, asking))
    try:
        ask = next(asking)
        while True:
            values = [tuple(row) for row in ask.values] if ask.many else tuple(ask.values)
            result = await connection.exec_driver_sql(ask.sql, values)
            ask = asking.send(result.all() if result.returns_rows else ())
    except StopIteration as done:
        answer: Answer = done.value
        return answer


def _in_thread(sqlite: sqlite3.Connection, asking: Steps[Answer]) -> Answer:
    try:
        ask = next(asking)
        while True:
            run = sqlite.executemany if ask.many else sqlite.execute
            ask = asking.send(run(ask.sql, ask.values).fetchall())
    except StopIteration as done:
        answer: Answer = done.value
        return answer
    except sqlite3.IntegrityError:
        raise
    except sqlite3.Error as error:
        # As everywhere else: whoever asks knows SQLAlchemy's errors.
        raise OperationalError(ask.sql, None, error) from error


def look(
    sql: Statements, circle_id: bytes, wanted: Sequence[NewTransfer], key: str | None
) -> Steps[Look | None]:
    """Lock the book and read what the booking needs; None where there is no book."""
    codes = {code for t in wanted for code in (t.debit, t.credit)}
    refs = [t.business_ref for t in wanted if t.business_ref is not None]
    rows = yield Ask(sql.look, (circle_id, sql.texts(sorted(codes)), sql.texts(refs), key))
    if not rows:
        return None
    book_id, circle, currency, next_seq, head, closed, known_ref, sha, entry_id = rows[0][:9]
    closed = None if closed is None else as_day(closed)
    book = BookState(book_id, circle, currency, next_seq, head, closed)
    nets = {code: net for *_book, code, net in rows if code is not None}
    return Look(book, nets, known_ref, None if sha is None else (sha, entry_id))


def entry_transfers(
    sql: Statements, book_id: bytes, entry_id: bytes
) -> Steps[tuple[Transfer, ...]]:
    """The transfers booked together under that entry, in order."""
    rows = yield Ask(sql.entry, (book_id, entry_id))
    return tuple(as_transfer(row) for row in rows)


def page(sql: Statements, book_id: bytes, after: int) -> Steps[Sequence[Sequence[Any]]]:
    """The next transfers of a book, each as it is stored (`STORED`); none after its end."""
    rows = yield Ask(sql.page, (book_id, after, PAGE_ROWS))
    return rows


def store(
    sql: Statements,
    book: BookState,
    missing: Sequence[str],
    wanted: Sequence[NewTransfer],
    key: str | None,
    now: datetime,
) -> Steps[Entry]:
    """Open the accounts that are new, then chain and write the transfers, notes and key."""
    if missing:
        accounts = [(book.id, c, chart.class_of(c), chart.floor_of(c)) for c in missing]
        yield Ask(sql.account, accounts, many=True)
    entry_id, salts = secrets.token_bytes(16), []
    for new in wanted:
        salt = secrets.token_bytes(16)
        salts.append((salt, None if new.note is None else note_hash(book.id, salt, new.note)))
    notes = [
        (hashed, book.id, salt, new.note)
        for new, (salt, hashed) in zip(wanted, salts, strict=True)
        if hashed is not None
    ]
    if notes:
        yield Ask(sql.note, notes, many=True)
    transfers = _chain(book, wanted, [hashed for _salt, hashed in salts], entry_id, now)
    if transfers:
        yield from sql.transfers(transfers)
    if key is not None:
        yield Ask(sql.key, (book.id, key, request_hash(book.id, key, list(wanted)), entry_id))
    return Entry(entry_id, tuple(transfers), created=True)


def _chain(
    book: BookState,
    wanted: Sequence[NewTransfer],
    notes: Sequence[bytes | None],
    entry_id: bytes,
    now: datetime,
) -> list[Transfer]:
    head, at = book.head, now.replace(microsecond=0)
    # Ids and salts: one request to the system's generator for all of them.
    fresh = secrets.token_bytes(32 * len(wanted))
    transfers: list[Transfer] = []
    for n, (new, note) in enumerate(zip(wanted, notes, strict=True)):
        own = fresh[32 * n : 32 * n + 32]
        values = (own[:16], book.id, book.next_seq + n, entry_id, new.kind, new.debit, new.credit,
                  new.amount_minor, new.effective_on, at, new.reverses, new.actor, note,
                  new.business_ref, own[16:])  # fmt: skip
        before, head = head, chained(head, values)
        transfers.append(Transfer(*values, before, head))
    return transfers
