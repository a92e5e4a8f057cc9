"""Changes while a poll runs: each is an event in the log, and what people do a notice for all.

An event states how all of it is from now on: dates, scripts of the booth, credentials issued anew.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from circles import log
from circles.ballot import box
from circles.circle.calendar import GRACE, RoundDates
from circles.circle.circles import Circle
from circles.errors import ConflictError, InvalidError
from circles.host import Host
from circles.members import issuer, notices
from circles.members.people import Member
from circles.protocol.messages import NOMINATE, VOTE, Event
from circles.rounds import clients, progress, rounds
from circles.rounds.rounds import Round
from circles.rounds.tables import PollRow
from circles.web import i18n
from circles.web.i18n import gettext as _

MOVABLE = tuple(f.name for f in fields(RoundDates) if f.name != "count_at")


class DatesError(InvalidError):
    """These dates cannot be; `code` says which: `past`, `order` or `unknown-date`."""

    code = "dates"


async def move_dates(
    host: Host, circle: Circle, month: str, changes: Mapping[str, datetime], by: Member
) -> Round:
    """Move dates of a round that lie ahead. Seen by all: an event in the log, and a notice.

    `changes` are aware instants by the names of MOVABLE. The caller raises the floor afterwards.
    DatesError if one of them, old or new, is past, or if the order would be wrong.
    """
    now = host.clock.round_now()
    async with host.database.begin() as db:
        round_ = await progress.lock(db, circle.id, month)
        moved = _moved(round_.dates, changes, now)
        if moved == round_.dates:
            return round_
        await progress.set_dates(db, round_, moved)
        await _move_polls(db, circle, round_, moved)
        for name in MOVABLE:
            if getattr(round_.dates, name) != getattr(moved, name):
                await _pin_date(db, host, circle, name, getattr(moved, name), by)
        await log.sign(db, host.vault, circle.id, host)
        return await rounds.by_month(db, circle.id, month)


async def _pin_date(
    db: AsyncSession, host: Host, circle: Circle, name: str, to: datetime, by: Member
) -> None:
    with i18n.speaking(circle):
        values = {"by_id": by.id.hex(), "step": name, "to": i18n.moment(to)}
    await notices.pin(db, circle.id, "dates-moved", values, host.clock.round_now())


def _moved(dates: RoundDates, changes: Mapping[str, datetime], now: datetime) -> RoundDates:
    """The new dates, checked against what is over and against each other."""
    for name, then in changes.items():
        if name not in MOVABLE:
            raise DatesError(_("There is no such date in a round."), code="unknown-date")
        if then.microsecond or then.utcoffset() is None:
            raise DatesError(_("A date is an exact minute."), code="unknown-date")
        was = getattr(dates, name)
        if was != then and (was <= now or then <= now):
            raise DatesError(
                _("Only dates that lie ahead can be moved, and only ahead."), code="past"
            )
    moved = replace(dates, **dict(changes))
    moved = replace(moved, count_at=moved.voting_closes + GRACE)
    if moved.clashes():
        raise DatesError(_("The steps of a month come one after the other."), code="order")
    return moved


async def _move_polls(db: AsyncSession, circle: Circle, round_: Round, to: RoundDates) -> None:
    times = {
        NOMINATE: (to.take_from, to.nominating_opens, to.nominating_closes),
        VOTE: (to.take_from, to.voting_opens, to.voting_closes),
    }
    for purpose in rounds.PURPOSES:
        poll = round_.of(purpose)
        take_from, opens_at, closes_at = times[purpose]
        if (poll.take_from, poll.opens_at, poll.closes_at) == times[purpose]:
            continue
        if poll.shut:
            raise ConflictError(_("This poll is closed; its dates stay as they were."))
        await issuer.reschedule(db, poll.poll_hash, take_from, closes_at)
        await box.reschedule(db, poll.poll_hash, opens_at, closes_at)
        row = await _poll_row(db, poll.poll_hash)
        row.take_from, row.opens_at, row.closes_at = take_from, opens_at, closes_at
        await _log_event(db, circle.id, row)


async def _poll_row(db: AsyncSession, poll_hash: bytes) -> PollRow:
    """The row of a poll that this transaction has locked already."""
    return await db.get_one(PollRow, poll_hash, populate_existing=True)


async def _log_event(db: AsyncSession, circle_id: bytes, row: PollRow) -> None:
    await db.flush()
    event = Event(
        poll=row.poll_hash,
        reissued=row.reissued,
        take_from=row.take_from,
        opens_at=row.opens_at,
        closes_at=row.closes_at,
        clients=rounds.split_hashes(row.clients),
    )
    await log.append(db, circle_id, [event.text()])


async def log_reissue(db: AsyncSession, circle_id: bytes, poll_hash: bytes, reissued: int) -> None:
    """A credential was issued anew: an event, in the transaction of the take itself.

    The event's number is therefore always that of the takes, whether a permission was used or not.
    """
    row = await _poll_row(db, poll_hash)
    row.reissued = reissued
    await _log_event(db, circle_id, row)


async def note_new_scripts(host: Host, circle: Circle, month: str) -> bool:
    """After an upgrade the booth runs other scripts: an event for each poll that still runs.

    True if there was one to log. The caller raises the floor afterwards.
    """
    served = b"".join(clients.hashes())
    changed = False
    async with host.database.begin() as db:
        round_ = await progress.lock(db, circle.id, month)
        for purpose in rounds.PURPOSES:
            row = await _poll_row(db, round_.of(purpose).poll_hash)
            if not row.shut and row.clients != served:
                row.clients = served
                await _log_event(db, circle.id, row)
                changed = True
        if changed:
            await log.sign(db, host.vault, circle.id, host)
    return changed


def runs_other_scripts(round_: Round) -> bool:
    """Whether a poll that still runs names other scripts than this server serves now."""
    served = clients.hashes()
    return any(not poll.shut and poll.clients != served for poll in (round_.nominate, round_.vote))


async def allow_reissue(
    host: Host, circle: Circle, month: str, purpose: str, member_id: bytes, by: Member
) -> int:
    """A steward lets a member collect a poll's credentials once more; how many.

    Pinned up for all; each one that is then really taken is an event in the log and counted in
    the close record. What was collected before stays good: say so to who asks for it.
    """
    async with host.database.begin() as db:
        round_ = await rounds.by_month(db, circle.id, month)
        allowed = await issuer.allow_reissue(db, round_.of(purpose).poll_hash, member_id)
        values = {"by_id": by.id.hex(), "who_id": member_id.hex()}
        await notices.pin(db, circle.id, "reissued", values, host.clock.round_now())
        await notices.tell(db, member_id, "reissued", values, host.clock.round_now())
        return allowed
