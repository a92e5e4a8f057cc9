"""The electoral roll: who may take in a poll, by ids made for that poll alone.

A roll is frozen whole when its poll is announced, and named by the poll record (docs/protocol.md,
1). Two polls of one round get two rolls: nothing links a member's lines over polls or months.

    frozen = roll.freeze(member_ids)                     # before the poll record is written
    await roll.bind(db, poll_hash, circle_id, frozen)    # once its hash is known
    line = await roll.line(db, poll_hash, member_id)     # the own line, or None
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from circles.members.roll_tables import RollLineRow, RollRow
from circles.protocol.messages import Roll
from circles.protocol.text import ID_BYTES


@dataclass(frozen=True)
class Frozen:
    """A roll that has no poll yet: its file, how many stand on it, and who on which line."""

    roll_text: bytes
    members: int
    lines: tuple[tuple[bytes, bytes], ...] = field(repr=False)


def freeze(member_ids: Iterable[bytes]) -> Frozen:
    """A roll of these members: fresh line ids and a fresh salt. Writes nothing yet."""
    lines = tuple((member_id, secrets.token_bytes(ID_BYTES)) for member_id in member_ids)
    salt = secrets.token_bytes(ID_BYTES)
    roll_text = Roll.of(salt, (line for _, line in lines)).text()
    return Frozen(roll_text, len(lines), lines)


async def bind(db: AsyncSession, poll_hash: bytes, circle_id: bytes, frozen: Frozen) -> None:
    """Keep a frozen roll under the poll whose record names it."""
    db.add(RollRow(poll_hash=poll_hash, circle_id=circle_id, text=frozen.roll_text))
    # In the order of the lines, so that not even the heap says who joined the circle when.
    for member_id, line_id in sorted(frozen.lines, key=lambda pair: pair[1]):
        db.add(RollLineRow(poll_hash=poll_hash, member_id=member_id, line=line_id))
    await db.flush()


async def line(db: AsyncSession, poll_hash: bytes, member_id: bytes) -> bytes | None:
    """The member's own line in a poll, or None for who is not on its roll."""
    found = await db.get(RollLineRow, (poll_hash, member_id))
    return found.line if found else None


async def text(db: AsyncSession, poll_hash: bytes) -> bytes | None:
    """The roll file of a poll; None 90 days after its close."""
    return (
        await db.execute(select(RollRow.text).where(RollRow.poll_hash == poll_hash))
    ).scalar_one_or_none()


async def forget(db: AsyncSession, member_id: bytes) -> None:
    """A member leaves: from now on nothing says which lines were theirs. The rolls stay whole."""
    await db.execute(delete(RollLineRow).where(RollLineRow.member_id == member_id))
