"""SIGKILL at any commit, sync or rename of a month's end, a new month or a take.

In the suite a few points are drawn by a seed that is printed; all of them run with
`python -m tests.campaigns kills closing`.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from circles import closing
from circles.circle import calendar
from circles.db import Database
from circles.errors import OutcomeUnknownError
from circles.host import Host
from circles.protocol.ballot import begin_take
from circles.protocol.messages import VOTE, Ask, Taken
from tests import faults
from tests.closing import killing
from tests.world import World

SAMPLE = {"take": 3, "month_end": 5, "new_month": 2}


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def grounds(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> faults.Grounds:
    server = request.getfixturevalue("postgres_url") if request.param == "postgresql" else None
    made = faults.Grounds(tmp_path_factory.mktemp("grounds"), server, killing.AT)
    made.build(killing.build)
    return made


@pytest.fixture(scope="module")
def kills() -> Iterator[faults.Kills]:
    with faults.Kills() as running:
        yield running


def _seed() -> int:
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    return seed


@pytest.mark.parametrize("scenario", killing.CHECKS)
def test_killed_anywhere(grounds: faults.Grounds, kills: faults.Kills, scenario: str) -> None:
    sample, hit = SAMPLE[scenario.rpartition(":")[2]], 0
    for killed in kills.each_point(scenario, grounds, sample=sample, seed=_seed()):
        asyncio.run(killing.CHECKS[scenario](killed))
        hit += 1
    assert hit == sample


def test_the_checks_see_a_broken_promise(grounds: faults.Grounds, kills: faults.Kills) -> None:
    """A checkpoint of another history, and a take that was answered otherwise, do not pass."""
    place = grounds.copy()
    ended = kills.run("tests.closing.scenarios:month_end", place)
    good = faults.Killed(place, 0, ended.said, ended.said)
    asyncio.run(killing.check_month_end(good))
    size, note = ended.said[0].split()[1:]
    with pytest.raises(AssertionError):
        asyncio.run(
            killing.check_month_end(replace(good, said=[f"checkpoint {int(size) - 1} {note}"]))
        )
    grounds.drop(place)
    place = grounds.copy()
    taken = kills.run("tests.closing.scenarios:take", place)
    with pytest.raises(AssertionError):
        asyncio.run(killing.check_take(faults.Killed(place, 0, ["taken AA AA"], taken.said)))
    grounds.drop(place)


# The commit that fails, and the commit that happens but is not answered


class Commits:
    """Makes the Nth commit fail, either before it is made or after."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._count = 0
        self._fail_at = 0
        self._made = False
        real = Database._commit

        async def commit(database: Database, db: AsyncSession) -> None:
            self._count += 1
            if self._count != self._fail_at:
                await real(database, db)
                return
            if self._made:
                await real(database, db)
            else:
                await db.rollback()
            raise OutcomeUnknownError("We do not know whether that was kept.")

        monkeypatch.setattr(Database, "_commit", commit)

    @asynccontextmanager
    async def failing(self, at: int, *, made: bool) -> AsyncIterator[None]:
        self._count, self._fail_at, self._made = 0, at, made
        try:
            yield
        finally:
            self._fail_at = 0


@pytest.mark.parametrize("made", [False, True], ids=["lost", "kept-unanswered"])
async def test_every_commit_of_a_close_may_go_unanswered(
    host: Host, monkeypatch: pytest.MonkeyPatch, made: bool
) -> None:
    world = await World.found(host, members=3, fund_minor=5000)
    commits = Commits(monkeypatch)
    await world.begin()
    await world.members[0].nominate("Soup kitchen", Ask(4000))
    await world.go(world.at.nominating_closes + calendar.GRACE)
    await world.go(world.at.voting_opens)
    for who in world.members:
        await who.vote([1, 1, 1])
    world.clock.set_round(world.at.count_at)
    # The first commit of each try is the first thing that is still to be done: one that is kept
    # though unanswered moves on by itself, one that is lost has to be let through by the next try.
    failed = 0
    while not (await world.round()).posted:
        for at in (1,) if made else (1, 2):
            with suppress(OutcomeUnknownError):
                async with commits.failing(at, made=made):
                    await closing.advance(host, world.circle.id)
                continue
            failed += 1
        assert failed < 30
    # Flip, record, keys, opening, result, posting.
    assert failed >= 6
    await world.advance()
    records = await world.records()
    assert [records.count(kind) for kind in ("close", "seal", "opening", "result")] == [2, 1, 1, 1]
    assert await world.fund_minor() == 1000
    assert (await world.verify()).holds


@pytest.mark.parametrize("made", [False, True], ids=["lost", "kept-unanswered"])
async def test_a_take_that_goes_unanswered_is_sent_again(
    host: Host, monkeypatch: pytest.MonkeyPatch, made: bool
) -> None:
    world = await World.found(host, members=3)
    commits = Commits(monkeypatch)
    round_ = await world.begin()
    ann = world.members[0]
    pending = begin_take(round_.vote.poll)
    body = pending.take(await ann.line(VOTE), 0).text()
    async with commits.failing(1, made=made):
        with pytest.raises(OutcomeUnknownError):
            await ann.post_take(VOTE, body)
    answer = await ann.post_take(VOTE, body)
    pending.finish(Taken.parse(answer))
    assert await ann.post_take(VOTE, body) == answer
