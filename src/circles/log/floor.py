"""The floor: how far a circle's log has come, in a small file outside the database.

`$CIRCLES_DATA/floors/<circle>.json` holds the newest checkpoint and, for each poll, how many takes
were answered. It is no part of the database nor of its backups. A database that was put back to an
older state is below its floor: then nothing is signed, because two checkpoints of one size with
two roots, or two blind signatures for one slot, could never be taken back.

The file follows a commit and comes before anyone sees what was committed: `raise_to` before a
checkpoint is served, `raise_takes` before a take is answered.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

from sqlalchemy.ext.asyncio import AsyncSession

from circles import files
from circles.host import Host
from circles.log import checkpoints, published
from circles.log.checkpoints import Signed
from circles.log.errors import LogBehindError, UnknownLogError
from circles.protocol.text import b64, unb64
from circles.settings import Settings
from circles.web.i18n import gettext as _

# The size in a file that a take made where there was none: what was signed is not known.
UNKNOWN = -1


@dataclass(frozen=True, slots=True)
class Floor:
    """What was signed last, and takes answered by poll hash. `size` 0: nothing signed yet."""

    size: int = UNKNOWN
    root: bytes = b""
    note: str = ""
    takes: dict[bytes, int] = field(default_factory=dict)

    def text(self) -> bytes:
        """The file's bytes: JSON, fixed order."""
        return (
            json.dumps(
                {
                    "size": self.size,
                    "root": b64(self.root),
                    "checkpoint": self.note,
                    "takes": {b64(poll): n for poll, n in sorted(self.takes.items())},
                },
                indent=1,
                ensure_ascii=False,
            )
            + "\n"
        ).encode()


def path(settings: Settings, circle_id: bytes) -> Path:
    """Where a circle's floor stands. Hexadecimal: some file systems fold upper and lower case."""
    return settings.data / "floors" / f"{circle_id.hex()}.json"


def read(settings: Settings, circle_id: bytes) -> Floor | None:
    """The floor, or None where there is none. LogBehindError for a file that cannot be read."""
    data = files.read_if_there(path(settings, circle_id))
    if data is None:
        return None
    try:
        kept = json.loads(data)
        return Floor(
            size=int(kept["size"]),
            root=unb64(kept["root"]),
            note=str(kept["checkpoint"]),
            takes={unb64(poll): int(n) for poll, n in kept["takes"].items()},
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise _behind(
            _("The file %(file)s beside the database cannot be read, so nothing is signed.")
            % {"file": path(settings, circle_id).name}
        ) from error


def _behind(why: str) -> LogBehindError:
    return LogBehindError(
        _("%(why)s Nothing was changed. See docs/operating.md, 'When the log refuses'.")
        % {"why": why}
    )


async def check(db: AsyncSession, host: Host, circle_id: bytes) -> None:
    """Refuse unless the database stands on or above its floor: at start, before each signature.

    Raises LogBehindError, in words.
    """
    kept = read(host.settings, circle_id) or Floor()
    newest = await checkpoints.newest(db, circle_id)
    if kept.size == UNKNOWN and newest is not None:
        raise _behind(
            _(
                "The file that says how far this circle's log had come is missing, so nothing is "
                "signed: an older backup could not be told from the right database. If this is "
                "the newest database, say so with: circles log accept SLUG."
            )
        )
    have = 0 if newest is None else newest.size
    if have < kept.size:
        raise _behind(
            _(
                "This database has signed %(have)s entries of the circle's log, but this host has "
                "already shown %(shown)s to the world. It looks like an older backup. Nothing is "
                "signed until the newer database is back."
            )
            % {"have": have, "shown": kept.size}
        )
    if kept.size > 0 and await _root_at(db, circle_id, kept.size, newest) != kept.root:
        raise _behind(
            _(
                "This database tells another history of the circle's first %(shown)s log entries "
                "than the one this host has already shown to the world. Nothing is signed until "
                "the right database is back."
            )
            % {"shown": kept.size}
        )


async def _root_at(
    db: AsyncSession, circle_id: bytes, size: int, newest: Signed | None
) -> bytes | None:
    """The root that was signed at that size, which is the newest but for a crash in between."""
    if newest is not None and newest.size == size:
        return newest.root
    return await checkpoints.root_at(db, circle_id, size)


def begin(settings: Settings, circle_id: bytes) -> None:
    """Make the file before a log's first checkpoint: from then on its absence means something."""
    _change(settings, circle_id, lambda kept: replace(kept, size=max(kept.size, 0)))


async def raise_to(host: Host, circle_id: bytes) -> Signed:
    """After a commit that signed: raise the floor to the newest checkpoint, then write the files.

    Safe to repeat, and to call when nothing is new. Gives the newest checkpoint, which may now be
    shown. Raises LogBehindError on disagreement, UnknownLogError before the first checkpoint.
    """
    async with host.database.read() as db:
        await check(db, host, circle_id)
        newest = await checkpoints.newest(db, circle_id)
    if newest is None:
        raise UnknownLogError(_("This log has no checkpoint yet."))
    await asyncio.to_thread(_raise_to, host.settings, circle_id, newest)
    await published.write(host, circle_id)
    return newest


async def accept(host: Host, circle_id: bytes) -> None:
    """The operator says that this database is the newest: make the missing file from it.

    Only where the file is missing; a database below its floor cannot be accepted.
    """
    async with host.database.read() as db:
        newest = await checkpoints.newest(db, circle_id)
    if (read(host.settings, circle_id) or Floor()).size == UNKNOWN and newest is not None:
        await asyncio.to_thread(_raise_to, host.settings, circle_id, newest)


def _raise_to(settings: Settings, circle_id: bytes, newest: Signed) -> None:
    def higher(kept: Floor) -> Floor:
        if kept.size > newest.size:
            return kept
        if kept.size == newest.size > 0 and kept.root != newest.root:
            raise _behind(_("There are two checkpoints of one size with two roots: stopped."))
        return replace(kept, size=newest.size, root=newest.root, note=newest.note.decode())

    _change(settings, circle_id, higher)


# Takes


def check_takes(host: Host, circle_id: bytes, poll_hash: bytes, count: int) -> None:
    """Before signing a take: `count` takes stand in the database. LogBehindError if fewer than were
    ever answered: a slot could be signed twice.
    """
    kept = read(host.settings, circle_id)
    answered = 0 if kept is None else kept.takes.get(poll_hash, 0)
    if count < answered:
        raise _behind(
            _(
                "This database knows %(count)s collected credentials of this poll, but "
                "%(answered)s were handed out. It looks like an older backup. No more are handed "
                "out until the newer database is back."
            )
            % {"count": count, "answered": answered}
        )


async def raise_takes(host: Host, circle_id: bytes, poll_hash: bytes, count: int) -> None:
    """After the commit of a take, before it is answered: `count` takes now stand in the poll."""

    def higher(kept: Floor) -> Floor:
        if kept.takes.get(poll_hash, 0) >= count:
            return kept
        return replace(kept, takes={**kept.takes, poll_hash: count})

    await asyncio.to_thread(_change, host.settings, circle_id, higher)


async def forget_takes(host: Host, circle_id: bytes, poll_hash: bytes) -> None:
    """The poll's takes were erased (90 days after its close), or it hands out no more."""

    def lower(kept: Floor) -> Floor:
        return replace(kept, takes={p: n for p, n in kept.takes.items() if p != poll_hash})

    await asyncio.to_thread(_change, host.settings, circle_id, lower)


def _change(settings: Settings, circle_id: bytes, change: Callable[[Floor], Floor]) -> None:
    """Read, change and write the file, alone among all processes."""
    place = path(settings, circle_id)
    with files.locked(place.with_suffix(".lock")):
        there = read(settings, circle_id)
        changed = change(there or Floor())
        if there is None or changed != there:
            files.write_whole(place, changed.text())
