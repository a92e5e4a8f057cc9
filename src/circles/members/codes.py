"""Codes in links (an invitation, a way back): shown again to who made them, stored nowhere.

The code is computed from the row's random id with the host's key (160 bits of a keyed BLAKE2b);
the row keeps its SHA-256. Who reads the database alone can open nothing with it.
"""

from __future__ import annotations

import hashlib
from base64 import urlsafe_b64encode

from circles.vault import Vault

_BYTES = 20


def code_of(vault: Vault, purpose: str, row_id: bytes) -> str:
    """27 characters for a path."""
    return urlsafe_b64encode(vault.mac(f"members/{purpose}", row_id)[:_BYTES]).decode().rstrip("=")


def hash_of(code: str) -> bytes:
    """What is stored of it."""
    return hashlib.sha256(b"circles/code/v1\n" + code.encode("utf-8", "replace")).digest()
