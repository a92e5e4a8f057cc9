"""A circle with everything in it, and one of each kind of visitor."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from litestar import Litestar
from litestar.routes import HTTPRoute

from circles.circle import reference
from circles.host import Host
from circles.ledger import books, chart, payouts
from circles.ledger.books import NewTransfer
from circles.members import invitations, people, sessions, way_back
from circles.members.people import Member
from circles.protocol.messages import Ask
from circles.web.static import static_url
from tests.ledger.banks import bring, line, waiting
from tests.neighbours import circle_of, invitation_path, member_of
from tests.world import KEEP, World

ANONYMOUS, INVITED, MEMBER = "anonymous", "invited", "member"
TREASURER, STEWARD = "treasurer", "steward"
LEFT, STRANGER = "left", "other circle's steward"
VISITORS: Final = (ANONYMOUS, INVITED, MEMBER, TREASURER, STEWARD, LEFT, STRANGER)


@dataclass
class Village:
    """Maple Row with one month counted and the next at its vote, and another circle beside it.

    `people` are those who may be sent to a page, `tokens` the cookies of those who have no right
    any more, or none here. `values` fill the parameters of paths.
    """

    world: World
    people: dict[str, Member]
    tokens: dict[str, str]
    values: dict[str, str]

    async def cookie(self, visitor: str) -> str | None:
        """A fresh sign-in of somebody who may have one, or the cookie that others come with."""
        if visitor in self.people:
            host = self.world.host
            async with host.database.begin() as db:
                return await sessions.begin(db, self.people[visitor].id, host.clock.now())
        return self.tokens.get(visitor)

    def path(self, template: str) -> str:
        """The template with its parameters filled in."""
        if template.startswith("/static/"):
            return static_url("style.css")
        return re.sub(r"\{(\w+)(?::\w+)?\}", lambda m: self.values[m.group(1)], template)


def routes_of(app: Litestar) -> set[tuple[str, str]]:
    """Every (method, path template) that the application answers, HEAD and OPTIONS aside."""
    return {
        (method, route.path_format)
        for route in app.routes
        if isinstance(route, HTTPRoute)
        for handler in route.route_handlers
        for method in handler.http_methods
        if method not in {"HEAD", "OPTIONS"}
    }


async def village(host: Host) -> Village:
    """Play it: five members, of whom one leaves; a second circle with its own steward."""
    world = await World.found(host, members=5)
    steward, treasurer, member, leaver, quiet = (c.member for c in world.members)
    await world.play_month(
        nominations=[
            (world.members[0], "Soup kitchen", Ask(1500)),
            (world.members[1], "Boots", Ask(2000)),
        ],
        votes={who: ["Soup kitchen", "Boots", KEEP] for who in world.members},
    )
    values = {"slug": world.circle.slug, "month": world.month, "purpose": "vote", "name": "key"}
    await world.go(world.at_month("2026-11").nominating_opens)
    await world.members[1].nominate("Books", Ask(500))
    await world.go(world.at.nominating_closes)
    await world.go(world.at.voting_opens)
    values |= await _money(world, treasurer)
    values |= await _ways_in(world, steward, quiet)
    async with host.database.begin() as db:
        await people.set_role(db, world.circle.id, steward.id, "treasurer", holds=False)
        await people.set_role(db, world.circle.id, treasurer.id, "treasurer", holds=True)
        gone = await sessions.begin(db, leaver.id, host.clock.now())
        await people.leave(db, world.circle.id, leaver.id)
    other = await circle_of(host, name="Elm Court")
    stranger = await member_of(host, other, "stranger", "steward", "treasurer")
    async with host.database.begin() as db:
        strange = await sessions.begin(db, stranger.id, host.clock.now())
    officers = {MEMBER: member, TREASURER: treasurer, STEWARD: steward}
    return Village(world, officers, {LEFT: gone, STRANGER: strange}, values)


async def _money(world: World, treasurer: Member) -> dict[str, str]:
    """A payment that waits for its second name, and money that arrived without one."""
    host, circle = world.host, world.circle
    now = host.clock.round_now()
    unclaimed = NewTransfer(
        "contribution_unidentified",
        chart.MAIN_BANK,
        chart.SUSPENSE,
        700,
        world.today(),
        treasurer.actor,
    )
    async with host.database.begin() as db:
        entry = await books.record(db, circle.id, [unclaimed], key=None, now=now)
        award = (await payouts.unpaid(db, circle.id))[0]
        payout = await payouts.propose(
            db,
            host.vault,
            circle.id,
            award.month,
            award.candidate,
            payouts.checked_payee("Soup kitchen", "", "In an envelope."),
            proposer_actor=treasurer.actor,
            recipient_actor=None,
            now=now,
        )
    own = reference.of(treasurer.book_number)
    found = [
        line(5, 700, text="no reference"),
        line(6, 1000, text=own),
        line(7, 500, text=own + "1"),
    ]
    await bring(host, circle.id, found)
    (waits, *_) = await waiting(host, circle.id)
    return {
        "line": waits.id.hex(),
        "candidate": str(award.candidate),
        "payment": payout.id.hex(),
        "transfer": entry.transfers[0].id.hex(),
        "kind": "jsonl",
        "number": treasurer.book_number,
        "file": "0" * 32,
    }


async def _ways_in(world: World, steward: Member, quiet: Member) -> dict[str, str]:
    """An open invitation, and a way back for somebody who says nothing here."""
    host, circle = world.host, world.circle
    path = await invitation_path(host, circle, steward)
    async with host.database.begin() as db:
        (invitation,) = await invitations.recent(db, circle.id, host.clock.now())
        back = await way_back.give(db, host, circle, steward, quiet.id)
    return {
        "code": path.rpartition("/")[2],
        "invitation_id": invitation.id.hex(),
        "way_back_id": back.id.hex(),
        "link_id": "0" * 32,
        "member_id": quiet.id.hex(),
        "public_id": "0" * 32,
        "rest": "0/000.p/1",
    }
