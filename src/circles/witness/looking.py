"""One look at one log: is it signed, whole, and a continuation of what was seen before?

    outcome = look(keeping, witness, log, now)

The whole log is read and hashed again whenever its checkpoint is a new one; circles are small.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

from circles.protocol.archive_source import Source, SourceError, open_source
from circles.protocol.checkpoint import Checkpoint, Note, VerifierKey
from circles.protocol.cosignature import Witness
from circles.protocol.merkle import TILE_WIDTH, entry_tiles, hash_tiles, write_bundle
from circles.protocol.messages import Rotation, parse_entry
from circles.protocol.text import MalformedError
from circles.protocol.verify.log import (
    Log,
    check_tree,
    follow_rotations,
    read_checkpoint,
    read_entries,
)
from circles.protocol.verify.report import Report
from circles.witness.keeping import Followed, Keeping, KeepingError

# 32 MB of leaf hashes. A circle of fifty would need centuries.
ENTRIES_MAX = 1_000_000
# What one log may send, and how long one look may take: the other logs wait for it.
LOG_BYTES_MAX = 1 << 28
LOOK_SECONDS = 600.0


class Verdict(Enum):
    """What a look found."""

    COSIGNED = "cosigned"
    UNREACHABLE = "no answer"
    REFUSED = "not cosigned"
    FORKED = "TWO HISTORIES"


@dataclass(frozen=True, slots=True)
class Outcome:
    """The verdict on one log, and why, in words."""

    log: Followed
    verdict: Verdict
    words: str

    def line(self) -> str:
        """For the terminal."""
        return f"{self.verdict.value}: {self.log.key.name}: {self.words}"


class _RefusedError(Exception):
    """Why this checkpoint is not cosigned."""


class _Bounded(Source):
    """A log's files, all together bounded in bytes and in time; each alone is by its source."""

    def __init__(self, source: Source) -> None:
        self._source, self.remote = source, source.remote
        self._left = LOG_BYTES_MAX
        self._ends_at = time.monotonic() + LOOK_SECONDS

    def read(self, name: str, bytes_max: int) -> bytes:
        """As the source does; `SourceError` when time is up, `_RefusedError` at the limit."""
        if time.monotonic() > self._ends_at:
            raise SourceError(f"it took over {LOOK_SECONDS:.0f} seconds; the other logs wait")
        data = self._source.read(name, bytes_max)
        self._left -= len(data)
        if self._left < 0:
            raise _RefusedError(f"it is over {LOG_BYTES_MAX >> 20} MB, more than a witness reads")
        return data

    def names(self, folder: str) -> list[str]:
        """As the source has them."""
        return self._source.names(folder)


def look(keeping: Keeping, witness: Witness, log: Followed, now: int) -> Outcome:
    """Look at a log, and cosign its checkpoint at POSIX second `now` if all is well."""
    place = keeping.fork(log)
    if place is not None:
        return Outcome(log, Verdict.FORKED, f"the evidence is in {place}; it is not watched on")
    try:
        with open_source(log.address) as source:
            return _look(keeping, witness, log, _Bounded(source), now)
    except (_RefusedError, KeepingError) as refused:
        return Outcome(log, Verdict.REFUSED, str(refused))
    except SourceError as error:
        return Outcome(log, Verdict.UNREACHABLE, str(error))


def _look(keeping: Keeping, witness: Witness, log: Followed, source: Source, now: int) -> Outcome:
    report = Report()
    head = read_checkpoint(source, report)
    _refuse_for(report)
    assert head is not None  # else the report says why
    note, checkpoint = head
    if checkpoint.origin != log.key.name:
        raise _RefusedError(f"there is another log at its address, {checkpoint.origin}")
    if checkpoint == log.seen_checkpoint and note.signed_by(log.key):
        keeping.show(log, witness.cosign(_signed_by(note, log.key), now))
        return Outcome(log, Verdict.COSIGNED, f"still {checkpoint.size} entries")
    if checkpoint.size > ENTRIES_MAX:
        raise _RefusedError(f"it claims {checkpoint.size} entries, more than a witness can watch")
    entries = Log()
    try:
        read_entries(source, checkpoint.size, entries, report, lambda _: None)
        check_tree(source, entries, checkpoint, report)
        _refuse_for(report)
        key = _signer(log, note, entries)
        if log.seen is not None:
            fork = _compare(keeping, log, log.seen, key, (note, checkpoint), entries)
            if fork is not None:
                return fork
        keeping.saw(log, key, note, entries.tree)
    finally:
        entries.close()
    keeping.show(log, witness.cosign(_signed_by(note, key), now))
    return Outcome(log, Verdict.COSIGNED, f"{checkpoint.size} entries")


def _refuse_for(report: Report) -> None:
    """Not cosigned for the first of these problems."""
    if report.problems:
        raise _RefusedError(str(report.problems[0]))


def _signed_by(note: Note, key: VerifierKey) -> Note:
    """With the log's own line alone: as many of others as fit would leave no room for ours."""
    own = (key.name, key.key_id)
    return Note(note.text, tuple(line for line in note.signatures if line[:2] == own))


def _signer(log: Followed, note: Note, entries: Log) -> VerifierKey:
    """The key that signed: the one kept, or one that the log's rotations join to it."""
    report = Report()
    found = [(index, parsed) for index, parsed in _parsed(entries) if isinstance(parsed, Rotation)]
    keys = follow_rotations(log.key, found, report).present
    _refuse_for(report)
    for key in reversed(keys):
        if note.signed_by(key):
            return key
    raise _RefusedError("its checkpoint is signed neither by the key kept nor by that one's heir")


def _parsed(entries: Log) -> Iterator[tuple[int, object]]:
    for index, _, data in entries.entries():
        try:
            yield index, parse_entry(data)
        except MalformedError as error:
            raise _RefusedError(f"entry {index} is no record of a circle: {error}") from error


def _compare(
    keeping: Keeping,
    log: Followed,
    seen: Note,
    key: VerifierKey,
    shown: tuple[Note, Checkpoint],
    entries: Log,
) -> Outcome | None:
    """None if what is shown goes on from what was seen; two histories are kept as evidence.

    An older state of the same history proves nothing against anyone: it is not cosigned.
    """
    before = keeping.leaves(log)
    known = Checkpoint.parse(seen.text)
    note, checkpoint = shown
    least = min(known.size, checkpoint.size)
    if before.root(least) == entries.tree.root(least):
        if checkpoint.size < known.size:
            raise _RefusedError(
                f"it had {known.size} entries and now shows an older state of {checkpoint.size}"
            )
        return None
    files = _files(note, key, entries)
    place = keeping.keep_fork(log, seen, files)
    return Outcome(
        log,
        Verdict.FORKED,
        f"it signed {known.size} entries, and now {checkpoint.size} that do not go on from those. "
        f"Evidence for everyone: circles verify {place}",
    )


def _files(note: Note, key: VerifierKey, entries: Log) -> dict[str, bytes]:
    """The log as it is shown now, as its files."""
    size = entries.tree.size
    found = {"checkpoint": note.encoded(), "key": f"{key.text()}\n".encode()}
    for tile in hash_tiles(size):
        found[tile.path()] = entries.tree.tile(tile.level or 0, tile.number, tile.width)
    for tile in entry_tiles(size):
        first = tile.number * TILE_WIDTH
        found[tile.path()] = write_bundle(
            entries.entry(index) for index in range(first, first + tile.width)
        )
    return found
