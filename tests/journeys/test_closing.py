"""A month closed by two neighbours, from the desk to the public log, with script and without.

Money and a count as a treasurer writes them by hand; the bank's own file takes the same way.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest
from litestar import Litestar
from playwright.async_api import Browser, BrowserContext, Page, expect

from circles import archive, log
from circles.clock import MovableClock
from tests.conftest import Served
from tests.desk.desk import maple_row
from tests.journeys.test_a_month import circles_verify
from tests.maple_row import Neighbours
from tests.neighbours import PASSPHRASE

NOVEMBER = datetime(2026, 11, 3, 9, 0, tzinfo=UTC)


async def signed_in(context: BrowserContext, row: Neighbours, name: str) -> Page:
    page = await context.new_page()
    await page.goto(f"{row.host.settings.url}{row.circle.path}/sign-in")
    await page.fill("[name=handle]", name)
    await page.fill("[name=passphrase]", PASSPHRASE)
    await page.keyboard.press("Enter")
    await page.wait_for_url("**/in/**")
    return page


@pytest.mark.parametrize("script", [True, False], ids=["script", "no-script"])
async def test_from_the_desk_to_the_log(
    app: Litestar, served: Served, browser: Browser, clock: MovableClock, script: bool
) -> None:
    del app
    row = await maple_row(served.host)
    host, circle = served.host, row.circle
    async with host.database.begin() as db:
        await log.found(db, host.vault, circle.id, circle.log_origin)
    base = f"{served.url}{circle.path}"
    context = await browser.new_context(java_script_enabled=script)
    phone = await browser.new_context(
        java_script_enabled=script, viewport={"width": 390, "height": 800}
    )
    desk, bea = await signed_in(context, row, "marisol"), await signed_in(phone, row, "bea")
    await begin_and_pay_in(desk, base)
    clock.set_round(NOVEMBER)
    await desk.goto(f"{base}/in/desk")
    await desk.get_by_role("link", name="October 2026").click()
    await expect(desk.locator("h1")).to_have_text("October 2026 can be closed.")
    # A slip of the finger is said where it was made.
    await desk.get_by_label("What the bank says").fill("209.00")
    await desk.get_by_label("What lay in the tin").fill("5")
    await desk.get_by_role("button", name="Propose to close").click()
    await expect(desk.locator("#bank-trouble")).to_contain_text("The books say something else")
    await desk.get_by_label("What the bank says").fill("210.00")
    await desk.get_by_role("button", name="Propose to close").click()
    await expect(desk.locator("h1")).to_have_text("October 2026 waits for a second person.")

    await bea.goto(f"{base}/in/people")
    await bea.get_by_role("link", name="Look at it").first.click()
    await expect(bea.locator("h1")).to_have_text("Do bank and books say the same?")
    await expect(bea.locator("#sign + div")).to_contain_text("210.00")
    await bea.get_by_label("I have seen what the bank says").check()
    await bea.get_by_role("button", name="Yes, close October 2026").click()
    await expect(bea.locator("h1")).to_have_text("Closed up to October 2026.")

    await desk.goto(f"{base}/in/desk/report?period=2026-10")
    await expect(desk.locator("#closed + ul")).to_contain_text("by marisol and bea")
    await context.close()
    await phone.close()
    await look_from_outside(served, row)


async def begin_and_pay_in(desk: Page, base: str) -> None:
    """200.00 were there before; 10.00 came to the bank and 5.00 into the tin."""
    await desk.goto(f"{base}/in/desk/opening")
    await desk.get_by_label("At the bank").fill("200")
    await desk.get_by_label("On the evening of").fill("2026-09-30")
    await desk.get_by_role("button", name="Write it down").click()
    await expect(desk.locator("h1")).to_contain_text("You began with 200.00")
    for amount, way in (("10", "At the bank"), ("5", "In the cash tin")):
        await desk.goto(f"{base}/in/desk/money-in")
        await desk.get_by_label("How much").fill(amount)
        await desk.get_by_label("Whose is it?").select_option("bea")
        await desk.get_by_label(way).check()
        await desk.get_by_role("button", name="Write it down").click()
        await expect(desk.get_by_role("status")).to_contain_text("bea paid in")


async def look_from_outside(served: Served, row: Neighbours) -> None:
    """The seal stands in the log that everyone may read, and the verifier finds no fault."""
    await archive.build(served.host, row.circle)
    async with served.host.database.read() as db:
        entries = [entry.data.decode() for entry in await log.entries(db, row.circle.id)]
    (seal,) = entries
    assert re.search(r"^month 2026-10$", seal, re.MULTILINE)
    code, said = await circles_verify(f"{served.url}{row.circle.path}")
    assert (code, said.splitlines()[-1]) == (0, "everything holds")
