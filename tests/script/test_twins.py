"""What one twin makes, the other reads: ballots, nominations."""

from dataclasses import replace

from circles.protocol import ballot as b
from circles.protocol import messages as m
from circles.protocol import seal
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
