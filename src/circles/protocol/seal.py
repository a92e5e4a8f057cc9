"""Sealing a choice to the trustees, and opening it after the close (docs/protocol.md, 3).

A random K encrypts the padded choice (AES-256-GCM, bound to all the ballot's lines above), a
commitment to K stands in the ballot, and K is split t-of-n: one share an X25519 trustee key,
each sealed with HPKE (RFC 9180 base mode, X25519, HKDF-SHA256, AES-128-GCM, ciphertext enc || ct).
K seals one message only, which is why the fixed nonce is sound.
"""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, reduce
from hashlib import sha256
from typing import Final, Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite

from circles.protocol.messages import (
    Ballot,
    Choice,
    MalformedError,
    Opening,
    Poll,
    Slate,
    sealed_part,
)
from circles.protocol.text import b64

KEY_BYTES = 32
PLAINTEXT_BYTES = 256
_PAD = b"\x80"
_NONCE: Final = bytes(12)
_FIELD_POLYNOMIAL = 0x11B
_SUITE = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.AES_128_GCM)


class ShareError(ValueError):
    """A sealed share does not open with this trustee key."""


@dataclass(frozen=True, slots=True, repr=False)
class TrusteeKey:
    """A trustee's X25519 key: `secret` is published after the close, `public` stands in the poll.

    Both are 32 bytes.
    """

    secret: bytes
    public: bytes

    @classmethod
    def generate(cls) -> Self:
        """A fresh key."""
        return cls.from_secret(secrets.token_bytes(KEY_BYTES))

    @classmethod
    def from_secret(cls, secret: bytes) -> Self:
        """The key of its 32 secret bytes."""
        return cls(
            secret, X25519PrivateKey.from_private_bytes(secret).public_key().public_bytes_raw()
        )


def opening_fits(poll: Poll, opening: Opening) -> bool:
    """Whether an opening's secret is that of the poll's trustee of that number."""
    if opening.trustee > len(poll.trustees):
        return False
    return TrusteeKey.from_secret(opening.secret).public == poll.trustees[opening.trustee - 1]


def commitment(key: bytes) -> bytes:
    """SHA-256("circles/commit/v1\\n" || K)."""
    return sha256(b"circles/commit/v1\n" + key).digest()


# Shamir's scheme over GF(2^8). What is multiplied by is always public (trustee numbers and what
# follows from them), so each multiplication is one table of 256 bytes and `bytes.translate`.


@lru_cache(maxsize=256)
def _times(factor: int) -> bytes:
    """The table of x -> factor * x in GF(2^8) with polynomial 0x11b."""
    return bytes(_multiply(factor, x) for x in range(256))


def _multiply(a: int, b: int) -> int:
    product = 0
    while b:
        if b & 1:
            product ^= a
        a <<= 1
        if a & 0x100:
            a ^= _FIELD_POLYNOMIAL
        b >>= 1
    return product


def _inverse(a: int) -> int:
    return next(x for x in range(1, 256) if _multiply(a, x) == 1)


def _xor(a: bytes, b: bytes) -> bytes:
    return (int.from_bytes(a, "big") ^ int.from_bytes(b, "big")).to_bytes(len(a), "big")


def split(key: bytes, threshold: int, trustees: int) -> list[bytes]:
    """K into a share (32 y bytes) for each trustee 1..n; any `threshold` of them give it back."""
    coefficients = [secrets.token_bytes(len(key)) for _ in range(threshold - 1)]
    return split_with(key, coefficients, trustees)


def split_with(key: bytes, coefficients: Sequence[bytes], trustees: int) -> list[bytes]:
    """`split` with the polynomials' upper coefficients given, lowest power first."""
    shares = []
    for x in range(1, trustees + 1):
        value = bytes(len(key))
        for coefficient in (*reversed(coefficients), key):
            value = _xor(value.translate(_times(x)), coefficient)
        shares.append(value)
    return shares


@lru_cache(maxsize=1024)
def _weights(numbers: tuple[int, ...]) -> tuple[int, ...]:
    """Lagrange's weights at 0 for the shares of these trustees."""
    weights = []
    for x in numbers:
        others = [y for y in numbers if y != x]
        top = reduce(_multiply, others, 1)
        bottom = reduce(_multiply, (x ^ y for y in others), 1)
        weights.append(_multiply(top, _inverse(bottom)))
    return tuple(weights)


def combine(shares: Mapping[int, bytes]) -> bytes:
    """K out of the shares of `threshold` trustees, by trustee number."""
    numbers = tuple(shares)
    terms = (
        shares[x].translate(_times(w)) for x, w in zip(numbers, _weights(numbers), strict=True)
    )
    return reduce(_xor, terms)


def share_info(poll: bytes, key: bytes, trustee: int) -> bytes:
    """HPKE's info for one share: poll hash, ballot key and trustee number as lines."""
    lines = f"circles/share/v1\npoll {b64(poll, 32)}\nkey {b64(key, 32)}\ntrustee {trustee}\n"
    return lines.encode("ascii")


def seal_share(share: bytes, trustee_public: bytes, info: bytes) -> bytes:
    """One share sealed to one trustee: HPKE enc || ct, 80 bytes."""
    public = X25519PublicKey.from_public_bytes(trustee_public)
    return bytes(_SUITE.encrypt(share, public, info))


def open_share(sealed: bytes, trustee_secret: X25519PrivateKey, info: bytes) -> bytes:
    """A share out of HPKE enc || ct. Raises `ShareError`."""
    try:
        return bytes(_SUITE.decrypt(sealed, trustee_secret, info))
    except (InvalidTag, ValueError):
        raise ShareError("the share does not open with this trustee key") from None


def pad(choice: Choice) -> bytes:
    """A choice's text padded with 0x80 and zeros to 256 bytes."""
    padded = choice.text() + _PAD
    if len(padded) > PLAINTEXT_BYTES:
        raise MalformedError("a choice is at most 255 bytes")
    return padded.ljust(PLAINTEXT_BYTES, b"\0")


def unpad(plaintext: bytes) -> Choice:
    """The choice of a padded plaintext. Raises `MalformedError`."""
    stripped = plaintext.rstrip(b"\0")
    if len(plaintext) != PLAINTEXT_BYTES or not stripped.endswith(_PAD):
        raise MalformedError("the padding of the choice is wrong")
    return Choice.parse(stripped[:-1])


def encrypt_body(key: bytes, above: bytes, plaintext: bytes) -> bytes:
    """AES-256-GCM under K: 272 bytes, bound to the ballot's lines up to `commit`."""
    return AESGCM(key).encrypt(_NONCE, plaintext, above)


@dataclass(frozen=True, slots=True, repr=False)
class Opener:
    """Opens the ballots of one poll with the secrets of exactly `threshold` trustees."""

    poll: bytes
    secrets: Mapping[int, X25519PrivateKey]
    candidates: int
    max_choices: int

    @classmethod
    def of(cls, poll: Poll, slate: Slate, secrets_by_trustee: Mapping[int, bytes]) -> Self:
        """An opener that uses the lowest-numbered trustees of those whose secrets are given.

        Raises `ShareError` for fewer secrets than the poll's threshold.
        """
        if len(secrets_by_trustee) < poll.threshold:
            raise ShareError(f"{poll.threshold} trustees' secrets are needed to open the ballots")
        numbers = sorted(secrets_by_trustee)[: poll.threshold]
        keys = {x: X25519PrivateKey.from_private_bytes(secrets_by_trustee[x]) for x in numbers}
        return cls(poll.record_id(), keys, len(slate.candidates), poll.max_choices)

    def open(self, ballot: Ballot, data: bytes | None = None) -> Choice | str:
        """The choice, or why the ballot is void: `share`, `commit`, `body` or `choice`.

        `data` is the ballot's text, where the caller has it at hand.
        """
        shares = {}
        for number, secret in self.secrets.items():
            if number > len(ballot.shares):
                return "share"
            info = share_info(self.poll, ballot.key, number)
            try:
                shares[number] = open_share(ballot.shares[number - 1], secret, info)
            except ShareError:
                return "share"
        key = combine(shares)
        if len(key) != KEY_BYTES or commitment(key) != ballot.commit:
            return "commit"
        above = sealed_part(ballot.text() if data is None else data)
        try:
            plaintext = AESGCM(key).decrypt(_NONCE, ballot.body, above)
        except InvalidTag:
            return "body"
        return self._checked(plaintext)

    def _checked(self, plaintext: bytes) -> Choice | str:
        try:
            choice = unpad(plaintext)
        except MalformedError:
            return "choice"
        too_many = len(choice.ticks) + choice.keep > self.max_choices
        off_slate = bool(choice.ticks) and choice.ticks[-1] > self.candidates
        return "choice" if too_many or off_slate else choice


def open_ballot(
    poll: Poll, slate: Slate, ballot: Ballot, secrets_by_trustee: Mapping[int, bytes]
) -> Choice | str:
    """The choice of one ballot, or its void reason. `Opener` is the same for many ballots."""
    return Opener.of(poll, slate, secrets_by_trustee).open(ballot)
