"""Would this backup restore? It is opened in a scratch place and everything in it recomputed.

The host itself is not touched: SQLite is copied to a temporary folder, PostgreSQL gets a database
of its own on the same server, dropped at the end.
"""

from __future__ import annotations

import asyncio
import secrets
import shutil
import sqlite3
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import asyncpg  # type: ignore[import-untyped]  # it comes without types
from sqlalchemy.engine import URL, make_url

from circles import migrate
from circles.errors import CirclesError, SettingsError
from circles.host import Host
from circles.operating import backup, checks
from circles.settings import Settings

Say = Callable[[str], None]


async def check(settings: Settings, folder: Path, say: Say) -> list[str]:
    """Every problem found in the backup, in words; an empty list if it would restore."""
    manifest = backup.Manifest.read(folder)
    problems = _file_problems(folder, manifest)
    if problems:
        return problems
    say(f"{manifest.file}: {manifest.bytes} bytes of {manifest.made_at}, whole.")
    key = settings.data / "secret.key"
    if not key.is_file():
        problems.append(
            f"{key} is not there, so nothing sealed in this backup could be opened. "
            "A backup restores only together with its secret.key."
        )
    with tempfile.TemporaryDirectory(prefix="circles-restore-") as scratch:
        data = Path(scratch) / "data"
        data.mkdir(mode=0o700)
        if key.is_file():
            shutil.copy(key, data / "secret.key")
        try:
            async with _opened(settings, folder, manifest, data) as url:
                problems += await _look(settings, data, url, say, sealed=key.is_file())
        except CirclesError as error:
            problems.append(str(error))
    return problems


def _file_problems(folder: Path, manifest: backup.Manifest) -> list[str]:
    path = folder / Path(manifest.file).name
    if not path.is_file():
        return [f"{manifest.file} is missing."]
    if backup.digest(path) != manifest.sha256:
        return [f"{manifest.file} is not what the manifest says: its hash is another."]
    return []


async def _look(settings: Settings, data: Path, url: str, say: Say, *, sealed: bool) -> list[str]:
    scratch = replace(settings, data=data, database_url=url)
    host = Host.open(scratch)
    try:
        await migrate.upgrade(host.database, host.vault)
        problems = [str(problem) for problem in await checks.books(host)]
        say("Books: recomputed.")
        problems += await checks.logs(host, settings, say, sealed=sealed)
        say("Logs: recomputed.")
        problems += await checks.documents(host)
        say("Documents: hashed.")
    finally:
        await host.close()
    return problems


@asynccontextmanager
async def _opened(
    settings: Settings, folder: Path, manifest: backup.Manifest, data: Path
) -> AsyncIterator[str]:
    """The URL of the restored database, as long as the check needs it."""
    source = folder / Path(manifest.file).name
    if manifest.database == "sqlite":
        path = data / "circles.sqlite3"
        await asyncio.to_thread(shutil.copy, source, path)
        path.chmod(0o600)
        _check_sqlite(path)
        yield f"sqlite+aiosqlite:///{path}"
        return
    url = make_url(settings.database_url)
    if url.get_backend_name() != "postgresql":
        raise SettingsError(
            "This backup is PostgreSQL's. Set CIRCLES_DATABASE_URL to a server for the check."
        )
    name = f"circles_check_{secrets.token_hex(6)}"
    await _command(url, f"CREATE DATABASE {name}")
    try:
        own = url.set(database=name)
        await asyncio.to_thread(
            backup.run_postgresql, "pg_restore", own, "--no-owner", "--exit-on-error", str(source)
        )
        yield own.render_as_string(hide_password=False)
    finally:
        await _command(url, f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


def _check_sqlite(path: Path) -> None:
    connection = sqlite3.connect(path)
    try:
        told = [row[0] for row in connection.execute("PRAGMA integrity_check")]
        strays = connection.execute("PRAGMA foreign_key_check").fetchall()
    except sqlite3.DatabaseError as error:
        raise SettingsError(f"SQLite cannot read this database: {error}.") from error
    finally:
        connection.close()
    if told != ["ok"] or strays:
        raise SettingsError(f"SQLite finds this database damaged: {told[:5]}, {strays[:5]}.")


async def _command(url: URL, sql: str) -> None:
    """One statement outside a transaction, on the server of `url`."""
    plain = url.set(drivername="postgresql").render_as_string(hide_password=False)
    try:
        connection = await asyncpg.connect(plain)
    except (OSError, asyncpg.PostgresError) as error:
        raise SettingsError(f"The server of CIRCLES_DATABASE_URL does not answer: {error}") from (
            error
        )
    try:
        await connection.execute(sql)
    except asyncpg.InsufficientPrivilegeError as error:
        raise SettingsError(
            "The check needs a database of its own, and this role may not create one. "
            "As the server's owner: ALTER ROLE <role> CREATEDB"
        ) from error
    finally:
        await connection.close()
