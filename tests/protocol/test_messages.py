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
