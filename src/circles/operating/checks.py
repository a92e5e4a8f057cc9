"""What can be recomputed from a host's own database: books, logs, documents."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

from sqlalchemy import LargeBinary, column, select, table

from circles import log
from circles.circle import circles, pay_changes
from circles.db import Database
from circles.errors import CirclesError
from circles.host import Host
from circles.ledger import verify
from circles.log import floor
from circles.protocol.messages import MalformedError, parse_entry
from circles.protocol.records import Seal
from circles.settings import Settings

_DOC_DOMAIN = b"circles/doc/v1\n"
# Rooms keep their rows at home; hashing what lies in two of them needs these columns only.
_DOCUMENTS = [
    table(
        name,
        column("doc_hash", LargeBinary),
        column("salt", LargeBinary),
        column("text", LargeBinary),
    )
    for name in ("ballot_document", "ballot_staged_document")
]


def _unheard(checked: int, total: int) -> None:
    del checked, total


async def books(host: Host, report: verify.Report = _unheard) -> list[verify.Problem]:
    """Recompute every book, compare with the seals that stand in the logs; and where one pays in,
    with who changed it."""
    found = await verify.verify_books(host, report, await _logged_seals(host.database))
    async with host.database.read() as db:
        wrong = await pay_changes.wrong(db, host.vault)
    return found + [verify.Problem("where one pays in", "act", w.where, w.what) for w in wrong]


async def _logged_seals(database: Database) -> dict[bytes, list[Seal]]:
    seals: dict[bytes, list[Seal]] = {}
    async with database.read() as db:
        for circle in await circles.every(db):
            found = [_seal(entry.data) for entry in await log.entries(db, circle.id)]
            seals[circle.id] = [seal for seal in found if seal is not None]
    return seals


def _seal(data: bytes) -> Seal | None:
    """The seal of an entry; None for other records, and for broken ones, which `logs` names."""
    try:
        record = parse_entry(data)
    except (MalformedError, TypeError, AttributeError):
        return None
    return record if isinstance(record, Seal) else None


async def logs(
    scratch: Host, live: Settings, say: Callable[[str], None], *, sealed: bool
) -> list[str]:
    """Recompute every log of a restored database up to its signed root.

    `live` is the host the backup came from: where its log has come further, that is said, because
    it is true of nearly every backup and no fault. `sealed`: whether the secret key is there.
    """
    problems = []
    async with scratch.database.read() as db:
        found = await circles.every(db)
    for circle in found:
        try:
            await floor.accept(scratch, circle.id)
            async with scratch.database.read() as db:
                if sealed:
                    await log.check_whole(db, scratch, circle.id)
                newest = await log.newest(db, circle.id)
        except log.UnknownLogError:
            problems.append(f"{circle.slug}: it has no log.")
            continue
        except CirclesError as error:
            problems.append(f"{circle.slug}: {error}")
            continue
        except (ValueError, TypeError, AttributeError) as error:
            # A row of another shape than any this program writes.
            problems.append(f"{circle.slug}: its log cannot be read: {error}")
            continue
        kept = floor.read(live, circle.id)
        have = 0 if newest is None else newest.size
        if kept is not None and kept.size > have:
            say(
                f"{circle.slug}: the backup holds {have} log entries, this host has shown "
                f"{kept.size}. Restored, it would show everything and sign nothing."
            )
    return problems


async def documents(host: Host) -> list[str]:
    """Every stored text must be the one its hash names."""
    problems = []
    async with host.database.read() as db:
        for source in _DOCUMENTS:
            rows = await db.execute(select(source.c.doc_hash, source.c.salt, source.c.text))
            for doc_hash, salt, text in rows:
                if hashlib.sha256(_DOC_DOMAIN + salt + text).digest() != doc_hash:
                    problems.append(f"document {bytes(doc_hash).hex()} is not what its hash names.")
    return problems
