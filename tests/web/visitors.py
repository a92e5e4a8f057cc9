"""A circle with everything in it, and one of each kind of visitor."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from litestar import Litestar
from litestar.routes import HTTPRoute

from circles.circle import founding, pay_changes, reference
from circles.desk import importing
from circles.host import Host
from circles.ledger import audit_links, books, chart, payouts
from circles.ledger.books import NewTransfer
from circles.members import invitations, people, sessions, way_back
from circles.members.people import Member
from circles.protocol.messages import Ask
from circles.web.static import static_url
from tests.ledger.banks import bring, line, waiting
from tests.neighbours import circle_of, invitation_path, member_of
from tests.trustees import Trustee, choose
from tests.world import KEEP, World

ANONYMOUS, INVITED, MEMBER = "anonymous", "invited", "member"
TREASURER, STEWARD = "treasurer", "steward"
LEFT, STRANGER = "left", "other circle's steward"
_PARAMETER: Final = re.compile(r"\{(\w+)(?::\w+)?\}")
VISITORS: Final = (ANONYMOUS, INVITED, MEMBER, TREASURER, STEWARD, LEFT, STRANGER)

OFX: Final = b"""OFXHEADER:100
DATA:OFXSGML

<OFX><BANKMSGSRSV1><STMTTRNRS><STMTRS><CURDEF>EUR
<BANKACCTFROM><BANKID>37040044<ACCTID>DE89370400440532013000</BANKACCTFROM>
<BANKTRANLIST><DTSTART>20261019<DTEND>20261020
<STMTTRN><TRNTYPE>CREDIT<DTPOSTED>20261020<TRNAMT>12.00<FITID>1<NAME>Ann</STMTTRN>
</BANKTRANLIST></STMTRS></STMTTRNRS></BANKMSGSRSV1></OFX>
"""
# A table from a bank: which column is which is for a person to say.
COLUMNS: Final = b"Am;Wieviel;Von wem\n19.10.2026;12,00;Ann\n20.10.2026;-1,50;Bank\n"


@dataclass
class Village:
    """Maple Row with one month counted and the next at its vote, and another circle beside it.

    `people` are those who may be sent to a page, `tokens` the cookies of those who have no right
    any more, or none here. `values` fill the parameters of paths; each kind of link has a code of
    its own, kept as `code of join` and the like. `more` are further addresses, each with whoever
    may look there: other states of pages that the routes show in one.
    """

    world: World
    people: dict[str, Member]
    tokens: dict[str, str]
    values: dict[str, str]
    more: list[tuple[str, str]]

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
        return re.sub(
            _PARAMETER, lambda found: self.values[key_of(template, found.group(1))], template
        )


def key_of(template: str, name: str) -> str:
    """Under which key of `values` that parameter of a path stands."""
    if name != "code":
        return name
    return "code of " + template.partition("/{code}")[0].rpartition("/")[2]


def parameters_of(template: str) -> list[str]:
    """The names of a path's parameters."""
    return re.findall(_PARAMETER, template)


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
    values |= await _links(world, treasurer)
    more = await _files(world, treasurer, values)
    await _elsewhere(world, steward)
    # From the next round on: the vote that runs is opened by the machine alone.
    trustee = Trustee(world, world.members[0])
    await choose(world, [trustee], server=True, needed=2)
    await trustee.hand_in(3)
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
    return Village(world, officers, {LEFT: gone, STRANGER: strange}, values, more)


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
        award, unpaid = await payouts.unpaid(db, circle.id)
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
        "candidate": str(unpaid.candidate),
        "payment": payout.id.hex(),
        "transfer": entry.transfers[0].id.hex(),
        "kind": "jsonl",
        "number": treasurer.book_number,
    }


async def _ways_in(world: World, steward: Member, quiet: Member) -> dict[str, str]:
    """An open invitation, and a way back for somebody who says nothing here."""
    host, circle = world.host, world.circle
    path = await invitation_path(host, circle, steward)
    async with host.database.begin() as db:
        (invitation,) = await invitations.recent(db, circle.id, host.clock.now())
        back = await way_back.give(db, host, circle, steward, quiet.id)
    return {
        "code of join": path.rpartition("/")[2],
        "code of way-back": way_back.link(host, circle, back).rpartition("/")[2],
        "code of found": (await founding.new_link(host)).rpartition("/")[2],
        "invitation_id": invitation.id.hex(),
        "way_back_id": back.id.hex(),
        "member_id": quiet.id.hex(),
        "public_id": "0" * 32,
        "rest": "0/000.p/1",
    }


async def _links(world: World, treasurer: Member) -> dict[str, str]:
    """What an auditor got."""
    host, circle = world.host, world.circle
    async with host.database.begin() as db:
        link = await audit_links.make(
            db,
            host.vault,
            circle.id,
            "2026-10",
            days=14,
            actor=treasurer.actor,
            now=host.clock.now(),
        )
    return {"link_id": link.id.hex(), "code of audit": audit_links.code_of(host.vault, link.id)}


async def _files(world: World, treasurer: Member, values: dict[str, str]) -> list[tuple[str, str]]:
    """A bank's file that waits for its preview; further: one that came, and one in columns that
    nobody named yet; a month to close, a year's report, a line of each kind."""
    host, circle = world.host, world.circle
    values["file"] = (await importing.put(host, circle, treasurer, OFX)).hex()
    columns = await importing.put(host, circle, treasurer, COLUMNS)
    kept = (await bring(host, circle.id, [line(9, 1100, text="for whom")])).import_id
    said = await waiting(host, circle.id)
    desk = f"{circle.path}/in/desk"
    at = [f"import/{columns.hex()}", f"import/{kept.hex()}", "report?period=2026"]
    at += ["reconcile?month=2026-10", *(f"lines/{one.id.hex()}" for one in said)]
    return [(TREASURER, f"{desk}/{one}") for one in at]


async def _elsewhere(world: World, steward: Member) -> None:
    """A steward asks that one pays in elsewhere."""
    async with world.host.database.begin() as db:
        await pay_changes.ask(
            db,
            world.circle.id,
            holder="Elm Bank",
            iban="DE02120300000000202051",
            words="",
            actor=steward.actor,
            at=world.host.clock.round_now(),
        )
