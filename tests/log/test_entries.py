"""The log only grows, without gaps, and the database itself sees to it."""

from __future__ import annotations

import asyncio

import pytest
from sqlalchemy import insert, text
from sqlalchemy.exc import DBAPIError

from circles import log
from circles.errors import InvalidError
from circles.host import Host
from circles.log import tables
from circles.protocol.merkle import leaf
from tests.log.logs import CIRCLE, found, grow, record


async def test_records_stand_where_they_were_put(host: Host) -> None:
    await found(host)
    texts = [record(n) for n in range(5)]
    async with host.database.begin() as db:
        assert await log.append(db, CIRCLE, texts[:2]) == [0, 1]
        assert await log.append(db, CIRCLE, []) == []
        assert await log.append(db, CIRCLE, texts[2:]) == [2, 3, 4]
    async with host.database.read() as db:
        entries = await log.entries(db, CIRCLE)
        assert [(e.index, e.leaf, e.data) for e in entries] == [
            (n, leaf(data), data) for n, data in enumerate(texts)
        ]
        assert [e.index for e in await log.entries(db, CIRCLE, 1, 2)] == [1, 2]
        assert await log.index_of(db, CIRCLE, leaf(texts[3])) == 3
        assert await log.index_of(db, CIRCLE, bytes(32)) is None


async def test_append_once_finds_what_stands_there(host: Host) -> None:
    await found(host)
    text_ = record(1)
    for _ in range(3):
        async with host.database.begin() as db:
            assert await log.append_once(db, CIRCLE, text_) == 0
    async with host.database.read() as db:
        assert await log.size(db, CIRCLE) == 1


async def test_what_is_no_record_is_not_put_in(host: Host) -> None:
    await found(host)
    for odd in (b"", b"hello\n", record(1) + b"\n", record(1)[:-1]):
        with pytest.raises(InvalidError):
            async with host.database.begin() as db:
                await log.append(db, CIRCLE, [record(0), odd])
    async with host.database.read() as db:
        assert await log.size(db, CIRCLE) == 0


async def test_two_appends_at_once_take_turns(host: Host) -> None:
    await found(host)

    async def put(n: int) -> int:
        async with host.database.begin() as db:
            (index,) = await log.append(db, CIRCLE, [record(n)])
            return index

    assert sorted(await asyncio.gather(*(put(n) for n in range(8)))) == list(range(8))


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE log_entry SET data = data WHERE number = 0",
        "UPDATE log_entry SET number = 9 WHERE number = 2",
        "DELETE FROM log_entry WHERE number = 2",
        "UPDATE log_checkpoint SET root = root",
        "DELETE FROM log_checkpoint",
        "DELETE FROM log_log",
    ],
)
async def test_the_database_refuses_to_change_what_stands(host: Host, sql: str) -> None:
    await found(host)
    await grow(host, 3)
    with pytest.raises(DBAPIError):
        async with host.database.begin() as db:
            await db.execute(text(sql))
    async with host.database.read() as db:
        assert len(await log.entries(db, CIRCLE)) == 3


@pytest.mark.parametrize("number", [-1, 0, 2, 4, 1000])
async def test_the_database_refuses_gaps_and_doubles(host: Host, number: int) -> None:
    await found(host)
    await grow(host, 3)
    row = {"circle_id": CIRCLE, "number": number, "leaf": bytes(32), "data": b"x"}
    with pytest.raises(DBAPIError):
        async with host.database.begin() as db:
            await db.execute(insert(tables.Entry).values(row))
    if host.database.dialect == "sqlite":
        with pytest.raises(DBAPIError):
            async with host.database.begin() as db:
                await db.execute(insert(tables.Entry).prefix_with("OR REPLACE").values(row))


@pytest.mark.pg
@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
async def test_truncate_is_refused_on_postgresql(host: Host) -> None:
    await found(host)
    await grow(host, 3)
    for sql in ("TRUNCATE log_entry", "TRUNCATE log_checkpoint", "TRUNCATE log_log CASCADE"):
        with pytest.raises(DBAPIError):
            async with host.database.begin() as db:
                await db.execute(text(sql))
