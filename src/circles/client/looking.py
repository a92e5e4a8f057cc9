"""Afterwards: is what was cast in the log, as the receipts promised? (docs/protocol.md, 4.5)"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from circles.client.credentials import CredentialFile, Record
from circles.client.log_view import LogView
from circles.client.web import ClientError, NoAnswerError
from circles.protocol.messages import Close
from circles.protocol.text import HASH_BYTES, b64, unb64

THERE = "there"
PROMISED = "promised"
UNSENT = "unsent"
MISSING = "missing"
DAMAGED = "damaged"


@dataclass(frozen=True)
class Found:
    """One credential's newest cast. `entry` is its index in the log, once it stands there."""

    record: Record
    state: str
    entry: int | None = None


def look(log: LogView, month: str, purpose: str, records: Sequence[Record]) -> list[Found]:
    """Each record's receipts, and after the close their leaves in the log."""
    found = log.record(f"rounds/{month}/{purpose}/close", Close)
    return [_found(log, found[1] if found else None, record) for record in records]


def _found(log: LogView, close: Close | None, record: Record) -> Found:
    for cast in record.casts:
        if cast.receipt is None:
            continue
        leaf_hash = unb64(cast.leaf, HASH_BYTES)
        try:
            log.check_receipt(
                cast.receipt.encode("utf-8"), unb64(record.poll, HASH_BYTES), leaf_hash
            )
        except NoAnswerError:
            return Found(record, DAMAGED)
        if close is not None and not _within(close, log.index_of(leaf_hash)):
            return Found(record, MISSING)
    last = record.last
    if last is None:
        return Found(record, UNSENT)
    entry = log.index_of(unb64(last.leaf, HASH_BYTES))
    if entry is not None:
        return Found(record, THERE, entry)
    return Found(record, UNSENT if last.receipt is None else PROMISED)


def _within(close: Close, index: int | None) -> bool:
    return index is not None and close.first <= index < close.first + close.ballots


def write_evidence(folder: Path, file: CredentialFile, log: LogView) -> None:
    """What was kept, as `circles verify --evidence` reads it (docs/protocol.md, 6)."""
    own = sorted({(r.poll, r.member, r.takeLeaf) for r in file.records.values()})
    try:
        for name in ("receipts", "checkpoints"):
            (folder / name).mkdir(parents=True, exist_ok=True)
        (folder / "key").write_text(f"{log.key.text()}\n", "utf-8")
        (folder / "checkpoints" / str(log.checkpoint.size)).write_bytes(log.note)
        (folder / "own").write_text("".join(f"{' '.join(line)}\n" for line in own), "ascii")
        for record in file.records.values():
            for cast in record.casts:
                if cast.receipt is not None:
                    name = b64(unb64(cast.leaf, HASH_BYTES))
                    (folder / "receipts" / name).write_text(cast.receipt, "utf-8")
    except OSError as error:
        raise ClientError("evidence", f"{folder} cannot be written: {error.strerror}") from error
