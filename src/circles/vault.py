"""Secrets at rest: sealed under one key that lives beside the database, never in it.

The key is `$CIRCLES_DATA/secret.key` (32 random bytes, mode 0600), outside database backups. Each
use names its purpose, from which its own key is derived (keyed BLAKE2b), so that a sealed issuer
key can never be opened as a payee. Sealing is XSalsa20-Poly1305 with a random nonce (libsodium's
secretbox).
"""

from __future__ import annotations

import os
from hashlib import blake2b
from pathlib import Path

from nacl.exceptions import CryptoError
from nacl.secret import SecretBox
from nacl.utils import random as random_bytes

from circles.errors import SettingsError

KEY_BYTES = 32


class VaultError(SettingsError):
    """A sealed value does not open: another key, or it was altered."""


class Vault:
    """Seals, opens and keys hashes, each under a named purpose."""

    def __init__(self, key: bytes) -> None:
        if len(key) != KEY_BYTES:
            raise VaultError("secret.key must hold exactly 32 bytes; restore it from your copy.")
        self._key = key

    @classmethod
    def at(cls, path: Path) -> Vault:
        """Read the key, or make it on first use (O_EXCL, mode 0600, synced before it is used)."""
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            return cls(path.read_bytes())
        key = random_bytes(KEY_BYTES)
        with os.fdopen(descriptor, "wb") as file:
            file.write(key)
            file.flush()
            os.fsync(file.fileno())
        return cls(key)

    def _derived(self, purpose: str) -> bytes:
        return _keyed(self._key, purpose.encode())

    def seal(self, purpose: str, plaintext: bytes) -> bytes:
        """nonce || ciphertext || tag, 40 bytes longer than the plaintext."""
        return bytes(SecretBox(self._derived(purpose)).encrypt(plaintext))

    def open(self, purpose: str, sealed: bytes) -> bytes:
        """The plaintext; VaultError if the key or the purpose is another, or a bit changed."""
        try:
            return bytes(SecretBox(self._derived(purpose)).decrypt(sealed))
        except CryptoError as error:
            raise VaultError(
                "A stored secret does not open with secret.key. Was the file replaced? "
                "Put the right one back; nothing was changed."
            ) from error

    def mac(self, purpose: str, data: bytes) -> bytes:
        """32 bytes that only this host can compute: to compare without keeping the thing itself."""
        return _keyed(self._derived(purpose), data)


def _keyed(key: bytes, data: bytes) -> bytes:
    """Keyed BLAKE2b of 32 bytes: libsodium's `crypto_generichash`, by the standard library, which
    takes a twentieth of the time for the short texts of the bank's lines."""
    return blake2b(data, digest_size=KEY_BYTES, key=key).digest()
