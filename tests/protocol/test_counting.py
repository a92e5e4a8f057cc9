"""The draw, the count and `most-ticks/1`: vectors, and invariants over made-up rounds."""

import zipfile
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from circles.protocol import allocation as a
from circles.protocol import draw, merkle, tally
from circles.protocol.messages import Ask, Ballot, Choice, Poll, parse_entry
from circles.protocol.poll_records import read_rule_values
from circles.protocol.text import b64, unb64
from tests.protocol.conftest import VECTORS, load

PROTOCOL = load("protocol-v1.json")


def test_the_worked_draw() -> None:
    d = PROTOCOL["draw"]
    salt = unb64(d["salt"])
    assert draw.draw_commit(salt) == unb64(d["commit"])
    leaves = [unb64(leaf) for leaf in d["nominations_sorted_by_leaf"]]
    assert sorted(leaves) == leaves
    for leaf, key in d["keys"].items():
        assert draw.draw_key(salt, unb64(leaf)) == unb64(key)
    assert [b64(leaf) for leaf in draw.draw_order(salt, leaves)] == d["order"]


def _archive_ballots() -> dict[bytes, Ballot]:
    with zipfile.ZipFile(VECTORS / "archive-ok.zip") as archive:
        bundle = archive.read("log/tile/entries/000.p/35")
    entries = [parse_entry(data) for data in merkle.read_bundle(bundle, 35)]
    return {e.record_id(): e for e in entries if isinstance(e, Ballot)}


def test_counted_per_key() -> None:
    worked = PROTOCOL["counted_per_key"]
    ballots = _archive_ballots()
    assert [b64(leaf) for leaf in ballots] == worked["ballots"]
    counted = tally.counted(ballots)
    assert [b64(leaf) for leaf in counted] == sorted(worked["counted"], key=unb64)
    assert sorted(b64(leaf) for leaf in counted) == sorted(worked["counted"])


def test_of_two_with_the_same_seq_the_smaller_leaf_counts() -> None:
    ballot = next(iter(_archive_ballots().values()))
    assert list(tally.counted({b"\2" * 32: ballot, b"\1" * 32: ballot})) == [b"\1" * 32]


def test_ticks_are_counted() -> None:
    nonce = bytes(16)
    choices = [
        Choice(nonce, (1, 3)),
        Choice(nonce, (), keep=True),
        Choice(nonce),
        Choice(nonce, (3,)),
    ]
    totals = tally.count_ticks(3, choices)
    assert (totals.candidates, totals.keep, totals.ticks) == ((1, 0, 2), 1, 4)


def test_few_voters_counts_people_and_keys() -> None:
    text = next(m["text"] for m in PROTOCOL["messages"] if m["what"] == "logged: poll vote")
    poll = Poll.parse(text.encode())
    assert (poll.slots, poll.min_voters) == (3, 3)
    assert tally.few_voters(poll, 2, 9, 0)
    assert tally.few_voters(poll, 3, 6, 0)
    assert not tally.few_voters(poll, 3, 7, 0)
    assert tally.few_voters(poll, 3, 7, 1)


def _ask(values: list[Any]) -> Ask:
    return Ask.of(*(str(value) for value in values))


@pytest.mark.parametrize("case", PROTOCOL["most_ticks"], ids=lambda c: c["why"])
def test_most_ticks_vectors(case: dict[str, Any]) -> None:
    name, params = case["rule"].split(" ")
    numbers = sorted(int(number) for number in case["asks"])
    totals = tally.Totals(
        tuple(case["totals"][str(number)] for number in numbers), case["totals"]["keep"]
    )
    asks = [_ask(case["asks"][str(number)]) for number in numbers]
    found = a.allocate(name, read_rule_values(params), case["fund"], asks, totals)
    assert dict(found.awards) == {int(number): n for number, n in case["awards"].items()}
    assert found.carried_minor == case["carried"]


AMOUNT = st.integers(1, 20000)
ASK = st.one_of(
    st.builds(Ask, AMOUNT, st.none(), st.booleans()),
    st.builds(Ask, st.none(), st.none() | AMOUNT, st.just(True)),
)


@given(
    st.integers(0, 60000),
    st.lists(st.tuples(ASK, st.integers(0, 12)), max_size=12),
    st.integers(0, 12),
    st.integers(0, 2000),
    st.integers(0, 5),
)
@settings(max_examples=100, deadline=None)
def test_most_ticks_by_its_own_working(
    fund: int, candidates: list[tuple[Ask, int]], keep: int, least: int, min_ticks: int
) -> None:
    asks = [ask for ask, _ in candidates]
    totals = tally.Totals(tuple(ticks for _, ticks in candidates), keep)
    rule = a.MostTicks(least, min_ticks)
    found = a.allocate("most-ticks/1", rule.params(), fund, asks, totals)
    assert sum(n for _, n in found.awards) + found.carried_minor == fund
    assert found.carried_minor >= 0
    assert [number for number, _ in found.awards] == sorted({number for number, _ in found.awards})
    # A reader redoes the table row by row.
    left = fund
    for place, row in enumerate(found.working, start=1):
        assert (row.place, row.left_before_minor) == (place, left)
        assert (row.paid_minor > 0) == (row.outcome == a.PAID)
        if row.outcome == a.NO_TICK:
            assert row.ticks == 0
        elif row.outcome == a.UNDER_MIN_TICKS:
            assert 0 < row.ticks < min_ticks
        elif row.outcome == a.UNDER_KEEP:
            assert min_ticks <= row.ticks < keep
        elif row.ask.amount_minor is not None:
            fits = row.ask.amount_minor <= left
            assert row.paid_minor == (row.ask.amount_minor if fits else 0)
        else:
            assert row.share_minor == fund * row.ticks // found.all_ticks
            cuts = [row.share_minor, left, row.ask.ceiling_minor or left]
            assert row.paid_minor == (min(cuts) if min(cuts) >= max(least, 1) else 0)
        left = row.left_after_minor
    assert left == found.carried_minor
    for before, after in pairwise(found.working):
        assert before.ticks >= after.ticks


@pytest.mark.parametrize(
    ("name", "params"),
    [
        ("most-ticks/2", "least=500,min-ticks=2"),
        ("none/1", "-"),
        ("most-ticks/1", "-"),
        ("most-ticks/1", "least=500"),
        ("most-ticks/1", "least=500,min-ticks=2,x=1"),
        ("most-ticks/1", "least=0500,min-ticks=2"),
        ("most-ticks/1", "least=a,min-ticks=2"),
    ],
)
def test_rules_that_are_not_known(name: str, params: str) -> None:
    with pytest.raises(a.RuleError):
        a.rule(name, read_rule_values(params))
    with pytest.raises(a.RuleError):
        a.allocate("most-ticks/1", a.MostTicks(0, 0).params(), 5, [Ask(1)], tally.Totals((), 0))
