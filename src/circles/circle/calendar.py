"""A circle's calendar: which local times make up a round, and the instants they are in a month.

Each date is a `Moment`: a day of the month (`day 1`, `day last`) or an nth weekday (`second
sunday`, `last friday`) at a local time, perhaps in the month after. Pure: no clock, no database.

- A time that does not exist (the clocks go forward; the 31st of a short month; 29 February) moves
  to the next valid one: 02:30 becomes 03:00, 31 April 20:00 becomes 1 May 20:00.
- A time that comes twice (the clocks go back) is the first of the two.
- Who means the end of the month says `day last`.

    calendar = Calendar.from_text(text)
    dates(calendar, "2026-10", "Europe/Berlin").voting_closes    # an aware datetime in UTC
"""

from __future__ import annotations

import calendar as months
import re
from dataclasses import dataclass, fields
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from itertools import pairwise
from typing import Self
from zoneinfo import ZoneInfo

from circles.errors import InvalidError

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
NTH = {"first": 1, "second": 2, "third": 3, "fourth": 4, "last": -1}
LAST_DAY = -1
# Casts are accepted this long after `closes` (docs/protocol.md, 4); the count follows at once.
GRACE = timedelta(seconds=120)

_DAYS_MAX = 31
_MONTHS_A_YEAR = 12
_MOMENT = re.compile(
    r"(?:day (?P<day>last|[1-9][0-9]?)|(?P<nth>[a-z]+) (?P<weekday>[a-z]+))"
    r" (?P<hour>[01][0-9]|2[0-3]):(?P<minute>[0-5][0-9])(?P<next> next)?"
)
_MONTH = re.compile(r"(?!0000)[0-9]{4}-(?:0[1-9]|1[0-2])", re.ASCII)
# Every kind of year (14) begins at least once in any 28 years that hold no skipped leap day.
_PROOF_YEARS = range(2024, 2052)


class CalendarError(InvalidError):
    """This calendar cannot be read or does not work out; the message says which part."""

    code = "calendar"


@dataclass(frozen=True)
class Moment:
    """A local time in a month: on `day` (1..31, or LAST_DAY), or on the `nth` `weekday` (0..6).

    `next_month` puts it into the month after the round's own.
    """

    at: time
    day: int | None = None
    nth: int | None = None
    weekday: int | None = None
    next_month: bool = False

    def __post_init__(self) -> None:
        by_day = self.day is not None and self.nth is None and self.weekday is None
        by_week = self.day is None and self.nth in NTH.values() and self.weekday in range(7)
        if not (by_day or by_week):
            raise CalendarError("A date is a day of the month or an nth weekday, one of the two.")
        if by_day and self.day != LAST_DAY and self.day not in range(1, _DAYS_MAX + 1):
            raise CalendarError("A day of the month is 1 to 31, or the last.")

    def to_text(self) -> str:
        """`day 1 09:00`, `day last 20:00`, `second sunday 20:00`, `day 3 20:00 next`."""
        if self.weekday is None:
            which = f"day {'last' if self.day == LAST_DAY else self.day}"
        else:
            word = next(word for word, nth in NTH.items() if nth == self.nth)
            which = f"{word} {WEEKDAYS[self.weekday]}"
        return f"{which} {self.at:%H:%M}{' next' if self.next_month else ''}"

    @classmethod
    def from_text(cls, text: str) -> Self:
        """The moment of exactly such a text; CalendarError for anything else."""
        match = _MOMENT.fullmatch(text)
        if match is None:
            raise CalendarError(f"This is no date of a calendar: {text!r}.")
        at = time(int(match["hour"]), int(match["minute"]))
        later = match["next"] is not None
        if match["day"] is not None:
            day = LAST_DAY if match["day"] == "last" else int(match["day"])
            return cls(at, day=day, next_month=later)
        if match["nth"] not in NTH or match["weekday"] not in WEEKDAYS:
            raise CalendarError(f"This is no weekday of a month: {text!r}.")
        weekday = WEEKDAYS.index(match["weekday"])
        return cls(at, nth=NTH[match["nth"]], weekday=weekday, next_month=later)

    def instant(self, month: str, zone: str) -> datetime:
        """When that is, in UTC, for the round of `month` (yyyy-mm)."""
        year, number = _parse_month(month if not self.next_month else month_after(month))
        days = months.monthrange(year, number)[1]
        if self.day == LAST_DAY:
            on = date(year, number, days)
        elif self.day is not None:
            # One that the month lacks is counted on into the next month.
            on = date(year, number, 1) + timedelta(days=self.day - 1)
            on = on if self.day <= days else date(year, number, days) + timedelta(days=1)
        else:
            on = _nth_weekday(year, number, self.nth or 1, self.weekday or 0)
        return _instant(datetime.combine(on, self.at), zone)


@dataclass(frozen=True)
class Calendar:
    """The dates of a round, in their order."""

    take_from: Moment
    nominating_opens: Moment
    nominating_closes: Moment
    voting_opens: Moment
    voting_closes: Moment
    pay_until: Moment
    thanks_from: Moment

    def to_text(self) -> str:
        """One line `<name>: <moment>` for each date, in order, joined by LF."""
        return "\n".join(f"{f.name}: {getattr(self, f.name).to_text()}" for f in fields(self))

    @classmethod
    def from_text(cls, text: str) -> Self:
        """The calendar of exactly such a text; CalendarError for anything else."""
        lines = [line.partition(": ") for line in text.split("\n")]
        if [name for name, _, _ in lines] != [f.name for f in fields(cls)]:
            raise CalendarError("A calendar has a line for each of its dates, in their order.")
        return cls(*(Moment.from_text(moment) for _, _, moment in lines))

    def clashes(self, zone: str) -> list[tuple[str, str, str]]:
        """(earlier name, later name, month) of dates that come out in the wrong order.

        Looks at every month of 28 years, so at each way in which weekdays fall; names each pair
        once, with the first month in which it goes wrong. `next_take_from` is the round after.
        """
        found: dict[tuple[str, str], str] = {}
        for month in _proof_months():
            these = dates(self, month, zone)
            for earlier, later in _clashes(these, self.take_from.instant(month_after(month), zone)):
                found.setdefault((earlier, later), month)
        return [(earlier, later, month) for (earlier, later), month in found.items()]


@dataclass(frozen=True)
class RoundDates:
    """The instants of one round, aware and in UTC. `count_at` is voting's close and its grace."""

    take_from: datetime
    nominating_opens: datetime
    nominating_closes: datetime
    voting_opens: datetime
    voting_closes: datetime
    count_at: datetime
    pay_until: datetime
    thanks_from: datetime

    def clashes(self) -> list[tuple[str, str]]:
        """(earlier, later) names of neighbouring dates that stand in the wrong order."""
        return _clashes(self, None)


DEFAULT = Calendar(
    take_from=Moment(time(0, 0), day=1),
    nominating_opens=Moment(time(8, 0), day=1),
    nominating_closes=Moment(time(20, 0), nth=2, weekday=6),
    voting_opens=Moment(time(8, 0), day=18),
    voting_closes=Moment(time(20, 0), day=23),
    pay_until=Moment(time(20, 0), day=27),
    thanks_from=Moment(time(8, 0), day=28),
)


def dates(calendar: Calendar, month: str, zone: str) -> RoundDates:
    """When the round of `month` (yyyy-mm) does what, in the circle's time `zone` (an IANA name)."""
    at = {f.name: getattr(calendar, f.name).instant(month, zone) for f in fields(calendar)}
    return RoundDates(**at, count_at=at["voting_closes"] + GRACE)


def month_after(month: str) -> str:
    """`2026-12` -> `2027-01`."""
    year, number = _parse_month(month)
    return f"{year + number // _MONTHS_A_YEAR:04}-{number % _MONTHS_A_YEAR + 1:02}"


def month_before(month: str) -> str:
    """`2027-01` -> `2026-12`."""
    year, number = _parse_month(month)
    return f"{year - (number == 1):04}-{(number - 2) % _MONTHS_A_YEAR + 1:02}"


def month_of(at: datetime, zone: str) -> str:
    """The month (yyyy-mm) that an instant falls into, in a time zone."""
    return at.astimezone(zone_of(zone)).strftime("%Y-%m")


@lru_cache(maxsize=128)
def zone_of(name: str) -> ZoneInfo:
    """The time zone of an IANA name; CalendarError for an unknown one."""
    try:
        return ZoneInfo(name)
    except (ValueError, OSError, LookupError):
        raise CalendarError(
            f"There is no time zone {name!r}. Names look like Europe/Berlin."
        ) from None


def _parse_month(month: str) -> tuple[int, int]:
    if not _MONTH.fullmatch(month):
        raise CalendarError(f"A month is written yyyy-mm, not {month!r}.")
    return int(month[:4]), int(month[5:])


def _nth_weekday(year: int, month: int, nth: int, weekday: int) -> date:
    first, days = months.monthrange(year, month)
    on = [1 + (weekday - first) % 7 + 7 * week for week in range(5)]
    fitting = [day for day in on if day <= days]
    return date(year, month, fitting[nth - 1 if nth > 0 else nth])


def _instant(local: datetime, zone: str) -> datetime:
    """The UTC instant of a naive local time: the first of two, or the end of a gap."""
    tz = zone_of(zone)
    early = local.replace(tzinfo=tz, fold=0).astimezone(UTC)
    if early.astimezone(tz).replace(tzinfo=None) == local:
        return early
    # In a gap fold=0 counts with the offset before it and lands after the change, fold=1 the
    # other way round; the change itself, the next valid time, lies between.
    after = early
    before = local.replace(tzinfo=tz, fold=1).astimezone(UTC)
    offset = after.astimezone(tz).utcoffset()
    while after - before > timedelta(seconds=1):
        middle = before + timedelta(seconds=(after - before) // timedelta(seconds=2))
        if middle.astimezone(tz).utcoffset() == offset:
            after = middle
        else:
            before = middle
    return after


def _clashes(at: RoundDates, next_take_from: datetime | None) -> list[tuple[str, str]]:
    """Names of neighbours out of order; windows must have a length, the others may touch."""
    names = [f.name for f in fields(at) if f.name != "count_at"]
    ordered = [(name, getattr(at, name)) for name in names]
    wrong = [
        (earlier, later)
        for (earlier, was), (later, then) in pairwise(ordered)
        if then < was or (then == was and later.endswith(("closes", "until")))
    ]
    if next_take_from is not None and next_take_from < at.count_at:
        wrong.append(("voting_closes", "next_take_from"))
    return wrong


def _proof_months() -> list[str]:
    return [f"{year}-{month:02}" for year in _PROOF_YEARS for month in range(1, 13)]
