"""What a circle begins with: said once, split, undone while nothing else was booked."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st
from litestar import Litestar

from circles.errors import InvalidError
from circles.host import Host
from circles.ledger import chart, openings, suspense
from circles.ledger.export import Period
from circles.ledger.openings import Began
from circles.ledger.report import receipts_and_payments
from circles.ledger.verify import verify_books
from tests.desk.desk import Desk, desk_of, line, maple_row, words
from tests.maple_row import Neighbours

OPENING = "/desk/opening"


@pytest.fixture
async def row(host: Host) -> Neighbours:
    return await maple_row(host)


@pytest.fixture
async def desk(app: Litestar, row: Neighbours) -> AsyncIterator[Desk]:
    async with desk_of(app, row) as opened:
        yield opened


def filled(desk: Desk, **changes: str) -> dict[str, str]:
    """200.00 at the bank and 30.00 in the tin; 25.00 of it Bea's, 5.00 nobody's."""
    return {
        "on": "2026-09-30", "bank": "200", "cash": "30", "suspense": "5",
        f"ahead-{desk.id_of('bea')}": "25", **changes,
    }  # fmt: skip


async def sound(host: Host) -> bool:
    return await verify_books(host, lambda _checked, _total: None) == []


async def test_it_is_written_down_and_split(
    app: Litestar, desk: Desk, row: Neighbours, host: Host
) -> None:
    assert "What was there before these books?" in words(await desk.look("/desk"))
    await desk.send(OPENING, **filled(desk))
    held = [await row.holds(c) for c in (chart.MAIN_BANK, chart.CASH, chart.SUSPENSE, chart.FUND)]
    assert held == [20000, 3000, 500, 20000]
    assert await row.member_holds("bea") == 2500
    page = words(await desk.look(OPENING))
    assert "You began with 230.00 euros." in page
    assert "bea bank, 30 September 2026 25.00" in page
    async with host.database.read() as db:
        waiting = await suspense.waiting(db, row.circle.id)
        report = await receipts_and_payments(db, row.circle.id, Period.parse("2026-09"))
    assert [one.transfer.amount_minor for one in waiting] == [500]
    assert report.came == [("opening", 23000)]
    # The same again is once; other figures are refused until it is undone.
    await desk.send(OPENING, **filled(desk))
    answer = await desk.send(OPENING, 409, **filled(desk, bank="210"))
    assert "Undo it first" in words(answer.text)
    async with desk_of(app, row, "bea") as bea:
        assert "Paid in before these books began" in words(await bea.look("/you/statement"))
    assert await sound(host)


async def test_undone_and_said_anew(desk: Desk, row: Neighbours, host: Host) -> None:
    await desk.send(OPENING, **filled(desk))
    await desk.send(OPENING + "/undo")
    await desk.send(OPENING + "/undo")
    assert await row.holds(chart.MAIN_BANK) == 0
    assert "What was there before these books?" in words(await desk.look(OPENING))
    await desk.send(OPENING, **filled(desk, bank="210"))
    assert await row.holds(chart.MAIN_BANK) == 21000
    # Once something else stands after it, only line by line.
    await desk.fill("/desk/money-in", **line(whose="gift"))
    assert "undo all of it" not in await desk.look(OPENING)
    await desk.send(OPENING + "/undo", 409)
    async with host.database.read() as db:
        stands = await openings.opening(db, row.circle.id)
        fund = next(t for t in stands.lines if t.credit == chart.FUND) if stands else None
    assert fund is not None
    await desk.fill(f"/desk/books/{fund.id.hex()}/undo")
    assert await sound(host)


async def test_we_start_at_zero_is_one_press(desk: Desk, host: Host) -> None:
    await desk.send(OPENING + "/nothing")
    await desk.send(OPENING + "/nothing")
    page = words(await desk.look(OPENING))
    assert "You began with nothing." in page
    assert "We start at zero" not in page
    await desk.send(OPENING, **filled(desk))
    await desk.send(OPENING + "/nothing", 409)
    assert await sound(host)


async def test_what_cannot_be_is_said_at_its_field(desk: Desk, row: Neighbours) -> None:
    answer = await desk.send(OPENING, 422, **filled(desk, bank="", cash=""))
    assert "Please write how much there was" in words(answer.text)
    answer = await desk.send(OPENING, 422, **filled(desk, suspense="300"))
    assert "more than was there" in words(answer.text)
    answer = await desk.send(OPENING, 422, **filled(desk, on="2027-01-01"))
    assert "has not come yet" in words(answer.text)
    assert await row.holds(chart.MAIN_BANK) == 0


_minor = st.integers(0, 10**6)


@given(bank=_minor, cash=_minor, ahead=st.lists(_minor, max_size=4), nobodys=_minor)
def test_the_lines_of_an_opening_add_up(
    bank: int, cash: int, ahead: list[int], nobodys: int
) -> None:
    began = Began(
        date(2026, 9, 30),
        bank,
        cash,
        {f"M{n:04}": amount for n, amount in enumerate(ahead) if amount},
        nobodys,
    )
    if began.fund_minor < 0:
        with pytest.raises(InvalidError):
            openings.transfers_of(began, 1)
        return
    lines = openings.transfers_of(began, 1)
    assert all(
        one.amount_minor > 0 and chart.allows(one.kind, one.debit, one.credit) for one in lines
    )
    by = {code: 0 for one in lines for code in (one.debit, one.credit)}
    for one in lines:
        by[one.debit] += one.amount_minor
        by[one.credit] += one.amount_minor
    assert by.get(chart.MAIN_BANK, 0) == bank
    assert by.get(chart.CASH, 0) == cash
    assert by.get(chart.SUSPENSE, 0) == nobodys
    assert by.get(chart.FUND, 0) == began.fund_minor
    assert {c: by[c] for c in by if "Members" in c} == {
        chart.member(n): amount for n, amount in began.ahead_minor.items()
    }
