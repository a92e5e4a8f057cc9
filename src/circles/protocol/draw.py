"""The draw: an order of the candidates that nobody can choose (docs/protocol.md, 3).

The salt is fixed by its hash in the vote's poll record before anyone nominates, and published
with the slate. The order numbers the candidates; in a dead heat the lower number wins.
"""

from collections.abc import Iterable
from hashlib import sha256


def draw_commit(salt: bytes) -> bytes:
    """SHA-256 of the draw salt (32 bytes): the poll record's `draw-commit`."""
    return sha256(salt).digest()


def draw_key(salt: bytes, nomination: bytes) -> bytes:
    """SHA-256("circles/draw/v1\\n" || salt || nomination leaf): what a nomination is sorted by."""
    return sha256(b"circles/draw/v1\n" + salt + nomination).digest()


def draw_order(salt: bytes, nominations: Iterable[bytes]) -> list[bytes]:
    """The nomination leaves in draw order."""
    return sorted(nominations, key=lambda leaf: draw_key(salt, leaf))
