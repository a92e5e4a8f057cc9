"""What requests are called on pages about money."""

from __future__ import annotations

from circles.host import Host
from circles.protocol.messages import Ask
from circles.rounds import requests
from tests.world import World


async def test_a_request_turns_no_sentence_around(host: Host) -> None:
    """Anybody who nominates chooses its words, unseen, and they stand beside amounts."""
    world = await World.found(host, members=3, fund_minor=10_000)
    ann, ben, cleo = world.members
    turned, blank = "Soup \u202e00.54\u2066 kit\u200bchen\x1b[31m", "\u202e\u200b"
    await world.play_month(
        nominations=[(ann, turned, Ask(4500)), (ben, blank, Ask(1000))],
        votes={who: [1, 2, 1] for who in (ann, ben, cleo)},
    )
    async with host.database.read() as db:
        found = await requests.recipients(db, world.circle.id, [world.month])
    assert list(found.values()) == ["Soup 00.54 kit chen [31m"]
