"""The database: one engine, two ways in, and the types that both databases share.

SQLite runs in WAL mode with synchronous=FULL; every write begins with BEGIN IMMEDIATE, so that a
reader never has to become a writer half way. PostgreSQL runs at READ COMMITTED: what must be
exclusive is locked by row, or made unique by the schema, never left to isolation alone.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import DateTime, Dialect, LargeBinary, event, make_url
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, create_async_engine
from sqlalchemy.types import TypeDecorator

from circles import acts, lite
from circles.errors import OutcomeUnknownError
from circles.vault import Vault

_BUSY_TIMEOUT_MS = 10_000
# A server that never answers must not hold a request, and a connection, for ever.
COMMAND_TIMEOUT_S = 60
_PRAGMAS = (
    "journal_mode=WAL",
    "synchronous=FULL",
    "foreign_keys=ON",
    # INSERT OR REPLACE would otherwise slip past the delete triggers of the books.
    "recursive_triggers=ON",
    # Staged ballots must not stay readable in free pages after they are dropped.
    "secure_delete=ON",
    # Sorting them for the log must not leave them in a file of the system's temporary folder.
    "temp_store=MEMORY",
    "trusted_schema=OFF",
    f"busy_timeout={_BUSY_TIMEOUT_MS}",
)


class UtcTime(TypeDecorator[datetime]):
    """An aware time in UTC; naive ones are refused, because they always mean a mistake."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("times are aware and in UTC")
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class _FixedBytes(TypeDecorator[bytes]):
    """Exactly so many bytes."""

    impl = LargeBinary
    cache_ok = True
    size = 0

    def process_bind_param(self, value: bytes | None, dialect: Dialect) -> bytes | None:
        if value is not None and len(value) != self.size:
            raise ValueError(f"expected {self.size} bytes, got {len(value)}")
        return value


class Id(_FixedBytes):
    """A random id of 16 bytes."""

    cache_ok = True
    size = 16


class Hash(_FixedBytes):
    """A hash or key of 32 bytes."""

    cache_ok = True
    size = 32


class Database:
    """One database and its connections.

    `begin()` is for writing, `read()` for a consistent look. Both give an `AsyncSession`, `db`.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self.engine: AsyncEngine = _engine(url)
        self.dialect: str = self.engine.dialect.name
        # One writer at a time in this process: SQLite would refuse the second after a busy wait,
        # and a queue is fair where polling is not.
        self._writer = asyncio.Lock() if self.dialect == "sqlite" else None
        self._vault: Vault | None = None
        self._reading = self.engine.execution_options(circles_begin="BEGIN")

    def keep_acts(self, vault: Vault) -> None:
        """Bind under this key who did what, in each transaction from here on (`circles.acts`)."""
        if self._vault is None:
            event.listen(self.engine.sync_engine, "before_execute", acts.notice)
        self._vault = vault

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[AsyncSession]:
        """A write transaction: committed at the end, rolled back on an exception.

        Raises OutcomeUnknownError when the commit itself fails: it may have happened.
        """
        if self._writer is None:
            async with self._transaction() as db:
                yield db
            return
        async with self._writer, self._transaction() as db:
            yield db

    @asynccontextmanager
    async def _transaction(self) -> AsyncIterator[AsyncSession]:
        async with AsyncSession(self.engine, expire_on_commit=False) as db:
            await acts.forget(db)
            try:
                yield db
                await db.flush()
                if self._vault is not None:
                    await acts.bind(db, self._vault)
            except BaseException:
                await _quietly(db.rollback())
                raise
            await self._commit(db)

    async def _commit(self, db: AsyncSession) -> None:
        # Shielded: a client that hangs up must not leave a transaction half way through COMMIT.
        try:
            await asyncio.shield(db.commit())
        except (DBAPIError, OSError) as error:
            await _quietly(db.invalidate())
            raise OutcomeUnknownError(
                "We do not know whether that was kept. Send the same again: it counts once."
            ) from error

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncSession]:
        """A snapshot to read from; nothing written here is kept."""
        async with AsyncSession(self._reading, expire_on_commit=False) as db:
            if self.dialect == "postgresql":
                await db.connection(execution_options={"isolation_level": "REPEATABLE READ"})
            yield db
            await db.rollback()

    async def close(self) -> None:
        """Let go of all connections."""
        await self.engine.dispose()


async def _quietly(cleaning: Any) -> None:
    """Clean up after a failure without hiding it behind a second one."""
    try:
        await asyncio.shield(cleaning)
    except (DBAPIError, OSError):
        return


def _engine(url: str) -> AsyncEngine:
    if url.startswith("sqlite"):
        _keep_private(make_url(url).database)
        engine = create_async_engine(
            url,
            pool_size=6,
            max_overflow=4,
            hide_parameters=True,
            connect_args={"async_creator_fn": lite.connect},
        )
        event.listen(engine.sync_engine, "connect", _prepare_sqlite)
        event.listen(engine.sync_engine, "begin", _begin_sqlite)
        return engine
    return create_async_engine(
        url,
        pool_size=8,
        max_overflow=4,
        pool_pre_ping=True,
        hide_parameters=True,
        connect_args={"command_timeout": COMMAND_TIMEOUT_S},
    )


def _keep_private(path: str | None) -> None:
    """Make a new database file ours alone, and with it the files that SQLite puts beside it: the
    folder may be a volume that others on the machine can look into."""
    if path and path != ":memory:" and Path(path).parent.is_dir():
        Path(path).touch(mode=0o600, exist_ok=True)


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    # The driver must not open transactions by itself: BEGIN IMMEDIATE is ours to send.
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in _PRAGMAS:
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_sqlite(connection: Any) -> None:
    begin = connection.get_execution_options().get("circles_begin", "BEGIN IMMEDIATE")
    if begin == "BEGIN":
        connection.connection.driver_connection.begin_with_next(begin)
    else:
        connection.exec_driver_sql(begin)
