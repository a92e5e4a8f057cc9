"""Two circles on one host: who holds every office in one gets nothing of the other by its ids.

An id of the other circle is asked for in the path of one's own, and named in every field of a form
that takes an id or a number. Nothing is shown, and nothing in the database changes.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator
from dataclasses import dataclass
from itertools import product
from typing import Any

import httpx
import pytest
from litestar import Litestar
from sqlalchemy import select

from circles.clock import MovableClock
from circles.host import Host
from circles.ledger import audit_links, handovers, payee_changes, payouts
from circles.ledger.bank import inbox
from circles.members import sessions
from circles.schema import room_metadata
from tests.ledger.banks import bring, line, waiting
from tests.web.test_access import ROWS
from tests.web.visitors import TREASURER, VISITORS, Village, village
from tests.world import World

# Written by any request of whoever is signed in.
PASSING = ("members_session", "members_throttle")
REFUSED = {303, 400, 403, 404, 409, 410, 415, 422, 429}


@dataclass
class Two:
    """Maple Row with its ids, and the treasurer and steward of Birch Lane at the keys."""

    here: Village
    theirs: World
    ids: dict[str, str]
    client: httpx.AsyncClient
    host: Host

    def path(self, template: str) -> str:
        """The template with Maple Row's ids at Birch Lane's address."""
        return self.here.path(template)


async def dump(host: Host) -> dict[str, list[Any]]:
    """Every row of every table but what each request writes."""
    found: dict[str, list[Any]] = {}
    async with host.database.read() as db:
        for metadata in room_metadata().values():
            for name, table in metadata.tables.items():
                if name not in PASSING:
                    rows = await db.execute(select(table))
                    found[name] = sorted((tuple(row) for row in rows), key=repr)
    return found


async def _more_ids(here: Village, clock: MovableClock) -> dict[str, str]:
    """What the village has besides: a link, a file that waits and one that came, a hand-over, a
    change of a payee, an open payment's change, lines that were said."""
    host, circle = here.world.host, here.world.circle
    now, officer = host.clock.round_now(), here.people[TREASURER]
    payment = bytes.fromhex(here.values["payment"])
    kept = secrets.token_bytes(16)
    await bring(host, circle.id, [line(9, 1100, text="for whom")], import_id=kept)
    async with host.database.begin() as db:
        link = await audit_links.make(
            db, host.vault, circle.id, "2026-10", days=14, actor=officer.actor, now=clock.now()
        )
        other = payouts.checked_payee("Somebody else", "", "By hand.")
        change = await payee_changes.ask(
            db,
            host.vault,
            circle.id,
            payment,
            other,
            recipient_actor=None,
            actor=officer.actor,
            frozen_until=None,
            now=now,
        )
        await sessions.begin(db, officer.id, clock.now())
        (signed_in, *_) = await sessions.of(db, officer.id, "", clock.now())
        taker = here.world.members[2].member
        passed = await handovers.propose(
            db, circle.id, giver_actor=officer.actor, taker_actor=taker.actor, now=now
        )
    waits = await asyncio.to_thread(inbox.put, host, circle.id, officer.actor, b"a file")
    return {
        "link_id": link.id.hex(),
        "code": audit_links.code_of(host.vault, link.id),
        "change": change.id.hex(),
        "public_id": signed_in.public_id.hex(),
        "handover": passed.id.hex(),
        "kept": kept.hex(),
        "waits": waits.hex(),
    }


@pytest.fixture
async def two(app: Litestar, host: Host, clock: MovableClock) -> AsyncIterator[Two]:
    here = await village(host)
    theirs = await World.found(host, members=3, name="Birch Lane")
    ids = await _more_ids(here, clock)
    here.values |= {name: ids[name] for name in ("link_id", "public_id")}
    here.values |= {"code of audit": ids["code"], "slug": theirs.circle.slug, "file": ids["kept"]}
    async with host.database.begin() as db:
        token = await sessions.begin(db, theirs.steward.id, clock.now())
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(
        transport=transport, base_url=host.settings.url, headers={"cookie": f"circles={token}"}
    ) as client:
        yield Two(here, theirs, ids, client, host)


# Parameters of paths that name a thing of one circle.
THINGS = (
    "{code}", "{file}", "{invitation_id}", "{line}", "{link_id}", "{member_id}", "{number}",
    "{payment}", "{public_id}", "{transfer}", "{way_back_id}",
)  # fmt: skip
# Codes of the village's invitation stand in the same place as the auditor's.
APART = ("/join/", "/way-back/", "/found/")


def named_in(path: str) -> bool:
    """Whether an address of this row holds the id of a thing."""
    return any(thing in path for thing in THINGS) and not any(a in path for a in APART)


async def test_no_page_shows_a_thing_of_another_circle(two: Two) -> None:
    paths = [row.path for row in ROWS if row.method == "GET" and named_in(row.path)]
    assert len(paths) > 10
    for path in paths:
        answer = await two.client.get(two.path(path))
        assert answer.status_code in {400, 403, 404, 409, 410}, path


def everything(two: Two) -> dict[str, str]:
    """One form with every field of the desk that takes an id or a number, as they would be sent."""
    values, ids = two.here.values, two.ids
    number = two.here.people[TREASURER].book_number
    member = two.here.people[TREASURER].id.hex()
    return {
        "on": two.theirs.today().isoformat(),
        "amount": "5",
        "way": "cash",
        "whose": member,
        "kind": "refund",
        "payee": "Mallory",
        "recipient": member,
        f"close-{member}": "on",
        "who": member,
        "taker": member,
        "member": member,
        "change": ids["change"],
        "handover": ids["handover"],
        "proposal": ids["change"],
        "seen": "0",
        "looked": "on",
        "role": "treasurer",
        "number": number,
        f"pay-{values['payment']}": "on",
        f"line-{values['line']}": f"contribution:700:{number}:",
        "as": "tie",
        "tie": values["transfer"],
        "came": values["transfer"],
        "payout": values["payment"],
        "whose_1": number,
    }


async def test_no_form_changes_a_thing_of_another_circle(two: Two) -> None:
    """In the path, and in each field, of all that the desk and the steward can send."""
    form = everything(two)
    before = await dump(two.host)
    for row in ROWS:
        if row.method != "POST" or not named_in(row.path):
            continue
        answer = await two.client.post(two.path(row.path), data=form)
        assert answer.status_code in REFUSED, (row.path, answer.status_code)
        assert await dump(two.host) == before, row.path
    for path in ("pay-list/sent", "lines", "reconcile/withdraw", "reconcile/alone", "handover"):
        answer = await two.client.post(f"{two.theirs.circle.path}/in/desk/{path}", data=form)
        assert answer.status_code in REFUSED, path
        assert await dump(two.host) == before, path
    for path in ("handover", "handover/withdraw", "closes", "desk/money-in", "desk/other"):
        answer = await two.client.post(f"{two.theirs.circle.path}/in/{path}", data=form)
        assert answer.status_code in REFUSED, path
        assert await dump(two.host) == before, path


async def test_a_line_of_ones_own_is_not_tied_to_a_thing_of_another_circle(two: Two) -> None:
    """Their lines have the amounts of Maple Row's payment and transfer, in and out."""
    host, circle, values = two.host, two.theirs.circle, two.here.values
    async with host.database.read() as db:
        payout = await payouts.get(db, two.here.world.circle.id, bytes.fromhex(values["payment"]))
    number = two.here.people[TREASURER].book_number
    amounts = (700, payout.amount_minor, -700, -payout.amount_minor)
    await bring(host, circle.id, [line(3, amount) for amount in amounts])
    before, form = await dump(host), everything(two)
    found = await waiting(host, circle.id)
    assert len(found) == len(amounts)
    for one, kind in product(found, ("tie", "payout", "payout_returned", "returned", "refund")):
        target = values["payment" if "payout" in kind else "transfer"]
        by_hand = {**form, "as": kind, "whose_1": number if kind == "refund" else ""}
        shown = {"as": f"{kind}:{abs(one.amount_minor)}:{number}:{target}"}
        for sent in (by_hand, shown):
            path = f"{circle.path}/in/desk/lines/{one.id.hex()}"
            answer = await two.client.post(path, data=sent)
            assert answer.status_code in REFUSED - {303}, (kind, sent)
            assert await dump(host) == before, (kind, sent)


async def test_looking_changes_nothing(two: Two) -> None:
    """Every page, asked for by each who may see it, HEAD too: not a row is another one after."""
    two.here.values["slug"] = two.here.world.circle.slug
    two.here.values["code"] = two.ids["code"]
    before = await dump(two.host)
    for visitor in VISITORS:
        cookie = await two.here.cookie(visitor)
        headers = {"cookie": f"circles={cookie}"} if cookie else {}
        for row in ROWS:
            if row.method == "GET" and visitor in (*row.statuses, "left"):
                for method in ("GET", "HEAD"):
                    await two.client.request(method, two.path(row.path), headers=headers)
    assert await dump(two.host) == before
