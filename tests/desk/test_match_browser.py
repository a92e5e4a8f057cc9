"""Fifty lines of the bank by keyboard alone, in a real browser, with its script switched off."""

from __future__ import annotations

import pytest
from litestar import Litestar
from playwright.async_api import Browser, Page

from circles.circle import reference
from circles.host import Host
from circles.ledger import chart
from tests.conftest import Served
from tests.desk.desk import maple_row
from tests.desk.test_pages import sign_in
from tests.ledger.banks import bring, line, waiting
from tests.maple_row import Neighbours

TABS_MAX = 200
CERTAIN, LIKELY = 40, 10


async def fifty(host: Host) -> Neighbours:
    """Forty that are certain, ten that are likely."""
    row = await maple_row(host)
    refs = {name: reference.of(row.members[name].book_number) for name in row.members}
    names = [name for name in refs if name != "wren"]
    found = [
        line(1 + n % 27, 100 + n, f"Payer {n}", reference=refs[names[n % len(names)]])
        for n in range(CERTAIN)
    ]
    found += [line(28, 500 + n, f"Slip {n}", text=refs["wren"] + "5") for n in range(LIKELY)]
    await bring(host, row.circle.id, found)
    return row


async def tab_to(page: Page, words: str) -> int:
    """Press Tab until what has the focus says this; how often."""
    for pressed in range(1, TABS_MAX):
        await page.keyboard.press("Tab")
        focused = page.locator(":focus")
        if await focused.count() and words in await focused.inner_text():
            return pressed
    raise AssertionError(f"{words} is not reached by Tab")


@pytest.mark.one_database("keys and focus depend on no database")
async def test_fifty_lines_by_keyboard_without_script(
    app: Litestar, served: Served, browser: Browser
) -> None:
    del app
    row = await fifty(served.host)
    context = await browser.new_context(java_script_enabled=False)
    page = await context.new_page()
    await sign_in(page, row)
    await page.goto(f"{served.url}{row.circle.path}/in/desk/lines")
    assert await page.inner_text("h1") == "50 lines wait."
    await tab_to(page, "Book these 40")
    await page.keyboard.press("Enter")
    await page.wait_for_url("**did=certain**")
    assert "40 lines are booked." in await page.inner_text("[role=status]")
    for left in range(LIKELY, 0, -1):
        pressed = await tab_to(page, "Yes, that is it")
        # The next one is one key away: the page comes back where the reader was.
        assert pressed == 1 or left == LIKELY
        async with page.expect_navigation():
            await page.keyboard.press("Enter")
        if left > 1:
            assert "Yes, that is it" in await page.inner_text("li:target")
    assert await page.inner_text("h1") == "Every line is explained."
    await context.close()
    assert await waiting(served.host, row.circle.id) == []
    total = sum(100 + n for n in range(CERTAIN)) + sum(500 + n for n in range(LIKELY))
    assert await row.holds(chart.MAIN_BANK) == total
