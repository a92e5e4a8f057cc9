"""A month under each rule: its page, its sheet, and the count again in a real browser."""

from __future__ import annotations

import re

import httpx
import pytest
from playwright.async_api import Browser, expect

from circles.host import Host
from circles.protocol import messages as m
from circles.protocol.allocation import AnyRule, FairShares, MostTicks, OneWinner, Split
from circles.public import records
from tests.conftest import Served
from tests.protocol.simulator import Month
from tests.public import published

RULES: list[AnyRule] = [
    MostTicks(500, 1),
    Split(0, 1),
    OneWinner(0, 1),
    FairShares("none", 0, 1, 0),
]
SAYS = {
    "most-ticks/1": ["Start with the fund.", "Most ticks first."],
    "split/1": ["The division, step by step", "Its part by ticks stays in the fund."],
    "one-winner/1": ["another one was first"],
    "fair-shares/1": ["Who paid what from their shares", "each holds"],
}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
async def test_each_rule_is_shown_with_its_working(
    rule: AnyRule, client: httpx.AsyncClient, host: Host
) -> None:
    entries = Month(rule=rule).run().entries
    await published.found(host, entries)
    (month,) = records.read(entries).months
    assert month.holds
    assert month.allocation is not None
    answer = await client.get(f"/c/maple-row/rounds/{month.month}/")
    assert answer.status_code == 200
    for words in SAYS[rule.name]:
        assert words in answer.text, words
    sheet = await client.get(f"/c/maple-row/rounds/{month.month}/sheet")
    assert sheet.status_code == 200
    assert "To fill in" in sheet.text
    for page in (answer.text, sheet.text):
        assert not re.search(r"fewer than 1\b|\b1 (ticks|ballots pay)\b", page)
    assert ("Without names, as they stand in the log" in sheet.text) == (
        rule.name == "fair-shares/1"
    )


async def test_a_result_that_fair_shares_did_not_give_is_said(
    client: httpx.AsyncClient, host: Host
) -> None:
    def bent(result: m.Result) -> m.Result:
        (first, amount), *rest = result.awards
        awards = ((first, amount - 1), *rest)
        return m.Result(
            result.poll,
            result.counted,
            result.voids,
            result.totals,
            result.keep,
            awards,
            result.carried_minor + 1,
        )

    month = Month(rule=FairShares("none", 0, 1, 0), bend={"result": bent}, stop="open_and_count")
    await published.found(host, month.run().entries)
    text = (await client.get("/c/maple-row/rounds/2026-12/")).text
    assert "Something does not add up." in text


async def test_there_is_no_sheet_before_there_is_a_result(
    client: httpx.AsyncClient, host: Host
) -> None:
    await published.found(host, Month(stop="close_vote").run().entries)
    assert (await client.get("/c/maple-row/rounds/2026-12/")).status_code == 200
    assert (await client.get("/c/maple-row/rounds/2026-12/sheet")).status_code == 404


@pytest.mark.parametrize("rule", [RULES[1], RULES[3]], ids=lambda rule: rule.name)
async def test_a_visitors_browser_counts_again(
    rule: AnyRule, served: Served, browser: Browser
) -> None:
    await published.found(served.host, Month(rule=rule).run().entries)
    noise: list[str] = []
    async with await browser.new_context(reduced_motion="reduce") as context:
        page = await context.new_page()
        page.on("console", lambda message: noise.append(message.text))
        page.on("pageerror", lambda error: noise.append(str(error)))
        await page.goto(f"{served.url}/c/maple-row/rounds/2026-12/")
        await page.get_by_role("button", name="Check this result").click()
        await expect(page.get_by_text("It is the same.")).to_be_visible(timeout=60_000)
        steps = await page.locator("[data-steps] li").all_inner_texts()
        assert await context.cookies() == []
        assert await page.evaluate("localStorage.length") == 0
    assert any("ballots count" in step for step in steps)
    assert not [step for step in steps if re.search(r"\b1 (ticks|ballots pay)", step)]
    # Figures as on the page above: no sign of a currency, two digits for cents.
    assert re.fullmatch(r"[\d,]+\.\d\d stays", steps[-1])
    assert not [step for step in steps if "€" in step]
    assert noise == []
