"""Records and logs for tests of the log: small, made by nobody in particular."""

from __future__ import annotations

import secrets

from circles import log
from circles.host import Host
from circles.log import floor
from circles.protocol.messages import Seal

CIRCLE = bytes(range(16))
ORIGIN = "127.0.0.1:8000/c/maple-row"


def record(number: int, circle: bytes = CIRCLE) -> bytes:
    """A record that differs with its number."""
    return Seal(circle, "2026-10", number, secrets.token_bytes(32), number, "EUR").text()


async def found(host: Host, circle: bytes = CIRCLE, origin: str = ORIGIN) -> str:
    async with host.database.begin() as db:
        return await log.found(db, host.vault, circle, origin)


async def grow(host: Host, count: int, circle: bytes = CIRCLE) -> log.Signed:
    """Append so many records, sign, and raise the floor."""
    async with host.database.begin() as db:
        start = await log.size(db, circle)
        await log.append(db, circle, [record(start + n, circle) for n in range(count)])
        signed = await log.sign(db, host.vault, circle, host)
    await floor.raise_to(host, circle)
    return signed
