"""What is kept about people, how long, and why. The page "What is kept" prints this very list."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete
from sqlalchemy.ext.asyncio import AsyncSession

from circles.circle import founding
from circles.host import Host
from circles.members import invitations, pledges, sessions, throttle, way_back
from circles.members.tables import NoticeRow, WordRow


def _(message: str) -> str:
    """Mark for translation; the page translates."""
    return message


_SHORT = timedelta(hours=24)
_NOTICES = timedelta(days=180)
_DUES = timedelta(days=400)


@dataclass(frozen=True)
class Kept:
    """One line of the timetable, in words for everybody."""

    what: str
    how_long: str
    why: str


TIMETABLE: list[Kept] = [
    Kept(
        _("Your handle and your pledge"),
        _("until you leave; then at once"),
        _("so that the circle knows who is in"),
    ),
    Kept(
        _("Your pass phrase"),
        _("never; only a one-way sum of it, until you leave"),
        _("so that nobody but you can sign in with it"),
    ),
    Kept(
        _("Where you are signed in (times only, no device, no address)"),
        _("30 days after your last visit, 180 days at most"),
        _("so that you need not type your pass phrase each time"),
    ),
    Kept(
        _("Invitations and ways back in"),
        _("two hours and ten minutes; a day later they are gone from our list too"),
        _("so that a lost note on a table opens nothing"),
    ),
    Kept(
        _("How often somebody tried to sign in"),
        _("a few minutes"),
        _("so that guessing is slow"),
    ),
    Kept(
        _("What is pinned up"),
        _("180 days; the name of somebody who left is rubbed out at once"),
        _("so that changes are seen by all"),
    ),
    Kept(
        _("A word for you alone"),
        _("until you have read it, 180 days at most"),
        _("so that nothing about your account changes unseen by you"),
    ),
    Kept(
        _("What your pledge came to, month by month"),
        _("400 days, or until you leave"),
        _("so that you and the treasurer can look back a year"),
    ),
    Kept(
        _("What the books say about you"),
        _("as long as there are books, under a random number"),
        _("so that anyone can check that no money went astray"),
    ),
]


async def purge(db: AsyncSession, now: datetime) -> None:
    """Rub out all that is over, by the real clock. Safe to run at any time."""
    await founding.purge(db, now)
    await sessions.purge(db, now)
    await throttle.purge(db, now)
    await invitations.purge(db, now - _SHORT)
    await way_back.purge(db, now - _SHORT)
    await pledges.erase_before(db, (now - _DUES).strftime("%Y-%m"))
    await db.execute(delete(NoticeRow).where(NoticeRow.at <= now - _NOTICES))
    await db.execute(delete(WordRow).where(WordRow.at <= now - _NOTICES))


_EVERY = timedelta(minutes=10)
_purged_at: dict[str, datetime] = {}


async def tick(host: Host) -> None:
    """`purge`, every ten minutes at most in this process."""
    now = host.clock.now()
    last = _purged_at.get(host.database.url)
    if last is not None and timedelta() <= now - last < _EVERY:
        return
    _purged_at[host.database.url] = now
    async with host.database.begin() as db:
        await purge(db, now)
