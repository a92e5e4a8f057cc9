"""Casts that arrive together are kept together: one transaction, one commit, for all that wait.

A commit waits for the disk, and while it does others arrive. They are not queued up for a commit
each: whoever waits for one poll by the time that the next transaction has its lock goes into it.
Nobody waits for company: a cast alone goes at once. Each receipt is still signed after the commit
that holds its own ballot. Rows go in sorted by leaf hash, so that what is stored tells less of an
order than single commits did: on PostgreSQL those of one commit bear one transaction id.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import cast as cast_type
from weakref import WeakKeyDictionary

from sqlalchemy import Table, insert, select, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession

from circles import log
from circles.ballot.phase import refusal
from circles.ballot.tables import Poll, Staged, StagedDocument
from circles.db import Database
from circles.errors import OutcomeUnknownError
from circles.host import Host
from circles.protocol import ballot as checks

MESSAGES_PER_KEY_MAX = 20
_TOGETHER_MAX = 64
# Sorted, so that two servers on one database never wait for each other in a circle.
_TURNS = text(
    "SELECT pg_advisory_xact_lock(turn) FROM "
    "(SELECT DISTINCT unnest(CAST(:turns AS bigint[])) AS turn ORDER BY 1) turns"
)

_STAGED = cast_type("Table", Staged.__table__)
_WORDS = cast_type("Table", StagedDocument.__table__)


@dataclass(frozen=True, slots=True)
class Cast:
    """A message that holds, with its words if it is a nomination."""

    leaf: bytes
    key: bytes
    message: bytes
    document: checks.Document | None


@dataclass(frozen=True, slots=True)
class Put:
    """What became of one: the poll as it stood under the lock and when that was; `kept` is None
    where nothing was put in (the phase refuses, or the key has twenty messages)."""

    poll: Poll
    at: datetime
    signer: log.ReceiptSigner
    kept: bool | None


Waiting = tuple[Cast, "asyncio.Future[Put]"]


@dataclass(eq=False)
class _Line:
    """Who waits for one poll."""

    waiting: list[Waiting] = field(default_factory=list)
    work: asyncio.Task[None] | None = None


_lines: WeakKeyDictionary[Database, dict[bytes, _Line]] = WeakKeyDictionary()


async def put_in(host: Host, poll_hash: bytes, cast: Cast) -> Put:
    """Put it into the box with whoever else waits; back when it is durable.

    Raises OutcomeUnknownError when the commit was not answered, LogBehindError when the log
    refuses to sign.
    """
    lines = _lines.setdefault(host.database, {})
    line = lines.setdefault(poll_hash, _Line())
    mine: asyncio.Future[Put] = asyncio.get_running_loop().create_future()
    line.waiting.append((cast, mine))
    if line.work is None:
        line.work = asyncio.create_task(_work(host, poll_hash, lines))
    return await mine


async def _work(host: Host, poll_hash: bytes, lines: dict[bytes, _Line]) -> None:
    line = lines[poll_hash]
    while line.waiting:
        await _serve(host, poll_hash, line)
    # Nothing was awaited since the line was seen empty: the next to come begins anew.
    del lines[poll_hash]


async def _serve(host: Host, poll_hash: bytes, line: _Line) -> None:
    batch: list[Waiting] = []

    def gather() -> list[Cast]:
        """Whoever waits by now: called under the lock, which took a while to get."""
        batch.extend(line.waiting[:_TOGETHER_MAX])
        del line.waiting[: len(batch)]
        return [cast for cast, _mine in batch]

    try:
        done = await _together(host, poll_hash, gather)
    except OutcomeUnknownError as error:
        _fail(batch, error)
    except Exception as error:
        if not batch:
            gather()
        await _each_alone(host, poll_hash, batch, error)
    except BaseException:
        for _cast, mine in batch or line.waiting:
            mine.cancel()
        raise
    else:
        for (_cast, mine), put in zip(batch, done, strict=True):
            if not mine.done():
                mine.set_result(put)


async def _each_alone(
    host: Host, poll_hash: bytes, batch: Sequence[Waiting], error: Exception
) -> None:
    """Whatever it was, it need not be everybody's: each goes alone, and gets its own answer."""
    if len(batch) == 1:
        _fail(batch, error)
        return
    for one in batch:
        await _serve(host, poll_hash, _Line([one]))


def _fail(batch: Sequence[Waiting], error: Exception) -> None:
    for _cast, mine in batch:
        if not mine.done():
            mine.set_exception(error)


async def _together(host: Host, poll_hash: bytes, gather: Callable[[], list[Cast]]) -> list[Put]:
    async with host.database.begin() as db:
        # The lock comes before the clock: whoever waited for a close is told "closed".
        query = select(Poll).where(Poll.poll_hash == poll_hash).with_for_update(read=True)
        poll = (await db.scalars(query)).one()
        db.expunge(poll)
        signer = await log.receipt_signer(db, host, poll.circle_id)
        casts = gather()
        at = host.clock.round_now()
        kept: list[bool | None] = [None] * len(casts)
        if refusal(poll, at) is None:
            kept = await _put(db, host.database.dialect, poll_hash, casts)
    return [Put(poll, at, signer, one) for one in kept]


async def _put(
    db: AsyncSession, dialect: str, poll_hash: bytes, casts: Sequence[Cast]
) -> list[bool | None]:
    """Whether each is new; None where its key has no turn left. The poll is share-locked; here the
    messages of one key take turns."""
    if dialect == "postgresql":
        turns = [int.from_bytes(cast.key[:8], "big", signed=True) for cast in casts]
        await db.execute(_TURNS, {"turns": turns})
    # A message that is there has its key there: of each key at most twenty rows come.
    keys = {cast.key for cast in casts}
    query = select(_STAGED.c.leaf, _STAGED.c.key).where(
        _STAGED.c.poll_hash == poll_hash, _STAGED.c.key.in_(keys)
    )
    rows = (await db.execute(query)).all()
    there = {leaf for leaf, _key in rows}
    stand: Counter[bytes] = Counter(key for _leaf, key in rows)
    kept: list[bool | None] = []
    fresh: list[Cast] = []
    for cast in casts:
        if cast.leaf in there:
            kept.append(False)
        elif stand[cast.key] >= MESSAGES_PER_KEY_MAX:
            kept.append(None)
        else:
            kept.append(True)
            fresh.append(cast)
            there.add(cast.leaf)
            stand[cast.key] += 1
    if fresh:
        fresh.sort(key=lambda cast: cast.leaf)
        new = [
            {"leaf": c.leaf, "poll_hash": poll_hash, "key": c.key, "message": c.message}
            for c in fresh
        ]
        await db.execute(insert(_STAGED), new)
        await _put_words(db, dialect, poll_hash, [c.document for c in fresh if c.document])
    return kept


async def _put_words(
    db: AsyncSession, dialect: str, poll_hash: bytes, documents: Sequence[checks.Document]
) -> None:
    """The same words may come again, with a changed request or another key: one copy is enough."""
    rows = [
        {"doc_hash": d.hash(), "poll_hash": poll_hash, "salt": d.salt, "text": d.text}
        for d in documents
    ]
    if rows:
        rows.sort(key=lambda row: row["doc_hash"])
        make = postgresql.insert if dialect == "postgresql" else sqlite.insert
        await db.execute(make(_WORDS).on_conflict_do_nothing(), rows)
