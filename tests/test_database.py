"""The two ways into the database, on both kinds."""

import pytest
from sqlalchemy import text

from circles.db import Database


async def test_a_write_is_kept_and_a_failed_one_is_not(database: Database) -> None:
    async with database.begin() as db:
        await db.execute(text("CREATE TABLE kept (n INTEGER)"))
        await db.execute(text("INSERT INTO kept VALUES (1)"))
    with pytest.raises(RuntimeError):
        async with database.begin() as db:
            await db.execute(text("INSERT INTO kept VALUES (2)"))
            raise RuntimeError
    async with database.read() as db:
        assert (await db.scalars(text("SELECT n FROM kept"))).all() == [1]


async def test_a_look_keeps_nothing(database: Database) -> None:
    async with database.begin() as db:
        await db.execute(text("CREATE TABLE kept (n INTEGER)"))
    async with database.read() as db:
        await db.execute(text("INSERT INTO kept VALUES (2)"))
    async with database.read() as db:
        assert (await db.scalars(text("SELECT n FROM kept"))).all() == []


async def test_a_look_sees_one_moment(database: Database) -> None:
    async with database.begin() as db:
        await db.execute(text("CREATE TABLE kept (n INTEGER)"))
    async with database.read() as reader:
        before = (await reader.scalars(text("SELECT count(*) FROM kept"))).one()
        async with database.begin() as db:
            await db.execute(text("INSERT INTO kept VALUES (1)"))
        after = (await reader.scalars(text("SELECT count(*) FROM kept"))).one()
    assert (before, after) == (0, 0)
