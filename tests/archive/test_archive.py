"""The published record: the same bytes as files, as single records and as an archive."""

from __future__ import annotations

import asyncio
import io
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from litestar import Litestar
from sqlalchemy import text

from circles import archive, log
from circles.errors import MissingError
from circles.host import Host
from circles.log import floor, published
from circles.log.errors import LogBehindError, LogBrokenError
from circles.protocol.archive_source import open_source
from circles.protocol.checkpoint import open_checkpoint
from circles.protocol.merkle import TileName, Tree, read_bundle
from circles.protocol.messages import Ask, parse_entry
from circles.protocol.verify import verify
from circles.public import files, texts
from circles.public.texts import PublicText
from tests.conftest import Served
from tests.log.logs import record
from tests.neighbours import browser_of
from tests.world import KEEP, World

SOUP, BOOTS = "Soup kitchen", "Warm boots"
MONTH = "2026-10"


async def _played(host: Host) -> World:
    world = await World.found(host, members=4, fund_minor=5000)
    ann, ben, cleo, _dora = world.members
    await world.play_month(
        nominations=[(ann, SOUP, Ask(4500)), (ben, BOOTS, Ask(6000))],
        votes={ann: [SOUP, SOUP, BOOTS], ben: [SOUP, BOOTS], cleo: [SOUP, KEEP]},
    )
    return world


async def _grown(host: Host, entries: int) -> World:
    """A circle whose log has so many entries, two checkpoints on the way."""
    world = await World.found(host, members=1)
    for size in (3, 300, entries):
        async with host.database.begin() as db:
            have = await log.size(db, world.circle.id)
            await log.append(
                db, world.circle.id, [record(n, world.circle.id) for n in range(have, size)]
            )
            await log.sign(db, host.vault, world.circle.id, host)
        await floor.raise_to(host, world.circle.id)
    return world


def _on_disk(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def _unzipped(data: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(data)) as opened:
        return {name: opened.read(name) for name in opened.namelist()}


# Files


async def test_files_are_exactly_those_of_the_newest_checkpoint(host: Host) -> None:
    world = await _grown(host, 600)
    signed = await archive.shown(host, world.circle.id)
    folder = published.folder(host.settings, world.circle.slug)
    assert _on_disk(folder) == await published.render(host, world.circle.id, signed)
    assert sorted(_on_disk(folder)) == [
        "checkpoint",
        "key",
        "tile/0/000",
        "tile/0/001",
        "tile/0/002.p/88",
        "tile/1/000.p/2",
        "tile/entries/000",
        "tile/entries/001",
        "tile/entries/002.p/88",
    ]


def _harms(folder: Path) -> list[Callable[[], object]]:
    """What can happen to files on a disk."""
    (folder / "tile/0/007.p").mkdir()
    return [
        lambda: shutil.rmtree(folder.parent),
        (folder / "tile/entries/000").unlink,
        lambda: (folder / "tile/0/000").write_bytes(bytes(8192)),
        lambda: (folder / "tile/entries/001.p/54").write_bytes(b"x" * 99),
        lambda: (folder / "tile/0/007").write_bytes(b"stray"),
        lambda: (folder / "checkpoint").write_bytes(b"not a note"),
        lambda: (folder / "key").write_bytes(b"another"),
    ]


async def test_files_that_are_absent_or_differ_are_made_again(host: Host) -> None:
    world = await _grown(host, 310)
    folder = published.folder(host.settings, world.circle.slug)
    sound = _on_disk(folder)
    for harm in _harms(folder):
        harm()
        await archive.build(host, world.circle)
        assert _on_disk(folder) == sound


async def test_a_database_that_is_behind_changes_no_file_and_is_still_read(
    host: Host, client: httpx.AsyncClient
) -> None:
    world = await _grown(host, 310)
    folder = published.folder(host.settings, world.circle.slug)
    shown = _on_disk(folder)
    place = floor.path(host.settings, world.circle.id)
    place.write_bytes(floor.Floor(size=999, root=bytes(32), note="x").text())
    with pytest.raises(LogBehindError):
        await archive.build(host, world.circle)
    await archive.tick(host)
    assert _on_disk(folder) == shown
    answer = await client.get(f"{world.circle.path}/log/checkpoint")
    assert (answer.status_code, answer.content) == (200, shown["checkpoint"])


async def test_an_altered_log_is_not_published_over(host: Host) -> None:
    world = await _grown(host, 310)
    folder = published.folder(host.settings, world.circle.slug)
    shown = _on_disk(folder)
    async with host.database.begin() as db:
        if host.database.dialect == "sqlite":
            await db.execute(text("DROP TRIGGER log_entry_no_update"))
        else:
            await db.execute(text("ALTER TABLE log_entry DISABLE TRIGGER USER"))
        await db.execute(
            text("UPDATE log_entry SET data = :data WHERE number = 7"), {"data": record(7)}
        )
    with pytest.raises(LogBrokenError, match="Entry 7"):
        await archive.build(host, world.circle)
    assert _on_disk(folder) == shown


# Over HTTP


async def test_log_files_and_tiles_of_every_size(host: Host, client: httpx.AsyncClient) -> None:
    world = await _grown(host, 310)
    async with host.database.read() as db:
        entries = await log.entries(db, world.circle.id)
    tree = Tree(entry.leaf for entry in entries)
    base = f"{world.circle.path}/log"
    checkpoint = await client.get(f"{base}/checkpoint")
    key = await client.get(f"{base}/key")
    assert key.text == f"{world.log_key.text()}\n"
    assert open_checkpoint(checkpoint.content, [world.log_key]).root == tree.root()
    for name in (TileName(0, 0, 3), TileName(0, 1, 44), TileName(0, 0, 256), TileName(1, 0, 1)):
        answer = await client.get(f"{base}/{name.path()}")
        assert answer.content == tree.tile(name.level or 0, name.number, name.width)
        assert "immutable" in answer.headers["cache-control"]
    for name in (TileName(None, 0, 3), TileName(None, 1, 44), TileName(None, 1, 54)):
        answer = await client.get(f"{base}/{name.path()}")
        first = name.number * 256
        assert read_bundle(answer.content, name.width) == [
            entry.data for entry in entries[first : first + name.width]
        ]
    for answer in (checkpoint, key):
        assert answer.headers["content-type"] == "text/plain; charset=utf-8"
        assert answer.headers["access-control-allow-origin"] == "*"
        assert "set-cookie" not in answer.headers


NO_FILES = [
    "tile/0/001.p/55",
    "tile/0/002",
    "tile/1/001.p/1",
    "tile/1/000.p/2",
    "tile/63/000.p/1",
    "tile/entries/x001/000",
    "tile/0/000.p/0",
    "tile/0/000.p/256",
    "tile/0/000.p/03",
    "tile/0/0",
    "tile/0/x000/001",
    "tile/64/000",
    "tile/00/000",
    "tile/-1/000",
    "tile/entries/%2e%2e/%2e%2e/key",
    "tile/0/٠٠٠",
    "tile",
    "tile/",
    "keys",
    ".key.new",
    "%2e%2e",
]


async def test_what_is_no_log_file_is_not_there(host: Host, client: httpx.AsyncClient) -> None:
    world = await _grown(host, 310)
    for name in NO_FILES:
        answer = await client.get(f"{world.circle.path}/log/{name}")
        assert answer.status_code == 404, name


async def test_a_circle_without_a_round_has_no_files_yet(
    host: Host, client: httpx.AsyncClient
) -> None:
    world = await World.found(host, members=1)
    key = await client.get(f"{world.circle.path}/log/key")
    assert key.text == f"{world.log_key.text()}\n"
    for path in ("log/checkpoint", "log/tile/0/000.p/1", "archive.zip"):
        assert (await client.get(f"{world.circle.path}/{path}")).status_code == 404, path
    assert (await client.get("/c/nowhere/log/checkpoint")).status_code == 404
    await archive.build(host, world.circle)


async def test_single_records_are_the_bytes_of_the_log(
    host: Host, client: httpx.AsyncClient
) -> None:
    world = await World.found(host, members=4, fund_minor=5000)
    await world.begin()
    rounds = f"{world.circle.path}/rounds/{world.month}"
    for path in ("nominate/close", "vote/close", "vote/slate", "vote/result", "nominate/slate"):
        assert (await client.get(f"{rounds}/{path}")).status_code == 404
    ann, ben, cleo, _dora = world.members
    await world.play_month(
        nominations=[(ann, SOUP, Ask(4500))],
        votes={ann: [SOUP, SOUP], ben: [SOUP], cleo: [SOUP, KEEP]},
    )
    async with host.database.read() as db:
        entries = {entry.data for entry in await log.entries(db, world.circle.id)}
    kinds = {}
    for path in ("nominate/poll", "nominate/close", "vote/poll", "vote/slate", "vote/close",
                 "vote/result"):  # fmt: skip
        answer = await client.get(f"{rounds}/{path}")
        assert answer.status_code == 200, path
        assert answer.content in entries
        assert answer.headers["content-type"] == "text/plain; charset=utf-8"
        assert answer.headers["access-control-allow-origin"] == "*"
        kinds[path] = parse_entry(answer.content).kind
    assert list(kinds.values()) == [
        f"circles/{kind}/v1" for kind in ("poll", "close", "poll", "slate", "close", "result")
    ]
    for path in ("nominate/slate", "nominate/result", "paint/poll"):
        answer = await client.get(f"{rounds}/{path}")
        assert (answer.status_code, answer.json()["code"]) == (404, "not-found")
    with pytest.raises(MissingError):
        await archive.record(host, world.circle, "2031-01", "vote", "poll")


# Archives


async def test_an_archive_verifies_and_is_always_the_same(
    host: Host, client: httpx.AsyncClient, tmp_path: Path
) -> None:
    world = await _played(host)
    agreed = PublicText("Anna", "Her roof.", "")
    async with host.database.begin() as db:
        await texts.write(db, world.circle.id, MONTH, 1, agreed, host.clock.now())
    first = await client.get(f"{world.circle.path}/archive.zip")
    assert first.status_code == 200
    assert first.headers["content-type"] == "application/zip"
    kept = tmp_path / "archive.zip"
    kept.write_bytes(first.content)
    report = verify(open_source(str(kept)))
    assert report.holds, [str(problem) for problem in report.problems]
    archive._zips.clear()
    again = await client.get(f"{world.circle.path}/archive.zip")
    assert again.content == first.content
    asked = {"If-None-Match": first.headers["etag"]}
    assert (await client.get(f"{world.circle.path}/archive.zip", headers=asked)).status_code == 304
    found = _unzipped(first.content)
    assert found["public/circle.txt"].decode().startswith("Maple Row\n")
    assert found[f"public/{MONTH}/1.txt"] == b"Anna\nHer roof.\n\n"
    folder = published.folder(host.settings, world.circle.slug)
    assert {name: data for name, data in found.items() if name.startswith("log/")} == {
        f"log/{name}": data for name, data in _on_disk(folder).items()
    }


async def test_an_erased_text_is_gone_from_the_archive(
    host: Host, client: httpx.AsyncClient
) -> None:
    world = await _played(host)
    path = f"{world.circle.path}/archive.zip"
    plain = (await client.get(path)).content
    async with host.database.begin() as db:
        agreed = PublicText("Anna", "Her roof.", "")
        await texts.write(db, world.circle.id, MONTH, 1, agreed, host.clock.now())
    assert f"public/{MONTH}/1.txt" in _unzipped((await client.get(path)).content)
    async with host.database.begin() as db:
        await texts.erase(db, world.circle.id, MONTH, 1)
    assert (await client.get(path)).content == plain


async def test_a_months_archive_stays_what_it_was(
    host: Host, client: httpx.AsyncClient, tmp_path: Path
) -> None:
    world = await _played(host)
    path = f"{world.circle.path}/rounds/{MONTH}/archive.zip"
    first = await client.get(path)
    result = await client.get(f"{world.circle.path}/rounds/{MONTH}/vote/result")
    assert (await client.get(f"{world.circle.path}/rounds/2026-11/archive.zip")).status_code == 404
    await world.go(world.at_month("2026-11").take_from)
    assert (await client.get(path)).content == first.content
    (tmp_path / "month.zip").write_bytes(first.content)
    report = verify(open_source(str(tmp_path / "month.zip")))
    assert report.holds, [str(problem) for problem in report.problems]
    found = _unzipped(first.content)
    checkpoint = open_checkpoint(found["log/checkpoint"], [world.log_key])
    last = [name for name in found if name.startswith("log/tile/entries/")]
    entries = read_bundle(found[last[0]], checkpoint.size)
    assert result.content in entries
    assert len(entries) < len(await world.records())


async def test_documents_stand_in_an_archive_by_their_hash(host: Host) -> None:
    world = await _grown(host, 310)
    words = archive.Words(b"Maple Row\n", documents={bytes(32): b"salt and text"})
    found = _unzipped(await archive.zip_bytes(host, world.circle, words))
    assert found["documents/" + "A" * 43] == b"salt and text"


async def test_an_outsider_verifies_over_the_real_server(host: Host, served: Served) -> None:
    world = await _played(host)

    def outside() -> list[str]:
        with open_source(f"{served.url}{world.circle.path}") as source:
            report = verify(source)
        return [str(problem) for problem in report.problems]

    assert await asyncio.to_thread(outside) == []


def test_a_tile_name_has_one_spelling() -> None:
    for name in ("0/000", "entries/x001/234.p/7", "63/x999/999"):
        assert files.read_tile_name(name).path() == f"tile/{name}"


async def test_own_words_stand_in_the_archive_only_by_leave(
    host: Host, app: Litestar, tmp_path: Path
) -> None:
    """An officer ticks that the recipient agreed; taken back, they are gone again."""
    world = await _played(host)
    found = (await world.round()).result
    assert found is not None
    number = found.awards[0][0]
    path = f"{world.circle.path}/in/desk/words/{MONTH}/{number}"
    agreed = {"name": "Soup", "story": "", "thanks": "", "agreed": "on"}
    handle = world.members[0].handle
    async with browser_of(app, host, world.circle, handle) as officer:

        async def documents() -> dict[str, bytes]:
            answer = await officer.get(f"{world.circle.path}/archive.zip")
            (tmp_path / "archive.zip").write_bytes(answer.content)
            assert verify(open_source(str(tmp_path / "archive.zip"))).holds
            files_ = _unzipped(answer.content)
            return {n: data for n, data in files_.items() if n.startswith("documents/")}

        assert SOUP in (await officer.get(path)).text
        assert (await officer.post(path, data=agreed)).status_code == 303
        assert await documents() == {}
        assert (await officer.post(path, data={**agreed, "own": "on"})).status_code == 303
        (kept,) = (await documents()).values()
        assert kept[32:].decode() == SOUP
        assert 'name="own" value="on" checked' in (await officer.get(path)).text
        assert (await officer.post(f"{path}/erase")).status_code == 303
        assert await documents() == {}
