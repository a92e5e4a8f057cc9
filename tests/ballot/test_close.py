"""Closing the box: sorted into the log, once, whatever was killed or raced in between."""

from __future__ import annotations

import asyncio
import random

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.exc import DBAPIError

from circles import log
from circles.ballot import box
from circles.ballot.errors import BoxStateError, CastRefusedError
from circles.ballot.tables import Document, Poll, Staged, StagedDocument
from circles.clock import MovableClock
from circles.errors import MissingError
from circles.host import Host
from circles.log import floor
from circles.protocol.ballot import Document as Words
from circles.protocol.merkle import leaf
from circles.protocol.messages import NOMINATE, VOTE, Ask
from tests.ballot import polls
from tests.ballot.polls import CIRCLE_ID, MONTH, NOON


@pytest.fixture(autouse=True)
def _at_noon(clock: MovableClock) -> None:
    clock.set_round(NOON)


async def _cast(host: Host, purpose: str, body: bytes) -> bytes:
    receipt, _ = await box.cast(host, "maple-row", MONTH, purpose, body)
    return receipt


async def _rows(host: Host, table: type[Staged | StagedDocument | Document]) -> int:
    async with host.database.read() as db:
        return await db.scalar(select(func.count()).select_from(table)) or 0


async def test_ballots_stand_in_the_log_sorted_and_nowhere_else(host: Host) -> None:
    poll = await polls.opened(host, VOTE)
    who = polls.credential(poll.poll)
    bodies = [poll.ballot(who, 1), poll.ballot(who, 2), *(poll.ballot() for _ in range(5))]
    for body in bodies:
        await _cast(host, VOTE, body)
    published = await polls.close(host, poll.poll_hash)
    assert (published.first_index, published.count, published.keys) == (2, 7, 6)
    async with host.database.read() as db:
        entries = await log.entries(db, CIRCLE_ID, 2)
        assert [e.data for e in entries] == sorted(bodies, key=leaf)
        await log.check_whole(db, host, CIRCLE_ID)
    assert await _rows(host, Staged) == 0


async def test_each_step_again_changes_nothing(host: Host) -> None:
    poll = await polls.opened(host, VOTE)
    await _cast(host, VOTE, poll.ballot())
    first = await polls.close(host, poll.poll_hash)
    size = (await floor.raise_to(host, CIRCLE_ID)).size
    assert await polls.close(host, poll.poll_hash) == first
    assert (await floor.raise_to(host, CIRCLE_ID)).size == size


async def test_steps_out_of_order_are_refused(host: Host) -> None:
    poll = await polls.opened(host, NOMINATE)
    for step in (box.publish, box.drop_staged, box.nominations):
        with pytest.raises(BoxStateError):
            async with host.database.begin() as db:
                await step(db, poll.poll_hash)
    async with host.database.begin() as db:
        await box.shut(db, poll.poll_hash)
    with pytest.raises(BoxStateError):
        async with host.database.begin() as db:
            await box.drop_staged(db, poll.poll_hash)
    with pytest.raises(BoxStateError):
        async with host.database.begin() as db:
            await box.reschedule(db, poll.poll_hash, NOON, NOON)
    with pytest.raises(MissingError):
        async with host.database.begin() as db:
            await box.shut(db, bytes(32))


async def test_an_empty_box_closes_too(host: Host) -> None:
    poll = await polls.opened(host, VOTE)
    published = await polls.close(host, poll.poll_hash)
    assert (published.count, published.keys) == (0, 0)


async def test_two_closings_at_once_append_once(host: Host) -> None:
    poll = await polls.opened(host, VOTE)
    for _ in range(4):
        await _cast(host, VOTE, poll.ballot())
    done = await asyncio.gather(*(polls.close(host, poll.poll_hash) for _ in range(3)))
    assert len(set(done)) == 1
    async with host.database.read() as db:
        assert await log.size(db, CIRCLE_ID) == 2 + 4


async def test_a_slate_is_set_once(host: Host) -> None:
    poll = await polls.opened(host, VOTE)
    other = polls.Slate(poll.poll_hash, bytes(32), ()).text()
    with pytest.raises(BoxStateError):
        async with host.database.begin() as db:
            await box.set_slate(db, poll.poll_hash, other)


# Nominations


async def test_counted_nominations_keep_their_words_and_replaced_ones_lose_them(
    host: Host,
) -> None:
    poll = await polls.opened(host, NOMINATE)
    who = polls.credential(poll.poll)
    old, new, other = (Words.of(f"{name}\nSome words.\n") for name in ("Old", "New", "Other"))
    await _cast(host, NOMINATE, poll.nomination(who, 1, document=old))
    await _cast(host, NOMINATE, poll.nomination(who, 2, document=new))
    await _cast(host, NOMINATE, poll.nomination(document=other))
    published = await polls.close(host, poll.poll_hash)
    assert (published.count, published.keys) == (3, 2)
    async with host.database.read() as db:
        found = await box.nominations(db, poll.poll_hash)
        assert [n.leaf for n in found] == sorted(n.leaf for n in found)
        assert {(n.document, n.salt, n.doc_hash) for n in found} == {
            (words.text, words.salt, words.hash()) for words in (new, other)
        }
        assert {n.ask for n in found} == {Ask(5000)}
        assert await box.document(db, poll.poll_hash, new.hash()) == new.file()
        assert await box.document(db, poll.poll_hash, old.hash()) is None
    assert (await _rows(host, StagedDocument), await _rows(host, Document)) == (0, 2)
    async with host.database.begin() as db:
        await box.erase_document(db, poll.poll_hash, new.hash())
    async with host.database.read() as db:
        words = {n.doc_hash: n.document for n in await box.nominations(db, poll.poll_hash)}
    assert words == {new.hash(): None, other.hash(): other.text}


async def test_one_poll_closes_without_touching_another(host: Host) -> None:
    here = await polls.opened(host, NOMINATE)
    there = await polls.opened(host, NOMINATE, of=polls.circle("elm-row", bytes([1]) * 16))
    words = Words.of("Anna\nHer roof leaks.\n")
    await _cast(host, NOMINATE, here.nomination(document=words))
    await box.cast(host, "elm-row", MONTH, NOMINATE, there.nomination(document=words))
    await polls.close(host, here.poll_hash)
    assert (await _rows(host, Staged), await _rows(host, StagedDocument)) == (1, 1)
    await polls.close(host, there.poll_hash, there.circle.id)
    assert (await _rows(host, Staged), await _rows(host, StagedDocument)) == (0, 0)
    async with host.database.read() as db:
        assert await box.document(db, here.poll_hash, words.hash()) == words.file()
        assert await box.document(db, there.poll_hash, words.hash()) == words.file()


# Races and tampering


async def test_casting_against_closing_has_one_winner(host: Host) -> None:
    """Every receipt stands in the log, and whoever came too late was told so."""
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    dice = random.Random(seed)
    told: set[str] = set()
    for number in range(6):
        poll = await polls.opened(host, VOTE, month=f"2027-{number + 1:02d}")
        bodies = [poll.ballot() for _ in range(6)]

        async def late(body: bytes, month: str = poll.poll.month) -> bytes | None:
            await asyncio.sleep(dice.random() * 0.02)
            try:
                await box.cast(host, "maple-row", month, VOTE, body)
            except CastRefusedError as refused:
                told.add(refused.code)
                return None
            return leaf(body)

        async def closing(poll_hash: bytes = poll.poll_hash) -> box.Published:
            await asyncio.sleep(dice.random() * 0.02)
            return await polls.close(host, poll_hash)

        published, *promised = await asyncio.gather(closing(), *(late(b) for b in bodies))
        async with host.database.read() as db:
            logged = await log.entries(db, CIRCLE_ID, published.first_index, published.count)
        assert {entry.leaf for entry in logged} == {kept for kept in promised if kept}
        assert told <= {"closed"}
        assert await _rows(host, Staged) == 0


async def test_an_altered_staged_ballot_stops_the_close(host: Host) -> None:
    poll = await polls.opened(host, VOTE)
    await _cast(host, VOTE, poll.ballot())
    other = poll.ballot()
    async with host.database.begin() as db:
        await db.execute(text("UPDATE ballot_staged SET message = :m"), {"m": other})
        await box.shut(db, poll.poll_hash)
    with pytest.raises(log.LogBrokenError):
        async with host.database.begin() as db:
            await box.publish(db, poll.poll_hash)
    async with host.database.read() as db:
        assert await log.size(db, CIRCLE_ID) == 2


async def test_a_state_that_is_none_is_refused_by_the_database(host: Host) -> None:
    poll = await polls.opened(host, VOTE)
    for change in ("state = 'ajar'", "state = 'logged'", "purpose = 'paint'"):
        with pytest.raises(DBAPIError):
            async with host.database.begin() as db:
                await db.execute(text(f"UPDATE ballot_poll SET {change}"))
    async with host.database.read() as db:
        assert await db.scalar(select(Poll.state).where(Poll.poll_hash == poll.poll_hash)) == "open"


async def test_what_stands_in_the_way_of_wiping_is_waited_out(host: Host) -> None:
    """A reader with an old snapshot (a backup) does not stop the close, only the wiping."""
    poll = await polls.opened(host, VOTE)
    other = await polls.opened(host, VOTE, month="2026-11")
    await _cast(host, VOTE, poll.ballot())
    kept = other.ballot()
    await box.cast(host, "maple-row", "2026-11", VOTE, kept)
    async with host.database.read() as reader:
        assert await reader.scalar(select(func.count()).select_from(Staged)) == 2
        async with host.database.begin() as db:
            await box.shut(db, poll.poll_hash)
            await box.publish(db, poll.poll_hash)
            await box.drop_staged(db, poll.poll_hash)
        assert not await box.scrub(host, CIRCLE_ID)
    assert await box.scrub(host, CIRCLE_ID)
    async with host.database.read() as db:
        assert await db.scalar(select(Staged.message)) == kept
        states = await db.scalars(select(Poll.state).order_by(Poll.month))
        assert list(states) == ["clean", "open"]
    assert (await box.cast(host, "maple-row", "2026-11", VOTE, kept))[1] is False
