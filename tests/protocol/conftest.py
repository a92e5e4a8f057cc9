"""The vectors, loaded once."""

import json
from pathlib import Path
from typing import Any

import pytest

VECTORS = Path(__file__).parent.parent / "vectors"


def load(name: str) -> Any:
    """A vector file."""
    return json.loads((VECTORS / name).read_text(encoding="utf-8"))


@pytest.fixture(scope="session")
def vectors() -> Any:
    """`protocol-v1.json`."""
    return load("protocol-v1.json")
