"""Every rule gives the same awards and the same working in both twins, on made-up rounds."""

import random
import secrets
from typing import Any

import pytest

from circles.protocol import allocation
from circles.protocol import messages as m
from circles.protocol.allocation import Allocation, FairShares, MostTicks, OneWinner, Split
from circles.protocol.tally import count_ticks
from tests.script.conftest import Modules

MOST = 10**15 - 1
CASES = 500


def _ask(chance: random.Random, any_too: bool) -> m.Ask:
    if any_too and chance.random() < 0.4:
        return m.Ask(None, chance.choice([None, 1, 700, 2500, 10**14]), part=True)
    amount = chance.choice([1, 500, 3000, 3000, chance.randrange(1, 9000), 10**14, MOST])
    return m.Ask(amount, part=chance.random() < 0.5)


def _rule(name: str, chance: random.Random) -> allocation.AnyRule:
    least, min_ticks = chance.choice([0, 0, 1, 500]), chance.randrange(4)
    if name == MostTicks.name:
        return MostTicks(least, min_ticks)
    if name == Split.name:
        return Split(least, min_ticks)
    if name == OneWinner.name:
        return OneWinner(least, min_ticks)
    completion = chance.choice(["none", "ticks", "add1"])
    step = chance.choice([1, 7, 100, 10**13]) if completion == "add1" else 0
    return FairShares(completion, least, min_ticks, step)


def _ballots(chance: random.Random, candidates: int) -> list[m.Choice]:
    voters, likely = chance.choice([0, 1, 2, 3, 8, 12]), chance.choice([0.0, 0.1, 0.3, 0.6])
    return [
        m.Choice(
            bytes(16),
            tuple(n for n in range(1, candidates + 1) if chance.random() < likely),
            chance.random() < 0.2,
        )
        for _ in range(voters)
    ]


def _case(name: str, chance: random.Random) -> tuple[dict[str, Any], Allocation]:
    any_too = chance.random() < 0.6
    asks = [_ask(chance, any_too) for _ in range(chance.choice([0, 1, 1, 2, 3, 5, 8]))]
    ballots = _ballots(chance, len(asks))
    totals = count_ticks(len(asks), ballots)
    fund = chance.choice([0, 1, 999, 5000, 25_000, chance.randrange(40_000), MOST])
    rule = _rule(name, chance)
    numbered = {str(i): n for i, n in enumerate(totals.candidates, start=1)}
    case = {
        "rule": name,
        "parameters": ",".join(f"{key}={value}" for key, value in rule.params()),
        "fund": fund,
        "totals": {**numbered, "keep": totals.keep},
        "asks": {str(i): texts(ask) for i, ask in enumerate(asks, start=1)},
        "ballots": [[*ballot.ticks, *(["keep"] if ballot.keep else [])] for ballot in ballots],
    }
    return case, allocation.allocate(name, rule.params(), fund, asks, totals, ballots)


def texts(ask: m.Ask) -> list[Any]:
    """An ask as the script has it."""
    amount, ceiling, part = ask.text().split(" ")
    return [
        amount if amount == "any" else int(amount),
        ceiling if ceiling == "-" else int(ceiling),
        part,
    ]


def _working(made: Allocation) -> list[dict[str, Any]]:
    return [
        {
            "place": row.place,
            "number": row.number,
            "ticks": row.ticks,
            "ask": texts(row.ask),
            "shareMinor": row.share_minor,
            "leftBeforeMinor": row.left_before_minor,
            "paidMinor": row.paid_minor,
            "outcome": row.outcome,
            "shares": [
                {"ballots": paid.ballots, "each": [str(part) for part in paid.each]}
                for paid in row.shares
            ],
        }
        for row in made.working
    ]


@pytest.mark.parametrize("name", list(allocation.RULES))
def test_awards_and_their_working_are_the_same_in_both_twins(name: str, modules: Modules) -> None:
    seed = secrets.randbits(32)
    print(f"seed {seed}")
    chance = random.Random(seed)
    pairs = [_case(name, chance) for _ in range(CASES)]
    made = modules.call("script/suites.js", "allocations", [case for case, _ in pairs])
    for (case, wanted), found in zip(pairs, made, strict=True):
        assert [tuple(award) for award in found["awards"]] == list(wanted.awards), case
        assert found["carriedMinor"] == wanted.carried_minor, case
        assert found["working"] == _working(wanted), case
        assert found["ballots"] == wanted.ballots, case
        assert [int(part) for part in found["share"]] == list(wanted.share), case
        steps = [[s["what"], s["number"], s["poolMinor"], s["paidMinor"]] for s in found["steps"]]
        assert steps == [
            [step.what, step.number, step.pool_minor, step.paid_minor] for step in wanted.steps
        ], case


@pytest.mark.parametrize(
    ("rule", "parameters"),
    [
        ("most-ticks/2", "least=500,min-ticks=2"),
        ("split/1", "-"),
        ("one-winner/1", "least=500"),
        ("fair-shares/1", "least=500,min-ticks=2"),
        ("fair-shares/1", "completion=all,least=0,min-ticks=1,step=0"),
        ("fair-shares/1", "completion=add1,least=0,min-ticks=1,step=0"),
        ("fair-shares/1", "completion=none,least=0,min-ticks=1,step=1"),
        ("fair-shares/1", "completion=none,least=00,min-ticks=1,step=0"),
    ],
)
def test_both_refuse_a_rule_that_is_not_known(rule: str, parameters: str, modules: Modules) -> None:
    case = {"rule": rule, "parameters": parameters, "fund": 1, "totals": {"keep": 0}, "asks": {}}
    assert modules.call("script/suites.js", "refusedRule", case) == "RuleError"
