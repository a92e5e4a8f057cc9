"""What a check found, and how stored rows are read when nothing about them may be believed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from circles.errors import InvalidError
from circles.ledger import chart
from circles.ledger.transfer import Transfer

# Rows fetched at a time: memory stays the same however long the books are.
PAGE_ROWS = 2000


@dataclass(frozen=True)
class Problem:
    """One thing that does not add up.

    `check` is a short stable name (`chain`, `sequence`, `balance`, `floor`, `mirror`, `kind`,
    `period`, `seal`, `account`, `book`, `note`, `key`, `reference`, `guard`, `payout`), `where`
    the row, `what` the sentence for a person.
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
    """A stored day; ValueError if it is none."""
    return value if isinstance(value, date) else date.fromisoformat(str(value))


def as_transfer(row: Any) -> Transfer:
    """A stored transfer; ValueError if one of its columns cannot be read."""
    values = dict(row._mapping)  # noqa: SLF001 - SQLAlchemy's public name for a row's columns
    values["effective_on"] = as_day(values["effective_on"])
    values["recorded_at"] = as_time(values["recorded_at"])
    return Transfer(**values)


def class_or_none(code: str) -> chart.AccountClass | None:
    """The class of a code, or None for one that should not exist."""
    try:
        return chart.class_of(code)
    except InvalidError:
        return None
