"""References and where they hide."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from circles.circle import reference
from circles.ledger.statements.model import Detail, StatementLine
from circles.ledger.statements.references import references

RF = "RF18C7M0001"


def line(
    text: str | None = None, structured: str | None = None, details: tuple[Detail, ...] = ()
) -> StatementLine:
    return StatementLine(
        date(2026, 11, 3), None, 1000, "EUR", reference=structured, text=text, details=details
    )


@pytest.mark.parametrize(
    "text",
    [
        RF, "rf18c7m0001", "RF18 C7M0 001", "for november RF18C7M0001", "RF18C7M0001 from Ada",
        "RF18C7M0001, thanks", "REF:RF18C7M0001/11", "xRF18-C7M0-001.", "rf 18 c7m 0001 november",
        "RF18C7\nM0001", "SVWZ+RF18C7M0001", "RF18C7M0001\u00a0x",
    ],
)  # fmt: skip
def test_a_reference_is_found_however_it_is_written(text: str) -> None:
    assert RF in references(line(text))


@pytest.mark.parametrize("text", ["", "RF", "RF19C7M0001", "RF18", "surf 18", "1RFC7M0001", None])
def test_nothing_is_found_where_nothing_is(text: str | None) -> None:
    assert references(line(text)) == []


def test_the_structured_one_comes_first_and_none_twice() -> None:
    other = reference.of("M0002")
    assert references(line(f"{RF} {other} {RF}", other)) == [other, RF]


def test_two_members_in_one_text() -> None:
    other = reference.of("M0002")
    assert set(references(line(f"{RF}+{other}"))) >= {RF, other}


def test_the_parts_of_a_batch_are_searched_too() -> None:
    details = (Detail(500, reference=RF), Detail(500, text="rf61 c7m0003"))
    assert references(line(details=details)) == [RF, "RF61C7M0003"]


WORDS = st.text("abcdefghijklmnopqrstuvwxyz 0123456789.,/-", max_size=30)


@given(
    st.from_regex(r"M[0-9]{4,6}", fullmatch=True), WORDS, WORDS, st.sets(st.integers(1, 12)),
    st.booleans(),
)  # fmt: skip
@settings(max_examples=100, deadline=None)
def test_any_members_reference_between_any_words(
    number: str, before: str, after: str, cuts: set[int], small: bool
) -> None:
    own = reference.of(number)
    written = "".join(" " * (i in cuts) + c for i, c in enumerate(own))
    found = references(line(f"{before} {written.lower() if small else written} {after}"))
    assert own in found


@given(st.text(max_size=300))
@settings(max_examples=100, deadline=None)
def test_what_is_found_is_valid(text: str) -> None:
    for found in references(line(text + RF)):
        assert reference.book_number_in(found) is not None
