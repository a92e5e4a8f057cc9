"""Trustees for tests: members who make keys as their browser would, and open with them.

ann = await Trustee.of(world, world.members[0])
await choose(world, [ann, ben], server=True, needed=2)
await ann.hand_in(3)
...
await ann.open()                      # after the close
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from circles.circle import calendar
from circles.protocol.messages import Ask, Opening
from circles.protocol.seal import TrusteeKey
from circles.rounds import opening, trustees
from circles.rounds.rounds import Round
from circles.rounds.trustees import Plan
from tests.world import KEEP, MemberClient, World


@dataclass(eq=False)
class Trustee:
    """A member with the private halves that only they hold."""

    world: World
    client: MemberClient
    keys: dict[bytes, TrusteeKey] = field(default_factory=dict)

    @property
    def id(self) -> bytes:
        return self.client.member.id

    async def hand_in(self, count: int = 1) -> list[bytes]:
        """Make keys and hand in their public halves."""
        fresh = [TrusteeKey.generate() for _ in range(count)]
        publics = [key.public for key in fresh]
        async with self.world.host.database.begin() as db:
            await trustees.hand_in(db, self.world.circle.id, self.id, publics)
        self.keys |= {key.public: key for key in fresh}
        return publics

    def number(self, round_: Round) -> int:
        """Which trustee of that vote this one is; 0 if none."""
        held = [n for n, key in enumerate(round_.vote.poll.trustees, 1) if key in self.keys]
        return held[0] if held else 0

    def opening(self, round_: Round) -> bytes:
        """What this trustee posts."""
        number = self.number(round_)
        secret = self.keys[round_.vote.poll.trustees[number - 1]].secret
        return Opening(round_.vote.poll_hash, number, secret).text()

    async def open(self) -> bool:
        """Publish the own key of the round in hand."""
        world = self.world
        text = self.opening(await world.round())
        return await opening.log_opening(world.host, world.circle, world.month, text)


async def choose(world: World, chosen: Sequence[Trustee], *, server: bool, needed: int) -> bool:
    """A steward decides who holds keys from the next round on."""
    wanted = Plan(frozenset(one.id for one in chosen), server, needed)
    async with world.host.database.begin() as db:
        now = world.clock.round_now()
        return await trustees.decide(db, world.circle, wanted, world.steward, now)


async def with_trustees(
    world: World, people: int, *, server: bool, needed: int, keys: int = 2
) -> list[Trustee]:
    """The first so many members hold keys, handed in already."""
    found = [Trustee(world, client) for client in world.members[:people]]
    await choose(world, found, server=server, needed=needed)
    for one in found:
        await one.hand_in(keys)
    return found


async def to_the_close(world: World, voters: int | None = None, *, named: bool = True) -> Round:
    """The month up to the close of its vote; the round as it then stands."""
    if not world.month:
        await world.begin()
    await world.go(max(world.at.nominating_opens, world.clock.round_now()))
    if named:
        await world.members[0].nominate("Soup kitchen", Ask(4000))
    await world.go(world.at.nominating_closes + calendar.GRACE)
    await world.go(world.at.voting_opens)
    for who in world.members[:voters] if named else []:
        await who.vote([1, 1, KEEP])
    await world.go(world.at.count_at)
    return await world.round()
