"""Fields that several forms of the desk share."""

from __future__ import annotations

import re
import secrets
from datetime import date, datetime, timedelta
from typing import Any

from litestar import Request, Response

from circles.circle.circles import Circle
from circles.desk.booking import Typed
from circles.dues.dues import local_day
from circles.errors import CirclesError, ForbiddenError, MissingError
from circles.ledger.journal import NOTE_CHARS_MAX, ClosedPeriodError
from circles.members.people import Member
from circles.web.errors import status_of
from circles.web.forms import Form
from circles.web.i18n import gettext as _
from circles.web.render import page

_LONG_BEFORE = timedelta(days=366)
ID_HEX = re.compile(r"[0-9a-f]{32}")


def new_key() -> str:
    """What makes a form count once, however often it is sent."""
    return secrets.token_hex(16)


def blank(circle: Circle, now: datetime, **values: str) -> Form:
    """A form to begin with: today, by bank, a fresh key."""
    today = local_day(circle, now).isoformat()
    return Form({"on": today, "way": "bank", "key": new_key(), **values})


def read_day(form: Form, circle: Circle, now: datetime) -> date:
    """The day a thing happened: not in the future. Today when there was trouble."""
    today = local_day(circle, now)
    on = form.day("on")
    if on is not None and on > today:
        form.trouble.add("on", _("That day has not come yet."))
    if on is not None and on < circle.founded_at.date() - _LONG_BEFORE:
        form.trouble.add("on", _("That is long before this circle began. Look at the year."))
    return on or today


def read_note(form: Form) -> str | None:
    """Words beside the line, if any."""
    return form.lines("note", max_chars=NOTE_CHARS_MAX, required=False) or None


def read_typed(form: Form, circle: Circle, now: datetime) -> Typed:
    """Amount, day, note and key of a form."""
    amount = form.amount("amount")
    key = form.value("key")
    return Typed(
        amount_minor=amount,
        on=read_day(form, circle, now),
        note=read_note(form),
        key=key if ID_HEX.fullmatch(key) else new_key(),
    )


def id_of(text: str) -> bytes:
    """An id in a path; MissingError when it is none."""
    if not ID_HEX.fullmatch(text):
        raise MissingError(_("There is nothing at this address. Go back to the desk."))
    return bytes.fromhex(text)


def refused(
    request: Request[Any, Any, Any],
    template: str,
    context: dict[str, Any],
    error: CirclesError,
    *,
    circle: Circle,
    member: Member,
) -> Response[bytes]:
    """The same page again, filled, with what stood in the way. Only what a person can act on:
    everything else goes to the last handler."""
    if isinstance(error, MissingError | ForbiddenError):
        raise error
    form: Form = context["form"]
    form.trouble.add("on" if isinstance(error, ClosedPeriodError) else "form", str(error))
    status = status_of(error)
    return page(request, template, context, circle=circle, member=member, status=status)
