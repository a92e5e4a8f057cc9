"""t of n: which of those who opened are used, who never came, and shares that are none."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from circles.protocol import verify as v
from circles.protocol.messages import Opening
from tests.protocol.bending import find
from tests.protocol.simulator import MemorySource, trustee_key
from tests.protocol.trustee_months import month_of, result_of, void_of


@st.composite
def boxes(draw: Any) -> tuple[int, int, list[int], int]:
    """Trustees, threshold, those who opened in that order, whose share of one ballot is wrong."""
    trustees = draw(st.integers(1, 5))
    threshold = draw(st.integers(1, trustees))
    order = draw(st.permutations(range(1, trustees + 1)))
    opened = order[: draw(st.integers(0, trustees))]
    return trustees, threshold, opened, draw(st.integers(0, trustees))


@given(boxes())
@settings(max_examples=25, deadline=None)
def test_the_lowest_of_those_who_opened_decide(box: tuple[int, int, list[int], int]) -> None:
    trustees, threshold, opened, broken = box
    month, leaf = month_of(trustees, threshold, opened, broken)
    report = v.verify(MemorySource(month.files()))
    assert report.problems == []
    result, void = result_of(month), void_of(month)
    if len(opened) < threshold:
        assert result is None
        assert void is not None
        assert void.reason == "not-opened"
        return
    assert result is not None
    used = sorted(opened)[:threshold]
    reasons = dict(result.voids)
    # Another share gives another key, which is not the one the ballot commits itself to.
    wrong = "share" if threshold == 1 else "commit"
    assert reasons.get(leaf) == (wrong if broken in used else None)


def _checks(month: Any) -> set[str]:
    return {problem.check for problem in v.verify(MemorySource(month.files())).problems}


def test_counted_with_one_too_few_is_found() -> None:
    month, _ = month_of(3, 2, [1, 3])
    del month.entries[find(month, Opening, 1)]
    assert "6.opening" in _checks(month)


def test_counted_with_the_wrong_ones_is_found() -> None:
    """Where trustee 1 opened too, a count by 2 and 3 is not the one of the contract."""
    month, leaf = month_of(3, 2, [2, 3], broken=1)
    result = result_of(month)
    assert result is not None
    assert leaf not in dict(result.voids)
    at = find(month, Opening)
    poll = month.vote.poll.record_id()
    month.entries.insert(at, Opening(poll, 1, trustee_key(1).secret).text())
    assert {"7.voids", "7.counted"} <= _checks(month)


def test_an_opening_after_the_result_changes_nothing() -> None:
    month, _ = month_of(3, 2, [2, 3], broken=1)
    month.entries.append(Opening(month.vote.poll.record_id(), 1, trustee_key(1).secret).text())
    assert _checks(month) == set()


def test_a_secret_that_is_not_the_trustees_is_found_whoever_it_is() -> None:
    month, _ = month_of(3, 2, [1, 3])
    at = find(month, Opening, 1)
    opening = Opening.parse(month.entries[at])
    month.entries[at] = replace(opening, secret=trustee_key(2).secret).text()
    assert "6.opening" in _checks(month)
