"""SQLite's connection: one visit to its thread for each statement.

A statement must not run on the event loop, where a COMMIT would hold everybody up while it waits
for the disk. So each connection has a thread (aiosqlite's), and a visit there costs 50 to 200
microseconds, more than most statements. The driver's own cursor makes four of them for a SELECT;
this one makes one, in which the statement runs and what it found is fetched. `run` takes a whole
function there, for a step that reads and then writes.

Every row is fetched at once, as SQLAlchemy's adapter does anyway; nothing here streams.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Sequence
from contextvars import copy_context
from typing import Any, Self, TypeVar

import aiosqlite

Answer = TypeVar("Answer")
_Answered = tuple[list[Any], Any, int, int | None]


class _Cursor:
    """What SQLAlchemy's adapter needs of a cursor; rows are answered from here, without a visit."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._rows: list[Any] = []
        self.description: Any = None
        self.rowcount = -1
        self.lastrowid: int | None = None
        self.arraysize = 1

    async def __aenter__(self) -> Self:
        return self

    async def execute(self, sql: str, parameters: Sequence[Any] = ()) -> Self:
        def go(sqlite: sqlite3.Connection) -> _Answered:
            return _answer(sqlite.execute(sql, parameters))

        return self._take(await self._connection.run(go))

    async def executemany(self, sql: str, rows: Iterable[Sequence[Any]]) -> Self:
        def go(sqlite: sqlite3.Connection) -> _Answered:
            return _answer(sqlite.executemany(sql, rows))

        return self._take(await self._connection.run(go))

    def _take(self, answer: _Answered) -> Self:
        self._rows, self.description, self.rowcount, self.lastrowid = answer
        return self

    async def fetchall(self) -> list[Any]:
        return self._rows

    async def close(self) -> None:
        self._rows = []


def _answer(cursor: sqlite3.Cursor) -> _Answered:
    rows = cursor.fetchall() if cursor.description else []
    answer = (rows, cursor.description, cursor.rowcount, cursor.lastrowid)
    cursor.close()
    return answer


class Connection(aiosqlite.Connection):
    """A connection whose statements cost one visit each."""

    _before_next = ""
    # True only when the last visit came back and left nothing open: one that was cancelled may
    # still be running there.
    _at_rest = True

    def cursor(self) -> _Cursor:  # type: ignore[override]  # a cursor of ours, made without a visit
        """A cursor; nothing is asked of SQLite before it executes."""
        return _Cursor(self)

    def begin_with_next(self, sql: str) -> None:
        """Begin when the next statement comes, in the same visit: for transactions that hold no
        lock before they read, as BEGIN itself does not either."""
        self._before_next = sql

    async def run(self, step: Callable[[sqlite3.Connection], Answer]) -> Answer:
        """Do `step` in the connection's thread: it may read and write, but not wait for others."""
        begin, self._before_next = self._before_next, ""

        def begun(sqlite: sqlite3.Connection) -> Answer:
            if begin:
                sqlite.execute(begin)
            return step(sqlite)

        self._at_rest = False
        # In the caller's context: what a step refuses is said in the reader's language.
        answer: Answer = await self._execute(copy_context().run, begun, self._conn)  # type: ignore[no-untyped-call]  # the driver's own
        self._at_rest = not self._conn.in_transaction
        return answer

    async def commit(self) -> None:
        """Commit, unless nothing is open."""
        await self._end(sqlite3.Connection.commit)

    async def rollback(self) -> None:
        """Roll back, unless nothing is open."""
        await self._end(sqlite3.Connection.rollback)

    async def _end(self, step: Callable[[sqlite3.Connection], None]) -> None:
        self._before_next = ""
        if not self._at_rest:
            await self.run(step)


def connect(database: str, **options: Any) -> Connection:
    """An unopened connection, to be awaited; the arguments of `sqlite3.connect`."""

    def connector() -> sqlite3.Connection:
        opened: sqlite3.Connection = sqlite3.connect(database, **options)
        return opened

    connection = Connection(connector, iter_chunk_size=64)
    # As SQLAlchemy does for the driver's own: a thread left over must not keep the process alive.
    connection._thread.daemon = True  # noqa: SLF001 - there is no public way
    return connection
