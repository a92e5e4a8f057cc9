"""The public log as this client sees it: fetched without a name, never believed without a proof.

Its hash tiles are read whole (32 bytes an entry) and hashed to the signed root: what stands among
them is thereby in the log, and the log of last time is a beginning of it or is not.
"""

from __future__ import annotations

from typing import Any, Protocol, TypeVar

from circles.client.web import ClientError, NoAnswerError, Web
from circles.protocol.checkpoint import (
    NOTE_BYTES_MAX,
    Checkpoint,
    NoteError,
    VerifierKey,
    open_checkpoint,
    open_receipt,
)
from circles.protocol.merkle import HASH_BYTES, TileName, Tree, entry_tiles, leaf, read_bundle
from circles.protocol.message import Message
from circles.protocol.records import Rotation
from circles.protocol.text import ENTRY_BYTES_MAX, MalformedError, b64, unb64
from circles.protocol.verify.log import follow_rotations
from circles.protocol.verify.report import Report

_KEY_BYTES_MAX = 1024
_M = TypeVar("_M", bound=Message)


class Memory(Protocol):
    """What was seen of the log last time: `log_last` is {note, size, root}; None before that."""

    log_key: str | None
    log_last: dict[str, Any] | None


class LogView:
    """Key, checkpoint and leaf hashes, as of `refresh`."""

    def __init__(self, web: Web, file: Memory) -> None:
        self._web, self._file = web, file
        self.key: VerifierKey
        self.checkpoint: Checkpoint
        self.note = b""
        self._tree = Tree()
        self._places: dict[bytes, int] = {}

    def refresh(self) -> None:
        """Read the log anew. Raises ClientError `log-key`, `log-bad`, `log-forked`."""
        shown = self._need("log/key", _KEY_BYTES_MAX).decode("utf-8", "replace").removesuffix("\n")
        self.note = self._need("log/checkpoint", NOTE_BYTES_MAX)
        try:
            self.key = VerifierKey.parse(shown)
            self.checkpoint = open_checkpoint(self.note, [self.key])
        except (MalformedError, NoteError) as error:
            raise ClientError("log-bad", f"the log's checkpoint does not hold: {error}") from error
        self._read_tree()
        if self._file.log_key not in (None, shown):
            self._check_went_over(str(self._file.log_key), shown)
        self._compare_with_last()
        self._file.log_key = shown
        self._file.log_last = {
            "note": self.note.decode("utf-8"),
            "size": self.checkpoint.size,
            "root": b64(self.checkpoint.root),
        }

    def _need(self, path: str, bytes_max: int) -> bytes:
        data = self._web.public(path, bytes_max)
        if data is None:
            raise NoAnswerError(f"there is no {path} at this address")
        return data

    def _read_tree(self) -> None:
        hashes: list[bytes] = []
        for name in entry_tiles(self.checkpoint.size):
            path = TileName(0, name.number, name.width).path()
            data = self._need(f"log/{path}", name.width * HASH_BYTES)
            hashes += [data[at : at + HASH_BYTES] for at in range(0, len(data), HASH_BYTES)]
        self._tree = Tree(hashes)
        if self._tree.size != self.checkpoint.size or self._tree.root() != self.checkpoint.root:
            raise ClientError("log-bad", "the log's hashes do not add up to what it signed")
        self._places = {hashed: index for index, hashed in enumerate(hashes)}

    def _check_went_over(self, known: str, shown: str) -> None:
        """The key may be another than last time only if the log says so, signed by both."""
        first = min(self._last_size(), self.checkpoint.size)
        bad = Report()
        try:
            rotations = [
                (index, Rotation.parse(entry))
                for index, entry in enumerate(self.entries(first, self.checkpoint.size), first)
                if entry.startswith(Rotation.kind.encode())
            ]
            heirs = follow_rotations(VerifierKey.parse(known), rotations, bad).present
        except MalformedError:
            heirs = ()
        if bad.problems or not heirs or heirs[-1].text() != shown:
            raise ClientError(
                "log-key", "the log shows another key than last time: tell the others before voting"
            )

    def _last_size(self) -> int:
        try:
            return int(self._file.log_last["size"]) if self._file.log_last else 0
        except (KeyError, TypeError, ValueError) as error:
            raise ClientError("file-unreadable", f"what was kept of the log: {error}") from error

    def _compare_with_last(self) -> None:
        last = self._file.log_last
        if last is None:
            return
        try:
            size, root = int(last["size"]), unb64(last["root"], HASH_BYTES)
            goes_on = size <= self._tree.size and self._tree.root(size) == root
        except (KeyError, TypeError, ValueError) as error:
            raise ClientError("file-unreadable", f"what was kept of the log: {error}") from error
        if not goes_on:
            raise ClientError(
                "log-forked",
                "the log is not the one of last time: its past was written anew. Tell the others",
            )

    def index_of(self, leaf_hash: bytes) -> int | None:
        """Where that leaf stands in the log, or None."""
        return self._places.get(leaf_hash)

    def record(self, path: str, kind: type[_M]) -> tuple[bytes, _M] | None:
        """A record of a round that stands in the log: its id, and itself; None before that."""
        data = self._web.public(path, ENTRY_BYTES_MAX)
        if data is None:
            return None
        try:
            found = kind.parse(data)
        except MalformedError as error:
            raise ClientError("log-bad", f"{path} is no such record: {error}") from error
        if self.index_of(leaf(data)) is None:
            raise ClientError("not-logged", f"{path} does not stand in the log: do not vote by it")
        return leaf(data), found

    def entries(self, first: int, end: int) -> list[bytes]:
        """The entries from `first` to before `end`, each the one of its leaf hash."""
        found: list[bytes] = []
        for name in entry_tiles(self.checkpoint.size):
            start = name.number * 256
            if start + name.width <= first or start >= end:
                continue
            data = self._need(f"log/{name.path()}", name.width * (ENTRY_BYTES_MAX + 2))
            try:
                held = read_bundle(data, name.width)
            except MalformedError as error:
                raise ClientError("log-bad", str(error)) from error
            found += [e for at, e in enumerate(held, start) if first <= at < end]
        wanted = [self._tree.leaf_hash(index) for index in range(first, end)]
        if [leaf(entry) for entry in found] != wanted:
            raise ClientError("log-bad", "entries of the log are not those that were signed")
        return found

    def check_receipt(self, note: bytes, poll: bytes, leaf_hash: bytes) -> None:
        """A 200 is no receipt, a proxy may answer one by itself. Raises NoAnswerError."""
        try:
            receipt = open_receipt(note, [self.key])
        except (MalformedError, NoteError) as error:
            raise NoAnswerError(f"the answer is no receipt: {error}") from error
        if (receipt.poll, receipt.leaf) != (poll, leaf_hash):
            raise NoAnswerError("the answer is a receipt for something else")
