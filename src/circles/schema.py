"""Every room's tables, for migrations and for the tests that look at the whole."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sqlalchemy import MetaData

# Rooms that store something: each has `tables.py` with a `Base` of its own, and perhaps more
# tables on that base in other modules named `..._tables.py`.
ROOMS: tuple[str, ...] = tuple(
    sorted(path.parent.name for path in Path(__file__).parent.glob("*/tables.py"))
)


def room_metadata() -> dict[str, MetaData]:
    """Each storing room's own metadata, by the room's name."""
    for path in sorted(Path(__file__).parent.glob("*/*_tables.py")):
        importlib.import_module(f"circles.{path.parent.name}.{path.stem}")
    return {room: importlib.import_module(f"circles.{room}.tables").Base.metadata for room in ROOMS}
