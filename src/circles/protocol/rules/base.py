"""What all rules share: the words for an outcome, a row of the working, the order of dead heats.

Amounts are whole minor units, never below 0. Nothing here or in a rule divides inexactly: a part of
a minor unit is a pair of integers until the rule's own rounding.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from circles.protocol import text as t
from circles.protocol.messages import Ask

Params = tuple[tuple[str, str], ...]
Progress = Callable[[str], None]
Ratio = tuple[int, int]
# From (index, ask, ticks) of a candidate: what it is sorted by, first to last.
Order = Callable[[int, Ask, int], tuple[int, ...]]

PAID: Final = "paid"
NO_TICK: Final = "no-tick"
UNDER_MIN_TICKS: Final = "under-min-ticks"
UNDER_KEEP: Final = "under-keep"
DOES_NOT_FIT: Final = "does-not-fit"
UNDER_LEAST: Final = "under-least"
PART_TOO_SMALL: Final = "part-too-small"
NOT_FIRST: Final = "not-first"
NOT_COVERED: Final = "not-covered"
OUTCOMES: Final = (
    PAID,
    NO_TICK,
    UNDER_MIN_TICKS,
    UNDER_KEEP,
    DOES_NOT_FIT,
    UNDER_LEAST,
    PART_TOO_SMALL,
    NOT_FIRST,
    NOT_COVERED,
)


class RuleError(ValueError):
    """A rule or its parameters are not known here: take a newer verifier, or correct the poll."""


@dataclass(frozen=True, slots=True)
class Shares:
    """So many ballots pay so much each: `each` is (minor units, divisor), in lowest terms."""

    ballots: int
    each: Ratio


@dataclass(frozen=True, slots=True)
class Row:
    """What a rule did with one candidate, amounts in minor units.

    `share_minor` is a candidate's part of the fund, rounded down: of "any amount" under most-ticks,
    of all under split. `outcome` is one of `OUTCOMES`. `shares` are what the ballots paid under
    fair-shares, the smallest payments first; empty where a purchase was made by ticks.
    """

    place: int
    number: int
    ticks: int
    ask: Ask
    share_minor: int | None
    left_before_minor: int
    paid_minor: int
    outcome: str
    shares: tuple[Shares, ...] = ()

    @property
    def left_after_minor(self) -> int:
        """What the fund holds after this row."""
        return self.left_before_minor - self.paid_minor


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a division: `pool_minor` for `pool_ticks` before it, and what became of one.

    `what` is `full` (its part is all it asked), `drop` (it leaves the division) or `part`.
    """

    what: str
    number: int
    pool_minor: int
    pool_ticks: int
    paid_minor: int


@dataclass(frozen=True, slots=True)
class Allocation:
    """Awards as (candidate number, minor units), ascending by number, above 0; and the rest.

    `ballots` and `share` (what each held at first) are given by fair-shares, `steps` by split.
    """

    fund_minor: int
    all_ticks: int
    keep: int
    awards: tuple[tuple[int, int], ...]
    carried_minor: int
    working: tuple[Row, ...]
    ballots: int = 0
    share: Ratio = (0, 1)
    steps: tuple[Step, ...] = ()


def silent(_said: str) -> None:
    """No progress is told."""


def numbers(name: str, keys: Sequence[str], params: Params) -> list[int]:
    """The values of a rule whose parameters are exactly these integers. Raises `RuleError`."""
    if [key for key, _ in params] != list(keys):
        raise RuleError(f"{name} has the parameters {', '.join(keys)}, in this order")
    try:
        return [t.uninteger(value) for _, value in params]
    except t.MalformedError as error:
        raise RuleError(f"{name}: {error}") from error


def limit_minor(ask: Ask) -> int | None:
    """The most that a request can get: its amount or its ceiling; None without one."""
    return ask.ceiling_minor if ask.amount_minor is None else ask.amount_minor


def place(index: int, ask: Ask, ticks: int) -> tuple[int, ...]:
    """The order of dead heats, first to last: ticks, the smaller request, the order drawn."""
    request = limit_minor(ask)
    return -ticks, t.INT_MAX + 1 if request is None else request, index


def by_number(index: int, _ask: Ask, ticks: int) -> tuple[int, ...]:
    """Ticks, then the number alone: how other programs decide; no poll is counted like this."""
    return -ticks, index


def in_order(asks: Sequence[Ask], ticks: Sequence[int], order: Order = place) -> list[int]:
    """Indexes of the candidates, most ticks first."""
    return sorted(range(len(asks)), key=lambda i: order(i, asks[i], ticks[i]))


def under_floor(ticks: int, min_ticks: int) -> str | None:
    """Why a candidate is not looked at whatever the rule, or None."""
    if ticks == 0:
        return NO_TICK
    return UNDER_MIN_TICKS if ticks < min_ticks else None


def awards_of(working: Sequence[Row]) -> tuple[tuple[int, int], ...]:
    """The awards that a working pays."""
    return tuple(sorted((row.number, row.paid_minor) for row in working if row.paid_minor))
