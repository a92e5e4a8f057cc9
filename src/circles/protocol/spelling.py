"""The one spelling of a ballot as one pattern: what matches needs no writing out to compare.

A log is mostly ballots, and reading one strictly (`Message.parse`) takes about as long as writing
it again. Here the same strictness stands in a regular expression: every value's length and
alphabet, and a last letter of base64url whose loose bits are zero, so that a text that matches is
the only one with these values. What does not match is left to `Message.parse`, which says why.
"""

import re
from binascii import a2b_base64
from functools import cache

from circles.protocol import text as t

_LETTER = "[A-Za-z0-9_-]"
# After so many bytes of the last group of three, its last letter carries 4 or 2 bits that are zero.
_LAST = {1: "[AQgw]", 2: "[AEIMQUYcgkosw048]"}
_FROM_URL = bytes.maketrans(b"-_", b"+/")


def base64url(size: int) -> str:
    """The pattern of that many bytes, at least one."""
    groups, rest = divmod(size, 3)
    if rest == 0:
        return f"{_LETTER}{{{4 * groups}}}"
    return f"{_LETTER}{{{4 * groups + rest}}}{_LAST[rest]}"


@cache
def ballot_pattern(
    kind: str, issuers: int, trustees: int, seq_max: int, share_bytes: int, body_bytes: int
) -> re.Pattern[bytes]:
    """A ballot with that many issuers and trustees; a group for each value, in order."""
    seq = "|".join(str(seq) for seq in range(seq_max, 0, -1))
    hashed = f"({base64url(t.HASH_BYTES)})"
    lines = [
        re.escape(kind),
        *(f"{name} {hashed}" for name in ("poll", "slate", "key")),
        *(f"prefix {n + 1} {hashed}" for n in range(issuers)),
        *(f"token {n + 1} ({base64url(t.RSA_BYTES)})" for n in range(issuers)),
        f"seq ({seq})",
        f"commit {hashed}",
        *(f"share {n + 1} ({base64url(share_bytes)})" for n in range(trustees)),
        f"body ({base64url(body_bytes)})",
        f"sig ({base64url(t.SIG_BYTES)})",
    ]
    return re.compile("".join(line + "\n" for line in lines).encode("ascii"))


def decoded(values: tuple[bytes, ...]) -> tuple[bytes, ...]:
    """The bytes of values that matched."""
    return tuple([a2b_base64(value.translate(_FROM_URL) + b"==") for value in values])
