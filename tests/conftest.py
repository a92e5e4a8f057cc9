"""What every test may ask for. Databases are real, migrated, and fresh for each test."""

from __future__ import annotations

import asyncio
import itertools
import shutil
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from pathlib import Path

import asyncpg
import pytest

from circles import migrate
from circles.clock import MovableClock
from circles.db import Database
from circles.host import Host
from circles.settings import Settings
from circles.vault import Vault
from tests import postgres

START = datetime(2026, 10, 1, 8, 0, tzinfo=UTC)
_numbers = itertools.count(1)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--without-pg", action="store_true", help="leave PostgreSQL out, by name")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "database_url" in metafunc.fixturenames:
        kinds = ["sqlite"]
        if not metafunc.config.getoption("--without-pg"):
            kinds.append("postgresql")
        metafunc.parametrize("database_url", kinds, indirect=True)


async def _migrate(url: str) -> None:
    database = Database(url)
    await migrate.upgrade(database)
    await database.close()


async def _command(url: str, sql: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(sql)
    finally:
        await connection.close()


def _named(url: str, name: str) -> str:
    """The same server, another database."""
    head, _, options = url.partition("?")
    return head.rpartition("/")[0] + "/" + name + ("?" + options if options else "")


def _driver(url: str) -> str:
    return url.replace("postgresql://", "postgresql+asyncpg://", 1)


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated, empty SQLite file to copy."""
    path = tmp_path_factory.mktemp("template") / "template.sqlite3"
    asyncio.run(_migrate(f"sqlite+aiosqlite:///{path}"))
    return path


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """A running server with a migrated database `circles_template`."""
    with postgres.server() as url:
        asyncio.run(_command(url, "DROP DATABASE IF EXISTS circles_template"))
        asyncio.run(_command(url, "CREATE DATABASE circles_template"))
        asyncio.run(_migrate(_driver(_named(url, "circles_template"))))
        yield url


@pytest.fixture
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of a fresh migrated database, of each kind in turn."""
    if request.param == "sqlite":
        path = tmp_path / "circles.sqlite3"
        shutil.copy(request.getfixturevalue("sqlite_template"), path)
        yield f"sqlite+aiosqlite:///{path}"
        return
    server = request.getfixturevalue("postgres_url")
    name = f"circles_test_{next(_numbers)}"
    asyncio.run(_command(server, f"CREATE DATABASE {name} TEMPLATE circles_template"))
    yield _driver(_named(server, name))
    asyncio.run(_command(server, f"DROP DATABASE {name} WITH (FORCE)"))


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """A fresh migrated database, on SQLite and on PostgreSQL."""
    opened = Database(database_url)
    yield opened
    await opened.close()


@pytest.fixture
def clock() -> MovableClock:
    """A clock that stands still at START until moved."""
    return MovableClock(START, frozen=True)


@pytest.fixture
async def host(database: Database, clock: MovableClock, tmp_path: Path) -> Host:
    """A host over the fresh database, with its own data directory."""
    data = tmp_path / "data"
    data.mkdir(mode=0o700)
    settings = Settings(data=data, database_url=database.url, url="http://127.0.0.1:8000")
    return Host(settings, database, clock, Vault.at(data / "secret.key"))
