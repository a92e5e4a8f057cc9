"""From ballots to awards: every rule there is, by name and version, in whole minor units.

A rule is known by name and version, with every parameter in the poll record (docs/protocol.md, 9).
`allocate` finds the rule and answers with awards, the rest that is carried, and the working: one
row a candidate in the order in which the rule looked at them. A version that once ran stays here
for ever, so that an archived round is recomputed with it.
"""

from collections.abc import Callable, Sequence
from typing import Final

from circles.protocol.messages import Ask
from circles.protocol.rules.base import (
    DOES_NOT_FIT,
    NO_TICK,
    NOT_COVERED,
    NOT_FIRST,
    OUTCOMES,
    PAID,
    PART_TOO_SMALL,
    UNDER_KEEP,
    UNDER_LEAST,
    UNDER_MIN_TICKS,
    Allocation,
    Params,
    Row,
    RuleError,
    Shares,
    Step,
)
from circles.protocol.rules.fair_shares import FairShares
from circles.protocol.rules.most_ticks import MostTicks, OneWinner
from circles.protocol.rules.split import Split
from circles.protocol.tally import Ticked, Totals, count_ticks

__all__ = [
    "DOES_NOT_FIT",
    "NOT_COVERED",
    "NOT_FIRST",
    "NO_TICK",
    "OUTCOMES",
    "PAID",
    "PART_TOO_SMALL",
    "RULES",
    "UNDER_KEEP",
    "UNDER_LEAST",
    "UNDER_MIN_TICKS",
    "Allocation",
    "AnyRule",
    "FairShares",
    "MostTicks",
    "OneWinner",
    "Params",
    "Row",
    "RuleError",
    "Shares",
    "Split",
    "Step",
    "allocate",
    "rule",
]

AnyRule = MostTicks | Split | OneWinner | FairShares

RULES: Final[dict[str, Callable[[Params], AnyRule]]] = {
    MostTicks.name: MostTicks.of,
    Split.name: Split.of,
    OneWinner.name: OneWinner.of,
    FairShares.name: FairShares.of,
}


def rule(name: str, params: Params) -> AnyRule:
    """The rule of a poll record. Raises `RuleError` for an unknown one or wrong parameters."""
    make = RULES.get(name)
    if make is None:
        raise RuleError(f"the rule {name} is not known here; known are {', '.join(RULES)}")
    return make(params)


def allocate(
    name: str,
    params: Params,
    fund_minor: int,
    asks: Sequence[Ask],
    totals: Totals,
    ballots: Sequence[Ticked] | None = None,
) -> Allocation:
    """The awards of a fund by the rule of a poll record; `asks[i]` is that of candidate i + 1.

    `ballots` are the counted ballots that opened, blank ones included, in any sequence. Rules that
    need no more than totals do not look at them; fair-shares raises `RuleError` without them.
    """
    if len(asks) != len(totals.candidates):
        raise RuleError("each candidate has an ask and a total")
    found = rule(name, params)
    if not isinstance(found, FairShares):
        return found.allocate(fund_minor, asks, totals)
    if ballots is None or count_ticks(len(asks), ballots) != totals:
        raise RuleError(f"{name} is decided from whole ballots, and these are not those counted")
    return found.allocate(fund_minor, asks, totals, ballots)
