"""Step 1: the log itself. Its checkpoint, entries, tree, tiles, keys, and what was kept of it."""

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field

from circles.protocol import merkle, signature
from circles.protocol.archive_source import FileError, MissingFileError, Source
from circles.protocol.checkpoint import NOTE_BYTES_MAX, Checkpoint, Note, VerifierKey
from circles.protocol.messages import Rotation
from circles.protocol.text import ENTRY_BYTES_MAX, MalformedError
from circles.protocol.verify.report import Progress, Report

KEY_BYTES_MAX = 1024
_SPOOL_BYTES = 1 << 24


@dataclass(slots=True)
class Log:
    """The entries as read, in a spool so that long logs need no memory, and their tree."""

    tree: merkle.Tree = field(default_factory=merkle.Tree)
    _spool: tempfile.SpooledTemporaryFile[bytes] = field(
        default_factory=lambda: tempfile.SpooledTemporaryFile(max_size=_SPOOL_BYTES)  # noqa: SIM115  # `close` is ours
    )
    _ends: list[int] = field(default_factory=list)

    def add(self, data: bytes) -> None:
        """Append an entry."""
        self._spool.write(data)
        self._ends.append((self._ends[-1] if self._ends else 0) + len(data))
        self.tree.append(merkle.leaf(data))

    def entry(self, index: int) -> bytes:
        """An entry's bytes."""
        start = self._ends[index - 1] if index else 0
        self._spool.seek(start)
        return self._spool.read(self._ends[index] - start)

    def entries(self) -> Iterator[tuple[int, bytes, bytes]]:
        """Index, leaf hash and bytes of each entry."""
        for index in range(self.tree.size):
            yield index, self.tree.leaf_hash(index), self.entry(index)

    def close(self) -> None:
        """Drop the spool."""
        self._spool.close()


def read_checkpoint(source: Source, report: Report) -> tuple[Note, Checkpoint] | None:
    """The checkpoint as the log shows it, not yet believed. None if it is none."""
    try:
        note = Note.parse(source.read("log/checkpoint", NOTE_BYTES_MAX))
        checkpoint = Checkpoint.parse(note.text)
    except MissingFileError:
        # Then this is no archive at all: nothing was checked, and nothing can be said.
        raise
    except (FileError, MalformedError) as error:
        report.fail("1.checkpoint", "log/checkpoint", f"it is no checkpoint: {error}")
        return None
    report.origin, report.size, report.root = checkpoint.origin, checkpoint.size, checkpoint.root
    return note, checkpoint


def _read_tile(source: Source, name: merkle.TileName, each_bytes_max: int) -> tuple[bytes, int]:
    """A tile's bytes and width: a partial tile may have given way to the full one since."""
    try:
        return source.read(f"log/{name.path()}", name.width * each_bytes_max), name.width
    except MissingFileError:
        if name.width == merkle.TILE_WIDTH:
            raise
    full = merkle.TileName(name.level, name.number, merkle.TILE_WIDTH)
    data = source.read_or_none(f"log/{full.path()}", full.width * each_bytes_max)
    if data is None:
        raise MissingFileError(f"log/{name.path()} is missing")
    return data, full.width


def read_entries(source: Source, size: int, log: Log, report: Report, progress: Progress) -> None:
    """All entries up to the checkpoint's size; fewer, with a problem noted, where some lack."""
    for name in merkle.entry_tiles(size):
        try:
            data, width = _read_tile(source, name, ENTRY_BYTES_MAX + 2)
            entries = merkle.read_bundle(data, width)
        except (FileError, MalformedError) as error:
            report.fail("1.entries", f"log/{name.path()}", str(error))
            return
        for entry in entries[: name.width]:
            log.add(entry)
        progress(f"read {log.tree.size} of {size} entries")


def check_tree(source: Source, log: Log, checkpoint: Checkpoint, report: Report) -> None:
    """The root and every hash tile, recomputed from the entries."""
    if log.tree.size != checkpoint.size:
        return
    report.expect(
        log.tree.root() == checkpoint.root,
        "1.root",
        "log/checkpoint",
        "the entries do not hash to the root that was signed",
    )
    for name in merkle.hash_tiles(checkpoint.size):
        level = name.level or 0
        want = log.tree.tile(level, name.number, name.width)
        try:
            data, _ = _read_tile(source, name, merkle.HASH_BYTES)
        except FileError as error:
            report.fail("1.tiles", f"log/{name.path()}", str(error))
            continue
        same = data[: len(want)] == want
        report.expect(same, "1.tiles", f"log/{name.path()}", "it is not the hashes of the entries")


@dataclass(frozen=True, slots=True)
class Keys:
    """The log keys to believe: `present` may sign the checkpoint, `all` what was kept before."""

    present: tuple[VerifierKey, ...]
    all: tuple[VerifierKey, ...]


def read_key(data: bytes) -> VerifierKey:
    """A key file: the signed-note form, one line end at most."""
    try:
        return VerifierKey.parse(data.decode("utf-8").removesuffix("\n"))
    except UnicodeDecodeError:
        raise MalformedError("a verifier key is text") from None


def follow_rotations(
    start: VerifierKey, rotations: list[tuple[int, Rotation]], report: Report
) -> Keys:
    """The keys that the log's rotations join to `start`; each rotation signed by both keys."""
    name = start.name
    chain: list[bytes] = []
    for index, rotation in rotations:
        signed = signature.verify(
            rotation.old, rotation.text_for_old(), rotation.sig_old
        ) and signature.verify(rotation.new, rotation.text_for_new(), rotation.sig_new)
        follows = not chain or chain[-1] == rotation.old
        fresh = rotation.new != rotation.old and rotation.new not in chain
        if report.expect(
            signed and follows and fresh,
            "1.rotation",
            f"entry {index}",
            "a log key is not handed on by its holder to a fresh one with both signatures",
        ):
            chain = [*chain, rotation.new] if chain else [rotation.old, rotation.new]
    if start.public not in chain:
        return Keys((start,), (start,))
    after = chain[chain.index(start.public) :]
    return Keys(
        tuple(VerifierKey(name, public) for public in after),
        tuple(VerifierKey(name, public) for public in chain),
    )


def check_signature(
    source: Source,
    kept: bytes | None,
    note: Note,
    rotations: list[tuple[int, Rotation]],
    report: Report,
) -> Keys | None:
    """The checkpoint's signature, by the kept key or one rotated from it.

    Without a kept key the log's own word is taken for it, and the report says so.
    """
    shown = source.read_or_unusable("log/key", KEY_BYTES_MAX)
    start = _parse_key("evidence key", kept, report) if kept is not None else None
    present = _parse_key("log/key", shown, report) if shown is not None else None
    if kept is None and shown is None:
        report.fail("1.key", "log/key", "there is no key to check the log with")
    if kept is None and present is not None:
        report.remarks.append("no key was kept: the log's own key was believed")
    first = start if kept is not None else present
    if first is None:
        return None
    keys = follow_rotations(first, rotations, report)
    if kept is None:
        # The key shown is the present one: whatever the log began with leads up to it.
        keys = Keys(keys.present[-1:], keys.all)
    report.key = keys.present[-1].text()
    same = present is None or present in keys.present
    report.expect(same, "1.key", "log/key", "it is not the kept key nor one rotated from it")
    report.expect(
        report.origin == first.name and any(note.signed_by(key) for key in keys.present),
        "1.signature",
        "log/checkpoint",
        "it is not signed by the kept key nor by one rotated from it",
    )
    return keys


def _parse_key(where: str, data: bytes, report: Report) -> VerifierKey | None:
    try:
        return read_key(data)
    except MalformedError as error:
        report.fail("1.key", where, str(error))
        return None


def check_kept_checkpoint(data: bytes, where: str, keys: Keys, log: Log, report: Report) -> None:
    """A checkpoint kept earlier must be signed by the log, and be a beginning of it."""
    try:
        note = Note.parse(data)
        kept = Checkpoint.parse(note.text)
    except MalformedError as error:
        report.fail("1.consistency", where, f"what was kept is no checkpoint: {error}")
        return
    mine = kept.origin == report.origin and any(note.signed_by(key) for key in keys.all)
    if not report.expect(mine, "1.consistency", where, "what was kept is not signed by this log"):
        return
    if kept.size > log.tree.size:
        report.fail("1.consistency", where, f"the log had {kept.size} entries and now shows fewer")
        return
    report.expect(
        log.tree.root(kept.size) == kept.root,
        "1.consistency",
        where,
        f"the first {kept.size} entries are not what they were: the log was rewritten",
    )
