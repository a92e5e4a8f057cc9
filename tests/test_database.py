"""The two ways into the database, on both kinds."""

from pathlib import Path

import pytest
from alembic.script import ScriptDirectory
from sqlalchemy import text

from circles import migrate
from circles.db import Database


async def test_a_write_is_kept_and_a_failed_one_is_not(database: Database) -> None:
    async with database.begin() as db:
        await db.execute(text("CREATE TABLE kept (n INTEGER)"))
        await db.execute(text("INSERT INTO kept VALUES (1)"))
    with pytest.raises(RuntimeError):
        async with database.begin() as db:
            await db.execute(text("INSERT INTO kept VALUES (2)"))
            raise RuntimeError
    async with database.read() as db:
        assert (await db.scalars(text("SELECT n FROM kept"))).all() == [1]


async def test_a_look_keeps_nothing(database: Database) -> None:
    async with database.begin() as db:
        await db.execute(text("CREATE TABLE kept (n INTEGER)"))
    async with database.read() as db:
        await db.execute(text("INSERT INTO kept VALUES (2)"))
    async with database.read() as db:
        assert (await db.scalars(text("SELECT n FROM kept"))).all() == []


async def test_a_look_sees_one_moment(database: Database) -> None:
    async with database.begin() as db:
        await db.execute(text("CREATE TABLE kept (n INTEGER)"))
    async with database.read() as reader:
        before = (await reader.scalars(text("SELECT count(*) FROM kept"))).one()
        async with database.begin() as db:
            await db.execute(text("INSERT INTO kept VALUES (1)"))
        after = (await reader.scalars(text("SELECT count(*) FROM kept"))).one()
    assert (before, after) == (0, 0)


async def test_a_database_of_this_version_needs_no_alembic(database: Database) -> None:
    """Its loading would take longer than most commands; so the scripts' names have to be right."""
    scripts = ScriptDirectory(str(Path(migrate.__file__).parent / "migrations"))
    async with database.read() as db:
        stored = set((await db.scalars(text("SELECT version_num FROM alembic_version"))).all())
    assert stored == migrate.newest() == set(scripts.get_heads())


def modes(folder: Path) -> dict[str, int]:
    """Who may do what with each file in it."""
    return {path.name: path.stat().st_mode & 0o777 for path in folder.iterdir()}


@pytest.fixture
def volume(tmp_path: Path) -> Path:
    """A folder that was there before, and is open to all."""
    tmp_path.chmod(0o755)
    return tmp_path


async def test_the_files_of_a_database_are_for_its_owner_alone(volume: Path) -> None:
    database = Database(f"sqlite+aiosqlite:///{volume / 'circles.sqlite3'}")
    try:
        async with database.begin() as db:
            await db.execute(text("CREATE TABLE words (word TEXT)"))
        found = modes(volume)
    finally:
        await database.close()
    assert found["circles.sqlite3"] == found["circles.sqlite3-wal"] == 0o600
