"""The entries of a log: put at its end, read back, never changed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Select, func, insert, literal, select
from sqlalchemy.ext.asyncio import AsyncSession

from circles.errors import InvalidError
from circles.log import tables
from circles.log.errors import UnknownLogError
from circles.protocol.merkle import leaf as leaf_hash
from circles.protocol.messages import MalformedError, parse_entry
from circles.web.i18n import gettext as _


@dataclass(frozen=True, slots=True)
class Entry:
    """One record as it stands in the log."""

    index: int
    leaf: bytes
    data: bytes


async def lock(db: AsyncSession, circle_id: bytes) -> tables.Log:
    """The circle's log, held until the transaction ends: who appends or signs is alone."""
    found = await db.scalar(
        select(tables.Log).where(tables.Log.circle_id == circle_id).with_for_update()
    )
    if found is None:
        raise UnknownLogError(_("This circle has no log yet. Found the circle first."))
    return found


async def size(db: AsyncSession, circle_id: bytes) -> int:
    """How many entries there are, signed or not yet."""
    last = await db.scalar(
        select(func.max(tables.Entry.number)).where(tables.Entry.circle_id == circle_id)
    )
    return 0 if last is None else last + 1


async def append(db: AsyncSession, circle_id: bytes, texts: Sequence[bytes]) -> list[int]:
    """Put records at the end, in this order; their indexes. No checkpoint is signed.

    Raises InvalidError for bytes that are no record of the contract.
    """
    for text in texts:
        _check(text)
    await lock(db, circle_id)
    first = await size(db, circle_id)
    if texts:
        await db.execute(
            insert(tables.Entry),
            [
                {"circle_id": circle_id, "number": n, "leaf": leaf_hash(text), "data": text}
                for n, text in enumerate(texts, start=first)
            ],
        )
    return list(range(first, first + len(texts)))


def _check(text: bytes) -> None:
    try:
        parse_entry(text)
    except MalformedError as error:
        why = _("This is no record for a log, and was not put in: %(why)s") % {"why": error}
        raise InvalidError(why) from error


async def append_once(db: AsyncSession, circle_id: bytes, text: bytes) -> int:
    """The index where this very text stands; it is put at the end if it stands nowhere."""
    await lock(db, circle_id)
    found = await index_of(db, circle_id, leaf_hash(text))
    if found is not None:
        return found
    (index,) = await append(db, circle_id, [text])
    return index


async def append_sorted(
    db: AsyncSession, circle_id: bytes, rows: Select[bytes, bytes]
) -> tuple[int, int]:
    """Put the rows of a query (`leaf`, `data`) at the end in the order of their leaf hashes.

    One sorted INSERT ... SELECT: afterwards neither row numbers nor pages nor transaction ids say
    in which order the rows came to be where they were. Gives the first index and the count.
    The caller answers for the data being records and the leaves being theirs.
    """
    await lock(db, circle_id)
    first = await size(db, circle_id)
    source = rows.subquery()
    position = func.row_number().over(order_by=source.c.leaf)
    numbered = select(
        literal(circle_id, tables.Entry.circle_id.type),
        position + (first - 1),
        source.c.leaf,
        source.c.data,
    ).order_by(source.c.leaf)
    await db.execute(
        insert(tables.Entry).from_select(["circle_id", "number", "leaf", "data"], numbered)
    )
    return first, await size(db, circle_id) - first


async def entries(
    db: AsyncSession, circle_id: bytes, first: int = 0, count: int | None = None
) -> list[Entry]:
    """Entries from `first` on, at most `count`; those without a checkpoint included."""
    query = (
        select(tables.Entry.number, tables.Entry.leaf, tables.Entry.data)
        .where(tables.Entry.circle_id == circle_id, tables.Entry.number >= first)
        .order_by(tables.Entry.number)
    )
    if count is not None:
        query = query.where(tables.Entry.number < first + count)
    return [Entry(*row) for row in (await db.execute(query))]


async def leaves(db: AsyncSession, circle_id: bytes, upto: int, first: int = 0) -> list[bytes]:
    """The leaf hashes of the entries from `first` on and below `upto`."""
    query = (
        select(tables.Entry.leaf)
        .where(tables.Entry.circle_id == circle_id)
        .where(tables.Entry.number >= first, tables.Entry.number < upto)
        .order_by(tables.Entry.number)
    )
    return list((await db.scalars(query)).all())


async def index_of(db: AsyncSession, circle_id: bytes, leaf: bytes) -> int | None:
    """Where the record with this leaf hash stands (first), or None."""
    return await db.scalar(
        select(func.min(tables.Entry.number)).where(
            tables.Entry.circle_id == circle_id, tables.Entry.leaf == leaf
        )
    )
