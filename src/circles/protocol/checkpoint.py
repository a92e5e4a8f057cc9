"""Signed notes and checkpoints: https://c2sp.org/signed-note, https://c2sp.org/tlog-checkpoint.

A note is a text, an empty line, and signature lines `— <name> <base64 of key id || signature>`.
The log key (Ed25519, type 0x01) signs checkpoints and receipts; its name is the log's origin.
"""

import base64
import binascii
import re
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256
from typing import ClassVar, Self

from circles.protocol import signature
from circles.protocol import text as t
from circles.protocol.messages import Receipt
from circles.protocol.text import MalformedError

NOTE_BYTES_MAX = 16384
SIGNATURES_MAX = 64
_KEY_ID_BYTES = 4
_DASH = "\u2014 "
# The two white spaces beside \s are those on which languages differ.
_NAME = re.compile(r"[^\s\x85\ufeff+\x00-\x1f\x7f]{1,255}")


class NoteError(ValueError):
    """A note does not bear a good signature of the expected key: do not believe its text."""


def _unbase64(text: str, what: str) -> bytes:
    """Standard base64 with padding, in its one spelling."""
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise MalformedError(f"{what} is not base64") from None
    if base64.b64encode(data).decode("ascii") != text:
        raise MalformedError(f"{what} is not canonical base64")
    return data


def signature_line(name: str, identified: bytes) -> bytes:
    """The line under a note, `— <name> <base64 of key id || signature>`."""
    return f"{_DASH}{name} {base64.b64encode(identified).decode('ascii')}\n".encode()


@dataclass(frozen=True, slots=True)
class VerifierKey:
    """A log key's public half with its name: `<name>+<key id>+<base64>`."""

    name: str
    public: bytes

    kind: ClassVar[bytes] = b"\x01"
    what: ClassVar[str] = "a log key is Ed25519 (type 01)"

    @property
    def key_id(self) -> bytes:
        """SHA-256(name LF kind public), its first 4 bytes."""
        named = self.name.encode("utf-8") + b"\n" + self.kind + self.public
        return sha256(named).digest()[:_KEY_ID_BYTES]

    def text(self) -> str:
        """The signed-note form, without a line end."""
        encoded = base64.b64encode(self.kind + self.public).decode("ascii")
        return f"{self.name}+{self.key_id.hex()}+{encoded}"

    def signature_line(self, sig: bytes) -> bytes:
        """The line that goes under a note for this key's signature."""
        return signature_line(self.name, self.key_id + sig)

    @classmethod
    def parse(cls, text: str) -> Self:
        """The key of its signed-note form. Raises `MalformedError`."""
        name, plus, rest = text.partition("+")
        key_id, plus_again, encoded = rest.partition("+")
        if not plus or not plus_again or not _NAME.fullmatch(name):
            raise MalformedError("a verifier key is written <name>+<key id>+<base64>")
        data = _unbase64(encoded, "a verifier key")
        if len(data) != 1 + t.HASH_BYTES or data[:1] != cls.kind:
            raise MalformedError(cls.what)
        key = cls(name, data[1:])
        if key.key_id.hex() != key_id:
            raise MalformedError("the key id of a verifier key is not that of its name and key")
        return key


@dataclass(frozen=True, slots=True)
class Note:
    """A text with the signatures under it, not yet checked: (name, key id, signature)."""

    text: bytes
    signatures: tuple[tuple[str, bytes, bytes], ...]

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """The note of these bytes. Raises `MalformedError`."""
        if len(data) > NOTE_BYTES_MAX:
            raise MalformedError(f"a note is at most {NOTE_BYTES_MAX} bytes")
        try:
            note = data.decode("utf-8")
        except UnicodeDecodeError:
            raise MalformedError("a note is UTF-8") from None
        if any(ch < " " and ch != "\n" for ch in note):
            raise MalformedError("a note has no control characters")
        at = note.rfind("\n\n")
        if at < 0 or not note.endswith("\n"):
            raise MalformedError("a note is a text, an empty line and signature lines")
        lines = note[at + 2 : -1].split("\n")
        if len(lines) > SIGNATURES_MAX:
            raise MalformedError("a note has too many signatures")
        return cls(note[: at + 1].encode("utf-8"), tuple(_read_signature(line) for line in lines))

    def encoded(self) -> bytes:
        """The note's bytes, the very ones that were parsed: nothing can be written in two ways."""
        lines = (signature_line(name, key_id + sig) for name, key_id, sig in self.signatures)
        return self.text + b"\n" + b"".join(lines)

    def signatures_of(self, key: VerifierKey) -> list[bytes]:
        """What stands under the note in this key's name, not yet checked."""
        return [
            sig
            for name, key_id, sig in self.signatures
            if name == key.name and key_id == key.key_id
        ]

    def signed_by(self, key: VerifierKey) -> bool:
        """Whether this key signed: exactly one line is its, and that one is good."""
        own = self.signatures_of(key)
        return len(own) == 1 and signature.verify(key.public, self.text, own[0])


def _read_signature(line: str) -> tuple[str, bytes, bytes]:
    name, space, encoded = line.removeprefix(_DASH).partition(" ")
    if not line.startswith(_DASH) or not space or not _NAME.fullmatch(name):
        raise MalformedError("a signature line is written '— <name> <base64>'")
    data = _unbase64(encoded, "a signature")
    if len(data) <= _KEY_ID_BYTES:
        raise MalformedError("a signature is too short")
    return name, data[:_KEY_ID_BYTES], data[_KEY_ID_BYTES:]


def open_note(data: bytes, keys: Iterable[VerifierKey]) -> bytes:
    """The text of a note that one of these keys signed. Raises `MalformedError`, `NoteError`."""
    note = Note.parse(data)
    if not any(note.signed_by(key) for key in keys):
        raise NoteError("the note bears no good signature of the expected key")
    return note.text


@dataclass(frozen=True, slots=True, repr=False)
class LogKey:
    """A log's Ed25519 key: 32 secret bytes, and the origin that is its name."""

    name: str
    seed: bytes

    @classmethod
    def generate(cls, origin: str) -> Self:
        """A fresh key for a log of that origin, `<host>/c/<slug>`."""
        if not _NAME.fullmatch(origin):
            raise MalformedError("an origin has no spaces and no plus signs")
        return cls(origin, signature.new_seed())

    @property
    def verifier(self) -> VerifierKey:
        """The public half."""
        return VerifierKey(self.name, signature.public_key(self.seed))

    def sign_note(self, text: bytes) -> bytes:
        """The text as a note signed by this key."""
        return NoteSigner(self).sign(text)

    def sign_receipt(self, receipt: Receipt) -> bytes:
        """The promise that a cast ballot will stand in the log, as a note."""
        return self.sign_note(receipt.text())


class NoteSigner:
    """Signs many notes with one log key."""

    __slots__ = ("_signer", "_verifier")

    def __init__(self, key: LogKey) -> None:
        self._signer = signature.Signer(key.seed)
        self._verifier = VerifierKey(key.name, self._signer.public)

    def sign(self, text: bytes) -> bytes:
        """The text as a note."""
        if not text.endswith(b"\n"):
            raise MalformedError("the text of a note ends with a line end")
        return text + b"\n" + self._verifier.signature_line(self._signer.sign(text))


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The size and root hash of a log, under its origin."""

    origin: str
    size: int
    root: bytes

    def text(self) -> bytes:
        """Origin, size, base64 of the root: three lines."""
        root = base64.b64encode(self.root).decode("ascii")
        return f"{self.origin}\n{t.integer(self.size)}\n{root}\n".encode()

    @classmethod
    def parse(cls, text: bytes) -> Self:
        """The checkpoint of a note's text; this log writes no further lines. `MalformedError`."""
        try:
            origin, size, root, end = text.decode("utf-8").split("\n")
        except ValueError:
            raise MalformedError("a checkpoint is three lines: origin, size, root") from None
        if end or not _NAME.fullmatch(origin):
            raise MalformedError("a checkpoint is three lines: origin, size, root")
        data = _unbase64(root, "a root hash")
        if len(data) != t.HASH_BYTES:
            raise MalformedError("a root hash is 32 bytes")
        return cls(origin, t.uninteger(size), data)


def open_checkpoint(data: bytes, keys: Iterable[VerifierKey]) -> Checkpoint:
    """The checkpoint of a note signed by one of these keys. `MalformedError`, `NoteError`."""
    keys = tuple(keys)
    checkpoint = Checkpoint.parse(open_note(data, keys))
    if checkpoint.origin not in {key.name for key in keys}:
        raise NoteError("the checkpoint is of another log")
    return checkpoint


def open_receipt(data: bytes, keys: Iterable[VerifierKey]) -> Receipt:
    """The receipt of a note signed by one of these keys. `MalformedError`, `NoteError`."""
    return Receipt.parse(open_note(data, keys))
