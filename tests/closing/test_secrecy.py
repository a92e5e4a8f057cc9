"""No row ties a member to a ballot: every value of every table is looked at, at every stage.

What names a person: ids, lines on a roll, actor and book numbers, handles. What names a ballot:
ballot keys, tokens, leaf hashes, commitments, hashes of words. The one exception by design is the
proposal to leave a nomination out: it names the two members who decide, and the nomination (which
anybody may read), never its author; it is gone when the slate is logged.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import DateTime, MetaData, inspect

from circles.circle import calendar
from circles.db import Database
from circles.host import Host
from circles.protocol.messages import NOMINATE, VOTE, Ask, Ballot, Nomination, parse_entry
from circles.protocol.text import b64
from tests.world import KEEP, World

Row = dict[str, Any]
# Shorter values are counts, kinds and states.
_SMALL = 8
_WORD = re.compile(rb"[A-Za-z0-9_-]+")


@dataclass(frozen=True)
class Marks:
    """Byte strings that name people, and byte strings that name ballots, in every spelling."""

    people: frozenset[bytes]
    ballots: frozenset[bytes]

    def tied(self, row: Row) -> bool:
        """Whether a row names both."""
        text = b"\n".join(_spelt(row.values()))
        return self._any(text, self.people) and self._any(text, self.ballots)

    def names(self, row: Row, marks: frozenset[bytes]) -> bool:
        return self._any(b"\n".join(_spelt(row.values())), marks)

    @staticmethod
    def _any(text: bytes, marks: Iterable[bytes]) -> bool:
        # A handle of three letters stands by chance in some token's base64: it has to stand alone.
        words = set(_WORD.findall(text))
        return any(mark in (text if len(mark) >= _SMALL else words) for mark in marks)


def _spelt(values: Iterable[Any]) -> Iterator[bytes]:
    for value in values:
        if isinstance(value, bytes | bytearray | memoryview):
            yield bytes(value)
        elif value is not None:
            yield str(value).encode()


def _spellings(values: Iterable[bytes]) -> Iterator[bytes]:
    for value in values:
        yield value
        yield value.hex().encode()
        yield b64(value).encode()


async def all_rows(database: Database) -> dict[str, list[Row]]:
    """Every row of every table, as the database stores it, whoever's room it is."""
    async with database.engine.connect() as connection:
        metadata = MetaData()
        await connection.run_sync(metadata.reflect)
        found = {}
        for table in metadata.sorted_tables:
            rows = await connection.execute(table.select())
            found[table.name] = [dict(row._mapping) for row in rows]
    return found


async def marks_of(world: World) -> Marks:
    """Who and what there is, as only the members' phones know it together."""
    people: set[bytes] = set()
    for who in world.members:
        people |= {who.member.id}
        for purpose in (NOMINATE, VOTE):
            people.add(await who.line(purpose))
    names = {who.handle.encode() for who in world.members}
    numbers = {who.member.book_number.encode() for who in world.members}
    actors = {str(who.member.actor).encode() for who in world.members}
    ballots: set[bytes] = set()
    for who in world.members:
        for credentials in who.credentials.values():
            for credential in credentials:
                ballots |= {credential.key, *credential.tokens, *credential.prefixes}
    for message in world.cast:
        ballots.add(message.record_id())
        ballots |= {message.commit} if isinstance(message, Ballot) else {message.doc}
    return Marks(
        frozenset(_spellings(people)) | names | numbers | actors, frozenset(_spellings(ballots))
    )


async def look(world: World) -> dict[str, list[Row]]:
    marks, rows = await marks_of(world), await all_rows(world.host.database)
    for table, found in rows.items():
        for row in found:
            assert not marks.tied(row), f"{table} ties a member to a ballot: {row}"
    _nothing_between(world, marks, rows)
    return rows


def _nothing_between(world: World, marks: Marks, rows: dict[str, list[Row]]) -> None:
    """No value stands both in a row that names a person and in a row that names a ballot.

    Such a value would be the thread between them, whatever it meant. Poll, circle and month are
    in many rows; they say nothing about anybody.
    """
    known = {world.circle.id, world.circle.slug, world.month, world.circle.currency}
    for row in rows["rounds_poll"] + rows["rounds_round"]:
        # The circle's dates, and the clock of this test stands still at one of them.
        known |= {v for v in row.values() if isinstance(v, datetime)}
    for row in rows["rounds_poll"]:
        known |= {row["poll_hash"], row["text"]}
    sides: tuple[set[Any], set[Any]] = (set(), set())
    for found in rows.values():
        for row in found:
            for side, which in zip(sides, (marks.people, marks.ballots), strict=True):
                if marks.names(row, which):
                    side |= {v for v in row.values() if _is_telling(v)}
    assert sides[0]
    assert sides[1]
    assert (sides[0] & sides[1]) - known == set()


def _is_telling(value: Any) -> bool:
    if isinstance(value, bytes | str):
        return len(value) >= _SMALL
    return isinstance(value, datetime)


async def test_no_row_ties_a_member_to_a_ballot(host: Host) -> None:
    world = await World.found(host, members=4, fund_minor=5000)
    ann, ben, cleo, dora = world.members
    await world.begin()
    for who in world.members:
        await world.pay_in(who)
    await ann.nominate("Soup kitchen\nBehind the church.", Ask(4000))
    await ben.nominate("Warm boots", Ask(3000))
    await dora.take(NOMINATE)
    rows = await look(world)
    assert len(rows["ballot_staged"]) == 2
    assert len(rows["members_take"]) == 6
    await world.go(world.at.nominating_closes + calendar.GRACE)
    await look(world)
    await world.go(world.at.voting_opens)
    for who, ticks in ((ann, [1, 1, 1]), (ben, [2, KEEP]), (cleo, [1, 2])):
        await who.vote(ticks)
    await ann.vote([2, 2])
    rows = await look(world)
    assert len(rows["ballot_staged"]) == 12
    await world.go(world.at.count_at)
    rows = await look(world)
    assert rows["ballot_staged"] == []
    assert (await world.round()).posted
    entries = [parse_entry(row["data"]) for row in rows["log_entry"]]
    assert sum(isinstance(entry, Ballot) for entry in entries) == 12
    assert sum(isinstance(entry, Nomination) for entry in entries) == 2


async def test_the_look_finds_what_is_planted(host: Host) -> None:
    world = await World.found(host, members=3)
    await world.begin()
    await world.members[0].nominate("Soup kitchen", Ask(4000))
    marks = await marks_of(world)
    member, leaf = world.members[0].member, world.cast[0].record_id()
    for row in (
        {"member": member.id, "leaf": leaf},
        {"actor": member.actor, "note": f"leaf {b64(leaf)}"},
        {"handle": member.handle, "text": b"xx" + leaf + b"yy"},
        {"json": f'{{"who": "{member.id.hex()}", "what": "{leaf.hex()}"}}'},
    ):
        assert marks.tied(row)
    at = datetime(2026, 10, 2, 12, 0, 1, tzinfo=UTC)
    rows = await all_rows(host.database)
    with pytest.raises(AssertionError):
        _nothing_between(
            world, marks, {**rows, "planted": [{"id": member.id, "at": at}, {"x": leaf, "at": at}]}
        )


async def test_no_time_and_no_serial_beside_a_take_or_a_ballot(host: Host) -> None:
    async with host.database.engine.connect() as connection:
        for table in (
            "members_take", "members_roll_line", "members_reissue",
            "ballot_staged", "ballot_staged_document", "ballot_document", "log_entry",
        ):  # fmt: skip
            columns = await connection.run_sync(
                lambda sync, name=table: inspect(sync).get_columns(name)  # type: ignore[misc]  # its name
            )
            assert not [c for c in columns if isinstance(c["type"], DateTime)], table
            assert not [c for c in columns if c.get("autoincrement") is True], table
