"""Each row of the table of threats, at the real server over HTTP.

What a client does depends on no database, so this runs on SQLite.
"""

from __future__ import annotations

import pytest

from tests.dishonest.scenes import Stages
from tests.dishonest.threats import TABLE, Threat
from tests.dishonest.witnesses import WITNESSES


@pytest.mark.parametrize("threat", TABLE, ids=lambda threat: threat.name)
async def test_who_notices(stages: Stages, threat: Threat) -> None:
    async with stages.open(threat.begin) as scene:
        if "Ann's evidence" in threat.noticed and threat.begin != "founded":
            await scene.kept()
        await threat.lie(scene)
        found = {name: await WITNESSES[name](scene) for name in threat.noticed}
    assert threat.noticed
    for name, expected in threat.noticed.items():
        assert _same(found[name], expected), (name, found)


def _same(found: str, expected: str) -> bool:
    """A notice stands for several codes; checks are given whole; a shout is found in its line."""
    return (
        expected == found or expected in found.split() or (expected.isupper() and expected in found)
    )
