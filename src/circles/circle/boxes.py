"""How many keys the box has, how many open it, and whether this server holds one. No names here.

What holds for a round is written down when it is announced, because the poll record in the log
names keys and not whose they are. Rounds from before that was written had the server's key alone.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from circles.circle.tables import BoxRow

# A vote that too few keys have opened so long after its close is void (docs/protocol.md, 4).
OPENED_WITHIN = timedelta(days=7)
# The month under which stands what was decided for the rounds to come.
_TO_COME = ""


@dataclass(frozen=True)
class BoxKeys:
    """`needed` of `keys` open the box; `own` is the number of this server's key, 0 if it has none.

    Of what was decided for rounds to come `own` says only whether it will have one (1 or 0).
    """

    keys: int
    needed: int
    own: int

    @property
    def server_opens(self) -> bool:
        """Whether this server alone could open the box early."""
        return self.own > 0 and self.needed == 1

    @property
    def only_server(self) -> bool:
        """Whether nobody but this server holds a key."""
        return self.own > 0 and self.keys == 1


SERVER_ALONE = BoxKeys(1, 1, 1)


async def of_month(db: AsyncSession, circle_id: bytes, month: str) -> BoxKeys:
    """Those of a round that was announced (yyyy-mm)."""
    row = await db.get(BoxRow, (circle_id, month), populate_existing=True)
    return _value(row) if row else SERVER_ALONE


async def by_month(db: AsyncSession, circle_id: bytes) -> dict[str, BoxKeys]:
    """Those of every round that wrote them down, by month."""
    rows = await db.scalars(
        select(BoxRow).where(BoxRow.circle_id == circle_id, BoxRow.month != _TO_COME)
    )
    return {row.month: _value(row) for row in rows}


async def to_come(db: AsyncSession, circle_id: bytes) -> BoxKeys | None:
    """What was decided for the rounds to come; None while nobody has decided."""
    row = await db.get(BoxRow, (circle_id, _TO_COME), populate_existing=True)
    return _value(row) if row else None


async def newest(db: AsyncSession, circle_id: bytes) -> BoxKeys:
    """Those of the newest round; before the first, what was decided for it."""
    months = await by_month(db, circle_id)
    if months:
        return months[max(months)]
    return await to_come(db, circle_id) or SERVER_ALONE


async def decide(db: AsyncSession, circle_id: bytes, keys: BoxKeys) -> None:
    """Write down what holds for the rounds to come."""
    await write(db, circle_id, _TO_COME, replace(keys, own=1 if keys.own else 0))


async def write(db: AsyncSession, circle_id: bytes, month: str, keys: BoxKeys) -> None:
    """Write down what holds for a round."""
    row = await db.get(BoxRow, (circle_id, month), populate_existing=True)
    if row is None:
        row = BoxRow(circle_id=circle_id, month=month)
        db.add(row)
    row.keys, row.needed, row.own = keys.keys, keys.needed, keys.own
    await db.flush()


def _value(row: BoxRow) -> BoxKeys:
    return BoxKeys(row.keys, row.needed, row.own)
