"""The published record: the log as files, single records, and the archive that a verifier reads.

Everything here is derived: from the log's entries, and from words that the people they are about
agreed to. The files under `$CIRCLES_DATA/public/<slug>/` are written again when they are absent or
are not what the database says.

    await archive.build(host, circle)                            # at start
    await archive.record(host, circle, "2026-10", "vote", "result")
    await archive.zip_bytes(host, circle, words, month=None)     # the same bytes for the same state
"""

from __future__ import annotations

import asyncio
import hashlib
import io
import zipfile
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import structlog

from circles import log
from circles.circle import circles
from circles.circle.circles import Circle
from circles.errors import CirclesError, MissingError
from circles.host import Host
from circles.log import floor, published
from circles.protocol import messages
from circles.protocol.text import b64
from circles.web.i18n import gettext as _

ZIPS_KEPT = 4
INDEXES_KEPT = 64
# The earliest time that a zip file can bear: no archive says when it was asked for.
_NO_TIME = (1980, 1, 1, 0, 0, 0)
_FILE = 0o100644 << 16
_logger = structlog.get_logger("circles")


@dataclass(frozen=True)
class Words:
    """What stands in an archive outside verification, by leave of those whom it is about.

    `circle` is `public/circle.txt`, `awards` the texts by (month, candidate number), `documents`
    nominations' own words (salt || text) by their hash.
    """

    circle: bytes
    awards: Mapping[tuple[str, int], bytes] = field(default_factory=dict)
    documents: Mapping[bytes, bytes] = field(default_factory=dict)

    def files(self, until: str) -> dict[str, bytes]:
        """By path in the archive, the awards of months up to `until` (`yyyy-mm`)."""
        found = {"public/circle.txt": self.circle}
        for (month, candidate), text in self.awards.items():
            if month <= until:
                found[f"public/{month}/{candidate}.txt"] = text
        for doc_hash, file in self.documents.items():
            found[f"documents/{b64(doc_hash)}"] = file
        return found


async def shown(host: Host, circle_id: bytes) -> log.Signed:
    """The newest checkpoint, its floor raised and its files written: it may be seen by anyone.

    Raises UnknownLogError before the first, LogBehindError when the database is an older one.
    """
    async with host.database.read() as db:
        newest = await log.newest(db, circle_id)
    kept = floor.read(host.settings, circle_id)
    if newest is not None and kept is not None and kept.note.encode() == newest.note:
        return newest
    return await floor.raise_to(host, circle_id)


async def build(host: Host, circle: Circle) -> None:
    """Check the log whole, then write every file of it that is absent or differs.

    Raises LogBehindError or LogBrokenError, and then changes no file.
    """
    async with host.database.read() as db:
        if await log.newest(db, circle.id) is None:
            return
        await log.check_whole(db, host, circle.id)
    await floor.raise_to(host, circle.id)
    await published.write(host, circle.id, compare=True)


_built: set[tuple[Path, bytes]] = set()


async def tick(host: Host) -> None:
    """Once for each circle in a process' life: `build`. A log that refuses is reported, in words,
    and looked at again at the next tick; the other circles go on.
    """
    async with host.database.read() as db:
        found = await circles.every(db)
    for circle in found:
        if (host.settings.data, circle.id) in _built:
            continue
        try:
            await build(host, circle)
        except CirclesError as error:
            # No traceback: an operator reads this, and the words say it all.
            said = {"circle": circle.slug, "code": error.code, "message": str(error)}
            _logger.error("log-refuses", **said)  # noqa: TRY400 -- as above
        else:
            _built.add((host.settings.data, circle.id))


# Single records


@dataclass
class _Index:
    """Where the records of the rounds stand, as far as entries were read."""

    size: int = 0
    polls: dict[bytes, tuple[str, str]] = field(default_factory=dict)
    places: dict[tuple[str, str, str], int] = field(default_factory=dict)

    def take(self, entry: log.Entry) -> None:
        message = messages.parse_entry(entry.data)
        self.size = entry.index + 1
        if isinstance(message, messages.Poll):
            self.polls[entry.leaf] = (message.month, message.purpose)
            self.places[(message.month, message.purpose, "poll")] = entry.index
        kind = _KINDS.get(type(message))
        if kind is not None:
            month, purpose = self.polls[getattr(message, "poll", b"")]
            self.places[(month, purpose, kind)] = entry.index


_KINDS: dict[type[messages.Message], str] = {
    messages.Close: "close",
    messages.Slate: "slate",
    messages.Result: "result",
    messages.Void: "void",
}
_indexes: OrderedDict[tuple[Path, bytes], _Index] = OrderedDict()


async def _index(host: Host, circle_id: bytes, size: int) -> _Index:
    """The index of at least the first `size` entries; only new ones are read."""
    key = (host.settings.data, circle_id)
    index = _indexes.setdefault(key, _Index())
    _indexes.move_to_end(key)
    while len(_indexes) > INDEXES_KEPT:
        _indexes.popitem(last=False)
    if index.size < size:
        async with host.database.read() as db:
            new = await log.entries(db, circle_id, index.size, size - index.size)
        for entry in new:
            # Two readers may have asked at once: each entry is taken once, in its turn.
            if entry.index == index.size:
                index.take(entry)
    return index


async def _place(host: Host, circle: Circle, month: str, purpose: str, kind: str) -> int | None:
    signed = await shown(host, circle.id)
    index = await _index(host, circle.id, signed.size)
    place = index.places.get((month, purpose, kind))
    return place if place is not None and place < signed.size else None


async def record(host: Host, circle: Circle, month: str, purpose: str, kind: str) -> bytes:
    """The bytes of a round's record: `poll`, `close`, `slate`, `result` or `void`.

    Raises MissingError before it is logged and signed.
    """
    place = await _place(host, circle, month, purpose, kind)
    if place is None:
        raise MissingError(_("There is no such record in the log, or not yet."))
    async with host.database.read() as db:
        (entry,) = await log.entries(db, circle.id, place, 1)
    return entry.data


# The archive


_zips: OrderedDict[str, bytes] = OrderedDict()


async def checkpoint_for(host: Host, circle: Circle, month: str | None) -> log.Signed:
    """The checkpoint an archive is made at: now, or the first with that month's result or void."""
    if month is None:
        return await shown(host, circle.id)
    places = [await _place(host, circle, month, "vote", kind) for kind in ("result", "void")]
    found = [place for place in places if place is not None]
    if not found:
        raise MissingError(_("That month has no result yet, so there is no archive of it."))
    async with host.database.read() as db:
        signed = await log.first_with(db, circle.id, min(found))
    if signed is None:
        raise MissingError(_("That month has no result yet, so there is no archive of it."))
    return signed


def version(signed: log.Signed, words: Words, month: str | None) -> str:
    """What an archive's bytes depend on, as a short text for an ETag."""
    files = words.files(month or "9999-12")
    hashed = hashlib.sha256(signed.note)
    for name in sorted(files):
        hashed.update(f"\n{name} {hashlib.sha256(files[name]).hexdigest()}".encode())
    return hashed.hexdigest()[:32]


async def zip_bytes(host: Host, circle: Circle, words: Words, *, month: str | None = None) -> bytes:
    """An archive of the whole log, or as it was when that month's result or void was first signed.

    Raises MissingError while the month has neither.
    """
    signed = await checkpoint_for(host, circle, month)
    key = f"{circle.slug} {version(signed, words, month)}"
    if key not in _zips:
        rendered = await published.render(host, circle.id, signed)
        files = {f"log/{name}": data for name, data in rendered.items()}
        files.update(words.files(month or "9999-12"))
        _zips[key] = await asyncio.to_thread(zipped, files)
        while len(_zips) > ZIPS_KEPT:
            _zips.popitem(last=False)
    return _zips[key]


def zipped(files: Mapping[str, bytes]) -> bytes:
    """A zip file that depends on its files alone: sorted by name, no times, plain modes."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name in sorted(files):
            member = zipfile.ZipInfo(name, _NO_TIME)
            member.compress_type = zipfile.ZIP_DEFLATED
            member.external_attr = _FILE
            member.create_system = 3
            archive.writestr(member, files[name], compresslevel=9)
    return made.getvalue()
