"""A member's take and cast on a slow phone, in milliseconds, through the real pages and server.

    python bench/browser_ballot.py [--rounds 3] [--cpu 4] [--latency 150]

Chromium slows its processor (default four times) and its network (150 ms there and back, 1.6 Mbit/s
down, 0.75 up) through its own debugging protocol, after sign-in. Each round is a fresh phone.

- `collect_ms`: from pressing "Collect them" to "All collected.": five credentials, checked against
  the log, each blinded, posted, unblinded, checked and stored; `take_ms` is the part of one.
- `send_ms`: from pressing "Seal and send" to "Sealed and sent.": all ballots of the vote, as many
  as `posts`, each sealed, signed, posted, its receipt checked; `cast_ms` is the part of one.

Goal: under 1000 ms for a take and for a cast. The server runs in this process, unslowed.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent))

import uvicorn
from playwright.async_api import Browser, BrowserContext, Page, Request, expect

from circles import migrate
from circles.app import create_app
from circles.circle import calendar
from circles.clock import MovableClock
from circles.db import Database
from circles.host import Host
from circles.protocol.messages import Ask
from circles.settings import Settings
from circles.vault import Vault
from circles.web import serve
from tests import chromium
from tests.neighbours import PASSPHRASE
from tests.world import World

PORT = 8797
START = datetime(2026, 10, 1, 8, 0, tzinfo=UTC)
WAIT_MS = 60_000
KBIT = 1000 / 8


def new_host(folder: Path) -> Host:
    data = folder / "data"
    data.mkdir(mode=0o700)
    url = f"sqlite+aiosqlite:///{folder / 'bench.sqlite3'}"
    settings = Settings(data=data, database_url=url, url=f"http://127.0.0.1:{PORT}", port=PORT)
    clock = MovableClock(START, frozen=True)
    return Host(settings, Database(url), clock, Vault.at(data / "secret.key"))


async def sign_in(browser: Browser, world: World, handle: str) -> BrowserContext:
    context = await browser.new_context(viewport={"width": 390, "height": 844})
    context.set_default_timeout(WAIT_MS)
    answer = await context.request.post(
        f"http://127.0.0.1:{PORT}{world.circle.path}/api/session",
        data={"handle": handle, "passphrase": PASSPHRASE},
    )
    if answer.status != 204:
        raise RuntimeError(await answer.text())
    return context


async def open_slowly(
    context: BrowserContext, world: World, path: str, options: argparse.Namespace
) -> Page:
    page = await context.new_page()
    protocol = await context.new_cdp_session(page)
    await protocol.send("Network.enable")
    await protocol.send(
        "Network.emulateNetworkConditions",
        {
            "offline": False,
            "latency": options.latency,
            "downloadThroughput": 1600 * KBIT,
            "uploadThroughput": 750 * KBIT,
        },
    )
    await protocol.send("Emulation.setCPUThrottlingRate", {"rate": options.cpu})
    await page.goto(f"http://127.0.0.1:{PORT}{world.circle.path}/in/{path}")
    return page


async def timed(page: Page, button: str, headline: str, path: str) -> tuple[float, int]:
    """Milliseconds from pressing to the headline, and how many posts went there meanwhile."""
    posts: list[Request] = []

    def note(request: Request) -> None:
        if request.method == "POST" and path in request.url:
            posts.append(request)

    page.on("request", note)
    press = page.get_by_role("button", name=button, exact=True)
    await expect(press).to_be_enabled()
    start = time.perf_counter()
    await press.click()
    await expect(page.locator("h1:visible")).to_have_text(
        headline, use_inner_text=True, timeout=WAIT_MS
    )
    return 1000 * (time.perf_counter() - start), len(posts)


async def collect(
    browser: Browser, world: World, handle: str, options: argparse.Namespace
) -> tuple[BrowserContext, dict[str, float]]:
    context = await sign_in(browser, world, handle)
    page = await open_slowly(context, world, "collect", options)
    took, posts = await timed(page, "Collect them", "All collected.", "/take")
    await page.close()
    return context, {"collect_ms": took, "take_ms": took / posts}


async def cast(
    context: BrowserContext, world: World, options: argparse.Namespace
) -> dict[str, float]:
    page = await open_slowly(context, world, "ballot", options)
    card = page.locator("[data-candidate]").filter(has_text="Warm boots")
    await card.locator('input[value="1"]').check()
    await page.get_by_role("button", name="Look it over", exact=True).click()
    took, posts = await timed(page, "Seal and send", "Sealed and sent.", "/cast/")
    await page.close()
    return {"send_ms": took, "posts": posts, "cast_ms": took / posts}


async def measure(options: argparse.Namespace, folder: Path) -> dict[str, Any]:
    host = new_host(folder)
    await migrate.upgrade(host.database)
    server = uvicorn.Server(serve.configure(create_app(host), host.settings))
    running = asyncio.create_task(server.serve())
    world = await World.found(host, members=max(5, options.rounds + 2), fund_minor=13500)
    await world.begin()
    found: list[dict[str, float]] = []
    async with chromium.browser() as browser:
        phones = []
        for client in world.members[: options.rounds]:
            context, figures = await collect(browser, world, client.handle, options)
            phones.append(context)
            found.append(figures)
        await world.go((await world.round()).nominate.opens_at)
        await world.members[-1].nominate("Warm boots\nFor two.\n", Ask(6000))
        await world.members[-2].nominate("A ramp\nWood and hinges.\n", Ask(None, part=True))
        await world.go(world.at.nominating_closes + calendar.GRACE)
        await world.go(world.at.voting_opens)
        for context, figures in zip(phones, found, strict=True):
            figures.update(await cast(context, world, options))
            await context.close()
    server.should_exit = True
    await running
    await host.close()
    return {name: round(median(f[name] for f in found)) for name in found[0]}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--cpu", type=float, default=4, help="how many times slower (default 4)")
    parser.add_argument("--latency", type=float, default=150, help="milliseconds (default 150)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        print(json.dumps(asyncio.run(measure(options, Path(folder)))))


if __name__ == "__main__":
    main()
