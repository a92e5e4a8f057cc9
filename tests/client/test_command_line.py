"""Voting from the command line, at the real server; and a file that goes to a browser and back."""

from __future__ import annotations

import asyncio
import io
import json
import stat
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, expect

from circles import cli, verifier
from circles.protocol.messages import Ask
from tests.conftest import Served
from tests.neighbours import PASSPHRASE
from tests.script.test_real_server import Phone, press, reads
from tests.world import KEEP, World

ONCE = "what a client does depends on no database"


class Terminal:
    """One member's command line at a circle."""

    def __init__(self, served: Served, world: World, file: Path, patch: pytest.MonkeyPatch) -> None:
        self._address = f"{served.url}{world.circle.path}"
        self._world, self.file, self._patch = world, file, patch

    async def run(self, command: str, *options: str) -> int:
        """`circles <command>`, the pass phrase piped in."""
        self._patch.setattr("sys.stdin", io.StringIO(f"{PASSPHRASE}\n"))
        where = [self._address, "--file", str(self.file), "--month", self._world.month]
        return await asyncio.to_thread(cli.main, [command, *where, *options])

    @property
    def records(self) -> list[dict[str, Any]]:
        """What stands in the file."""
        found: list[dict[str, Any]] = json.loads(self.file.read_text("utf-8"))["records"]
        return found

    async def verify(self, evidence: Path) -> int:
        """`circles verify` with what was kept."""
        given = [self._address, "--evidence", str(evidence)]
        return await asyncio.to_thread(verifier.main, given)


async def _begun(served: Served) -> World:
    world = await World.found(served.host, members=5, fund_minor=13500)
    await world.begin()
    return world


async def _voting(world: World) -> int:
    """The others name and vote; the number of the boots on the slate."""
    named = await world.members[1].nominate("Warm boots\nFor two.\n", Ask(6000))
    await world.go(world.at.nominating_closes)
    await world.go(world.at.voting_opens)
    boots = await world.candidate(named)
    for other in world.members[1:]:
        await other.vote([boots, boots, KEEP])
    return boots


@pytest.mark.one_database(ONCE)
async def test_a_month_from_the_command_line(
    served: Served,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    world = await _begun(served)
    ann = Terminal(served, world, tmp_path / "ann.json", monkeypatch)
    assert await ann.run("take", "--handle", "Ann") == 0
    assert capsys.readouterr().out.startswith("nominate: 2 collected\nvote: 3 collected\n")
    assert stat.S_IMODE(ann.file.stat().st_mode) == 0o600
    taken = ann.records
    # Run again it takes nothing anew: a slot is given once.
    assert await ann.run("take", "--handle", "Ann") == 0
    assert ann.records == taken

    await world.go((await world.round()).nominate.opens_at)
    words = tmp_path / "words.txt"
    words.write_text("Saturday soup\nVegetables.\n")
    assert await ann.run("cast", "--name", str(words), "--ask", "4500") == 0
    assert await ann.run("cast", "--tick", "1") == 1
    assert "circles: not-open: " in capsys.readouterr().err
    boots = await _voting(world)
    soup = 3 - boots
    assert await ann.run("cast", "--tick", str(boots)) == 0
    assert await ann.run("receipt") == 0
    assert capsys.readouterr().out.count("is in the box; its receipt is good") == 3
    # A change of mind: the last one counts.
    ticks = ["--tick", str(soup), "--tick", str(soup), "--tick", "keep"]
    assert await ann.run("cast", *ticks) == 0
    assert "3 sent, 3 receipts kept" in capsys.readouterr().out

    await world.go(world.at.count_at)
    result = (await world.round()).result
    assert result is not None
    assert dict(result.totals) == {boots: 8, soup: 2}
    assert result.keep == 5
    kept = tmp_path / "kept"
    assert await ann.run("receipt", "--evidence", str(kept)) == 0
    assert capsys.readouterr().out.count("stands in the log as entry") == 4
    assert len(list((kept / "receipts").iterdir())) == 1 + 3 + 3
    assert await ann.verify(kept) == 0
    assert await ann.run("cast", *ticks) == 1
    assert "circles: closed: " in capsys.readouterr().err


@pytest.mark.one_database(ONCE)
async def test_a_file_goes_from_the_browser_to_the_command_line_and_back(
    served: Served, browser: Browser, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = await _begun(served)
    phone = await Phone.sign_in(browser, served, world, "Ann")
    page = await phone.open("collect")
    await press(page, "Collect them")
    await reads(page, "All collected.")
    async with page.expect_download() as waiting:
        await page.locator("[data-save-file]:visible").first.click()
    ann = Terminal(served, world, tmp_path / "ann.json", monkeypatch)
    await (await waiting.value).save_as(ann.file)
    await phone.context.close()

    boots = await _voting(world)
    assert await ann.run("cast", "--tick", str(boots), "--tick", "keep") == 0

    # Another phone, that knows nothing yet: it goes on with what the command line kept.
    other = await Phone.sign_in(browser, served, world, "Ann")
    page = await other.open("ballot")
    await page.locator("[data-load-file]").first.set_input_files(ann.file)
    await expect(page.locator("[data-cast-before]")).to_be_visible()
    await page.locator('input[name="nkeep"][value="3"]').check()
    await press(page, "Look it over")
    await press(page, "Seal and send")
    await reads(page, "Sealed and sent.")
    await world.go(world.at.count_at)
    result = (await world.round()).result
    assert result is not None
    assert (dict(result.totals), result.keep) == ({boots: 8}, 7)
    assert other.noise == []
    await other.context.close()


@pytest.mark.one_database(ONCE)
async def test_what_does_not_hold_is_refused_in_words(
    served: Served,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    world = await _begun(served)
    ann = Terminal(served, world, tmp_path / "ann.json", monkeypatch)
    assert await ann.run("take", "--handle", "Nobody") == 1
    assert "circles: wrong-passphrase: " in capsys.readouterr().err
    assert await ann.run("take", "--handle", "Ann") == 0
    assert await ann.run("cast") == 2
    # Another member with this file: a line is one member's.
    assert await ann.run("take", "--handle", "Ben") == 1
    assert "circles: line-changed: " in capsys.readouterr().err

    good = ann.file.read_text("utf-8")
    value = json.loads(good)
    for edit, code in (
        ({"kind": "circles/credentials/v2"}, "file-unreadable"),
        ({"circle": "/c/elm-court"}, "file-other-circle"),
        ({"log-key": value["log-key"].replace("maple", "apple")}, "log-key"),
        ({"log-last": {**value["log-last"], "root": "A" * 43}}, "log-forked"),
        ({"records": [{**value["records"][0], "slot": 1}]}, "file-unreadable"),
        ({"records": [{**value["records"][0], "seed": "A" * 43}]}, "file-unreadable"),
    ):
        ann.file.write_text(json.dumps({**value, **edit}), "utf-8")
        assert await ann.run("receipt") == 1
        assert f"circles: {code}: " in capsys.readouterr().err, code
    ann.file.write_text(good, "utf-8")
    assert await ann.run("receipt") == 0
