"""`most-ticks/1` and `one-winner/1`: down a list with the most ticks first."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Self

from circles.protocol.messages import Ask
from circles.protocol.rules.base import (
    DOES_NOT_FIT,
    NOT_FIRST,
    PAID,
    UNDER_KEEP,
    UNDER_LEAST,
    Allocation,
    Order,
    Params,
    Row,
    awards_of,
    in_order,
    limit_minor,
    numbers,
    place,
    under_floor,
)
from circles.protocol.tally import Totals

_KEYS = ("least", "min-ticks")


@dataclass(frozen=True, slots=True)
class MostTicks:
    """The parameters of `most-ticks/1`: requests are paid in order while they fit."""

    name: ClassVar[str] = "most-ticks/1"

    least_minor: int
    min_ticks: int

    @classmethod
    def of(cls, params: Params) -> Self:
        """The parameters out of a poll record. Raises `RuleError`."""
        return cls(*numbers(cls.name, _KEYS, params))

    def params(self) -> Params:
        """The parameters as a poll record carries them."""
        return (("least", str(self.least_minor)), ("min-ticks", str(self.min_ticks)))

    def allocate(
        self, fund_minor: int, asks: Sequence[Ask], totals: Totals, order: Order = place
    ) -> Allocation:
        """The awards of a fund; `asks[i]` is the ask of candidate i + 1."""
        left_minor, all_ticks = fund_minor, totals.ticks
        working = []
        for at, index in enumerate(in_order(asks, totals.candidates, order), start=1):
            ticks, ask = totals.candidates[index], asks[index]
            share = None
            if ask.amount_minor is None and ticks:
                share = fund_minor * ticks // all_ticks
            paid, outcome = 0, passed_over(ticks, self.min_ticks, totals.keep)
            if outcome is None:
                paid, outcome = self._pay(ask, share, left_minor)
            working.append(Row(at, index + 1, ticks, ask, share, left_minor, paid, outcome))
            left_minor -= paid
        return Allocation(
            fund_minor, all_ticks, totals.keep, awards_of(working), left_minor, tuple(working)
        )

    def _pay(self, ask: Ask, share_minor: int | None, left_minor: int) -> tuple[int, str]:
        if share_minor is None:
            wanted = ask.amount_minor or 0
            return (wanted, PAID) if wanted <= left_minor else (0, DOES_NOT_FIT)
        given = min(share_minor, left_minor)
        if ask.ceiling_minor is not None:
            given = min(given, ask.ceiling_minor)
        # An award is above 0 even where `least` is 0.
        return (given, PAID) if given >= max(self.least_minor, 1) else (0, UNDER_LEAST)


@dataclass(frozen=True, slots=True)
class OneWinner:
    """The parameters of `one-winner/1`: the first gets what it asked, or the whole fund."""

    name: ClassVar[str] = "one-winner/1"

    least_minor: int
    min_ticks: int

    @classmethod
    def of(cls, params: Params) -> Self:
        """The parameters out of a poll record. Raises `RuleError`."""
        return cls(*numbers(cls.name, _KEYS, params))

    def params(self) -> Params:
        """The parameters as a poll record carries them."""
        return (("least", str(self.least_minor)), ("min-ticks", str(self.min_ticks)))

    def allocate(
        self, fund_minor: int, asks: Sequence[Ask], totals: Totals, order: Order = place
    ) -> Allocation:
        """The award of a fund; `asks[i]` is the ask of candidate i + 1."""
        left_minor = fund_minor
        working = []
        for at, index in enumerate(in_order(asks, totals.candidates, order), start=1):
            ticks, ask = totals.candidates[index], asks[index]
            paid, outcome = 0, passed_over(ticks, self.min_ticks, totals.keep)
            if outcome is None and left_minor < fund_minor:
                outcome = NOT_FIRST
            elif outcome is None:
                paid, outcome = self._pay(ask, fund_minor)
            working.append(Row(at, index + 1, ticks, ask, None, left_minor, paid, outcome))
            left_minor -= paid
        return Allocation(
            fund_minor, totals.ticks, totals.keep, awards_of(working), left_minor, tuple(working)
        )

    def _pay(self, ask: Ask, fund_minor: int) -> tuple[int, str]:
        most = limit_minor(ask)
        given = fund_minor if most is None else min(most, fund_minor)
        # A request that is paid in full is never too small; less than it asked may be.
        enough = given == ask.amount_minor or given >= max(self.least_minor, 1)
        return (given, PAID) if enough else (0, UNDER_LEAST)


def passed_over(ticks: int, min_ticks: int, keep: int) -> str | None:
    """Why a candidate is not looked at, or None. As many ticks as `keep` is enough."""
    return under_floor(ticks, min_ticks) or (UNDER_KEEP if ticks < keep else None)
