"""Keys to the box in real browsers and on the command line: two of three open, one never comes."""

from __future__ import annotations

import asyncio
import io
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, expect

from circles import cli
from tests.conftest import Served
from tests.neighbours import PASSPHRASE
from tests.script.test_real_server import Phone, press, reads, says
from tests.trustees import Trustee, choose, to_the_close
from tests.web.test_sound import axe_source, looked_at
from tests.world import World

ONCE = "what a browser and a command line do depends on no database"


async def circles(patch: pytest.MonkeyPatch, *arguments: str) -> int:
    """`circles trustee ...`, the pass phrase piped in."""
    patch.setattr("sys.stdin", io.StringIO(f"{PASSPHRASE}\n"))
    return await asyncio.to_thread(cli.main, ["trustee", *arguments])


async def decide(page: Page, names: list[str], needed: str, *, server: bool) -> None:
    """Fill the steward's page and send it."""
    await page.set_checked('[name="server"]', server)
    for box in await page.locator('[name^="who-"]').all():
        await box.set_checked(False)
    for name in names:
        await page.get_by_label(name).check()
    await page.fill('[name="needed"]', needed)
    await press(page, "From the next round on")


async def sound(page: Page) -> None:
    """Axe finds nothing, light and dark, and nothing runs out of a screen."""
    await page.emulate_media(reduced_motion="reduce")
    await page.evaluate(axe_source())
    assert await looked_at(page, page.url) == []


async def make_and_keep(page: Page, to: Path) -> None:
    """Make keys, save the file, hand in."""
    await press(page, "Make keys")
    await says(page, "6 keys are made")
    hand_in = page.locator("[data-hand-in]")
    await expect(hand_in).to_be_hidden()
    async with page.expect_download() as waiting:
        await page.locator("[data-save-keys]:visible").click()
    await (await waiting.value).save_as(to)
    await hand_in.click()
    await reads(page, "You hold a key to the box.")


@pytest.mark.one_database(ONCE)
async def test_two_of_three_one_from_a_file_one_from_the_command_line(
    served: Served,
    browser: Browser,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    world = await World.found(served.host, members=5, fund_minor=5000)
    address = f"{served.url}{world.circle.path}"
    ann_file, ben_file = tmp_path / "ann.txt", tmp_path / "ben.txt"

    # The steward is offered a key beside the machine's, and decides otherwise.
    phone = await Phone.sign_in(browser, served, world, "Ann")
    await says(await phone.open("steward"), "This machine holds the only key.")
    page = await phone.open("steward/trustees")
    await sound(page)
    assert await page.input_value('[name="needed"]') == "2"
    assert await page.is_checked('[name="server"]')
    await decide(page, ["Ann", "Ben", "Cleo"], "2", server=False)
    await reads(page, "Make your keys.")
    await make_and_keep(page, ann_file)
    assert ann_file.read_text().startswith("circles/trustee-keys/v1\ncircle /c/maple-row\nkey ")
    made = await circles(
        monkeypatch, "key", address, "--file", str(ben_file), "--count", "2", "--handle", "Ben"
    )
    assert made == 0
    assert "Their outer halves are handed in." in capsys.readouterr().out
    await Trustee(world, world.members[2]).hand_in()

    opening = ["open", address, "--file", str(ben_file), "--month", "2026-10"]
    await world.begin()
    assert await circles(monkeypatch, *opening) == 1
    assert "not-closed" in capsys.readouterr().err
    round_ = await to_the_close(world)
    assert (len(round_.vote.poll.trustees), round_.vote.poll.threshold) == (3, 2)
    page = await phone.open("")
    await reads(page, "The box is closed, and waits for its keys.")
    await says(page, "We wait for two of two keys.")
    await phone.context.close()

    other = await Phone.sign_in(browser, served, world, "Ann")
    page = await other.open("trustee")
    await reads(page, "The box waits for your key.")
    await says(page, "Your key is not in this browser.")
    await page.locator("[data-key-file]").set_input_files(ben_file)
    await says(page, "This key opens another box.")
    await page.locator("[data-key-file]").set_input_files(ann_file)
    await reads(page, "Your key is turned. Thank you.")
    assert (await world.records()).count("opening") == 1
    await world.advance()
    assert not (await world.round()).decided
    await reads(await other.open("trustee"), "Your key is turned. Thank you.")
    public = await other.context.new_page()
    await public.goto(f"{address}/rounds/2026-10/")
    await says(public, "The box is counted when two of three keys have been turned. One has been")

    assert await circles(monkeypatch, *opening) == 0
    assert "stands in the log as entry" in capsys.readouterr().out
    await world.advance()
    assert (await world.round()).result is not None
    assert (await world.verify()).holds
    assert await circles(monkeypatch, *opening) == 1
    assert "decided" in capsys.readouterr().err
    posted = [r for r in other.requests if r.url.endswith("/vote/opening")]
    assert [("cookie" in await r.all_headers()) for r in posted] == [False]
    assert other.noise == []
    await other.context.close()


@pytest.mark.one_database(ONCE)
async def test_a_key_made_here_opens_here_and_the_sheet_can_be_typed(
    served: Served, browser: Browser, tmp_path: Path
) -> None:
    world = await World.found(served.host, members=5, fund_minor=5000)
    ann, ben = [Trustee(world, client) for client in world.members[:2]]
    await choose(world, [ann, ben], server=True, needed=3)
    phones = [await Phone.sign_in(browser, served, world, name) for name in ("Ann", "Ben")]
    typed = []
    for phone in phones:
        page = await phone.open("trustee")
        if phone is phones[0]:
            await sound(page)
        await make_and_keep(page, tmp_path / "kept.txt")
        await page.locator("[data-show-sheet]:visible").click()
        await reads(page, "Keys to the box.")
        typed = await page.locator("[data-digits]").all_inner_texts()
        assert len(typed) == 6
        assert all(len(text) == 79 for text in typed)
        if phone is phones[0]:
            await sound(page)
        assert await page.locator("[data-sheet-keys] svg path").count() == 6
    await to_the_close(world)
    page = await phones[0].open("trustee")
    await sound(page)
    await press(page, "Look, then open")
    await reads(page, "Your key is turned. Thank you.")
    assert (
        await page.evaluate("Object.keys(localStorage).filter(n => n.includes('trustee:')).length")
        == 5
    )
    # Ben's phone forgot; of the six on the sheet one fits.
    page = await phones[1].open("trustee")
    await page.evaluate("localStorage.clear()")
    page = await phones[1].open("trustee")
    await page.fill("[data-key-text]", "not a key")
    await press(page, "Look, then open with this")
    await says(page, "That is no key.")
    await sound(page)
    for text in typed:
        await page.fill("[data-key-text]", text.lower())
        await press(page, "Look, then open with this")
        opened = page.locator('[data-part="opened"]:visible')
        wrong = page.get_by_text("This key opens another box.").filter(visible=True)
        await expect(opened.or_(wrong).first).to_be_visible()
        if await opened.count():
            break
    await reads(page, "Your key is turned. Thank you.")
    await world.advance()
    assert (await world.round()).result is not None
    for phone in phones:
        await phone.context.close()
