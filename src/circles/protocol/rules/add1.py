"""Add1: every share grows by a step until what is bought is all that the fund allows.

The last step at which what is bought still costs no more than the fund is the one that counts; it
ends sooner when no other supported request fits into what is left. Steps are as fine as one minor
unit and a fund may have fifteen digits, so they are not all walked. As long as the same things are
bought in the same order everybody's money is a straight line over the steps, `value + slope x
steps`; each comparison that a run makes says how many steps it stays as it is, and the least of
them is the number that can be leapt over.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import gcd

from circles.protocol.rules.base import Progress, Ratio, silent
from circles.protocol.rules.shares import Item, buy

# So many steps are walked first: a leap costs several ordinary runs.
_WALKED = 64
_PROGRESS_EVERY = 50


def raised(
    ballots: int,
    fund_minor: int,
    in_play_minor: int,
    step_minor: int,
    items: Sequence[Item],
    progress: Progress = silent,
) -> Ratio:
    """The share that each ballot begins with, as (minor units, divisor).

    `in_play_minor` is what may be spent: the fund without shares that stay whole.
    """
    steps = good = runs = 0
    while True:
        share = (fund_minor + ballots * step_minor * steps, ballots)
        bought, _purse = buy(ballots, share, items, progress)
        left = in_play_minor - sum(items[purchase.item].price_minor for purchase in bought)
        if left < 0:
            return fund_minor + ballots * step_minor * good, ballots
        good = steps
        done = {purchase.item for purchase in bought}
        if not any(
            item.supporters and index not in done and item.price_minor <= left
            for index, item in enumerate(items)
        ):
            return share
        runs += 1
        if runs % _PROGRESS_EVERY == 0:
            progress(f"shares raised {steps} times, {len(bought)} bought")
        leap = 0 if runs < _WALKED else _Lines(ballots, share[0], ballots * step_minor).run(items)
        good = steps + leap
        steps = good + 1


@dataclass(slots=True)
class _Line:
    """A value now, and what each step adds to it."""

    value: int
    slope: int

    def times(self, by: int) -> "_Line":
        return _Line(self.value * by, self.slope * by)

    def minus(self, other: "_Line") -> "_Line":
        return _Line(self.value - other.value, self.slope - other.slope)


class _Lines:
    """The same purchases as `shares.buy`, noting for how many steps every comparison holds."""

    def __init__(self, ballots: int, value: int, slope: int) -> None:
        self._class_of = [1] * ballots
        self._classes = {1: _Line(value, slope)}
        self._over = ballots
        self._fresh = 2
        self._holds: int | None = None

    def run(self, items: Sequence[Item]) -> int:
        """How many further steps buy the same in the same order."""
        waiting = {index for index, item in enumerate(items) if item.supporters}
        while True:
            offers = {}
            for index in sorted(waiting):
                offer = self._offer(items[index])
                if offer is not None:
                    offers[index] = offer
            if not offers:
                # Were there no bound, more would be bought than there is to buy.
                return self._holds or 0
            first = self._first(offers, items)
            self._pay(items[first], *offers[first])
            waiting.remove(first)

    def _bound(self, steps: int) -> None:
        self._holds = steps if self._holds is None else min(self._holds, steps)

    def _reaches(self, one: _Line, other: _Line) -> bool:
        """Whether one is at least the other, now; and how long that answer stands."""
        ahead, nearer = one.value - other.value, other.slope - one.slope
        if ahead >= 0:
            if nearer > 0:
                self._bound(ahead // nearer)
            return True
        if nearer < 0:
            self._bound((-ahead - 1) // -nearer)
        return False

    def _offer(self, item: Item) -> tuple[_Line, int, list[int]] | None:
        """(what remains for the payers, how many they are, classes that pay all they have)."""
        held = Counter(map(self._class_of.__getitem__, item.supporters))
        rows = sorted(
            held.items(), key=lambda row: (self._classes[row[0]].value, self._classes[row[0]].slope)
        )
        lines = [(self._classes[name], name, count) for name, count in rows]
        for (poorer, _, _), (richer, _, _) in pairwise(lines):
            self._reaches(richer, poorer)
        rest = _Line(item.price_minor * self._over, 0)
        together = _Line(
            sum(line.value * count for line, _, count in lines),
            sum(line.slope * count for line, _, count in lines),
        )
        if not self._reaches(together, rest):
            return None
        payers, poor = len(item.supporters), []
        for line, name, count in lines:
            if self._reaches(line.times(payers), rest):
                break
            rest = rest.minus(line.times(count))
            payers -= count
            poor.append(name)
        return rest, payers, poor

    def _first(self, offers: dict[int, tuple[_Line, int, list[int]]], items: Sequence[Item]) -> int:
        def before(one: int, other: int) -> tuple[int, int]:
            rest, payers, _ = offers[one]
            rest_2, payers_2, _ = offers[other]
            by, by_2 = payers_2 * items[other].price_minor, payers * items[one].price_minor
            gap = rest_2.times(by_2).minus(rest.times(by))
            return gap.value, gap.slope

        first = next(iter(offers))
        for index in offers:
            gap, _ = before(index, first)
            if gap > 0 or (gap == 0 and items[index].order < items[first].order):
                first = index
        for index in offers:
            if index != first:
                gap, slope = before(first, index)
                if slope < 0:
                    # At equality the place in a dead heat decides.
                    wins = items[first].order < items[index].order
                    self._bound((gap if wins else gap - 1) // -slope)
        return first

    def _pay(self, item: Item, rest: _Line, payers: int, poor: list[int]) -> None:
        times = payers // gcd(rest.value, rest.slope, payers)
        if times > 1:
            self._over *= times
            self._classes = {name: line.times(times) for name, line in self._classes.items()}
        payment = _Line(rest.value * times // payers, rest.slope * times // payers)
        becomes: dict[int, int] = {}
        for ballot in item.supporters:
            name = self._class_of[ballot]
            if name not in becomes:
                becomes[name] = self._fresh
                line = self._classes[name]
                self._classes[self._fresh] = _Line(0, 0) if name in poor else line.minus(payment)
                self._fresh += 1
            self._class_of[ballot] = becomes[name]
        standing = set(self._class_of)
        self._classes = {n: line for n, line in self._classes.items() if n in standing}
