"""Real issuer keys, made once for the run.

Making one takes longer than the rest of a simulated month together. Within one test each key is
used for one poll only, as the contract demands; a month with keys of its own making is played in
tests/closing/test_month.py and in every test that runs the real server or is killed.
"""

from __future__ import annotations

from functools import cache

import pytest

from circles.members import issuer
from circles.protocol.blind import IssuerKey

_POOL = 6


@cache
def _pool() -> tuple[IssuerKey, ...]:
    return tuple(IssuerKey.generate() for _ in range(_POOL))


def lend(monkeypatch: pytest.MonkeyPatch) -> None:
    """For this test, take keys from the pool first."""
    left = list(_pool())

    async def next_key() -> IssuerKey:
        return left.pop() if left else IssuerKey.generate()

    monkeypatch.setattr(issuer, "new_key", next_key)
