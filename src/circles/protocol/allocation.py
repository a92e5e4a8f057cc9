"""From totals to awards: the rules, in whole minor units, with a working that a reader can redo.

A rule is known by name and version, with every parameter in the poll record. `allocate` finds
the rule and answers with awards, the rest that is carried, and the working: one row a candidate
in the order in which the rule looked at them.

`most-ticks/1 least=<minor units>,min-ticks=<n>` (docs/protocol.md, 3): candidates by ticks (more
first), request (smaller first; of "any" its ceiling, without one the largest), number. Passed
over: no tick, under min-ticks, fewer than `keep`. A fixed request is paid if it fits into what is
left, else skipped. "Any" gets floor(fund x its ticks / all ticks), cut to its ceiling and to what
is left, and is skipped if that is under `least`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol, Self

from circles.protocol import text as t
from circles.protocol.messages import Ask
from circles.protocol.tally import Totals

Params = tuple[tuple[str, str], ...]

PAID: Final = "paid"
NO_TICK: Final = "no-tick"
UNDER_MIN_TICKS: Final = "under-min-ticks"
UNDER_KEEP: Final = "under-keep"
DOES_NOT_FIT: Final = "does-not-fit"
UNDER_LEAST: Final = "under-least"
OUTCOMES: Final = (PAID, NO_TICK, UNDER_MIN_TICKS, UNDER_KEEP, DOES_NOT_FIT, UNDER_LEAST)


class RuleError(ValueError):
    """A rule or its parameters are not known here: take a newer verifier, or correct the poll."""


@dataclass(frozen=True, slots=True)
class Row:
    """What a rule did with one candidate, amounts in minor units.

    `share_minor` is, for "any amount", the candidate's part of the fund by ticks before cuts;
    None for a fixed request. `outcome` is one of `OUTCOMES`.
    """

    place: int
    number: int
    ticks: int
    ask: Ask
    share_minor: int | None
    left_before_minor: int
    paid_minor: int
    outcome: str

    @property
    def left_after_minor(self) -> int:
        """What the fund holds after this row."""
        return self.left_before_minor - self.paid_minor


@dataclass(frozen=True, slots=True)
class Allocation:
    """Awards as (candidate number, minor units), ascending by number, above 0; and the rest."""

    fund_minor: int
    all_ticks: int
    keep: int
    awards: tuple[tuple[int, int], ...]
    carried_minor: int
    working: tuple[Row, ...]


class Rule(Protocol):
    """What every rule answers; a new one is a class like `MostTicks` and a line in `RULES`."""

    def params(self) -> Params:
        """The parameters as a poll record carries them."""

    def allocate(self, fund_minor: int, asks: Sequence[Ask], totals: Totals) -> Allocation:
        """The awards of a fund; `asks[i]` is the ask of candidate i + 1."""


@dataclass(frozen=True, slots=True)
class MostTicks:
    """The parameters of `most-ticks/1`."""

    least_minor: int
    min_ticks: int

    @classmethod
    def of(cls, params: Params) -> Self:
        """The parameters out of a poll record. Raises `RuleError`."""
        if [key for key, _ in params] != ["least", "min-ticks"]:
            raise RuleError("most-ticks/1 has the parameters least and min-ticks")
        try:
            return cls(*(t.uninteger(value) for _, value in params))
        except t.MalformedError as error:
            raise RuleError(f"most-ticks/1: {error}") from error

    def params(self) -> Params:
        """The parameters as a poll record carries them."""
        return (("least", str(self.least_minor)), ("min-ticks", str(self.min_ticks)))

    def passed_over(self, ticks: int, keep: int) -> str | None:
        """Why a candidate is not looked at, or None."""
        if ticks == 0:
            return NO_TICK
        if ticks < self.min_ticks:
            return UNDER_MIN_TICKS
        return UNDER_KEEP if ticks < keep else None

    def allocate(self, fund_minor: int, asks: Sequence[Ask], totals: Totals) -> Allocation:
        """The awards of a fund; `asks[i]` is the ask of candidate i + 1."""
        order = sorted(range(len(asks)), key=lambda i: _place(i, asks[i], totals.candidates[i]))
        left_minor = fund_minor
        working = []
        for place, index in enumerate(order, start=1):
            row = self._row(place, index + 1, asks[index], fund_minor, left_minor, totals)
            working.append(row)
            left_minor = row.left_after_minor
        awards = sorted((row.number, row.paid_minor) for row in working if row.paid_minor)
        return Allocation(
            fund_minor, totals.ticks, totals.keep, tuple(awards), left_minor, tuple(working)
        )

    def _row(
        self, place: int, number: int, ask: Ask, fund_minor: int, left_minor: int, totals: Totals
    ) -> Row:
        ticks = totals.candidates[number - 1]
        share = None
        if ask.amount_minor is None and ticks:
            share = fund_minor * ticks // totals.ticks
        outcome = self.passed_over(ticks, totals.keep)
        paid = 0
        if outcome is None:
            paid, outcome = self._pay(ask, share, left_minor)
        return Row(place, number, ticks, ask, share, left_minor, paid, outcome)

    def _pay(self, ask: Ask, share_minor: int | None, left_minor: int) -> tuple[int, str]:
        if share_minor is None:
            wanted = ask.amount_minor or 0
            return (wanted, PAID) if wanted <= left_minor else (0, DOES_NOT_FIT)
        given = min(share_minor, left_minor)
        if ask.ceiling_minor is not None:
            given = min(given, ask.ceiling_minor)
        # An award is above 0 even where `least` is 0.
        return (given, PAID) if given >= max(self.least_minor, 1) else (0, UNDER_LEAST)


def _place(index: int, ask: Ask, ticks: int) -> tuple[int, int, int]:
    request = ask.ceiling_minor if ask.amount_minor is None else ask.amount_minor
    return -ticks, t.INT_MAX + 1 if request is None else request, index


RULES: Final[dict[str, Callable[[Params], Rule]]] = {"most-ticks/1": MostTicks.of}


def rule(name: str, params: Params) -> Rule:
    """The rule of a poll record. Raises `RuleError` for an unknown one or wrong parameters."""
    make = RULES.get(name)
    if make is None:
        raise RuleError(f"the rule {name} is not known here; known are {', '.join(RULES)}")
    return make(params)


def allocate(
    name: str, params: Params, fund_minor: int, asks: Sequence[Ask], totals: Totals
) -> Allocation:
    """The awards of a fund by the rule of a poll record; `asks[i]` is that of candidate i + 1."""
    if len(asks) != len(totals.candidates):
        raise RuleError("each candidate has an ask and a total")
    return rule(name, params).allocate(fund_minor, asks, totals)
