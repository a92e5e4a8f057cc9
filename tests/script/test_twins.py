"""What one twin makes, the other reads: ballots, nominations, allocations."""

import random
import secrets
from dataclasses import replace
from typing import Any

from circles.protocol import allocation, seal
from circles.protocol import ballot as b
from circles.protocol import messages as m
from circles.protocol.tally import Totals
from circles.protocol.text import b64
from tests.script.conftest import Modules
from tests.script.small_circle import SmallCircle


def _credential(circle: SmallCircle, purpose: str) -> b.BallotCredential:
    pending = b.begin_take(circle.polls[purpose])
    take = pending.take(circle.members[0], 0)
    _, _, answer = circle.take(purpose, take.text())
    return pending.finish(m.Taken.parse(answer))


def test_the_browser_opens_a_ballot_that_python_made(modules: Modules) -> None:
    circle = SmallCircle()
    trustees = [seal.TrusteeKey.generate() for _ in range(3)]
    circle.polls["vote"] = replace(
        circle.polls["vote"],
        trustees=tuple(trustee.public for trustee in trustees),
        threshold=2,
        max_choices=3,
    )
    circle.open_vote()
    assert circle.slate is not None
    poll, slate = circle.polls["vote"], circle.slate.record_id()
    ballot = b.make_ballot(
        poll, slate, _credential(circle, "vote"), b.new_choice([1, 3], keep=True), seq=7
    )
    for numbers in ((1, 2), (1, 3), (2, 3)):
        held = [[n, b64(trustees[n - 1].secret)] for n in numbers]
        arguments = [ballot.text().decode(), poll.text().decode(), b64(slate), held, 3]
        assert modules.call("script/suites.js", "readBallot", *arguments) == [1, 3, "keep"]


def test_the_browser_accepts_a_nomination_that_python_made(modules: Modules) -> None:
    circle = SmallCircle()
    poll = circle.polls["nominate"]
    document = b.Document.of("Saturday soup\nVegetables.\n")
    made = b.make_nomination(
        poll, _credential(circle, "nominate"), m.Ask(None, 5000, part=True), document
    )
    read = modules.call(
        "script/suites.js", "readNomination", made.text().decode(), poll.text().decode()
    )
    assert read["ask"] == {"amount": "any", "ceiling": 5000, "part": "part"}
    assert read["doc"] == b64(document.hash())


def _ask(chance: random.Random) -> m.Ask:
    if chance.random() < 0.4:
        ceiling = chance.choice([None, 1, 700, 10**14])
        return m.Ask(None, ceiling, part=True)
    return m.Ask(chance.choice([1, 500, 3000, 3000, 10**14]), part=chance.random() < 0.5)


def _case(chance: random.Random) -> tuple[dict[str, Any], allocation.Allocation]:
    asks = [_ask(chance) for _ in range(chance.randrange(1, 8))]
    totals = Totals(tuple(chance.randrange(6) for _ in asks), chance.randrange(5))
    fund = chance.choice([0, 1, 999, 25_000, 10**15 - 1])
    rule = allocation.MostTicks(chance.choice([0, 1, 500]), chance.randrange(4))
    case = {
        "parameters": f"least={rule.least_minor},min-ticks={rule.min_ticks}",
        "fund": fund,
        "totals": {
            **{str(i): n for i, n in enumerate(totals.candidates, start=1)},
            "keep": totals.keep,
        },
        "asks": {str(i): _texts(ask) for i, ask in enumerate(asks, start=1)},
    }
    return case, rule.allocate(fund, asks, totals)


def _texts(ask: m.Ask) -> list[Any]:
    amount, ceiling, part = ask.text().split(" ")
    return [
        amount if amount == "any" else int(amount),
        ceiling if ceiling == "-" else int(ceiling),
        part,
    ]


def test_awards_and_their_working_are_the_same_in_both_twins(modules: Modules) -> None:
    chance = random.Random(secrets.randbits(32))
    pairs = [_case(chance) for _ in range(400)]
    made = modules.call("script/suites.js", "allocations", [case for case, _ in pairs])
    for (case, wanted), found in zip(pairs, made, strict=True):
        assert [tuple(award) for award in found["awards"]] == list(wanted.awards), case
        assert found["carriedMinor"] == wanted.carried_minor, case
        assert found["working"] == [
            {
                "place": row.place,
                "number": row.number,
                "ticks": row.ticks,
                "ask": _texts(row.ask),
                "shareMinor": row.share_minor,
                "leftBeforeMinor": row.left_before_minor,
                "paidMinor": row.paid_minor,
                "outcome": row.outcome,
            }
            for row in wanted.working
        ], case
