"""Closing a month and handing the books over, killed at any commit or sync: see tests/faults.py.

The ground is a circle of four in November whose October waits to be closed.
"""

from __future__ import annotations

from datetime import UTC, datetime

from circles import archive, log
from circles.circle import circles
from circles.circle.circles import Circle
from circles.desk import closing
from circles.host import Host
from circles.ledger import handovers, periods
from circles.ledger.periods import Said
from circles.ledger.verify import verify_books
from circles.members import people
from circles.members.people import Member
from circles.protocol.archive_source import open_source
from circles.protocol.messages import parse_entry
from circles.protocol.records import Seal
from circles.protocol.text import b64
from circles.protocol.verify import verify
from tests import faults
from tests.world import PLEDGE_MINOR, World

AT = datetime(2026, 11, 3, 9, 0, tzinfo=UTC)
MONTH = "2026-10"
_BANK_MINOR = 4 * PLEDGE_MINOR


async def build(host: Host) -> None:
    """Four members who paid in, in October."""
    world = await World.found(host, members=4)
    world.clock.set_round(datetime(2026, 10, 9, 9, 0, tzinfo=UTC))
    for who in world.members:
        await world.pay_in(who)


async def _here(host: Host) -> tuple[Circle, dict[str, Member]]:
    async with host.database.read() as db:
        circle = (await circles.every(db))[0]
        return circle, {m.handle: m for m in await people.every(db, circle.id)}


async def close(place: faults.Place, say: faults.Say) -> None:
    """Ann proposes, Ben confirms; each of them sends once more what was not answered."""
    async with faults.opened(place) as host:
        circle, members = await _here(host)
        async with host.database.read() as db:
            done = await periods.closes(db, circle.id)
            waiting = await periods.proposal(db, circle.id)
        if not done:
            said = Said(statement_minor=_BANK_MINOR)
            made = await closing.propose(host, circle, members["Ann"], MONTH, said)
            assert waiting is None or waiting.id == made.id
            say(f"proposed {made.id.hex()}")
        proposal_id = done[0].id if done else made.id
        closed = await closing.confirm(host, circle, members["Ben"], proposal_id)
        say(f"closed {closed.id.hex()} {b64(closed.head)}")


async def hand_over(place: faults.Place, say: faults.Say) -> None:
    """Ann asks, Ben takes over; both resend."""
    async with faults.opened(place) as host:
        circle, members = await _here(host)
        async with host.database.read() as db:
            known = await handovers.every(db, circle.id)
            seen = await handovers.booked(db, circle.id)
        if not any(one.accepted_at for one in known):
            made = await closing.propose_handover(host, circle, members["Ann"], members["Ben"].id)
        else:
            made = known[0]
        await closing.take_over(host, circle, members["Ben"], made.id, seen)
        say(f"taken over {made.id.hex()}")


async def check_close(killed: faults.Killed) -> None:
    """Closed once, under what was said, with its one seal in a log that outsiders accept."""
    assert [line for line in killed.said if line not in killed.said_again] in (
        [],
        [line for line in killed.said if line.startswith("proposed")],
    )
    async with faults.opened(killed.place) as host:
        circle, _members = await _here(host)
        await archive.build(host, circle)
        async with host.database.read() as db:
            (closed,) = await periods.closes(db, circle.id)
            assert await periods.proposal(db, circle.id) is None
            entries = await log.entries(db, circle.id)
            await log.check_whole(db, host, circle.id)
        records = [parse_entry(entry.data) for entry in entries]
        (seal,) = [record for record in records if isinstance(record, Seal)]
        assert (seal.month, seal.head) == (MONTH, closed.head)
        assert f"closed {closed.id.hex()} {b64(closed.head)}" in killed.said_again
        found = await verify_books(host, lambda _checked, _total: None, {circle.id: [seal]})
        assert found == []
        folder = host.settings.data / "public" / circle.slug
        assert verify(open_source(str(folder))).problems == []


async def check_handover(killed: faults.Killed) -> None:
    """Handed over once: one treasurer, the other one."""
    async with faults.opened(killed.place) as host:
        circle, members = await _here(host)
        async with host.database.read() as db:
            (one,) = await handovers.every(db, circle.id)
        assert one.accepted_at is not None
        assert [m.handle for m in members.values() if m.is_treasurer] == ["Ben"]
        assert await verify_books(host, lambda _checked, _total: None) == []


CHECKS = {
    "tests.desk.killing:close": check_close,
    "tests.desk.killing:hand_over": check_handover,
}
