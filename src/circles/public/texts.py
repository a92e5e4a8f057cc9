"""Public texts: the name, story and thanks that the recipient of an award agreed to.

Entered by an officer, seen by everyone, erasable at any time. Until there is one, the award went to
"a neighbour". They stand in the archive under `public/`, outside what is verified.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Delete, delete, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from circles.public.tables import ShelfRow, TextRow

NAME_CHARS_MAX = 80
STORY_CHARS_MAX = 600
THANKS_CHARS_MAX = 600


@dataclass(frozen=True)
class PublicText:
    """Agreed words, each one line; all but the name may be empty."""

    name: str
    story: str = ""
    thanks: str = ""

    def file(self) -> bytes:
        """As it stands in the archive: name, story, thanks, a line each."""
        return f"{self.name}\n{self.story}\n{self.thanks}\n".encode()


Texts = dict[tuple[str, int], PublicText]


async def of(db: AsyncSession, circle_id: bytes) -> Texts:
    """All texts of a circle by (month `yyyy-mm`, candidate number)."""
    rows = await db.scalars(select(TextRow).where(TextRow.circle_id == circle_id))
    return {(row.month, row.candidate): PublicText(row.name, row.story, row.thanks) for row in rows}


async def version(db: AsyncSession, circle_id: bytes) -> int:
    """Grows with every change of the circle's texts."""
    found = await db.scalar(select(ShelfRow.version).where(ShelfRow.circle_id == circle_id))
    return found or 0


async def write(
    db: AsyncSession, circle_id: bytes, month: str, candidate: int, text: PublicText, at: datetime
) -> None:
    """Put the agreed words in place of what stood there."""
    await db.execute(_one(circle_id, month, candidate))
    db.add(
        TextRow(
            circle_id=circle_id,
            month=month,
            candidate=candidate,
            name=" ".join(text.name.split()),
            story=" ".join(text.story.split()),
            thanks=" ".join(text.thanks.split()),
            at=at,
        )
    )
    await db.flush()
    await _changed(db, circle_id)


async def erase(db: AsyncSession, circle_id: bytes, month: str, candidate: int) -> None:
    """Take the words away; the award went to "a neighbour" again."""
    await db.execute(_one(circle_id, month, candidate))
    await _changed(db, circle_id)


def _one(circle_id: bytes, month: str, candidate: int) -> Delete:
    return delete(TextRow).where(
        TextRow.circle_id == circle_id, TextRow.month == month, TextRow.candidate == candidate
    )


async def _changed(db: AsyncSession, circle_id: bytes) -> None:
    grown = await db.execute(
        update(ShelfRow)
        .where(ShelfRow.circle_id == circle_id)
        .values(version=ShelfRow.version + 1)
        .returning(ShelfRow.version)
    )
    if grown.first() is None:
        db.add(ShelfRow(circle_id=circle_id, version=1))
        await db.flush()
