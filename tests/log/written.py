"""Logs as files, made with the protocol alone: of any size, without a host."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from circles.protocol.checkpoint import Checkpoint, LogKey
from circles.protocol.merkle import (
    TILE_WIDTH,
    Tree,
    entry_tiles,
    hash_tiles,
    leaf,
    write_bundle,
)
from circles.protocol.messages import Seal

CIRCLE = bytes(range(16))


def record(number: int, fund: int = 0) -> bytes:
    """A record that differs with its number, and with the fund it tells of."""
    return Seal(CIRCLE, "2026-10", number, bytes(32), fund, "EUR").text()


def records(count: int) -> list[bytes]:
    return [record(number) for number in range(count)]


def write(
    folder: Path, key: LogKey, entries: Sequence[bytes], signer: LogKey | None = None
) -> Path:
    """The log of these entries as static files in `folder/log`; the folder of the log."""
    tree = Tree(leaf(entry) for entry in entries)
    files = {"key": f"{(signer or key).verifier.text()}\n".encode()}
    for tile in hash_tiles(tree.size):
        files[tile.path()] = tree.tile(tile.level or 0, tile.number, tile.width)
    for tile in entry_tiles(tree.size):
        first = tile.number * TILE_WIDTH
        files[tile.path()] = write_bundle(entries[first : first + tile.width])
    text = Checkpoint(key.name, tree.size, tree.root()).text()
    files["checkpoint"] = (signer or key).sign_note(text)
    place = folder / "log"
    for name, data in files.items():
        path = place / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return place
