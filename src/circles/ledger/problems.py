"""What a check found, and how stored rows are read when nothing about them may be believed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import UTC, date, datetime
from functools import lru_cache
from typing import Any

from circles.errors import InvalidError
from circles.ledger import chart
from circles.ledger.transfer import Transfer

# Rows fetched at a time: memory stays the same however long the books are.
PAGE_ROWS = 2000
_NAMES = [field.name for field in fields(Transfer)]
_DAY_AT, _TIME_AT = _NAMES.index("effective_on"), _NAMES.index("recorded_at")


@dataclass(frozen=True)
class Problem:
    """One thing that does not add up.

    `check` is a short stable name (`chain`, `sequence`, `balance`, `floor`, `mirror`, `kind`,
    `period`, `seal`, `account`, `book`, `note`, `key`, `reference`, `guard`, `payout`,
    `closed`, `handover`), `where` the row, `what` the sentence for a person.
    """

    book: str
    check: str
    where: str
    what: str

    def __str__(self) -> str:
        return f"{self.book}: {self.check}: {self.where}: {self.what}"


def as_time(value: Any) -> datetime:
    """A stored time, whichever database it comes from; ValueError if it is none."""
    at = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)


def as_day(value: Any) -> date:
    """A stored day; ValueError if it is none, or not spelt as days are stored and compared."""
    if isinstance(value, date):
        return value
    day = date.fromisoformat(str(value))
    if day.isoformat() != value:
        raise ValueError(f"{value!r} is no day")
    return day


# Transfers booked together, and on one day, are many.
known_time = lru_cache(maxsize=1024)(as_time)
known_day = lru_cache(maxsize=1024)(as_day)


def as_transfer(row: Sequence[Any]) -> Transfer:
    """A stored transfer, its columns in the order of the dataclass; ValueError if one of them
    cannot be read."""
    values = list(row)
    values[_DAY_AT] = known_day(values[_DAY_AT])
    values[_TIME_AT] = known_time(values[_TIME_AT])
    return Transfer(*values)


def class_or_none(code: str) -> chart.AccountClass | None:
    """The class of a code, or None for one that should not exist."""
    try:
        return chart.class_of(code)
    except InvalidError:
        return None
