"""The practice ballot: a whole vote in the page, and nothing of it anywhere else."""

from __future__ import annotations

import re

import pytest
from playwright.async_api import Browser, expect

from tests.conftest import Served
from tests.script.test_real_server import TIMEOUT_MS, press, reads, says
from tests.world import World

pytestmark = pytest.mark.one_database("the practice ballot meets no database")


async def test_a_practice_vote_runs_in_the_page_alone(served: Served, browser: Browser) -> None:
    world = await World.found(served.host, members=1)
    context = await browser.new_context(viewport={"width": 390, "height": 844})
    context.set_default_timeout(TIMEOUT_MS)
    page = await context.new_page()
    noise: list[str] = []
    asked: list[str] = []
    page.on("console", lambda message: noise.append(message.text))
    page.on("pageerror", lambda error: noise.append(str(error)))
    await page.goto(f"{served.url}{world.circle.path}/practice")
    await reads(page, "A ballot to practise on.")
    page.on("request", lambda request: asked.append(request.url))
    await says(page, "Practice: nothing here is real")
    await press(page, "Collect the practice ticks")
    await reads(page, "You have three ticks.")
    await page.check('input[name="n1"][value="3"]')
    await press(page, "Look it over")
    await says(page, "Three of three given.")
    await press(page, "Seal, and put in the practice box")
    await press(page, "Vote again")
    await page.check('input[name="n1"][value="0"]')
    await page.check('input[name="n2"][value="2"]')
    await press(page, "Look it over")
    await press(page, "Seal, and put in the practice box")
    await reads(page, "Sealed, and in the practice box.")
    await press(page, "Open the practice box")
    await reads(page, "This is how it is counted.")
    # The first vote was replaced: the own entries are two ticks and a blank.
    mine = await page.locator("[data-mine]").inner_text()
    assert len(re.findall(r"Entry \d+ reads: one tick for A choir of kettles\.", mine)) == 2
    assert len(re.findall(r"Entry \d+ reads: blank\.", mine)) == 1
    totals = await page.locator("[data-totals] .num").all_inner_texts()
    assert sum(int(n) for text in totals for n in re.findall(r"\d+", text)) == 3 * 5 + 2
    await expect(page.locator("[data-carried]")).to_contain_text("would stay for the next month")
    assert asked == []
    assert noise == []
    assert await page.evaluate("localStorage.length + sessionStorage.length") == 0
    assert await page.evaluate("indexedDB.databases().then((all) => all.length)") == 0
    assert await context.cookies() == []
    await context.close()
