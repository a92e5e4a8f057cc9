"""What has to happen without anybody asking: all circles, one after the other.

A lease keeps two processes from doing the same at once; nothing depends on it, because every step
looks again under its own lock. One circle's trouble is logged and does not stop the others.
"""

from __future__ import annotations

import asyncio
import secrets
from datetime import datetime, timedelta

import structlog
from sqlalchemy import delete
from sqlalchemy.dialects import postgresql, sqlite

from circles.circle import circles
from circles.circle.circles import Circle
from circles.closing.advance import advance
from circles.closing.tables import LeaseRow
from circles.host import Host
from circles.log import floor
from circles.members import issuer

LEASE = timedelta(seconds=60)
_NAME = "tick"
_HOLDER = secrets.token_bytes(16)
_log = structlog.get_logger("circles")
# Tasks that pages asked for; held here so that they are not collected while they run.
_soon: dict[int, asyncio.Task[None]] = {}


async def tick(host: Host) -> None:
    """Do once what is due in every circle, and delete what is kept no longer."""
    if not await _lease(host):
        return
    try:
        async with host.database.read() as db:
            every = await circles.every(db)
        for circle in every:
            await _lease(host)
            await _advance_one(host, circle)
        await retain(host)
    finally:
        async with host.database.begin() as db:
            await db.execute(
                delete(LeaseRow).where(LeaseRow.name == _NAME, LeaseRow.holder == _HOLDER)
            )


def tick_soon(host: Host) -> None:
    """Tick once in the background, because a page has seen that something is due."""
    key = id(host)
    running = _soon.get(key)
    if running is None or running.done():
        _soon[key] = asyncio.get_running_loop().create_task(_tick_quietly(host))


async def rest(host: Host) -> None:
    """Wait for what a page asked for: the host is about to let go of its database."""
    running = _soon.pop(id(host), None)
    if running is not None:
        await running


async def _tick_quietly(host: Host) -> None:
    try:
        await tick(host)
    except Exception:
        # Nobody waits for this answer; the regular tick will meet the same and say so again.
        _log.exception("tick")


async def _advance_one(host: Host, circle: Circle) -> None:
    try:
        await advance(host, circle.id)
    except Exception:
        _log.exception("advance", circle=circle.slug)


async def _lease(host: Host) -> bool:
    """Take or renew the lease; False while somebody else holds it."""
    now: datetime = host.clock.now()
    postgres = host.database.dialect == "postgresql"
    insert = postgresql.insert if postgres else sqlite.insert
    wanted = insert(LeaseRow).values(name=_NAME, holder=_HOLDER, until=now + LEASE)
    free = (LeaseRow.until <= now) | (LeaseRow.holder == _HOLDER)
    async with host.database.begin() as db:
        held = await db.scalar(
            wanted.on_conflict_do_update(
                index_elements=["name"],
                set_={"holder": wanted.excluded.holder, "until": wanted.excluded.until},
                where=free,
            ).returning(LeaseRow.holder)
        )
    return held is not None


async def retain(host: Host) -> None:
    """Delete takes, rolls and lines 90 days after their poll's close, by the real clock."""
    now = host.clock.now()
    async with host.database.begin() as db:
        erased = await issuer.erase(db, now - timedelta(days=issuer.KEPT_DAYS))
    for circle_id, poll_hash in erased:
        await floor.forget_takes(host, circle_id, poll_hash)
