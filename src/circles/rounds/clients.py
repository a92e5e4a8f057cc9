"""Which scripts the ballot page runs: their hashes stand in each poll record.

Who kept a copy of the page can compare; who is handed other scripts than the rest can be told.
"""

from __future__ import annotations

from functools import cache
from hashlib import sha256

from circles.protocol.text import b64
from circles.web import static

_FOLDERS = ("ballot/", "rounds/")


@cache
def hashes() -> tuple[bytes, ...]:
    """SHA-256 of every script of the booth as this server serves it, in the record's order."""
    scripts = {
        sha256(file.body).digest()
        for name, file in static.tree().files.items()
        if name.startswith(_FOLDERS) and name.endswith(".js")
    }
    return tuple(sorted(scripts, key=b64))
