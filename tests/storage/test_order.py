"""After the close nothing on disk tells in which order ballots were cast.

The measure is the rank correlation between the order of casting and where each ballot's leaf hash
stands: row numbers and file offsets (SQLite), ctid, xmin and heap offsets (PostgreSQL). It is near
0 after a close, and the same measure finds the order where it is there to be found: in the staging
rows before the close, and in the write-ahead log.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from sqlalchemy import text

from circles.ballot import box
from circles.clock import MovableClock
from circles.db import Database
from circles.host import Host
from circles.protocol.merkle import leaf
from circles.protocol.messages import NOMINATE, VOTE
from tests.ballot import polls
from tests.ballot.polls import MONTH, NOON

CASTS = 204
KEYS = 12
# Five standard deviations of what chance gives for 204 ballots.
NEAR_0 = 0.35
FOUND = 0.9


def rank_correlation(order: Sequence[bytes], places: Mapping[bytes, int]) -> float:
    """Spearman's rank correlation, ties by their mean rank; 0 where all places are one."""
    values = [places[name] for name in order]
    ranked = sorted(values)
    first: dict[int, int] = {}
    for rank, value in enumerate(ranked):
        first.setdefault(value, rank)
    ranks = [first[value] + (ranked.count(value) - 1) / 2 for value in values]
    mean = (len(order) - 1) / 2
    spread = sum((rank - mean) ** 2 for rank in ranks)
    plain = sum((rank - mean) ** 2 for rank in range(len(order)))
    if spread == 0:
        return 0.0
    both = sum((rank - mean) * (i - mean) for i, rank in enumerate(ranks))
    return both / (spread * plain) ** 0.5


def test_the_measure_measures() -> None:
    names = [bytes([n]) for n in range(100)]
    assert rank_correlation(names, {name: n * 7 for n, name in enumerate(names)}) == 1
    assert rank_correlation(names, {name: -n for n, name in enumerate(names)}) == -1
    assert rank_correlation(names, dict.fromkeys(names, 3)) == 0
    mixed = random.Random(1).sample(range(100), 100)
    assert abs(rank_correlation(names, dict(zip(names, mixed, strict=True)))) < NEAR_0


@pytest.fixture(autouse=True)
def _at_noon(clock: MovableClock) -> None:
    clock.set_round(NOON)


async def _cast(host: Host, purpose: str, casts: int) -> tuple[polls.Opened, list[bytes]]:
    """Messages under a few keys, in an order drawn by lot; their leaves in that order."""
    poll = await polls.opened(host, purpose)
    keys = [polls.credential(poll.poll) for _ in range(KEYS)]
    bodies = [poll.body(keys[n % KEYS], 1 + n // KEYS) for n in range(casts)]
    random.SystemRandom().shuffle(bodies)
    order = []
    for body in bodies:
        await box.cast(host, "maple-row", MONTH, purpose, body)
        message = body.partition(b"\n\n")[0] + b"\n" if purpose == NOMINATE else body
        order.append(leaf(message))
    return poll, order


def _offsets(data: bytes, leaves: Sequence[bytes], *, which: int = 0) -> dict[bytes, int]:
    """Where each leaf hash stands in these bytes: its first place, or its last (-1)."""
    find = data.rfind if which else data.find
    return {name: find(name) for name in leaves}


def _file(database: Database) -> Path:
    return Path(database.url.removeprefix("sqlite+aiosqlite:///"))


async def _rows(host: Host, sql: str) -> dict[bytes, int]:
    async with host.database.begin() as db:
        return {bytes(row[0]): int(row[1]) for row in await db.execute(text(sql))}


async def _heap(host: Host, table: str) -> bytes:
    async with host.database.engine.connect() as connection:
        autocommit = await connection.execution_options(isolation_level="AUTOCOMMIT")
        await autocommit.execute(text("CHECKPOINT"))
        path = f"pg_relation_filepath('{table}')"
        data = await autocommit.scalar(text(f"SELECT pg_read_binary_file({path})"))
    return bytes(data or b"")


async def _postgresql_places(host: Host, table: str) -> dict[str, dict[bytes, int]]:
    """By the way of looking: where each leaf hash stands in a table."""
    ctid = "(ctid::text::point)[0]::bigint * 1000 + (ctid::text::point)[1]::bigint"
    at = await _rows(host, f"SELECT leaf, {ctid} FROM {table}")
    by = await _rows(host, f"SELECT leaf, xmin::text::bigint FROM {table}")
    return {"ctid": at, "xmin": by, "heap": _offsets(await _heap(host, table), list(at))}


@pytest.mark.parametrize("purpose", [VOTE, NOMINATE])
async def test_nothing_tells_the_order_after_the_close(host: Host, purpose: str) -> None:
    poll, order = await _cast(host, purpose, CASTS)
    if host.database.dialect == "postgresql":
        # Before the close the measure finds what is there.
        for where, places in (await _postgresql_places(host, "ballot_staged")).items():
            assert abs(rank_correlation(order, places)) > FOUND, where
    published = await polls.close(host, poll.poll_hash)
    assert published.count == CASTS
    if host.database.dialect == "postgresql":
        found = await _postgresql_places(host, "log_entry")
        assert len({found["xmin"][name] for name in order}) == 1
        await _assert_no_staging_file_is_left(host)
    else:
        data = _file(host.database).read_bytes()
        found = {
            "rowid": await _rows(host, "SELECT leaf, rowid FROM log_entry"),
            "file": _offsets(data, order),
            "file, last": _offsets(data, order, which=-1),
        }
        # In the log's table and in its index, and nowhere else: no staging page is left.
        assert {data.count(name) for name in order} == {2}
        log_beside = _file(host.database).with_name("circles.sqlite3-wal").read_bytes()
        assert not [name for name in order if name in log_beside]
    for where, places in found.items():
        assert min(places[name] for name in order) >= 0, where
        assert abs(rank_correlation(order, places)) < NEAR_0, where


async def _assert_no_staging_file_is_left(host: Host) -> None:
    """PostgreSQL: the staging tables' files are empty, those they had before are unlinked."""
    for table in ("ballot_staged", "ballot_staged_document"):
        assert await _heap(host, table) == b""
    async with host.database.begin() as db:
        left = await db.scalar(
            text(
                "SELECT count(*) FROM pg_ls_dir((SELECT 'base/' || oid FROM pg_database "
                "WHERE datname = current_database())) AS file "
                "WHERE file ~ '^[0-9]+$' AND pg_filenode_relation(0, file::oid) IS NULL "
                "AND (pg_stat_file((SELECT 'base/' || oid FROM pg_database WHERE datname = "
                "current_database()) || '/' || file)).size > 0"
            )
        )
    assert left == 0


async def test_words_tell_no_order_either(host: Host) -> None:
    """The documents that stay for the members are put there sorted, all at once."""
    poll = await polls.opened(host, NOMINATE)
    order = []
    for number in range(60):
        words = polls.making.Document.of(f"Recipient {number}\nSome words.\n")
        await box.cast(host, "maple-row", MONTH, NOMINATE, poll.nomination(document=words))
        order.append(words.hash())
    await polls.close(host, poll.poll_hash)
    if host.database.dialect == "postgresql":
        by = await _rows(host, "SELECT doc_hash, xmin::text::bigint FROM ballot_document")
        assert len(set(by.values())) == 1
        places = _offsets(await _heap(host, "ballot_document"), order)
    else:
        data = _file(host.database).read_bytes()
        assert {data.count(name) for name in order} == {1}
        places = _offsets(data, order)
    assert min(places.values()) >= 0
    assert abs(rank_correlation(order, places)) < 0.65  # five deviations for 60


async def test_the_measure_finds_a_planted_order(host: Host) -> None:
    """A table as one would first write it, and SQLite's write-ahead log before it is wiped."""
    poll, order = await _cast(host, VOTE, 60)
    async with host.database.begin() as db:
        serial = "INTEGER PRIMARY KEY" if host.database.dialect == "sqlite" else "SERIAL"
        kind = "BLOB" if host.database.dialect == "sqlite" else "BYTEA"
        await db.execute(text(f"CREATE TABLE planted (id {serial}, leaf {kind})"))
    for name in order:
        async with host.database.begin() as db:
            await db.execute(text("INSERT INTO planted (leaf) VALUES (:leaf)"), {"leaf": name})
    found = {"id": await _rows(host, "SELECT leaf, id FROM planted")}
    if host.database.dialect == "sqlite":
        wal = _file(host.database).with_name("circles.sqlite3-wal").read_bytes()
        found["wal"] = _offsets(wal, order)
    else:
        found.update(await _postgresql_places(host, "planted"))
    for where, places in found.items():
        # PostgreSQL fills a page from its end, so the order may show backwards.
        assert abs(rank_correlation(order, places)) > FOUND, where
    await polls.close(host, poll.poll_hash)


async def test_staging_rows_have_no_room_for_who_or_when(host: Host) -> None:
    """No column of the box could hold a time, a serial number, an address or a person."""
    for table, columns in (
        ("ballot_staged", {"leaf", "poll_hash", "key", "message"}),
        ("ballot_staged_document", {"doc_hash", "poll_hash", "salt", "text"}),
        ("ballot_document", {"doc_hash", "poll_hash", "salt", "text"}),
    ):
        async with host.database.read() as db:
            found = await db.execute(text(f"SELECT * FROM {table}"))
            assert set(found.keys()) == columns
    if host.database.dialect == "sqlite":
        async with host.database.read() as db:
            made = await db.scalars(text("SELECT sql FROM sqlite_master WHERE name LIKE 'ballot%'"))
            kept = [sql for sql in made if sql and "ballot_poll" not in sql and "TABLE" in sql]
        assert len(kept) == 3
        assert all(sql.rstrip().endswith("WITHOUT ROWID") for sql in kept)
