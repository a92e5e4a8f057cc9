"""Given everything but the browsers, nobody guesses better than chance who cast what.

The bound: over the rounds of a run no strategy may be more than LIMIT standard deviations from what
chance gives. By chance one of some 800 strategies passes it in fewer than one run in 100,000 (the
number right in a round is close to three ballots times Poisson(1); what is beyond seven deviations
of the sum over two or six rounds is below 1e-7). Each strategy finds what is planted for it.
`python -m tests.campaigns linkage` plays many more rounds, against a lower bound.
"""

from __future__ import annotations

import random
import secrets
from dataclasses import replace
from typing import Any

import gmpy2
import pytest
from sqlalchemy import text

from circles.circle import calendar
from circles.host import Host
from circles.protocol import blind
from circles.protocol import messages as m
from tests import issuer_keys
from tests.linkage import watching
from tests.linkage.attacking import SPECIAL, Attack, Score, by_rank
from tests.linkage.watching import Habits, Owners, Seen
from tests.world import MemberClient, World

LIMIT = 7.0
MEMBERS = 6
ROUNDS = {"sqlite": 6, "postgresql": 2}


@pytest.fixture(autouse=True)
def _lent(monkeypatch: pytest.MonkeyPatch) -> None:
    issuer_keys.lend(monkeypatch)


def _dice() -> random.Random:
    seed = secrets.randbelow(2**32)
    print(f"seed {seed}")
    return random.Random(seed)


async def play(host: Host, rounds: int, dice: random.Random, habits: Habits) -> list[Any]:
    """So many months of one circle: (seen, owners) of each vote."""
    world = await World.found(host, members=MEMBERS, fund_minor=50000)
    await world.begin()
    found = []
    for number in range(rounds):
        if number:
            following = calendar.month_after(world.month)
            await world.go(world.at_month(following).take_from)
        for member in world.members:
            member.credentials.clear()
        found.append(await watching.live(world, dice, habits))
    return found


async def test_everything_but_the_browsers_tells_nothing(host: Host) -> None:
    dice, attack = _dice(), Attack()
    rounds = ROUNDS[host.database.dialect]
    for seen, owners in await play(host, rounds, dice, Habits()):
        assert len(owners) == len(seen.casts) == len(seen.takes) == 3 * MEMBERS
        attack.add(seen, owners)
    print(attack.told())
    assert attack.found(LIMIT) == [], attack.told()
    # Those that need something special have found nothing at all to guess by.
    assert [attack.scores[name].guesses for name in SPECIAL] == [0] * len(SPECIAL)


# What is planted is found


@pytest.fixture(scope="module")
async def honest(
    tmp_path_factory: pytest.TempPathFactory, sqlite_template: Any
) -> list[tuple[Seen, Owners]]:
    from tests.closing.test_any_order import _host

    with pytest.MonkeyPatch.context() as patch:
        issuer_keys.lend(patch)
        host = _host(tmp_path_factory.mktemp("honest"), sqlite_template)
        try:
            return await play(host, 3, random.Random(1), Habits())
        finally:
            await host.close()


def _planted(
    seen: Seen, owners: Owners, take_mark: str, cast_mark: str, dice: random.Random
) -> Seen:
    """The same round, but that a mark of each ballot goes by one of its owner's takes."""
    left: dict[bytes, list[Any]] = {}
    for take in dice.sample(seen.takes, len(seen.takes)):
        left.setdefault(take.member, []).append(take.marks[take_mark])
    casts = [
        replace(cast, marks={**cast.marks, cast_mark: left[owners[cast.key]].pop()})
        for cast in seen.casts
    ]
    return replace(seen, casts=casts)


def test_each_pairing_finds_what_is_planted_for_it(honest: list[tuple[Seen, Owners]]) -> None:
    """Whatever of a ballot went by whatever of a take would be seen."""
    dice = random.Random(2)
    seen, _ = honest[0]
    missed = []
    for take_mark in ("came", "place", "line", "slot", "blinded", "signed", "leaf", "account 2"):
        if len({take.marks[take_mark] for take in seen.takes}) < MEMBERS:
            continue  # A mark that nearly all share cannot carry anything.
        for cast_mark in seen.casts[0].marks:
            score = Score()
            for one, owners in honest:
                bent = _planted(one, owners, take_mark, cast_mark, dice)
                score.add(by_rank(take_mark, cast_mark)(bent), owners)
            if score.distance < LIMIT:
                missed.append((take_mark, cast_mark, score.distance))
    assert missed == []


async def _touch(world: World, who: MemberClient) -> None:
    """A server that notes when a member was last active, of all times after a cast."""
    async with world.host.database.begin() as db:
        values = {"id": who.member.id, "n": secrets.token_hex(8)}
        await db.execute(
            text("UPDATE members_account SET passphrase_hash = :n WHERE id = :id"), values
        )


def _small(n: Any) -> Any:
    r = gmpy2.mpz(secrets.randbelow(2**64) | 1)
    return r, gmpy2.invert(r, n)


async def _alone(host: Host, habits: Habits, name: str) -> Score:
    score = Score()
    for seen, owners in await play(host, 1, _dice(), habits):
        score.add(SPECIAL[name](seen), owners)
    return score


@pytest.mark.one_database("what is planted lies in the client or in one statement")
async def test_a_small_blinding_factor_is_found(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(blind, "_random_unit", _small)
    score = await _alone(host, Habits(), "small blinding")
    assert score.right == score.guesses == 3 * MEMBERS


@pytest.mark.one_database("what is planted lies in the client or in one statement")
async def test_a_factor_used_twice_is_found(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    r = gmpy2.mpz(secrets.randbelow(2**3000) | 1)
    monkeypatch.setattr(blind, "_random_unit", lambda n: (r, gmpy2.invert(r, n)))
    score = await _alone(host, Habits(), "reused blinding")
    assert score.right == score.guesses == 3 * MEMBERS


@pytest.mark.one_database("what is planted lies in the client or in one statement")
async def test_bytes_of_a_take_in_a_ballot_are_found(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A client that takes its ballot's nonce from the line it collected on."""
    lines: dict[bytes, bytes] = {}
    real_take, real_ballot = MemberClient.take, watching.making.make_ballot

    async def take(self: MemberClient, purpose: str, slots: Any = None) -> Any:
        held = await real_take(self, purpose, slots)
        lines.update(dict.fromkeys((one.key for one in held), await self.line(purpose)))
        return held

    def ballot(poll: Any, slate: Any, credential: Any, choice: m.Choice, number: int) -> Any:
        bent = replace(choice, nonce=lines[credential.key])
        return real_ballot(poll, slate, credential, bent, number)

    monkeypatch.setattr(MemberClient, "take", take)
    monkeypatch.setattr(watching.making, "make_ballot", ballot)
    score = await _alone(host, Habits(), "same bytes")
    assert score.right == score.guesses > 0
    assert score.distance > 0


@pytest.mark.one_database("what is planted lies in the client or in one statement")
async def test_a_row_that_changes_with_a_cast_is_found(host: Host) -> None:
    score = await _alone(host, Habits(after_cast=_touch), "changed together")
    assert score.right == score.guesses > 0


# What we do not promise


@pytest.mark.one_database("what is seen here is in which order things came, on either")
async def test_who_watches_learns_from_those_who_collect_and_cast_in_one_sitting(
    host: Host,
) -> None:
    """The limit: a host that watches while it happens; who only has what is left learns nothing."""
    watches, comes_later = Attack(live=True), Attack(live=False)
    for seen, owners in await play(host, 3, _dice(), Habits(at_once=True)):
        watches.add(seen, owners)
        comes_later.add(seen, owners)
    print(watches.told(), comes_later.told(), sep="\n")
    assert watches.scores["came ~ came"].distance > LIMIT
    assert comes_later.found(LIMIT) == []


def test_the_measure_measures() -> None:
    owners = {bytes([n]): bytes([n // 3]) for n in range(18)}
    all_right, all_wrong = Score(), Score()
    for _ in range(8):
        all_right.add(((who, key) for key, who in owners.items()), owners)
        all_wrong.add(((bytes([(who[0] + 1) % 6]), key) for key, who in owners.items()), owners)
    assert all_right.right == all_right.guesses == 8 * 18
    assert all_right.distance > LIMIT > abs(all_wrong.distance)
    assert all_wrong.distance < -2
    assert Score().distance == 0
