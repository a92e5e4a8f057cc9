"""Slowing down whoever tries again and again, per account and action.

A burst is free, then tries come at a steady pace (the generic cell rate algorithm: one stored time
a key). Taking a try and counting it is one locked step, so that many at once do not slip through.
The key is a keyed hash of circle, action and handle: known and unknown handles look alike, and no
address is kept. A session that is alive never asks here, so a guesser cannot lock its owner out.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from math import ceil

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from circles.errors import TooManyError
from circles.host import Host
from circles.members.people import insert_missing
from circles.members.tables import ThrottleRow
from circles.web.i18n import gettext as _

BURST = 10
PACE = timedelta(seconds=30)


async def take(host: Host, action: str, circle_id: bytes, who: str) -> bytes:
    """Use up one try and return its key; TooManyError with the seconds to wait.

    Its own transaction: a try counts whatever becomes of it.
    """
    now = host.clock.now()
    key = host.vault.mac("members/throttle", b"\n".join([circle_id, action.encode(), who.encode()]))
    async with host.database.begin() as db:
        await insert_missing(db, ThrottleRow, key=key, quiet_at=now)
        row = (
            await db.scalars(select(ThrottleRow).where(ThrottleRow.key == key).with_for_update())
        ).one()
        quiet_at = max(row.quiet_at, now) + PACE
        if quiet_at - now > BURST * PACE:
            wait_s = ceil((quiet_at - now - BURST * PACE).total_seconds())
            raise TooManyError(
                _("That was tried many times just now. Wait a little, then try again."),
                retry_after_s=wait_s,
            )
        row.quiet_at = quiet_at
    return key


async def forgive(db: AsyncSession, key: bytes) -> None:
    """It was the right one: earlier tries are forgotten."""
    await db.execute(delete(ThrottleRow).where(ThrottleRow.key == key))


async def purge(db: AsyncSession, now: datetime) -> None:
    """Forget what is quiet."""
    await db.execute(delete(ThrottleRow).where(ThrottleRow.quiet_at <= now))
