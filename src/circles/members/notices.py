"""Notices: what is pinned up for all members, and words for one.

A notice is a kind and values; its words stand in `templates/members/notices.html`. Whoever is
meant by one stands there by id, under a key ending in `_id` (hex): `{"by_id": ...}` reads back as
`{"by": "Marisol"}`, or as "" once that person has left, so that leaving rubs out the name here too.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from circles.members.tables import AccountRow, NoticeRow, WordRow

_ID_ENDING = "_id"


@dataclass(frozen=True)
class Notice:
    """`values` as described above, with handles in place of ids."""

    id: bytes
    kind: str
    values: dict[str, str]
    at: datetime


async def pin(
    db: AsyncSession, circle_id: bytes, kind: str, values: Mapping[str, str], at: datetime
) -> None:
    """Pin something up for all members of a circle; `at` is the circle's own time."""
    db.add(
        NoticeRow(
            id=secrets.token_bytes(16), circle_id=circle_id, kind=kind, values=_text(values), at=at
        )
    )
    await db.flush()


async def pinned(db: AsyncSession, circle_id: bytes, *, limit: int = 20) -> list[Notice]:
    """What hangs there, the newest first."""
    rows = await db.scalars(
        select(NoticeRow)
        .where(NoticeRow.circle_id == circle_id)
        .order_by(NoticeRow.at.desc(), NoticeRow.id)
        .limit(limit)
    )
    return await _notices(db, rows)


async def tell(
    db: AsyncSession, member_id: bytes, kind: str, values: Mapping[str, str], at: datetime
) -> None:
    """Tell one member something; shown at the next sign-in and kept until read."""
    db.add(
        WordRow(
            id=secrets.token_bytes(16),
            account_id=member_id,
            kind=kind,
            values=_text(values),
            at=at,
        )
    )
    await db.flush()


async def told(db: AsyncSession, member_id: bytes) -> list[Notice]:
    """What this member has not yet read, the oldest first."""
    rows = await db.scalars(
        select(WordRow).where(WordRow.account_id == member_id).order_by(WordRow.at, WordRow.id)
    )
    return await _notices(db, rows)


async def read(db: AsyncSession, member_id: bytes, until: datetime) -> None:
    """The member has read everything up to `until`; it is forgotten."""
    await db.execute(delete(WordRow).where(WordRow.account_id == member_id, WordRow.at <= until))


async def rub_out(db: AsyncSession, member_id: bytes) -> None:
    """A member leaves: what hangs there and what others were told names them no more."""
    mark = member_id.hex()
    pinned_up = await db.scalars(select(NoticeRow).where(NoticeRow.values.contains(mark)))
    told_to = await db.scalars(select(WordRow).where(WordRow.values.contains(mark)))
    rows: list[NoticeRow | WordRow] = [*pinned_up.all(), *told_to.all()]
    for row in rows:
        values = json.loads(row.values)
        row.values = _text({key: "" if v == mark else v for key, v in values.items()})
    await db.flush()


def _text(values: Mapping[str, str]) -> str:
    return json.dumps(dict(values), ensure_ascii=False, sort_keys=True)


async def _notices(db: AsyncSession, rows: Iterable[NoticeRow | WordRow]) -> list[Notice]:
    kept = [(row, json.loads(row.values)) for row in rows]
    ids = {
        bytes.fromhex(value)
        for _, values in kept
        for key, value in values.items()
        if key.endswith(_ID_ENDING) and value
    }
    handles: dict[str, str] = {}
    if ids:
        found = await db.execute(
            select(AccountRow.id, AccountRow.handle).where(AccountRow.id.in_(ids))
        )
        handles = {id_.hex(): handle for id_, handle in found}
    return [Notice(row.id, row.kind, _named(values, handles), row.at) for row, values in kept]


def _named(values: Mapping[str, str], handles: Mapping[str, str]) -> dict[str, str]:
    return {
        key.removesuffix(_ID_ENDING): handles.get(value, "") if key.endswith(_ID_ENDING) else value
        for key, value in values.items()
    }
