"""An older backup put back under a host that has gone on: it signs nothing, and says why."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from circles import archive, log
from circles.ballot import box
from circles.host import Host
from circles.log import LogBehindError, floor, published
from circles.protocol.messages import VOTE
from tests import faults
from tests.ballot import polls
from tests.ballot.polls import CIRCLE_ID, MONTH, NOON
from tests.log.logs import record
from tests.storage import scenarios


@pytest.fixture(params=["sqlite", "postgresql"])
def grounds(request: pytest.FixtureRequest, tmp_path: Path) -> faults.Grounds:
    server = request.getfixturevalue("postgres_url") if request.param == "postgresql" else None
    made = faults.Grounds(tmp_path, server, NOON)
    made.build(scenarios.build)
    return made


def _files(host: Host) -> dict[str, bytes]:
    folder = published.folder(host.settings, "maple-row")
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


async def _lives_on(place: faults.Place) -> None:
    """A vote is cast and closed: checkpoints that the world has seen."""
    async with faults.opened(place) as host:
        for body in scenarios.bodies(place, VOTE):
            await box.cast(host, "maple-row", MONTH, VOTE, body)
        await polls.close(host, scenarios.bodies(place, f"{VOTE}-poll")[0])


async def _refuses(place: faults.Place) -> None:
    async with faults.opened(place) as host:
        shown, kept = _files(host), floor.read(host.settings, CIRCLE_ID)
        async with host.database.read() as db:
            size = await log.size(db, CIRCLE_ID)
        for body in scenarios.bodies(place, VOTE):
            with pytest.raises(LogBehindError, match="older backup"):
                await box.cast(host, "maple-row", MONTH, VOTE, body)
        for n in range(5, 12):  # Up to the size that was shown, and beyond.
            with pytest.raises(LogBehindError, match="older backup"):
                async with host.database.begin() as db:
                    await log.append(db, CIRCLE_ID, [record(k, CIRCLE_ID) for k in range(n)])
                    await log.sign(db, host.vault, CIRCLE_ID, host)
        with pytest.raises(LogBehindError, match="older backup"):
            await archive.build(host, polls.circle())
        with pytest.raises(LogBehindError, match="older backup"):
            await archive.shown(host, CIRCLE_ID)
        await floor.accept(host, CIRCLE_ID)
        async with host.database.read() as db:
            assert await log.size(db, CIRCLE_ID) == size
        assert (_files(host), floor.read(host.settings, CIRCLE_ID)) == (shown, kept)


async def _goes_on(place: faults.Place) -> None:
    async with faults.opened(place) as host:
        await archive.build(host, polls.circle())
        async with host.database.begin() as db:
            await log.append(db, CIRCLE_ID, [record(1, CIRCLE_ID)])
            signed = await log.sign(db, host.vault, CIRCLE_ID, host)
        assert await floor.raise_to(host, CIRCLE_ID) == signed


def test_an_older_database_under_a_newer_floor(grounds: faults.Grounds) -> None:
    older, newer = grounds.copy(), grounds.copy()
    asyncio.run(_lives_on(newer))
    asyncio.run(_refuses(replace(newer, database_url=older.database_url)))
    # The newer database, put back in its turn, goes on; so it does over a floor left behind.
    asyncio.run(_goes_on(newer))
    asyncio.run(_goes_on(replace(older, database_url=newer.database_url)))
    for place in (older, newer):
        grounds.drop(place)


def test_another_history_of_the_same_length(grounds: faults.Grounds) -> None:
    """Two copies that both went on: under the floor of the one the other signs nothing."""
    here, there = grounds.copy(), grounds.copy()
    for place in (here, there):
        asyncio.run(_goes_on(place))

    async def forks() -> None:
        async with faults.opened(replace(here, database_url=there.database_url)) as host:
            with pytest.raises(LogBehindError, match="another history"):
                await floor.raise_to(host, CIRCLE_ID)

    asyncio.run(forks())
    for place in (here, there):
        grounds.drop(place)
