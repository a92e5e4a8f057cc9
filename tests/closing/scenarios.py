"""What children do while they are killed: a month's end, a new month, a take. See tests/faults.py.

The ground is a circle of four in its voting time: three have cast, Dora has taken nothing yet.
"""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path

from circles import closing
from circles.circle import calendar, circles
from circles.circle.calendar import DEFAULT
from circles.clock import MovableClock
from circles.host import Host
from circles.log import floor
from circles.members import people, roll
from circles.protocol.ballot import begin_take
from circles.protocol.messages import VOTE, Ask
from circles.protocol.text import b64, unb64
from circles.rounds import rounds, taking
from tests import faults
from tests.world import World

ZONE, MONTH, NEXT_MONTH = "Europe/Berlin", "2026-10", "2026-11"
DATES = calendar.dates(DEFAULT, MONTH, ZONE)
AT = DATES.count_at
FUND_MINOR = 5000
TAKES = 3


async def build(host: Host) -> None:
    """The ground, by the real code; Dora's takes are written down, as her phone would."""
    world = await World.found(host, members=4, zone=ZONE, fund_minor=FUND_MINOR)
    ann, ben, cleo, dora = world.members
    await world.begin(DATES.take_from)
    await world.go(DATES.nominating_opens)
    await ann.nominate("Soup kitchen", Ask(4000))
    await world.go(DATES.nominating_closes + calendar.GRACE)
    await world.go(DATES.voting_opens)
    for who in (ann, ben, cleo):
        await who.vote([1, 1, 1])
    poll = (await world.round()).vote.poll
    line = await dora.line(VOTE)
    takes = [begin_take(poll).take(line, slot).text() for slot in range(TAKES)]
    notes = [note.decode() for who in (ann, ben, cleo) for note in who.receipts]
    kept = {"takes": [b64(take) for take in takes], "receipts": notes}
    _phones(host).write_text(json.dumps(kept))


def _phones(host: Host) -> Path:
    return host.settings.data / "phones.json"


def receipts(host: Host) -> list[bytes]:
    """What was promised to those who cast."""
    return [note.encode() for note in json.loads(_phones(host).read_text())["receipts"]]


def takes(host: Host) -> list[bytes]:
    """What Dora's phone is going to send."""
    return [unb64(text) for text in json.loads(_phones(host).read_text())["takes"]]


async def the_circle(host: Host) -> circles.Circle:
    async with host.database.read() as db:
        return (await circles.every(db))[0]


async def _show(host: Host, circle: circles.Circle, say: faults.Say) -> None:
    """What anybody could have seen by now: a checkpoint is published only above its floor."""
    signed = await floor.raise_to(host, circle.id)
    say(f"checkpoint {signed.size} {b64(signed.note)}")


async def month_end(place: faults.Place, say: faults.Say) -> None:
    """Close, open, count, post, and close the books' month."""
    async with faults.opened(place) as host:
        circle = await the_circle(host)
        await closing.advance(host, circle.id)
        await _show(host, circle, say)


async def new_month(place: faults.Place, say: faults.Say) -> None:
    """The month's end, its seal, and the next round announced with its dues."""
    async with faults.opened(place) as host:
        circle = await the_circle(host)
        await closing.advance(host, circle.id)
        _set(host, calendar.dates(DEFAULT, NEXT_MONTH, ZONE).take_from)
        await closing.advance(host, circle.id)
        await _show(host, circle, say)


def _set(host: Host, at: datetime) -> None:
    assert isinstance(host.clock, MovableClock)
    host.clock.set_round(at)


async def take(place: faults.Place, say: faults.Say) -> None:
    """Dora collects; each answer she got is told."""
    async with faults.opened(place) as host:
        _set(host, DATES.voting_opens)
        circle = await the_circle(host)
        async with host.database.read() as db:
            dora = await people.by_handle(db, circle.id, "Dora")
        assert dora is not None
        for body in takes(host):
            answer = await taking.take(host, circle, MONTH, VOTE, dora, body)
            say(f"taken {b64(body)} {b64(answer)}")


async def stored_lines(host: Host) -> dict[bytes, bytes | None]:
    """Each member's line in the vote, by member id."""
    circle = await the_circle(host)
    async with host.database.read() as db:
        poll = (await rounds.by_month(db, circle.id, MONTH)).vote
        members = await people.every(db, circle.id)
        return {one.id: await roll.line(db, poll.poll_hash, one.id) for one in members}
