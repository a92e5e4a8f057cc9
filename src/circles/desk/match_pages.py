"""The bank's lines: what they most likely are, said so by a person, and taken back."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from litestar import Request, Response, get, post
from litestar.params import FromPath
from sqlalchemy.ext.asyncio import AsyncSession

from circles.circle.circles import Circle
from circles.circle.provide import TheCircle, TheHost
from circles.desk import match_booking, match_shown, match_undo, match_words, matching
from circles.desk.fields import ID_HEX, id_of, read_note, refused
from circles.desk.match_form import answer_of, filled, named_apart, options
from circles.errors import CirclesError, ConflictError
from circles.host import Host
from circles.ledger import payers
from circles.ledger.bank import lines, matches
from circles.ledger.periods import closed_through
from circles.members import guards
from circles.members.signin import TheMember
from circles.web import forms
from circles.web.forms import Form
from circles.web.render import page, see_other

_GUARDS = [guards.treasurer]
_LINE = "line-"
_COUNT_CHARS_MAX = 4
# A hundred lines, some of them batches of many payments.
_BODY_BYTES_MAX = 256 << 10


def _at(circle: Circle) -> str:
    return f"{circle.path}/in/desk/lines"


async def _opens_on(db: AsyncSession, circle: Circle) -> date | None:
    """The first day on which something can still be booked; None where no month is closed."""
    shut = await closed_through(db, circle.id)
    return None if shut is None else shut + timedelta(days=1)


# ------------------------------------------------------------------ all that wait


@get("/c/{slug:str}/in/desk/lines", guards=_GUARDS)
async def lines_page(
    request: Request[Any, Any, Any], circle: TheCircle, member: TheMember, host: TheHost
) -> Response[bytes]:
    """What waits, in groups; what is put aside; what was said lately."""
    async with host.database.read() as db:
        desk = await match_shown.desk(db, host, circle, host.clock.round_now())
        opens_on = await _opens_on(db, circle)
    told = {n: _count(request.query_params.get(n, "")) for n in ("booked", "changed", "refused")}
    context = {
        "desk": desk,
        "opens_on": opens_on,
        "told": told,
        "did": request.query_params.get("did", ""),
        "at": _at(circle),
        "here": "desk",
    }
    return page(request, "desk/lines.html", context, circle=circle, member=member)


def _count(text: str) -> int:
    return int(text) if text.isdecimal() and len(text) <= _COUNT_CHARS_MAX else 0


@post("/c/{slug:str}/in/desk/lines", guards=_GUARDS, opt={"body_bytes_max": _BODY_BYTES_MAX})
async def book_certain(
    request: Request[Any, Any, Any], circle: TheCircle, member: TheMember, host: TheHost
) -> Response[bytes]:
    """Book those that were ticked, if they are still as they were shown."""
    form = await forms.read(request)
    shown = {
        bytes.fromhex(name.removeprefix(_LINE)): form.value(name)
        for name in form.names(_LINE)
        if ID_HEX.fullmatch(name.removeprefix(_LINE))
    }
    done = await match_booking.confirm_certain(host, circle, member, shown)
    counts = f"booked={done.booked}&changed={done.changed}&refused={len(done.refused)}"
    return see_other(f"{_at(circle)}?did=certain&{counts}")


# ------------------------------------------------------------------ one line


async def _line_context(host: Host, circle: Circle, line: str, form: Form) -> dict[str, Any]:
    now = host.clock.round_now()
    async with host.database.read() as db:
        found = await matching.sitting(db, host, circle, now)
        one = await lines.get(db, host.vault, circle.id, id_of(line))
        match = await matches.of_line(db, circle.id, one.id)
        names = await match_shown.names_for(db, circle, found, [match] if match else [])
        said = await match_shown.said(db, host, circle, match, names) if match else None
        waiting = found.of(one.id)
        shown = match_words.shown(waiting, found, names) if waiting else match_shown.of_line(one)
        return {
            "form": form,
            "line": shown,
            "said": said,
            "opens_on": await _opens_on(db, circle),
            "at": _at(circle),
            "here": "desk",
            **await options(db, circle, found, one, names),
        }


@get("/c/{slug:str}/in/desk/lines/{line:str}", guards=_GUARDS)
async def line_page(
    request: Request[Any, Any, Any],
    circle: TheCircle,
    member: TheMember,
    host: TheHost,
    line: FromPath[str],
) -> Response[bytes]:
    """All that it could be; or what it was said to be, and the way back."""
    context = await _line_context(host, circle, line, Form())
    context["form"] = filled(context["line"])
    return page(request, "desk/line.html", context, circle=circle, member=member)


@post(
    "/c/{slug:str}/in/desk/lines/{line:str}",
    guards=_GUARDS,
    opt={"body_bytes_max": _BODY_BYTES_MAX},
)
async def say(
    request: Request[Any, Any, Any],
    circle: TheCircle,
    member: TheMember,
    host: TheHost,
    line: FromPath[str],
) -> Response[bytes]:
    """It was that: one of the proposals (`as` names its parts), or what the form says."""
    form = await forms.read(request)
    line_id, field = id_of(line), form.value("as")
    try:
        if ":" in field and not named_apart(form):
            fresh = await match_booking.confirm_shown(host, circle, member, line_id, field)
        else:
            async with host.database.read() as db:
                one = await lines.get(db, host.vault, circle.id, line_id)
            answer = answer_of(form, one)
            if answer is None:
                context = await _line_context(host, circle, line, form)
                return page(
                    request, "desk/line.html", context, circle=circle, member=member, status=422
                )
            fresh = await match_booking.confirm(host, circle, member, line_id, answer)
    except CirclesError as error:
        context = await _line_context(host, circle, line, form)
        return refused(request, "desk/line.html", context, error, circle=circle, member=member)
    return see_other(f"{_at(circle)}?did={'booked' if fresh else 'before'}{_next(form)}")


def _next(form: Form) -> str:
    """Where a reader was on the list: the line after this one."""
    follows = form.value("next")
    return f"#l-{follows}" if ID_HEX.fullmatch(follows) else ""


@post("/c/{slug:str}/in/desk/lines/{line:str}/undo", guards=_GUARDS)
async def take_back(
    request: Request[Any, Any, Any],
    circle: TheCircle,
    member: TheMember,
    host: TheHost,
    line: FromPath[str],
) -> Response[bytes]:
    """It was not that: the line waits again. Twice is once."""
    form = await forms.read(request)
    line_id, note = id_of(line), read_note(form)
    context = await _line_context(host, circle, line, form)
    if form.trouble:
        return page(request, "desk/line.html", context, circle=circle, member=member, status=422)
    try:
        await match_undo.undo(host, circle, member, line_id, note)
    except ConflictError as error:
        return refused(request, "desk/line.html", context, error, circle=circle, member=member)
    return see_other(f"{_at(circle)}/{line}")


# ------------------------------------------------------------------ what it may, and what it knows


@post("/c/{slug:str}/in/desk/matching", guards=_GUARDS)
async def let_it_book(
    request: Request[Any, Any, Any], circle: TheCircle, member: TheMember, host: TheHost
) -> Response[bytes]:
    """Whether a line with a member's own reference is booked without a click."""
    form = await forms.read(request)
    on = form.checked("by_itself")
    async with host.database.begin() as db:
        await payers.let_it_book(
            db, circle.id, on=on, actor=member.actor, now=host.clock.round_now()
        )
    return see_other(f"{_at(circle)}?did={'by-itself' if on else 'by-hand'}#by-itself")


@post("/c/{slug:str}/in/desk/matching/forget", guards=_GUARDS)
async def forget(
    request: Request[Any, Any, Any], circle: TheCircle, host: TheHost
) -> Response[bytes]:
    """Forget which accounts paid for this member."""
    form = await forms.read(request)
    async with host.database.begin() as db:
        await payers.forget(db, circle.id, form.value("number"))
    return see_other(f"{_at(circle)}?did=forgotten#learned")


routes: list[Any] = [lines_page, book_certain, line_page, say, take_back, let_it_book, forget]
