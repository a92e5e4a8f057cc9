"""The labelled payments: what is certain is right, always; what is proposed is mostly right."""

from __future__ import annotations

import json

import pytest

from tests.matching import making
from tests.matching.labelled import FILE, Judged, judge

RECALL_LEAST = 0.94
RECALL_FIRST_LEAST = 0.91


@pytest.fixture(scope="module")
def judged() -> Judged:
    found = judge()
    print(found.told())
    return found


def test_the_set_is_large_and_as_made() -> None:
    assert json.loads(FILE.read_text("utf-8")) == making.made()


def test_certain_is_never_wrong(judged: Judged) -> None:
    assert judged.wrong == []
    assert judged.lines >= 400
    # Not by never being certain: about half of all lines are.
    assert judged.tiers["A"] >= 100
    assert judged.tiers["B"] >= 60


def test_most_of_what_can_be_known_is_proposed(judged: Judged) -> None:
    assert judged.recall >= RECALL_LEAST, judged.told()
    assert judged.recall_first >= RECALL_FIRST_LEAST, judged.told()


ALWAYS_FIRST = (
    "reference", "two lines for one pledge", "over-payment", "twins of a day",
    "paid for by another, by reference", "slip in the check digits", "digits swapped",
    "a digit lost", "digits glued behind", "number alone", "batch", "bounced payment",
    "payout by reference", "payout not marked as sent", "payout that came back", "fee", "interest",
    "own cash", "refund to who has left", "typed by hand before",
    "one line for two, both references",
)  # fmt: skip


@pytest.mark.parametrize("what", ALWAYS_FIRST)
def test_what_says_itself_is_proposed_first(judged: Judged, what: str) -> None:
    assert judged.knowable[what] > 0
    assert judged.first[what] == judged.knowable[what], judged.told()


@pytest.mark.parametrize("what", ["two references, one meant", "another’s reference in the text"])
def test_two_that_could_be_meant_are_offered_both(judged: Judged, what: str) -> None:
    assert judged.among[what] == judged.knowable[what] > 0
