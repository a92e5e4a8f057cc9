"""The booth at the real server: one member in a real browser, four neighbours beside them."""

from __future__ import annotations

from typing import Any

from playwright.async_api import Browser, BrowserContext, Page, Request, expect

from circles.circle import calendar
from circles.protocol.messages import Ask
from tests.conftest import Served
from tests.neighbours import PASSPHRASE
from tests.world import KEEP, World

# Long, for machines that are busy: what is there is found at once.
TIMEOUT_MS = 30_000
expect.set_options(timeout=TIMEOUT_MS)


class Phone:
    """The browser of one member, signed in; it remembers what it sent and what went wrong."""

    def __init__(self, context: BrowserContext, base: str) -> None:
        self.context = context
        self.base = base
        self.requests: list[Request] = []
        self.noise: list[str] = []
        context.on("request", lambda request: self.requests.append(request))  # noqa: PLW0108  # Playwright sets attributes on it
        context.on("weberror", lambda error: self.noise.append(str(error.error)))
        context.on("console", lambda message: self.noise.append(message.text))

    @classmethod
    async def sign_in(cls, browser: Browser, served: Served, world: World, handle: str) -> Phone:
        """A fresh browser context in which that member is signed in."""
        context = await browser.new_context(viewport={"width": 390, "height": 844})
        context.set_default_timeout(TIMEOUT_MS)
        phone = cls(context, f"{served.url}{world.circle.path}")
        answer = await context.request.post(
            f"{phone.base}/api/session", data={"handle": handle, "passphrase": PASSPHRASE}
        )
        assert answer.status == 204, await answer.text()
        return phone

    async def open(self, path: str) -> Page:
        """A page below `/in/`."""
        page = await self.context.new_page()
        answer = await page.goto(f"{self.base}/in/{path}")
        assert answer is not None
        assert answer.status == 200
        return page


async def press(page: Page, name: str) -> None:
    await page.get_by_role("button", name=name, exact=True).click()


async def reads(page: Page, headline: str) -> None:
    await expect(page.locator("h1:visible")).to_have_text(headline, use_inner_text=True)


async def says(page: Page, text: str) -> None:
    shown = page.locator("main").get_by_text(text).filter(visible=True).first
    await expect(shown).to_be_visible()


async def _name_somebody(phone: Phone) -> None:
    page = await phone.open("nominate")
    await page.fill('[name="recipient"]', "Saturday soup")
    await page.fill('[name="words"]', "Vegetables for the big pot.\nAsk at the hall.")
    await page.fill('[name="amount"]', "45.00")
    await page.check('[name="agreed"]')
    await press(page, "Look it over")
    await press(page, "Send")
    await reads(page, "Named.")


async def _vote(page: Page, ticks: dict[str, int]) -> None:
    for recipient, count in ticks.items():
        card = page.locator("[data-candidate]").filter(has_text=recipient)
        await card.locator(f'input[value="{count}"]').check()
    await press(page, "Look it over")
    await press(page, "Seal and send")
    await reads(page, "Sealed and sent.")


async def _others_name(world: World) -> dict[str, bytes]:
    _, ben, cleo, *_ = world.members
    return {
        "boots": await ben.nominate("Warm boots\nFor two.\n", Ask(6000)),
        "ramp": await cleo.nominate("A ramp\nWood and hinges.\n", Ask(None, part=True)),
    }


async def test_a_month_in_a_browser_is_counted_and_verifies(
    served: Served, browser: Browser
) -> None:
    world = await World.found(served.host, members=5, fund_minor=13500)
    await world.begin()
    phone = await Phone.sign_in(browser, served, world, "Ann")

    page = await phone.open("collect")
    await press(page, "Collect them")
    await reads(page, "All collected.")

    await world.go((await world.round()).nominate.opens_at)
    await _name_somebody(phone)
    named = await _others_name(world)
    await world.go(world.at.nominating_closes + calendar.GRACE)
    assert (await (await phone.open("ballot")).inner_text("h1")) == "It is not time yet."
    await world.go(world.at.voting_opens)

    page = await phone.open("ballot")
    await _vote(page, {"Warm boots": 3})
    await press(page, "Vote again")
    await _vote(page, {"Warm boots": 0, "Saturday soup": 2, "Keep it": 1})
    boots = await world.candidate(named["boots"])
    for other in world.members[1:]:
        await other.vote([boots, boots, KEEP])
    await world.go(world.at.count_at)

    await _check_count(world, boots)
    page = await phone.open(f"check/{world.month}")
    await press(page, "Look for my ballots")
    await reads(page, "It holds.")
    await says(page, "reads: one tick for Saturday soup.")
    await says(page, "reads: one tick for Keep it for next month.")
    report = await world.verify()
    assert report.holds, report
    await _check_traffic(phone)
    await phone.context.close()


async def _check_count(world: World, boots: int) -> None:
    result = (await world.round()).result
    assert result is not None
    totals: dict[Any, int] = dict(result.totals)
    assert totals[boots] == 8
    assert sorted(totals.values()) == [0, 2, 8]
    assert result.keep == 5
    assert result.voids == ()


async def _check_traffic(phone: Phone) -> None:
    """No cookie went with a ballot, and the page had nothing to complain about."""
    casts = [request for request in phone.requests if "/cast/" in request.url]
    assert len(casts) == 1 + 3 + 3
    for request in casts:
        headers = await request.all_headers()
        assert "cookie" not in headers
        assert "referer" not in headers
        assert headers["content-type"] == "text/plain"
    takes = [request for request in phone.requests if request.url.endswith("/take")]
    assert ["cookie" in await request.all_headers() for request in takes] == [True] * 5
    assert phone.noise == []


async def test_the_booth_says_when_there_is_nothing_to_do(served: Served, browser: Browser) -> None:
    world = await World.found(served.host, members=5)
    phone = await Phone.sign_in(browser, served, world, "Ben")
    for name in ("collect", "nominate", "ballot"):
        await reads(await phone.open(name), "No month is running yet.")
    await world.begin()
    late = await world.join("Zoe")
    stranger = await Phone.sign_in(browser, served, world, late.handle)
    for name in ("collect", "nominate", "ballot"):
        await reads(await stranger.open(name), "You vote from the next month on.")
    await reads(await phone.open("ballot"), "It is not time yet.")
    await reads(await phone.open(f"check/{world.month}"), "The box is not opened yet.")
    await world.go(world.at.voting_opens)
    await reads(await phone.open("nominate"), "This is over for this month.")
    await reads(await phone.open("ballot"), "Nobody was named.")
    await phone.context.close()
    await stranger.context.close()
