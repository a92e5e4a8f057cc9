"""Where a round stands at each moment of its month."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from circles.circle.calendar import DEFAULT, dates
from circles.errors import MissingError
from circles.protocol.messages import NOMINATE, VOTE, Slate, Void
from circles.rounds.phases import Phase, can_take, can_vote, is_past, phase
from circles.rounds.rounds import PollState, Round

AT = dates(DEFAULT, "2026-10", "Europe/Berlin")
SECOND = timedelta(seconds=1)


def poll(purpose: str, opens_at: datetime, closes_at: datetime) -> PollState:
    return PollState(
        bytes(32), purpose, b"", AT.take_from, opens_at, closes_at, (), 0, False, None, False
    )


ROUND = Round(
    circle_id=bytes(16),
    month="2026-10",
    dates=AT,
    nominate=poll(NOMINATE, AT.nominating_opens, AT.nominating_closes),
    vote=poll(VOTE, AT.voting_opens, AT.voting_closes),
    slate_text=None,
    opened=False,
    result_text=None,
    void_text=None,
    posted=False,
)
VOID = replace(ROUND, void_text=Void(bytes(32), "few-voters").text())


@pytest.mark.parametrize(
    ("round_", "now", "step"),
    [
        (ROUND, AT.take_from - SECOND, Phase.COLLECT),
        (ROUND, AT.take_from, Phase.COLLECT),
        (ROUND, AT.nominating_opens, Phase.NOMINATE),
        (ROUND, AT.nominating_closes - SECOND, Phase.NOMINATE),
        (ROUND, AT.nominating_closes, Phase.TALK),
        (ROUND, AT.voting_opens, Phase.VOTE),
        (ROUND, AT.voting_closes - SECOND, Phase.VOTE),
        (ROUND, AT.voting_closes, Phase.COUNT),
        (ROUND, AT.thanks_from + timedelta(days=300), Phase.COUNT),
        (VOID, AT.count_at, Phase.PAY),
        (VOID, AT.thanks_from, Phase.THANK),
    ],
)
def test_phase(round_: Round, now: datetime, step: Phase) -> None:
    assert phase(round_, now) is step


def test_steps_follow_each_other_without_a_gap() -> None:
    at, seen = AT.take_from, []
    while at < AT.pay_until + timedelta(days=3):
        step = phase(VOID, at)
        if not seen or seen[-1] is not step:
            seen.append(step)
        at += timedelta(hours=1)
    # A decided round has nothing to count any more.
    assert seen == [step for step in Phase if step is not Phase.COUNT]
    assert is_past(VOID, AT.count_at, Phase.COUNT)
    assert not is_past(ROUND, AT.count_at, Phase.COUNT)


def test_taking_begins_weeks_before_casting() -> None:
    assert can_take(ROUND, VOTE, AT.take_from)
    assert can_take(ROUND, VOTE, AT.voting_closes - SECOND)
    assert not can_take(ROUND, VOTE, AT.voting_closes)
    assert not can_take(ROUND, NOMINATE, AT.nominating_closes)
    assert not can_take(ROUND, VOTE, AT.take_from - SECOND)
    with pytest.raises(MissingError):
        can_take(ROUND, "dance", AT.take_from)


def test_voting_needs_a_slate_with_somebody_on_it() -> None:
    noon = AT.voting_opens + timedelta(hours=4)
    assert not can_vote(ROUND, noon)
    empty = replace(ROUND, slate_text=Slate(bytes(32), bytes(32), ()).text())
    assert not can_vote(empty, noon)
    full = replace(ROUND, slate_text=Slate(bytes(32), bytes(32), (bytes(32),)).text())
    assert can_vote(full, noon)
    assert not can_vote(full, AT.voting_opens - SECOND)
    assert not can_vote(full, AT.voting_closes)
