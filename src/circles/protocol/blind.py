"""Blind signatures: RSABSSA-SHA384-PSS-Randomized of RFC 9474, public exponent 65537.

The member: `prepare` a message, `blind` it, post the blinded value, `finalize` the answer.
The issuer: `IssuerKey.sign_blinded`. Everybody: `verify_token`.

All values are big endian and as long as the modulus: 384 bytes for the contract's RSA-3072. The
functions take the length from `n`, so that the RFC's own test vectors run through them.

Rules kept here:
- the private exponent meets only `gmpy2.powmod_sec`, whose time does not depend on it;
- what is raised to it is first multiplied by a fresh random factor, so that a chosen blinded value
  tells nothing through time either;
- a signature is checked under the public key before it leaves: one fault in a CRT half would
  otherwise give the factors of n away.
"""

import secrets
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha384
from typing import Self

import gmpy2  # type: ignore[import-untyped]  # it ships no types
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA384

from circles.protocol.text import RSA_BYTES

E = 65537
MODULUS_BITS = 3072
PREFIX_BYTES = 32
SALT_BYTES = 48
_HASH_BYTES = 48
_PRIME_BYTES = RSA_BYTES // 2


class BlindingError(ValueError):
    """A blinded value or a blind signature is not one for this modulus: start the take anew."""


class IssuerKeyError(ValueError):
    """The issuer key is damaged, or a computation with it went wrong: nothing was released."""


def _int(data: bytes) -> gmpy2.mpz:
    return gmpy2.mpz(int.from_bytes(data, "big"))


def _bytes(value: gmpy2.mpz, length: int) -> bytes:
    return int(value).to_bytes(length, "big")


def _random_unit(n: gmpy2.mpz) -> tuple[gmpy2.mpz, gmpy2.mpz]:
    """A uniformly random r with 0 < r < n that has an inverse, and that inverse."""
    while True:
        r = gmpy2.mpz(secrets.randbelow(int(n) - 1) + 1)
        if gmpy2.gcd(r, n) == 1:
            return r, gmpy2.invert(r, n)


@dataclass(frozen=True, slots=True, repr=False)
class IssuerKey:
    """An issuer's RSA-3072 private key, for one poll. `n` is its modulus, 384 bytes."""

    n: bytes
    p: gmpy2.mpz
    q: gmpy2.mpz
    d_p: gmpy2.mpz
    d_q: gmpy2.mpz
    q_inverse: gmpy2.mpz

    @classmethod
    def generate(cls) -> Self:
        """A fresh key; takes some 0.1 to 0.5 s."""
        private = rsa.generate_private_key(E, MODULUS_BITS).private_numbers()
        return cls.of(private.p, private.q, private.dmp1, private.dmq1, private.iqmp)

    @classmethod
    def of(cls, p: int, q: int, d_p: int, d_q: int, q_inverse: int) -> Self:
        """A key of its primes, its exponents modulo each less one, and q's inverse modulo p."""
        n = p * q
        length = (n.bit_length() + 7) // 8
        parts = (gmpy2.mpz(part) for part in (p, q, d_p, d_q, q_inverse))
        return cls(n.to_bytes(length, "big"), *parts)

    def to_bytes(self) -> bytes:
        """The private key as 5 x 192 bytes: p, q, d mod p-1, d mod q-1, q's inverse. Keep it."""
        parts = (self.p, self.q, self.d_p, self.d_q, self.q_inverse)
        return b"".join(_bytes(part, _PRIME_BYTES) for part in parts)

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """The inverse of `to_bytes`. Raises `IssuerKeyError`."""
        if len(data) != 5 * _PRIME_BYTES:
            raise IssuerKeyError("an issuer key is 960 bytes; restore it from a backup")
        starts = range(0, len(data), _PRIME_BYTES)
        key = cls.of(*(int.from_bytes(data[at : at + _PRIME_BYTES], "big") for at in starts))
        sound = len(key.n) == RSA_BYTES and (key.q * key.q_inverse) % key.p == 1
        if not sound or int.from_bytes(key.n, "big").bit_length() != MODULUS_BITS:
            raise IssuerKeyError("the issuer key is damaged; restore it from a backup")
        return key

    def sign_blinded(self, blinded: bytes) -> bytes:
        """The blind signature, 384 bytes.

        Raises `BlindingError` unless `blinded` is as long as n and 0 < blinded < n, and
        `IssuerKeyError` when the result does not verify (nothing is released then).
        """
        n = _int(self.n)
        message = _checked(n, len(self.n), blinded)
        factor, inverse = _random_unit(n)
        base = message * gmpy2.powmod(factor, E, n) % n
        half_p = gmpy2.powmod_sec(base % self.p, self.d_p, self.p)
        half_q = gmpy2.powmod_sec(base % self.q, self.d_q, self.q)
        whole = half_q + self.q * ((half_p - half_q) * self.q_inverse % self.p)
        signature = whole * inverse % n
        if gmpy2.powmod(signature, E, n) != message:
            raise IssuerKeyError("the signature came out wrong and was not released; try again")
        return _bytes(signature, len(self.n))


def _checked(n: gmpy2.mpz, length: int, value: bytes) -> gmpy2.mpz:
    if len(value) != length:
        raise BlindingError(f"a value of {length} bytes was expected, not {len(value)}")
    number = _int(value)
    if not 0 < number < n:
        raise BlindingError("a value must be above 0 and below the modulus")
    return number


@dataclass(frozen=True, slots=True, repr=False)
class Blinding:
    """A blinded message, and the inverse of the secret factor that will unblind the answer.

    Store `inverse` before posting `blinded`, tell it nobody, use it once.
    """

    blinded: bytes
    inverse: bytes


def prepare(message: bytes) -> bytes:
    """The message to be signed: a fresh random prefix of 32 bytes || message."""
    return secrets.token_bytes(PREFIX_BYTES) + message


def blind(n: bytes, prepared: bytes) -> Blinding:
    """Blind a prepared message under modulus `n`, with fresh salt and factor."""
    factor, inverse = _random_unit(_int(n))
    encoded = encode_pss(prepared, secrets.token_bytes(SALT_BYTES), _int(n).bit_length() - 1)
    return blind_with(n, encoded, factor, inverse)


def blind_with(n: bytes, encoded: bytes, factor: gmpy2.mpz, inverse: gmpy2.mpz) -> Blinding:
    """Blind an encoded message with a given factor: for `blind`, and for test vectors."""
    modulus = _int(n)
    message = _int(encoded)
    if gmpy2.gcd(message, modulus) != 1:
        raise BlindingError("the message shares a factor with the modulus; do not use this issuer")
    blinded = message * gmpy2.powmod(factor, E, modulus) % modulus
    return Blinding(_bytes(blinded, len(n)), _bytes(inverse, len(n)))


def finalize(n: bytes, prepared: bytes, signed: bytes, inverse: bytes) -> bytes:
    """The token: the blind signature unblinded, and checked. Raises `BlindingError`."""
    modulus = _int(n)
    token = _checked(modulus, len(n), signed) * _int(inverse) % modulus
    data = _bytes(token, len(n))
    if not verify(n, prepared, data):
        raise BlindingError("the issuer's answer is no signature of this credential; ask again")
    return data


def verify_token(n: bytes, prefix: bytes, message: bytes, token: bytes) -> bool:
    """Whether `token` is the issuer's signature of prefix || message under modulus `n`."""
    return len(prefix) == PREFIX_BYTES and verify(n, prefix + message, token)


def verify(n: bytes, prepared: bytes, token: bytes) -> bool:
    """Whether `token` is an RSASSA-PSS signature (SHA-384, salt 48) of a prepared message."""
    key = _public_key(n)
    if key is None or len(token) != len(n):
        return False
    try:
        key.verify(token, prepared, _PSS, _SHA384)
    except InvalidSignature:
        return False
    return True


_SHA384 = SHA384()
_PSS = padding.PSS(padding.MGF1(_SHA384), SALT_BYTES)


@lru_cache(maxsize=64)
def _public_key(n: bytes) -> rsa.RSAPublicKey | None:
    """The public key of a modulus, or None where it can be none (even, too short)."""
    try:
        return rsa.RSAPublicNumbers(E, int.from_bytes(n, "big")).public_key()
    except ValueError:
        return None


def encode_pss(message: bytes, salt: bytes, em_bits: int) -> bytes:
    """EMSA-PSS-ENCODE of RFC 8017, 9.1.1, with SHA-384 and MGF1-SHA-384."""
    em_bytes = (em_bits + 7) // 8
    inner = sha384(bytes(8) + sha384(message).digest() + salt).digest()
    data = bytes(em_bytes - len(salt) - _HASH_BYTES - 2) + b"\x01" + salt
    mask = _mgf1(inner, len(data))
    masked = bytes(a ^ b for a, b in zip(data, mask, strict=True))
    unused_bits = 8 * em_bytes - em_bits
    first = masked[0] & (0xFF >> unused_bits)
    return bytes([first]) + masked[1:] + inner + b"\xbc"


def _mgf1(seed: bytes, length: int) -> bytes:
    blocks = (length + _HASH_BYTES - 1) // _HASH_BYTES
    stream = b"".join(sha384(seed + i.to_bytes(4, "big")).digest() for i in range(blocks))
    return stream[:length]
