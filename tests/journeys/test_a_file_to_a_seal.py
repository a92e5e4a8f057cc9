"""A treasurer's sitting: the bank's file brought in, every line given its place, the month closed
by two people and sealed in the public log. In Chromium with script, and the same without.

Then what outsiders say: `circles-verify` of the published record, the verifier of the books, and
hledger's account of the export against the figures on the desk.
"""

from __future__ import annotations

import asyncio
import re
import sys
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from playwright.async_api import Browser, expect

from circles import log
from circles.circle import reference
from circles.clock import MovableClock
from circles.dues import dues
from circles.ledger import books, chart, export
from circles.ledger.verify import verify_books
from circles.protocol.messages import Seal, parse_entry
from tests.conftest import Served
from tests.desk.desk import maple_row
from tests.desk.test_import import camt
from tests.journeys.phones import Phone
from tests.ledger.readers import hledger_balances
from tests.maple_row import Neighbours
from tests.neighbours import PASSPHRASE

OCTOBER, NOVEMBER = (datetime(2026, month, 3, 9, 0, tzinfo=UTC) for month in (10, 11))


async def october(served: Served, clock: MovableClock) -> Neighbours:
    """Six neighbours who pledged 10.00 each; October's dues wait."""
    clock.set_round(OCTOBER)
    row = await maple_row(served.host)
    async with served.host.database.begin() as db:
        await log.found(db, served.host.vault, row.circle.id, row.circle.log_origin)
    await dues.raise_dues(served.host, row.circle, "2026-10")
    return row


def statement_of(row: Neighbours) -> str:
    """What the bank says of October: four by their reference, one by name, a fee, a stranger."""
    reference_of = {name: reference.of(one.book_number) for name, one in row.members.items()}
    return camt(
        (1, "10.00", f"Dauerauftrag {reference_of['bea']} DANKE"),
        (2, "10.00", f"monthly {reference_of['jonas'].lower()}"),
        (2, "10.00", f"SVWZ+{reference_of['wren'][:9]} {reference_of['wren'][9:]}"),
        (5, "10.00", reference_of["tomasz"]),
        (6, "10.00", "INES D. FOR OUR FUND"),
        (7, "3.33", "FOUND IN AN OLD COAT"),
        (30, "-2.50", "KONTOFUEHRUNG 10/2026"),
    )


@pytest.mark.parametrize("script", [True, False], ids=["with-script", "without-script"])
@pytest.mark.hledger
async def test_from_the_file_to_the_seal(
    served: Served, clock: MovableClock, browser: Browser, tmp_path: Path, script: bool
) -> None:
    row = await october(served, clock)
    file = tmp_path / "october.xml"
    file.write_text(statement_of(row), "utf-8")
    treasurer = await sign_in(browser, served, row, "marisol", script=script)
    await bring_in(treasurer, row, file)
    await give_each_its_place(treasurer, row)
    clock.set_round(NOVEMBER)
    second = await sign_in(browser, served, row, "bea", script=script)
    await close(treasurer, second, row)
    for phone in (treasurer, second):
        await phone.close()
    await look_from_outside(served, row, tmp_path)


async def sign_in(
    browser: Browser, served: Served, row: Neighbours, handle: str, *, script: bool
) -> Phone:
    phone = await Phone.of(browser, handle, served.url, script=script)
    await phone.open(f"{row.circle.path}/sign-in")
    await phone.fill(handle=handle, passphrase=PASSPHRASE)
    await phone.press("Sign in")
    await expect(phone.page).to_have_url(re.compile(f"{row.circle.path}/in"))
    return phone


async def bring_in(phone: Phone, row: Neighbours, file: Path) -> None:
    await phone.open(f"{row.circle.path}/in/desk")
    await phone.follow("Bring in a file from the bank")
    await phone.page.locator('input[type="file"]').set_input_files(file)
    await phone.press("Look at it")
    await phone.reads("Seven new lines.")
    assert await row.holds(chart.MAIN_BANK) == 0, "nothing is kept before somebody says so"
    await phone.page.get_by_label("Yes, it is ours").check()
    await phone.press("Bring them in")
    await phone.follow("Look at what waits")
    await phone.reads("Seven lines wait.")


async def give_each_its_place(phone: Phone, row: Neighbours) -> None:
    await phone.press("Book these four")
    await phone.sees("Four lines are booked.")
    for amount in ("+10.00", "\u22122.50"):
        await phone.press(f"Yes, that is it : The bank names nobody, {amount}")
        await phone.sees("It is booked.")
    await phone.press("Put it aside : The bank names nobody, +3.33")
    await phone.reads("Every line is explained.")
    await phone.sees("Waits")
    assert await row.holds(chart.MAIN_BANK) == 5083
    assert await row.holds(chart.SUSPENSE) == 333
    assert await row.holds(chart.FUND) == 4750, "five pledges, less the fee"
    # One was wrong: taken back, it waits again, and is given its place anew.
    again = phone.page.get_by_role("link", name="It was not that : The bank names nobody, +10.00")
    await again.first.click()
    await phone.press("Take it back")
    await phone.reads("What was it?")
    await phone.page.get_by_label(re.compile("^From (bea|ines|jonas|tomasz|wren)")).first.check()
    await phone.press("That is what it was")
    await phone.reads("Every line is explained.")
    assert await row.holds(chart.FUND) == 4750


async def close(treasurer: Phone, second: Phone, row: Neighbours) -> None:
    desk = f"{row.circle.path}/in/desk"
    await treasurer.open(desk)
    await treasurer.follow("Compare with the bank and close the month")
    await treasurer.reads("October 2026 can be closed.")
    await treasurer.page.get_by_label("Nothing moved at the bank after 30 October").check()
    await treasurer.page.get_by_label("I have looked at what is nobody").check()
    await treasurer.press("Propose to close October 2026")
    await treasurer.reads("October 2026 waits for a second person.")
    await second.open(f"{row.circle.path}/in/closes")
    await second.reads("Do bank and books say the same?")
    await second.sees("50.83")
    await second.page.get_by_label("I have seen what the bank says").check()
    await second.press("Yes, close October 2026")
    await second.reads("Closed up to October 2026.")
    await treasurer.open(f"{desk}/reconcile?month=2026-10")
    await treasurer.reads("October 2026 is closed.")


async def look_from_outside(served: Served, row: Neighbours, tmp_path: Path) -> None:
    host = served.host
    async with host.database.read() as db:
        records = [parse_entry(entry.data) for entry in await log.entries(db, row.circle.id)]
        closed = await books.balances(db, row.circle.id)
        exported: list[str] = []
        await export.export(
            db, row.circle.id, "Maple Row", "hledger", None, exported.append, lambda _a, _b: None
        )
    (seal,) = [record for record in records if isinstance(record, Seal)]
    assert (seal.month, seal.fund_minor) == ("2026-10", 4750)
    assert await verify_books(host, lambda _a, _b: None, {row.circle.id: [seal]}) == []
    checked = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "circles.verifier", f"{served.url}{row.circle.path}",
        stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    said, _ = await asyncio.wait_for(checked.communicate(), 60)
    assert checked.returncode == 0, said.decode()
    journal = tmp_path / "books.journal"
    journal.write_text("".join(exported), "utf-8")
    balances = await asyncio.to_thread(hledger_balances, journal)
    figures = {code: abs(Decimal(amount)) / 100 for code, amount in closed.items() if amount}
    assert {code: abs(amount) for code, amount in balances.items() if amount} == figures
