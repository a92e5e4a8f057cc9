"""Closing the box: the flip, the sorted append to the log, and leaving nothing behind.

Each step is a no-op when it is done already, so that closing can be killed anywhere and go on:
`shut` -> `publish` -> (the close record) -> `drop_staged` -> after the commit, `scrub`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import delete, insert, select, text, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession

from circles import log
from circles.ballot.errors import BoxStateError
from circles.ballot.tables import Document, Poll, Staged, StagedDocument
from circles.db import Database
from circles.errors import MissingError
from circles.host import Host
from circles.protocol import tally
from circles.protocol.merkle import leaf as leaf_hash
from circles.protocol.messages import NOMINATE, Ask, Ballot, Nomination
from circles.web.i18n import gettext as _

_WIPE_TRIES = 20
_WIPE_PAUSE_S = 0.02
_BUSY_MS = 20
_LOCK_WAIT_MS = 500
_LOCK_NOT_AVAILABLE = "55P03"


@dataclass(frozen=True, slots=True)
class Published:
    """Where a poll's ballots stand in the log, and how many distinct ballot keys they bear."""

    first_index: int
    count: int
    keys: int


@dataclass(frozen=True, slots=True)
class Nominated:
    """A counted nomination: its leaf hash, what it asks for, and its words, unless erased."""

    leaf: bytes
    ask: Ask
    doc_hash: bytes
    salt: bytes | None
    document: bytes | None


async def shut(db: AsyncSession, poll_hash: bytes) -> None:
    """The flip: from its commit on nothing is taken. Waits for casts that hold the poll."""
    poll = await _held(db, poll_hash)
    if poll.state == "open":
        await _set(db, poll_hash, state="shut")


async def publish(db: AsyncSession, poll_hash: bytes) -> Published:
    """Append what is in the box to the log, sorted by leaf hash; needs `shut`.

    Of nominations the words of the counted ones go to their own table, sorted by hash too;
    replaced ones are erased with the staging rows.
    """
    poll = await _held(db, poll_hash)
    if poll.state == "open":
        raise BoxStateError(_("The box is still open. Shut it first."))
    if poll.state != "shut":
        return _published(poll)
    rows = select(Staged.leaf, Staged.message.label("data")).where(Staged.poll_hash == poll_hash)
    first, count = await log.append_sorted(db, poll.circle_id, rows)
    messages = await _messages(db, poll, first, count)
    keys = len({message.key for message in messages.values()})
    if poll.purpose == NOMINATE:
        await _keep_words(db, poll_hash, (n.doc for n in _nominations(messages).values()))
    await _set(db, poll_hash, state="logged", first_index=first, ballots=count, keys=keys)
    return Published(first, count, keys)


async def _messages(
    db: AsyncSession, poll: Poll, first: int, count: int
) -> dict[bytes, Ballot | Nomination]:
    """What was just logged, read back: hashed and parsed again before anything is signed."""
    kind: type[Ballot] | type[Nomination] = Nomination if poll.purpose == NOMINATE else Ballot
    messages: dict[bytes, Ballot | Nomination] = {}
    for entry in await log.entries(db, poll.circle_id, first, count):
        message = kind.parse(entry.data)
        if leaf_hash(entry.data) != entry.leaf or message.poll != poll.poll_hash:
            raise log.LogBrokenError(
                _(
                    "A ballot in the box is not what its hash says. The database was altered; "
                    "the poll is not closed. See docs/operating.md, 'When the log refuses'."
                )
            )
        messages[entry.leaf] = message
    return messages


def _nominations(messages: dict[bytes, Ballot | Nomination]) -> dict[bytes, Nomination]:
    """The counted ones, sorted by leaf hash."""
    given = {leaf: m for leaf, m in messages.items() if isinstance(m, Nomination)}
    return tally.counted(given)


async def _keep_words(db: AsyncSession, poll_hash: bytes, doc_hashes: Iterable[bytes]) -> None:
    kept = (
        select(
            StagedDocument.doc_hash,
            StagedDocument.poll_hash,
            StagedDocument.salt,
            StagedDocument.text,
        )
        .where(StagedDocument.poll_hash == poll_hash)
        .where(StagedDocument.doc_hash.in_(list(doc_hashes)))
        .order_by(StagedDocument.doc_hash)
    )
    await db.execute(insert(Document).from_select(["doc_hash", "poll_hash", "salt", "text"], kept))


async def drop_staged(db: AsyncSession, poll_hash: bytes) -> None:
    """The staging rows are gone; needs `publish`. Best in the transaction of the close record."""
    poll = await _held(db, poll_hash)
    if poll.state in {"open", "shut"}:
        raise BoxStateError(_("These ballots are not in the log yet. Publish them first."))
    if poll.state == "logged":
        await db.execute(delete(Staged).where(Staged.poll_hash == poll_hash))
        await db.execute(delete(StagedDocument).where(StagedDocument.poll_hash == poll_hash))
        await _set(db, poll_hash, state="empty")


async def scrub(host: Host, circle_id: bytes) -> bool:
    """After the commit of `drop_staged`: wipe what the staging rows left in files.

    SQLite: the write-ahead log is emptied, again and again until no reader is in the way
    (`secure_delete` has overwritten the pages). PostgreSQL: the staging tables get new files, so
    that no dead row tells the order of casting. Gives whether all is clean; call it again if not.
    """
    async with host.database.read() as db:
        query = select(Poll.poll_hash).where(Poll.circle_id == circle_id, Poll.state == "empty")
        waiting = list((await db.scalars(query)).all())
    if not waiting:
        return True
    if not await _wipe(host.database):
        return False
    async with host.database.begin() as db:
        await db.execute(
            update(Poll)
            .where(Poll.poll_hash.in_(waiting), Poll.state == "empty")
            .values(state="clean")
        )
    return True


async def _wipe(database: Database) -> bool:
    if database.dialect == "sqlite":
        for _try in range(_WIPE_TRIES):
            if await _checkpointed(database):
                return True
            await asyncio.sleep(_WIPE_PAUSE_S)
        return False
    return await _rewritten(database)


async def _rewritten(database: Database) -> bool:
    """Give PostgreSQL's staging tables new files, with what other polls still have in them.

    VACUUM FULL would carry dead rows over as long as any old snapshot could see them, a backup's
    for one; TRUNCATE does not. What is put back is sorted, under one transaction id. A backup that
    reads just now is not waited for: casts would queue up behind us.
    """
    try:
        async with database.begin() as db:
            await db.execute(text(f"SET LOCAL lock_timeout = '{_LOCK_WAIT_MS}ms'"))
            for table, key in (("ballot_staged", "leaf"), ("ballot_staged_document", "doc_hash")):
                for step in (
                    "LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE",
                    "CREATE TEMPORARY TABLE aside ON COMMIT DROP AS SELECT * FROM {table}",
                    "TRUNCATE {table}",
                    "INSERT INTO {table} SELECT * FROM aside ORDER BY {key}",
                    "DROP TABLE aside",
                ):
                    await db.execute(text(step.format(table=table, key=key)))
    except DBAPIError as error:
        if getattr(error.orig, "sqlstate", "") == _LOCK_NOT_AVAILABLE:
            return False
        raise
    return True


async def _checkpointed(database: Database) -> bool:
    """PRAGMA wal_checkpoint(TRUNCATE): its first column is 1 while somebody is in the way."""
    # No BEGIN around it: a checkpoint cannot run inside a transaction.
    engine = database.engine.execution_options(circles_begin="SELECT 1")
    async with engine.connect() as connection:
        # While it waits for readers it keeps writers out, so it must not wait long.
        before = (await connection.exec_driver_sql("PRAGMA busy_timeout")).scalar_one()
        await connection.exec_driver_sql(f"PRAGMA busy_timeout={_BUSY_MS}")
        try:
            result = await connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
            return bool(result.one()[0] == 0)
        finally:
            await connection.exec_driver_sql(f"PRAGMA busy_timeout={before}")


# After the close


async def nominations(db: AsyncSession, poll_hash: bytes) -> list[Nominated]:
    """The counted nominations in the order of their leaf hashes; needs `publish`."""
    poll = await _known(db, poll_hash)
    if poll.state in {"open", "shut"} or poll.purpose != NOMINATE:
        raise BoxStateError(_("Nominations can be read when nominating has closed."))
    place = _published(poll)
    messages = await _messages(db, poll, place.first_index, place.count)
    kept = await db.scalars(select(Document).where(Document.poll_hash == poll_hash))
    words = {row.doc_hash: row for row in kept}
    return [
        Nominated(
            leaf=leaf,
            ask=nomination.ask,
            doc_hash=nomination.doc,
            salt=words[nomination.doc].salt if nomination.doc in words else None,
            document=words[nomination.doc].text if nomination.doc in words else None,
        )
        for leaf, nomination in _nominations(messages).items()
    ]


async def document(db: AsyncSession, poll_hash: bytes, doc_hash: bytes) -> bytes | None:
    """The file of a nomination's words, salt || text, or None where they were erased."""
    row = await db.get(Document, (doc_hash, poll_hash))
    return None if row is None else row.salt + row.text


async def erase_document(db: AsyncSession, poll_hash: bytes, doc_hash: bytes) -> None:
    """Forget the words of a nomination; the log names their hash for ever, which tells nothing."""
    await db.execute(
        delete(Document).where(Document.poll_hash == poll_hash, Document.doc_hash == doc_hash)
    )


def _published(poll: Poll) -> Published:
    if poll.first_index is None or poll.ballots is None or poll.keys is None:
        raise BoxStateError(_("These ballots are not in the log yet. Publish them first."))
    return Published(poll.first_index, poll.ballots, poll.keys)


async def _known(db: AsyncSession, poll_hash: bytes) -> Poll:
    poll = await db.get(Poll, poll_hash)
    if poll is None:
        raise MissingError(_("The box does not know this poll."), code="unknown-poll")
    return poll


async def _held(db: AsyncSession, poll_hash: bytes) -> Poll:
    """The poll, locked alone, as it stands now."""
    query = (
        select(Poll)
        .where(Poll.poll_hash == poll_hash)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    poll = (await db.scalars(query)).one_or_none()
    if poll is None:
        raise MissingError(_("The box does not know this poll."), code="unknown-poll")
    return poll


async def _set(db: AsyncSession, poll_hash: bytes, **values: str | int) -> None:
    await db.execute(update(Poll).where(Poll.poll_hash == poll_hash).values(**values))
