"""`split/1`: the fund is divided by ticks, nobody gets more than it asked.

The division runs in one direction, so that it ends: a candidate that got all it asked leaves with
it, one whose part is too small leaves with nothing, and either way what a tick is worth to the
others only grows. Each candidate leaves at most once (docs/protocol.md, 9).
"""

import heapq
from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import ClassVar, Self

from circles.protocol.messages import Ask
from circles.protocol.rules.base import (
    PAID,
    PART_TOO_SMALL,
    UNDER_LEAST,
    Allocation,
    Order,
    Params,
    Row,
    Step,
    awards_of,
    in_order,
    limit_minor,
    numbers,
    place,
    under_floor,
)
from circles.protocol.tally import Totals


@dataclass(frozen=True, slots=True)
class Split:
    """The parameters of `split/1`."""

    name: ClassVar[str] = "split/1"

    least_minor: int
    min_ticks: int

    @classmethod
    def of(cls, params: Params) -> Self:
        """The parameters out of a poll record. Raises `RuleError`."""
        return cls(*numbers(cls.name, ("least", "min-ticks"), params))

    def params(self) -> Params:
        """The parameters as a poll record carries them."""
        return (("least", str(self.least_minor)), ("min-ticks", str(self.min_ticks)))

    def allocate(
        self, fund_minor: int, asks: Sequence[Ask], totals: Totals, order: Order = place
    ) -> Allocation:
        """The awards of a fund; `asks[i]` is the ask of candidate i + 1."""
        listed = in_order(asks, totals.candidates, order)
        division = _Division.of(self, fund_minor, asks, totals, listed)
        division.run()
        working, left_minor = [], fund_minor
        for at, index in enumerate(listed, start=1):
            ticks, paid = totals.candidates[index], division.paid.get(index, 0)
            share = fund_minor * ticks // totals.ticks if ticks else None
            outcome = division.out.get(index, PAID if paid else UNDER_LEAST)
            row = Row(at, index + 1, ticks, asks[index], share, left_minor, paid, outcome)
            working.append(row)
            left_minor -= paid
        return Allocation(
            fund_minor,
            totals.ticks,
            totals.keep,
            awards_of(working),
            left_minor,
            tuple(working),
            steps=tuple(division.steps),
        )


@dataclass(slots=True)
class _Division:
    """A pool for the ticks that still share in it, `keep`'s too."""

    rule: Split
    asks: Sequence[Ask]
    ticks: Sequence[int]
    keep: int
    pool_minor: int
    pool_ticks: int
    inside: list[int]
    paid: dict[int, int] = field(default_factory=dict)
    out: dict[int, str] = field(default_factory=dict)
    steps: list[Step] = field(default_factory=list)
    full: list[tuple[Fraction, int]] = field(default_factory=list)

    @classmethod
    def of(
        cls, rule: Split, fund_minor: int, asks: Sequence[Ask], totals: Totals, order: list[int]
    ) -> Self:
        made = cls(rule, asks, totals.candidates, totals.keep, fund_minor, totals.keep, [])
        for rank, index in enumerate(order):
            ticks, most = totals.candidates[index], limit_minor(asks[index])
            passed = under_floor(ticks, rule.min_ticks)
            if passed is None and asks[index].amount_minor is None and most is not None:
                passed = UNDER_LEAST if most < rule.least_minor else None
            if passed is not None:
                made.out[index] = passed
                continue
            made.inside.append(index)
            made.pool_ticks += ticks
            if most is not None:
                # It gets all it asked as soon as a tick is worth this much.
                made.full.append((Fraction(most, ticks), rank))
        made.full = [(worth, order[rank]) for worth, rank in sorted(made.full, reverse=True)]
        return made

    def run(self) -> None:
        """Pay in full, drop the last that is too small, again until nothing changes; then round."""
        self._pay_full()
        for index in reversed(self.inside):
            if index in self.paid:
                continue
            whole = self.asks[index].amount_minor is not None and not self.asks[index].part
            too_little = self._part(index) < self.rule.least_minor * self.pool_ticks
            if whole or too_little:
                self.out[index] = PART_TOO_SMALL if whole else UNDER_LEAST
                self._step("drop", index, 0)
                self.pool_ticks -= self.ticks[index]
                self._pay_full()
        self._round()

    def _part(self, index: int) -> int:
        """A candidate's part of the pool, times the pool's ticks."""
        return self.pool_minor * self.ticks[index]

    def _step(self, what: str, index: int, paid_minor: int) -> None:
        step = Step(what, index + 1, self.pool_minor, self.pool_ticks, paid_minor)
        self.steps.append(step)

    def _pay_full(self) -> None:
        while self.full:
            index = self.full[-1][1]
            if index not in self.out:
                most = limit_minor(self.asks[index]) or 0
                if self._part(index) < most * self.pool_ticks:
                    return
                self.paid[index] = most
                self._step("full", index, most)
                self.pool_minor -= most
                self.pool_ticks -= self.ticks[index]
            self.full.pop()

    def _round(self) -> None:
        """What is left of the pool by largest remainder; `keep` has its part and comes last."""
        inside = [i for i in self.inside if i not in self.paid and i not in self.out]
        if not self.pool_ticks:
            return
        parts = [(index, *divmod(self._part(index), self.pool_ticks)) for index in inside]
        kept, kept_rest = divmod(self.pool_minor * self.keep, self.pool_ticks)
        odd = self.pool_minor - kept - sum(whole for _, whole, _ in parts)
        rests = [(-rest, index) for index, _, rest in parts]
        rests.append((-kept_rest, len(self.asks)))
        lucky = {index for _, index in heapq.nsmallest(odd, rests)}
        for index, whole, _ in parts:
            paid = whole + (index in lucky)
            self._step("part", index, paid)
            if paid:
                self.paid[index] = paid
