"""The desk at a glance: the fund by month, and what is asked before it is booked."""

from __future__ import annotations

from litestar import Litestar

from circles.host import Host
from circles.ledger import books, chart
from circles.ledger.report import fund_by_month
from tests.desk.desk import desk_of, maple_row, words


async def test_the_fund_by_month_adds_up(app: Litestar, host: Host) -> None:
    """Each month's end is the one before, and what came in, less what went out."""
    row = await maple_row(host)
    await row.award("2026-10", {1: 6000}, carried=1500)
    async with host.database.read() as db:
        months = await fund_by_month(db, row.circle.id, "2026-10", 12)
        fund = await books.fund_minor(db, row.circle.id)
    assert [(m.month, m.in_minor, m.out_minor, m.end_minor) for m in months] == [
        ("2026-10", 7500, 6000, 1500)
    ]
    assert fund == 1500
    async with desk_of(app, row) as desk:
        html = await desk.look("/desk")
    assert "The fund by month" in words(html)
    assert 'class="chart"' in html
    assert "October 2026 75.00 60.00 15.00" in words(html)


async def test_an_empty_desk_draws_nothing(app: Litestar, host: Host) -> None:
    row = await maple_row(host)
    async with desk_of(app, row) as desk:
        html = await desk.look("/desk")
    assert 'class="chart"' not in html
    assert "/desk/import" in html


async def test_a_fee_beyond_the_banks_balance_is_asked_about(app: Litestar, host: Host) -> None:
    row = await maple_row(host)
    await row.pay_in("bea", 1000)
    fee = {"kind": "fee", "amount": "12", "on": "2026-10-01", "whose": ""}
    async with desk_of(app, row) as desk:
        asked = await desk.fill("/desk/other", 422, **fee)
        assert "more than the books have at the bank" in words(asked.text)
        assert 'name="sure"' in asked.text
        assert await row.holds(chart.MAIN_BANK) == 1000
        await desk.fill("/desk/other", **fee, sure="on")
        await desk.fill("/desk/other", **{**fee, "amount": "1"}, sure="on")
    assert await row.holds(chart.MAIN_BANK) == -300
