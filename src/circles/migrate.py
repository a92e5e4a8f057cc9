"""Bring a database to the schema of this version: one Alembic branch per room, `upgrade heads`."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, inspect, text

from circles.db import Database
from circles.errors import SettingsError

if TYPE_CHECKING:
    from alembic.config import Config

_SCRIPTS = Path(__file__).parent / "migrations"
_NAME = re.compile(r"((?P<room>[a-z_]+)_[0-9]{4})_[a-z_]+\.py")


def newest() -> set[str]:
    """The newest revision of each room, as the names of the scripts say: `<room>_<nnnn>_<what>.py`.

    A database that stands there needs nothing of Alembic, which takes longer to load than most
    commands take to do their work.
    """
    rooms: dict[str, str] = {}
    for path in sorted((_SCRIPTS / "versions").iterdir()):
        if found := _NAME.fullmatch(path.name):
            rooms[found["room"]] = found[1]
    return set(rooms.values())


def _stored(connection: Connection) -> set[str]:
    if not inspect(connection).has_table("alembic_version"):
        return set()
    return set(connection.scalars(text("SELECT version_num FROM alembic_version")))


def _config(connection: Connection | None = None) -> Config:
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_SCRIPTS))
    config.set_main_option("version_path_separator", "os")
    config.attributes["connection"] = connection
    return config


def _upgrade(connection: Connection) -> None:
    from alembic import command
    from alembic.script import ScriptDirectory

    scripts = ScriptDirectory.from_config(_config())
    known = {script.revision for script in scripts.walk_revisions()}
    stored = _stored(connection)
    if stored - known:
        raise SettingsError(
            "This database was made by a newer version of circles "
            f"({', '.join(sorted(stored - known))}). Start that version; nothing was changed."
        )
    command.upgrade(_config(connection), "heads")


async def upgrade(database: Database) -> None:
    """Run what is missing, all in one transaction; a newer database is refused in words."""
    async with database.read() as db:
        if await (await db.connection()).run_sync(_stored) == newest():
            return
    async with database.engine.begin() as connection:
        await connection.run_sync(_upgrade)
