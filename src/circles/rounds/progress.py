"""What a month has come to, step by step: the only writer of a round's state after its start.

Whoever takes a step locks first and looks again, so that two at once take it once. Locks go in one
order everywhere: round, its polls, the issuer's poll, the box, the books, the log.
"""

from __future__ import annotations

from dataclasses import fields

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from circles.circle.calendar import RoundDates
from circles.errors import MissingError
from circles.rounds import rounds
from circles.rounds.rounds import Round
from circles.rounds.tables import PollRow, RoundRow
from circles.web.i18n import gettext as _


async def lock(db: AsyncSession, circle_id: bytes, month: str) -> Round:
    """The round as it stands, it and its polls held until the transaction ends. MissingError."""
    await db.execute(
        select(RoundRow)
        .where(RoundRow.circle_id == circle_id, RoundRow.month == month)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    await db.execute(
        select(PollRow)
        .where(PollRow.circle_id == circle_id, PollRow.month == month)
        .order_by(PollRow.purpose)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return await rounds.by_month(db, circle_id, month)


async def lock_poll(db: AsyncSession, circle_id: bytes, month: str, purpose: str) -> bytes:
    """The hash of a poll, held until the transaction ends; MissingError `unknown-poll`."""
    found = await db.scalar(
        select(PollRow.poll_hash)
        .where(PollRow.circle_id == circle_id, PollRow.month == month, PollRow.purpose == purpose)
        .with_for_update()
    )
    if found is None:
        raise MissingError(_("There is no such poll."), code="unknown-poll")
    return found


async def set_shut(db: AsyncSession, poll_hash: bytes) -> None:
    """The poll takes nothing any more."""
    await _set_poll(db, poll_hash, shut=True)


async def set_closed(db: AsyncSession, poll_hash: bytes, close_text: bytes) -> None:
    """The close record is logged, in this very transaction."""
    await _set_poll(db, poll_hash, close=close_text)


async def set_keys_destroyed(db: AsyncSession, poll_hash: bytes) -> None:
    """The issuer's private half is gone."""
    await _set_poll(db, poll_hash, keys_destroyed=True)


async def set_dates(db: AsyncSession, round_: Round, to: RoundDates) -> None:
    """The dates were moved."""
    values = {f.name: getattr(to, f.name) for f in fields(to) if f.name != "count_at"}
    await _set_round(db, round_, **values)


async def set_slate(db: AsyncSession, round_: Round, text: bytes) -> None:
    """The slate is logged, in this very transaction."""
    await _set_round(db, round_, slate=text)


async def set_opened(db: AsyncSession, round_: Round) -> None:
    """Enough trustees' secrets are logged, in this very transaction."""
    await _set_round(db, round_, opened=True)


async def set_result(db: AsyncSession, round_: Round, text: bytes) -> None:
    """The count is logged, in this very transaction."""
    await _set_round(db, round_, result=text)


async def set_void(db: AsyncSession, round_: Round, text: bytes) -> None:
    """It is logged that nothing was decided, in this very transaction."""
    await _set_round(db, round_, void=text)


async def set_posted(db: AsyncSession, round_: Round) -> None:
    """The books hold the awards and the rest."""
    await _set_round(db, round_, posted=True)


async def _set_poll(db: AsyncSession, poll_hash: bytes, **values: object) -> None:
    await db.execute(update(PollRow).where(PollRow.poll_hash == poll_hash).values(**values))


async def _set_round(db: AsyncSession, round_: Round, **values: object) -> None:
    await db.execute(
        update(RoundRow)
        .where(RoundRow.circle_id == round_.circle_id, RoundRow.month == round_.month)
        .values(**values)
    )
