"""Public texts: the name, story and thanks that the recipient of an award agreed to.

Entered by an officer, seen by everyone, erasable at any time. Until there is one, the award went to
"a neighbour". They stand in the archive under `public/`, outside what is verified. The recipient
may also let the nomination's own words stand there, under `documents/`: then anyone can see that
they are the ones that were voted on.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from circles.protocol.ballot import Document
from circles.protocol.text import HASH_BYTES
from circles.public.tables import DocumentRow, ShelfRow, TextRow

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


async def documents(db: AsyncSession, circle_id: bytes) -> dict[bytes, bytes]:
    """Nominations' own words that may be read by everyone: salt || text by their hash."""
    rows = await db.scalars(select(DocumentRow).where(DocumentRow.circle_id == circle_id))
    return {row.doc_hash: row.file for row in rows}


async def shared(db: AsyncSession, circle_id: bytes, month: str, candidate: int) -> bool:
    """Whether the nomination's own words stand in the archive."""
    return await db.get(DocumentRow, (circle_id, month, candidate)) is not None


async def write(
    db: AsyncSession,
    circle_id: bytes,
    month: str,
    candidate: int,
    text: PublicText,
    at: datetime,
    *,
    own: bytes | None = None,
) -> None:
    """Put the agreed words in place of what stood there; `own` is the nomination's salt || text."""
    await _clear(db, circle_id, month, candidate)
    if own is not None:
        document = Document(own[:HASH_BYTES], own[HASH_BYTES:])
        db.add(
            DocumentRow(
                circle_id=circle_id,
                month=month,
                candidate=candidate,
                doc_hash=document.hash(),
                file=own,
            )
        )
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
    await _clear(db, circle_id, month, candidate)
    await _changed(db, circle_id)


async def _clear(db: AsyncSession, circle_id: bytes, month: str, candidate: int) -> None:
    for table in (TextRow, DocumentRow):
        await db.execute(
            delete(table).where(
                table.circle_id == circle_id, table.month == month, table.candidate == candidate
            )
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
