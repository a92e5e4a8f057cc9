"""`circles ledger import`: the command as a person types it, and what it does without one."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from circles.errors import CirclesError, ConflictError, SettingsError
from circles.host import Host
from circles.ledger.bank import lines
from circles.ledger.bank.imports import Kept
from circles.operating.importing import Asked, bring_in
from tests.desk.test_import import IBAN, OTHER_KIND, TWO, camt
from tests.operating.test_cli import run
from tests.world import World


class Terminal:
    """Somebody who answers, and what they saw."""

    def __init__(self, host: Host, slug: str) -> None:
        self.host, self.slug = host, slug
        self.said: list[str] = []
        self.counted: list[tuple[str, int, int]] = []

    async def bring(self, file: Path, *, answer: bool = True, **options: object) -> Kept | None:
        self.said.clear()
        asked = Asked(self.slug, str(file), **options)  # type: ignore[arg-type]  # by their names

        def question(words: str) -> bool:
            self.said.append(words)
            return answer

        def count(what: str, done: int, total: int) -> None:
            self.counted.append((what, done, total))

        return await bring_in(self.host, asked, self.said.append, question, count)


async def amounts(host: Host, world: World) -> list[int]:
    async with host.database.read() as db:
        return [one.amount_minor for one in await lines.waiting(db, None, world.circle.id)]


async def test_a_file_is_brought_in_by_whoever_runs_the_machine(host: Host, tmp_path: Path) -> None:
    world = await World.found(host, members=1)
    file, other = tmp_path / "statement.xml", tmp_path / "same.csv"
    file.write_text(TWO)
    other.write_text(OTHER_KIND)
    terminal = Terminal(host, world.circle.slug)
    with pytest.raises(ConflictError, match=f"{IBAN}.*--account NUMBER. Nothing was kept."):
        await terminal.bring(file)
    assert await terminal.bring(file, account=IBAN, answer=False) is None
    assert terminal.said == [
        f"{IBAN}: 2 new lines, 0 known already",
        "Bring in 2 new lines? [y/N] ",
    ]
    assert await amounts(host, world) == []
    kept = await terminal.bring(file, account=IBAN)
    assert kept is not None
    assert (kept.fresh, kept.known, kept.actor) == (2, 0, 0)
    size = file.stat().st_size
    assert {("bytes", size, size), ("lines", 2, 2)} <= set(terminal.counted)
    assert await terminal.bring(file) is None
    assert terminal.said[-1] == "Nothing new in it. Nothing was kept."
    await terminal.bring(other, yes=True)
    assert terminal.said == [
        f"{IBAN}: 1 new lines, 1 known already (1 by day and amount, from another kind of file)"
    ]
    assert await amounts(host, world) == [1000, -250, 300]


@pytest.mark.one_database("what is read is looked at")
async def test_columns_that_nobody_knows_are_named_once(host: Host, tmp_path: Path) -> None:
    world = await World.found(host, members=1)
    file = tmp_path / "odd.csv"
    file.write_text("Quand|Combien\n01.10.26|10,00\n02.10.26|-5,00\n")
    terminal = Terminal(host, world.circle.slug)
    with pytest.raises(ConflictError, match="has problems"):
        await terminal.bring(file)
    assert any("--columns date,counterparty,amount" in words for words in terminal.said)
    with pytest.raises(SettingsError, match="No column is called day"):
        await terminal.bring(file, columns="day,amount")
    with pytest.raises(SettingsError, match="which column is the amount"):
        await terminal.bring(file, columns="date")
    kept = await terminal.bring(file, account=IBAN, columns="date,amount", decimal=",")
    assert kept is not None
    file.write_text("Quand|Combien\n03.10.26|7,00\n")
    await terminal.bring(file)
    assert await amounts(host, world) == [1000, -500, 700]


@pytest.mark.one_database("the same plan as at the desk")
async def test_the_other_half_of_a_day_is_asked_about_in_words(host: Host, tmp_path: Path) -> None:
    world = await World.found(host, members=1)
    file = tmp_path / "half.xml"
    file.write_text(camt((3, "10.00", "Wren"), opening="100.00"))
    terminal = Terminal(host, world.circle.slug)
    await terminal.bring(file, account=IBAN)
    file.write_text(camt((3, "10.00", "Wren"), opening="110.00"))
    assert await terminal.bring(file, answer=False) is None
    assert any("say so with --another" in words for words in terminal.said)
    kept = await terminal.bring(file, another=True)
    assert kept is not None
    assert kept.fresh == 1
    assert await amounts(host, world) == [1000, 1000]


@pytest.mark.one_database("what is refused here keeps nothing")
async def test_what_cannot_be_brought_in_is_said(host: Host, tmp_path: Path) -> None:
    world = await World.found(host, members=1)
    terminal = Terminal(host, world.circle.slug)
    broken, swiss = tmp_path / "broken.xml", tmp_path / "swiss.xml"
    broken.write_text(TWO.replace("10.00", "10,0O"))
    swiss.write_text(TWO.replace("EUR", "CHF"))
    refusals: list[tuple[Path, dict[str, object], type[CirclesError], str]] = [
        (broken, {}, ConflictError, "This file has problems"),
        (tmp_path / "none.xml", {}, SettingsError, "cannot be read"),
        (swiss, {"mapping": swiss}, SettingsError, "is no mapping"),
    ]
    for file, options, error, words in refusals:
        with pytest.raises(error, match=words):
            await terminal.bring(file, **options)
    await terminal.bring(swiss)
    assert terminal.said[0] == f"{IBAN}: left out, it is not in EUR"
    assert await amounts(host, world) == []


@pytest.mark.one_database("the same code as above, by its name")
async def test_the_command_asks_nobody_where_nobody_sits(host: Host, tmp_path: Path) -> None:
    world = await World.found(host, members=1)
    file = tmp_path / "statement.xml"
    file.write_text(TWO)
    words = ("ledger", "import", world.circle.slug, str(file), "--account", IBAN)
    url = host.settings.database_url
    for more, said in (((), "Say --yes"), (("--yes",), "Kept: 2 new lines, 0 known already.")):
        answer = await asyncio.to_thread(
            run, *words, *more, data=host.settings.data, CIRCLES_DATABASE_URL=url
        )
        assert answer.returncode == 0, answer.stderr
        assert said in answer.stdout
