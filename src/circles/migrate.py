"""Bring a database to the schema of this version: one Alembic branch per room, `upgrade heads`."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, inspect, text

from circles import acts
from circles.db import Database
from circles.errors import SettingsError
from circles.vault import Vault

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


def _upgrade(connection: Connection) -> list[str]:
    """Bring it up to date; the tables of acts that were made, which tell what was there before."""
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
    before = set(inspect(connection).get_table_names())
    command.upgrade(_config(connection), "heads")
    made = set(inspect(connection).get_table_names()) - before
    return sorted(name for name in made if name.endswith("_act"))


async def upgrade(database: Database, vault: Vault | None = None) -> None:
    """Run what is missing, all in one transaction; a newer database is refused in words.

    `vault`: to bind what was there before acts were kept of it (`circles.acts`).
    """
    async with database.read() as db:
        if await (await db.connection()).run_sync(_stored) == newest():
            return
    async with database.engine.begin() as connection:
        made = await connection.run_sync(_upgrade)
        if vault is not None:
            for table in made:
                await acts.bind_after(connection, vault, table, newest=0)
