"""Voting without signing in: the page in one file, from a disk and at the host; ticks on paper."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.async_api import Browser, Page, expect

from circles.cli import main
from circles.client import codes
from circles.protocol.messages import Ask
from circles.protocol.text import b64
from circles.rounds import clients, single
from tests.conftest import Served
from tests.script.test_real_server import TIMEOUT_MS, Phone, press, reads, says
from tests.world import KEEP, World

pytestmark = pytest.mark.one_database("the page in one file meets no database")


@dataclass
class Vote:
    """A vote that is open; Ann collected on her phone and has not voted."""

    world: World
    phone: Phone
    served: Served
    browser: Browser
    soup: bytes

    @property
    def address(self) -> str:
        return f"{self.served.url}{self.world.circle.path}"

    async def elsewhere(self) -> tuple[Phone, Page]:
        """Another browser, signed in nowhere."""
        context = await self.browser.new_context(viewport={"width": 390, "height": 844})
        context.set_default_timeout(TIMEOUT_MS)
        return Phone(context, self.address), await context.new_page()

    async def counted(self) -> tuple[int, int]:
        """The vote closed, all neighbours but Ann for keeping: ticks for the soup, keys counted."""
        for other in self.world.members[1:]:
            await other.vote([KEEP])
        await self.world.go(self.world.at.count_at)
        result = (await self.world.round()).result
        assert result is not None
        assert (await self.world.verify()).holds
        return dict(result.totals)[await self.world.candidate(self.soup)], result.counted


@pytest.fixture
async def vote(served: Served, browser: Browser) -> AsyncIterator[Vote]:
    world = await World.found(served.host, members=5, fund_minor=13500)
    await world.begin()
    phone = await Phone.sign_in(browser, served, world, "Ann")
    page = await phone.open("collect")
    await press(page, "Collect them")
    await reads(page, "All collected.")
    await page.close()
    await world.go((await world.round()).nominate.opens_at)
    _, ben, cleo, *_ = world.members
    soup = await ben.nominate("Saturday soup\nVegetables for the big pot.\n", Ask(4500))
    await cleo.nominate("A ramp\nWood and hinges.\n", Ask(None, 8000, part=True))
    await world.go(world.at.nominating_closes)
    await world.go(world.at.voting_opens)
    vote = Vote(world, phone, served, browser, soup)
    yield vote
    assert phone.noise == []
    await phone.context.close()


async def saved(page: Page, button: str, to: Path) -> Path:
    async with page.expect_download() as download:
        await press(page, button)
    await (await download.value).save_as(to)
    return to


async def give(page: Page, recipient: str, ticks: int) -> None:
    card = page.locator("[data-candidate]").filter(has_text=recipient)
    await card.locator(f'input[value="{ticks}"]').check()
    await press(page, "Look it over")


async def bring(page: Page, *files: Path) -> None:
    await page.locator("[data-bring-file]").set_input_files(list(files))


async def at_disk(vote: Vote, tmp_path: Path) -> Path:
    """The file as served, saved, and its hash as the poll record has it."""
    async with httpx.AsyncClient() as client:
        answer = await client.get(f"{vote.address}/ballot.html")
    assert answer.status_code == 200
    poll = (await vote.world.round()).vote.poll
    assert sha256(answer.content).digest() in poll.clients
    path = tmp_path / "ballot.html"
    path.write_bytes(answer.content)
    return path


async def test_from_a_disk_with_the_saved_file(vote: Vote, tmp_path: Path) -> None:
    ballot = await vote.phone.open("ballot")
    kept = await saved(ballot, "Save the file", tmp_path / "ann.json")
    phone, page = await vote.elsewhere()
    await page.goto((await at_disk(vote, tmp_path)).as_uri())
    await reads(page, "Vote with what you brought.")
    await bring(page, kept)
    await reads(page, "Give your ticks.")
    await says(page, "Vegetables for the big pot.")
    await says(page, "asks €45.00")
    await give(page, "Saturday soup", 3)
    await press(page, "Seal and send")
    await reads(page, "Sealed and sent.")
    # Again, with one less: the page knows that it was sent once.
    await press(page, "Vote again")
    await give(page, "Saturday soup", 2)
    await expect(page.locator("#before")).to_have_value("1")
    await press(page, "Seal and send")
    await reads(page, "Sealed and sent.")
    after = json.loads((await saved(page, "Save the file", tmp_path / "after.json")).read_text())
    assert [len(record["casts"]) for record in after["records"]] == [2, 2, 2]
    assert all(cast["receipt"] for record in after["records"] for cast in record["casts"])
    await _left_nothing(phone, page, vote)
    assert await vote.counted() == (2, 15)


async def _left_nothing(phone: Phone, page: Page, vote: Vote) -> None:
    """Only the circle was asked, without a name; nothing stays behind."""
    assert phone.noise == []
    sent = [r for r in phone.requests if r.url.startswith("http")]
    assert all(request.url.startswith(vote.served.url) for request in sent)
    for request in sent:
        headers = await request.all_headers()
        assert "cookie" not in headers
        assert "referer" not in headers
    assert await page.evaluate("localStorage.length") == 0
    await press(page, "Done. Forget everything here")
    await reads(page, "Vote with what you brought.")
    await phone.context.close()


async def _paper(vote: Vote) -> Page:
    page = await vote.phone.open("ballot")
    await press(page, "Put them on paper")
    await reads(page, "Your ticks on paper.")
    await expect(page.locator("[data-papers] svg")).to_have_count(3)
    return page


async def test_a_photo_of_the_paper_votes_on_another_device(vote: Vote, tmp_path: Path) -> None:
    paper = await _paper(vote)
    picture = tmp_path / "paper.png"
    await paper.set_viewport_size({"width": 1100, "height": 1600})
    await paper.locator("[data-papers]").screenshot(path=picture)
    phone, page = await vote.elsewhere()
    await page.goto(f"{vote.address}/ballot.html")
    await bring(page, picture)
    await reads(page, "Give your ticks.")
    await says(page, "The words of the requests are read by members only")
    letter = "A" if await vote.world.candidate(vote.soup) == 1 else "B"
    await give(page, f"Request {letter}", 3)
    await press(page, "Seal and send")
    await reads(page, "Sealed and sent.")
    await press(page, "Done. Forget everything here")
    await reads(page, "Vote with what you brought.")
    assert await page.evaluate("localStorage.length") == 0
    assert phone.noise == []
    await phone.context.close()
    assert await vote.counted() == (3, 15)


async def test_pictures_scanned_one_after_the_other_come_together(vote: Vote) -> None:
    paper = await _paper(vote)
    lines = await paper.locator("[data-lines]").all_inner_texts()
    phone, page = await vote.elsewhere()
    for i, text in enumerate(lines, start=1):
        address = f"{vote.address}/ballot.html#{_letters(text)}"
        page = await phone.context.new_page()
        await page.goto(address)
        if i < len(lines):
            await says(page, f"{i} of 3 are here.")
        # What the picture holds does not stay in the address.
        assert "#" not in page.url
    await reads(page, "Give your ticks.")
    await give(page, "Keep it", 1)
    await page.fill("#before", "4")
    await press(page, "Seal and send")
    await reads(page, "Sealed and sent.")
    assert phone.noise == []
    await phone.context.close()
    await vote.phone.context.new_page()
    assert await vote.counted() == (0, 15)


def _letters(text: str) -> str:
    """A code's letters out of its lines, as the picture holds them."""
    found = []
    for line in text.splitlines():
        body = line.partition(":")[2].rpartition("-")[0]
        found.append(body.replace(" ", ""))
    return "".join(found)


async def test_typed_letters_vote_from_the_command_line(vote: Vote, tmp_path: Path) -> None:
    paper = await _paper(vote)
    texts = await paper.locator("[data-lines]").all_inner_texts()
    stored = {record["seed"] for record in await _stored(vote)}
    assert {code.seed for code in codes.read("\n".join(texts))} <= stored
    typed = tmp_path / "typed.txt"
    typed.write_text("Tick one\n" + "\n".join(texts).lower().replace("0", "o"))
    ticket = str(await vote.world.candidate(vote.soup))
    arguments = ["cast", vote.address, "--file", str(tmp_path / "cli.json"), "--month", "2026-10"]
    arguments += ["--codes", str(typed), "--tick", ticket]
    assert await asyncio.to_thread(main, arguments) == 0
    # The file that the command wrote is one that the page reads.
    phone, page = await vote.elsewhere()
    await page.goto((await at_disk(vote, tmp_path)).as_uri())
    await page.fill("#address", vote.address)
    await bring(page, tmp_path / "cli.json")
    await reads(page, "Give your ticks.")
    await give(page, "Request A", 2)
    await expect(page.locator("#before")).to_have_value("1")
    await phone.context.close()
    assert await vote.counted() == (1, 15)


async def _stored(vote: Vote) -> list[dict[str, Any]]:
    page = await vote.phone.open("ballot")
    found: list[dict[str, Any]] = await page.evaluate(
        "Object.entries(localStorage).filter(([name]) => name.includes(':credential:'))"
        ".map(([, text]) => JSON.parse(text))"
    )
    return found


async def test_what_does_not_fit_is_said_and_nothing_is_sent(vote: Vote, tmp_path: Path) -> None:
    paper = await _paper(vote)
    [text, *_] = await paper.locator("[data-lines]").all_inner_texts()
    lines = text.splitlines()
    at = lines[6].index(":") + 2
    wrong = "2" if lines[6][at] != "2" else "3"
    mistyped = [*lines[:6], lines[6][:at] + wrong + lines[6][at + 1 :], *lines[7:]]
    phone, page = await vote.elsewhere()
    await page.goto(f"{vote.address}/ballot.html")
    for words, said in [
        ("hello", "These are not the letters of a tick."),
        ("\n".join(lines[:5]), "Some letters are missing."),
        ("\n".join(lines[:5] + lines[6:]), "Some letters are missing."),
        ("\n".join(mistyped), "It is in line 7."),
    ]:
        await page.fill("#letters", words)
        await press(page, "Read the letters")
        await says(page, said)
    blank = tmp_path / "white.png"
    await page.screenshot(path=blank, clip={"x": 0, "y": 0, "width": 60, "height": 20})
    await bring(page, blank)
    await says(page, "There is no code to be seen in this picture.")
    assert not [request for request in phone.requests if "/cast/" in request.url]
    await phone.context.close()


async def test_without_script_the_file_says_what_to_do(vote: Vote) -> None:
    context = await vote.browser.new_context(java_script_enabled=False)
    page = await context.new_page()
    await page.goto(f"{vote.address}/ballot.html")
    # The words stand in a <noscript>, which the usual ways of looking pass over.
    assert (await page.inner_text("main")).startswith("This page needs its script.")
    await context.close()


def test_the_file_is_the_same_each_time_and_its_hash_is_among_the_clients() -> None:
    first = single.file("en").body
    single.file.cache_clear()
    assert single.file("en").body == first
    assert sha256(first).digest() in clients.hashes()
    assert len(b64(sha256(first).digest())) == 43
