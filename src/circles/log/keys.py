"""Which key signed a log when: the present one stands in its row, earlier ones in its rotations."""

from __future__ import annotations

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from circles.log import tables
from circles.protocol.checkpoint import VerifierKey
from circles.protocol.records import Rotation

_KIND = f"{Rotation.kind}\n".encode()


async def key_at(db: AsyncSession, log: tables.Log, size: int) -> str:
    """The key that signed the checkpoint of that size, in signed-note form."""
    query = (
        select(tables.Entry.number, tables.Entry.data)
        .where(tables.Entry.circle_id == log.circle_id)
        .where(func.substr(tables.Entry.data, 1, len(_KIND)) == _KIND)
        .order_by(tables.Entry.number)
    )
    public: bytes | None = None
    for number, data in await db.execute(query):
        rotation = Rotation.parse(data)
        if number >= size:
            public = public or rotation.old
            break
        public = rotation.new
    return log.verifier_key if public is None else VerifierKey(log.origin, public).text()
