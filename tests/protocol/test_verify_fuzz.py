"""Any altered byte of an archive or its evidence is noticed; nothing fells the verifier."""

from functools import cache
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from circles.protocol.verify import verify
from tests.protocol.simulator import MemorySource, Month

KINDS: dict[str, dict[str, Any]] = {
    "counted": {"reissues": 1},
    "void": {"voters": 2, "rotate": True},
}


@cache
def _files(kind: str) -> dict[str, bytes]:
    files = Month(**KINDS[kind]).run().files()
    # Outside verification by the contract.
    return {name: data for name, data in files.items() if not name.startswith("public/")}


def _alter(data: bytes, draw: Any) -> bytes:
    at = draw(st.integers(0, len(data) - 1))
    byte = bytes([draw(st.integers(0, 255))])
    ways = [
        data[:at] + bytes([data[at] ^ 1 << draw(st.integers(0, 7))]) + data[at + 1 :],
        data[:at] + byte + data[at:],
        data[:at] + data[at + 1 :],
        data[:at],
        data[:at] + data[at:] * 2,
    ]
    return draw(st.sampled_from([way for way in ways if way != data]))


@pytest.mark.parametrize("kind", KINDS)
@given(data=st.data())
@settings(max_examples=100, deadline=None)
def test_an_altered_file_is_noticed(kind: str, data: Any) -> None:
    files = dict(_files(kind))
    name = data.draw(st.sampled_from(sorted(files)))
    altered = _alter(files[name], data.draw)
    if name == "evidence/own" and (altered == b"" or altered.endswith(b"\n")):
        return
    if name.endswith("key") and altered == files[name].removesuffix(b"\n"):
        return
    report = verify(MemorySource({**files, name: altered}))
    assert not report.holds, name
    assert all(problem.message for problem in report.problems)


@pytest.mark.parametrize("kind", KINDS)
@given(data=st.data())
@settings(max_examples=30, deadline=None)
def test_a_file_in_anothers_place_is_noticed(kind: str, data: Any) -> None:
    files = dict(_files(kind))
    public = sorted(name for name in files if not name.startswith("evidence/"))
    name, other = data.draw(st.lists(st.sampled_from(public), min_size=2, max_size=2, unique=True))
    report = verify(MemorySource({**files, name: files[other]}))
    assert not report.holds
