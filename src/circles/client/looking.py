"""Afterwards: is what was cast in the log, as the receipts promised? (docs/protocol.md, 4.5)"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from circles.client.credentials import Record
from circles.client.log_view import LogView
from circles.client.web import NoAnswerError
from circles.protocol.messages import Close
from circles.protocol.text import HASH_BYTES, unb64

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


def look(log: LogView, records: Sequence[Record]) -> list[Found]:
    """Each record's receipts, and after the close their leaves in the log."""
    polls = dict.fromkeys(record.poll for record in records)
    boxes = {poll: box_of(log, unb64(poll, HASH_BYTES)) for poll in polls}
    return [_found(log, boxes[record.poll], record) for record in records]


@dataclass(frozen=True)
class Box:
    """Where a poll stands in the log, None if nowhere, and its close record, once there is one."""

    index: int | None
    close: Close | None = None


def box_of(log: LogView, poll: bytes) -> Box:
    """A poll's box, read from the log itself: nobody can keep its close from one member alone."""
    index = log.index_of(poll)
    if index is None:
        return Box(None)
    for entry in log.entries(index + 1, log.checkpoint.size):
        if entry.startswith(b"circles/close/v1\n"):
            close = Close.parse(entry)
            if close.poll == poll:
                return Box(index, close)
    return Box(index)


def _found(log: LogView, box: Box, record: Record) -> Found:
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
        if not _kept(box, log.index_of(leaf_hash)):
            return Found(record, MISSING)
    last = record.last
    if last is None:
        return Found(record, UNSENT)
    entry = log.index_of(unb64(last.leaf, HASH_BYTES))
    if entry is not None:
        return Found(record, THERE, entry)
    return Found(record, UNSENT if last.receipt is None else PROMISED)


def _kept(box: Box, index: int | None) -> bool:
    """Whether a receipt's promise is kept: not due yet, or among the entries of its box."""
    if box.index is None or box.close is None:
        return box.index is not None
    first = box.close.first
    return index is not None and first <= index < first + box.close.ballots
