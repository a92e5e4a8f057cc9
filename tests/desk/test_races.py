"""Two at once at the desk: one of them wins, the other is told, and the books are whole."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable
from datetime import UTC, datetime

import httpx
import pytest
from litestar import Litestar

from circles import log
from circles.clock import MovableClock
from circles.host import Host
from circles.ledger import books, chart, payouts, periods
from circles.ledger.verify import verify_books
from circles.members import people
from tests.desk.desk import Desk, desk_of, line, maple_row
from tests.desk.test_import import at_preview, camt
from tests.desk.test_payee_pages import OTHER, change_of, second
from tests.desk.test_payments import AWARD, MONTH, TODAY, payee, proposed, state_of
from tests.maple_row import Neighbours

NOVEMBER = datetime(2026, 11, 3, 9, 0, tzinfo=UTC)


async def at_once(*asked: Awaitable[httpx.Response]) -> list[int]:
    """The answers' numbers, the smallest first."""
    return sorted(answer.status_code for answer in await asyncio.gather(*asked))


def post(desk: Desk, path: str, **fields: str) -> Awaitable[httpx.Response]:
    return desk.client.post(desk.base + path, data=fields)


async def sound(host: Host) -> bool:
    return await verify_books(host, lambda _checked, _total: None) == []


@pytest.fixture
async def row(host: Host) -> Neighbours:
    row = await maple_row(host)
    async with host.database.begin() as db:
        await log.found(db, host.vault, row.circle.id, row.circle.log_origin)
    await row.award(MONTH, {1: 6000})
    return row


async def test_one_award_is_proposed_once_however_often_it_is_sent(
    app: Litestar, row: Neighbours
) -> None:
    async with desk_of(app, row) as desk, desk_of(app, row) as tab:
        forms = [payee(), payee(), payee(iban=OTHER), payee(recipient=desk.id_of("bea"))]
        answers = await at_once(*(post(tab, AWARD, **form) for form in forms))
        assert answers in ([303, 303, 409, 409], [303, 409, 409, 409])
    assert await state_of(row) == ["proposed"]


async def test_one_payment_gets_one_second_name(app: Litestar, row: Neighbours) -> None:
    """Two members, and the proposer from another phone of theirs."""
    async with (
        desk_of(app, row) as desk,
        desk_of(app, row) as phone,
        desk_of(app, row, "bea") as bea,
        desk_of(app, row, "tomasz") as tomasz,
    ):
        confirm = second(await proposed(desk))
        answers = await at_once(*(post(who, confirm) for who in (bea, tomasz, phone, bea)))
        assert answers in ([303, 303, 403, 409], [303, 403, 409, 409])
    async with row.host.database.read() as db:
        (payout,) = await payouts.of_month(db, row.circle.id, MONTH)
    assert payout.confirmer_actor in {row.bea.actor, row.tomasz.actor}


async def test_other_details_and_the_second_name_at_once(app: Litestar, row: Neighbours) -> None:
    """Whichever comes first: nothing goes out to an account that nobody else has looked at."""
    async with desk_of(app, row) as desk, desk_of(app, row, "bea") as bea:
        where = await proposed(desk)
        answers = await at_once(
            post(bea, second(where)),
            post(desk, f"{where}/payee", **payee(iban=OTHER)),
            post(desk, f"{where}/payee", **payee(iban=OTHER, payee="Somebody else")),
        )
        assert answers in ([303, 303, 409], [303, 409, 409])
        change = await change_of(bea, where)
        await desk.send(f"{where}/sent", 409, on=TODAY)
        dropped = await at_once(
            post(bea, f"{second(where)}/payee", change=change),
            post(desk, f"{where}/payee/drop"),
            post(desk, f"{where}/withdrawn"),
        )
        assert dropped[0] == 303
        await desk.send(f"{where}/sent", 409, on=TODAY)
    assert await row.holds(chart.TRANSIT) == 0
    assert await sound(row.host)


async def test_a_payment_leaves_and_arrives_once(app: Litestar, row: Neighbours) -> None:
    async with desk_of(app, row) as desk, desk_of(app, row, "bea") as bea:
        where = await proposed(desk, way="cash", iban="")
        await bea.send(second(where))
        # Cash that is not in the tin is not handed over, however often it is tried.
        await desk.fill("/desk/money-in", **line(amount="60", whose="gift", way="cash"))
        steps = ("settled", "settled", "withdrawn", "sent")
        answers = await at_once(*(post(desk, f"{where}/{step}", on=TODAY) for step in steps))
        assert answers[0] == 303
    (state,) = await state_of(row)
    assert state in {"settled", "sent", "withdrawn"}
    assert await row.holds(chart.award(MONTH, 1)) == (6000 if state == "withdrawn" else 0)
    assert await row.holds(chart.CASH) == (0 if state == "settled" else 6000)
    assert await sound(row.host)


async def test_a_close_races_an_import_an_undo_and_another_second_name(
    app: Litestar, row: Neighbours, clock: MovableClock
) -> None:
    """The month is closed as it was proposed, or not at all; nothing slips into it behind."""
    host = row.host
    async with (
        desk_of(app, row) as desk,
        desk_of(app, row, "bea") as bea,
        desk_of(app, row, "tomasz") as tomasz,
    ):
        where = await desk.fill("/desk/money-in", **line(amount="30", whose=desk.id_of("bea")))
        booked = re.findall(r"booked=(\w+)", where.headers["location"])[0]
        clock.set_round(NOVEMBER)
        await desk.send("/desk/reconcile", month="2026-10", bank="90")
        async with host.database.read() as db:
            asked = await periods.proposal(db, row.circle.id)
        assert asked is not None
        path, _html = await at_preview(desk, camt((30, "10.00", "late"), opening="90.00"))
        said = {"proposal": asked.id.hex(), "looked": "on"}
        answers = await asyncio.gather(
            post(bea, "/closes", **said),
            post(tomasz, "/closes", **said),
            post(desk, path, **{"account-0": "yes"}),
            post(desk, f"/desk/books/{booked}/undo"),
            post(desk, "/desk/money-in", **line(amount="1", key="0" * 32, on="2026-10-31")),
        )
    assert [a.status_code for a in answers if a.status_code >= 500] == []
    async with host.database.read() as db:
        closed = await periods.closes(db, row.circle.id)
        journal = await books.journal(db, row.circle.id, limit=50)
    assert len(closed) <= 1
    for one in closed:
        behind = [e.transfer for e in journal if e.transfer.seq > one.transfers]
        assert [t for t in behind if t.effective_on <= one.through] == []
    assert await sound(host)


@pytest.mark.parametrize("what", ["proposes", "asks for another account", "says it is sent"])
async def test_whose_part_ends_while_they_wait_moves_no_payment(
    app: Litestar, row: Neighbours, what: str
) -> None:
    """The books are handed over, and the old treasurer's other tab comes a moment too late."""
    host = row.host
    async with desk_of(app, row) as desk, desk_of(app, row, "bea") as bea:
        where = "" if what == "proposes" else await proposed(desk)
        if what == "says it is sent":
            await bea.send(second(where))
        path, form = {
            "proposes": (AWARD, payee()),
            "asks for another account": (f"{where}/payee", payee(iban=OTHER)),
            "says it is sent": (f"{where}/sent", {"on": TODAY}),
        }[what]
        before = await state_of(row)
        async with host.database.begin() as db:
            await books.lock(db, row.circle.id)
            late = asyncio.create_task(desk.client.post(desk.base + path, data=form))
            await asyncio.sleep(0.3)
            await people.set_role(db, row.circle.id, row.bea.id, "treasurer", holds=True)
            await people.set_role(db, row.circle.id, row.marisol.id, "treasurer", holds=False)
        assert (await late).status_code == 403
        assert await state_of(row) == before
