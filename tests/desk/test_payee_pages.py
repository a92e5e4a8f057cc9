"""Another account for a payment, who is close to whom, the list to pay, and the bank's file."""

from __future__ import annotations

import re
from datetime import timedelta

from litestar import Litestar

from circles.clock import MovableClock
from circles.host import Host
from circles.ledger import payouts
from circles.members import notices
from tests.desk.desk import IBAN, Desk, desk_of, maple_row, words
from tests.desk.test_payments import MONTH, TODAY, payee, proposed, state_of
from tests.ledger.test_credit_transfers import root_of, sums_agree, texts
from tests.maple_row import Neighbours

OTHER = "FR14 2004 1010 0505 0001 3M02 606"


def second(where: str) -> str:
    return where.replace("/desk/payments/", "/payouts/")


async def move(row: Neighbours, ahead: timedelta) -> None:
    clock = row.host.clock
    assert isinstance(clock, MovableClock)
    clock.set_round(clock.round_now() + ahead)


async def change_of(desk: Desk, where: str) -> str:
    (change,) = re.findall(r'name="change" value="(\w+)"', await desk.look(second(where)))
    return str(change)


async def test_another_account_needs_a_second_person_and_a_day(app: Litestar, host: Host) -> None:
    row = await maple_row(host)
    await row.award(MONTH, {1: 6000})
    async with desk_of(app, row) as desk, desk_of(app, row, "bea") as bea:
        where = await proposed(desk)
        await bea.send(second(where))
        assert "DE89 3704" in await desk.look(f"{where}/payee")
        same = await desk.send(f"{where}/payee", 422, **payee(recipient="namesake"))
        assert "That is what stands here already." in words(same.text)
        slip = await desk.send(f"{where}/payee", 422, **payee(iban=IBAN.replace("00", "01")))
        assert "a slip in this IBAN" in words(slip.text)
        await desk.send(f"{where}/payee", **payee(iban=OTHER))
        seen = words(await desk.look(where))
        assert "Asked for instead" in seen
        assert "FR14 2004" in seen
        assert "marisol asked for one" in seen
        await desk.send(f"{where}/sent", 409, on=TODAY)
        # Bea sees that, not what; a steward is an officer, and sees what.
        listed = words(await bea.look("/payouts"))
        assert "A payment needs a second person." in listed
        assert "A change of who gets it waits for a second person" in listed
        assert "Tell the bank to pay" not in listed
        assert "No payment waits for you." in words(await desk.look("/payouts"))
        phone = await bea.look(second(where))
        assert "Shall somebody else get it?" in words(phone)
        assert "FR14" not in phone
        async with desk_of(app, row, "wren") as wren:
            assert "FR14 2004" in await wren.look(second(where))
        change = await change_of(bea, where)
        await desk.send(f"{second(where)}/payee", 403, change=change)
        for _ in range(2):
            await bea.send(f"{second(where)}/payee", change=change)
        assert "It may go out from" in words(await desk.look(where))
        assert "Not yet" in words(await desk.look("/desk/pay-list"))
        await desk.send(f"{where}/sent", 409, on=TODAY)
        await move(row, timedelta(days=1, minutes=1))
        assert "FR14 2004" in await desk.look("/desk/pay-list")
        await desk.send(f"{where}/sent", on=TODAY)
        assert "too late" in words(await desk.look(f"{where}/payee"))
    async with host.database.read() as db:
        kinds = [notice.kind for notice in await notices.pinned(db, row.circle.id)]
    assert sorted(kinds[:3]) == ["payee-asked", "payee-changed", "payment-proposed"]


async def test_a_change_is_dropped_and_the_payment_goes_on(app: Litestar, host: Host) -> None:
    row = await maple_row(host)
    await row.award(MONTH, {1: 6000})
    async with desk_of(app, row) as desk, desk_of(app, row, "bea") as bea:
        where = await proposed(desk)
        await desk.send(f"{where}/payee", **payee(iban=OTHER))
        change = await change_of(bea, where)
        await bea.send(second(where), 409)
        for _ in range(2):
            await desk.send(f"{where}/payee/drop")
        await bea.send(f"{second(where)}/payee", 409, change=change)
        await bea.send(second(where))
        assert "It was dropped." in words(await desk.look(where))
        await desk.send(f"{where}/sent", on=TODAY)


async def test_a_namesake_is_asked_about(app: Litestar, host: Host) -> None:
    row = await maple_row(host)
    await row.award(MONTH, {1: 6000})
    async with desk_of(app, row) as desk:
        asked = await desk.send(f"/desk/pay/{MONTH}/1", 422, **payee(payee="Bea Lindqvist"))
        assert "One of us is called bea." in words(asked.text)
        where = await proposed(desk, payee="Bea Lindqvist", recipient="namesake")
        assert await state_of(row) == ["proposed"]
        namesake = "No, somebody else of that name"
        assert namesake in words(await desk.look(f"{where}/payee"))
    async with desk_of(app, row, "bea") as bea:
        await bea.send(second(where))


async def test_another_name_later_is_asked_about_too(app: Litestar, host: Host) -> None:
    row = await maple_row(host)
    await row.award(MONTH, {1: 6000})
    async with desk_of(app, row) as desk:
        where = await proposed(desk)
        html = await desk.look(f"{where}/payee")
        assert "No, somebody else of that name" not in words(html)
        assert '<option value="nobody" selected' in html
        asked = await desk.send(f"{where}/payee", 422, **payee(payee="Bea Lindqvist"))
        assert "One of us is called bea." in words(asked.text)


async def test_who_is_close_does_not_confirm(app: Litestar, host: Host) -> None:
    row = await maple_row(host)
    await row.award(MONTH, {1: 6000})
    async with desk_of(app, row) as desk:
        close = {f"close-{desk.id_of('bea')}": "on"}
        where = await proposed(desk, **close)
        async with desk_of(app, row, "bea") as bea:
            assert "You are close to whoever gets this." in words(await bea.look(second(where)))
            await bea.send(second(where), 403)
        async with desk_of(app, row, "ines") as ines:
            for _ in range(2):
                await ines.send(f"{second(where)}/close")
            await ines.send(second(where), 403)
        async with desk_of(app, row, "tomasz") as tomasz:
            await tomasz.send(second(where))
        assert await state_of(row) == ["confirmed"]
        # Said of the second name by the treasurer, it takes that name away.
        await desk.send(f"{where}/close", 422, who="")
        await desk.send(f"{where}/close", who=desk.id_of("tomasz"))
        assert await state_of(row) == ["proposed"]
        assert "Close to them" in words(await desk.look(where))


async def test_an_officer_who_confirms_sees_that_it_goes_to_one_of_us(
    app: Litestar, host: Host
) -> None:
    row = await maple_row(host)
    await row.award(MONTH, {1: 6000})
    async with desk_of(app, row) as desk:
        where = await proposed(desk, recipient=desk.id_of("bea"))
        async with desk_of(app, row, "wren") as wren, desk_of(app, row, "ines") as ines:
            assert "One of us bea" in words(await wren.look(second(where)))
            assert "bea" not in words(await ines.look(second(where)))


async def test_a_list_a_file_and_all_are_sent_at_once(app: Litestar, host: Host) -> None:
    row = await maple_row(host)
    await row.award(MONTH, {1: 6000, 2: 4500})
    async with desk_of(app, row) as desk, desk_of(app, row, "bea") as bea:
        assert "No payment may go out." in words(await desk.look("/desk/pay-list"))
        await desk.look("/desk/pay-list/file", 400)
        await desk.send("/desk/pay-list/sent", 422, on=TODAY)
        where = await proposed(desk)
        more = await desk.send(f"/desk/pay/{MONTH}/2", **payee(payee="Küche & Söhne", iban=OTHER))
        for path in (where, more.headers["location"].removeprefix(desk.base)):
            await bea.send(second(path))
        html = await desk.look("/desk/pay-list")
        seen = words(html)
        assert "Two payments may go out." in seen
        assert "105.00" in seen
        assert "Kueche + Soehne" in seen
        async with host.database.read() as db:
            begun = await payouts.open_for(db, row.circle.id)
        files = [await desk.client.get(f"{desk.base}/desk/pay-list/file") for _ in range(2)]
        assert files[0].content == files[1].content
        assert files[0].headers["cache-control"] == "no-store"
        root = root_of(files[0].content)
        sums_agree(root)
        assert texts(root, "EndToEndId") == sorted(payout.reference for payout in begun)
        await desk.look("/desk/pay-list/file?on=2031-01-01", 400)
        # Taking the file marks nothing.
        assert await state_of(row) == ["confirmed", "confirmed"]
        picked = dict.fromkeys(re.findall(r'name="(pay-[0-9a-f]{32})"', html), "on")
        assert len(picked) == 2
        await desk.send("/desk/pay-list/sent", 422, on="2031-01-01", **picked)
        assert await state_of(row) == ["confirmed", "confirmed"]
        await desk.send("/desk/pay-list/sent", on=TODAY, **picked)
        assert await state_of(row) == ["sent", "sent"]
        await desk.send("/desk/pay-list/sent", on=TODAY, **picked)
        await desk.look("/desk/pay-list/file", 400)
    async with desk_of(app, row, "ines") as ines:
        for path in ("/desk/pay-list", "/desk/pay-list/file"):
            await ines.look(path, 403)
