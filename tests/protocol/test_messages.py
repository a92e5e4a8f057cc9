"""Every worked message re-encodes to itself; every text that must fail is malformed."""

import pytest

from circles.protocol import messages as m
from circles.protocol.merkle import leaf
from circles.protocol.text import b64
from tests.protocol.conftest import load

PROTOCOL = load("protocol-v1.json")
TYPES = {kind.kind.split("/")[1]: kind for kind in m._KINDS.values()}


@pytest.mark.parametrize("vector", PROTOCOL["messages"], ids=lambda v: v["what"])
def test_worked_messages_are_read_and_written_byte_for_byte(vector: dict[str, str]) -> None:
    data = vector["text"].encode()
    message = m.parse(data)
    assert type(message) is TYPES[vector["type"]]
    assert message.text() == data
    assert type(message).parse(data) == message
    assert b64(message.record_id()) == b64(leaf(data)) == vector["leaf"]


def test_every_type_has_a_worked_message() -> None:
    assert {v["type"] for v in PROTOCOL["messages"]} == set(TYPES)


@pytest.mark.parametrize("vector", PROTOCOL["must_fail"], ids=lambda v: f"{v['type']}: {v['why']}")
def test_bent_texts_are_malformed(vector: dict[str, str]) -> None:
    data = vector["text"].encode()
    with pytest.raises(m.MalformedError):
        m.parse(data)
    with pytest.raises(m.MalformedError):
        TYPES[vector["type"]].parse(data)


@pytest.mark.parametrize("vector", PROTOCOL["messages"], ids=lambda v: v["what"])
def test_texts_cut_short_are_malformed_or_a_shorter_message(vector: dict[str, str]) -> None:
    lines = vector["text"].encode().splitlines(keepends=True)
    for count in range(len(lines)):
        cut = b"".join(lines[:count])
        try:
            message = m.parse(cut)
        except m.MalformedError:
            continue
        assert message.text() == cut
        # Only what may repeat, or a close's fund, can be missing without a trace.
        assert lines[count].split(b" ")[0] in {
            b"client",
            b"omit",
            b"fund",
            b"member",
            b"tick",
            b"take",
            b"candidate",
        }


@pytest.mark.parametrize("vector", PROTOCOL["messages"], ids=lambda v: v["what"])
def test_texts_with_a_line_too_many_or_twice_are_malformed(vector: dict[str, str]) -> None:
    lines = vector["text"].encode().splitlines(keepends=True)
    for at in range(1, len(lines)):
        for more in (lines[at], lines[at].upper(), b"more 1\n", b"\n"):
            with pytest.raises(m.MalformedError):
                m.parse(b"".join([*lines[:at], more, *lines[at:]]))
