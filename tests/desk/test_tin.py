"""The tin counted: by two, with a reason; the fund loses or gains."""

from __future__ import annotations

import re

from circles.ledger import books, cash_counts, chart
from circles.ledger.books import NewTransfer
from circles.ledger.verify import verify_books
from tests.desk.desk import Desk, line, words
from tests.desk.test_closing import pinned
from tests.maple_row import Neighbours

OCTOBER = {"on": "2026-10-31", "reason": "Change at the fair"}


async def waits(desk: Desk) -> str:
    """The id of the count that waits, as the second person's page has it."""
    (found,) = re.findall(r'name="count" value="([0-9a-f]{32})"', await desk.look("/tin"))
    return str(found)


async def newest(row: Neighbours) -> books.JournalLine:
    async with row.host.database.read() as db:
        return (await books.journal(db, row.circle.id, limit=1))[0]


async def is_sound(row: Neighbours) -> bool:
    return await verify_books(row.host, lambda _checked, _total: None) == []


async def test_a_month_with_money_missing_from_the_tin_is_closed(
    treasurer: Desk, bea: Desk, row: Neighbours
) -> None:
    fund = await row.holds(chart.FUND)
    refused = await treasurer.send("/desk/reconcile", 409, month="2026-10", bank="30", cash="3.50")
    assert "two of you write down what is missing" in words(refused.text)
    assert 'href="/c/maple-row/in/desk/tin?on=2026-10-31"' in refused.text
    assert "At the end of 31 October the books say 4.00" in words(
        await treasurer.look("/desk/tin?on=2026-10-31")
    )
    unsaid = await treasurer.send("/desk/tin", 422, counted="3.50", on="2026-10-31", reason="")
    assert 'value="3.50"' in unsaid.text
    same = await treasurer.send("/desk/tin", 400, counted="4", **OCTOBER)
    assert "That is what the books say too." in words(same.text)
    for _twice in range(2):
        await treasurer.send("/desk/tin", counted="3.50", **OCTOBER)
    assert (await pinned(row)).count("tin-counted") == 1
    assert "waits for a second person to count it" in words(await treasurer.look("/desk"))
    count = await waits(bea)
    seen = words(await bea.look("/tin"))
    assert "Missing 0.50" in seen
    assert "Change at the fair" in seen
    # Nobody alone, and not two who counted different sums.
    await treasurer.send("/tin", 403, count=count, counted="3.50")
    other = await bea.send("/tin", 422, count=count, counted="3.40")
    assert "You two counted different sums." in words(other.text)
    for _twice in range(2):
        await bea.send("/tin", count=count, counted="3.50")
    booked = (await newest(row)).transfer
    assert (booked.kind, booked.amount_minor) == ("cash_missing", 50)
    assert booked.actor == row.marisol.actor
    assert cash_counts.confirmer_of(booked.business_ref) == row.bea.actor
    assert (await newest(row)).note == "Change at the fair"
    assert await row.holds(chart.CASH) == 350
    assert await row.holds(chart.FUND) == fund - 50
    assert "tin-missing" in await pinned(row)
    assert "Missing from the tin 0.50" in words(await treasurer.look("/desk/report?period=2026-10"))
    assert "No count waits." in words(await bea.look("/tin"))
    await treasurer.send("/desk/reconcile", month="2026-10", bank="30", cash="3.50")
    assert await is_sound(row)


async def test_too_much_in_the_tin_goes_to_the_fund(
    treasurer: Desk, bea: Desk, row: Neighbours
) -> None:
    fund = await row.holds(chart.FUND)
    await treasurer.send("/desk/tin", counted="4.20", **OCTOBER)
    await bea.send("/tin", count=await waits(bea), counted="4.20")
    assert (await newest(row)).transfer.kind == "cash_found"
    assert await row.holds(chart.FUND) == fund + 20
    page = await treasurer.look("/desk/books")
    assert "More in the tin than the books said" in words(page)
    assert f"{(await newest(row)).transfer.id.hex()}/undo" not in page
    assert await is_sound(row)


async def test_what_the_fund_does_not_hold_is_said_with_what_to_do(
    treasurer: Desk, row: Neighbours
) -> None:
    async with row.host.database.begin() as db:
        await books.reserve_fund(db, row.circle.id, "2026-10", 0, row.now)
    answer = await treasurer.send("/desk/tin", 409, counted="1", **OCTOBER)
    assert "It is the fund that bears what is missing" in words(answer.text)
    assert "count again" in words(answer.text)
    assert 'value="1"' in answer.text


async def test_a_count_is_of_the_tin_as_it_was(treasurer: Desk, bea: Desk, row: Neighbours) -> None:
    await treasurer.send("/desk/tin", counted="3", **OCTOBER)
    count = await waits(bea)
    await treasurer.fill(
        "/desk/money-in", **line(amount="2", whose="gift", way="cash", on="2026-10-30")
    )
    assert "The tin is counted anew." in words(await bea.look("/tin"))
    stale = await bea.send("/tin", 409, count=count, counted="3")
    assert "The tin is counted anew." in words(stale.text)
    await treasurer.send("/desk/tin/withdraw", count=count)
    gone = await bea.send("/tin", 409, count=count, counted="3")
    assert "No count waits." in words(gone.text)
    # A later day's cash changes nothing of that one.
    await treasurer.send("/desk/tin", counted="5", **OCTOBER)
    await treasurer.fill(
        "/desk/money-in", **line(amount="2", whose="gift", way="cash", on="2026-11-02")
    )
    await bea.send("/tin", count=await waits(bea), counted="5")
    assert await row.holds(chart.CASH) == 700
    assert await is_sound(row)


async def test_a_difference_with_one_name_is_found(row: Neighbours) -> None:
    async with row.host.database.begin() as db:
        for ref in (None, cash_counts.ref_of(bytes(16), 7)):
            new = NewTransfer("cash_missing", chart.FUND, chart.CASH, 5, row.now.date(), actor=7,
                              business_ref=ref)  # fmt: skip
            await books.record(db, row.circle.id, [new], key=None, now=row.now)
    problems = await verify_books(row.host, lambda _checked, _total: None)
    assert [one.check for one in problems] == ["count", "count"]
