"""Drawings: so many dots, whole figures, nothing that a reader of screens has to guess."""

from __future__ import annotations

import re
from xml.etree import ElementTree as ET

import pytest

from circles.web import drawings

SVG = "{http://www.w3.org/2000/svg}"


def _parsed(text: str) -> ET.Element:
    return ET.fromstring(text)  # noqa: S314 -- our own drawing


def _long(path: ET.Element) -> float:
    found = re.search(r"h([0-9.]+)$", path.attrib["d"])
    assert found is not None
    return float(found.group(1))


@pytest.mark.parametrize("count", [1, 2, 9, 60])
def test_a_row_has_as_many_dots_as_it_says(count: int) -> None:
    drawing = _parsed(drawings.dots(count))
    (path,) = drawing.iter("path")
    assert int(_long(path) // drawings.PITCH) + 1 == count
    assert drawing.attrib["aria-hidden"] == "true"
    assert drawing.attrib["fill"] == "none"


@pytest.mark.parametrize("count", [0, -1, 61, 10_000])
def test_too_many_to_count_are_not_drawn(count: int) -> None:
    assert drawings.dots(count) == ""


@pytest.mark.parametrize(
    ("members", "width"), [(1, "15"), (12, "15"), (30, "15"), (31, "7.5"), (60, "7.5")]
)
def test_the_ring_has_a_dot_for_each_member(members: int, width: str) -> None:
    circles = list(_parsed(drawings.ring(members)).iter("circle"))
    assert [c.attrib["pathLength"] for c in circles] == [str(members)]
    assert circles[0].attrib["stroke-width"] == width


def test_only_the_readers_own_dot_is_filled() -> None:
    kinds = [c.attrib["class"] for c in _parsed(drawings.ring(12, mine=True)).iter("circle")]
    assert kinds == ["d-edge", "d-full"]
    assert "d-full" not in drawings.ring(12)


def test_above_sixty_the_number_speaks_alone() -> None:
    assert "stroke-dasharray" not in drawings.ring(61)


def test_the_strip_keeps_the_whole_fund_in_view() -> None:
    paths = list(_parsed(drawings.strip(12, 9, 6)).iter("path"))
    counts = {p.attrib["class"]: int(_long(p) // drawings.PITCH) + 1 for p in paths}
    assert counts == {"d-gone": 12, "d-full": 9, "d-edge": 6, "d-hole": 6}


def test_the_month_has_one_big_dot_for_today() -> None:
    spans = [drawings.Span("talk", 0, 10), drawings.Span("vote", 11, 15, here=True)]
    drawing = _parsed(drawings.days(31, 12, spans, "31 days. Today is the 13th."))
    assert drawing.attrib["role"] == "img"
    assert drawing.attrib["aria-label"] == "31 days. Today is the 13th."
    big = [p for p in drawing.iter("path") if p.attrib["stroke-width"] == "16"]
    assert len(big) == 1
    assert [t.text for t in drawing.iter("text")] == ["talk", "vote"]


@pytest.mark.parametrize("today", [None, 0, 30, -1, 31])
def test_the_month_is_drawn_before_and_after_it_too(today: int | None) -> None:
    assert _parsed(drawings.days(31, today, [], "the month")).tag.endswith("svg")


@pytest.mark.parametrize(
    ("highest", "unit"), [(0, 100), (4000, 100), (4001, 200), (15_000, 500), (100_000, 5000)]
)
def test_one_dot_of_the_chart_stands_for_a_round_sum(highest: int, unit: int) -> None:
    assert drawings.chart_unit(highest, 100) == unit


def test_the_chart_says_every_figure_and_escapes_words() -> None:
    columns = [drawings.Column("May <b>", 8000, 6000, "80", "60")]
    text = drawings.chart(columns, 500, 'In & out "by month"')
    assert "May &lt;b&gt;" in text
    words = [t.text for t in _parsed(text).iter("text")]
    assert words == ["May <b>", "80", "60"]


def test_a_remainder_is_a_smaller_dot() -> None:
    whole = drawings.chart([drawings.Column("May", 1000, 0, "10", "none")], 500, "chart")
    rest = drawings.chart([drawings.Column("May", 1250, 0, "12.50", "none")], 500, "chart")
    widths = [p.attrib["stroke-width"] for p in _parsed(rest).iter("path")]
    assert len(widths) == len(list(_parsed(whole).iter("path"))) + 1
    assert min(float(w) for w in widths) < 9
