"""What a witness keeps, in a folder of its own, each file whole or absent.

    key                     its name and secret key, readable by nobody else
    logs/<id>/address       where the log is
    logs/<id>/key           the log's key as believed now
    logs/<id>/seen          the newest checkpoint it cosigned, as the log signed it
    logs/<id>/leaves        the leaf hashes below that checkpoint, 32 bytes each
    forks/<id>/             two histories of one log: `circles verify forks/<id>` says so
    public/key              its key for others
    public/<id>/checkpoint  the checkpoint with its cosignature

`<id>` is SHA-256 of the log's origin line, in hexadecimal.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from circles import files
from circles.protocol.checkpoint import NOTE_BYTES_MAX, Checkpoint, Note, VerifierKey
from circles.protocol.cosignature import Witness
from circles.protocol.merkle import HASH_BYTES, Tree
from circles.protocol.signature import SEED_BYTES
from circles.protocol.text import MalformedError
from circles.protocol.verify.witnesses import cosigned_name

_READABLE = 0o644


class KeepingError(Exception):
    """The folder is not as a witness left it; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Followed:
    """A log that is watched. `seen` is the newest signed checkpoint that was cosigned, if any."""

    id: str
    address: str
    key: VerifierKey
    seen: Note | None

    @property
    def seen_checkpoint(self) -> Checkpoint | None:
        """The size and root last cosigned."""
        return None if self.seen is None else Checkpoint.parse(self.seen.text)


def id_of(origin: str) -> str:
    """The name under which a log's files are kept and shown."""
    return cosigned_name(origin).partition("/")[0]


class Keeping:
    """The folder. Every change is made under `alone`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @contextmanager
    def alone(self) -> Iterator[None]:
        """No other witness process changes the folder meanwhile."""
        with files.locked(self.folder / ".lock"):
            yield

    def begin(self, name: str) -> Witness:
        """A fresh key under that name. Raises `KeepingError` where there is one already."""
        if (self.folder / "key").exists():
            raise KeepingError(f"{self.folder} has a key already; it is never replaced")
        try:
            witness = Witness.generate(name)
        except MalformedError:
            raise KeepingError("a witness's name has no spaces and no plus signs") from None
        secret = base64.b64encode(witness.seed).decode("ascii")
        files.write_whole(self.folder / "key", f"{name}\n{secret}\n".encode())
        self._show("key", f"{witness.verifier.text()}\n".encode())
        return witness

    def witness(self) -> Witness:
        """The key. Raises `KeepingError` where there is none, or none that can be read."""
        data = files.read_if_there(self.folder / "key")
        if data is None:
            raise KeepingError(
                f"{self.folder} has no key yet: circles witness key {self.folder} NAME"
            )
        try:
            name, secret = data.decode("utf-8").splitlines()
            seed = base64.b64decode(secret, validate=True)
        except ValueError:
            seed, name = b"", ""
        if len(seed) != SEED_BYTES:
            raise KeepingError(f"{self.folder / 'key'} is damaged: put your copy back")
        return Witness(name, seed)

    def followed(self) -> list[Followed]:
        """Every log that is watched, by id."""
        logs = self.folder / "logs"
        found = sorted(path.parent.name for path in logs.glob("*/address"))
        return [self._followed(logs / name) for name in found]

    def _followed(self, place: Path) -> Followed:
        try:
            address = (place / "address").read_text(encoding="utf-8").strip()
            key = VerifierKey.parse((place / "key").read_text(encoding="utf-8").strip())
            seen = files.read_if_there(place / "seen")
            log = Followed(place.name, address, key, None if seen is None else Note.parse(seen))
            _ = log.seen_checkpoint
        except (OSError, ValueError) as error:
            raise KeepingError(f"{place} is damaged: {error}") from error
        return log

    def follow(self, address: str, key: VerifierKey) -> Followed:
        """Watch one more log. Raises `KeepingError` if it is watched with another key."""
        place = self.folder / "logs" / id_of(key.name)
        if (place / "address").exists():
            there = self._followed(place)
            if there.key != key:
                raise KeepingError(
                    f"{key.name} is watched already, and with another key: {there.key.text()}"
                )
        files.write_whole(place / "key", f"{key.text()}\n".encode())
        files.write_whole(place / "address", f"{address}\n".encode())
        return self._followed(place)

    def leaves(self, log: Followed) -> Tree:
        """The tree that was seen last. Raises `KeepingError` if the file does not hash to it."""
        seen = log.seen_checkpoint
        data = files.read_if_there(self.folder / "logs" / log.id / "leaves") or b""
        tree = Tree(data[at : at + HASH_BYTES] for at in range(0, len(data), HASH_BYTES))
        # A crash may have come between the leaves and the checkpoint: more leaves are no harm.
        if seen is not None and (tree.size < seen.size or tree.root(seen.size) != seen.root):
            raise KeepingError(f"logs/{log.id}/leaves is damaged: put your copy of it back")
        return tree

    def saw(self, log: Followed, key: VerifierKey, note: Note, tree: Tree) -> None:
        """Keep what is about to be cosigned: before anyone sees the cosignature.

        Killed in between, the next look does the same again.
        """
        place = self.folder / "logs" / log.id
        leaves = b"".join(tree.leaf_hash(index) for index in range(tree.size))
        files.write_whole(place / "leaves", leaves)
        files.write_whole(place / "seen", note.encoded())
        if key != log.key:
            files.write_whole(place / "key", f"{key.text()}\n".encode())

    def show(self, log: Followed, cosigned: bytes) -> None:
        """Put a cosigned checkpoint where others read it."""
        self._show(f"{log.id}/checkpoint", cosigned)

    def shown(self, log: Followed) -> bytes | None:
        """The cosigned checkpoint that others read."""
        path = self.folder / "public" / log.id / "checkpoint"
        data = files.read_if_there(path)
        return data if data is not None and len(data) <= NOTE_BYTES_MAX else None

    def _show(self, name: str, data: bytes) -> None:
        path = self.folder / "public" / name
        path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        files.write_whole(path, data, mode=_READABLE)

    def fork(self, log: Followed) -> Path | None:
        """The folder of evidence that this log has two histories, or None."""
        place = self.folder / "forks" / log.id
        return place if (place / "log" / "checkpoint").exists() else None

    def keep_fork(self, log: Followed, seen: Note, shown: Mapping[str, bytes]) -> Path:
        """Keep both histories: what was seen before as evidence, and the log's files of now.

        The checkpoint goes last: without it the folder counts as not there.
        """
        place = self.folder / "forks" / log.id
        kept = self.folder / "logs" / log.id
        files.write_whole(place / "evidence" / "key", f"{log.key.text()}\n".encode())
        files.write_whole(
            place / "evidence" / "checkpoints" / "seen-by-the-witness", seen.encoded()
        )
        files.write_whole(place / "leaves-seen", files.read_if_there(kept / "leaves") or b"")
        for file in sorted(shown, key=lambda file: file == "checkpoint"):
            files.write_whole(place / "log" / file, shown[file])
        return place
