"""From an award to its recipient: proposed, confirmed by a neighbour, paid, told to the log."""

from __future__ import annotations

import asyncio
import re
from contextlib import AbstractAsyncContextManager
from datetime import timedelta
from typing import Any

import httpx
import pytest
from litestar import Litestar
from sqlalchemy import text

from circles.host import Host
from circles.ledger import books, chart, payouts
from circles.ledger.verify import verify_books
from circles.members import notices, people
from circles.protocol.messages import Ask
from tests.desk.desk import IBAN, Desk, desk_of, maple_row, words
from tests.maple_row import Neighbours
from tests.neighbours import browser_of
from tests.world import World

MONTH = "2026-10"
TODAY = "2026-10-01"
BOOTS = "Warm boots for two"
SOUP = "Saturday soup"
AWARD = f"/desk/pay/{MONTH}/1"


class Hand:
    """One browser, and the paths that its pages offer."""

    def __init__(self, world: World, client: httpx.AsyncClient) -> None:
        self.world, self.client = world, client
        self.base = world.circle.path + "/in"

    async def look(self, path: str, status: int = 200) -> str:
        answer = await self.client.get(path)
        assert answer.status_code == status, words(answer.text)
        return answer.text

    async def send(self, path: str, status: int = 303, **fields: str) -> httpx.Response:
        answer = await self.client.post(path, data=fields)
        assert answer.status_code == status, words(answer.text)
        return answer

    async def links(self, path: str, pattern: str) -> list[str]:
        found = re.findall(rf'href="([^"]*{pattern})"', await self.look(path))
        return list(dict.fromkeys(found))


def sees(app: Litestar, world: World, name: str) -> AbstractAsyncContextManager[httpx.AsyncClient]:
    """A browser of that member."""
    return browser_of(app, world.host, world.circle, name)


def payee(**changes: str) -> dict[str, str]:
    return {"payee": "Schuhhaus Lang", "way": "bank", "iban": IBAN, "words": "boots",
            "recipient": "nobody", **changes}  # fmt: skip


async def sound(world: World) -> bool:
    problems = await verify_books(world.host, lambda _checked, _total: None)
    report = await world.verify()
    return problems == [] and report.holds


async def counted(host: Host) -> World:
    """A month of five whose vote gave 60.00 to one and 45.00 to another."""
    world = await World.found(host, members=5, fund_minor=10_000)
    ann, ben, *_ = world.members
    await world.play_month(
        nominations=[(ann, BOOTS, Ask(6000)), (ben, SOUP, Ask(4500))],
        votes={who: [BOOTS, BOOTS, SOUP] for who in world.members},
    )
    return world


async def test_two_people_pay_an_award_and_the_record_says_so(app: Litestar, host: Host) -> None:
    world = await counted(host)
    async with sees(app, world, "Ann") as one, sees(app, world, "Ben") as other:
        ann, ben = Hand(world, one), Hand(world, other)
        desk = words(await ann.look(f"{ann.base}/desk"))
        assert "One thing waits." in desk
        assert "Two awards to pay, 105.00 together." in desk
        assert BOOTS in desk
        awards = await ann.links(f"{ann.base}/desk", r"/desk/pay/\d{4}-\d\d/\d+")
        where = await paid(ann, ben, awards[0])
        assert await world.records() == [*(await world.records())[:-2], "seal", "payout"]
        assert await sound(world)
        await came_back_and_paid_again(ann, ben, awards[0], where)
    assert (await world.records()).count("payout") == 1
    async with host.database.read() as db:
        assert await books.balance(db, world.circle.id, chart.TRANSIT) == 0
    assert await sound(world)


async def paid(ann: Hand, ben: Hand, award: str) -> str:
    """From the proposal to the bank's page; the payment's own page."""
    today = ann.world.today().isoformat()
    assert "as the vote gave it." in words(await ann.look(award))
    where = (await ann.send(award, **payee())).headers["location"]
    seen = words(await ann.look(where))
    assert "It waits for a second person." in seen
    assert "DE89 3704 0044 0532 0130 00" in seen
    # Ben sees what, how much and who asks; neither name nor account.
    (confirm,) = await ben.links(f"{ben.base}/payouts", r"/payouts/[0-9a-f]{32}")
    html = await ben.look(confirm)
    assert "Shall this be paid?" in words(html)
    assert BOOTS in html or SOUP in html
    assert "Ann" in html
    assert "Lang" not in html
    assert "3704" not in html
    for _ in range(2):
        await ben.send(confirm)
    assert "It needs no second name any more." in words(await ben.look(confirm))
    assert "It may go out now." in words(await ann.look(where))
    await ann.send(f"{where}/sent", on=today)
    assert "It is on its way." in words(await ann.look(where))
    for _ in range(2):
        await ann.send(f"{where}/settled", on=today)
    assert "It has arrived." in words(await ann.look(where))
    return where


async def came_back_and_paid_again(ann: Hand, ben: Hand, award: str, where: str) -> None:
    """The log says once that it was paid, however often the money travelled."""
    today = ann.world.today().isoformat()
    assert "Did it come back?" in words(await ann.look(f"{where}/returned"))
    await ann.send(f"{where}/returned", on=today)
    assert "It came back." in words(await ann.look(where))
    assert "Came back. Propose it anew" in words(await ann.look(f"{ann.base}/desk"))
    again = (await ann.send(award, **payee())).headers["location"]
    await ben.send(again.replace("/desk/payments/", "/payouts/"))
    await ann.send(f"{again}/settled", 409, on=today)
    await ann.send(f"{again}/sent", 422, on="2031-01-01")
    await ann.send(f"{again}/sent", on=today)
    await ann.send(f"{again}/settled", on=today)


# ------------------------------------------------------------------ without a whole month


async def proposed(desk: Desk, **changes: str) -> str:
    """The treasurer proposes; the path of the payment's page below `/in`."""
    answer = await desk.send(AWARD, **payee(**changes))
    return answer.headers["location"].removeprefix(desk.base)


async def state_of(row: Neighbours) -> list[str]:
    async with row.host.database.read() as db:
        return [p.state for p in await payouts.of_month(db, row.circle.id, MONTH)]


def stored_time(row: Neighbours, ahead: timedelta) -> Any:
    """That much from now, as the database at hand keeps it."""
    until = row.host.clock.now() + ahead
    return str(until).partition("+")[0] if row.host.database.dialect == "sqlite" else until


async def freeze(row: Neighbours, name: str) -> None:
    """That account was given a way back in, four days ago."""
    until = stored_time(row, timedelta(days=3))
    async with row.host.database.begin() as db:
        await db.execute(
            text("UPDATE members_account SET payouts_frozen_until = :until WHERE id = :id"),
            {"until": until, "id": row.members[name].id},
        )


async def test_neither_proposer_nor_recipient_nor_a_fresh_account(
    app: Litestar, host: Host
) -> None:
    row = await maple_row(host)
    await row.award(MONTH, {1: 6000})
    await freeze(row, "tomasz")
    async with desk_of(app, row) as desk:
        where = await proposed(desk, recipient=desk.id_of("bea"))
        confirm = where.replace("/desk/payments/", "/payouts/")
        assert "You proposed this payment." in words(await desk.look(confirm))
        assert "You proposed" in words((await desk.send(confirm, 403)).text)
    for name, said in (("bea", "This payment is for you."), ("tomasz", "Until a week has passed")):
        async with desk_of(app, row, name) as phone:
            assert said in words(await phone.look(confirm))
            assert said in words((await phone.send(confirm, 403)).text)
            await phone.look("/payouts")
    assert await state_of(row) == ["proposed"]
    async with desk_of(app, row, "wren") as phone:
        # A steward is an officer, and sees whom we pay.
        assert "DE89 3704" in await phone.look(confirm)
        await phone.send(confirm)
    assert await state_of(row) == ["confirmed"]


async def test_a_fresh_account_proposes_nothing(app: Litestar, host: Host) -> None:
    row = await maple_row(host)
    await row.award(MONTH, {1: 6000})
    await freeze(row, "marisol")
    async with desk_of(app, row) as desk:
        refused = await desk.send(AWARD, 403, **payee())
        assert "another one of us proposes" in words(refused.text)
    assert await state_of(row) == []


@pytest.mark.parametrize("meanwhile", ["leaves", "is given a way back"])
async def test_who_changed_while_waiting_confirms_nothing(
    app: Litestar, host: Host, meanwhile: str
) -> None:
    row = await maple_row(host)
    await row.award(MONTH, {1: 6000})
    async with desk_of(app, row) as desk:
        where = await proposed(desk)
    confirm = where.replace("/desk/payments/", "/payouts/")
    payout_id = bytes.fromhex(confirm.rpartition("/")[2])
    async with desk_of(app, row, "bea") as phone:
        async with host.database.begin() as db:
            # Whoever asks now is found to be one of us, and waits for the payment.
            await payouts.get(db, row.circle.id, payout_id, lock=True)
            asked = asyncio.create_task(phone.client.post(phone.base + confirm))
            await asyncio.sleep(0.3)
            if meanwhile == "leaves":
                await people.leave(db, row.circle.id, row.bea.id)
            else:
                await db.execute(
                    text("UPDATE members_account SET payouts_frozen_until = :until WHERE id = :id"),
                    {"until": stored_time(row, timedelta(days=7)), "id": row.bea.id},
                )
        assert (await asked).status_code == (404 if meanwhile == "leaves" else 403)
    assert await state_of(row) == ["proposed"]


async def test_a_payee_with_a_slip_comes_back_filled(app: Litestar, host: Host) -> None:
    row = await maple_row(host)
    await row.award(MONTH, {1: 6000})
    async with desk_of(app, row) as desk:
        for changes, said in (
            ({"iban": IBAN.replace("00", "01")}, "a slip in this IBAN"),
            ({"iban": "my bank"}, "That is no IBAN"),
            ({"iban": ""}, "Please fill this in"),
            ({"payee": " "}, "Please fill this in"),
            ({"way": "pigeon"}, "Please pick one"),
            ({"recipient": "00"}, "Please pick one"),
        ):
            answer = await desk.send(AWARD, 422, **payee(**changes))
            assert said in words(answer.text), changes
            assert "boots</textarea>" in answer.text
        assert await state_of(row) == []
        await desk.look(f"/desk/pay/{MONTH}/9", 404)
        await desk.send(f"/desk/pay/{MONTH}/9", 404, **payee())
        where = await proposed(desk, way="cash", iban="")
        # The page for proposing now leads to what was proposed.
        answer = await desk.client.get(desk.base + AWARD)
        assert answer.headers["location"] == desk.base + where
        await desk.send(AWARD, 409, **payee())
    async with host.database.read() as db:
        (notice, *_) = await notices.pinned(db, row.circle.id)
    assert (notice.kind, notice.values["by"]) == ("payment-proposed", "marisol")


async def test_a_proposal_is_taken_back(app: Litestar, host: Host) -> None:
    row = await maple_row(host)
    await row.award(MONTH, {1: 6000})
    async with desk_of(app, row) as desk:
        where = await proposed(desk)
        await desk.send(f"{where}/sent", 409, on=TODAY)
        for _ in range(2):
            await desk.send(f"{where}/withdrawn")
        assert "It was taken back." in words(await desk.look(where))
        await proposed(desk)
    assert sorted(await state_of(row)) == ["proposed", "withdrawn"]


async def test_only_the_treasurer_moves_a_payment(app: Litestar, host: Host) -> None:
    row = await maple_row(host)
    await row.award(MONTH, {1: 6000})
    async with desk_of(app, row) as desk:
        where = await proposed(desk)
    async with desk_of(app, row, "ines") as phone:
        for path in (AWARD, where, f"{where}/returned"):
            await phone.look(path, 403)
        await phone.send(AWARD, 403, **payee())
        for step in ("sent", "settled", "returned", "withdrawn"):
            await phone.send(f"{where}/{step}", 403, on=TODAY)
    assert await state_of(row) == ["proposed"]
