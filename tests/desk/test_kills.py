"""SIGKILL while a month is closed and while the books are handed over: at every point."""

from __future__ import annotations

import asyncio

import pytest

from tests import faults
from tests.desk import killing


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def grounds(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> faults.Grounds:
    server = request.getfixturevalue("postgres_url") if request.param == "postgresql" else None
    made = faults.Grounds(tmp_path_factory.mktemp("grounds"), server, killing.AT)
    made.build(killing.build)
    return made


@pytest.mark.parametrize("scenario", killing.CHECKS)
def test_killed_anywhere(grounds: faults.Grounds, scenario: str) -> None:
    hit = 0
    with faults.Kills() as kills:
        for killed in kills.each_point(scenario, grounds, sample=8, seed=hit):
            asyncio.run(killing.CHECKS[scenario](killed))
            hit += 1
    assert hit > 2
