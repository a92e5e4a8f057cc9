"""Every page of the access table in real Chromium: axe, a phone's width, light and dark.

The browser records everything: no request to anybody else, no word of the policy broken, and
nothing wrong on the console.
"""

from __future__ import annotations

import importlib.resources
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

import pytest
from litestar import Litestar
from playwright.async_api import Browser, BrowserContext, ConsoleMessage, Page, Request

from circles.rounds import single
from circles.web import guard
from tests.conftest import Served
from tests.web.pages import pages, who
from tests.web.visitors import STEWARD, TREASURER, Village, village

PHONE: Final = {"width": 390, "height": 844}
DESK: Final = {"width": 1280, "height": 900}
# The narrowest that WCAG 2.2 (1.4.10) asks for: also 1280 at four times the size.
NARROW: Final = {"width": 320, "height": 844}
# What WCAG 2.2 AA asks, in axe's words, and what it advises besides.
AXE: Final = {
    "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    "resultTypes": ["violations"],
}


def axe_source() -> str:
    found = importlib.resources.files("axe_playwright_python") / "axe.min.js"
    return found.read_text("utf-8")


class Listener:
    """What a browser did that it should not have done."""

    def __init__(self, origin: str) -> None:
        self.origin = origin
        self.faults: list[str] = []

    def requested(self, request: Request) -> None:
        if not request.url.startswith((self.origin, "data:", "blob:")):
            self.faults.append(f"asked {request.url}")

    def said(self, message: ConsoleMessage) -> None:
        # An error page is told to the console as a failed load of itself: no fault of the page.
        if message.type in {"error", "warning"} and "Failed to load resource" not in message.text:
            self.faults.append(f"{message.type}: {message.text}")


@asynccontextmanager
async def browsing(
    browser: Browser, here: Village, visitor: str | None, listener: Listener
) -> AsyncIterator[BrowserContext]:
    """A fresh browser of that visitor; nothing moves in it while it is looked at."""
    context = await browser.new_context(viewport=PHONE, locale="en-GB", reduced_motion="reduce")  # type: ignore[arg-type]  # a dict
    if visitor is not None:
        token = await here.cookie(visitor)
        cookie = {
            "name": "circles",
            "value": token,
            "url": f"{listener.origin}/c/{here.values['slug']}/",
        }
        await context.add_cookies([cookie])  # type: ignore[list-item]  # a dict
    context.on("request", listener.requested)
    context.on("console", listener.said)
    yield context
    await context.close()


async def looked_at(page: Page, path: str) -> list[str]:
    """What is wrong with the page that stands there, in both schemes and both widths."""
    faults = []
    for scheme in ("light", "dark"):
        await page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]  # one of the two
        result: dict[str, Any] = await page.evaluate("options => axe.run(options)", AXE)
        for violation in result["violations"]:
            where = violation["nodes"][0]["html"][:120]
            faults.append(f"{path} {scheme}: {violation['id']}: {where}")
    for size in (DESK, NARROW, PHONE):
        await page.set_viewport_size(size)  # type: ignore[arg-type]  # a dict
        wide = await page.evaluate(
            "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"
        )
        if wide > 0:
            faults.append(f"{path}: {wide} px to scroll sideways at {size['width']}")
    return faults


@pytest.mark.one_database("how a page looks depends on no database")
async def test_every_page_is_sound(browser: Browser, app: Litestar, served: Served) -> None:
    del app
    here = await village(served.host)
    listener = Listener(served.url)
    faults: list[str] = []
    axe = axe_source()
    for visitor in (None, STEWARD, TREASURER):
        async with browsing(browser, here, visitor, listener) as context:
            page = await context.new_page()
            shown = [(who(row), here.path(row.path)) for row in pages()] + here.more
            for path in (path for whose, path in shown if whose == visitor):
                answer = await page.goto(served.url + path)
                assert answer is not None
                assert answer.status == 200, path
                headers = await answer.all_headers()
                single_file = path.endswith("/ballot.html")
                policy = single.file("en").policy if single_file else guard.CSP
                if headers.get("content-security-policy") != policy:
                    faults.append(f"{path}: another policy")
                # By the debugger, as a person's own tool would: the page's policy stays as it is.
                await page.evaluate(axe)
                faults += await looked_at(page, path)
    assert not faults + listener.faults, "\n".join(faults + listener.faults)


def test_the_pages_of_the_table_are_all_of_them() -> None:
    looked = {row.path for row in pages()}
    assert {"/", "/c/{slug}/in", "/c/{slug}/in/desk", "/c/{slug}/in/slate"} <= looked
    assert len(looked) > 40
