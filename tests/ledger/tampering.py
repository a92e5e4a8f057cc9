"""What somebody who owns the database can do: switch the guards off and write.

`Burglar` opens the database with its own driver, past everything of ours.
"""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg


class Burglar:
    """One statement at a time, committed at once, `?` for values; PostgreSQL or SQLite."""

    def __init__(self, lite: sqlite3.Connection | None, pg: asyncpg.Connection | None) -> None:
        self.lite, self.pg = lite, pg

    async def run(self, sql: str, *values: Any) -> list[Any]:
        if self.lite is not None:
            return self.lite.execute(sql, values).fetchall()
        assert self.pg is not None
        for number in range(1, len(values) + 1):
            sql = sql.replace("?", f"${number}", 1)
        return [tuple(row) for row in await self.pg.fetch(sql, *values)]

    async def switch_guards_off(self) -> None:
        """No trigger fires, no key and no check holds."""
        if self.lite is not None:
            names = await self.run("SELECT name FROM sqlite_master WHERE type = 'trigger'")
            for (name,) in names:
                await self.run(f"DROP TRIGGER {name}")
            await self.run("PRAGMA foreign_keys = OFF")
            await self.run("PRAGMA ignore_check_constraints = ON")
            return
        await self.run("SET session_replication_role = replica")
        for table, name in await self.run(
            "SELECT conrelid::regclass::text, conname FROM pg_constraint "
            "WHERE contype = 'c' AND conrelid::regclass::text LIKE 'ledger_%'"
        ):
            await self.run(f"ALTER TABLE {table} DROP CONSTRAINT {name}")


@asynccontextmanager
async def burglar(database_url: str) -> AsyncIterator[Burglar]:
    """Break in."""
    if database_url.startswith("sqlite"):
        lite = sqlite3.connect(database_url.partition(":///")[2], isolation_level=None)
        # What our own connections say, so that only the guards themselves are tried.
        lite.execute("PRAGMA foreign_keys = ON")
        try:
            yield Burglar(lite, None)
        finally:
            lite.close()
        return
    pg = await asyncpg.connect(database_url.replace("+asyncpg", ""))
    try:
        yield Burglar(None, pg)
    finally:
        await pg.close()
