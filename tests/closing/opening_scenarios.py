"""A vote with three trustees, killed while it is closed, opened and counted. See tests/faults.py.

The ground is a circle of four in its voting time, all have cast; Ann, Ben and this server hold a
key, and all three are needed. What Ann and Ben are going to post is written down.
"""

from __future__ import annotations

import json
from pathlib import Path

from sqlalchemy import func, select

from circles import closing, log
from circles.circle import calendar
from circles.host import Host
from circles.ledger import books
from circles.log import floor
from circles.protocol.archive_source import open_source
from circles.protocol.merkle import leaf
from circles.protocol.messages import Ask, Opening
from circles.protocol.text import b64, unb64
from circles.protocol.verify import verify
from circles.rounds import opening, rounds
from circles.rounds.tables import SecretRow
from tests import faults
from tests.closing.scenarios import AT, DATES, FUND_MINOR, MONTH, ZONE, the_circle
from tests.trustees import with_trustees
from tests.world import KEEP, World

__all__ = ["AT", "CHECKS", "SCENARIO", "build"]


async def build(host: Host) -> None:
    """The ground, by the real code."""
    world = await World.found(host, members=4, zone=ZONE, fund_minor=FUND_MINOR)
    found = await with_trustees(world, 2, server=True, needed=3)
    await world.begin(DATES.take_from)
    await world.go(DATES.nominating_opens)
    await world.members[0].nominate("Soup kitchen", Ask(4000))
    await world.go(DATES.nominating_closes + calendar.GRACE)
    await world.go(DATES.voting_opens)
    for who in world.members:
        await who.vote([1, 1, KEEP])
    round_ = await world.round()
    _kept(host).write_text(json.dumps([b64(one.opening(round_)) for one in found]))


def _kept(host: Host) -> Path:
    return host.settings.data / "openings.json"


def openings(host: Host) -> list[bytes]:
    """What Ann and Ben are going to post."""
    return [unb64(text) for text in json.loads(_kept(host).read_text())]


async def open_box(place: faults.Place, say: faults.Say) -> None:
    """Close; the server opens, then the others, each told when it stands there; count and post."""
    async with faults.opened(place) as host:
        circle = await the_circle(host)
        await closing.advance(host, circle.id)
        for text in openings(host):
            await opening.log_opening(host, circle, MONTH, text)
            await floor.raise_to(host, circle.id)
            say(b64(leaf(text)))
        await closing.advance(host, circle.id)


async def check(killed: faults.Killed) -> None:
    """Each trustee stands there once, what was answered is there, and the month is counted once."""
    async with faults.opened(killed.place) as host:
        circle = await the_circle(host)
        async with host.database.read() as db:
            await log.check_whole(db, host, circle.id)
            entries = await log.entries(db, circle.id)
            round_ = await rounds.by_month(db, circle.id, MONTH)
            fund_minor = await books.fund_minor(db, circle.id)
            secrets = await db.scalar(select(func.count()).select_from(SecretRow))
        kinds = [entry.data.split(b"\n")[0].decode().split("/")[1] for entry in entries]
        counts = [kinds.count(kind) for kind in ("close", "opening", "result", "void")]
        assert counts == [2, 3, 1, 0], killed.point
        numbers = [Opening.parse(e.data).trustee for e in entries if b"/opening/" in e.data[:20]]
        assert sorted(numbers) == [1, 2, 3], killed.point
        leaves = {b64(entry.leaf) for entry in entries}
        assert set(killed.said) <= set(killed.said_again) <= leaves, killed.point
        assert (round_.posted, fund_minor, secrets) == (True, FUND_MINOR - 4000, 0), killed.point
        report = verify(open_source(str(host.settings.data / "public" / circle.slug)))
        assert report.holds, (killed.point, [str(problem) for problem in report.problems])


SCENARIO = "tests.closing.opening_scenarios:open_box"
CHECKS: dict[str, faults.Check] = {SCENARIO: check}
