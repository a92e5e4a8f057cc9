"""What a dishonest operator does to the records: the database and every key are theirs."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

from sqlalchemy import delete, insert, select, text

from circles import archive
from circles.ballot.tables import Staged
from circles.log import checkpoints, floor, published, signing, stored, tables
from circles.members import issuer
from circles.members.roll_tables import IssuerKeyRow, ReissueRow
from circles.protocol import messages as m
from circles.protocol.ballot import BallotCredential, begin_take, make_ballot, new_choice
from circles.protocol.blind import IssuerKey
from circles.protocol.checkpoint import Checkpoint, LogKey
from circles.protocol.merkle import Tree, leaf
from tests.dishonest.scenes import Scene

Entries = list[bytes]


async def entries(scene: Scene) -> Entries:
    """The log as it stands."""
    async with scene.host.database.read() as db:
        return [entry.data for entry in await stored.entries(db, scene.world.circle.id)]


def index_of(found: Entries, kind: type[m.Message], which: int = 0) -> int:
    """Where the which-th record of that type stands."""
    return [i for i, data in enumerate(found) if data.startswith(f"{kind.kind}\n".encode())][which]


async def rewrite(scene: Scene, edit: Callable[[Entries], Entries | None]) -> None:
    """Another history: all triggers off, the entries edited, one checkpoint of them signed anew."""
    circle_id = scene.world.circle.id
    found = await entries(scene)
    new = edit(found) or found
    tree = Tree(leaf(data) for data in new)
    async with scene.host.database.begin() as db:
        await _unguard(db)
        await db.execute(delete(tables.Checkpoint))
        await db.execute(delete(tables.Entry))
        for number, data in enumerate(new):
            row = {"circle_id": circle_id, "number": number, "leaf": leaf(data), "data": data}
            await db.execute(insert(tables.Entry).values(row))
        note = (await _key(db, scene)).sign_note(
            Checkpoint(scene.world.circle.log_origin, tree.size, tree.root()).text()
        )
        head = {"circle_id": circle_id, "size": tree.size, "root": tree.root(), "note": note}
        await db.execute(insert(tables.Checkpoint).values(head))
    await show_as_newest(scene)


async def show_as_newest(scene: Scene) -> None:
    """Whatever the floor and the files say: what the database holds now is shown."""
    settings, circle_id = scene.host.settings, scene.world.circle.id
    floor.path(settings, circle_id).unlink(missing_ok=True)
    shutil.rmtree(published.folder(settings, scene.world.circle.slug), ignore_errors=True)
    archive._indexes.clear()
    await floor.accept(scene.host, circle_id)
    await published.write(scene.host, circle_id)


async def _unguard(db: Any) -> None:
    names = await db.scalars(text("SELECT name FROM sqlite_master WHERE type = 'trigger'"))
    for name in list(names):
        await db.execute(text(f"DROP TRIGGER {name}"))


async def _key(db: Any, scene: Scene) -> LogKey:
    log = await db.get(tables.Log, scene.world.circle.id)
    return LogKey(log.origin, scene.host.vault.open(signing.PURPOSE, log.sealed_seed))


async def append(scene: Scene, *records: bytes) -> None:
    """One more entry and a checkpoint, as the honest server signs them."""
    async with scene.host.database.begin() as db:
        await stored.append(db, scene.world.circle.id, records)
        await signing.sign(db, scene.host.vault, scene.world.circle.id, scene.host)
    await floor.raise_to(scene.host, scene.world.circle.id)


async def size(scene: Scene) -> int:
    """The size of the newest checkpoint."""
    async with scene.host.database.read() as db:
        newest = await checkpoints.newest(db, scene.world.circle.id)
    assert newest is not None
    return newest.size


# In the box


async def staged(scene: Scene) -> dict[bytes, bytes]:
    """What waits in the box: message by leaf."""
    async with scene.host.database.read() as db:
        rows = await db.execute(select(Staged.leaf, Staged.message))
        return {bytes(name): bytes(message) for name, message in rows}


async def take_out(scene: Scene, name: bytes) -> None:
    """A message that got its receipt is not in the box any more."""
    async with scene.host.database.begin() as db:
        found = await db.execute(delete(Staged).where(Staged.leaf == name).returning(Staged.leaf))
        assert found.all(), "it was not there"


async def put_in(scene: Scene, poll_hash: bytes, message: m.Ballot) -> None:
    """A message that nobody cast; nothing of it is checked."""
    async with scene.host.database.begin() as db:
        row = {"leaf": message.record_id(), "poll_hash": poll_hash, "key": message.key}
        await db.execute(insert(Staged).values(row | {"message": message.text()}))


async def own_credential(scene: Scene, purpose: str = m.VOTE) -> BallotCredential:
    """A ballot key that the operator signs for themselves: no take stands for it."""
    poll = (await scene.world.round()).of(purpose).poll
    async with scene.host.database.read() as db:
        row = await db.get(IssuerKeyRow, poll.record_id())
        assert row is not None
        key = IssuerKey.from_bytes(scene.host.vault.open("issuer-key", row.sealed))
    pending = begin_take(poll)
    take = pending.take(bytes(16), 0)
    signed = key.sign_blinded(take.blinded[0])
    return pending.finish(m.Taken(take.record_id(), (signed,)))


async def stuff(scene: Scene, count: int) -> None:
    """So many ballots of the operator's own, all for the first candidate."""
    round_ = await scene.world.round()
    assert round_.slate is not None
    for _ in range(count):
        mine = await own_credential(scene)
        choice = new_choice([1])
        ballot = make_ballot(round_.vote.poll, round_.slate.record_id(), mine, choice)
        await put_in(scene, round_.vote.poll_hash, ballot)


async def collect_for(scene: Scene, handle: str, slot: int = 0, *, anew: bool = False) -> None:
    """A take in a member's name that the member knows nothing of."""
    who = scene.member(handle)
    round_ = await scene.world.round()
    line = await who.line(m.VOTE)
    async with scene.host.database.begin() as db:
        if anew:
            row = {"poll_hash": round_.vote.poll_hash, "line": line, "slot": slot, "allowed": 1}
            await db.execute(insert(ReissueRow).values(row))
        await issuer.take(
            db,
            scene.host,
            round_.vote.poll_hash,
            who.member.id,
            begin_take(round_.vote.poll).take(line, slot).text(),
            scene.world.clock.round_now(),
        )


@contextmanager
def instead(place: Any, name: str, lie: Callable[..., Any]) -> Iterator[None]:
    """Another function in the real server's place; `lie` gets the real one first."""
    real = getattr(place, name)
    with mock.patch.object(place, name, lambda *given, **named: lie(real, *given, **named)):
        yield
