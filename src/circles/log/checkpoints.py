"""The checkpoints that a log has signed, all of them kept."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Select, select
from sqlalchemy.ext.asyncio import AsyncSession

from circles.log import tables
from circles.log.errors import UnknownLogError
from circles.web.i18n import gettext as _


@dataclass(frozen=True, slots=True)
class Signed:
    """A stored checkpoint: size, root hash and the signed note."""

    size: int
    root: bytes
    note: bytes


def _of(circle_id: bytes) -> Select[int, bytes, bytes]:
    return select(tables.Checkpoint.size, tables.Checkpoint.root, tables.Checkpoint.note).where(
        tables.Checkpoint.circle_id == circle_id
    )


async def _one(db: AsyncSession, query: Select[int, bytes, bytes]) -> Signed | None:
    row = (await db.execute(query.limit(1))).one_or_none()
    return None if row is None else Signed(*row)


async def newest(db: AsyncSession, circle_id: bytes) -> Signed | None:
    """The newest checkpoint, or None before the first."""
    return await _one(db, _of(circle_id).order_by(tables.Checkpoint.size.desc()))


async def first_with(db: AsyncSession, circle_id: bytes, index: int) -> Signed | None:
    """The first checkpoint that covers the entry at an index, or None."""
    query = _of(circle_id).where(tables.Checkpoint.size > index)
    return await _one(db, query.order_by(tables.Checkpoint.size))


async def newest_checkpoint(db: AsyncSession, circle_id: bytes) -> bytes:
    """The newest checkpoint's note. Raises UnknownLogError before the first."""
    signed = await newest(db, circle_id)
    if signed is None:
        raise UnknownLogError(_("This log has no checkpoint yet."))
    return signed.note


async def root_at(db: AsyncSession, circle_id: bytes, size: int) -> bytes | None:
    """The root that was signed at that size, or None."""
    return await db.scalar(
        select(tables.Checkpoint.root).where(
            tables.Checkpoint.circle_id == circle_id, tables.Checkpoint.size == size
        )
    )
