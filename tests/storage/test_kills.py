"""SIGKILL anywhere: nothing that was promised is lost, nothing counts twice, nothing forks.

In the suite a few points are drawn by a seed that is printed; all of them run with
`python -m tests.campaigns kills`.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import faults
from tests.storage import killing

SAMPLE = 3


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
    hit = 0
    for killed in kills.each_point(scenario, grounds, sample=SAMPLE, seed=_seed()):
        asyncio.run(killing.CHECKS[scenario](killed))
        hit += 1
    assert hit == SAMPLE


@pytest.mark.parametrize("scenario", killing.CHECKS)
def test_killed_inside_the_database(tmp_path: Path, kills: faults.Kills, scenario: str) -> None:
    """The same at system calls, those of SQLite in the middle of a commit among them."""
    grounds = faults.Grounds(tmp_path, None, killing.AT)
    grounds.build(killing.build)
    hit = 0
    for killed in kills.each_point(scenario, grounds, sample=SAMPLE, seed=_seed(), calls=True):
        asyncio.run(killing.CHECKS[scenario](killed))
        hit += 1
    assert hit == SAMPLE


def test_a_lost_promise_is_seen(grounds: faults.Grounds, kills: faults.Kills) -> None:
    """The check itself is checked: a receipt for what is not there does not pass."""
    place = grounds.copy()
    ran = kills.run("tests.storage.scenarios:casts", place)
    forged = faults.Killed(place, 0, ["vote 9 AAAA"], ran.said)
    with pytest.raises(AssertionError):
        asyncio.run(killing.check_casts(forged))
    grounds.drop(place)
