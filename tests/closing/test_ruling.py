"""Rules over rounds: whole ballots among eight, a trial that ends by itself, too few for shares."""

from __future__ import annotations

from circles.circle import circles
from circles.host import Host
from circles.members import notices
from circles.protocol.messages import Ask
from circles.rounds import ruling
from tests.closing.test_month import BOOTS, SOUP, holds
from tests.world import World


async def _pinned(world: World) -> list[tuple[str, dict[str, str]]]:
    async with world.host.database.read() as db:
        found = await notices.pinned(db, world.circle.id)
    return [(n.kind, n.values) for n in found if n.kind.startswith("rule-")]


async def test_fair_shares_is_tried_for_one_round_and_then_over(host: Host) -> None:
    world = await World.found(host, members=8, fund_minor=8000)
    async with host.database.begin() as db:
        await circles.change_rule(db, world.circle.id, rule="split/1", trial_rule="fair-shares/1")
    ann, ben, cleo, dora, *others = world.members
    await world.begin()
    first = await world.play_month(
        [(ann, SOUP, Ask(4000)), (ben, BOOTS, Ask(3000))],
        {
            ann: [SOUP, BOOTS],
            ben: [SOUP, BOOTS],
            cleo: [SOUP],
            dora: [SOUP],
            others[0]: [BOOTS],
            others[1]: [],
        },
        paying=[],
    )
    poll = first.vote.poll
    assert (poll.rule, poll.slots, poll.max_choices) == ("fair-shares/1", 1, 3)
    assert dict(poll.params)["min-ticks"] == "2"
    assert first.result is not None
    # Six ballots hold 13.33 each: four pay 10.00 each for the soup, and 3.33 + 3.33 + 13.33 is
    # not enough for the boots.
    assert sum(paid for _, paid in first.result.awards) == 4000
    assert first.result.carried_minor == 4000
    assert first.result.counted == 6
    await holds(world)
    second = await world.play_month([(ann, SOUP, Ask(4000))], {who: [SOUP] for who in (ann, ben)})
    assert second.vote.poll.rule == "split/1"
    assert (second.vote.poll.slots, second.vote.poll.max_choices) == (3, 1)
    assert await _pinned(world) == [
        ("rule-tried", {"month": "2026-10", "rule": "fair-shares/1", "after": "split/1"})
    ]


async def test_with_fewer_than_eight_shares_are_not_asked_for(host: Host) -> None:
    world = await World.found(host, members=5)
    async with host.database.begin() as db:
        await circles.change_rule(db, world.circle.id, rule="fair-shares/1")
    round_ = await world.begin()
    assert round_.vote.poll.rule == "most-ticks/1"
    assert round_.vote.poll.slots == 3
    ((kind, values),) = await _pinned(world)
    assert (kind, values["chosen"]) == ("rule-too-few", "fair-shares/1")
    async with host.database.read() as db:
        circle = await circles.by_id(db, world.circle.id)
    assert circle.rule == "fair-shares/1"
    assert ruling.of(circle, 8).whole_ballots
    assert dict(ruling.of(circle, 4).params)["min-ticks"] == "1"
