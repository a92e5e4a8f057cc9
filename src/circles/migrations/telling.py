"""What the migrations that keep acts have in common (`circles.acts`): a table of acts, and triggers
that write into it what became of each row.

Migrations that ran are made of this: it is added to, never changed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Connection

_BYTES = {"id", "head", "hash", "bound", "key", "file_sha256", "code_hash"}
_TIMES = {"at", "pay_from", "holds_from"}
# Of a sealed column the nonce and the tag are told, which stand for it.
_SEALED = "payee_sealed"
_NEVER = "circles: acts are only added to"
_BOUND_ONCE = (
    "OLD.n IS NOT NULL OR NEW.n IS NULL OR NEW.bound IS NULL OR NEW.no <> OLD.no "
    "OR NEW.kept <> OLD.kept OR NEW.key <> OLD.key OR NEW.told IS {unlike} OLD.told"
)


@dataclass(frozen=True)
class Kept:
    """Of a table: the columns by which a row is known, those that are told, and upon whose change
    (any column's, if none is named)."""

    key: str
    told: str
    upon: str = ""


def keep(connection: Connection, acts: str, kept: Mapping[str, Kept]) -> None:
    """Make the table `acts`, what writes into it, and an act of each row that is there."""
    sqlite = connection.dialect.name == "sqlite"
    for statement in _sqlite_table(acts) if sqlite else _postgresql_table(acts):
        connection.exec_driver_sql(statement)
    connection.exec_driver_sql(f"CREATE INDEX {acts}_of ON {acts} (kept, key, n)")
    for table, one in kept.items():
        for trigger in (_sqlite_telling if sqlite else _postgresql_telling)(acts, table, one):
            connection.exec_driver_sql(trigger)
        act = _act(acts, table, one, table, sqlite=sqlite)
        connection.exec_driver_sql(f"{act} FROM {table}")


def _sqlite_table(acts: str) -> list[str]:
    return [
        (
            f"CREATE TABLE {acts} (no INTEGER NOT NULL PRIMARY KEY, "
            "n INTEGER UNIQUE CHECK (n > 0), kept TEXT NOT NULL, key TEXT NOT NULL, told TEXT, "
            "bound BLOB CHECK (length(bound) = 32), CHECK ((n IS NULL) = (bound IS NULL))) STRICT"
        ),
        (
            f"CREATE TRIGGER {acts}_never_delete BEFORE DELETE ON {acts} BEGIN "
            f"SELECT RAISE(ABORT, '{_NEVER}'); END"
        ),
        (
            f"CREATE TRIGGER {acts}_bound_once BEFORE UPDATE ON {acts} BEGIN "
            f"SELECT RAISE(ABORT, '{_NEVER}') WHERE {_BOUND_ONCE.format(unlike='NOT')}; END"
        ),
    ]


def _sqlite_telling(acts: str, table: str, kept: Kept) -> list[str]:
    upon = f" OF {', '.join(kept.upon.split())}" if kept.upon else ""
    made = []
    for verb, row in (("insert", "NEW"), ("update", "NEW"), ("delete", "OLD")):
        act = _act(acts, table, kept, row, sqlite=True, gone=verb == "delete")
        when = verb + (upon if verb == "update" else "")
        made.append(f"CREATE TRIGGER {table}_{verb}_told AFTER {when} ON {table} BEGIN {act}; END")
    return made


def _function(name: str, body: str) -> str:
    return f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$\nBEGIN\n{body}\nEND $$"


def _postgresql_table(acts: str) -> list[str]:
    refuse = f"RAISE EXCEPTION '{_NEVER}' USING ERRCODE = 'check_violation';"
    once = _BOUND_ONCE.format(unlike="DISTINCT FROM")
    return [
        (
            f"CREATE TABLE {acts} (no BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, "
            "n BIGINT UNIQUE CHECK (n > 0), kept TEXT NOT NULL, key TEXT NOT NULL, told TEXT, "
            "bound BYTEA CHECK (octet_length(bound) = 32), CHECK ((n IS NULL) = (bound IS NULL)))"
        ),
        _function(
            f"{acts}_bound_once",
            f"IF TG_OP <> 'UPDATE' THEN {refuse} END IF;\nIF {once} THEN {refuse} END IF;\n"
            "RETURN NEW;",
        ),
        (
            f"CREATE TRIGGER {acts}_bound_once BEFORE UPDATE OR DELETE ON {acts} "
            f"FOR EACH ROW EXECUTE FUNCTION {acts}_bound_once()"
        ),
        (
            f"CREATE TRIGGER {acts}_never_truncate BEFORE TRUNCATE ON {acts} "
            f"FOR EACH STATEMENT EXECUTE FUNCTION {acts}_bound_once()"
        ),
    ]


def _postgresql_telling(acts: str, table: str, kept: Kept) -> list[str]:
    upon = f" OF {', '.join(kept.upon.split())}" if kept.upon else ""
    gone = _act(acts, table, kept, "OLD", sqlite=False, gone=True)
    now = _act(acts, table, kept, "NEW", sqlite=False)
    return [
        _function(
            f"{table}_told",
            f"IF TG_OP = 'DELETE' THEN\n{gone};\nELSE\n{now};\nEND IF;\nRETURN NULL;",
        ),
        (
            f"CREATE TRIGGER {table}_told AFTER INSERT OR DELETE OR UPDATE{upon} ON {table} "
            f"FOR EACH ROW EXECUTE FUNCTION {table}_told()"
        ),
    ]


def _act(acts: str, table: str, kept: Kept, row: str, *, sqlite: bool, gone: bool = False) -> str:
    """An act of this row."""
    told = "NULL" if gone else _told(row, kept.told, sqlite=sqlite)
    return (
        f"INSERT INTO {acts} (kept, key, told) "
        f"SELECT '{table}', {_key(row, kept.key, sqlite=sqlite)}, {told}"
    )


def _is_bytes(column: str) -> bool:
    return column in _BYTES or column.endswith("_id")


def _key(row: str, columns: str, *, sqlite: bool) -> str:
    """How a row is known in the acts."""
    hexed = "lower(hex({}))" if sqlite else "encode({}, 'hex')"
    return " || ':' || ".join(
        hexed.format(f"{row}.{name}") if _is_bytes(name) else f"CAST({row}.{name} AS TEXT)"
        for name in columns.split()
    )


def _told(row: str, columns: str, *, sqlite: bool) -> str:
    """What is told of it: a line for each column."""
    end = "char(10)" if sqlite else "chr(10)"
    return " || ".join(
        f"'{name}=' || {_value(f'{row}.{name}', name, sqlite=sqlite)} || {end}"
        for name in columns.split()
    )


def _value(value: str, name: str, *, sqlite: bool) -> str:
    """A column as a text that SQL would read: NULL, X'..' for bytes, else in quotes."""
    if name == _SEALED:
        value = f"substr({value}, 1, 40)"
    if name == _SEALED or _is_bytes(name):
        hexed = f"'X''' || upper(encode({value}, 'hex')) || ''''"
        return f"quote({value})" if sqlite else f"coalesce({hexed}, 'NULL')"
    if sqlite:
        return f"quote(CAST({value} AS TEXT))"
    if name in _TIMES or name.endswith("_at"):
        value = f"to_char({value} AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US')"
    quoted = f"'''' || replace({value}::text, '''', '''''') || ''''"
    return f"coalesce({quoted}, 'NULL')"
