"""People for tests: circles and members made by the real functions, and browsers of theirs."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import cache

import httpx
from argon2 import PasswordHasher
from litestar import Litestar

from circles.circle import circles
from circles.circle.calendar import DEFAULT
from circles.circle.circles import Circle, NewCircle
from circles.host import Host
from circles.members import invitations, people, pledges, sessions
from circles.members.people import Member

PASSPHRASE = "plum tree by the blue door"

MAPLE = NewCircle(
    name="Maple Row",
    purpose="We help somebody nearby every month, without fuss.",
    norms="We do not ask who nominated, who voted or who paid.\nWhat is said stays among us.",
    currency="EUR",
    zone="Europe/Berlin",
    locale="en_GB",
    hue="mulberry",
    cap=20,
    calendar=DEFAULT,
    pay_holder="Maple Row Circle",
    pay_iban="DE89370400440532013000",
    pay_words="",
    pledge_ceiling_minor=5000,
)


@cache
def _kept_hash() -> str:
    """One hash for all of them: it takes its tenth of a second once."""
    return PasswordHasher().hash(PASSPHRASE)


async def circle_of(host: Host, **changes: object) -> Circle:
    """A circle without anybody in it."""
    new = replace(MAPLE, **changes)  # type: ignore[arg-type]
    async with host.database.begin() as db:
        return await circles.found(db, host.settings.host_name, new, host.clock.now())


async def member_of(
    host: Host, circle: Circle, handle: str, *roles: str, pledge_minor: int = 0
) -> Member:
    """Somebody in that circle, whose passphrase is PASSPHRASE."""
    kept = _kept_hash()
    async with host.database.begin() as db:
        member = await people.join(
            db,
            circle,
            handle=handle,
            passphrase_hash=kept,
            roles=frozenset(roles),
            round_now=host.clock.round_now(),
            at=host.clock.now(),
        )
        if pledge_minor:
            await pledges.change(db, circle, member.id, pledge_minor, host.clock.now())
    return member


async def invitation_path(host: Host, circle: Circle, by: Member) -> str:
    """The path of a fresh invitation."""
    async with host.database.begin() as db:
        invitation = await invitations.invite(db, host, circle.id, by.id)
    return invitations.link(host, circle.slug, invitation).removeprefix(host.settings.url)


@asynccontextmanager
async def browser_of(
    app: Litestar, host: Host, circle: Circle | None = None, handle: str = ""
) -> AsyncIterator[httpx.AsyncClient]:
    """A browser; with a handle, one that has signed in (the page itself: `test_signin.py`)."""
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url=host.settings.url) as client:
        if circle is not None:
            async with host.database.begin() as db:
                member = await people.by_handle(db, circle.id, handle)
                assert member is not None, handle
                token = await sessions.begin(db, member.id, host.clock.now())
            client.cookies.set("circles", token, path=circle.path)
        yield client
