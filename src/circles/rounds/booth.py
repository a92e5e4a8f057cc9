"""The booth's pages: collect, nominate, the ballot, and the look at one's own entry afterwards.

They only show. Taking and casting are asked for by the page's script, taking signed in, casting
without a name at an address that no cookie reaches.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from litestar import Request as HttpRequest
from litestar import Response, get
from litestar.params import FromPath
from sqlalchemy.ext.asyncio import AsyncSession

from circles.ballot import box
from circles.circle import boxes
from circles.circle.circles import Circle
from circles.circle.provide import TheCircle, TheHost
from circles.errors import MissingError
from circles.host import Host
from circles.ledger import books
from circles.members import roll
from circles.members.people import Member
from circles.members.signin import TheMember
from circles.protocol.messages import NOMINATE, VOTE
from circles.rounds import booth_context, phases, rounds
from circles.rounds.booth_context import Reader, Request
from circles.rounds.rounds import PollState, Round
from circles.web.i18n import gettext as _
from circles.web.render import page

_Http = HttpRequest[Any, Any, Any]


def _not_now(
    request: _Http,
    circle: Circle,
    member: Member,
    why: str,
    month: str | None = None,
    at: datetime | None = None,
) -> Response[bytes]:
    """Why there is nothing to do on this page now, in words."""
    context = {"why": why, "month": month, "at": at, "here": "month"}
    return page(request, "ballot/not-now.html", context, circle=circle, member=member)


def _shown(
    request: _Http, circle: Circle, member: Member, name: str, context: dict[str, Any]
) -> Response[bytes]:
    return page(
        request,
        f"ballot/{name}.html",
        {**context, "here": "month"},
        circle=circle,
        member=member,
        # What the page says is for this member alone, and old copies would name old records.
        headers={"Cache-Control": "no-store"},
    )


def _outside(poll: PollState, now: datetime) -> tuple[str, datetime] | None:
    """Why a poll takes nothing now, and the moment that decides it."""
    if now < poll.opens_at:
        return "too-early", poll.opens_at
    if poll.shut or now >= poll.closes_at:
        return "too-late", poll.closes_at
    return None


async def _requests(db: AsyncSession, round_: Round) -> list[Request]:
    """The candidates in draw order, with their words where these are still kept."""
    slate = round_.slate
    if slate is None:
        return []
    known = {one.leaf: one for one in await box.nominations(db, round_.nominate.poll_hash)}
    return [
        Request.of(number, leaf, known[leaf].ask, known[leaf].salt, known[leaf].document)
        for number, leaf in enumerate(slate.candidates, start=1)
    ]


async def _reader(host: Host, db: AsyncSession, round_: Round, member: Member) -> Reader:
    """The member with their lines; none in the vote means that they are not on its roll."""
    lines = {
        purpose: await roll.line(db, round_.of(purpose).poll_hash, member.id)
        for purpose in (NOMINATE, VOTE)
    }
    return Reader.of(member.id, lines, fresh=host.settings.demo)


@get("/c/{slug:str}/in/collect")
async def collect(
    request: _Http, host: TheHost, circle: TheCircle, member: TheMember
) -> Response[bytes]:
    """Collecting is a button here, for every poll of the round that still gives credentials."""
    now = host.clock.round_now()
    async with host.database.read() as db:
        round_ = await rounds.current(db, circle, now)
        reader = await _reader(host, db, round_, member) if round_ else None
    if round_ is None or reader is None:
        return _not_now(request, circle, member, "no-round")
    if reader.lines[VOTE] is None:
        return _not_now(request, circle, member, "not-on-roll", round_.month)
    if not any(phases.can_take(round_, purpose, now) for purpose in (NOMINATE, VOTE)):
        vote = round_.vote
        early = now < vote.take_from
        why, at = ("too-early", vote.take_from) if early else ("too-late", vote.closes_at)
        return _not_now(request, circle, member, why, round_.month, at)
    context = booth_context.collect(circle, round_, now, reader)
    return _shown(request, circle, member, "collect", context)


@get("/c/{slug:str}/in/nominate")
async def nominate(
    request: _Http, host: TheHost, circle: TheCircle, member: TheMember
) -> Response[bytes]:
    """Naming a recipient: three fields, and a key that carries no name."""
    now = host.clock.round_now()
    async with host.database.read() as db:
        round_ = await rounds.current(db, circle, now)
        reader = await _reader(host, db, round_, member) if round_ else None
    if round_ is None or reader is None:
        return _not_now(request, circle, member, "no-round")
    if reader.lines[VOTE] is None:
        return _not_now(request, circle, member, "not-on-roll", round_.month)
    outside = _outside(round_.nominate, now)
    if outside is not None:
        return _not_now(request, circle, member, outside[0], round_.month, outside[1])
    context = booth_context.nominate(circle, round_, reader)
    return _shown(request, circle, member, "nominate", context)


@get("/c/{slug:str}/in/ballot")
async def ballot(
    request: _Http, host: TheHost, circle: TheCircle, member: TheMember
) -> Response[bytes]:
    """The ballot: tick, look over, send."""
    now = host.clock.round_now()
    async with host.database.read() as db:
        round_ = await rounds.current(db, circle, now)
        if round_ is None:
            return _not_now(request, circle, member, "no-round")
        reader = await _reader(host, db, round_, member)
        if reader.lines[VOTE] is None:
            return _not_now(request, circle, member, "not-on-roll", round_.month)
        outside = _outside(round_.vote, now)
        if outside is not None:
            return _not_now(request, circle, member, outside[0], round_.month, outside[1])
        if round_.slate is None or not round_.slate.candidates:
            why = "drawing" if round_.slate is None else "nothing-named"
            return _not_now(request, circle, member, why, round_.month)
        requests = await _requests(db, round_)
        fund_minor = await books.fund_minor(db, circle.id)
        keys = await boxes.of_month(db, circle.id, round_.month)
    context = booth_context.ballot(circle, round_, requests, fund_minor, now, reader, keys)
    return _shown(request, circle, member, "ballot", context)


@get("/c/{slug:str}/in/check/{month:str}")
async def check(
    request: _Http, host: TheHost, circle: TheCircle, member: TheMember, month: FromPath[str]
) -> Response[bytes]:
    """The own ballots after the count: found, proven and opened in the member's browser."""
    async with host.database.read() as db:
        try:
            round_ = await rounds.by_month(db, circle.id, month)
        except MissingError as error:
            raise MissingError(_("There was no round in that month.")) from error
        if round_.vote.close_text is None:
            return _not_now(request, circle, member, "not-counted", round_.month)
        requests = await _requests(db, round_)
        reader = await _reader(host, db, round_, member)
    context = booth_context.check(circle, round_, requests, reader)
    return _shown(request, circle, member, "check", context)


routes: list[Any] = [collect, nominate, ballot, check]
