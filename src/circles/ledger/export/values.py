"""What the writers write: values only, so that a file depends on nothing but what stands in it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Protocol

from circles.errors import InvalidError
from circles.ledger.transfer import Transfer
from circles.web.i18n import gettext as _

_PERIOD = re.compile(r"(?P<year>[12][0-9]{3})(?:-(?P<month>0[1-9]|1[0-2]))?", re.ASCII)
_BREAKS = re.compile(r"[\x00-\x20\x7f-\xa0\u2028\u2029]+")


@dataclass(frozen=True)
class Period:
    """A month or a year, both days included. `name` is `2026-10` or `2026`."""

    name: str
    first: date
    last: date

    @classmethod
    def parse(cls, text: str) -> Period:
        """`2026` or `2026-10`; InvalidError for anything else."""
        found = _PERIOD.fullmatch(text)
        if found is None:
            raise InvalidError(
                _("“{text}” is no month and no year. Write 2026-10 or 2026.").format(text=text)
            )
        year, month = int(found["year"]), found["month"]
        first = date(year, int(month or 1), 1)
        later = first + timedelta(days=31 if month else 366)
        after = later.replace(day=1) if month else date(year + 1, 1, 1)
        return cls(text, first, after - timedelta(days=1))

    def before(self) -> str | None:
        """The name of the month or year before, if there can be one."""
        return self._named(self.first - timedelta(days=1))

    def after(self) -> str | None:
        """The name of the one after."""
        return self._named(self.last + timedelta(days=1))

    def _named(self, day: date) -> str | None:
        name = day.isoformat()[: len(self.name)]
        return name if _PERIOD.fullmatch(name) else None


@dataclass(frozen=True)
class Sums:
    """One account: debits minus credits before the period and at its end, in minor units."""

    before: int
    after: int


@dataclass(frozen=True)
class BookValues:
    """What a file says before its first line.

    `accounts` are those that the file names, by code. `first` and `last` are the days of the
    period, or of the earliest and latest line; both None when nothing was ever booked.
    """

    title: str
    book_id: bytes
    circle_id: bytes
    currency: str
    minor_digits: int
    opened_at: datetime
    period: Period | None
    first: date | None
    last: date | None
    accounts: Mapping[str, Sums]

    def amount(self, minor: int) -> str:
        """`-12.30`, `1200`, `0.005`: all digits of the currency, a point, no grouping."""
        sign, digits = "-" if minor < 0 else "", self.minor_digits
        whole, part = divmod(abs(minor), 10**digits)
        return f"{sign}{whole}.{part:0{digits}d}" if digits else f"{sign}{whole}"


@dataclass(frozen=True, slots=True)
class Booked:
    """A transfer, the seq of what it reverses, and its note unless that was rubbed out."""

    transfer: Transfer
    reverses_seq: int | None
    note: str | None
    note_salt: bytes | None


class Writer(Protocol):
    """One format. The pieces of text, put one behind the other, are the file."""

    def __init__(self, book: BookValues) -> None: ...

    def begin(self) -> Iterator[str]:
        """What stands before the first line."""
        ...

    def line(self, booked: Booked) -> str:
        """One transfer, in the order of seq."""
        ...

    def end(self) -> Iterator[str]:
        """What stands after the last."""
        ...


def on_one_line(text: str) -> str:
    """Words of people without line breaks and control characters."""
    return _BREAKS.sub(" ", text).strip()
