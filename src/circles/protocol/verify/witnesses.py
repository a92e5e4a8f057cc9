"""Step 1 with others' eyes: what witnesses cosigned of this log."""

from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256

from circles.protocol.checkpoint import NOTE_BYTES_MAX, Checkpoint, Note
from circles.protocol.cosignature import WitnessKey, cosigned_at
from circles.protocol.text import MalformedError
from circles.protocol.verify.log import Keys, Log, check_kept_checkpoint
from circles.protocol.verify.report import Report

COSIGNED_BYTES_MAX = NOTE_BYTES_MAX


@dataclass(frozen=True, slots=True)
class Cosigned:
    """A witness that is asked for, and the cosigned checkpoint it shows; None if it shows none."""

    key: WitnessKey
    note: bytes | None


def cosigned_name(origin: str) -> str:
    """Below a witness's address: where its cosigned checkpoint of the log of that origin is."""
    return f"{sha256(origin.encode('utf-8')).hexdigest()}/checkpoint"


def check_witness(shown: Cosigned, keys: Keys, log: Log, report: Report) -> None:
    """The witness cosigned a checkpoint of this very log, which is a beginning of it, or all."""
    where = f"witness {shown.key.name}"
    if shown.note is None:
        report.fail("1.witness", where, "it shows no checkpoint of this log")
        return
    try:
        note = Note.parse(shown.note)
        checkpoint = Checkpoint.parse(note.text)
    except MalformedError as error:
        report.fail("1.witness", where, f"what it shows is no checkpoint: {error}")
        return
    at = cosigned_at(note, shown.key)
    if at is None:
        report.fail("1.witness", where, "what it shows is not cosigned by it")
        return
    before = len(report.problems)
    check_kept_checkpoint(shown.note, where, keys, log, report)
    if len(report.problems) == before:
        report.remarks.append(
            f"{where} saw the same first {checkpoint.size} of {log.tree.size} entries, {_day(at)}"
        )


def _day(at: int) -> str:
    try:
        return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    except (OverflowError, ValueError, OSError):
        return f"at second {at}"
