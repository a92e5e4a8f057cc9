"""The file of a trustee's keys: plain lines, the very form that the page saves and loads.

    circles/trustee-keys/v1
    circle /c/<slug>
    key <public> <secret> +

Keys ascend by their public half; both halves are 32 bytes in base64url. On paper a key is the 64
hexadecimal digits of its secret, in groups or not. Whoever holds the file can open with it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from circles.client.files import write_for_owner
from circles.client.web import ClientError
from circles.protocol import text as t
from circles.protocol.seal import KEY_BYTES, TrusteeKey

KIND = "circles/trustee-keys/v1"
FILE_BYTES_MAX = 65536
_PAPER = re.compile(r"[0-9A-Fa-f]{64}")
_BETWEEN = re.compile(r"[\s-]")


@dataclass
class KeyFile:
    """A circle's keys of one trustee, by public half. `scope` is "/c/<slug>"."""

    path: Path
    scope: str
    keys: dict[bytes, TrusteeKey] = field(default_factory=dict)

    @classmethod
    def open(cls, path: Path, scope: str, *, create: bool = False) -> Self:
        """The keys of a file, or of one key as it stands on paper. Raises ClientError."""
        if create and not path.exists():
            return cls(path, scope)
        try:
            with path.open("rb") as stream:
                data = stream.read(FILE_BYTES_MAX + 1)
        except OSError as error:
            raise ClientError("file-unreadable", f"{path}: {error.strerror}") from error
        try:
            circle, keys = read_keys(data.replace(b"\r\n", b"\n"))
        except t.MalformedError as error:
            raise ClientError("file-unreadable", f"{path} holds no keys: {error}") from error
        if circle not in (None, scope):
            raise ClientError("file-other-circle", f"{path} is of {circle}, not {scope}")
        return cls(path, scope, {key.public: key for key in keys})

    def write(self) -> None:
        """Write the file, for its owner alone."""
        write_for_owner(self.path, self.text())

    def text(self) -> bytes:
        """The file's text."""
        lines = sorted(
            f"key {t.b64(key.public, KEY_BYTES)} {t.b64(key.secret, KEY_BYTES)}\n"
            for key in self.keys.values()
        )
        return f"{KIND}\ncircle {self.scope}\n{''.join(lines)}".encode("ascii")


def read_keys(data: bytes) -> tuple[str | None, list[TrusteeKey]]:
    """The circle (None on paper) and the keys of a text. Raises MalformedError."""
    if not data.startswith(KIND.encode() + b"\n"):
        return None, [_of_paper(data)]
    lines = t.Lines(data, KIND, FILE_BYTES_MAX)
    (circle,) = lines.values("circle", 1)
    rows = lines.repeated("key", 2)
    lines.end()
    t.ascending(public for public, _ in rows)
    keys = [TrusteeKey.from_secret(t.unb64(secret, KEY_BYTES)) for _, secret in rows]
    if not keys or [t.b64(key.public) for key in keys] != [public for public, _ in rows]:
        raise t.MalformedError("a key does not fit its outer half")
    return circle, keys


def _of_paper(data: bytes) -> TrusteeKey:
    try:
        text = data.decode("ascii")
    except UnicodeDecodeError:
        raise t.MalformedError("neither a file of keys nor a key from paper") from None
    digits = _BETWEEN.sub("", text)
    if _PAPER.fullmatch(digits):
        return TrusteeKey.from_secret(bytes.fromhex(digits))
    return TrusteeKey.from_secret(t.unb64(text.strip(), KEY_BYTES))
