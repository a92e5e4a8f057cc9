"""Ways in which real members lose a vote, each walked through in a browser at the real server."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, Route, expect
from sqlalchemy import func, select

from circles.ballot.tables import Staged
from circles.protocol.messages import Ask
from tests.conftest import Served
from tests.script.test_real_server import Phone, press, reads, says
from tests.world import KEEP, World

pytestmark = pytest.mark.one_database("what a browser keeps depends on no database")
HOUR_MS = 3_600_000


@dataclass
class Walk:
    """Ann's phone in a circle of five."""

    world: World
    phone: Phone
    served: Served
    browser: Browser
    soup: bytes = b""

    async def vote_opens(self) -> None:
        """Two requests are on the slate."""
        await self.world.go((await self.world.round()).nominate.opens_at)
        _, ben, cleo, *_ = self.world.members
        self.soup = await ben.nominate("Saturday soup\nVegetables.\n", Ask(4500))
        await cleo.nominate("A ramp\nWood.\n", Ask(8000))
        await self.world.go(self.world.at.nominating_closes)
        await self.world.go(self.world.at.voting_opens)

    async def counted(self) -> tuple[int, int]:
        """The others keep; ticks for the soup, keys counted."""
        for other in self.world.members[1:]:
            await other.vote([KEEP])
        await self.world.go(self.world.at.count_at)
        result = (await self.world.round()).result
        assert result is not None
        return dict(result.totals)[await self.world.candidate(self.soup)], result.counted

    async def in_the_box(self) -> int:
        """How many messages lie in the box: the test may look, the pages may not."""
        async with self.served.host.database.read() as db:
            return (await db.execute(select(func.count()).select_from(Staged))).scalar_one()


@pytest.fixture
async def walk(served: Served, browser: Browser) -> AsyncIterator[Walk]:
    world = await World.found(served.host, members=5, fund_minor=13500)
    await world.begin()
    phone = await Phone.sign_in(browser, served, world, "Ann")
    yield Walk(world, phone, served, browser)
    assert [line for line in phone.noise if "ERR_" not in line and "status of" not in line] == []
    await phone.context.close()


async def collect(page: Page) -> None:
    await press(page, "Collect them")
    await reads(page, "All collected.")


async def tick(page: Page, recipient: str, ticks: int) -> None:
    card = page.locator("[data-candidate]").filter(has_text=recipient)
    await card.locator(f'input[value="{ticks}"]').check()
    await press(page, "Look it over")


async def lose_answers(page: Page, pattern: str, times: int) -> list[bytes]:
    """The request arrives and is answered, and the answer gets lost; what was sent is kept."""
    sent: list[bytes] = []

    async def lost(route: Route) -> None:
        body = route.request.post_data_buffer
        if route.request.method != "POST" or body is None:
            await route.continue_()
            return
        sent.append(body)
        if len(sent) <= times:
            await route.fetch()
            await route.abort("connectionreset")
        else:
            await route.continue_()

    await page.route(pattern, lost)
    return sent


async def test_lost_answers_to_take_and_cast(walk: Walk) -> None:
    page = await walk.phone.open("collect")
    sent = await lose_answers(page, "**/take", 1)
    await press(page, "Collect them")
    await says(page, "No answer came.")
    await collect(page)
    assert sent[0] == sent[1]
    assert len(set(sent)) == 5
    await walk.vote_opens()
    page = await walk.phone.open("ballot")
    sent = await lose_answers(page, "**/cast/**", 3)
    await tick(page, "Saturday soup", 3)
    await press(page, "Seal and send")
    await says(page, "Not sent yet.")
    assert len(set(sent)) == 1
    await page.get_by_role("button", name="Change something").click()
    await press(page, "Try now")
    await reads(page, "Sealed and sent.")
    assert len(set(sent)) == 3
    assert await walk.in_the_box() == 3
    assert await walk.counted() == (3, 15)


async def test_a_tab_closed_between_keeping_and_posting(walk: Walk) -> None:
    page = await walk.phone.open("collect")
    await page.route("**/take", lambda route: page.close())
    await page.get_by_role("button", name="Collect them").click()
    await page.wait_for_event("close")
    page = await walk.phone.open("collect")
    await collect(page)
    await walk.vote_opens()
    page = await walk.phone.open("ballot")
    await tick(page, "Saturday soup", 2)
    await page.route("**/cast/**", lambda route: page.close())
    await page.get_by_role("button", name="Seal and send").click()
    await page.wait_for_event("close")
    assert await walk.in_the_box() == 0
    page = await walk.phone.open("ballot")
    await says(page, "Not sent yet.")
    await press(page, "Try now")
    await reads(page, "Sealed and sent.")
    assert await walk.counted() == (2, 15)


async def test_a_second_device_and_cleared_storage(walk: Walk, tmp_path: Path) -> None:
    page = await walk.phone.open("collect")
    await collect(page)
    async with page.expect_download() as download:
        await press(page, "Save the file")
    kept = tmp_path / "ann.json"
    await (await download.value).save_as(kept)
    second = await Phone.sign_in(walk.browser, walk.served, walk.world, "Ann")
    there = await second.open("collect")
    await press(there, "Collect them")
    await says(there, "These ticks were collected before.")
    await walk.vote_opens()
    there = await second.open("ballot")
    await says(there, "Your ticks are not in this browser.")
    await there.locator("input[data-load-file]").first.set_input_files(kept)
    await tick(there, "Saturday soup", 1)
    await press(there, "Seal and send")
    await reads(there, "Sealed and sent.")
    await second.context.close()
    # The first phone has forgotten everything meanwhile; the paper brings it back.
    page = await walk.phone.open("ballot")
    await press(page, "Put them on paper")
    lines = "\n".join(await page.locator("[data-lines]").all_inner_texts())
    typed = tmp_path / "paper.txt"
    typed.write_text(lines)
    await page.evaluate("localStorage.clear()")
    page = await walk.phone.open("ballot")
    await says(page, "Your ticks are not in this browser.")
    await page.locator("input[data-load-file]").first.set_input_files(typed)
    await expect(page.locator(".tickbar")).to_be_visible()
    assert await walk.counted() == (1, 15)


async def spread(walk: Walk, choice: str) -> Page:
    """Ann seals two ticks and leaves them to go by themselves."""
    page = await walk.phone.open("collect")
    await collect(page)
    await page.close()
    await walk.vote_opens()
    page = await walk.phone.context.new_page()
    await page.clock.install()
    await page.goto(f"{walk.phone.base}/in/ballot")
    await tick(page, "Saturday soup", 2)
    await page.get_by_text(choice).check()
    await press(page, "Seal and send")
    await reads(page, "Sealed. They go by themselves.")
    return page


async def test_casts_go_by_themselves_at_moments_left_to_chance(walk: Walk) -> None:
    page = await spread(walk, "By itself within the next hour")
    await says(page, "Sealed, and on their way.")
    dues = await page.evaluate(
        "Object.entries(localStorage).filter(([n]) => n.includes(':credential:'))"
        ".flatMap(([, t]) => JSON.parse(t).casts.map((c) => c.due - Date.now()))"
    )
    assert len(set(dues)) == 3
    assert all(-60_000 < due < HOUR_MS for due in dues)
    for _ in range(14):
        # A jump fires what is due once; then the network has its own time.
        await page.clock.fast_forward(HOUR_MS // 12)
        await page.wait_for_timeout(1500)
        if await page.locator("h1:visible").inner_text() == "Sealed and sent.":
            break
    await reads(page, "Sealed and sent.")
    assert await walk.in_the_box() == 3
    posts = [r for r in walk.phone.requests if "/cast/" in r.url]
    assert len(posts) == 3
    assert all(["cookie" not in await request.all_headers() for request in posts])
    assert await walk.counted() == (2, 15)


async def test_what_waits_survives_a_closed_tab_and_can_be_sent_or_changed(walk: Walk) -> None:
    page = await spread(walk, "By itself within the next twelve hours")
    await page.close()
    # The month's page cannot know it: it says the same to who has cast and who has not.
    month = await walk.phone.open("")
    assert "on their way" not in await month.inner_text("main")
    page = await walk.phone.open("ballot")
    await says(page, "Sealed, and on their way.")
    # Another mind: the new one goes at once, and the one that waited never does.
    await tick(page, "A ramp", 1)
    await press(page, "Seal and send")
    await reads(page, "Sealed and sent.")
    assert await walk.in_the_box() == 3
    page = await walk.phone.open("ballot")
    await says(page, "You have voted.")
    assert await walk.counted() == (0, 15)


async def test_the_rest_is_sent_at_once_when_asked(walk: Walk) -> None:
    page = await spread(walk, "By itself within the next twelve hours")
    await press(page, "Send the rest now")
    await reads(page, "Sealed and sent.")
    assert await walk.counted() == (2, 15)


async def test_in_the_last_minutes_all_goes_at_once_and_after_the_close_nothing(
    walk: Walk,
) -> None:
    page = await walk.phone.open("collect")
    await collect(page)
    await page.close()
    await walk.vote_opens()
    closes = (await walk.world.round()).vote.closes_at
    await walk.world.go(closes - timedelta(minutes=5))
    page = await walk.phone.context.new_page()
    await page.clock.install()
    await page.goto(f"{walk.phone.base}/in/ballot")
    await tick(page, "Saturday soup", 2)
    await page.get_by_text("By itself within the next hour").check()
    # Out of reach until the box has closed, by this page's clock too.
    await page.route("**/cast/**", lambda route: route.abort())
    await press(page, "Seal and send")
    await reads(page, "Sealed. They go by themselves.")
    await page.clock.run_for(6 * 60_000)
    posts = len([r for r in walk.phone.requests if "/cast/" in r.url])
    assert posts >= 1
    await page.clock.run_for(30 * 60_000)
    await says(page, "The box closed before all had gone.")
    assert len([r for r in walk.phone.requests if "/cast/" in r.url]) == posts
