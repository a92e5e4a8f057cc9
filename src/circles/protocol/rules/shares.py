"""The purchases of fair-shares: the Method of Equal Shares with cost satisfaction, exactly.

Literature: Peters, Pierczynski, Skowron, "Proportional Participatory Budgeting with Additive
Utilities" (2021). Each ballot holds an equal share. A request can be bought when those who ticked
it hold its price together; they pay as evenly as possible, and the one whose highest payment is the
smallest part of its price (its `rho`) is bought first.

Everybody's money is an integer over one common denominator. Ballots that hold the same stand in one
class, so that a sum over supporters is a sum over classes. As money only shrinks, a `rho` only
grows: one computed earlier is a lower bound, and most need no second look.
"""

import heapq
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from math import gcd

from circles.protocol.rules.base import Progress, Ratio, Shares, silent

# How finely a lower bound of `rho` is kept. What is equal to that is compared exactly.
_FINE = 64
_PROGRESS_EVERY = 256


@dataclass(frozen=True, slots=True)
class Item:
    """Something to buy: its price in minor units, who ticked it, and its place in a dead heat.

    `supporters` are indexes of ballots, each once; an item without any is never bought.
    """

    price_minor: int
    supporters: Sequence[int]
    order: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Purchase:
    """What was bought, by its index, and what the ballots paid, the smallest payments first."""

    item: int
    shares: tuple[Shares, ...]


# What one more look at an item found: highest payment = rest / payers over the denominator.
# (rest, payers, price over the denominator, [(value, class, ballots)] from the poorest on, how many
# of those pay all they have)
_Offer = tuple[int, int, int, list[tuple[int, int, int]], int]
# (lower bound of rho, place in a dead heat, item, purchases made when it was computed)
_Entry = tuple[int, tuple[int, ...], int, int]


class Purse:
    """What every ballot holds, by classes of ballots that hold the same."""

    def __init__(self, ballots: int, share: Ratio) -> None:
        """Each of `ballots` holds `share` = (minor units, divisor)."""
        over = gcd(*share)
        self.denominator = share[1] // over
        self._values = {0: 0, 1: share[0] // over}
        self._sizes = {0: 0, 1: ballots}
        self._class_of = [1] * ballots
        self._fresh = 2

    def offer(self, item: Item) -> _Offer | None:
        """What buying an item would take from its supporters; None if they cannot cover it."""
        held = Counter(map(self._class_of.__getitem__, item.supporters))
        values = self._values
        rows = sorted((values[name], name, count) for name, count in held.items())
        price = rest = item.price_minor * self.denominator
        if sum(value * count for value, _, count in rows) < price:
            return None
        payers = len(item.supporters)
        poor = 0
        for value, _, count in rows:
            if value * payers >= rest:
                break
            rest -= value * count
            payers -= count
            poor += 1
        return rest, payers, price, rows, poor

    def pay(self, item: Item, offer: _Offer) -> tuple[Shares, ...]:
        """Take the price from the supporters; `offer` is this purse's own, made just before."""
        rest, payers, _price, rows, poor = offer
        times = payers // gcd(rest, payers)
        if times > 1:
            self.denominator *= times
            for name in self._values:
                self._values[name] *= times
        payment = rest * times // payers
        becomes: dict[int, int] = {}
        paid: list[Shares] = []
        for at, (value, name, count) in enumerate(rows):
            given = value * times if at < poor else payment
            if given:
                _add(paid, count, _lowest(given, self.denominator))
            becomes[name] = self._class_with(value * times - given)
            self._sizes[name] -= count
            self._sizes[becomes[name]] += count
        for ballot in item.supporters:
            self._class_of[ballot] = becomes[self._class_of[ballot]]
        for name in becomes:
            if name and not self._sizes[name]:
                del self._values[name], self._sizes[name]
        return tuple(paid)

    def holds(self) -> list[int]:
        """What each ballot holds, over `denominator`."""
        return [self._values[name] for name in self._class_of]

    def _class_with(self, value: int) -> int:
        if value == 0:
            return 0
        name = self._fresh
        self._fresh += 1
        self._values[name] = value
        self._sizes[name] = 0
        return name


def _lowest(amount: int, over: int) -> Ratio:
    common = gcd(amount, over)
    return amount // common, over // common


def _add(paid: list[Shares], count: int, each: Ratio) -> None:
    if paid and paid[-1].each == each:
        count += paid.pop().ballots
    paid.append(Shares(count, each))


def buy(
    ballots: int, share: Ratio, items: Sequence[Item], progress: Progress = silent
) -> tuple[list[Purchase], Purse]:
    """All purchases in their order, and what the ballots hold after them."""
    purse = Purse(ballots, share)
    bought: list[Purchase] = []
    heap: list[_Entry] = []
    for index, item in enumerate(items):
        voices = len(item.supporters)
        if voices and item.price_minor * share[1] <= voices * share[0]:
            heap.append(((1 << _FINE) // voices, item.order, index, -1))
    heapq.heapify(heap)
    offers: dict[int, _Offer] = {}
    while heap:
        _bound_of, order, index, at = heap[0]
        if at == len(bought):
            index = _first(heap, items, offers, purse, at)
            shares = purse.pay(items[index], offers[index])
            bought.append(Purchase(index, shares))
            offers.clear()
            if len(bought) % _PROGRESS_EVERY == 0:
                progress(f"{len(bought)} bought, {len(heap)} still to look at")
            continue
        offer = purse.offer(items[index])
        if offer is None:
            heapq.heappop(heap)
            continue
        offers[index] = offer
        heapq.heapreplace(heap, (_bound(offer), order, index, len(bought)))
    return bought, purse


def _bound(offer: _Offer) -> int:
    rest, payers, price, _, _ = offer
    return (rest << _FINE) // (payers * price)


def _first(
    heap: list[_Entry],
    items: Sequence[Item],
    offers: dict[int, _Offer],
    purse: Purse,
    at: int,
) -> int:
    """Take the item to buy out of the heap: of those that look equal, the exactly first."""
    bound = heap[0][0]
    equal: list[_Entry] = []
    while heap and heap[0][0] == bound:
        entry = heapq.heappop(heap)
        if entry[3] != at:
            offer = purse.offer(items[entry[2]])
            if offer is None:
                continue
            offers[entry[2]] = offer
            entry = (_bound(offer), entry[1], entry[2], at)
        equal.append(entry)
    first = equal[0]
    for entry in equal[1:]:
        if _before(entry, first, offers):
            first = entry
    for entry in equal:
        if entry is not first:
            heapq.heappush(heap, entry)
    return first[2]


def _before(one: _Entry, other: _Entry, offers: dict[int, _Offer]) -> bool:
    """Whether one is bought before the other: the smaller rho, then the place in a dead heat."""
    rest, payers, price, _, _ = offers[one[2]]
    rest_2, payers_2, price_2, _, _ = offers[other[2]]
    mine, others = rest * payers_2 * price_2, rest_2 * payers * price
    return mine < others or (mine == others and one[1] < other[1])
