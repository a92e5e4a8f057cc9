"""A month of a circle as a host sees it that keeps everything: all tables after every act.

`live` plays one vote through the real code: members collect, some days later they cast, each ballot
an act of its own, some twice. After every act all rows of all tables are copied, with the places
that the database gives them (rowid; ctid and xmin). What comes out is a `Seen`: all that a host
could know but addresses and times. `owners` is what only the phones know: whose each ballot key is.
"""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Awaitable, Callable, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from circles.ballot import box
from circles.db import Database
from circles.members.roll_tables import IssuerKeyRow
from circles.protocol import ballot as making
from circles.protocol import messages as m
from circles.protocol import seal
from circles.protocol.merkle import leaf
from tests.world import KEEP, MemberClient, World

Row = tuple[Any, ...]
# Table -> its rows in the order of storage; the first values are the row's places.
Tables = dict[str, list[Row]]
Key = bytes
Member = bytes


@dataclass
class Take:
    """One slot of one member: what the host handed out, and where it lay."""

    member: Member
    slot: int
    text: bytes
    signed: int
    marks: dict[str, Any] = field(default_factory=dict)


@dataclass
class Cast:
    """One ballot key, with the messages it signed."""

    key: Key
    ballots: list[m.Ballot]
    token: int
    marks: dict[str, Any] = field(default_factory=dict)


@dataclass
class Seen:
    """What the host has of one vote. `together`: members in rows that changed, new ballot keys."""

    issuer_n: int
    issuer_private: bytes
    log_key: bytes
    takes: list[Take]
    casts: list[Cast]
    together: list[tuple[frozenset[Member], frozenset[Key]]]


Owners = Mapping[Key, Member]


class Watcher:
    """Copies every table; remembers in which act each row came."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.moments: list[Tables] = []

    async def look(self) -> None:
        """One more moment."""
        if self.world.host.database.dialect == "sqlite":
            self.moments.append(_copied(database_file(self.world)))
        else:
            self.moments.append(await _copied_by_query(self.world.host.database))

    def came(self, table: str, at: int) -> dict[Any, int]:
        """The value in column `at` of each row -> the act after which it was first there."""
        first: dict[Any, int] = {}
        for act, tables in enumerate(self.moments):
            for row in tables[table]:
                first.setdefault(row[at], act)
        return first

    def changes(self) -> list[dict[str, list[Row]]]:
        """Of each act: the rows that were not there before, by table."""
        found = []
        for before, after in zip(self.moments, self.moments[1:], strict=False):
            new = {}
            for name, rows in after.items():
                had = set() if rows == before[name] else set(before[name])
                new[name] = [row for row in rows if had and row not in had]
                if not before[name]:
                    new[name] = list(rows)
            found.append(new)
        return found


def _copied(path: Path) -> Tables:
    with closing(sqlite3.connect(path)) as here:
        made = here.execute("SELECT name, sql FROM sqlite_master WHERE type = 'table'").fetchall()
        # Without a row number the order of what comes is all there is.
        places = {name: "0" if "WITHOUT ROWID" in sql else "rowid" for name, sql in made}
        return {
            name: here.execute(f"SELECT {at}, 0, * FROM {name}").fetchall()  # our own
            for name, at in places.items()
        }


async def _copied_by_query(database: Database) -> Tables:
    ctid = "(ctid::text::point)[0]::bigint * 1000 + (ctid::text::point)[1]::bigint"
    async with database.engine.connect() as connection:
        raw = await connection.get_raw_connection()
        here = raw.driver_connection
        assert here is not None
        names = await here.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        found: Tables = {}
        for (name,) in names:
            rows = await here.fetch(f"SELECT {ctid}, xmin::text::bigint, * FROM {name}")
            found[str(name)] = [tuple(row) for row in rows]
        return found


@dataclass
class Habits:
    """How the members of this month behave. `at_once`: each collects and casts in one sitting."""

    at_once: bool = False
    # What a leaking server would do after a member's cast (planted by the tests).
    after_cast: Callable[[World, MemberClient], Awaitable[None]] | None = None


async def live(world: World, dice: random.Random, habits: Habits) -> tuple[Seen, Owners]:
    """One vote from its announcement to its count; the clock of `world` moves on to its end."""
    members = list(world.members)
    watcher = Watcher(world)
    owners: dict[Key, Member] = {}
    await _nominate(world, dice)
    if not habits.at_once:
        await watcher.look()
        for who in dice.sample(members, len(members)):
            await _collect(watcher, who, dice, owners)
    await world.go(world.at.voting_opens)
    await watcher.look()
    private = await _issuer_private(world)
    for who in dice.sample(members, len(members)):
        if habits.at_once:
            await _collect(watcher, who, dice, owners)
        await _cast_all(watcher, who, dice, habits)
    for who in dice.sample(members, len(members) // 3):  # second thoughts
        await _cast_all(watcher, who, dice, habits)
    staged = watcher.moments[-1]
    await world.go(world.at.count_at)
    await watcher.look()
    return await _seen(world, watcher, private, staged), owners


async def _nominate(world: World, dice: random.Random) -> None:
    await world.go(max(world.at.nominating_opens, world.clock.round_now()))
    for number, who in enumerate(dice.sample(world.members, 2)):
        await who.nominate(f"Recipient {number}\nPlease.", m.Ask(1000))
    await world.go(world.at.nominating_closes)


async def _collect(
    watcher: Watcher, who: MemberClient, dice: random.Random, owners: dict[Key, Member]
) -> None:
    slots = (await watcher.world.round()).vote.poll.slots
    for slot in dice.sample(range(slots), slots):
        held = await who.take(m.VOTE, slots=[slot])
        owners[held[-1].key] = who.member.id
        await watcher.look()


async def _cast_all(
    watcher: Watcher, who: MemberClient, dice: random.Random, habits: Habits
) -> None:
    world = watcher.world
    round_ = await world.round()
    assert round_.slate is not None
    held = list(who.credentials[world.month, m.VOTE])
    dice.shuffle(held)
    for credential in held:
        tick = dice.choice([1, 2, KEEP, None])
        choice = making.new_choice([tick] if isinstance(tick, int) else [], keep=tick == KEEP)
        seq = who._next_seq(credential.key)
        ballot = making.make_ballot(
            round_.vote.poll, round_.slate.record_id(), credential, choice, seq
        )
        await box.cast(world.host, world.circle.slug, world.month, m.VOTE, ballot.text())
        if habits.after_cast is not None:
            await habits.after_cast(world, who)
        await watcher.look()


async def _issuer_private(world: World) -> bytes:
    poll_hash = (await world.round()).vote.poll_hash
    async with world.host.database.read() as db:
        row = await db.get(IssuerKeyRow, poll_hash)
        assert row is not None
        return world.host.vault.open("issuer-key", row.sealed)


# What the host makes of it


async def _seen(world: World, watcher: Watcher, private: bytes, staged: Tables) -> Seen:
    round_ = await world.round()
    last = watcher.moments[-1]
    poll = round_.vote
    lines = {row[4]: row[3] for row in last["members_roll_line"] if row[2] == poll.poll_hash}
    takes = _takes(watcher, last, poll.poll_hash, lines)
    casts = _casts(watcher, last, staged, poll.poll_hash)
    _mark_people(takes, last)
    log_key = (world.host.settings.data / "secret.key").read_bytes()
    return Seen(
        int.from_bytes(poll.poll.issuers[0], "big"),
        private,
        log_key,
        takes,
        casts,
        _together(watcher, lines, last),
    )


def _takes(watcher: Watcher, last: Tables, poll: bytes, lines: dict[bytes, Member]) -> list[Take]:
    came = watcher.came("members_take", 6)
    found = []
    for place, row in enumerate(last["members_take"]):
        at, xmin, of, line, slot, _number, data, taken = row
        if of != poll:
            continue
        take = m.Take.parse(data)
        signed = m.Taken.parse(taken).signed[0]
        one = Take(lines[line], slot, data, int.from_bytes(signed, "big"))
        one.marks = {
            "came": came[data], "place": place, "ctid": at, "xmin": xmin, "line": line,
            "slot": slot, "blinded": take.blinded[0], "signed": signed, "leaf": leaf(data),
        }  # fmt: skip
        found.append(one)
    return found


def _mark_people(takes: list[Take], last: Tables) -> None:
    """Whatever stands in a member's own rows, one mark for each column of their account."""
    accounts = {row[2]: (place, row) for place, row in enumerate(last["members_account"])}
    for take in takes:
        place, row = accounts[take.member]
        take.marks["account"] = place
        for number, value in enumerate(row):
            take.marks[f"account {number}"] = str(value)


def _casts(watcher: Watcher, last: Tables, staged: Tables, poll: bytes) -> list[Cast]:
    came = watcher.came("ballot_staged", 2)
    places = {row[2]: (place, *row[:2]) for place, row in enumerate(staged["ballot_staged"])}
    by_key: dict[Key, Cast] = {}
    for at, xmin, _circle, number, name, data in last["log_entry"]:
        if not data.startswith(b"circles/ballot/v1\n"):
            continue
        ballot = m.Ballot.parse(data)
        if ballot.poll != poll:
            continue
        token = int.from_bytes(ballot.tokens[0], "big")
        cast = by_key.setdefault(ballot.key, Cast(ballot.key, [], token))
        cast.ballots.append(ballot)
        place, ctid, staged_xmin = places[name]
        marks = {
            "came": came[name], "place": place, "ctid": ctid, "xmin": staged_xmin,
            "entry": number, "entry ctid": at, "entry xmin": xmin, "leaf": name, "key": ballot.key,
            "token": ballot.tokens[0], "prefix": ballot.prefixes[0], "commit": ballot.commit,
            "share": ballot.shares[0], "body": ballot.body, "sig": ballot.sig, "seq": ballot.seq,
        }  # fmt: skip
        if ballot.seq <= cast.marks.get("seq", ballot.seq):
            cast.marks.update(marks)  # The first message of a key says most of when it came.
        cast.marks["messages"] = len(cast.ballots)
    _mark_choices(by_key, last, poll)
    return list(by_key.values())


def _mark_choices(by_key: dict[Key, Cast], last: Tables, poll: bytes) -> None:
    """What each ballot reads, once the box is open to all."""
    texts = [row[-1] for row in last["log_entry"]]
    record = next(m.Poll.parse(t) for t in texts if leaf(t) == poll)
    slates = [m.Slate.parse(t) for t in texts if t.startswith(b"circles/slate/v1\n")]
    slate = next(one for one in slates if one.poll == poll)
    openings = [m.Opening.parse(t) for t in texts if t.startswith(b"circles/opening/v1\n")]
    secrets = {one.trustee: one.secret for one in openings if one.poll == poll}
    opener = seal.Opener.of(record, slate, secrets)
    for cast in by_key.values():
        ballot = max(cast.ballots, key=lambda one: one.seq)
        choice = opener.open(ballot, ballot.text())
        assert isinstance(choice, m.Choice)
        cast.marks["choice"] = (*choice.ticks, 1000 * choice.keep)
        cast.marks["nonce"] = choice.nonce


def _together(
    watcher: Watcher, lines: dict[bytes, Member], last: Tables
) -> list[tuple[frozenset[Member], frozenset[Key]]]:
    """Acts in which a ballot came and a row that names a member changed too."""
    names = dict(lines)
    for row in last["members_account"]:
        for value in (row[2], row[2].hex()):
            names[value] = row[2]
    found = []
    for changed in watcher.changes():
        keys = frozenset(row[4] for row in changed["ballot_staged"])
        tables = [table for table in changed if "ballot" not in table]
        rows = (row for table in tables for row in changed[table])
        members = frozenset(names[v] for row in rows for v in row if _hashable(v) and v in names)
        if keys and members:
            found.append((members, keys))
    return found


def _hashable(value: Any) -> bool:
    return isinstance(value, bytes | str)


def database_file(world: World) -> Path:
    """The SQLite file of a world."""
    return Path(world.host.database.url.removeprefix("sqlite+aiosqlite:///"))
