"""Dates of a round: nights on which the clocks change, short months, leap days, odd zones."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from circles.circle.calendar import (
    DEFAULT,
    GRACE,
    Calendar,
    CalendarError,
    Moment,
    dates,
    month_after,
    month_before,
    month_of,
)


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)


@pytest.mark.parametrize(
    ("moment", "month", "zone", "at"),
    [
        # Plain days.
        ("day 1 00:00", "2026-10", "Europe/Berlin", utc(2026, 9, 30, 22)),
        ("day 23 20:00", "2026-10", "Europe/Berlin", utc(2026, 10, 23, 18)),
        ("day 23 20:00", "2026-12", "Europe/Berlin", utc(2026, 12, 23, 19)),
        ("second sunday 20:00", "2026-10", "Europe/Berlin", utc(2026, 10, 11, 18)),
        ("last friday 20:00", "2026-10", "UTC", utc(2026, 10, 30, 20)),
        ("last sunday 12:00", "2026-02", "UTC", utc(2026, 2, 22, 12)),
        ("first saturday 09:15", "2026-08", "UTC", utc(2026, 8, 1, 9, 15)),
        ("day 3 20:00 next", "2026-12", "UTC", utc(2027, 1, 3, 20)),
        ("first monday 20:00 next", "2026-10", "UTC", utc(2026, 11, 2, 20)),
        # The clocks go forward: the time in the gap is the moment after it.
        ("last sunday 02:00", "2026-03", "Europe/Berlin", utc(2026, 3, 29, 1)),
        ("last sunday 02:30", "2026-03", "Europe/Berlin", utc(2026, 3, 29, 1)),
        ("last sunday 03:00", "2026-03", "Europe/Berlin", utc(2026, 3, 29, 1)),
        ("second sunday 02:30", "2026-03", "America/New_York", utc(2026, 3, 8, 7)),
        ("first sunday 02:15", "2026-10", "Australia/Lord_Howe", utc(2026, 10, 3, 15, 30)),
        ("day 6 00:30", "2026-09", "America/Santiago", utc(2026, 9, 6, 4)),
        # A whole day that was skipped.
        ("day 30 20:00", "2011-12", "Pacific/Apia", utc(2011, 12, 30, 10)),
        # The clocks go back: the first of the two.
        ("last sunday 02:30", "2026-10", "Europe/Berlin", utc(2026, 10, 25, 0, 30)),
        ("first sunday 01:30", "2026-11", "America/New_York", utc(2026, 11, 1, 5, 30)),
        ("first sunday 01:45", "2026-04", "Australia/Lord_Howe", utc(2026, 4, 4, 14, 45)),
        # Short months: the next valid day; or plainly the last.
        ("day 29 20:00", "2027-02", "UTC", utc(2027, 3, 1, 20)),
        ("day 29 20:00", "2028-02", "UTC", utc(2028, 2, 29, 20)),
        ("day 31 20:00", "2027-02", "UTC", utc(2027, 3, 1, 20)),
        ("day 31 20:00", "2026-04", "UTC", utc(2026, 5, 1, 20)),
        ("day last 20:00", "2027-02", "UTC", utc(2027, 2, 28, 20)),
        ("day last 20:00", "2028-02", "UTC", utc(2028, 2, 29, 20)),
        ("day last 23:59", "2026-12", "UTC", utc(2026, 12, 31, 23, 59)),
        # The ends of the world.
        ("day 1 00:00", "2026-01", "Pacific/Kiritimati", utc(2025, 12, 31, 10)),
        ("day last 23:00", "2026-12", "Pacific/Niue", utc(2027, 1, 1, 10)),
        ("day 1 00:00", "2026-10", "Asia/Kathmandu", utc(2026, 9, 30, 18, 15)),
    ],
)
def test_moment(moment: str, month: str, zone: str, at: datetime) -> None:
    assert Moment.from_text(moment).instant(month, zone) == at


def test_default_calendar_is_a_month() -> None:
    october = dates(DEFAULT, "2026-10", "Europe/Berlin")
    assert october.nominating_closes == utc(2026, 10, 11, 18)
    assert october.count_at == october.voting_closes + GRACE
    for zone in ("Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Pacific/Apia"):
        assert DEFAULT.clashes(zone) == []


def test_clash_is_named_with_the_first_month() -> None:
    text = DEFAULT.to_text().replace("voting_opens: day 18 08:00", "voting_opens: day 9 08:00")
    clashes = Calendar.from_text(text).clashes("Europe/Berlin")
    assert clashes == [("nominating_closes", "voting_opens", "2024-01")]


def test_clash_that_only_a_leap_year_shows() -> None:
    """Pay until the 29th, thank from the 1st: out of order only where February lacks the 29th."""
    text = DEFAULT.to_text()
    text = text.replace("pay_until: day 27 20:00", "pay_until: day 29 20:00")
    text = text.replace("thanks_from: day 28 08:00", "thanks_from: day 1 08:00 next")
    clashes = Calendar.from_text(text).clashes("UTC")
    assert clashes == [("pay_until", "thanks_from", "2025-02")]


def test_clash_with_the_round_after() -> None:
    text = DEFAULT.to_text()
    for name, day in (("voting_closes", 2), ("pay_until", 3), ("thanks_from", 4)):
        old = next(line for line in text.split("\n") if line.startswith(name))
        text = text.replace(old, f"{name}: day {day} 20:00 next")
    clashes = Calendar.from_text(text).clashes("UTC")
    assert clashes == [("voting_closes", "next_take_from", "2024-01")]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "day 0 10:00",
        "day 32 10:00",
        "day 01 10:00",
        "day 1 24:00",
        "day 1 9:00",
        "day 1 10:60",
        "fifth sunday 10:00",
        "second sundays 10:00",
        "day 1 10:00 later",
        "day 1 10:00\n",
        "day ١ 10:00",
        "day 1  10:00",
    ],
)
def test_moment_refused(text: str) -> None:
    with pytest.raises(CalendarError):
        Moment.from_text(text)


@pytest.mark.parametrize(
    "moment",
    [
        {},
        {"day": 1, "nth": 1, "weekday": 1},
        {"nth": 5, "weekday": 1},
        {"nth": 1, "weekday": 7},
        {"day": 0},
        {"day": -2},
    ],
)
def test_moment_of_nothing(moment: dict[str, int]) -> None:
    with pytest.raises(CalendarError):
        Moment(time(10), **moment)


def test_calendar_text_is_exact() -> None:
    text = DEFAULT.to_text()
    assert Calendar.from_text(text) == DEFAULT
    for wrong in ("", text + "\n", text.replace(": ", ":", 1), "\n".join(text.split("\n")[::-1])):
        with pytest.raises(CalendarError):
            Calendar.from_text(wrong)


def test_unknown_zone_and_month() -> None:
    for zone in ("", "Europe/Atlantis", "../../etc/passwd", "\0"):
        with pytest.raises(CalendarError):
            dates(DEFAULT, "2026-10", zone)
    for month in ("2026-13", "26-10", "2026-1", "0000-01", "2026-10 ", "２０２６-10"):
        with pytest.raises(CalendarError):
            dates(DEFAULT, month, "UTC")


def test_months() -> None:
    assert month_after("2026-12") == "2027-01"
    assert month_before("2027-01") == "2026-12"
    assert month_of(utc(2026, 9, 30, 23), "Europe/Berlin") == "2026-10"
    assert month_of(utc(2026, 10, 1, 3), "America/New_York") == "2026-09"


_times = st.times(max_value=time(23, 59)).map(lambda t: t.replace(second=0, microsecond=0))
_moments = st.one_of(
    st.builds(
        lambda at, day, later: Moment(at, day=day, next_month=later),
        _times,
        st.sampled_from([-1, *range(1, 32)]),
        st.booleans(),
    ),
    st.builds(
        lambda at, nth, weekday, later: Moment(at, nth=nth, weekday=weekday, next_month=later),
        _times,
        st.sampled_from([-1, 1, 2, 3, 4]),
        st.integers(0, 6),
        st.booleans(),
    ),
)
_months = st.builds(lambda y, m: f"{y}-{m:02}", st.integers(1970, 2100), st.integers(1, 12))


@settings(max_examples=100, deadline=None)
@given(moment=_moments, month=_months, zone=st.sampled_from(sorted(available_timezones())))
def test_moment_is_the_first_valid_time(moment: Moment, month: str, zone: str) -> None:
    """Its local time reads as written, or it is the very instant at which a gap ends."""
    assert Moment.from_text(moment.to_text()) == moment
    at = moment.instant(month, zone)
    tz = ZoneInfo(zone)
    assert at.utcoffset() == timedelta(0)
    assert at.microsecond == 0
    local = at.astimezone(tz)
    if local.time() == moment.at:
        assert local.fold == 0
    else:
        just_before = (at - timedelta(seconds=1)).astimezone(tz)
        gap = local.replace(tzinfo=None) - just_before.replace(tzinfo=None)
        assert gap > timedelta(seconds=1)


@settings(max_examples=100, deadline=None)
@given(moments=st.tuples(*[_moments] * 7))
def test_calendar_text_returns(moments: tuple[Moment, ...]) -> None:
    calendar = Calendar(*moments)
    assert Calendar.from_text(calendar.to_text()) == calendar
