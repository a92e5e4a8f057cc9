"""Bring a database to the schema of this version: one Alembic branch per room, `upgrade heads`."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from circles.db import Database
from circles.errors import SettingsError

_SCRIPTS = Path(__file__).parent / "migrations"


def _config(connection: Connection | None = None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(_SCRIPTS))
    config.set_main_option("version_path_separator", "os")
    config.attributes["connection"] = connection
    return config


def _upgrade(connection: Connection) -> None:
    scripts = ScriptDirectory.from_config(_config())
    known = {script.revision for script in scripts.walk_revisions()}
    stored = set(MigrationContext.configure(connection).get_current_heads())
    if stored - known:
        raise SettingsError(
            "This database was made by a newer version of circles "
            f"({', '.join(sorted(stored - known))}). Start that version; nothing was changed."
        )
    command.upgrade(_config(connection), "heads")


async def upgrade(database: Database) -> None:
    """Run what is missing, all in one transaction; a newer database is refused in words."""
    async with database.engine.begin() as connection:
        await connection.run_sync(_upgrade)
