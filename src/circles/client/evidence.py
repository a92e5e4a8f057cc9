"""What a member kept, as a folder for `circles verify --evidence` (docs/protocol.md, 6)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from circles.client.credentials import CredentialFile
from circles.client.log_view import LogView
from circles.client.own_takes import OwnTakes
from circles.client.web import ClientError
from circles.protocol.text import HASH_BYTES, b64, unb64


def write(folder: Path, file: CredentialFile, log: LogView, seen: Sequence[OwnTakes] = ()) -> None:
    """Key, newest checkpoint, receipts and own takes; of polls in `seen` also roll and takes."""
    own = sorted({(r.poll, r.member, r.takeLeaf) for r in file.records.values() if r.take})
    taken = {(poll, line) for poll, line, _leaf in own}
    own += [(one.poll, one.line, "-") for one in seen if (one.poll, one.line) not in taken]
    try:
        for name in ("receipts", "checkpoints", "roll", "takes"):
            (folder / name).mkdir(parents=True, exist_ok=True)
        for one in seen:
            (folder / "roll" / one.poll).write_bytes(one.roll)
            if one.takes is not None:
                (folder / "takes" / one.poll).write_bytes(one.takes)
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
