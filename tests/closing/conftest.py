"""What the tests of a month's end share."""

import pytest

from tests import issuer_keys


@pytest.fixture(autouse=True)
def lent_keys(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Issuer keys from a pool, unless the test's name says that it makes its own."""
    if "own_keys" not in request.node.name:
        issuer_keys.lend(monkeypatch)
