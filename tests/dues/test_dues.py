"""A pledge becomes money when the money is there, once, and at once."""

from __future__ import annotations

import asyncio

import pytest

from circles.dues import dues
from circles.host import Host
from circles.ledger import books, chart
from circles.ledger.books import NewTransfer, NotCoveredError
from circles.ledger.verify import verify_books
from circles.members import pledges
from tests.maple_row import Neighbours, neighbours

MONTH = "2026-10"


async def settle(circle: Neighbours) -> int:
    async with circle.host.database.begin() as db:
        return await dues.settle(db, circle.circle, circle.now)


async def states(circle: Neighbours, name: str) -> list[tuple[str, str]]:
    async with circle.host.database.read() as db:
        found = await pledges.dues_of(db, circle.members[name].id)
    return [(due.month, due.state) for due in found]


async def test_covered_dues_move_when_the_round_starts_and_the_rest_waits(host: Host) -> None:
    row = await neighbours(host)
    await row.pay_in("wren", 1000)
    await row.pay_in("bea", 2500)
    await row.pay_in("ines", 999)
    assert await dues.raise_dues(host, row.circle, MONTH) == 6
    assert await row.holds(chart.FUND) == 2000
    assert [await row.member_holds(n) for n in ("wren", "bea", "ines")] == [0, 1500, 999]
    assert await states(row, "wren") == [(MONTH, "moved")]
    assert await states(row, "ines") == [(MONTH, "waiting")]
    assert await verify_books(host, lambda _checked, _total: None) == []


async def test_raising_and_settling_again_moves_nothing_twice(host: Host) -> None:
    row = await neighbours(host)
    await row.pay_in("wren", 5000)
    assert await dues.raise_dues(host, row.circle, MONTH) == 6
    assert await dues.raise_dues(host, row.circle, MONTH) == 0
    assert await settle(row) == 0
    assert await row.member_holds("wren") == 4000


async def test_money_that_arrives_later_moves_at_once(host: Host) -> None:
    row = await neighbours(host)
    await dues.raise_dues(host, row.circle, MONTH)
    await row.pay_in("ines", 600)
    assert await settle(row) == 0
    await row.pay_in("ines", 600)
    assert await settle(row) == 1
    assert (await row.holds(chart.FUND), await row.member_holds("ines")) == (1000, 200)


async def test_paused_skipped_and_looking_on_owe_nothing(host: Host) -> None:
    row = await neighbours(host)
    async with host.database.begin() as db:
        await pledges.pause(db, row.wren.id, paused=True, at=row.now)
        await pledges.skip(db, row.bea.id, MONTH)
        await pledges.change(db, row.circle, row.ines.id, 0, row.now)
    for name in ("wren", "bea", "ines"):
        await row.pay_in(name, 1000)
    assert await dues.raise_dues(host, row.circle, MONTH) == 3
    assert await row.holds(chart.FUND) == 0


async def test_two_settling_at_once_move_once(host: Host) -> None:
    row = await neighbours(host)
    await dues.raise_dues(host, row.circle, MONTH)
    for name in row.members:
        await row.pay_in(name, 1500)
    assert sum(await asyncio.gather(*(settle(row) for _ in range(4)))) == 6
    assert await row.holds(chart.FUND) == 6000
    assert await verify_books(host, lambda _checked, _total: None) == []


async def test_a_contribution_to_the_wrong_member_is_undone_with_what_followed(host: Host) -> None:
    row = await neighbours(host)
    await dues.raise_dues(host, row.circle, MONTH)
    wrong = await row.pay_in("bea", 1000)
    assert await settle(row) == 1
    async with host.database.begin() as db:
        undone = await dues.undo_contribution(
            db, row.circle, wrong.id, actor=row.marisol.actor, now=row.now, note="was wren’s"
        )
    assert undone == 1
    assert (await row.holds(chart.FUND), await row.member_holds("bea")) == (0, 0)
    assert await states(row, "bea") == [(MONTH, "waiting")]
    # When bea's own money comes it counts for the month after all.
    await row.pay_in("bea", 1000)
    assert await settle(row) == 1
    assert await row.holds(chart.FUND) == 1000
    assert await verify_books(host, lambda _checked, _total: None) == []


async def test_what_the_fund_no_longer_holds_cannot_be_undone(host: Host) -> None:
    row = await neighbours(host)
    await dues.raise_dues(host, row.circle, MONTH)
    wrong = await row.pay_in("bea", 1000)
    await settle(row)
    async with host.database.begin() as db:
        await books.reserve_fund(db, row.circle.id, MONTH, 0, row.now)
    with pytest.raises(NotCoveredError):
        async with host.database.begin() as db:
            await dues.undo_contribution(db, row.circle, wrong.id, actor=1, now=row.now)
    assert await row.holds(chart.round_of(MONTH)) == 1000
    assert await states(row, "bea") == [(MONTH, "moved")]


async def test_an_unpledged_contribution_is_simply_reversed(host: Host) -> None:
    row = await neighbours(host)
    wrong = await row.pay_in("bea", 700)
    async with host.database.begin() as db:
        assert await dues.undo_contribution(db, row.circle, wrong.id, actor=1, now=row.now) == 0
    assert await row.member_holds("bea") == 0


async def test_a_day_in_the_books_is_the_circles_own(host: Host) -> None:
    row = await neighbours(host)
    late = row.now.replace(hour=23, minute=30)
    assert dues.local_day(row.circle, late).isoformat() == "2026-10-02"
    new = NewTransfer("gift", chart.CASH, chart.FUND, 1, dues.local_day(row.circle, late))
    async with host.database.begin() as db:
        entry = await books.record(db, row.circle.id, [new], key=None, now=late)
    assert entry.transfers[0].recorded_at == late
