"""What a log line may hold of a database's error: where, and of which kind; never the values."""

from __future__ import annotations

import io
import sys

import pytest
import structlog
from sqlalchemy import text

from circles.db import Database
from circles.web import logs

WORD = "nine-plums"
_LINE = (
    "INSERT INTO members_throttle (key, quiet_at) "
    "VALUES (:key, CAST('2026-10-01 00:00:00' AS TIMESTAMP))"
)


async def _written_twice(database: Database) -> None:
    """A row that is there already, with a word of somebody's as its key."""
    async with database.begin() as db:
        for _time in range(2):
            await db.execute(text(_LINE), {"key": WORD.encode()})


async def test_an_error_of_the_database_is_logged_without_its_values(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = io.StringIO()
    monkeypatch.setattr(sys, "stderr", lines)
    logs.configure()
    try:
        await _written_twice(database)
    except Exception as error:
        # What PostgreSQL itself says quotes the row, the library the statement's values.
        structlog.get_logger("circles").error("unforeseen", exc_info=error)
    logged = lines.getvalue()
    assert "IntegrityError" in logged
    assert "_written_twice" in logged
    assert WORD not in logged
    assert WORD.encode().hex() not in logged
