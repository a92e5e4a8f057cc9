"""Each room keeps its own tables: no foreign key, and no base, reaches into another."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Column, Connection, ForeignKey, LargeBinary, MetaData, Table, inspect
from sqlalchemy.dialects import postgresql
from sqlalchemy.exc import NoReferencedTableError
from sqlalchemy.schema import CreateTable

from circles import schema
from circles.db import Database

ROOT = Path(__file__).parents[2]


def rooms() -> list[str]:
    return sorted(schema.room_metadata())


def test_bases_stand_in_tables_files_only() -> None:
    for path in (ROOT / "src" / "circles").rglob("*.py"):
        if "(DeclarativeBase)" in path.read_text():
            assert path.name == "tables.py", path


def test_each_room_has_a_base_of_its_own() -> None:
    metadata = schema.room_metadata()
    assert len({id(one) for one in metadata.values()}) == len(metadata)


def test_table_names_start_with_their_room() -> None:
    for room, metadata in schema.room_metadata().items():
        strange = [name for name in metadata.tables if not name.startswith(f"{room}_")]
        assert not strange, room


def test_no_foreign_key_leaves_its_room() -> None:
    for room, metadata in schema.room_metadata().items():
        for table in metadata.tables.values():
            for key in table.foreign_keys:
                assert key.target_fullname.startswith(f"{room}_"), f"{table.name}: {key}"


@pytest.mark.parametrize("room", rooms())
def test_a_planted_foreign_key_fails_before_any_row(room: str) -> None:
    """Another room's table is unknown to this base, so the schema itself cannot be made."""
    for other, metadata in schema.room_metadata().items():
        if other == room:
            continue
        target = next(iter(metadata.tables.values()), None)
        if target is None:
            continue
        column = next(iter(target.primary_key.columns)).name
        planted = MetaData()
        for table in schema.room_metadata()[room].tables.values():
            table.to_metadata(planted)
        table = Table(
            f"{room}_planted",
            planted,
            Column("stranger", LargeBinary, ForeignKey(f"{target.name}.{column}")),
        )
        with pytest.raises(NoReferencedTableError, match=target.name):
            str(CreateTable(table).compile(dialect=postgresql.dialect()))


def _foreign_keys(connection: Connection) -> list[tuple[str, str]]:
    look = inspect(connection)
    return [
        (table, key["referred_table"])
        for table in look.get_table_names()
        for key in look.get_foreign_keys(table)
    ]


async def test_the_migrated_database_has_no_key_between_rooms(database: Database) -> None:
    async with database.engine.connect() as connection:
        pairs = await connection.run_sync(_foreign_keys)
    strangers = [(a, b) for a, b in pairs if a.split("_")[0] != b.split("_")[0]]
    assert not strangers


async def test_every_table_of_the_database_belongs_to_a_room(database: Database) -> None:
    async with database.engine.connect() as connection:
        tables = await connection.run_sync(lambda c: inspect(c).get_table_names())
    known = {name for metadata in schema.room_metadata().values() for name in metadata.tables}
    assert set(tables) - {"alembic_version"} == known


# A database may guard more than the code declares (the books do), never less.
MORE_GUARDS = {"remove_index", "remove_fk", "remove_constraint"}
SQLITE_FAMILIES = {"VARCHAR": "TEXT", "DATETIME": "TEXT", "DATE": "TEXT", "BIGINT": "INTEGER"}


def _family(kind: str, dialect: str) -> str:
    """What a column type is stored as: names that mean the same storage are one."""
    bare = kind.partition("(")[0]
    if dialect == "sqlite":
        return SQLITE_FAMILIES.get(bare, bare)
    return {"VARCHAR": "TEXT"}.get(bare, bare)


def _differs(context: MigrationContext, _: object, __: object, stored: Any, declared: Any) -> bool:
    dialect = context.dialect
    has, wants = (_family(k.compile(dialect=dialect), dialect.name) for k in (stored, declared))
    return has != wants and (has, wants) != ("BIGINT", "INTEGER")


@pytest.mark.parametrize("room", rooms())
async def test_migrations_make_what_the_code_says(database: Database, room: str) -> None:
    metadata = schema.room_metadata()[room]

    def differences(connection: Connection) -> list[Any]:
        context = MigrationContext.configure(
            connection,
            opts={
                "compare_type": _differs,
                "include_name": lambda name, kind, _: (
                    kind != "table" or (name or "").startswith(f"{room}_")
                ),
            },
        )
        found = compare_metadata(context, metadata)
        return [d for d in found if not (isinstance(d, tuple) and d[0] in MORE_GUARDS)]

    async with database.engine.connect() as connection:
        assert await connection.run_sync(differences) == []
