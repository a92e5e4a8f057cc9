"""A page that a browser saved to the disk: its script is blocked there, so words must do."""

from __future__ import annotations

import re
from pathlib import Path

import httpx
import pytest
from playwright.async_api import Browser, Page, expect

from tests.conftest import Served
from tests.script.test_real_server import TIMEOUT_MS, Phone, press, reads
from tests.world import World

pytestmark = pytest.mark.one_database("a saved copy meets no database")


async def _complete(page: Page, folder: Path) -> Path:
    """As "Save page as, complete" does: what the page is now, its files beside it."""
    html = await page.content()
    files = folder / "page_files"
    files.mkdir()
    async with httpx.AsyncClient() as client:
        for address in set(re.findall(r'(?:src|href)="(/static/[^"]+)"', html)):
            name = address.rpartition("/")[2]
            answer = await client.get(httpx.URL(page.url).join(address))
            (files / name).write_bytes(answer.content)
            html = html.replace(f'"{address}"', f'"./page_files/{name}"')
    # Links lead to where the page came from.
    html = html.replace('href="/c/', f'href="{page.url.partition("/c/")[0]}/c/')
    path = folder / "page.html"
    path.write_text(html)
    return path


async def _one_file(page: Page, folder: Path) -> Path:
    """As "Save page as, single file" does: Chromium itself writes the archive."""
    devtools = await page.context.new_cdp_session(page)
    taken = await devtools.send("Page.captureSnapshot", {"format": "mhtml"})
    path = folder / "page.mhtml"
    path.write_text(taken["data"], newline="")
    return path


@pytest.mark.parametrize("save", [_complete, _one_file])
async def test_a_copy_of_the_page_says_what_to_use_instead(
    served: Served, browser: Browser, tmp_path: Path, save: object
) -> None:
    world = await World.found(served.host, members=5)
    await world.begin()
    phone = await Phone.sign_in(browser, served, world, "Ann")
    page = await phone.open("collect")
    note = page.get_by_role("heading", name="Is this a saved copy?")
    await press(page, "Collect them")
    await reads(page, "All collected.")
    # Where the script runs the words never come, not even after their time.
    await page.wait_for_timeout(3500)
    await expect(note).to_be_hidden()
    copy = await save(page, tmp_path)  # type: ignore[operator]  # one of the two above
    context = await browser.new_context(viewport={"width": 390, "height": 844})
    context.set_default_timeout(TIMEOUT_MS)
    elsewhere = await context.new_page()
    await elsewhere.goto(copy.as_uri())
    shown = elsewhere.get_by_role("heading", name="Is this a saved copy?")
    await expect(shown).to_be_visible()
    link = elsewhere.get_by_role("link", name="Save it here")
    address = await link.evaluate("(a) => a.href")
    assert address == f"{served.url}{world.circle.path}/ballot.html"
    assert phone.noise == []
    await context.close()
    await phone.context.close()
