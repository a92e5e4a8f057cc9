"""Where a round stands. Pure: the dates and one clock decide, and nobody has to be awake for it."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from circles.rounds.rounds import Round


class Phase(StrEnum):
    """The seven steps of a month, in order."""

    COLLECT = "collect"
    NOMINATE = "nominate"
    TALK = "talk"
    VOTE = "vote"
    COUNT = "count"
    PAY = "pay"
    THANK = "thank"


ORDER = tuple(Phase)


def phase(round_: Round, now: datetime) -> Phase:
    """The step that a round is in at `now`, the circle's time.

    Counting goes on until a result or a void is logged, however long that takes.
    """
    dates = round_.dates
    ends = (
        (dates.nominating_opens, Phase.COLLECT),
        (dates.nominating_closes, Phase.NOMINATE),
        (dates.voting_opens, Phase.TALK),
        (dates.voting_closes, Phase.VOTE),
    )
    for end, step in ends:
        if now < end:
            return step
    if not round_.decided:
        return Phase.COUNT
    return Phase.PAY if now < dates.thanks_from else Phase.THANK


def is_past(round_: Round, now: datetime, step: Phase) -> bool:
    """Whether a step lies behind the round at `now`."""
    return ORDER.index(step) < ORDER.index(phase(round_, now))


def can_take(round_: Round, purpose: str, now: datetime) -> bool:
    """Whether credentials of a poll can be collected now."""
    poll = round_.of(purpose)
    return poll.take_from <= now < poll.closes_at and not poll.shut


def can_vote(round_: Round, now: datetime) -> bool:
    """Whether the box takes ballots now: it is time, and there is something to vote on."""
    slate = round_.slate
    return phase(round_, now) is Phase.VOTE and slate is not None and bool(slate.candidates)
