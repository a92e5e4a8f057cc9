"""The own data as one file: what each room knows of a member, and what is not in it, and why."""

from __future__ import annotations

import json
from typing import Any

from litestar import Response, get
from sqlalchemy.ext.asyncio import AsyncSession

from circles.circle.circles import Circle
from circles.circle.provide import TheCircle, TheHost
from circles.ledger import books, handovers, payers, periods
from circles.members import own_data
from circles.members.people import Member
from circles.members.signin import TheMember
from circles.protocol.text import b64
from circles.rounds import trustees
from circles.web.i18n import gettext as _


def _not_here() -> list[str]:
    return [
        _("Your ballots and nominations: nobody here can tell which are yours. That is the point."),
        _("Your pass phrase: only a one-way sum of it is kept."),
        _("Addresses, devices, visits: they are not kept."),
    ]


async def gather(db: AsyncSession, circle: Circle, member: Member) -> dict[str, Any]:
    """Everything kept about a member, as JSON can say it."""
    lines = await books.statement_of(db, circle.id, member.book_number)
    return {
        "format": "circles/own-data/v1",
        "circle": {"name": circle.name, "address": circle.path},
        **await own_data.of(db, circle, member),
        "books": [
            {
                "entry": line.seq,
                "day": line.on.isoformat(),
                "kind": line.kind,
                "amount_minor": line.amount_minor,
                "balance_minor": line.balance_minor,
                "undone": line.undone,
            }
            for line in lines
        ],
        "accounts_that_paid_for_you": await _accounts(db, circle, member),
        "signed_in_the_books": await _signed(db, circle, member),
        "keys_to_the_box": await _keys(db, circle, member),
        "not_in_here": _not_here(),
    }


async def _accounts(db: AsyncSession, circle: Circle, member: Member) -> list[dict[str, Any]]:
    """Since when it is known that an account paid for them; not even we can read which."""
    return [
        {"learned_on": link.learned_on.isoformat(), "account": "kept only as a keyed hash"}
        for link in await payers.links(db, circle.id)
        if link.number == member.book_number
    ]


async def _signed(db: AsyncSession, circle: Circle, member: Member) -> list[dict[str, Any]]:
    """Months the member closed or proposed to close, and hand-overs with them, by their number."""
    found: list[dict[str, Any]] = [
        {"month": one.month, "as": part, "at": one.closed_at.isoformat()}
        for one in await periods.closes(db, circle.id)
        for part, actor in (("proposer", one.proposer_actor), ("second", one.checker_actor))
        if actor == member.actor
    ]
    found += [
        {"handover": "given" if one.giver_actor == member.actor else "taken",
         "at": one.accepted_at.isoformat() if one.accepted_at else None}
        for one in await handovers.every(db, circle.id)
        if member.actor in {one.giver_actor, one.taker_actor}
    ]  # fmt: skip
    return found


async def _keys(db: AsyncSession, circle: Circle, member: Member) -> dict[str, Any]:
    """Whether the member was chosen to hold a key, and the public keys that wait."""
    chosen = member.id in (await trustees.plan(db, circle.id)).members
    waiting = await trustees.keys_of(db, circle.id, member.id)
    return {"holds_one": chosen, "waiting": [b64(public) for public in waiting]}


@get("/c/{slug:str}/in/you/data.json")
async def own_data_file(circle: TheCircle, member: TheMember, host: TheHost) -> Response[bytes]:
    """The file, to be kept."""
    async with host.database.read() as db:
        data = await gather(db, circle, member)
    body = json.dumps(data, ensure_ascii=False, indent=2).encode() + b"\n"
    return Response(
        body,
        media_type="application/json",
        headers={"Content-Disposition": f'attachment; filename="{circle.slug}-my-data.json"'},
    )


routes: list[Any] = [own_data_file]
