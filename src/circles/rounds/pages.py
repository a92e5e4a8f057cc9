"""What a member's client asks of a round while signed in, and where trustees publish their keys.

| path below `/c/<slug>/rounds/<yyyy-mm>/<purpose>/` | who | answer |
| --- | --- | --- |
| GET `line` | member | JSON `{"member": "<own id in that poll>"}` |
| GET `roll`, `takes` | members | text/plain; takes from the close on; both for 90 days after it |
| POST `take` | member | take -> taken |
| POST `opening` (`vote` only) | all | opening -> 204 |
"""

from __future__ import annotations

import json
from typing import Any

from litestar import Request, Response, get, post
from litestar.params import FromPath

from circles.circle.provide import TheCircle, TheHost
from circles.errors import ConflictError, ForbiddenError, MissingError
from circles.log import floor
from circles.members import issuer, roll
from circles.members.signin import TheMember
from circles.protocol.messages import VOTE
from circles.protocol.text import b64
from circles.rounds import opening, rounds, taking
from circles.web.i18n import gettext as _

_PLAIN = "text/plain"
_JSON = "application/json"
_BELOW = "/c/{slug:str}/rounds/{month:str}/{purpose:str}"
_MACHINE = {"machine": True}


@get(f"{_BELOW}/line", opt=_MACHINE)
async def line(
    host: TheHost,
    circle: TheCircle,
    member: TheMember,
    month: FromPath[str],
    purpose: FromPath[str],
) -> Response[bytes]:
    """The member's own line in that poll; 403 `not-on-roll`."""
    async with host.database.read() as db:
        poll = (await rounds.by_month(db, circle.id, month)).of(purpose)
        own = await roll.line(db, poll.poll_hash, member.id)
        kept = await issuer.is_kept(db, poll.poll_hash)
    if not kept:
        raise _gone()
    if own is None:
        raise ForbiddenError(
            _("You joined during this round. You vote from the next one on."), code="not-on-roll"
        )
    return Response(json.dumps({"member": b64(own)}).encode(), media_type=_JSON)


@get(f"{_BELOW}/roll", opt=_MACHINE)
async def roll_file(
    host: TheHost,
    circle: TheCircle,
    member: TheMember,
    month: FromPath[str],
    purpose: FromPath[str],
) -> Response[bytes]:
    """The roll, as the poll record names it, for members."""
    del member
    async with host.database.read() as db:
        poll = (await rounds.by_month(db, circle.id, month)).of(purpose)
        text = await roll.text(db, poll.poll_hash)
    if text is None:
        raise _gone()
    return Response(text, media_type=_PLAIN)


@get(f"{_BELOW}/takes", opt=_MACHINE)
async def takes_file(
    host: TheHost,
    circle: TheCircle,
    member: TheMember,
    month: FromPath[str],
    purpose: FromPath[str],
) -> Response[bytes]:
    """All takes of a closed poll, as the close record names them, for members."""
    del member
    async with host.database.read() as db:
        poll = (await rounds.by_month(db, circle.id, month)).of(purpose)
        if poll.close_text is None:
            raise ConflictError(
                _("The takes can be read once this poll has closed."), code="not-open"
            )
        if not await issuer.is_kept(db, poll.poll_hash):
            raise _gone()
        file = await issuer.takes_file(db, poll.poll_hash)
    return Response(file.text, media_type=_PLAIN)


@post(f"{_BELOW}/take", opt=_MACHINE, status_code=200)
async def take(
    request: Request[Any, Any, Any],
    host: TheHost,
    circle: TheCircle,
    member: TheMember,
    month: FromPath[str],
    purpose: FromPath[str],
) -> Response[bytes]:
    """A blinded value, signed blindly for who is signed in."""
    taken = await taking.take(host, circle, month, purpose, member, await request.body())
    return Response(taken, media_type=_PLAIN)


@post(f"{_BELOW}/opening", opt={"machine": True, "anyone": True}, status_code=204)
async def open_box(
    request: Request[Any, Any, Any],
    host: TheHost,
    circle: TheCircle,
    month: FromPath[str],
    purpose: FromPath[str],
) -> None:
    """A trustee publishes a key, from the close on; 409 `not-open`, 422 `bad-secret`."""
    if purpose != VOTE:
        raise MissingError(_("There is no such poll."), code="unknown-poll")
    await opening.log_opening(host, circle, month, await request.body())
    await floor.raise_to(host, circle.id)


def _gone() -> MissingError:
    return MissingError(
        _("This was deleted 90 days after the poll closed, as promised."), code="gone"
    )


routes = [line, roll_file, takes_file, take, open_box]
