"""Every message survives writing and reading; every altered byte is refused, or means itself."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from circles.protocol import messages as m
from circles.protocol.merkle import leaf
from tests.protocol.strategies import MESSAGES

QUIET = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example]


def test_every_type_has_a_strategy() -> None:
    kinds = {name.split(" ")[0] for name in MESSAGES}
    assert kinds == {kind.kind.split("/")[1] for kind in m._KINDS.values()}


@pytest.mark.parametrize("name", MESSAGES)
@given(data=st.data())
@settings(max_examples=20, deadline=None, suppress_health_check=QUIET)
def test_writing_and_reading(name: str, data: Any) -> None:
    message = data.draw(MESSAGES[name])
    text = message.text()
    assert type(message).parse(text) == message
    assert m.parse(text) == message
    assert message.record_id() == leaf(text)
    if isinstance(message, m.LOGGED):
        assert m.parse_entry(text) == message
    else:
        with pytest.raises(m.MalformedError):
            m.parse_entry(text)


@pytest.mark.parametrize("name", MESSAGES)
@given(data=st.data())
@settings(max_examples=20, deadline=None, suppress_health_check=QUIET)
def test_altered_texts_are_refused_or_mean_themselves(name: str, data: Any) -> None:
    text = data.draw(MESSAGES[name]).text()
    for _ in range(20):
        at = data.draw(st.integers(0, len(text) - 1))
        byte = bytes([data.draw(st.integers(0, 255))])
        altered = data.draw(
            st.sampled_from(
                [
                    text[:at] + byte + text[at + 1 :],
                    text[:at] + text[at + 1 :],
                    text[:at] + byte + text[at:],
                    text[:at] + text[at : at + 1] + text[at:],
                ]
            )
        )
        try:
            read = m.parse(altered)
        except m.MalformedError:
            continue
        assert read.text() == altered


@given(st.binary(max_size=300))
@settings(max_examples=100, deadline=None)
def test_any_bytes_at_all(data: bytes) -> None:
    for prefix in (b"", b"circles/poll/v1\n", b"circles/choice/v1\nnonce "):
        try:
            read = m.parse(prefix + data)
        except m.MalformedError:
            continue
        assert read.text() == prefix + data
