"""What the books keep about people, how long, and why: the page "What is kept" prints this list."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from circles.host import Host
from circles.ledger import audit_links, payouts
from circles.ledger.bank import inbox, lines
from circles.ledger.tables import Note, TransferRow

# A year's report may still need the words; the month after it nobody does.
NOTE_KEPT = timedelta(days=400)
# The bank's own words for a line, once it is explained or its month is closed.
WORDS_KEPT = timedelta(days=400)
_EVERY = timedelta(minutes=10)
_ticked_at: dict[str, datetime] = {}


async def erase_notes(db: AsyncSession, now: datetime) -> int:
    """Take away the words beside old lines; the lines stay. How many were erased."""
    old = select(TransferRow.note_hash).where(
        TransferRow.note_hash.is_not(None), TransferRow.recorded_at < now - NOTE_KEPT
    )
    erased = await db.execute(delete(Note).where(Note.hash.in_(old)).returning(Note.hash))
    return len(erased.all())


async def tick(host: Host) -> None:
    """Forget what is due to be forgotten, by the real clock; every ten minutes at most."""
    now = host.clock.now()
    last = _ticked_at.get(host.database.url)
    if last is not None and timedelta() <= now - last < _EVERY:
        return
    _ticked_at[host.database.url] = now
    async with host.database.begin() as db:
        await payouts.erase_payees(db, now)
        await erase_notes(db, now)
        await audit_links.purge(db, now)
        await lines.erase_words(db, now - WORDS_KEPT)
    await asyncio.to_thread(inbox.purge, host)
