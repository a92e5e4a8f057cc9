"""A credential on paper: the letters of a picture, or numbered lines (docs/casting.md).

Twin of static/ballot/codes.js, which makes them; this one reads. What is on paper holds what
casting needs and no more, not even the poll: a token fits one poll alone, so a wrong one is found.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from hashlib import sha256

from circles.client.credentials import CredentialFile, Record
from circles.client.web import ClientError
from circles.protocol import blind, signature
from circles.protocol.messages import NOMINATE, VOTE, Credential, Poll
from circles.protocol.text import HASH_BYTES, RSA_BYTES, b64, unb64

_LETTERS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_VALUES = {letter: value for value, letter in enumerate(_LETTERS)}
_LOOK_ALIKES = str.maketrans("OIL", "011", " \t\r\n-")
_VERSION = 1
_HEAD_BYTES = 6
_ISSUER_BYTES = HASH_BYTES + RSA_BYTES
_ISSUERS_MAX = 4
_CHECK_BYTES = 4
_PURPOSES = (NOMINATE, VOTE)
_YEARS_FROM = 2000
_ADDRESS = re.compile(r"https?://[^\s#]+/ballot\.html#([0-9A-Z]+)")
_LINE = re.compile(r"\s*([0-9Oo]{1,2})\s*[:.]\s*([0-9A-Za-z\s-]+)")


@dataclass(frozen=True)
class Code:
    """What a code says: one credential of one slot; binary values base64url."""

    month: str
    purpose: str
    slot: int
    seed: str = field(repr=False)
    prefixes: tuple[str, ...] = field(repr=False)
    tokens: tuple[str, ...] = field(repr=False)

    @property
    def key(self) -> str:
        """The ballot key."""
        return b64(signature.public_key(unb64(self.seed, HASH_BYTES)))

    def record(self, poll_id: bytes, poll: Poll) -> Record:
        """The credential as the file keeps it, without its take. ClientError `poll-differs`."""
        text = Credential(poll_id, unb64(self.key, HASH_BYTES)).text()
        fits = len(self.tokens) == len(poll.issuers) and all(
            blind.verify(n, unb64(prefix, HASH_BYTES) + text, unb64(token, RSA_BYTES))
            for n, prefix, token in zip(poll.issuers, self.prefixes, self.tokens, strict=True)
        )
        if not fits:
            raise ClientError("poll-differs", "these letters are of another vote or circle")
        return Record(
            poll=b64(poll_id),
            month=self.month,
            purpose=self.purpose,
            member="",
            slot=self.slot,
            seed=self.seed,
            key=self.key,
            prefixes=self.prefixes,
            inverses=(),
            take="",
            takeLeaf="",
            tokens=self.tokens,
        )


def _clean(text: str) -> str:
    letters = text.upper().translate(_LOOK_ALIKES)
    if not all(letter in _VALUES for letter in letters):
        raise ClientError("code-unreadable", "there are letters that no code has")
    return letters


def _bytes(letters: str) -> tuple[bytes, int]:
    """The whole bytes of the letters, and what the bits left over say."""
    bits = len(letters) * 5
    value = 0
    for letter in letters:
        value = value << 5 | _VALUES[letter]
    return (value >> bits % 8).to_bytes(bits // 8, "big"), value & ((1 << bits % 8) - 1)


def _letters_of(issuers: int) -> int:
    whole = _HEAD_BYTES + HASH_BYTES + _ISSUER_BYTES * issuers + _CHECK_BYTES
    return -(-whole * 8 // 5)


def parse(text: str) -> Code:
    """One code of its letters. ClientError `code-unreadable`, `code-part`, `code-mistyped`."""
    letters = _clean(text)
    head, _ = _bytes(letters[:10].ljust(10, "0"))
    version, year, month, purpose, slot, issuers = head
    if version != _VERSION or not 1 <= issuers <= _ISSUERS_MAX:
        raise ClientError("code-unreadable", "these are not the letters of a credential")
    if len(letters) != _letters_of(issuers):
        raise ClientError("code-part", "these are not all letters of a credential")
    data, rest = _bytes(letters)
    body, check = data[:-_CHECK_BYTES], data[-_CHECK_BYTES:]
    if rest or sha256(b"circles/code/v1\n" + body).digest()[:_CHECK_BYTES] != check:
        raise ClientError("code-mistyped", "a letter is wrong")
    if purpose >= len(_PURPOSES) or not 1 <= month <= 12:  # noqa: PLR2004  # months of a year
        raise ClientError("code-unreadable", "these letters name no vote")
    signed = body[_HEAD_BYTES + HASH_BYTES :]
    parts = [signed[at : at + _ISSUER_BYTES] for at in range(0, len(signed), _ISSUER_BYTES)]
    return Code(
        month=f"{_YEARS_FROM + year}-{month:02}",
        purpose=_PURPOSES[purpose],
        slot=slot,
        seed=b64(body[_HEAD_BYTES : _HEAD_BYTES + HASH_BYTES]),
        prefixes=tuple(b64(part[:HASH_BYTES]) for part in parts),
        tokens=tuple(b64(part[HASH_BYTES:]) for part in parts),
    )


def _line_check(number: int, letters: str) -> str:
    total = number
    for letter in letters:
        total = (total * 3 + _VALUES[letter]) % 31
    return _LETTERS[total]


def _of_lines(text: str) -> list[str]:
    """The letters of codes that are written as numbered lines, each from line 1 on."""
    codes: list[str] = []
    expected = 1
    for line in text.splitlines():
        found = _LINE.fullmatch(line)
        if found is None:
            continue
        number = int(found[1].upper().replace("O", "0"))
        if number == 1:
            codes.append("")
        elif number != expected:
            raise ClientError("code-part", f"line {expected} is missing")
        letters = _clean(found[2])
        if _line_check(number, letters[:-1]) != letters[-1]:
            raise ClientError("code-mistyped", f"there is a wrong letter in line {number}")
        codes[-1] += letters[:-1]
        expected = number + 1
    return codes


def read(text: str) -> list[Code]:
    """All codes of a text: addresses as scanned from pictures, or numbered lines as printed."""
    found = _ADDRESS.findall(text) or _of_lines(text)
    if not found:
        raise ClientError("code-unreadable", "there is no code in this text")
    return [parse(letters) for letters in found]


def bring_in(file: CredentialFile, code: Code, poll_id: bytes, poll: Poll) -> bool:
    """Put a code's credential into the file; False where the file has its key already.

    Raises ClientError `line-changed` where its slot is another key's: two members' papers.
    """
    if any(record.key == code.key for record in file.records.values()):
        return False
    record = code.record(poll_id, poll)
    if record.where in file.records:
        raise ClientError("line-changed", "these are letters of two members: one file for each")
    file.keep(record)
    return True
