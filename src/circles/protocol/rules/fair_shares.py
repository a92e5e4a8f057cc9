"""`fair-shares/1`: everyone holds an equal share; who ticked a request pays for it.

Fixed requests are bought by the Method of Equal Shares (`rules.shares`). Then what each ballot
still holds goes evenly to the "any amount" candidates that it ticks. Completion is a variant:
`none` carries the rest; `ticks` spends it down the list of most ticks; `add1` first raises every
share, `step` minor units at a time, until what is bought can grow no more within the fund.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import lcm
from typing import ClassVar, Final, Self

from circles.protocol import text as t
from circles.protocol.messages import Ask
from circles.protocol.rules import shares
from circles.protocol.rules.add1 import raised
from circles.protocol.rules.base import (
    DOES_NOT_FIT,
    NOT_COVERED,
    PAID,
    UNDER_LEAST,
    Allocation,
    Order,
    Params,
    Progress,
    Ratio,
    Row,
    RuleError,
    Shares,
    awards_of,
    in_order,
    place,
    silent,
    under_floor,
)
from circles.protocol.tally import Ticked, Totals

NONE: Final = "none"
TICKS: Final = "ticks"
ADD1: Final = "add1"
COMPLETIONS: Final = (NONE, TICKS, ADD1)
_KEYS = ["completion", "least", "min-ticks", "step"]


@dataclass(frozen=True, slots=True)
class FairShares:
    """The parameters of `fair-shares/1`; `step_minor` is above 0 under `add1` and else 0."""

    name: ClassVar[str] = "fair-shares/1"

    completion: str
    least_minor: int
    min_ticks: int
    step_minor: int

    @classmethod
    def of(cls, params: Params) -> Self:
        """The parameters out of a poll record. Raises `RuleError`."""
        if [key for key, _ in params] != _KEYS:
            raise RuleError(f"{cls.name} has the parameters {', '.join(_KEYS)}, in this order")
        values = dict(params)
        try:
            completion = t.one_of(values["completion"], COMPLETIONS)
            made = cls(completion, *(t.uninteger(values[key]) for key in _KEYS[1:]))
        except t.MalformedError as error:
            raise RuleError(f"{cls.name}: {error}") from error
        if (made.step_minor > 0) != (completion == ADD1):
            raise RuleError(f"{cls.name}: step is above 0 with completion=add1, and 0 without")
        return made

    def params(self) -> Params:
        """The parameters as a poll record carries them."""
        return (
            ("completion", self.completion),
            ("least", str(self.least_minor)),
            ("min-ticks", str(self.min_ticks)),
            ("step", str(self.step_minor)),
        )

    def allocate(
        self,
        fund_minor: int,
        asks: Sequence[Ask],
        totals: Totals,
        ballots: Sequence[Ticked],
        order: Order = place,
        progress: Progress = silent,
    ) -> Allocation:
        """The awards of a fund out of whole ballots, blank ones included, in any sequence."""
        month = _Month(self, fund_minor, asks, totals, ballots, order, fund_minor)
        return month.decide(progress)


@dataclass(slots=True)
class _Month:
    """One decision while it is made."""

    rule: FairShares
    fund_minor: int
    asks: Sequence[Ask]
    totals: Totals
    ballots: Sequence[Ticked]
    order: Order
    left_minor: int
    rows: list[Row] = field(default_factory=list)

    def decide(self, progress: Progress) -> Allocation:
        ballots = len(self.ballots)
        listed = in_order(self.asks, self.totals.candidates, self.order)
        out = {i: under_floor(self.totals.candidates[i], self.rule.min_ticks) for i in listed}
        fixed = [i for i in listed if self.asks[i].amount_minor is not None and not out[i]]
        share = (self.fund_minor, ballots) if ballots else (0, 1)
        if ballots:
            share, purse = self._buy(fixed, share, progress)
            anyone = [i for i in listed if self.asks[i].amount_minor is None and not out[i]]
            self._give(anyone, purse)
        if self.rule.completion == TICKS:
            self._complete(fixed)
        done = {row.number for row in self.rows}
        for index in listed:
            if index + 1 not in done:
                self._row(index, 0, out[index] or self._missed(index))
        carried, working = self.left_minor, tuple(self.rows)
        return Allocation(
            self.fund_minor,
            self.totals.ticks,
            self.totals.keep,
            awards_of(working),
            carried,
            working,
            ballots,
            share,
        )

    def _missed(self, index: int) -> str:
        amount = self.asks[index].amount_minor
        if amount is None:
            return UNDER_LEAST
        return DOES_NOT_FIT if self.rule.completion == TICKS else NOT_COVERED

    def _row(
        self, index: int, paid_minor: int, outcome: str, paid: tuple[Shares, ...] = ()
    ) -> None:
        at, ticks, left = len(self.rows) + 1, self.totals.candidates[index], self.left_minor
        ask = self.asks[index]
        self.rows.append(Row(at, index + 1, ticks, ask, None, left, paid_minor, outcome, paid))
        self.left_minor -= paid_minor

    # -------------------------------------------------------------- fixed requests

    def _buy(
        self, fixed: list[int], share: Ratio, progress: Progress
    ) -> tuple[Ratio, shares.Purse]:
        supporters = self._supporters()
        items = [
            shares.Item(
                self.asks[i].amount_minor or 0,
                supporters[i],
                # In a dead heat of shares the same order decides as in one of ticks.
                self.order(i, self.asks[i], self.totals.candidates[i]),
            )
            for i in fixed
        ]
        ballots = len(self.ballots)
        if self.rule.completion == ADD1:
            share = raised(
                ballots, self.fund_minor, self._in_play(), self.rule.step_minor, items, progress
            )
        bought, purse = shares.buy(ballots, share, items, progress)
        for purchase in bought:
            index = fixed[purchase.item]
            self._row(index, items[purchase.item].price_minor, PAID, purchase.shares)
        return share, purse

    def _supporters(self) -> list[list[int]]:
        supporters: list[list[int]] = [[] for _ in self.asks]
        for ballot, counted in enumerate(self.ballots):
            for number in counted.ticks:
                supporters[number - 1].append(ballot)
        return supporters

    def _in_play(self) -> int:
        """The fund without the shares of those who ticked only "keep": these stay whole."""
        kept = sum(1 for ballot in self.ballots if ballot.keep and not ballot.ticks)
        return self.fund_minor * (len(self.ballots) - kept) // len(self.ballots)

    # -------------------------------------------------------------- any amount

    def _give(self, anyone: list[int], purse: shares.Purse) -> None:
        """What each ballot still holds, evenly to those it ticks; the too small drop out."""
        holds = purse.holds()
        together = sum(holds)
        # Shares that `add1` raised are worth what is really left: its part of all that is held.
        worth = (1, purse.denominator)
        if self.rule.completion == ADD1:
            worth = (self.left_minor, together)
        inside = list(anyone)
        while inside and together:
            parts = self._parts(inside, holds, worth)
            small = [i for i in inside if parts[i] < max(self.rule.least_minor, 1)]
            if not small:
                for index in inside:
                    self._row(index, parts[index], PAID)
                return
            inside.remove(small[-1])

    def _parts(self, inside: list[int], holds: list[int], worth: Ratio) -> dict[int, int]:
        wanted = {index + 1 for index in inside}
        # By how many of them a ballot ticks: what it holds, summed up for each of them.
        sums: dict[int, dict[int, int]] = {}
        for held, ballot in zip(holds, self.ballots, strict=True):
            if held:
                ticked = [number for number in ballot.ticks if number in wanted]
                for number in ticked:
                    by = sums.setdefault(len(ticked), {})
                    by[number - 1] = by.get(number - 1, 0) + held
        over = lcm(*sums)
        parts = {}
        for index in inside:
            held = sum(by.get(index, 0) * (over // many) for many, by in sums.items())
            part = held * worth[0] // (over * worth[1])
            ceiling = self.asks[index].ceiling_minor
            parts[index] = part if ceiling is None else min(part, ceiling)
        return parts

    # -------------------------------------------------------------- completion

    def _complete(self, fixed: list[int]) -> None:
        """Down the list of most ticks with what is left, not touching who ticked only "keep"."""
        reserved = self.fund_minor - self._in_play() if self.ballots else 0
        done = {row.number for row in self.rows}
        for index in fixed:
            wanted = self.asks[index].amount_minor or 0
            if index + 1 not in done and wanted <= self.left_minor - reserved:
                self._row(index, wanted, PAID)
