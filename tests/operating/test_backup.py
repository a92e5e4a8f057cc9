"""A backup is taken while the circle lives on; its check finds every planted fault."""

from __future__ import annotations

import asyncio
import json
import shutil
import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.engine import make_url

from circles.errors import SettingsError
from circles.host import Host
from circles.log import floor
from circles.operating import backup, restore
from circles.protocol.messages import Ask
from tests.world import KEEP, World


async def lived(host: Host) -> World:
    """A circle with a counted month and a running one."""
    world = await World.found(host, members=4)
    await world.begin()
    ann, ben, *_ = world.members
    await world.play_month(
        nominations=[(ann, "Soup kitchen", Ask(2000)), (ben, "A bench", Ask(4000))],
        votes={who: ["Soup kitchen", "A bench", KEEP] for who in world.members},
    )
    return world


async def check(host: Host, folder: Path) -> tuple[list[str], list[str]]:
    """Problems, and what was said on the way."""
    said: list[str] = []
    return await restore.check(host.settings, folder, said.append), said


async def test_a_backup_would_restore(host: Host, tmp_path: Path) -> None:
    await lived(host)
    folder = await backup.write(host.settings, tmp_path / "backups")
    manifest = backup.Manifest.read(folder)
    problems, said = await check(host, folder)
    assert problems == []
    assert said == [
        f"{manifest.file}: {manifest.bytes} bytes of {manifest.made_at}, whole.",
        "Books: recomputed.",
        "Logs: recomputed.",
        "Documents: hashed.",
    ]
    assert await leftovers(host) == []


async def leftovers(host: Host) -> list[str]:
    """Databases that a check forgot on the server."""
    if host.database.dialect == "sqlite":
        return []
    async with host.database.read() as db:
        names = await db.scalars(text("SELECT datname FROM pg_database"))
        return [name for name in names if name.startswith("circles_check_")]


async def test_a_backup_is_private_and_holds_no_key(host: Host, tmp_path: Path) -> None:
    await lived(host)
    folder = await backup.write(host.settings, tmp_path / "backups")
    assert folder.stat().st_mode & 0o777 == 0o700
    names = {path.name: path.stat().st_mode & 0o777 for path in folder.iterdir()}
    assert names == {backup.Manifest.read(folder).file: 0o600, backup.MANIFEST: 0o600}
    key = (host.settings.data / "secret.key").read_bytes()
    assert all(key not in path.read_bytes() for path in folder.iterdir())


async def test_the_circle_lives_on_while_it_is_copied(host: Host, tmp_path: Path) -> None:
    """Gifts arrive all the while; each copy holds a whole number of them, and checks out."""
    world = await World.found(host, members=3)
    copying = asyncio.gather(*(backup.write(host.settings, tmp_path / str(n)) for n in range(3)))
    for _ in range(20):
        await world.give(100)
    for folder in await copying:
        problems, _said = await check(host, folder)
        assert problems == []


async def test_an_older_backup_says_so(host: Host, tmp_path: Path) -> None:
    world = await World.found(host, members=3)
    await world.begin()
    folder = await backup.write(host.settings, tmp_path)
    await world.go(world.at.nominating_closes)
    await world.go(world.at.count_at)
    problems, said = await check(host, folder)
    assert problems == []
    assert any("would show everything and sign nothing" in line for line in said)


async def test_without_its_key_a_backup_does_not_restore(host: Host, tmp_path: Path) -> None:
    await lived(host)
    folder = await backup.write(host.settings, tmp_path / "backups")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    problems, _said = await check(
        replace(host, settings=replace(host.settings, data=elsewhere)), folder
    )
    assert [p for p in problems if "secret.key" in p]


async def test_another_key_is_noticed(host: Host, tmp_path: Path) -> None:
    await lived(host)
    folder = await backup.write(host.settings, tmp_path / "backups")
    (host.settings.data / "secret.key").write_bytes(bytes(32))
    problems, _said = await check(host, folder)
    assert [p for p in problems if "secret.key" in p]


async def test_a_changed_byte_is_noticed(host: Host, tmp_path: Path) -> None:
    await World.found(host, members=3)
    folder = await backup.write(host.settings, tmp_path / "backups")
    path = folder / backup.Manifest.read(folder).file
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    problems, _said = await check(host, folder)
    assert problems == [f"{path.name} is not what the manifest says: its hash is another."]


# What somebody with the backup in their hands could do to it, manifest and all, and what must then
# be said.
TAMPERING = {
    "UPDATE ledger_transfer SET amount_minor = amount_minor + 1 WHERE seq = 1": "chain",
    "UPDATE log_entry SET data = CAST(data || 'A' AS BLOB) WHERE number = 3": "Entry 3",
    "UPDATE log_entry SET data = 'words' WHERE number = 3": "cannot be read",
    "DELETE FROM log_entry WHERE number = 2": "Entry",
    "UPDATE ballot_document SET text = x'4f74686572'": "document",
    "UPDATE log_checkpoint SET root = zeroblob(32)": "Checkpoint",
}


async def test_tampering_is_found_and_named(host: Host, tmp_path: Path) -> None:
    """In the copy itself, with its hash made right again."""
    await lived(host)
    folder = await backup.write(host.settings, tmp_path / "backups")
    if host.database.dialect == "postgresql":
        # A dump cannot be edited by one statement; cut short, it is refused, and nothing is left.
        path = folder / "database.dump"
        path.write_bytes(path.read_bytes()[:2000])
        make_right(folder)
        problems, _said = await check(host, folder)
        assert any("pg_restore" in problem for problem in problems), problems
        assert await leftovers(host) == []
        return
    for number, (sql, named) in enumerate(TAMPERING.items()):
        copy = tmp_path / f"copy-{number}"
        shutil.copytree(folder, copy)
        tamper(copy / "database.sqlite3", sql)
        make_right(copy)
        problems, _said = await check(host, copy)
        assert any(named in problem for problem in problems), (sql, problems)


def tamper(path: Path, sql: str) -> None:
    """Change the file, guards or not."""
    connection = sqlite3.connect(path)
    query = "SELECT name FROM sqlite_master WHERE type = 'trigger'"
    for (trigger,) in connection.execute(query).fetchall():
        connection.execute(f"DROP TRIGGER {trigger}")
    assert connection.execute(sql).rowcount > 0
    connection.commit()
    connection.close()


def make_right(folder: Path) -> None:
    """A manifest that fits the altered file."""
    manifest = backup.Manifest.read(folder)
    path = folder / manifest.file
    values = json.loads((folder / backup.MANIFEST).read_text())
    values.update(sha256=backup.digest(path), bytes=path.stat().st_size)
    (folder / backup.MANIFEST).write_text(json.dumps(values))


def test_a_folder_that_is_no_backup(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="no backup"):
        backup.Manifest.read(tmp_path)


async def test_nowhere_to_write(host: Host, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(SettingsError, match="could not be written"):
        await backup.write(host.settings, tmp_path / "file" / "below")


async def test_a_password_stays_off_the_command_line(
    host: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Everybody on a machine can read command lines; the program gets it by environment."""
    seen = tmp_path / "seen"
    program = tmp_path / "pg_dump"
    program.write_text(f'#!/bin/sh\necho "$@" > {seen}\necho "$PGPASSWORD" >> {seen}\n')
    program.chmod(0o700)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    url = make_url("postgresql+asyncpg://anna:s3cret@localhost/circles")
    backup.run_postgresql("pg_dump", url, "--format=custom")
    command, password = seen.read_text().splitlines()
    assert "s3cret" not in command
    assert password == "s3cret"
    assert host.settings.data.exists()


async def test_a_restored_backup_goes_on_or_refuses(host: Host, tmp_path: Path) -> None:
    """Put back as docs/operating.md says: the newest goes on; an older one shows, and signs not."""
    if host.database.dialect != "sqlite":
        return
    world = await World.found(host, members=3)
    await world.begin()
    older = await backup.write(host.settings, tmp_path / "a")
    await world.go(world.at.nominating_closes)
    await world.go(world.at.count_at)
    newest = await backup.write(host.settings, tmp_path / "b")
    for folder, goes_on in ((newest, True), (older, False)):
        data = tmp_path / folder.parent.name / "data"
        shutil.copytree(host.settings.data, data)
        shutil.copy(folder / "database.sqlite3", data / "circles.sqlite3")
        settings = replace(
            host.settings, data=data, database_url=f"sqlite+aiosqlite:///{data}/circles.sqlite3"
        )
        restored = Host.open(settings, host.clock)
        try:
            await floor.raise_to(restored, world.circle.id)
            assert goes_on
        except floor.LogBehindError:
            assert not goes_on
        finally:
            await restored.close()
