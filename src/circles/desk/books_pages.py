"""The books, line by line, and taking a line back."""

from __future__ import annotations

from typing import Any

from litestar import Request, Response, get, post
from litestar.params import FromPath

from circles.circle.circles import Circle
from circles.circle.provide import TheCircle, TheHost
from circles.desk import booking
from circles.desk.fields import blank, id_of, read_note, refused
from circles.desk.lines import line_of
from circles.desk.names import names_for
from circles.errors import CirclesError
from circles.host import Host
from circles.ledger import books, periods
from circles.members import guards
from circles.members.signin import TheMember
from circles.web import forms
from circles.web.forms import Form
from circles.web.render import page, see_other

_GUARDS = [guards.treasurer]
_LINES_A_PAGE = 50
_SEQ_DIGITS_MAX = 15


@get("/c/{slug:str}/in/desk/books", guards=_GUARDS)
async def books_page(
    request: Request[Any, Any, Any], circle: TheCircle, member: TheMember, host: TheHost
) -> Response[bytes]:
    """All lines, the newest first, fifty to a page."""
    asked = request.query_params.get("before", "")
    before = int(asked) if asked.isdecimal() and len(asked) <= _SEQ_DIGITS_MAX else None
    async with host.database.read() as db:
        found = await books.journal(db, circle.id, limit=_LINES_A_PAGE + 1, before_seq=before)
        names = await names_for(db, circle.id, found)
        shut = await periods.closed_through(db, circle.id)
    lines = [line_of(entry, names) for entry in found[:_LINES_A_PAGE]]
    older = lines[-1].seq if len(found) > _LINES_A_PAGE else None
    context = {
        "lines": lines,
        "older": older,
        "before": before,
        "closed_through": shut,
        "here": "desk",
    }
    return page(request, "desk/books.html", context, circle=circle, member=member)


async def _undo_context(host: Host, circle: Circle, transfer: str, form: Form) -> dict[str, Any]:
    async with host.database.read() as db:
        entry = await booking.line(db, circle.id, id_of(transfer))
        names = await names_for(db, circle.id, [entry])
        moved = await booking.moved_on(db, circle.id, entry.transfer)
        match = await booking.match_of(db, circle.id, entry.transfer)
    return {
        "form": form,
        "line": line_of(entry, names),
        "moved": moved,
        "is_tied": match is not None,
        "together": 0 if match is None else len(match.transfer_ids),
        "here": "desk",
    }


@get("/c/{slug:str}/in/desk/books/{transfer:str}/undo", guards=_GUARDS)
async def undo_page(
    request: Request[Any, Any, Any],
    circle: TheCircle,
    member: TheMember,
    host: TheHost,
    transfer: FromPath[str],
) -> Response[bytes]:
    """What would happen, before it does."""
    form = blank(circle, host.clock.round_now())
    context = await _undo_context(host, circle, transfer, form)
    return page(request, "desk/undo.html", context, circle=circle, member=member)


@post("/c/{slug:str}/in/desk/books/{transfer:str}/undo", guards=_GUARDS)
async def undo(
    request: Request[Any, Any, Any],
    circle: TheCircle,
    member: TheMember,
    host: TheHost,
    transfer: FromPath[str],
) -> Response[bytes]:
    """Take it back."""
    form = await forms.read(request)
    context = await _undo_context(host, circle, transfer, form)
    note = read_note(form)
    if form.trouble:
        return page(request, "desk/undo.html", context, circle=circle, member=member, status=422)
    try:
        await booking.undo(host, circle, member, id_of(transfer), note)
    except CirclesError as error:
        return refused(request, "desk/undo.html", context, error, circle=circle, member=member)
    return see_other(f"{circle.path}/in/desk/books")


@post("/c/{slug:str}/in/desk/books/{transfer:str}/erase-note", guards=_GUARDS)
async def erase_note(circle: TheCircle, host: TheHost, transfer: FromPath[str]) -> Response[bytes]:
    """The words go, the line stays."""
    async with host.database.begin() as db:
        await books.erase_note(db, circle.id, id_of(transfer))
    return see_other(f"{circle.path}/in/desk/books")


routes: list[Any] = [books_page, undo_page, undo, erase_note]
