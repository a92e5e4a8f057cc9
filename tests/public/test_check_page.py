"""Check this month yourself, as a visitor meets it: the real server, a real browser."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

import httpx
import pytest
from litestar import Litestar
from playwright.async_api import Browser, BrowserContext, Page, Route, expect

from circles.host import Host
from circles.protocol.ballot import Document
from circles.protocol.text import b64
from circles.public import texts
from circles.public.texts import PublicText
from tests.conftest import Served
from tests.protocol.test_verify_mutants import MUTANTS
from tests.public import published
from tests.web.test_sound import PHONE, axe_source, looked_at

PATH: Final = "/c/maple-row/rounds/2026-12/check"
ONCE: Final = "what a browser computes depends on no database"


@pytest.fixture
async def visitor(browser: Browser) -> AsyncIterator[BrowserContext]:
    """A browser that was never here."""
    context = await browser.new_context(viewport=PHONE, reduced_motion="reduce")  # type: ignore[arg-type]  # a dict
    context.set_default_timeout(30_000)
    yield context
    await context.close()


async def _opened(context: BrowserContext, served: Served) -> Page:
    page = await context.new_page()
    await page.goto(served.url + PATH)
    await expect(page.get_by_role("button", name="Begin the check")).to_be_visible()
    return page


async def _reads(page: Page, headline: str) -> None:
    await expect(page.locator("h1")).to_have_text(headline, use_inner_text=True, timeout=30_000)


async def _sound(page: Page, what: str) -> list[str]:
    await page.evaluate(axe_source())
    return await looked_at(page, what)


@pytest.mark.one_database(ONCE)
async def test_a_visitor_checks_a_month_and_it_holds(
    served: Served, app: Litestar, visitor: BrowserContext
) -> None:
    del app
    await published.found(served.host, published.entries())
    page = await _opened(visitor, served)
    await expect(page.locator("[data-step]")).to_have_class(["waiting"] * 9)
    # By keyboard alone, as far as the end.
    await page.get_by_role("button", name="Begin the check").focus()
    await page.keyboard.press("Enter")
    await _reads(page, "It holds.")
    await expect(page.locator("h1")).to_be_focused()
    await expect(page.locator("[data-step]")).to_have_class([""] * 9)
    await expect(page.get_by_text("It remembers that key now")).to_be_visible()
    assert await _sound(page, "holds") == []
    # The second time it is compared with what was seen the first time.
    page = await _opened(visitor, served)
    await page.get_by_role("button", name="Begin the check").click()
    await _reads(page, "It holds.")
    await expect(page.get_by_text("It remembers that key now")).to_be_hidden()


@pytest.mark.one_database(ONCE)
async def test_a_changed_entry_is_found_and_told_in_words(
    served: Served, app: Litestar, visitor: BrowserContext, tmp_path: Path
) -> None:
    del app
    await published.found(served.host, published.entries())
    page = await _opened(visitor, served)

    async def bend(route: Route) -> None:
        answer = await route.fetch()
        body = (await answer.body()).replace(
            b"round 2026-12\npurpose vote", b"round 2026-11\npurpose vote"
        )
        await route.fulfill(response=answer, body=body)

    await page.route("**/log/tile/entries/**", bend)
    await page.get_by_role("button", name="Begin the check").click()
    await _reads(page, "Something does not add up.")
    told = page.locator("[data-problems]")
    await expect(told).to_contain_text("something was changed afterwards")
    await expect(told).to_contain_text("(1.root)")
    await expect(page.locator('[data-step="1"]')).to_have_class("failed")
    # Nothing is called sound that rests on what is broken.
    await expect(page.locator('[data-step="7"]')).to_have_class("waiting")
    assert await _sound(page, "wrong") == []
    async with page.expect_download() as waiting:
        await (
            page.get_by_role("button", name="Save the report")
            .and_(page.locator(":visible"))
            .click()
        )
    saved = tmp_path / "check.txt"
    await (await waiting.value).save_as(saved)
    report = saved.read_text("utf-8")
    assert report.startswith(f"Check of {served.url}/c/maple-row\n")
    assert "\n1.root: The part log/checkpoint of the record: " in report
    # What did not hold is not remembered as if it had.
    assert await page.evaluate("localStorage.length") == 0
    await page.unroute("**/log/tile/entries/**")
    await page.get_by_role("button", name="Check once more").click()
    await _reads(page, "It holds.")


@pytest.mark.one_database(ONCE)
async def test_a_log_that_was_written_anew_is_noticed(
    served: Served, app: Litestar, visitor: BrowserContext
) -> None:
    del app
    await published.found(served.host, published.entries())
    page = await _opened(visitor, served)
    await page.get_by_role("button", name="Begin the check").click()
    await _reads(page, "It holds.")

    script = """() => {
      const name = "circles:/c/maple-row:log-last";
      const last = JSON.parse(localStorage.getItem(name));
      const again = last.note.replace(/\\n\\d+\\n/, "\\n34\\n");
      localStorage.setItem(name, JSON.stringify({ ...last, note: again }));
    }"""
    await page.evaluate(script)
    await page.reload()
    await page.get_by_role("button", name="Begin the check").click()
    await _reads(page, "Something does not add up.")
    await expect(page.locator("[data-problems]")).to_contain_text("the past was written anew")


@pytest.mark.one_database(ONCE)
async def test_stop_stops_and_silence_is_said(
    served: Served, app: Litestar, visitor: BrowserContext
) -> None:
    del app
    await published.found(served.host, published.entries())
    page = await _opened(visitor, served)
    kept: list[Route] = []

    async def hold(route: Route) -> None:
        kept.append(route)

    await page.route("**/log/tile/entries/**", hold)
    await page.get_by_role("button", name="Begin the check").click()
    await expect(page.locator("progress")).to_be_visible()
    assert await _sound(page, "running") == []
    await page.get_by_role("button", name="Stop").click()
    await expect(page.get_by_text("Nothing was changed, and nothing is left")).to_be_visible()
    await expect(page.get_by_role("button", name="Begin the check")).to_be_focused()
    await page.unroute("**/log/tile/entries/**")
    await page.route("**/log/checkpoint", lambda route: route.abort())
    await page.get_by_role("button", name="Begin the check").click()
    await expect(page.get_by_role("alert").filter(has_text="cannot be read")).to_be_focused()
    assert await _sound(page, "unreadable") == []


@pytest.mark.one_database(ONCE)
async def test_without_script_the_page_says_the_command(
    served: Served, app: Litestar, browser: Browser
) -> None:
    del app
    await published.found(served.host, published.entries())
    context = await browser.new_context(java_script_enabled=False)
    page = await context.new_page()
    await page.goto(served.url + "/c/maple-row/rounds/2026-12/")
    await page.get_by_role("link", name="Check this month yourself").click()
    await expect(page.get_by_text(f"circles-verify {served.url}/c/maple-row")).to_be_visible()
    await expect(page.get_by_text("so it cannot check by itself")).to_be_visible()
    await expect(page.get_by_role("button", name="Begin the check")).to_be_hidden()
    await context.close()


async def test_every_check_has_its_words(client: httpx.AsyncClient, host: Host) -> None:
    await published.found(host, published.entries())
    answer = await client.get(PATH)
    assert answer.status_code == 200
    assert "set-cookie" not in answer.headers
    assert (await client.get(PATH.replace("2026-12", "2025-01"))).status_code == 404
    for check in {check for _, _, checks in MUTANTS for check in checks}:
        assert f'"{check}": "' in answer.text, check


async def test_documents_that_may_be_read_are_named_and_served(
    client: httpx.AsyncClient, host: Host
) -> None:
    circle = await published.found(host, published.entries())
    document = Document.of("Warm boots\nFor two.\n")
    name = b64(document.hash())
    assert (await client.get(f"/c/maple-row/documents/{name}")).status_code == 404
    async with host.database.begin() as db:
        text = PublicText("Boots")
        await texts.write(db, circle.id, "2026-12", 1, text, host.clock.now(), own=document.file())
    answer = await client.get(f"/c/maple-row/documents/{name}")
    assert answer.content == document.file()
    assert hashlib.sha256(b"circles/doc/v1\n" + answer.content).digest() == document.hash()
    assert name in (await client.get(PATH)).text
    assert (await client.get("/c/maple-row/documents/x")).status_code == 404
