"""What a check found, and how stored rows are read when nothing about them may be believed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import lru_cache
from typing import Any

from circles.errors import InvalidError
from circles.ledger import chart
from circles.ledger.transfer import Transfer, as_day, as_time

__all__ = [
    "PAGE_ROWS",
    "Problem",
    "as_day",
    "as_time",
    "as_transfer",
    "class_or_none",
    "known_day",
]

# Rows fetched at a time: memory stays the same however long the books are.
PAGE_ROWS = 2000
_NAMES = [field.name for field in fields(Transfer)]
_DAY_AT, _TIME_AT = _NAMES.index("effective_on"), _NAMES.index("recorded_at")


@dataclass(frozen=True)
class Problem:
    """One thing that does not add up.

    `check` is a short stable name (`chain`, `sequence`, `balance`, `floor`, `mirror`, `kind`,
    `period`, `seal`, `account`, `book`, `note`, `key`, `reference`, `guard`, `payout`,
    `closed`, `handover`, `count`), `where` the row, `what` the sentence for a person.
    """

    book: str
    check: str
    where: str
    what: str

    def __str__(self) -> str:
        return f"{self.book}: {self.check}: {self.where}: {self.what}"


# Transfers booked together, and on one day, are many.
_known_time = lru_cache(maxsize=1024)(as_time)
known_day = lru_cache(maxsize=1024)(as_day)


def as_transfer(row: Sequence[Any]) -> Transfer:
    """A stored transfer, its columns in the order of the dataclass; ValueError if one of them
    cannot be read."""
    values = list(row)
    values[_DAY_AT] = known_day(values[_DAY_AT])
    values[_TIME_AT] = _known_time(values[_TIME_AT])
    return Transfer(*values)


def class_or_none(code: str) -> chart.AccountClass | None:
    """The class of a code, or None for one that should not exist."""
    try:
        return chart.class_of(code)
    except InvalidError:
        return None
