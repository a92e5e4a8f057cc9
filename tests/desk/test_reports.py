"""Receipts and payments, statements, and the files of the books, as the treasurer sees them."""

from __future__ import annotations

import itertools
import json
import re
from collections import Counter
from pathlib import Path

import pytest
from litestar import Litestar

from circles.host import Host
from circles.ledger import books, chart
from circles.ledger.export import FORMATS, Period
from circles.ledger.report import Report, is_place, receipts_and_payments
from tests.desk.desk import desk_of, line, maple_row, words
from tests.ledger.readers import complaints
from tests.ledger.years import YEAR, Year, a_year


async def report(host: Host, circle_id: bytes, period: str) -> Report:
    async with host.database.read() as db:
        return await receipts_and_payments(db, circle_id, Period.parse(period))


def adds_up(one: Report) -> bool:
    """What was there, and came, and went, is what is there; and it is all for something."""
    before = sum(purpose.before_minor for purpose in one.purposes)
    after = sum(purpose.after_minor for purpose in one.purposes)
    moved = one.before_minor + one.came_minor - one.went_minor == one.after_minor
    return moved and before == one.before_minor and after == one.after_minor


async def test_months_and_year_add_up_and_are_the_books(host: Host) -> None:
    circle_id = await a_year(host.database, months=4)
    year = await report(host, circle_id, str(YEAR))
    months = [await report(host, circle_id, f"{YEAR}-{n:02}") for n in range(1, 13)]
    assert all(map(adds_up, [year, *months]))
    for earlier, later in itertools.pairwise(months):
        assert earlier.after_minor == later.before_minor
    came, went = Counter[str](), Counter[str]()
    for month in months:
        came.update(dict(month.came))
        went.update(dict(month.went))
    assert (came, went) == (Counter(dict(year.came)), Counter(dict(year.went)))
    async with host.database.read() as db:
        held = await books.balances(db, circle_id)
    for one in (year, months[-1]):
        assert {p.name: p.after_minor for p in one.places} == {
            code: amount for code, amount in held.items() if is_place(code)
        }


async def test_a_month_by_hand(host: Host) -> None:
    """Of the made-up year, by its own figures: slips that were taken back count as nothing."""
    circle_id = await a_year(host.database, months=2)
    second = await report(host, circle_id, f"{YEAR}-02")
    assert dict(second.went) == {
        "payout_settled": 4000 + 1500,
        "refund": 60,
        "cash_missing": 31,
        "fee": 150 + 45,
        "returned": 1000,
    }
    came = dict(second.came)
    assert came.pop("contribution") > 0
    assert came == {
        "contribution_unidentified": 501,
        "gift": 250,
        "interest": 2,
        "cash_found": 17,
        "contribution_returned": 993,
        "payout_returned": 1500,
    }


async def test_a_correction_counts_in_its_own_month(host: Host) -> None:
    circle_id = await a_year(host.database, months=0)
    year = Year(host.database, circle_id, 1)
    jan, feb = Period.parse(f"{YEAR}-01"), Period.parse(f"{YEAR}-02")
    async with host.database.begin() as db:
        new = books.NewTransfer("gift", chart.CASH, chart.FUND, 700, jan.last)
        (gift,) = await year.book(db, new)
        await books.reverse(
            db, circle_id, gift.id, actor=7, now=host.clock.now(), effective_on=feb.first
        )
    first, second = await report(host, circle_id, jan.name), await report(host, circle_id, feb.name)
    assert (first.came, first.after_minor) == ([("gift", 700)], 700)
    assert (second.came, second.after_minor) == ([("gift", -700)], 0)


async def test_the_page_says_what_the_books_say(app: Litestar, host: Host) -> None:
    row = await maple_row(host)
    async with desk_of(app, row) as desk:
        await desk.fill("/desk/money-in", **line(amount="25", whose=desk.id_of("bea")))
        await desk.fill("/desk/money-in", **line(amount="4", way="cash", whose="gift"))
        await desk.fill("/desk/other", kind="fee", amount="1.50", on="2026-10-01")
        await desk.fill(
            "/desk/other", kind="refund", amount="5", on="2026-10-01", whose=row.bea.book_number
        )
        month = words(await desk.look("/desk/report"))
        year = words(await desk.look("/desk/report?period=2026"))
        earlier = words(await desk.look("/desk/report?period=2026-09"))
        await desk.look("/desk/report?period=2026-13", 404)
    for said in (month, year):
        for figure in (
            "There before 0.00",
            "Paid in by members 25.00",
            "Gifts 4.00",
            "Came in 29.00",
            "Given back to members 5.00",
            "Bank fees 1.50",
            "Went out 6.50",
            "There at the end 22.50",
            "In the cash tin 0.00 4.00",
            "At the bank 0.00 18.50",
        ):
            assert figure in said, (figure, said)
    assert "There at the end 0.00" in earlier


async def test_one_pages_back_to_where_the_books_begin_and_no_further(
    app: Litestar, host: Host
) -> None:
    row = await maple_row(host)
    async with desk_of(app, row) as desk:
        assert 'report?period=2026-09"' not in await desk.look("/desk/report")
        await desk.fill("/desk/money-in", **line(amount="25", on="2026-09-30"))
        assert 'report?period=2026-09"' in await desk.look("/desk/report")
        for first in ("2026-09", "2026"):
            page = await desk.look(f"/desk/report?period={first}")
            assert 'report?period=2026-08"' not in page
            assert 'report?period=2025"' not in page


async def test_a_member_and_the_treasurer_see_the_same_lines(app: Litestar, host: Host) -> None:
    row = await maple_row(host)
    number = row.bea.book_number
    async with desk_of(app, row) as desk:
        await desk.fill("/desk/money-in", **line(amount="7", whose=desk.id_of("bea")))
        await desk.fill("/desk/money-in", **line(amount="9", whose=desk.id_of("ines")))
        theirs = words(await desk.look(f"/desk/members/{number}"))
        await desk.look("/desk/members/M99999999", 404)
        await desk.look("/desk/members/nobody", 404)
    async with desk_of(app, row, "bea") as desk:
        own = words(await desk.look("/you/statement"))
    assert "The lines of bea." in theirs
    assert "Your lines in the books." in own
    table = re.compile(r"Held after it (.*?)(?: All of it|have not moved)")
    found = [match[1] for said in (own, theirs) if (match := table.search(said))]
    assert len(found) == 2
    assert found[0] == found[1]
    assert "1 October 2026 Paid in +7.00 7.00" in found[0]
    assert "9.00" not in own


@pytest.mark.hledger
async def test_the_books_are_files_to_keep(app: Litestar, host: Host, tmp_path: Path) -> None:
    row = await maple_row(host)
    async with desk_of(app, row) as desk:
        await desk.fill("/desk/money-in", **line(amount="7", whose=desk.id_of("bea"), note="=1+1"))
        for page in ("/desk/books", "/desk/report"):
            links = re.findall(r'href="[^"]*/in(/desk/export/(\w+)[^"]*)"', await desk.look(page))
            assert [kind for _path, kind in links if kind in FORMATS] == [k for _p, k in links]
            assert {kind for _path, kind in links} == set(FORMATS)
            for path, _kind in links:
                assert "7.00" in await desk.look(path) or "700" in await desk.look(path)
        answer = await desk.client.get(f"{desk.base}/desk/export/hledger?period=2026-10")
        for wrong in ("pdf", "csv?period=x"):
            await desk.look(f"/desk/export/{wrong}", 404)
        lines = (await desk.look("/desk/export/jsonl?period=2026-09")).splitlines()
    name = f'attachment; filename="{row.circle.slug}-books-2026-10.hledger.journal"'
    assert answer.headers["content-disposition"] == name
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-content-type-options"] == "nosniff"
    path = tmp_path / "books.journal"
    path.write_bytes(answer.content)
    assert complaints("hledger", path) == ""
    assert json.loads(lines[-1])["transfers"] == 0
