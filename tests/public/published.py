"""A founded circle whose log holds the entries of a published archive, through the real log."""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from pathlib import Path

from circles import log
from circles.circle import calendar, circles
from circles.circle.circles import Circle, NewCircle
from circles.host import Host
from circles.protocol.merkle import read_bundle

VECTORS = Path(__file__).parent.parent / "vectors"


def entries(name: str = "archive-ok.zip") -> list[bytes]:
    """The log entries of an archive of the vectors."""
    with zipfile.ZipFile(VECTORS / name) as archive:
        (bundle,) = [n for n in archive.namelist() if n.startswith("log/tile/entries/")]
        width = int(bundle.rpartition("/")[2]) if ".p/" in bundle else 256
        return read_bundle(archive.read(bundle), width)


def new_circle(**other: object) -> NewCircle:
    """What a steward would type."""
    values: dict[str, object] = {
        "name": "Maple Row",
        "purpose": "Each of us puts in 5 or 10 euros a month, and together we help somebody.",
        "norms": "We ask the person first.",
        "currency": "EUR",
        "zone": "Europe/Berlin",
        "locale": "en_GB",
        "hue": "mulberry",
        "cap": 20,
        "calendar": calendar.DEFAULT,
        **other,
    }
    return NewCircle(**values)  # type: ignore[arg-type] -- a test may name any


async def found(host: Host, texts: Sequence[bytes] = (), **other: object) -> Circle:
    """A circle at /c/maple-row; its log holds the given entries, signed."""
    async with host.database.begin() as db:
        circle = await circles.found(
            db, host.settings.host_name, new_circle(**other), host.clock.now()
        )
        await log.found(db, host.vault, circle.id, circle.log_origin)
        await log.append(db, circle.id, list(texts))
        await log.sign(db, host.vault, circle.id, host)
    return circle
