"""A real Chromium for the tests that look at pages: the system's, driven by Playwright."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from playwright.async_api import Browser, async_playwright

MISSING = (
    "The tests need Chromium and found none (Debian: apt-get install chromium), "
    "or leave it out by name: --without-browser."
)
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@asynccontextmanager
async def browser() -> AsyncIterator[Browser]:
    """A running browser; each test opens contexts of its own in it."""
    found = shutil.which("chromium")
    if found is None:
        raise RuntimeError(MISSING)
    async with async_playwright() as playwright:
        running = await playwright.chromium.launch(executable_path=found, args=ARGUMENTS)
        yield running
        await running.close()
