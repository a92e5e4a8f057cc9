"""Pledges: what a member would like to put in each month, and what it came to (the due).

A pledge is not money. It becomes a due when a round starts; the amount is frozen then, so that a
change counts from the next month on. A due waits until money arrived, then it is moved to the fund
(`dues/`). A month in which nothing arrived is simply over: its due is dropped when the next
round's dues are raised, and reads "skipped" to the member. Nobody else can tell.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from circles.circle.circles import Circle
from circles.errors import ConflictError, InvalidError
from circles.members.tables import AccountRow, PledgeDueRow, PledgeRow, PledgeSkipRow
from circles.web.i18n import gettext as _

WAITING, MOVED, DROPPED = "waiting", "moved", "dropped"


class PledgeError(InvalidError):
    """An amount that this circle does not take."""

    code = "pledge"


@dataclass(frozen=True)
class Pledge:
    """`amount_minor` 0 means: just looking. `skipped` holds months (yyyy-mm)."""

    amount_minor: int
    paused: bool
    skipped: frozenset[str]

    def due_minor(self, month: str) -> int:
        """What this comes to in a month."""
        return 0 if self.paused or month in self.skipped else self.amount_minor


@dataclass(frozen=True)
class Due:
    """A month's due. `state` is WAITING, MOVED or DROPPED."""

    id: bytes
    member_id: bytes
    book_number: str
    month: str
    amount_minor: int
    state: str
    moved_at: datetime | None


NO_PLEDGE = Pledge(0, paused=False, skipped=frozenset())


def check_amount(circle: Circle, amount_minor: int) -> None:
    """PledgeError unless 0 <= amount <= the circle's ceiling."""
    if amount_minor < 0:
        raise PledgeError(_("A pledge is nothing, or more than nothing."))
    if amount_minor > circle.pledge_ceiling_minor:
        raise PledgeError(_("That is more than this circle takes from one of us each month."))


async def of(db: AsyncSession, member_id: bytes) -> Pledge:
    """A member's pledge; NO_PLEDGE if they only look."""
    row = await db.get(PledgeRow, member_id, populate_existing=True)
    skips = await db.scalars(
        select(PledgeSkipRow.month).where(PledgeSkipRow.account_id == member_id)
    )
    skipped = frozenset(skips)
    if row is None:
        return Pledge(0, paused=False, skipped=skipped)
    return Pledge(row.amount_minor, row.paused, skipped)


async def change(
    db: AsyncSession, circle: Circle, member_id: bytes, amount_minor: int, at: datetime
) -> None:
    """Another amount from the next dues on; 0 stops it. Ends a pause. PledgeError."""
    check_amount(circle, amount_minor)
    row = await db.get(PledgeRow, member_id)
    if row is None:
        row = PledgeRow(account_id=member_id)
        db.add(row)
    row.amount_minor, row.paused, row.changed_at = amount_minor, False, at
    await db.flush()


async def pause(db: AsyncSession, member_id: bytes, *, paused: bool, at: datetime) -> None:
    """Keep the amount, but let no month count until taken up again."""
    await db.execute(
        update(PledgeRow)
        .where(PledgeRow.account_id == member_id)
        .values(paused=paused, changed_at=at)
    )


async def skip(db: AsyncSession, member_id: bytes, month: str) -> None:
    """Leave out one month; a due of it that still waits is dropped. ConflictError once it moved."""
    due = await _due_of(db, member_id, month)
    if due is not None and due.state == MOVED:
        raise ConflictError(_("This month’s money is in the fund already. Skip the next one?"))
    if due is not None:
        due.state = DROPPED
    if await db.get(PledgeSkipRow, (member_id, month)) is None:
        db.add(PledgeSkipRow(account_id=member_id, month=month))
    await db.flush()


async def unskip(db: AsyncSession, member_id: bytes, month: str) -> None:
    """Take part in that month after all; a due that was raised and dropped waits again."""
    skipped = await db.get(PledgeSkipRow, (member_id, month))
    if skipped is None:
        return
    await db.delete(skipped)
    due = await _due_of(db, member_id, month)
    if due is not None and due.state == DROPPED:
        due.state = WAITING
    await db.flush()


async def _due_of(db: AsyncSession, member_id: bytes, month: str) -> PledgeDueRow | None:
    found: PledgeDueRow | None = await db.scalar(
        select(PledgeDueRow)
        .where(PledgeDueRow.account_id == member_id, PledgeDueRow.month == month)
        .with_for_update()
    )
    return found


async def due_amounts(
    db: AsyncSession, circle_id: bytes, month: str
) -> list[tuple[bytes, str, int]]:
    """(member id, book number, amount) of each pledge that comes to something that month."""
    skips = select(PledgeSkipRow.account_id).where(PledgeSkipRow.month == month)
    rows = await db.execute(
        select(AccountRow.id, AccountRow.book_number, PledgeRow.amount_minor)
        .join(PledgeRow, PledgeRow.account_id == AccountRow.id)
        .where(
            AccountRow.circle_id == circle_id,
            PledgeRow.amount_minor > 0,
            PledgeRow.paused.is_(False),
            AccountRow.id.not_in(skips),
        )
        .order_by(AccountRow.book_number)
    )
    return [(id_, number, amount) for id_, number, amount in rows]


async def raise_dues(db: AsyncSession, circle_id: bytes, month: str) -> int:
    """Freeze what each pledge comes to in `month`; how many were new. Safe to repeat.

    Dues of earlier months that still wait are dropped: there are no arrears here.
    """
    await db.execute(
        update(PledgeDueRow)
        .where(
            PledgeDueRow.circle_id == circle_id,
            PledgeDueRow.state == WAITING,
            PledgeDueRow.month < month,
        )
        .values(state=DROPPED)
    )
    raised = set(
        await db.scalars(
            select(PledgeDueRow.account_id).where(
                PledgeDueRow.circle_id == circle_id, PledgeDueRow.month == month
            )
        )
    )
    new = [
        PledgeDueRow(
            id=secrets.token_bytes(16),
            circle_id=circle_id,
            account_id=member_id,
            month=month,
            amount_minor=amount,
            state=WAITING,
            moved_at=None,
        )
        for member_id, _, amount in await due_amounts(db, circle_id, month)
        if member_id not in raised
    ]
    db.add_all(new)
    await db.flush()
    return len(new)


async def waiting(db: AsyncSession, circle_id: bytes) -> list[Due]:
    """Dues that wait for money, in the order of month and book number."""
    return await _dues(db, (PledgeDueRow.circle_id == circle_id) & (PledgeDueRow.state == WAITING))


async def dues_of(db: AsyncSession, member_id: bytes) -> list[Due]:
    """All dues of one member, the oldest first."""
    return await _dues(db, PledgeDueRow.account_id == member_id)


async def _dues(db: AsyncSession, which: ColumnElement[bool]) -> list[Due]:
    rows = await db.execute(
        select(PledgeDueRow, AccountRow.book_number)
        .join(AccountRow, AccountRow.id == PledgeDueRow.account_id)
        .where(which)
        .order_by(PledgeDueRow.month, AccountRow.book_number)
        .execution_options(populate_existing=True)
    )
    return [
        Due(r.id, r.account_id, number, r.month, r.amount_minor, r.state, r.moved_at)
        for r, number in rows
    ]


async def mark_moved(db: AsyncSession, due_id: bytes, at: datetime) -> bool:
    """The due's money went to the fund; False if it was no longer waiting."""
    moved = await db.execute(
        update(PledgeDueRow)
        .where(PledgeDueRow.id == due_id, PledgeDueRow.state == WAITING)
        .values(state=MOVED, moved_at=at)
        .returning(PledgeDueRow.id)
    )
    return moved.first() is not None


async def take_back(db: AsyncSession, circle_id: bytes, book_number: str, month: str) -> None:
    """A due's move to the fund was undone: it waits again if it is of the newest month, else it is
    over (there are no arrears here)."""
    newest = await db.scalar(
        select(func.max(PledgeDueRow.month)).where(PledgeDueRow.circle_id == circle_id)
    )
    whose = select(AccountRow.id).where(
        AccountRow.circle_id == circle_id, AccountRow.book_number == book_number
    )
    await db.execute(
        update(PledgeDueRow)
        .where(
            PledgeDueRow.account_id.in_(whose),
            PledgeDueRow.month == month,
            PledgeDueRow.state == MOVED,
        )
        .values(state=WAITING if month == newest else DROPPED, moved_at=None)
        .execution_options(synchronize_session=False)
    )


async def erase_before(db: AsyncSession, month: str) -> None:
    """Forget dues and skips of months before `month`."""
    await db.execute(
        delete(PledgeDueRow).where(PledgeDueRow.month < month, PledgeDueRow.state != WAITING)
    )
    await db.execute(delete(PledgeSkipRow).where(PledgeSkipRow.month < month))
