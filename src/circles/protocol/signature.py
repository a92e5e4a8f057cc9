"""Ed25519 as libsodium checks it, which the contract makes the rule.

S below the group order, the public key canonical and not of small order, R not of small order,
no cofactor. Web Crypto and OpenSSL are looser, so two readers could disagree: use this only.
"""

import secrets

from nacl.bindings import crypto_sign, crypto_sign_open, crypto_sign_seed_keypair
from nacl.exceptions import CryptoError

from circles.protocol.text import HASH_BYTES, SIG_BYTES

SEED_BYTES = 32


def new_seed() -> bytes:
    """The 32 secret bytes of a fresh Ed25519 key."""
    return secrets.token_bytes(SEED_BYTES)


def public_key(seed: bytes) -> bytes:
    """The public key of a seed, 32 bytes."""
    public, _ = crypto_sign_seed_keypair(seed)
    return bytes(public)


class Signer:
    """Signs with one key again and again: half of the work of a signature is making the key."""

    __slots__ = ("_secret", "public")

    def __init__(self, seed: bytes) -> None:
        public, self._secret = crypto_sign_seed_keypair(seed)
        self.public = bytes(public)

    def sign(self, message: bytes) -> bytes:
        """The signature of a message, 64 bytes."""
        return bytes(crypto_sign(message, self._secret)[:SIG_BYTES])


def sign(seed: bytes, message: bytes) -> bytes:
    """The signature of a message, 64 bytes."""
    return Signer(seed).sign(message)


def verify(public: bytes, message: bytes, sig: bytes) -> bool:
    """Whether `sig` is this key's signature of the message, by libsodium's rules."""
    if len(public) != HASH_BYTES or len(sig) != SIG_BYTES:
        return False
    try:
        crypto_sign_open(sig + message, public)
    except CryptoError:
        return False
    return True
