"""CSV as RFC 4180 has it, for spreadsheets: one row a transfer.

A spreadsheet runs a cell that begins like a formula. Words of people may begin so; an apostrophe
before them makes them text. Many spreadsheets part cells at semicolons or tabs instead, heed no
quotes then, and begin a cell in the midst of ours: the same there. Some read the wide forms of the
signs as the signs (OWASP, CSV injection). Amounts are numbers and stay numbers.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator

from circles.ledger.export.values import Booked, BookValues
from circles.ledger.transfer import time_text

COLUMNS = (
    "seq",
    "day",
    "kind",
    "debit",
    "credit",
    "amount",
    "currency",
    "note",
    "reference",
    "reverses_seq",
    "recorded_at",
    "id",
    "entry",
)
# Where a cell may begin: at the start, and behind what parts cells or rows elsewhere.
_LIKE_A_FORMULA = re.compile(r"(?:^|(?<=[;\t\r\n|]))(?=[ \"]*[=+\-@\uff1d\uff0b\uff0d\uff20])")
_LIKE_A_BREAK = ("\t", "\r", "\n")


class Table:
    """See `values.Writer`."""

    def __init__(self, book: BookValues) -> None:
        self._book = book

    def begin(self) -> Iterator[str]:
        yield _row(list(COLUMNS))

    def line(self, booked: Booked) -> str:
        one = booked.transfer
        return _row(
            [
                one.seq,
                one.effective_on.isoformat(),
                one.kind,
                one.debit,
                one.credit,
                self._book.amount(one.amount_minor),
                self._book.currency,
                harmless(booked.note or ""),
                harmless(one.business_ref or ""),
                "" if booked.reverses_seq is None else booked.reverses_seq,
                time_text(one.recorded_at),
                one.id.hex(),
                one.entry_id.hex(),
            ]
        )

    def end(self) -> Iterator[str]:
        yield from ()


def harmless(text: str) -> str:
    """Text that no spreadsheet takes for a formula."""
    safe = _LIKE_A_FORMULA.sub("'", text)
    return f"'{safe}" if safe.startswith(_LIKE_A_BREAK) else safe


def _row(cells: list[str | int]) -> str:
    line = io.StringIO()
    csv.writer(line, lineterminator="\r\n").writerow(cells)
    return line.getvalue()
