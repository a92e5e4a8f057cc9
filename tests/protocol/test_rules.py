"""The four rules: what each promises, over made-up rounds; and what none promises, by example."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from circles.protocol import allocation as a
from circles.protocol.messages import Ask
from circles.protocol.rules import add1
from circles.protocol.rules.base import Order, by_number, limit_minor, place
from circles.protocol.rules.shares import Item
from circles.protocol.tally import Totals, count_ticks

CIRCLES = json.loads((Path(__file__).parents[1] / "vectors" / "circles.json").read_text())
EXAMPLES = settings(max_examples=100, deadline=None)


@dataclass(frozen=True)
class Whole:
    """A ballot as it was opened."""

    ticks: tuple[int, ...]
    keep: bool = False


@dataclass(frozen=True)
class Round:
    """A fund, what is asked, and whole ballots."""

    fund: int
    asks: tuple[Ask, ...]
    ballots: tuple[Whole, ...]

    @property
    def totals(self) -> Totals:
        return count_ticks(len(self.asks), self.ballots)

    def decide(self, rule: a.AnyRule) -> a.Allocation:
        return a.allocate(rule.name, rule.params(), self.fund, self.asks, self.totals, self.ballots)


AMOUNT = st.one_of(st.integers(1, 40), st.sampled_from([500, 2500, 10**15 - 1]))
ASK = st.one_of(
    st.builds(Ask, AMOUNT, st.none(), st.booleans()),
    st.builds(Ask, st.none(), st.none() | AMOUNT, st.just(True)),
)
FIXED = st.builds(Ask, st.integers(1, 30), st.none(), st.booleans())


@st.composite
def rounds(draw: st.DrawFn, ask: st.SearchStrategy[Ask] = ASK, most: int = 7) -> Round:
    asks = tuple(draw(st.lists(ask, max_size=most)))
    numbers = st.sets(st.integers(1, len(asks))) if asks else st.just(set[int]())
    ballot = st.builds(
        lambda ticks, keep: Whole(tuple(sorted(ticks)), keep), numbers, st.booleans()
    )
    fund = draw(st.one_of(st.integers(0, 100), st.sampled_from([5000, 10**15 - 1])))
    return Round(fund, asks, tuple(draw(st.lists(ballot, max_size=8))))


LEAST = st.sampled_from([0, 1, 5, 500])
MIN_TICKS = st.integers(0, 3)
RULES: st.SearchStrategy[a.AnyRule] = st.one_of(
    st.builds(a.MostTicks, LEAST, MIN_TICKS),
    st.builds(a.Split, LEAST, MIN_TICKS),
    st.builds(a.OneWinner, LEAST, MIN_TICKS),
    st.builds(a.FairShares, st.sampled_from(["none", "ticks"]), LEAST, MIN_TICKS, st.just(0)),
    st.builds(a.FairShares, st.just("add1"), LEAST, MIN_TICKS, st.sampled_from([1, 7, 10**9])),
)


@given(rounds(), RULES)
@EXAMPLES
def test_the_fund_is_spent_and_carried_and_nobody_gets_more_than_asked(
    made: Round, rule: a.AnyRule
) -> None:
    found = made.decide(rule)
    awards = dict(found.awards)
    assert sum(awards.values()) + found.carried_minor == made.fund
    assert found.carried_minor >= 0
    assert list(awards) == sorted(awards)
    assert all(amount > 0 for amount in awards.values())
    for number, amount in awards.items():
        most = limit_minor(made.asks[number - 1])
        assert most is None or amount <= most
        assert made.totals.candidates[number - 1] >= max(rule.min_ticks, 1)
    # The working has each candidate once and goes from the whole fund to what is carried.
    assert sorted(row.number for row in found.working) == list(range(1, len(made.asks) + 1))
    left = made.fund
    for at, row in enumerate(found.working, start=1):
        assert (row.place, row.left_before_minor) == (at, left)
        assert row.paid_minor == awards.get(row.number, 0)
        assert (row.outcome == a.PAID) == (row.paid_minor > 0)
        assert row.outcome in a.OUTCOMES
        left = row.left_after_minor
    assert left == found.carried_minor


@given(rounds(), RULES, st.randoms(use_true_random=False))
@EXAMPLES
def test_the_sequence_of_ballots_never_matters(made: Round, rule: a.AnyRule, chance: Any) -> None:
    mixed = list(made.ballots)
    chance.shuffle(mixed)
    assert replace(made, ballots=tuple(mixed)).decide(rule) == made.decide(rule)


@given(rounds(FIXED), MIN_TICKS, st.booleans(), st.data())
@EXAMPLES
def test_more_ticks_never_hurt(made: Round, least: int, one: bool, data: st.DataObject) -> None:
    if not made.asks:
        return
    rule = a.OneWinner(0, least) if one else a.MostTicks(0, least)
    number = data.draw(st.integers(1, len(made.asks)))
    more = replace(made, ballots=(*made.ballots, Whole((number,))))
    assert dict(more.decide(rule).awards).get(number, 0) >= dict(made.decide(rule).awards).get(
        number, 0
    )


@given(rounds(most=5), MIN_TICKS)
@EXAMPLES
def test_a_larger_fund_pays_nobody_less_where_that_is_promised(made: Round, floor: int) -> None:
    made = replace(made, fund=min(made.fund, 10**9))
    parts = replace(made, asks=tuple(replace(ask, part=True) for ask in made.asks))
    for which, rule, less in (
        (made, a.OneWinner(0, floor), 0),
        (parts, a.Split(0, floor), 1),
    ):
        before = dict(which.decide(rule).awards)
        after = dict(replace(which, fund=which.fund + 1).decide(rule).awards)
        assert all(after.get(number, 0) >= paid - less for number, paid in before.items())


def test_a_larger_fund_can_pay_somebody_less() -> None:
    """Nobody promises it: docs/protocol.md, 9, has the same examples."""
    some = (Whole((1,)),) * 5 + (Whole((2,)),) * 4
    first = Round(40, (Ask(60), Ask(40)), some)
    assert first.decide(a.MostTicks(0, 1)).awards == ((2, 40),)
    assert replace(first, fund=60).decide(a.MostTicks(0, 1)).awards == ((1, 60),)
    parted = Round(2, (Ask(3, part=True), Ask(2)), (Whole((1,)),) + (Whole((2,)),) * 4)
    assert parted.decide(a.Split(0, 1)).awards == ((1, 2),)
    assert replace(parted, fund=3).decide(a.Split(0, 1)).awards == ((1, 1), (2, 2))
    shared = Round(2, (Ask(3), Ask(1)), (Whole((1, 2)), Whole((1,))))
    rule = a.FairShares("none", 0, 1, 0)
    assert shared.decide(rule).awards == ((2, 1),)
    assert replace(shared, fund=3).decide(rule).awards == ((1, 3),)


# ------------------------------------------------------------------ split


@given(rounds(most=5), LEAST)
@EXAMPLES
def test_split_leaves_nobody_who_could_have_had_more(made: Round, least: int) -> None:
    """Who was paid less than it asked stands within one minor unit of the same worth of a tick."""
    found = made.decide(a.Split(least, 1))
    open_parts = []
    for row in found.working:
        most = limit_minor(row.ask)
        if row.outcome == a.PAID and row.paid_minor != most:
            assert row.ask.part
            assert row.paid_minor >= max(least, 1)
            open_parts.append(row)
    for one, other in combinations(open_parts, 2):
        assert (one.paid_minor - 1) * other.ticks < (other.paid_minor + 1) * one.ticks
        assert (other.paid_minor - 1) * one.ticks < (one.paid_minor + 1) * other.ticks
    if open_parts and not made.totals.keep:
        assert found.carried_minor == 0


def test_the_worked_example_of_the_founding_page() -> None:
    asks = (Ask(6000, part=True), Ask(4000, part=True), Ask(3500, part=True))
    ballots = (Whole((1,)),) * 5 + (Whole((2,)),) * 4 + (Whole((3,)),) * 3
    made = Round(10_000, asks, ballots)
    assert made.decide(a.MostTicks(500, 1)).awards == ((1, 6000), (2, 4000))
    assert made.decide(a.Split(500, 1)).awards == ((1, 4167), (2, 3333), (3, 2500))
    assert made.decide(a.OneWinner(500, 1)).awards == ((1, 6000),)
    # Eight members hold 12.50 each; the four for B are also for A.
    eight = (Whole((1, 2)),) * 4 + (Whole((1,)), *((Whole((3,)),) * 3))
    found = replace(made, ballots=eight).decide(a.FairShares("none", 500, 1, 0))
    assert found.awards == ((1, 6000), (3, 3500))
    assert found.carried_minor == 500


def test_ceilings_that_set_one_another_free_come_to_an_end() -> None:
    count = 300
    asks = [Ask(None, 1000 + i, part=True) if i % 2 else Ask(1000 + i) for i in range(count)]
    totals = Totals(tuple(1 + i % 7 for i in range(count)), 3)
    found = a.Split(900, 1).allocate(10**5, asks, totals)
    assert sum(paid for _, paid in found.awards) + found.carried_minor == 10**5
    assert len(found.steps) <= count


# ------------------------------------------------------------------ fair shares


def _represented(made: Round, awards: dict[int, int]) -> bool:
    """EJR up to one: no group that agrees on requests it can pay for goes without, but for one."""
    ballots, everyone = len(made.ballots), range(1, len(made.asks) + 1)
    worth = [sum(awards.get(number, 0) for number in ballot.ticks) for ballot in made.ballots]
    for size in everyone:
        for together in combinations(everyone, size):
            cost = sum(made.asks[number - 1].amount_minor or 0 for number in together)
            dearest = max(
                (made.asks[n - 1].amount_minor or 0 for n in together if n not in awards), default=0
            )
            without = sum(
                set(together) <= set(ballot.ticks)
                and worth[at] < cost
                and worth[at] + dearest <= cost
                for at, ballot in enumerate(made.ballots)
            )
            if without and without * made.fund >= cost * ballots:
                return False
    return True


@given(rounds(FIXED, most=5))
@EXAMPLES
def test_fair_shares_represents_every_group_up_to_one_request(made: Round) -> None:
    found = made.decide(a.FairShares("none", 0, 1, 0))
    assert _represented(made, dict(found.awards))


def test_most_ticks_does_not_and_the_check_sees_it() -> None:
    made = Round(100, (Ask(50), Ask(50), Ask(50)), (Whole((1, 2)),) * 6 + (Whole((3,)),) * 5)
    made = replace(made, fund=120)
    assert not _represented(made, dict(made.decide(a.MostTicks(0, 1)).awards))
    assert _represented(made, dict(made.decide(a.FairShares("none", 0, 1, 0)).awards))


@given(rounds(), st.sampled_from([("none", 0), ("ticks", 0), ("add1", 3)]))
@EXAMPLES
def test_each_purchase_is_paid_by_its_shares(made: Round, variant: tuple[str, int]) -> None:
    found = made.decide(a.FairShares(variant[0], 0, 1, variant[1]))
    for row in found.working:
        if not row.shares:
            continue
        over = 1
        for paid in row.shares:
            over *= paid.each[1]
        together = sum(paid.ballots * paid.each[0] * (over // paid.each[1]) for paid in row.shares)
        assert together == row.paid_minor * over
        assert sum(paid.ballots for paid in row.shares) <= row.ticks
        payments = [paid.each[0] * (over // paid.each[1]) for paid in row.shares]
        assert payments == sorted(set(payments))


def test_who_ticks_only_keep_keeps_a_share_in_the_fund() -> None:
    ballots = (Whole((1, 2)), Whole((1, 2)), Whole((), keep=True), Whole(()))
    made = Round(400, (Ask(150), Ask(250)), ballots)
    assert made.decide(a.FairShares("none", 0, 1, 0)).awards == ((1, 150),)
    # A blank ballot's share may be spent by completion, that of "keep" may not.
    later = replace(made, asks=(Ask(150), Ask(150)))
    assert later.decide(a.FairShares("ticks", 0, 1, 0)).awards == ((1, 150), (2, 150))
    third = replace(made, asks=(Ask(150), Ask(151)))
    assert third.decide(a.FairShares("ticks", 0, 1, 0)).awards == ((1, 150),)
    assert third.decide(a.FairShares("add1", 0, 1, 1)).awards == ((1, 150),)


def test_any_amount_has_what_its_supporters_still_hold() -> None:
    ballots = (Whole((1, 2)), Whole((2, 3)), Whole((3,)), Whole(()))
    asks = (Ask(60), Ask(None, None, part=True), Ask(None, 120, part=True))
    made = Round(400, asks, ballots)
    # 1 is paid by the first ballot, which has 40 left for 2; the second has 50 each for 2 and 3.
    found = made.decide(a.FairShares("none", 0, 1, 0))
    assert dict(found.awards) == {1: 60, 2: 90, 3: 120}
    assert found.carried_minor == 130
    # Under 100 the second drops out; then the second ballot's share is all for the third.
    assert dict(made.decide(a.FairShares("none", 100, 1, 0)).awards) == {1: 60, 3: 120}


def test_leaping_over_raises_finds_the_same_as_walking(monkeypatch: pytest.MonkeyPatch) -> None:
    for instance in CIRCLES["instances"][:60:3]:
        made = _round(instance)
        ticks = made.totals.candidates
        items = [
            Item(
                ask.amount_minor or 0,
                [at for at, ballot in enumerate(made.ballots) if number in ballot.ticks],
                place(number - 1, ask, ticks[number - 1]),
            )
            for number, ask in enumerate(made.asks, start=1)
        ]
        found = []
        for walked in (10**9, 0):
            monkeypatch.setattr(add1, "_WALKED", walked)
            found.append(add1.raised(len(made.ballots), made.fund, made.fund, 9, items))
        assert found[0] == found[1], instance["id"]


def test_a_huge_fund_is_raised_in_single_minor_units() -> None:
    most = 10**15 - 1
    ballots = (Whole((1,)), Whole((2, 3)), Whole((3,)), Whole((3,)))
    made = Round(most, (Ask(most // 3), Ask(most // 2), Ask(most // 2 - 7)), ballots)
    found = made.decide(a.FairShares("add1", 0, 1, 1))
    # 3 is within reach at once; then 1 is, when the first ballot holds a third.
    assert found.share == (most + 4 * (most // 3 - most // 4), 4)
    assert found.awards == ((1, most // 3), (3, most // 2 - 7))


# ------------------------------------------------------------------ another program's answers


def _round(instance: dict[str, Any]) -> Round:
    ids = sorted(instance["requests"], key=str.encode)
    number = {name: at for at, name in enumerate(ids, start=1)}
    return Round(
        instance["pot"],
        tuple(Ask(instance["requests"][name]) for name in ids),
        tuple(
            Whole(tuple(sorted(number[name] for name in ballot))) for ballot in instance["ballots"]
        ),
    )


def _paid(instance: dict[str, Any], rule: a.AnyRule, order: Order) -> list[str]:
    ids = sorted(instance["requests"], key=str.encode)
    made = _round(instance)
    if isinstance(rule, a.FairShares):
        found = rule.allocate(made.fund, made.asks, made.totals, made.ballots, order)
    else:
        found = rule.allocate(made.fund, made.asks, made.totals, order)
    return [ids[row.number - 1] for row in found.working if row.paid_minor]


@pytest.mark.parametrize(
    ("expected", "rule", "differ"),
    [
        ("greedy_cost", a.MostTicks(0, 1), 37),
        ("mes_cost", a.FairShares("none", 0, 1, 0), 12),
        ("mes_cost_util", a.FairShares("ticks", 0, 1, 0), None),
        ("mes_cost_add1_100cents", a.FairShares("add1", 0, 1, 100), None),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_equal_to_pabutools(expected: str, rule: a.AnyRule, differ: int | None) -> None:
    """Equal on all 200, dead heats by id as it decides them; by our order some come out otherwise.

    The one deliberate difference: of two with the same ticks the smaller request goes first.
    """
    otherwise = 0
    for instance in CIRCLES["instances"]:
        wanted = instance["expected"][expected]
        in_sequence = expected == "mes_cost"
        found = _paid(instance, rule, by_number)
        assert (found if in_sequence else sorted(found)) == wanted, instance["id"]
        ours = _paid(instance, rule, place)
        if (ours if in_sequence else sorted(ours)) != wanted:
            otherwise += 1
            if in_sequence:
                assert instance["tie_events"]["mes_cost"] > 0, instance["id"]
            else:
                counts = _round(instance).totals.candidates
                assert len(set(counts)) < len(counts), instance["id"]
    assert differ is None or otherwise == differ
