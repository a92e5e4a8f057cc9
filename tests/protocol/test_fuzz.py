"""Nothing is accepted that does not write back to itself: a sample of what the campaign hunts."""

from __future__ import annotations

import random
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.protocol import fuzzing

COUNT = 6000


def test_texts_gone_astray_are_refused_or_mean_themselves() -> None:
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    accepted: Counter[str] = Counter()
    for name, data in fuzzing.sample(seed, COUNT):
        accepted[name] += fuzzing.promise(name, data)
    # Were all refused at the first line, this would say nothing of what lies further in.
    assert accepted["message"] > 0


@pytest.mark.parametrize("name", fuzzing.NAMES)
@given(data=st.binary(max_size=300))
@settings(max_examples=50, deadline=None)
def test_any_bytes(name: str, data: bytes) -> None:
    fuzzing.promise(name, data)


def test_the_promise_is_noticed_when_broken(monkeypatch: pytest.MonkeyPatch) -> None:
    """A reader that forgives a blank at the end of a line."""
    real = fuzzing.PARSERS["message"]
    monkeypatch.setitem(fuzzing.PARSERS, "message", lambda data: real(data.replace(b" \n", b"\n")))
    text = next(data for name, data in fuzzing.seeds() if name == "message")
    with pytest.raises(AssertionError, match="writes back differently"):
        fuzzing.promise("message", text.replace(b"\n", b" \n", 1))
