"""What every test may ask for. Databases are real, migrated, and fresh for each test."""

from __future__ import annotations

import asyncio
import itertools
import os
import shutil
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import asyncpg
import httpx
import pytest
import uvicorn
from litestar import Litestar
from playwright.async_api import Browser

from circles import migrate
from circles.app import create_app
from circles.clock import MovableClock
from circles.db import Database
from circles.host import Host
from circles.settings import Settings
from circles.vault import Vault
from circles.web import serve
from tests import chromium, postgres

START = datetime(2026, 10, 1, 8, 0, tzinfo=UTC)
_numbers = itertools.count(1)
# Several workers may share the server of CIRCLES_TEST_PG.
_WORKER = os.environ.get("PYTEST_XDIST_WORKER", "alone")


PARTS = {
    "pg": "every test with PostgreSQL",
    "browser": "every test in Chromium",
    "caddy": "the check of the sample proxy configuration",
    "golang": "every test in which Go's own packages read the log",
    "hledger": "every test in which hledger reads an export of the books",
    "ledger": "every test in which Ledger reads an export of the books",
}
# Which fixture, or which folder, makes a test one of the browser's.
BROWSER_FIXTURES = {"browser", "chromium", "modules", "page"}


def pytest_addoption(parser: pytest.Parser) -> None:
    for part, words in PARTS.items():
        parser.addoption(f"--without-{part}", action="store_true", help=f"leave out {words}")


def _left_out(config: pytest.Config) -> list[str]:
    return [part for part in PARTS if config.getoption(f"--without-{part}")]


def pytest_report_header(config: pytest.Config) -> list[str]:
    return [f"LEFT OUT, by name: {PARTS[part]}" for part in _left_out(config)]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    for line in pytest_report_header(terminalreporter.config):
        terminalreporter.write_line(line, yellow=True, bold=True)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """What a flag leaves out is not collected; nothing is ever skipped in silence."""
    left_out = set(_left_out(config))
    kept = [item for item in items if not _parts(item) & left_out]
    config.hook.pytest_deselected(items=[item for item in items if item not in kept])
    items[:] = kept


def _parts(item: pytest.Item) -> set[str]:
    fixtures = set(getattr(item, "fixturenames", ()))
    parts = {mark.name for mark in item.iter_markers() if mark.name in PARTS}
    if fixtures & BROWSER_FIXTURES:
        parts.add("browser")
    if "postgres_url" in fixtures:
        parts.add("pg")
    return parts


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    marks = metafunc.definition.iter_markers("parametrize")
    chosen = any(mark.args[0] == "database_url" for mark in marks)
    if "database_url" in metafunc.fixturenames and not chosen:
        kinds = ["sqlite"]
        alone = metafunc.definition.get_closest_marker("one_database")
        if alone is None and not metafunc.config.getoption("--without-pg"):
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
    """A running server with a migrated database to copy."""
    with postgres.server() as url:
        template = f"circles_template_{_WORKER}"
        asyncio.run(_command(url, f"DROP DATABASE IF EXISTS {template}"))
        asyncio.run(_command(url, f"CREATE DATABASE {template}"))
        asyncio.run(_migrate(_driver(_named(url, template))))
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
    name = f"circles_test_{_WORKER}_{next(_numbers)}"
    template = f"circles_template_{_WORKER}"
    asyncio.run(_command(server, f"CREATE DATABASE {name} TEMPLATE {template}"))
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
def listener(request: pytest.FixtureRequest) -> Iterator[socket.socket | None]:
    """A free loopback port, held from the start, where a test asks for the real server."""
    if "served" not in request.fixturenames:
        yield None
        return
    with socket.socket() as held:
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        held.bind(("127.0.0.1", 0))
        yield held


@pytest.fixture
async def host(
    database: Database, clock: MovableClock, tmp_path: Path, listener: socket.socket | None
) -> Host:
    """A host over the fresh database, with its own data directory."""
    data = tmp_path / "data"
    data.mkdir(mode=0o700)
    port = listener.getsockname()[1] if listener else 8000
    settings = Settings(
        data=data, database_url=database.url, url=f"http://127.0.0.1:{port}", port=port
    )
    return Host(settings, database, clock, Vault.at(data / "secret.key"))


@pytest.fixture
def app(host: Host) -> Litestar:
    """The whole application over the host."""
    return create_app(host)


@asynccontextmanager
async def visitor(app: Litestar, url: str) -> AsyncIterator[httpx.AsyncClient]:
    """A client with a cookie jar of its own, in this loop; it follows no redirect by itself."""
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url=url) as client:
        yield client


@pytest.fixture
async def client(app: Litestar, host: Host) -> AsyncIterator[httpx.AsyncClient]:
    """Somebody at the door: no cookie yet."""
    async with visitor(app, host.settings.url) as client:
        yield client


@dataclass(frozen=True)
class Served:
    """The real server, in this process, on a loopback port."""

    url: str
    host: Host


@pytest.fixture
async def served(
    app: Litestar, host: Host, listener: socket.socket | None
) -> AsyncIterator[Served]:
    """The application behind the real server; `served.host` is the `host` of the test."""
    assert listener is not None
    server = uvicorn.Server(serve.configure(app, host.settings))
    running = asyncio.create_task(server.serve(sockets=[listener]))
    while not server.started:
        if running.done():
            await running
        await asyncio.sleep(0.01)
    yield Served(host.settings.url, host)
    server.should_exit = True
    await running


@pytest.fixture(scope="session")
async def browser() -> AsyncIterator[Browser]:
    """A real Chromium, one for the run; each test opens contexts of its own in it."""
    async with chromium.browser() as running:
        yield running
