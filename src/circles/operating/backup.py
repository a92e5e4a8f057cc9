"""A consistent copy of the database, made while the server runs.

A backup is a folder `circles-<time>` (mode 0700) with the database and `manifest.json`. It appears
under its name only when it is whole and synced. `secret.key` and the floors are not in it: who
finds a backup can open no sealed secret, and a restored floor could not tell that it is old.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import shutil
import sqlite3
import subprocess
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy.engine import URL, make_url

from circles import __version__
from circles.errors import SettingsError
from circles.settings import Settings

MANIFEST = "manifest.json"
_FILES = {"sqlite": "database.sqlite3", "postgresql": "database.dump"}
_CHUNK_BYTES = 1 << 20


@dataclass(frozen=True)
class Manifest:
    """What a backup says about itself. `database` is `sqlite` or `postgresql`."""

    circles: str
    made_at: str
    database: str
    file: str
    bytes: int
    sha256: str

    def text(self) -> str:
        """JSON, one line a value."""
        return json.dumps(asdict(self), indent=1) + "\n"

    @classmethod
    def read(cls, folder: Path) -> Manifest:
        """The manifest of a backup; SettingsError if the folder is none."""
        try:
            return cls(**json.loads((folder / MANIFEST).read_text("utf-8")))
        except (OSError, ValueError, TypeError) as error:
            raise SettingsError(
                f"{folder} is no backup: its {MANIFEST} cannot be read. "
                "Name a folder that `circles backup` wrote."
            ) from error


async def write(settings: Settings, folder: Path) -> Path:
    """Write a backup below `folder` and give its path; SettingsError says what is missing."""
    return await asyncio.to_thread(_write, settings, folder)


def _write(settings: Settings, folder: Path) -> Path:
    url = make_url(settings.database_url)
    database = url.get_backend_name()
    made_at = datetime.now(UTC)
    final = folder / f"circles-{made_at:%Y%m%dT%H%M%S%f}Z"
    partial = folder / f".{final.name}.partial"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        partial.mkdir(mode=0o700)
        copy = partial / _FILES[database]
        (_sqlite if database == "sqlite" else _postgresql)(url, copy)
        copy.chmod(0o600)
        manifest = Manifest(
            circles=__version__,
            made_at=f"{made_at:%Y-%m-%dT%H:%M:%SZ}",
            database=database,
            file=copy.name,
            bytes=copy.stat().st_size,
            sha256=digest(copy),
        )
        (partial / MANIFEST).touch(mode=0o600)
        (partial / MANIFEST).write_text(manifest.text(), "utf-8")
        for path in (copy, partial / MANIFEST, partial):
            _sync(path)
        partial.rename(final)
        _sync(folder)
    except OSError as error:
        raise SettingsError(
            f"The backup could not be written to {folder}: {error}. The database is untouched."
        ) from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return final


def _sqlite(url: URL, copy: Path) -> None:
    """VACUUM INTO: one read transaction, and no free pages, so nothing dropped is carried along."""
    source = url.database or ""
    if not Path(source).is_file():
        raise SettingsError(f"There is no database at {source}. Is CIRCLES_DATA right?")
    # The driver makes the file with the process's own mask; it must be private from the start.
    copy.touch(mode=0o600)
    connection = sqlite3.connect(source, timeout=30)
    try:
        connection.execute("VACUUM INTO ?", (str(copy),))
    except sqlite3.Error as error:
        raise SettingsError(
            f"SQLite could not copy its database: {error}. The database is untouched."
        ) from error
    finally:
        connection.close()


def _postgresql(url: URL, copy: Path) -> None:
    run_postgresql("pg_dump", url, "--format=custom", "--no-owner", "--no-acl", f"--file={copy}")


def run_postgresql(program: str, url: URL, *arguments: str) -> None:
    """Run one of PostgreSQL's programs on the database of `url`.

    The password goes by environment: everybody on a machine can read command lines.
    """
    found = shutil.which(program)
    if found is None:
        raise SettingsError(
            f"{program} is not installed here. On Debian: apt-get install postgresql-client"
        )
    plain = url.set(drivername="postgresql", password=None).render_as_string()
    environment = dict(os.environ)
    if url.password:
        environment["PGPASSWORD"] = str(url.password)
    result = subprocess.run(  # noqa: S603 - a fixed program, no shell
        [found, *arguments, "--dbname", plain],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if result.returncode != 0:
        raise SettingsError(f"{program} refused: {result.stderr.strip()}")


def digest(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal."""
    running = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            running.update(chunk)
    return running.hexdigest()


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
