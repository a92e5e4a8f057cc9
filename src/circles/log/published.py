"""The log as static files, C2SP tlog-tiles: derived from the database, never the other way.

Under `$CIRCLES_DATA/public/<slug>/log/`: `checkpoint`, `key`, `tile/<L>/<N>[.p/<W>]`,
`tile/entries/<N>[.p/<W>]`, exactly those of the newest checkpoint. Tiles are written first, the
checkpoint after them, what it no longer names goes last: a reader never meets a checkpoint without
its tiles. Each file is written by rename.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from circles import files
from circles.host import Host
from circles.log import checkpoints, keys, stored, tables
from circles.log.checkpoints import Signed
from circles.log.errors import UnknownLogError
from circles.protocol.checkpoint import Checkpoint, Note
from circles.protocol.merkle import (
    TILE_WIDTH,
    TileName,
    Tree,
    entry_tiles,
    hash_tiles,
    write_bundle,
)
from circles.settings import Settings
from circles.web.i18n import gettext as _


@dataclass(frozen=True, slots=True)
class _Head:
    slug: str
    key: str
    signed: Signed


def folder(settings: Settings, slug: str) -> Path:
    """Where the log files of a circle stand."""
    return settings.data / "public" / slug / "log"


async def render(host: Host, circle_id: bytes, signed: Signed) -> dict[str, bytes]:
    """All files of the log as they are (or were) at a checkpoint, by path below `log/`."""
    async with host.database.read() as db:
        log = await db.get(tables.Log, circle_id)
        if log is None:
            raise UnknownLogError(_("This circle has no log yet. Found the circle first."))
        # An archive of earlier holds the key of then: the record of its heir is not in it.
        key = await keys.key_at(db, log, signed.size)
        found = await stored.entries(db, circle_id, 0, signed.size)
    data = [entry.data for entry in found]
    tree = Tree(entry.leaf for entry in found)
    rendered = {tile.path(): _hashes(tree, tile) for tile in hash_tiles(signed.size)}
    for tile in entry_tiles(signed.size):
        first = tile.number * TILE_WIDTH
        rendered[tile.path()] = write_bundle(data[first : first + tile.width])
    rendered["key"] = f"{key}\n".encode()
    rendered["checkpoint"] = signed.note
    return rendered


async def tile(host: Host, circle_id: bytes, name: TileName, size: int) -> bytes | None:
    """One tile out of the database, of a log shown with `size` entries; None beyond that.

    For readers who hold an older checkpoint: the partial tiles of smaller sizes stand in no file.
    """
    if name.level is None:
        first = name.number * TILE_WIDTH
        if first + name.width > size:
            return None
        async with host.database.read() as db:
            found = await stored.entries(db, circle_id, first, name.width)
        return write_bundle(entry.data for entry in found)
    first = name.number * TILE_WIDTH << (8 * name.level)
    upto = first + (name.width << (8 * name.level))
    if upto > size:
        return None
    async with host.database.read() as db:
        # A tile begins where a whole subtree does, so its own leaves are enough.
        tree = Tree(await stored.leaves(db, circle_id, upto, first))
    return tree.tile(name.level, 0, name.width)


def shown_size(place: Path) -> int:
    """How many entries the checkpoint file covers; 0 where there is none."""
    data = files.read_if_there(place / "checkpoint")
    if data is None:
        return 0
    try:
        return Checkpoint.parse(Note.parse(data).text).size
    except ValueError:
        return 0  # Damaged: it is about to be written over.


def _hashes(tree: Tree, tile: TileName) -> bytes:
    return tree.tile(tile.level or 0, tile.number, tile.width)


async def write(host: Host, circle_id: bytes, *, compare: bool = False) -> None:
    """Write what is missing for the newest checkpoint; with `compare`, what differs too.

    A tile's name says which entries it covers, so one that is there is taken to be right; `compare`
    (at start) reads them all and mends those that are not what the database says.
    """
    head = await _head(host, circle_id)
    if head is None:
        return
    place = folder(host.settings, head.slug)
    names = [*hash_tiles(head.signed.size), *entry_tiles(head.signed.size)]
    missing = {tile.path() for tile in names}
    if not compare:
        missing = await asyncio.to_thread(_missing, place, missing)
        if not missing and files.read_if_there(place / "checkpoint") == head.signed.note:
            return
    rendered = await _render_some(host, circle_id, head, missing)
    kept = {tile.path() for tile in names} | {"key", "checkpoint"}
    await asyncio.to_thread(_put, place, head, rendered, kept, compare=compare)


def _missing(place: Path, names: set[str]) -> set[str]:
    return {name for name in names if not (place / name).is_file()}


async def _head(host: Host, circle_id: bytes) -> _Head | None:
    async with host.database.read() as db:
        log = await db.get(tables.Log, circle_id)
        signed = await checkpoints.newest(db, circle_id)
        if log is None or signed is None:
            return None
        return _Head(log.origin.rpartition("/c/")[2], log.verifier_key, signed)


async def _render_some(
    host: Host, circle_id: bytes, head: _Head, missing: set[str]
) -> dict[str, bytes]:
    """The named tiles only; entries are read for the bundles among them alone."""
    size = head.signed.size
    rendered: dict[str, bytes] = {}
    async with host.database.read() as db:
        tree = Tree(await stored.leaves(db, circle_id, size))
        for tile in hash_tiles(size):
            if tile.path() in missing:
                rendered[tile.path()] = _hashes(tree, tile)
        for tile in entry_tiles(size):
            if tile.path() in missing:
                first = tile.number * TILE_WIDTH
                bundle = await stored.entries(db, circle_id, first, tile.width)
                rendered[tile.path()] = write_bundle(entry.data for entry in bundle)
    return rendered


def _put(
    place: Path, head: _Head, rendered: Mapping[str, bytes], kept: set[str], *, compare: bool
) -> None:
    with files.locked(place.parent / ".lock"):
        if not compare and shown_size(place) > head.signed.size:
            return  # Another process was later and has written more.
        for name in sorted(rendered):
            _put_one(place / name, rendered[name])
        _put_one(place / "key", f"{head.key}\n".encode())
        _put_one(place / "checkpoint", head.signed.note)
        _sweep(place, kept)


def _put_one(path: Path, data: bytes) -> None:
    if files.read_if_there(path) != data:
        files.write_whole(path, data, mode=0o644)


def _sweep(place: Path, names: set[str]) -> None:
    """Take away the partial tiles of smaller sizes."""
    for path in sorted(place.rglob("*"), reverse=True):
        if path.is_dir():
            if not any(path.iterdir()):
                path.rmdir()
        elif path.relative_to(place).as_posix() not in names:
            path.unlink()
