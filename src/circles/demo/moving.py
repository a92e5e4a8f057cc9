"""Where the demo's clock can be moved to, and what the neighbours do on the way."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from circles.circle import calendar
from circles.circle.calendar import GRACE
from circles.demo import story
from circles.demo.row import Row
from circles.rounds.rounds import Round

NOMINATE, TALK, VOTE, COUNT, NEXT = "nominate", "talk", "vote", "count", "next"


@dataclass(frozen=True)
class Stop:
    """A moment ahead. `key` names it in the form."""

    key: str
    at: datetime


def stops(row: Row, round_: Round | None) -> list[Stop]:
    """What lies ahead, nearest first; the last is the beginning of the next round."""
    now = row.clock.round_now()
    zone = row.circle.zone
    month = round_.month if round_ else calendar.month_of(now, zone)
    ahead: list[Stop] = []
    if round_ is not None and not round_.decided:
        dates = round_.dates
        ahead = [
            Stop(NOMINATE, dates.nominating_opens),
            Stop(TALK, dates.nominating_closes + GRACE),
            Stop(VOTE, dates.voting_opens),
            Stop(COUNT, dates.count_at),
        ]
    following = calendar.dates(row.circle.calendar, calendar.month_after(month), zone)
    ahead.append(Stop(NEXT, following.nominating_opens))
    return [stop for stop in ahead if stop.at > now]


async def move(row: Row, key: str) -> None:
    """Go to the stop of that key, and to every one before it; nothing if it lies behind us.

    One at a time: a second press of the button waits, and then finds its stop behind it.
    """
    async with row.moving:
        keys = [stop.key for stop in stops(row, await row.round())]
        if key not in keys:
            return
        for _ in keys[: keys.index(key) + 1]:
            round_ = await row.round()
            stop = stops(row, round_)[0]
            if round_ is not None:
                await _before(row, round_, stop.key)
            await row.go(stop.at)
            if stop.key == NEXT:
                await _new_month(row)


async def _before(row: Row, round_: Round, key: str) -> None:
    """What the other eleven do before that moment comes."""
    month = story.PRESENT if round_.month == row.present else story.LATER
    if key == TALK:
        await row.nominate(month, round_.month)
    if key == COUNT and round_.slate is not None:
        others = [name for name in story.HANDLES if name != story.VISITOR]
        await row.vote(month, round_.month, others)


async def _new_month(row: Row) -> None:
    """Pledges arrive with the month; the visitor's own is for the visitor to see to."""
    round_ = await row.round()
    if round_ is not None:
        others = [name for name in story.HANDLES if name != story.VISITOR]
        await row.pay_in(others, round_.month)
