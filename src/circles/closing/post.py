"""What a decided round does to the books, and the seal at each month's end."""

from __future__ import annotations

from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession

from circles import log
from circles.circle.calendar import month_before, month_of
from circles.circle.circles import Circle
from circles.closing.close import SYSTEM, seal_record
from circles.closing.tables import DoneRow
from circles.dues import dues
from circles.host import Host
from circles.ledger import books
from circles.rounds import announce, progress, rounds


async def post(host: Host, circle: Circle, month: str) -> bool:
    """Move what was reserved: to the awards, and the rest back to the fund. False if done."""
    async with host.database.begin() as db:
        round_ = await progress.lock(db, circle.id, month)
        close = round_.vote.close
        if not round_.decided or round_.posted or close is None or close.fund_minor is None:
            return False
        result = round_.result
        awards = dict(result.awards) if result else {}
        carried_minor = result.carried_minor if result else close.fund_minor
        now = host.clock.round_now()
        on = dues.local_day(circle, now)
        await books.allocate(db, circle.id, month, awards, carried_minor, SYSTEM, now, on=on)
        await progress.set_posted(db, round_)
    return True


async def seal_month(host: Host, circle: Circle) -> bool:
    """Log the state of the books once a month is over. False if that is done, or not yet due.

    Only the month that ended last: a seal says how the books are, not how they once were.
    """
    month = month_before(month_of(host.clock.round_now(), circle.zone))
    async with host.database.read() as db:
        first = await announce.begins_with(db, circle)
        if first is None or month < first or await is_done(db, circle.id, f"seal:{month}"):
            return False
    async with host.database.begin() as db:
        if any(round_.vote.close_text for round_ in await rounds.unfinished(db, circle.id)):
            return False  # Between a close and its posting the fund is on its way.
        if not await claim(db, circle.id, f"seal:{month}"):
            return False
        figures = await books.seal(
            db, circle.id, month, "end", actor=SYSTEM, now=host.clock.round_now()
        )
        await log.append_once(db, circle.id, seal_record(circle, month, figures))
        await log.sign(db, host.vault, circle.id, host)
    return True


async def is_done(db: AsyncSession, circle_id: bytes, step: str) -> bool:
    """Whether a once-only step was done."""
    return await db.get(DoneRow, (circle_id, step)) is not None


async def claim(db: AsyncSession, circle_id: bytes, step: str) -> bool:
    """Do a once-only step in this very transaction; False if it was done, or is being done."""
    insert = postgresql.insert if db.get_bind().dialect.name == "postgresql" else sqlite.insert
    claimed = await db.scalar(
        insert(DoneRow)
        .values(circle_id=circle_id, step=step)
        .on_conflict_do_nothing()
        .returning(DoneRow.step)
    )
    return claimed is not None
