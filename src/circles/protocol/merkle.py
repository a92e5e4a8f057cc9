"""The Merkle tree of RFC 6962 over SHA-256."""

from hashlib import sha256


def leaf(data: bytes) -> bytes:
    """The leaf hash of an entry, SHA-256(0x00 || data): 32 bytes, a record's id."""
    return sha256(b"\x00" + data).digest()


def node(left: bytes, right: bytes) -> bytes:
    """The hash of an inner node, SHA-256(0x01 || left || right)."""
    return sha256(b"\x01" + left + right).digest()
