"""Money written down at the desk: what stands in the books, and what the page says."""

from __future__ import annotations

import re
from datetime import date

from litestar import Litestar

from circles.dues import dues
from circles.host import Host
from circles.ledger import books, chart
from circles.ledger.verify import verify_books
from tests.desk.desk import Desk, desk_of, line, maple_row, words
from tests.maple_row import Neighbours

MONTH = "2026-10"


async def journal(row: Neighbours) -> list[books.JournalLine]:
    async with row.host.database.read() as db:
        return await books.journal(db, row.circle.id, limit=50)


async def sound(host: Host) -> bool:
    return await verify_books(host, lambda _checked, _total: None) == []


async def test_a_quiet_desk_says_what_to_do(app: Litestar, host: Host) -> None:
    row = await maple_row(host)
    async with desk_of(app, row) as desk:
        seen = words(await desk.look("/desk"))
    assert "All quiet." in seen
    assert "Write down money that came in" in seen
    assert "The books are open and empty." in seen
    assert "Say first what was there before them, or that you start at zero." in seen
    async with desk_of(app, row) as desk:
        await desk.send("/desk/opening/nothing")
        assert "Say first" not in words(await desk.look("/desk"))


async def test_a_contribution_moves_on_to_the_fund_at_once(app: Litestar, host: Host) -> None:
    row = await maple_row(host)
    await dues.raise_dues(host, row.circle, MONTH)
    async with desk_of(app, row) as desk:
        answer = await desk.fill(
            "/desk/money-in", **line(amount="12,50", whose=desk.id_of("bea"), note="for October")
        )
        after = words((await desk.client.get(answer.headers["location"])).text)
        seen = words(await desk.look("/desk"))
    assert "bea paid in: 12.50 euros, 1 October. It has moved on to the fund." in after
    assert (await row.holds(chart.FUND), await row.member_holds("bea")) == (1000, 250)
    assert "bea’s month moved to the fund" in seen
    assert "Your bank should say 12.50" in seen
    paid = (await journal(row))[-1]
    assert (paid.transfer.actor, paid.note) == (row.marisol.actor, "for October")
    assert await sound(host)


async def test_cash_and_gifts(app: Litestar, host: Host) -> None:
    row = await maple_row(host)
    async with desk_of(app, row) as desk:
        await desk.fill("/desk/money-in", **line(amount="5", whose=desk.id_of("ines"), way="cash"))
        await desk.fill("/desk/money-in", **line(amount="20", whose="gift"))
        await desk.fill("/desk/other", kind="deposit", amount="5", on="2026-10-01")
        seen = words(await desk.look("/desk"))
    assert await row.member_holds("ines") == 500
    assert (await row.holds(chart.CASH), await row.holds(chart.MAIN_BANK)) == (0, 2500)
    assert "Cash brought to the bank" in seen
    assert "A gift" in seen


NO_AMOUNTS = {
    "": "Please write an amount",
    "0": "at least 0.01",
    "-5": "is no amount",
    "1e30": "is no amount",
    "NaN": "is no amount",
    "5.005": "more digits",
    "1.000": "can be read in two ways",
    "99999999999999": "more money than this page can count",
    "1.2OO,00": "is no amount",
}


async def test_an_amount_that_is_none_comes_back_filled(app: Litestar, host: Host) -> None:
    row = await maple_row(host)
    async with desk_of(app, row) as desk:
        whose = desk.id_of("bea")
        for typed, said in NO_AMOUNTS.items():
            typed_line = line(amount=typed, whose=whose, note="a jar")
            html = (await desk.fill("/desk/money-in", 422, **typed_line)).text
            assert said in words(html), typed
            assert f'name="amount" type="text" autocomplete="off" value="{typed}"' in html
            assert f'<option value="{whose}" selected>' in html
            assert 'aria-invalid="true"' in html
            assert "a jar</textarea>" in html
    assert await journal(row) == []


async def test_five_with_a_comma_is_five(app: Litestar, host: Host) -> None:
    row = await maple_row(host)
    async with desk_of(app, row) as desk:
        await desk.fill("/desk/money-in", **line(amount="5,00", whose=desk.id_of("bea")))
    assert await row.member_holds("bea") == 500


async def test_other_fields_are_looked_at_too(app: Litestar, host: Host) -> None:
    row = await maple_row(host)
    async with desk_of(app, row) as desk:
        for field, typed, said in (
            ("on", "2026-10-02", "has not come yet"),
            ("on", "2026-02-30", "a day that exists"),
            ("on", "0026-10-01", "Look at the year"),
            ("whose", "", "Please pick one"),
            ("whose", "00" * 16, "Please pick one"),
            ("way", "pigeon", "Please pick one"),
            ("note", "x" * 501, "At most 500"),
        ):
            answer = await desk.fill("/desk/money-in", 422, **line(**{field: typed}))
            assert said in words(answer.text), field
    assert await journal(row) == []


async def test_the_same_form_twice_counts_once(app: Litestar, host: Host) -> None:
    row = await maple_row(host)
    async with desk_of(app, row) as desk:
        html = await desk.look("/desk/money-in")
        key = re.findall(r'name="key" value="([0-9a-f]{32})"', html)[0]
        for _ in range(2):
            await desk.send("/desk/money-in", key=key, **line(whose=desk.id_of("bea")))
        other = await desk.send("/desk/money-in", 409, key=key, **line(amount="11"))
    assert "sent before, with other words" in words(other.text)
    assert await row.member_holds("bea") == 1000


async def test_unclaimed_money_waits_until_it_has_an_owner(app: Litestar, host: Host) -> None:
    row = await maple_row(host)
    await dues.raise_dues(host, row.circle, MONTH)
    async with desk_of(app, row) as desk:
        await desk.fill("/desk/money-in", **line(amount="10", note="J. Weber, DANKE"))
        html = await desk.look("/desk")
        seen = words(html)
        assert "One thing waits." in seen
        assert "One sum that nobody has claimed: 10.00." in seen
        assert "J. Weber, DANKE" in seen
        (path,) = set(re.findall(r"/in(/desk/unclaimed/[0-9a-f]{32})", html))
        await desk.fill(path, 422, whose="", on="2026-10-01")
        for _ in range(2):
            await desk.send(path, whose=desk.id_of("jonas"), on="2026-10-01")
        await desk.send(path, 409, whose=desk.id_of("bea"), on="2026-10-01")
        await desk.look(path, 409)
        assert "All quiet." in words(await desk.look("/desk"))
    assert (await row.holds(chart.SUSPENSE), await row.holds(chart.FUND)) == (0, 1000)
    assert await sound(host)


async def test_a_wrong_owner_is_undone_and_found_again(app: Litestar, host: Host) -> None:
    row = await maple_row(host)
    await dues.raise_dues(host, row.circle, MONTH)
    async with desk_of(app, row) as desk:
        await desk.fill("/desk/money-in", **line(amount="10"))
        path = re.findall(r"/in(/desk/unclaimed/[0-9a-f]{32})", await desk.look("/desk"))[0]
        await desk.fill(path, whose=desk.id_of("jonas"), on="2026-10-01")
        (first, found, _moved) = reversed(await journal(row))
        refused = await desk.send(f"/desk/books/{first.transfer.id.hex()}/undo", 409)
        assert "has found an owner" in words(refused.text)
        await desk.send(f"/desk/books/{found.transfer.id.hex()}/undo")
        await desk.fill(path, whose=desk.id_of("ines"), on="2026-10-01")
    assert await row.holds(chart.FUND) == 1000
    assert await row.member_holds("ines") == 0
    assert await sound(host)


async def undo_path(row: Neighbours, kind: str) -> str:
    entry = next(e for e in await journal(row) if e.transfer.kind == kind)
    return f"/desk/books/{entry.transfer.id.hex()}/undo"


async def test_undoing_says_first_what_it_does(app: Litestar, host: Host) -> None:
    row = await maple_row(host)
    await dues.raise_dues(host, row.circle, MONTH)
    async with desk_of(app, row) as desk:
        await desk.fill("/desk/money-in", **line(whose=desk.id_of("bea")))
        path = await undo_path(row, "contribution")
        seen = words(await desk.look(path))
        assert "Undo this line?" in seen
        assert "moved on to the fund. That step is taken back too" in seen
        assert len(await journal(row)) == 2
        for _ in range(2):
            await desk.send(path, note="it was wren’s")
        assert "It is undone." in words(await desk.look(path))
        assert "(undone)" in words(await desk.look("/desk/books"))
    assert len(await journal(row)) == 4
    assert (await row.holds(chart.FUND), await row.holds(chart.MAIN_BANK)) == (0, 0)
    assert await sound(host)


async def test_what_belongs_to_a_round_is_not_undone_here(app: Litestar, host: Host) -> None:
    row = await maple_row(host)
    await row.award(MONTH, {1: 6000}, 500)
    async with desk_of(app, row) as desk:
        path = await undo_path(row, "allocate")
        assert "This line stays." in words(await desk.look(path))
        answer = await desk.send(path, 409)
        assert "belongs to a round or a payment" in words(answer.text)
    assert await sound(host)


async def test_a_note_is_rubbed_out_and_the_line_stays(app: Litestar, host: Host) -> None:
    row = await maple_row(host)
    async with desk_of(app, row) as desk:
        await desk.fill("/desk/money-in", **line(whose="gift", note="from aunt Ida"))
        assert "from aunt Ida" in words(await desk.look("/desk/books"))
        path = await undo_path(row, "gift")
        await desk.send(path.replace("undo", "erase-note"))
        assert "aunt Ida" not in await desk.look("/desk/books")
    assert len(await journal(row)) == 1
    assert await sound(host)


async def test_a_fee_is_always_booked_and_paid_when_it_can_be(app: Litestar, host: Host) -> None:
    row = await maple_row(host)
    async with desk_of(app, row) as desk:
        await desk.send("/desk/opening", bank="50", on="2026-10-01")
        await desk.fill("/desk/other", kind="fee", amount="1.20", on="2026-10-01")
        assert await row.holds(chart.FUND) == 4880
        async with host.database.begin() as db:
            await books.reserve_fund(db, row.circle.id, MONTH, 0, row.now)
        # Between the close and the count the fund holds nothing: the fact is kept beside it.
        await desk.fill("/desk/other", kind="fee", amount="2", on="2026-10-01")
        assert (await row.holds(chart.FUND), await row.holds(chart.RETURNED)) == (0, 200)
        assert await row.holds(chart.MAIN_BANK) == 4680
        assert "A bank fee that the fund could not pay on its day: 2.00." in words(
            await desk.look("/desk")
        )
        await desk.send("/desk/fees", 409)
        async with host.database.begin() as db:
            await books.allocate(db, row.circle.id, MONTH, {1: 4000}, 880, 0, row.now)
        assert "Let the fund pay it" in words(await desk.look("/desk/fees"))
        for _ in range(2):
            await desk.send("/desk/fees")
        assert "No fee waits." in words(await desk.look("/desk/fees"))
        await desk.fill("/desk/other", kind="interest", amount="0.01", on="2026-10-01")
    assert (await row.holds(chart.FUND), await row.holds(chart.RETURNED)) == (681, 0)
    assert await sound(host)


async def test_money_is_given_back_only_as_far_as_it_is_theirs(app: Litestar, host: Host) -> None:
    row = await maple_row(host)
    await row.pay_in("tomasz", 700)
    back = {"kind": "refund", "on": "2026-10-01", "whose": row.tomasz.book_number}
    async with desk_of(app, row) as desk:
        answer = await desk.fill("/desk/other", 409, amount="7.01", **back)
        assert "more than this member has left" in words(answer.text)
        await desk.fill("/desk/other", amount="7", **back)
        assert "Given back to tomasz" in words(await desk.look("/desk"))
        assert (await row.member_holds("tomasz"), await row.holds(chart.MAIN_BANK)) == (0, 0)
        for _ in range(2):
            await desk.send(await undo_path(row, "refund"))
    assert (await row.member_holds("tomasz"), await row.holds(chart.MAIN_BANK)) == (700, 700)
    assert await sound(host)


async def test_a_closed_period_is_said_beside_the_day(app: Litestar, host: Host) -> None:
    row = await maple_row(host)
    async with host.database.begin() as db:
        await books.close_through(
            db, row.circle.id, date(2026, 9, 30), actor=row.marisol.actor, now=row.now
        )
    async with desk_of(app, row) as desk:
        closed = line(whose=desk.id_of("bea"), on="2026-09-30")
        html = (await desk.fill("/desk/money-in", 409, **closed)).text
        assert "closed up to 30 September 2026" in words(html)
        assert 'id="on-trouble"' in html
        await desk.fill("/desk/money-in", **line(whose=desk.id_of("bea")))
    assert await row.member_holds("bea") == 1000
    assert await sound(host)


async def test_long_books_turn_their_pages(app: Litestar, host: Host) -> None:
    row = await maple_row(host)
    for _ in range(52):
        await row.pay_in("bea", 100)
    async with desk_of(app, row) as desk:
        first = await desk.look("/desk/books")
        assert first.count("bea paid in") == 100
        (older,) = re.findall(r'href="[^"]*(/desk/books\?before=\d+)"', first)
        assert (await desk.look(older)).count("bea paid in") == 4
        assert "There are no older lines." in words(await desk.look("/desk/books?before=1"))
        await desk.look("/desk/books?before=nonsense")


async def refused(desk: Desk, *paths: str) -> None:
    for path in paths:
        await desk.look(path, 403)


async def test_only_the_treasurer_sits_here(app: Litestar, host: Host) -> None:
    row = await maple_row(host)
    await row.pay_in("bea", 700)
    path = await undo_path(row, "contribution")
    pages = ("/desk", "/desk/money-in", "/desk/other", "/desk/fees", "/desk/books", path)
    for name in ("bea", "wren"):
        async with desk_of(app, row, name) as desk:
            await refused(desk, *pages)
            await desk.send("/desk/money-in", 403, **line())
            await desk.send(path, 403)
    assert len(await journal(row)) == 1


async def test_a_line_that_is_not_there(app: Litestar, host: Host) -> None:
    row = await maple_row(host)
    async with desk_of(app, row) as desk:
        for path in ("/desk/books/zz/undo", f"/desk/books/{'0' * 32}/undo", "/desk/payments/x"):
            await desk.look(path, 404)
