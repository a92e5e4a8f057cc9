"""Which rule a round runs under, with its parameters: decided when its roll is frozen, then fixed.

Totals alone are published under every rule but fair-shares: each member has separate credentials,
one tick a ballot. Under fair-shares one credential carries all ticks of a member, and the whole
ballots stand in the log without names; below eight on the roll such a round is counted by most
ticks instead.
"""

from __future__ import annotations

from dataclasses import dataclass

from circles.circle.circles import FAIR_SHARES_FROM, RULES, Circle
from circles.protocol.allocation import FairShares, MostTicks, OneWinner, Params, Split

# From this many on the roll nobody's own ticks alone pay for a request.
FLOOR_FROM = 5


@dataclass(frozen=True)
class Ruling:
    """What a poll record says of its rule: `slots` ballots a member, `max_choices` ticks each."""

    rule: str
    params: Params
    slots: int
    max_choices: int

    @property
    def whole_ballots(self) -> bool:
        """Whether ballots are published whole, and not one tick at a time."""
        return self.rule == FairShares.name


def of(circle: Circle, members: int) -> Ruling:
    """The ruling of a circle's round with so many on its roll."""
    chosen = circle.trial_rule or circle.rule
    if chosen == FairShares.name and members < FAIR_SHARES_FROM:
        chosen = RULES[0]
    ticks, least, floor = circle.vote_slots, circle.least_minor, members >= FLOOR_FROM
    if chosen == FairShares.name:
        # A member ticks a request at most once here, so two ticks are two members.
        rule = FairShares("none", least, 2 if floor else 1, 0)
        return Ruling(chosen, rule.params(), 1, ticks)
    minimum = ticks + 1 if floor else 1
    if chosen == Split.name:
        params = Split(least, minimum).params()
    elif chosen == OneWinner.name:
        params = OneWinner(least, minimum).params()
    else:
        params = MostTicks(least, minimum).params()
    return Ruling(chosen, params, ticks, 1)
