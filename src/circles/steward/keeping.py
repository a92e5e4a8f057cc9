"""Keeping the circle: the steward's front page, the first round, and its dates."""

from __future__ import annotations

from datetime import date, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

from litestar import Request, Response, get, post

from circles import closing
from circles.circle.calendar import Moment
from circles.circle.circles import Circle
from circles.circle.provide import TheCircle, TheHost
from circles.errors import ConflictError
from circles.host import Host
from circles.log import floor
from circles.members import guards, invitations, people
from circles.members.people import Member
from circles.members.signin import TheMember
from circles.rounds import announce, rounds, schedule
from circles.rounds.rounds import Round
from circles.rounds.schedule import DatesError
from circles.steward import founding_form, trustees
from circles.web import forms
from circles.web.forms import Form
from circles.web.i18n import gettext as _
from circles.web.render import page, see_other


@get("/c/{slug:str}/in/steward", guards=[guards.steward])
async def steward_page(
    request: Request[Any, Any, Any], circle: TheCircle, member: TheMember, host: TheHost
) -> Response[bytes]:
    """Who is in, open invitations, the round in hand."""
    now = host.clock.round_now()
    async with host.database.read() as db:
        first_month = await announce.begins_with(db, circle)
        round_ = await rounds.current(db, circle, now)
        month = first_month or announce.month_to_begin(circle, now)
        missing = await announce.missing(db, host.settings, circle, month)
        members = await people.every(db, circle.id)
        offered = await trustees.offer(db, circle, members)
        found = await invitations.recent(db, circle.id, host.clock.now())
    context = {
        "members": members,
        "open": [one for one in found if one.state == invitations.OPEN],
        "over": [one for one in found if one.state != invitations.OPEN][:10],
        "chairs": max(circle.cap - len(members), 0),
        "round": round_,
        "first_month": first_month,
        "month": month,
        "missing": missing,
        "ahead": _ahead(round_, now),
        "offered": offered,
        "here": "steward",
    }
    return page(request, "steward/steward.html", context, circle=circle, member=member)


@post("/c/{slug:str}/in/steward/begin", guards=[guards.steward])
async def begin(circle: TheCircle, host: TheHost) -> Response[bytes]:
    """Let the rounds begin. From then on the calendar does it."""
    now = host.clock.round_now()
    async with host.database.begin() as db:
        lacking = await announce.missing(
            db, host.settings, circle, announce.month_to_begin(circle, now)
        )
        if lacking is not None:
            raise ConflictError(lacking.words())
        await announce.begin(db, circle, now)
    await closing.advance(host, circle.id)
    return see_other(f"{circle.path}/in/")


# ------------------------------------------------------------------ dates


def _ahead(round_: Round | None, now: datetime) -> list[str]:
    """Names of the dates that can still be moved."""
    if round_ is None:
        return []
    return [name for name in schedule.MOVABLE if getattr(round_.dates, name) > now]


def _dates_form(circle: Circle, round_: Round, names: list[str]) -> Form:
    values = {}
    for name in names:
        local = getattr(round_.dates, name).astimezone(ZoneInfo(circle.zone))
        values[f"day-{name}"], values[f"hour-{name}"] = f"{local:%Y-%m-%d}", f"{local:%H:%M}"
    return Form(values)


def _dates_page(
    request: Request[Any, Any, Any],
    circle: Circle,
    member: Member,
    round_: Round,
    names: list[str],
    form: Form,
) -> Response[bytes]:
    context = {
        "form": form,
        "round": round_,
        "moments": [(name, founding_form.step_words(name)) for name in names],
        "here": "steward",
    }
    status = 422 if form.trouble else 200
    return page(request, "steward/dates.html", context, circle=circle, member=member, status=status)


async def _round_in_hand(host: Host, circle: Circle) -> tuple[Round, list[str]]:
    now = host.clock.round_now()
    async with host.database.read() as db:
        round_ = await rounds.current(db, circle, now)
    names = _ahead(round_, now)
    if round_ is None or not names:
        raise ConflictError(_("No round runs whose dates could be moved."))
    return round_, names


@get("/c/{slug:str}/in/steward/dates", guards=[guards.steward])
async def dates_page(
    request: Request[Any, Any, Any], circle: TheCircle, member: TheMember, host: TheHost
) -> Response[bytes]:
    """The dates of this round that lie ahead."""
    round_, names = await _round_in_hand(host, circle)
    return _dates_page(request, circle, member, round_, names, _dates_form(circle, round_, names))


@post("/c/{slug:str}/in/steward/dates", guards=[guards.steward])
async def move_dates(
    request: Request[Any, Any, Any], circle: TheCircle, member: TheMember, host: TheHost
) -> Response[bytes]:
    """Move them: an event in the log, and pinned up for all."""
    form = await forms.read(request)
    round_, names = await _round_in_hand(host, circle)
    shown = _dates_form(circle, round_, names)
    changes: dict[str, datetime] = {}
    for name in names:
        fields = (f"day-{name}", f"hour-{name}")
        if any(field in form and form.value(field) != shown.value(field) for field in fields):
            at = _instant(form, *fields, circle.zone)
            if at is not None:
                changes[name] = at
    if form.trouble:
        return _dates_page(request, circle, member, round_, names, form)
    try:
        await schedule.move_dates(host, circle, round_.month, changes, member)
    except DatesError as error:
        form.trouble.add(f"hour-{next(iter(changes))}", str(error))
        return _dates_page(request, circle, member, round_, names, form)
    await floor.raise_to(host, circle.id)
    return see_other(f"{circle.path}/in/")


def _instant(form: Form, day_name: str, hour_name: str, zone: str) -> datetime | None:
    """A day and a time on the circle's clock; the same care for odd nights as in the calendar."""
    day = form.day(day_name)
    try:
        at = time.fromisoformat(form.value(hour_name).strip())
    except ValueError:
        form.trouble.add(hour_name, _("Please give a time such as 20:00."))
        return None
    return None if day is None else _on(day, at.replace(second=0, microsecond=0), zone)


def _on(day: date, at: time, zone: str) -> datetime:
    return Moment(at.replace(tzinfo=None), day=day.day).instant(f"{day:%Y-%m}", zone)


routes: list[Any] = [
    steward_page,
    begin,
    dates_page,
    move_dates,
]
