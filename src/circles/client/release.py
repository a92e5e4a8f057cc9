"""What a release serves to those who vote: names and hashes, as a text that can be published.

A line for each: `<SHA-256 in base64url> <name>`. Names: `static/ballot/cast.js` (and `style.css`),
`ballot.html <language>` (the page in one file), `policy` and `policy ballot.html` (the headers
Content-Security-Policy of pages and of that file). `circles client-manifest` prints it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Self

from circles.client.web import ClientError
from circles.protocol.text import HASH_BYTES, MalformedError, b64, unb64

SINGLE = "ballot.html "
STATIC = "static/"
POLICY = "policy"
SINGLE_POLICY = "policy ballot.html"
_BYTES_MAX = 1024 * 1024


@dataclass(frozen=True)
class Manifest:
    """Hashes by name."""

    hashes: Mapping[str, bytes]

    @classmethod
    def of(cls, contents: Mapping[str, bytes]) -> Self:
        """The manifest of these contents."""
        return cls({name: sha256(body).digest() for name, body in contents.items()})

    @classmethod
    def read(cls, path: Path) -> Self:
        """The manifest in a file. Raises ClientError `file-unreadable`."""
        found: dict[str, bytes] = {}
        try:
            with path.open(encoding="utf-8") as file:
                text = file.read(_BYTES_MAX)
            for line in text.splitlines():
                digest, _, name = line.partition(" ")
                found[name] = unb64(digest, HASH_BYTES)
        except (OSError, ValueError, MalformedError) as error:
            raise ClientError("file-unreadable", f"{path} is no manifest: {error}") from error
        if not any(name.startswith(SINGLE) for name in found):
            raise ClientError("file-unreadable", f"{path} is no manifest: it names no ballot page")
        return cls(found)

    def text(self) -> str:
        """The lines, by name."""
        lines = (f"{b64(digest)} {name}\n" for name, digest in sorted(self.hashes.items()))
        return "".join(lines)

    @property
    def served(self) -> dict[str, bytes]:
        """Scripts and the stylesheet, by their path below /static/<tree>/."""
        return {
            name.removeprefix(STATIC): digest
            for name, digest in self.hashes.items()
            if name.startswith(STATIC)
        }

    @property
    def singles(self) -> set[bytes]:
        """The page in one file, in each language."""
        return {digest for name, digest in self.hashes.items() if name.startswith(SINGLE)}

    def fits(self, name: str, content: bytes) -> bool:
        """Whether that is what the release has under this name."""
        return self.hashes.get(name) == sha256(content).digest()
