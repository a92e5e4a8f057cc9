"""The ballot's pattern and the careful reading agree on every text, good or bent."""

from __future__ import annotations

import re
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from circles.protocol import messages as m
from circles.protocol.spelling import base64url
from circles.protocol.text import Lines, b64, unb64
from tests.protocol.strategies import MESSAGES

QUIET = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example]
BALLOTS = [name for name in MESSAGES if name.startswith("ballot")]
BITS = [b"", b"A", b"AA", b"B", b"-", b"_", b"+", b"/", b"=", b"\n", b"\r", b" ", b"0", b"1", b"2"]
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


def carefully(data: bytes) -> m.Ballot | None:
    """The reading that compares with the text written again; None where it refuses."""
    try:
        lines = Lines(data, m.Ballot.kind, m.Ballot.bytes_max)
        ballot = m.Ballot._read(lines)
        lines.end()
        return ballot if ballot.text() == data else None
    except m.MalformedError:
        return None


@given(data=st.data())
@settings(max_examples=60, deadline=None, suppress_health_check=QUIET)
def test_what_is_written_matches(data: Any) -> None:
    ballot = data.draw(st.one_of([MESSAGES[name] for name in BALLOTS]))
    assert m.Ballot._match(ballot.text()) == ballot


@given(data=st.data())
@settings(max_examples=100, deadline=None, suppress_health_check=QUIET)
def test_what_is_bent_is_read_alike(data: Any) -> None:
    text = data.draw(st.one_of([MESSAGES[name] for name in BALLOTS])).text()
    at = data.draw(st.integers(0, len(text)))
    width = data.draw(st.integers(0, 2))
    new = data.draw(st.sampled_from(BITS))
    bent = text[:at] + new + text[at + width :]
    assert m.Ballot._match(bent) == carefully(bent)


def test_a_token_of_zeros_is_none() -> None:
    zeros = b"A" * 512
    text = hand_made().replace(b"token 1 " + b"B" * 512, b"token 1 " + zeros)
    assert m.Ballot._match(hand_made()) is not None
    assert m.Ballot._match(text) is None
    assert carefully(text) is None


def hand_made() -> bytes:
    """A ballot of one issuer and one trustee; its values are letters B, and mean nothing."""

    def value(size: int) -> bytes:
        return b64(b"\x04\x10\x41" * (size // 3) + b"\x04\x10"[: size % 3]).encode()

    return (
        b"circles/ballot/v1\n"
        + b"".join(b"%b %b\n" % (name, value(32)) for name in (b"poll", b"slate", b"key"))
        + b"prefix 1 %b\ntoken 1 %b\nseq 20\n" % (value(32), value(384))
        + b"commit %b\nshare 1 %b\nbody %b\nsig %b\n"
        % (value(32), value(80), value(272), value(64))
    )


def test_every_last_letter() -> None:
    for size in (1, 2, 3, 16, 32):
        pattern = re.compile(base64url(size))
        head = b64(bytes(size))[:-1]
        for letter in LETTERS:
            try:
                canonical = len(unb64(head + letter)) == size
            except m.MalformedError:
                canonical = False
            assert bool(pattern.fullmatch(head + letter)) == canonical, (size, letter)
