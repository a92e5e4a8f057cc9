"""Many hands at once, each with a connection of its own."""

from __future__ import annotations

import asyncio
from datetime import date

from circles.db import Database
from circles.host import Host
from circles.ledger import books, chart
from circles.ledger.books import NewTransfer, NotCoveredError
from circles.ledger.verify import verify_books
from tests.ledger.ledgers import NOW, new_book

DAY = date(2026, 10, 2)
WRITERS, TRIES = 8, 30


async def test_eight_writers_take_sevens_from_a_thousand(host: Host, database_url: str) -> None:
    """142 sevens are in 1000; the rest is refused, and 6 stay."""
    circle_id = await new_book(host.database)
    async with host.database.begin() as db:
        opening = NewTransfer("opening", chart.MAIN_BANK, chart.FUND, 1000, DAY)
        await books.record(db, circle_id, [opening], key="opening", now=NOW)
    taken = NewTransfer("withdraw", chart.FUND, chart.member("M0001"), 7, DAY)

    async def writer(number: int) -> int:
        # A database of its own: SQLite's own lock decides, not our queue.
        own, kept = Database(database_url), 0
        for turn in range(TRIES):
            try:
                async with own.begin() as db:
                    key = f"{number}:{turn}"
                    await books.record(db, circle_id, [taken], key=key, now=NOW)
                kept += 1
            except NotCoveredError:
                continue
        await own.close()
        return kept

    kept = await asyncio.gather(*(writer(number) for number in range(WRITERS)))
    assert sum(kept) == 142
    async with host.database.read() as db:
        assert await books.fund_minor(db, circle_id) == 6
        assert await books.member_minor(db, circle_id, "M0001") == 994
    assert await verify_books(host, lambda _checked, _total: None) == []
