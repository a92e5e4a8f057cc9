"""Who did what, so that it cannot be altered unseen.

Some rows say who proposed, who confirmed, and where money goes, and no chain of transfers covers
them. The database itself (its triggers) writes each of their states into a table of acts, which is
only added to. Before such a transaction commits, its acts are bound: numbered, and chained by a
hash under the host's key. `wrong` compares rows and acts: whoever holds the database alone can
neither alter such a row, nor cut one out, nor put one in. What was written past this program is
never bound, and is named.

A table says in its `info` that acts are kept of it:
`{"info": {"acts": Acts("ledger_act", key=("id",))}}`.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import BigInteger, Connection, LargeBinary, MetaData, String, Table, text
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.sql.dml import UpdateBase

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

    from circles.vault import Vault

_PAGE_ROWS = 500
_START = bytes(32)
# A sealed value begins with its nonce and its tag (libsodium's secretbox): they stand for all of it
# and tell nothing, so that the value itself can be erased.
_TAG_BYTES = 40
_MARKS = "circles_acts"
# Acts are numbered in the order of their commits; on PostgreSQL one commit at a time.
_ONE_AT_A_TIME = text("SELECT pg_advisory_xact_lock(4217036915)")


@dataclass(frozen=True)
class Acts:
    """Where the acts of a table stand, the columns by which a row is known, its sealed columns, and
    which columns are told (all, if none are named)."""

    table: str
    key: tuple[str, ...]
    sealed: tuple[str, ...] = ()
    told: tuple[str, ...] = ()


class ActColumns:
    """The columns of a table of acts: one state of one row of the table `kept`. `told` has a line
    for each column; None where the row went.

    `no` is the order of writing, `n` the number among the acts that were bound, `bound` a keyed
    hash over it and the one before.
    """

    no: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    n: Mapped[int | None] = mapped_column(BigInteger, unique=True)
    kept: Mapped[str] = mapped_column(String)
    key: Mapped[str] = mapped_column(String)
    told: Mapped[str | None] = mapped_column(String)
    bound: Mapped[bytes | None] = mapped_column(LargeBinary)


@dataclass(frozen=True)
class Wrong:
    """Something that is not as it was done: the row, and what about it."""

    where: str
    what: str


def of(table: Any) -> Acts | None:
    """What a table says of itself."""
    return table.info.get("acts") if isinstance(table, Table) else None


def notice(connection: Connection, statement: Any, *_rest: object) -> None:
    """Before a statement: whether acts will follow, and which are not of this transaction.

    A listener for the engine's `before_execute`.
    """
    if not isinstance(statement, UpdateBase) or (acts := of(statement.table)) is None:
        return
    marks = connection.info.setdefault(_MARKS, {})
    if acts.table not in marks:
        newest = connection.exec_driver_sql(f"SELECT max(no) FROM {acts.table}")  # noqa: S608 - a table of our own
        marks[acts.table] = newest.scalar() or 0


async def forget(db: AsyncSession) -> None:
    """Nothing was noticed yet: at the beginning of a transaction."""
    _noticed(await db.connection())


async def bind(db: AsyncSession, vault: Vault) -> None:
    """Bind the acts of this transaction; before its commit."""
    connection = await db.connection()
    for table, newest in _noticed(connection).items():
        await bind_after(connection, vault, table, newest)


def _noticed(connection: AsyncConnection) -> dict[str, int]:
    noticed: dict[str, int] = {}
    if connection.sync_connection is not None:
        noticed = connection.sync_connection.info.pop(_MARKS, noticed)
    return noticed


async def bind_after(connection: AsyncConnection, vault: Vault, table: str, newest: int) -> None:
    """Bind what has no number and came after the act `newest`."""
    waiting = text(
        f"SELECT no, kept, key, told FROM {table} WHERE n IS NULL AND no > :no ORDER BY no"  # noqa: S608 - a table of our own
    )
    told_now = (await connection.execute(waiting, {"no": newest})).all()
    if not told_now:
        return
    if connection.dialect.name == "postgresql":
        await connection.execute(_ONE_AT_A_TIME)
    last = text(f"SELECT n, bound FROM {table} WHERE n IS NOT NULL ORDER BY n DESC LIMIT 1")  # noqa: S608 - a table of our own
    n, bound = (await connection.execute(last)).first() or (0, _START)
    numbered = []
    for no, kept, key, told in told_now:
        n, bound = n + 1, _bound(vault, table, bound, (n + 1, kept, key, told))
        numbered.append({"n": n, "bound": bound, "no": no})
    given = text(f"UPDATE {table} SET n = :n, bound = :bound WHERE no = :no")  # noqa: S608 - a table of our own
    await connection.execute(given, numbered)


def _bound(vault: Vault, table: str, before: bytes, act: tuple[int, str, str, str | None]) -> bytes:
    return vault.mac(f"acts {table}", before + json.dumps(act).encode())


async def wrong(db: AsyncSession, vault: Vault, metadata: MetaData) -> list[Wrong]:
    """All that does not hold of the tables there that keep acts, and of their acts."""
    kept = [(table, acts) for table in metadata.sorted_tables if (acts := of(table)) is not None]
    found: list[Wrong] = []
    for name in sorted({acts.table for _table, acts in kept}):
        found += await _chain(db, vault, name)
    for table, acts in kept:
        found += await _table(db, table, acts)
    return found


async def triggers_on(db: AsyncSession) -> set[str]:
    """The names of the database's triggers that are not switched off."""
    query = (
        "SELECT name FROM sqlite_master WHERE type = 'trigger'"
        if db.get_bind().dialect.name == "sqlite"
        else "SELECT tgname FROM pg_trigger WHERE tgenabled IN ('O', 'A')"
    )
    return set((await db.scalars(text(query))).all())


def _row_words(kept: str, key: str) -> str:
    return f"{kept.partition('_')[2].replace('_', ' ')} {key}"


async def _chain(db: AsyncSession, vault: Vault, name: str) -> list[Wrong]:
    found: list[Wrong] = []
    page = text(
        f"SELECT n, kept, key, told, bound FROM {name} WHERE n > :n ORDER BY n LIMIT :rows"  # noqa: S608 - a table of our own
    )
    last, before = 0, _START
    while rows := (await db.execute(page, {"n": last, "rows": _PAGE_ROWS})).all():
        for n, kept, key, told, bound in rows:
            if n != last + 1:
                found.append(Wrong(f"act {last + 1}", f"is missing; {n} follows {last}"))
            elif _bound(vault, name, before, (n, kept, key, told)) != bound:
                found.append(Wrong(f"act {n}", f"({_row_words(kept, key)}) was altered"))
            last, before = n, bound
    stray = text(f"SELECT kept, key FROM {name} WHERE n IS NULL OR n < 1 ORDER BY no LIMIT :rows")  # noqa: S608 - a table of our own
    for kept, key in await db.execute(stray, {"rows": _PAGE_ROWS}):
        found.append(Wrong(_row_words(kept, key), "was written past this program"))
    return found


async def _table(db: AsyncSession, table: Table, acts: Acts) -> list[Wrong]:
    """The rows of one table against the newest act of each."""
    found: list[Wrong] = []
    last, standing = None, 0
    async for known_as, row, told in _rows(db, table, acts):
        words = _row_words(table.name, known_as)
        if known_as == last:
            found.append(Wrong(words, "stands twice"))
        elif told is None:
            found.append(Wrong(words, "was put in past this program"))
        else:
            standing += 1
            if others := _differing(row, told, acts):
                found.append(Wrong(words, f"is not as it was done: {', '.join(others)}"))
        last = known_as
    return found + await _lost(db, table, acts, standing)


async def _rows(
    db: AsyncSession, table: Table, acts: Acts
) -> AsyncIterator[tuple[str, dict[str, Any], str | None]]:
    """Each row, by its key and a page at a time: what it is known as, its columns, and what its
    newest act told of it."""
    columns = [c.name for c in table.columns if not acts.told or c.name in acts.told]
    key = _key_sql(table, acts, sqlite=db.get_bind().dialect.name == "sqlite")
    place = ", ".join(f"r.{name}" for name in acts.key)
    every = (
        f"SELECT {key}, {', '.join(f'r.{name}' for name in columns)}, "  # noqa: S608 - tables of our own
        f"(SELECT a.told FROM {acts.table} a WHERE a.kept = :kept AND a.key = {key} "
        f"AND a.n IS NOT NULL ORDER BY a.n DESC LIMIT 1) FROM {table.name} r "
    )
    further = f"WHERE ({place}) > ({', '.join(f':{name}' for name in acts.key)}) "
    by_place = f"ORDER BY {place} LIMIT :rows"
    asked = {"kept": table.name, "rows": _PAGE_ROWS}
    rows = (await db.execute(text(every + by_place), asked)).all()
    while rows:
        for known_as, *values, told in rows:
            row = dict(zip(columns, values, strict=True))
            yield known_as, row, told
        after = {name: row[name] for name in acts.key}
        rows = (await db.execute(text(every + further + by_place), asked | after)).all()


async def _lost(db: AsyncSession, table: Table, acts: Acts, standing: int) -> list[Wrong]:
    """Rows that were cut out: the newest act does not say that they went. Nobody need look which,
    if as many stand as should."""
    alive = (
        f"FROM {acts.table} a WHERE a.kept = :kept AND a.told IS NOT NULL AND a.n = "  # noqa: S608 - tables of our own
        f"(SELECT max(b.n) FROM {acts.table} b WHERE b.kept = a.kept AND b.key = a.key)"
    )
    asked = {"kept": table.name}
    if await db.scalar(text(f"SELECT count(*) {alive}"), asked) == standing:
        return []
    key = _key_sql(table, acts, sqlite=db.get_bind().dialect.name == "sqlite")
    rows = await db.execute(
        text(
            f"SELECT a.key {alive} AND a.key NOT IN "  # noqa: S608 - tables of our own
            f"(SELECT {key} FROM {table.name} r) ORDER BY a.key"
        ),
        asked,
    )
    return [Wrong(_row_words(table.name, known_as), "is gone") for (known_as,) in rows]


def _key_sql(table: Table, acts: Acts, *, sqlite: bool) -> str:
    hexed = "lower(hex(r.{}))" if sqlite else "encode(r.{}, 'hex')"
    return " || ':' || ".join(
        hexed.format(name) if _is_bytes(table, name) else f"CAST(r.{name} AS TEXT)"
        for name in acts.key
    )


def _is_bytes(table: Table, name: str) -> bool:
    kind = table.columns[name].type
    return isinstance(getattr(kind, "impl", kind), LargeBinary)


def _differing(row: dict[str, Any], told: str, acts: Acts) -> list[str]:
    """The columns in which a row is not what its act tells."""
    lines = {
        name: f"{name}={_literal(value[:_TAG_BYTES] if name in acts.sealed and value else value)}\n"
        for name, value in row.items()
    }
    if "".join(lines.values()) == told:
        return []
    return [name for name, line in lines.items() if line not in told] or list(row)


def _literal(value: Any) -> str:
    """A column, as its driver gives it, in the words of the database's own triggers."""
    if value is None:
        return "NULL"
    if isinstance(value, bytes):
        return f"X'{value.hex().upper()}'"
    if isinstance(value, datetime):
        value = value.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")
    return "'" + str(value).replace("'", "''") + "'"
