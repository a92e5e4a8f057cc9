"""Every page in a real browser: axe finds nothing, a narrow phone shows everything.

The pages come from the application's own list. Which database stands behind them makes no
difference to how they look, so one is enough here.
"""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Literal

import pytest
from axe_playwright_python.async_playwright import Axe
from litestar import Litestar
from playwright.async_api import Browser, BrowserContext, Page

from circles.clock import MovableClock
from circles.db import Database
from circles.host import Host
from tests.conftest import Served
from tests.neighbours import PASSPHRASE
from tests.web.test_every_page import _pages, lively
from tests.world import World

__all__ = ["lively"]
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
DOWNLOADS = (".json", ".zip")
TIMEOUT_MS = 60_000
# 390: a phone; 320: the narrowest that WCAG 2.2 (1.4.10) asks for, or 1280 at four times the size.
WIDTHS = (1280, 390, 320)
_WIDER = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


@pytest.fixture
async def database(sqlite_template: Path, tmp_path: Path) -> AsyncIterator[Database]:
    """One kind of database."""
    path = tmp_path / "circles.sqlite3"
    shutil.copy(sqlite_template, path)
    opened = Database(f"sqlite+aiosqlite:///{path}")
    yield opened
    await opened.close()


async def _signed_in(browser: Browser, url: str) -> BrowserContext:
    context = await browser.new_context(
        viewport={"width": 390, "height": 844}, reduced_motion="reduce"
    )
    context.set_default_timeout(TIMEOUT_MS)
    page = await context.new_page()
    await page.goto(f"{url}/c/maple-row/sign-in")
    await page.fill("#handle", "Ann")
    await page.fill("#passphrase", PASSPHRASE)
    await page.keyboard.press("Enter")
    await page.wait_for_url("**/in/")
    await page.close()
    return context


async def _faults(page: Page, path: str) -> list[str]:
    """What axe finds, and the widths at which the page is wider than the window."""
    wrong = []
    for scheme in SCHEMES:
        await page.emulate_media(color_scheme=scheme)
        found = await Axe().run(page)
        wrong += [
            f"{path}, {scheme}: {one['id']} {[node['html'][:80] for node in one['nodes'][:2]]}"
            for one in found.response["violations"]
        ]
    for width in WIDTHS:
        await page.set_viewport_size({"width": width, "height": 844})
        if await page.evaluate(_WIDER) > 0:
            wrong.append(f"{path}: wider than {width}")
    return wrong


async def test_every_page_is_sound_to_look_at(
    app: Litestar,
    host: Host,
    clock: MovableClock,
    served: Served,
    browser: Browser,
    lively: World,
) -> None:
    assert lively.circle.slug == "maple-row"
    wrong: list[str] = []
    context = await _signed_in(browser, served.url)
    for path in dict.fromkeys(p for p in _pages(app) if not p.endswith(DOWNLOADS)):
        page = await context.new_page()
        noise: list[str] = []
        page.on("console", lambda message, noise=noise: noise.append(message.text))
        page.on("pageerror", lambda error, noise=noise: noise.append(str(error)))
        answer = await page.goto(served.url + path)
        assert answer is not None
        if answer.headers.get("content-type", "").startswith("text/html"):
            wrong += await _faults(page, path)
        # The browser itself says that a page answered 404; anything else is a fault of ours.
        wrong += [f"{path}: {line}" for line in noise if "the server responded with" not in line]
        await page.close()
    await context.close()
    assert "\n".join(wrong) == ""
