"""SIGKILL at any commit, sync or rename while a vote with three trustees is opened and counted."""

from __future__ import annotations

import asyncio
import random

import pytest

from tests import faults
from tests.closing import opening_scenarios

SAMPLE = 3


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_killed_anywhere_while_it_is_opened(
    kind: str, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> None:
    server = request.getfixturevalue("postgres_url") if kind == "postgresql" else None
    grounds = faults.Grounds(tmp_path_factory.mktemp("grounds"), server, opening_scenarios.AT)
    grounds.build(opening_scenarios.build)
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    hit = 0
    with faults.Kills() as kills:
        for killed in kills.each_point(
            opening_scenarios.SCENARIO, grounds, sample=SAMPLE, seed=seed
        ):
            asyncio.run(opening_scenarios.check(killed))
            hit += 1
    assert hit == SAMPLE
