"""docs/threat-model.md says what the table says, and names only tests that are there."""

from __future__ import annotations

import re
from pathlib import Path

from tests.dishonest.threats import TABLE, markdown

ROOT = Path(__file__).parent.parent.parent
TEXT = (ROOT / "docs" / "threat-model.md").read_text("utf-8")


def test_the_page_has_the_table_row_by_row() -> None:
    assert markdown() in TEXT
    assert len({threat.name for threat in TABLE}) == len(TABLE)


def test_the_tests_that_it_names_are_there() -> None:
    named = re.findall(r"`(tests/[a-z_./]+)`", TEXT)
    assert len(named) > 10
    assert [name for name in named if not (ROOT / name).exists()] == []


def test_what_is_not_promised_stands_where_members_read_too() -> None:
    """One truth in three places: for experts, for readers, for members."""
    secrecy = (ROOT / "docs" / "secrecy.md").read_text("utf-8")
    page = (ROOT / "src/circles/templates/public/secrecy.html").read_text("utf-8")
    for here, there, shown in (
        ("write-ahead log", "write-ahead log", "inner diaries"),
        ("one line on the roll", "one and the same line", "shown the same line"),
        ("the log has no clock", "The log has no clock", "The record has no clock"),
        ("Somebody beside you", "somebody beside you", "somebody beside you"),
        ("under five", "Under five", "under five"),
        ("gap T - V is printed", "gap is printed", "is shown with every month"),
        ("a member who is away", "a member who is away", "somebody who is away"),
        (
            "malicious served script",
            "page itself comes from the server",
            "changed page could cheat",
        ),
        ("all alike", "all tick alike", "all tick alike"),
    ):
        assert here in TEXT, here
        assert there in secrecy, there
        assert shown in page, shown
