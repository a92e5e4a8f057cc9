"""What needs two people is not done by one steward, whichever account they act with."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest
from litestar import Litestar
from sqlalchemy import text

from circles.circle import calendar, circles
from circles.errors import ForbiddenError
from circles.host import Host
from circles.members import people
from circles.members.people import Member
from circles.protocol.messages import Ask
from circles.rounds import slate
from tests.neighbours import browser_of, circle_of, member_of
from tests.world import World

PAY = "/c/maple-row/in/steward/settings/pay"
OURS = {"holder": "Maple Row Circle", "iban": "DE89370400440532013000"}
THEIRS = {"holder": "Otto", "iban": "GB82WEST12345698765432", "pay_words": ""}


async def freeze(host: Host, member: Member, days: int = 7) -> None:
    """A way back in was given to that account just now."""
    until = host.clock.now() + timedelta(days=days)
    stored = str(until).partition("+")[0] if host.database.dialect == "sqlite" else until
    async with host.database.begin() as db:
        await db.execute(
            text("UPDATE members_account SET payouts_frozen_until = :until WHERE id = :id"),
            {"until": stored, "id": member.id},
        )


@pytest.mark.parametrize(
    ("words", "waits"),
    [
        ("To Otto, on Fridays after five, at number 7.", False),
        ("Better to our new account: LT12 1000 0111 0100 1000.", True),
        ("Account 12-34-56 78901234", True),
        ("Konto ١٢٣٤٥٦٧٨٩", True),
    ],
)
async def test_words_for_cash_that_name_an_account_wait_like_one(
    app: Litestar, host: Host, words: str, waits: bool
) -> None:
    circle = await circle_of(host)
    await member_of(host, circle, "Marisol", "steward")
    await member_of(host, circle, "wren")
    async with browser_of(app, host, circle, "Marisol") as steward:
        answer = await steward.post(PAY, data={**OURS, "pay_words": words})
        assert answer.headers["location"].endswith("/pay-change" if waits else "/people")
    async with host.database.read() as db:
        assert (await circles.by_slug(db, "maple-row")).pay_words == ("" if waits else words)


async def test_whoever_was_given_a_way_back_asks_for_no_other_account(
    app: Litestar, host: Host
) -> None:
    """Else the steward who gave it could ask with that account, and confirm with their own."""
    circle = await circle_of(host)
    await member_of(host, circle, "Marisol", "steward")
    second = await member_of(host, circle, "wren", "steward")
    await freeze(host, second)
    async with browser_of(app, host, circle, "wren") as wren:
        assert (await wren.post(PAY, data=THEIRS)).status_code == 403
        await freeze(host, second, days=-1)
        assert (await wren.post(PAY, data=THEIRS)).status_code == 303


async def test_of_two_who_ask_for_another_account_at_once_one_is_told(
    app: Litestar, host: Host
) -> None:
    circle = await circle_of(host)
    for handle in ("Marisol", "wren"):
        await member_of(host, circle, handle, "steward")
    async with (
        browser_of(app, host, circle, "Marisol") as one,
        browser_of(app, host, circle, "wren") as other,
    ):
        asked = (one.post(PAY, data=THEIRS), other.post(PAY, data={**THEIRS, "holder": "Ottilie"}))
        answers = await asyncio.gather(*asked)
    assert sorted(answer.status_code for answer in answers) == [303, 409]


async def test_whoever_was_given_a_way_back_leaves_no_request_out(host: Host) -> None:
    world = await World.found(host, members=4, fund_minor=5000)
    ann, ben, cleo, _dora = world.members
    await world.begin()
    leaf = await cleo.nominate("Soup kitchen", Ask(4000))
    await world.go(world.at.nominating_closes + calendar.GRACE)
    circle, month = world.circle, world.month
    async with host.database.begin() as db:
        await people.set_role(db, circle.id, ben.member.id, "steward", holds=True)
        second = await people.get(db, circle.id, ben.member.id)
    await freeze(host, second)
    with pytest.raises(ForbiddenError, match="a week has passed"):
        await slate.propose_omission(host, circle, month, leaf, "duplicate", second)
    await slate.propose_omission(host, circle, month, leaf, "duplicate", ann.member)
    with pytest.raises(ForbiddenError, match="a week has passed"):
        await slate.confirm_omission(host, circle, month, leaf, second)
    await slate.confirm_omission(host, circle, month, leaf, cleo.member)


async def test_who_invites_is_not_the_second_name_of_who_came(host: Host) -> None:
    """A steward could take their own invitation; all have a week to ask who has joined them. Among
    founders everybody is new."""
    now = host.clock.now()
    circle = await circle_of(host)
    founder = await member_of(host, circle, "Marisol", "steward")
    assert founder.may_confirm_payouts(now)
    old = replace(circle, founded_at=now - timedelta(days=7))
    newcomer = await member_of(host, old, "wren")
    assert not newcomer.may_confirm_payouts(now + timedelta(days=6))
    assert newcomer.may_confirm_payouts(now + timedelta(days=7))
