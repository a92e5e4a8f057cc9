"""How fast the books take transfers, as a ratio to a bare insert on the same machine in one run.

    python bench/ledger_posting.py                     # SQLite in a temporary folder
    python bench/ledger_posting.py --database URL      # an empty PostgreSQL database

Bare: the same columns and indexes, no guards, no chain, through the same driver and commit. The two
are measured in turns, because a disk's speed varies more from minute to minute than they differ.
Goals of a later step (per commit of 1 / 100): PostgreSQL 0.6 / 0.7, SQLite 0.85 / 0.7. Today the
guards that hold balances to their transfers cost more than that. It writes a few thousand
rows and takes about half a minute.
"""

from __future__ import annotations

import argparse
import asyncio
import secrets
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import MetaData, Table, insert, text

from circles import migrate
from circles.db import Database
from circles.ledger import books, chart
from circles.ledger.books import NewTransfer
from circles.ledger.tables import TransferRow
from circles.ledger.verify_chain import Chain

NOW = datetime(2026, 10, 1, 8, 0, tzinfo=UTC)
DAY = date(2026, 10, 1)
TURNS = 5
COMMITS = {1: 60, 100: 4}
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


def bare(database: Database, table: Table) -> Post:
    seq, book_id = [0], secrets.token_bytes(16)

    def row() -> dict[str, Any]:
        seq[0] += 1
        return {
            "book_id": book_id,
            "seq": seq[0],
            "id": secrets.token_bytes(16),
            "entry_id": secrets.token_bytes(16),
            "kind": "contribution",
            "debit": chart.MAIN_BANK,
            "credit": chart.member(f"M{1000 + seq[0] % 40}"),
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

    async def post(rows: int) -> None:
        async with database.begin() as db:
            await db.execute(insert(table), [row() for _ in range(rows)])

    return post


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


async def measure(url: str) -> None:
    database = Database(url)
    await migrate.upgrade(database)
    reference, books_post = bare(database, await bare_table(database)), await ours(database)
    for post in (reference, books_post):
        await rate(post, 1, 10)
    for rows, commits in COMMITS.items():
        pairs = [
            (await rate(reference, rows, commits), await rate(books_post, rows, commits))
            for _ in range(TURNS)
        ]
        ratios = sorted(own / raw for raw, own in pairs)
        raw, own = (statistics.median(side) for side in zip(*pairs, strict=True))
        print(
            f"{database.dialect}, {rows} per commit: bare {raw:,.0f}/s, books {own:,.0f}/s, "
            f"ratio {statistics.median(ratios):.2f} ({ratios[0]:.2f} to {ratios[-1]:.2f})"
        )
    checked, speed = await verified(database)
    print(f"{database.dialect}, verify: {speed:,.0f} transfers/s over {checked:,}")
    await database.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--database", help="postgresql+asyncpg://… of an empty database")
    url = parser.parse_args().database
    with tempfile.TemporaryDirectory() as folder:
        lite = f"sqlite+aiosqlite:///{Path(folder) / 'bench.sqlite3'}"
        asyncio.run(measure(url or lite))


if __name__ == "__main__":
    main()
