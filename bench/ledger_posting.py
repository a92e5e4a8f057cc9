"""How fast the books take transfers, as a ratio to a bare insert on the same machine in one run.

    python bench/ledger_posting.py                     # SQLite, then a PostgreSQL of its own
    python bench/ledger_posting.py --database URL      # an empty database, SQLite or PostgreSQL
    python bench/ledger_posting.py --quick             # few rounds: does it run at all

Two references, each a row as wide with the same indexes, one insert and one commit, no guards and
no chain: *raw* goes through the same layer as the books (SQLAlchemy Core in `Database.begin()`);
*driver* is sqlite3, without threads, or asyncpg alone, without a layer. Disk settings are the ones
of a real host (synchronous=FULL; fsync on). The three are measured in turns, because a disk's speed
varies more from minute to minute than they differ. Goals against raw: per commit of 1 / 100 / 1000
rows 0.85 / 0.7 / 0.7 on SQLite and 0.6 / 0.7 / 0.7 on PostgreSQL.
"""

from __future__ import annotations

import argparse
import asyncio
import secrets
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import asyncpg
from sqlalchemy import MetaData, Table, insert, text

sys.path.insert(0, str(Path(__file__).parent.parent))

from circles import migrate
from circles.db import _PRAGMAS, Database
from circles.ledger import books, chart
from circles.ledger.books import NewTransfer
from circles.ledger.tables import TransferRow
from circles.ledger.verify_chain import Chain
from tests import postgres

NOW = datetime(2026, 10, 1, 8, 0, tzinfo=UTC)
DAY = date(2026, 10, 1)
TURNS = 5
COMMITS = {1: 60, 100: 6, 1000: 2}
QUICK = {1: 2, 100: 1}
Post = Callable[[int], Awaitable[None]]


async def bare_table(database: Database) -> Table:
    """`bench_transfer`: the columns and indexes of `ledger_transfer`, and nothing else."""
    table: Table = TransferRow.__table__.to_metadata(MetaData(), name="bench_transfer")  # type: ignore[attr-defined]  # a declarative table is a Table
    for constraint in list(table.foreign_key_constraints):
        table.constraints.discard(constraint)
    for column in table.columns:
        column.foreign_keys.clear()
    async with database.begin() as db:
        connection = await db.connection()
        await connection.run_sync(table.create)
        for side in ("debit", "credit"):
            await db.execute(
                text(f"CREATE INDEX bench_{side} ON bench_transfer (book_id, {side}, seq)")
            )
    return table


class Rows:
    """Rows for the bare table, one after the other."""

    def __init__(self) -> None:
        self._seq, self._book = 0, secrets.token_bytes(16)

    def row(self) -> dict[str, Any]:
        self._seq += 1
        return {
            "book_id": self._book,
            "seq": self._seq,
            "id": secrets.token_bytes(16),
            "entry_id": secrets.token_bytes(16),
            "kind": "contribution",
            "debit": chart.MAIN_BANK,
            "credit": chart.member(f"M{1000 + self._seq % 40}"),
            "amount_minor": 1000,
            "effective_on": DAY,
            "recorded_at": NOW,
            "reverses": None,
            "actor": 7,
            "note_hash": None,
            "business_ref": None,
            "salt": secrets.token_bytes(16),
            "prev_hash": secrets.token_bytes(32),
            "hash": secrets.token_bytes(32),
        }


def raw(database: Database, table: Table) -> Post:
    source = Rows()

    async def post(rows: int) -> None:
        async with database.begin() as db:
            await db.execute(insert(table), [source.row() for _ in range(rows)])

    return post


async def driver(url: str) -> tuple[Post, Callable[[], Awaitable[None]]]:
    """Inserts by the driver alone, and how to close it."""
    source = Rows()
    names = ", ".join(source.row())
    if url.startswith("sqlite"):
        lite = sqlite3.connect(url.partition(":///")[2], isolation_level=None)
        for pragma in _PRAGMAS:
            lite.execute(f"PRAGMA {pragma}")
        marks = ", ".join("?" * 17)

        async def into_lite(rows: int) -> None:
            lite.execute("BEGIN IMMEDIATE")
            made = [source.row() | {"effective_on": str(DAY), "recorded_at": str(NOW)}
                    for _ in range(rows)]  # fmt: skip
            lite.executemany(
                f"INSERT INTO bench_transfer ({names}) VALUES ({marks})",  # noqa: S608 - names of our own
                [tuple(row.values()) for row in made],
            )
            lite.execute("COMMIT")

        async def close_lite() -> None:
            lite.close()

        return into_lite, close_lite
    pg = await asyncpg.connect(url.replace("+asyncpg", ""))
    marks = ", ".join(f"${n + 1}" for n in range(17))

    async def into_pg(rows: int) -> None:
        async with pg.transaction():
            await pg.executemany(
                f"INSERT INTO bench_transfer ({names}) VALUES ({marks})",  # noqa: S608 - names of our own
                [tuple(source.row().values()) for _ in range(rows)],
            )

    return into_pg, pg.close


async def ours(database: Database) -> Post:
    circle_id, number = secrets.token_bytes(16), [0]
    async with database.begin() as db:
        await books.open_book(db, circle_id, "EUR", NOW)

    def new() -> NewTransfer:
        number[0] += 1
        member = chart.member(f"M{1000 + number[0] % 40}")
        return NewTransfer("contribution", chart.MAIN_BANK, member, 1000, DAY, 7)

    async def post(rows: int) -> None:
        async with database.begin() as db:
            await books.record(db, circle_id, [new() for _ in range(rows)], key=None, now=NOW)

    return post


async def rate(post: Post, rows: int, commits: int) -> float:
    """Rows a second."""
    start = time.perf_counter()
    for _ in range(commits):
        await post(rows)
    return rows * commits / (time.perf_counter() - start)


async def verified(database: Database) -> tuple[int, float]:
    """How many transfers, and how many of them a second are recomputed."""
    async with database.read() as db:
        (book,) = (await db.execute(text("SELECT * FROM ledger_book"))).all()
        chain = Chain("bench", book.id, None, [])
        start = time.perf_counter()
        await chain.walk(db, lambda _checked: None)
    return chain.checked, chain.checked / (time.perf_counter() - start)


async def measure(url: str, commits: dict[int, int], turns: int) -> None:
    database = Database(url)
    await migrate.upgrade(database)
    table = await bare_table(database)
    by_driver, close = await driver(url)
    posts = (by_driver, raw(database, table), await ours(database))
    for post in posts:
        await rate(post, 1, 10)
    for rows, count in commits.items():
        rounds = [[await rate(post, rows, count) for post in posts] for _ in range(turns)]
        medians = [statistics.median(side) for side in zip(*rounds, strict=True)]
        ratios = sorted(own / layer for _bare, layer, own in rounds)
        by_bare = statistics.median(own / bare for bare, _layer, own in rounds)
        print(
            f"{database.dialect}, {rows} per commit: driver {medians[0]:,.0f}/s, raw "
            f"{medians[1]:,.0f}/s, books {medians[2]:,.0f}/s; to raw "
            f"{statistics.median(ratios):.2f} ({ratios[0]:.2f} to {ratios[-1]:.2f}), "
            f"to the driver {by_bare:.2f}"
        )
    checked, speed = await verified(database)
    print(f"{database.dialect}, verify: {speed:,.0f} transfers/s over {checked:,}")
    await close()
    await database.close()


async def make_database(server: str, name: str) -> str:
    """The driver's URL of a new, empty database there."""
    connection = await asyncpg.connect(server)
    await connection.execute(f"CREATE DATABASE {name}")
    await connection.close()
    return server.replace("/postgres?", f"/{name}?").replace("postgresql:", "postgresql+asyncpg:")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--database", help="postgresql+asyncpg://… of an empty database")
    parser.add_argument("--quick", action="store_true", help="few rounds")
    options = parser.parse_args()
    how = (QUICK, 1) if options.quick else (COMMITS, TURNS)
    if options.database:
        asyncio.run(measure(options.database, *how))
        return
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(measure(f"sqlite+aiosqlite:///{Path(folder) / 'bench.sqlite3'}", *how))
    with postgres.server(durable=True) as server:
        url = asyncio.run(make_database(server, "bench"))
        asyncio.run(measure(url, *how))


if __name__ == "__main__":
    main()
