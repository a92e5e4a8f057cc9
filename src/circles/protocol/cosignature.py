"""Cosignatures of witnesses (https://c2sp.org/tlog-cosignature), the Ed25519 kind, version 1.

A cosignature says: of the log with this origin, the largest tree that I have seen, and that goes on
from all I saw before, has this root at this time. It is one more line under a checkpoint.
"""

from dataclasses import dataclass
from typing import ClassVar, Self

from circles.protocol import signature
from circles.protocol.checkpoint import LogKey, Note, VerifierKey
from circles.protocol.text import SIG_BYTES

_TIME_BYTES = 8
_TIME_MAX = (1 << 63) - 1


class WitnessKey(VerifierKey):
    """A witness's public half with its name, in the same form as a log's key, of type 04."""

    __slots__ = ()
    kind: ClassVar[bytes] = b"\x04"
    what: ClassVar[str] = "a witness key is of type 04 (cosignature/v1)"


def _message(at: int, text: bytes) -> bytes:
    return b"cosignature/v1\ntime %d\n" % at + text


@dataclass(frozen=True, slots=True, repr=False)
class Witness:
    """A witness's name, without spaces and plus signs, and its 32 secret bytes."""

    name: str
    seed: bytes

    @classmethod
    def generate(cls, name: str) -> Self:
        """A fresh key under that name. Raises `MalformedError`."""
        key = LogKey.generate(name)
        return cls(key.name, key.seed)

    @property
    def verifier(self) -> WitnessKey:
        """The public half."""
        return WitnessKey(self.name, signature.public_key(self.seed))

    def cosign(self, note: Note, at: int) -> bytes:
        """The signed checkpoint with this witness's line under it, made at POSIX second `at`.

        An earlier line of this witness gives way to it. The caller has checked the checkpoint.
        """
        own = self.verifier
        others = tuple(
            (name, key_id, sig)
            for name, key_id, sig in note.signatures
            if (name, key_id) != (own.name, own.key_id)
        )
        sig = at.to_bytes(_TIME_BYTES, "big") + signature.sign(self.seed, _message(at, note.text))
        return Note(note.text, (*others, (own.name, own.key_id, sig))).encoded()


def cosigned_at(note: Note, key: WitnessKey) -> int | None:
    """When this witness cosigned (POSIX seconds); None without exactly one good line of its."""
    lines = note.signatures_of(key)
    if len(lines) != 1 or len(lines[0]) != _TIME_BYTES + SIG_BYTES:
        return None
    at = int.from_bytes(lines[0][:_TIME_BYTES], "big")
    good = at <= _TIME_MAX and signature.verify(
        key.public, _message(at, note.text), lines[0][_TIME_BYTES:]
    )
    return at if good else None
