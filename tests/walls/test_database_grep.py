"""What the walls promise, asked of the database itself: no value in it ties a person to a ballot.

A circle lives through a whole month and half of the next, so that ballots lie in the box and in the
log. Then every value of every table is read, and rooms are compared: what may stand in two of them
is listed here, and nothing else does.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

from sqlalchemy import Connection, text

from circles import schema
from circles.host import Host
from circles.protocol.messages import NOMINATE, VOTE, Ask
from circles.rounds.rounds import Round
from tests.world import KEEP, World

# Shorter values (numbers, months, kinds) are alike by chance.
BYTES_MIN = 16
WORD_CHARS_MIN = 5


async def lived(host: Host) -> World:
    """One month counted, the next with ballots of three members in the open box."""
    world = await World.found(host, members=0)
    # Long names: three letters stand in any base64 text sooner or later.
    for handle in ("Annemarie", "Benedikta", "Cleopatra", "Dorothea"):
        await world.join(handle)
    ann, ben, cleo, _dora = world.members
    await world.play_month(
        nominations=[(ann, "Soup kitchen", Ask(1500)), (ben, "Boots", Ask(2000))],
        votes={who: ["Soup kitchen", "Boots", KEEP] for who in world.members},
    )
    await world.go(world.at_month("2026-11").nominating_opens)
    await cleo.nominate("Books\nFor the shelf.", Ask(500))
    await world.go(world.at.nominating_closes)
    await world.go(world.at.voting_opens)
    for who in (ann, ben, cleo):
        await who.vote([1, KEEP])
    return world


def values_by_room(connection: Connection) -> dict[str, set[bytes]]:
    """Every telling value of every table, as bytes, by room."""
    found: dict[str, set[bytes]] = {}
    for room, metadata in schema.room_metadata().items():
        found[room] = set()
        for table in metadata.tables:
            for row in connection.execute(text(f"SELECT * FROM {table}")):
                found[room] |= set(telling(row))
    return found


def telling(row: Any) -> Iterator[bytes]:
    """The values of a row that mean somebody or something: ids, hashes, keys, long words."""
    for value in row:
        if isinstance(value, bytes | memoryview) and len(value) >= BYTES_MIN:
            yield bytes(value)
        elif isinstance(value, str) and len(value) >= WORD_CHARS_MIN:
            yield value.encode()
        elif isinstance(value, int) and value > 1 << 40:
            yield str(value).encode()


def within(needles: set[bytes], hay: set[bytes]) -> set[bytes]:
    """Needles that stand anywhere inside a value."""
    return {needle for needle in needles for value in hay if needle in value}


def people_of(world: World) -> set[bytes]:
    """What names somebody: id, handle, number in the books, number of an actor."""
    found: set[bytes] = set()
    for client in world.members:
        member = client.member
        found |= {member.id, member.handle.encode(), member.book_number.encode()}
        found.add(str(member.actor).encode())
    return found


async def common_names(world: World) -> set[bytes]:
    """What names polls, months and the circle: every room may know these."""
    rounds: list[Round] = [await world.round("2026-10"), await world.round("2026-11")]
    polls = {r.of(p).poll_hash for r in rounds for p in (NOMINATE, VOTE)}
    return polls | {world.circle.id, b"2026-10", b"2026-11"}


async def test_nobody_stands_near_a_ballot(host: Host) -> None:
    world = await lived(host)
    people = people_of(world)
    async with host.database.engine.connect() as connection:
        rooms = await connection.run_sync(values_by_room)
    assert within(people, rooms["members"]) >= {c.member.id for c in world.members}
    for room in ("ballot", "log"):
        assert rooms[room], room
        assert within(people, rooms[room]) == set(), room
    keys = {
        credential.key
        for c in world.members
        for held in c.credentials.values()
        for credential in held
    }
    assert within(keys, rooms["ballot"]), "the planted keys are looked for in the right place"
    for room in set(rooms) - {"ballot", "log", "rounds"}:
        assert within(keys, rooms[room]) == set(), room


async def test_rooms_share_only_what_the_architecture_says(host: Host) -> None:
    """People and ballots share the names of polls and of the circle; the books share with people
    the numbers made for the books, and with ballots nothing but the circle."""
    world = await lived(host)
    async with host.database.engine.connect() as connection:
        rooms = await connection.run_sync(values_by_room)
    allowed = {
        frozenset({"members", "ballot"}): await common_names(world),
        frozenset({"members", "ledger"}): {world.circle.id}
        | {c.member.book_number.encode() for c in world.members}
        | {str(c.member.actor).encode() for c in world.members}
        | {b"2026-10", b"2026-11"},
        frozenset({"ballot", "ledger"}): {world.circle.id, b"2026-10", b"2026-11"},
    }
    for a, b in itertools.combinations(("ballot", "ledger", "members"), 2):
        shared = rooms[a] & rooms[b] - allowed[frozenset({a, b})]
        assert not {value for value in shared if not is_time(value)}, (a, b)


def is_time(value: bytes) -> bool:
    """Dates of the calendar stand in many rooms; on a frozen clock they are equal."""
    return value[:4].isdigit() and value[4:5] == b"-"


async def test_a_planted_name_beside_a_ballot_is_found(host: Host) -> None:
    world = await lived(host)
    async with host.database.begin() as db:
        await db.execute(
            text("UPDATE ballot_staged SET message = :message"),
            {"message": b"from " + world.members[1].member.id},
        )
    async with host.database.engine.connect() as connection:
        rooms = await connection.run_sync(values_by_room)
    assert within(people_of(world), rooms["ballot"]) == {world.members[1].member.id}
