"""Closing a poll (docs/protocol.md, 4.4): shut, publish and record, destroy the keys.

Three transactions, each of which may be the last before a crash; the next run goes on from there.
The second is one whole: seal and reserve (a vote), ballots in hash order, close record, staging
dropped, checkpoint. No entry and no checkpoint can come between.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from circles import log
from circles.ballot import box
from circles.circle.calendar import GRACE
from circles.circle.circles import Circle
from circles.dues import dues
from circles.host import Host
from circles.ledger import books
from circles.members import issuer
from circles.protocol.merkle import leaf
from circles.protocol.messages import VOTE, Close, Seal
from circles.rounds import progress
from circles.rounds.rounds import PollState, Round

# Who acts in the books when no person does.
SYSTEM = 0


async def shut(host: Host, circle: Circle, month: str, purpose: str) -> bool:
    """The flip: after `closes` and its grace nothing is taken or cast any more. False if not due.

    The last casts hold the box's row until they are answered; no receipt is signed after this.
    """
    async with host.database.begin() as db:
        round_ = await progress.lock(db, circle.id, month)
        if not is_due(round_, purpose, host.clock.round_now()):
            return False
        poll = round_.of(purpose)
        await issuer.shut(db, poll.poll_hash, host.clock.now())
        await box.shut(db, poll.poll_hash)
        await progress.set_shut(db, poll.poll_hash)
    return True


def is_due(round_: Round, purpose: str, now: datetime) -> bool:
    """Whether a poll is to be shut now; a vote only once its slate stands before it in the log."""
    poll = round_.of(purpose)
    ready = purpose != VOTE or round_.slate_text is not None
    return ready and not poll.shut and now >= poll.closes_at + GRACE


async def record(host: Host, circle: Circle, month: str, purpose: str) -> bool:
    """Publish the ballots of a shut poll and log its close, with a checkpoint. False if done."""
    async with host.database.begin() as db:
        round_ = await progress.lock(db, circle.id, month)
        poll = round_.of(purpose)
        if not poll.shut or poll.close_text is not None:
            return False
        takes = await issuer.takes_file(db, poll.poll_hash)
        reserved = await _reserve(db, host, circle, month) if purpose == VOTE else None
        published = await box.publish(db, poll.poll_hash)
        text = Close(
            poll=poll.poll_hash,
            takes=takes.leaf,
            take_count=takes.count,
            reissued=takes.reissued,
            voters=takes.voters,
            first=published.first_index,
            ballots=published.count,
            keys=published.keys,
            fund_minor=reserved.fund_minor if reserved else None,
            currency=reserved.currency if reserved else None,
            ledger=reserved.seal_leaf if reserved else None,
        ).text()
        await log.append(db, circle.id, [text])
        await box.drop_staged(db, poll.poll_hash)
        await progress.set_closed(db, poll.poll_hash, text)
        await log.sign(db, host.vault, circle.id, host)
    return True


@dataclass(frozen=True)
class _Reserved:
    fund_minor: int
    currency: str
    seal_leaf: bytes


async def _reserve(db: AsyncSession, host: Host, circle: Circle, month: str) -> _Reserved:
    """Set the whole fund aside and log the seal that shows it.

    Whatever comes into the books after this transaction belongs to the next round.
    """
    now = host.clock.round_now()
    on = dues.local_day(circle, now)
    fund_minor = await books.reserve_fund(db, circle.id, month, SYSTEM, now, on=on)
    figures = await books.seal(db, circle.id, month, "vote", actor=SYSTEM, now=now)
    if figures.fund_minor != fund_minor:
        raise RuntimeError("the seal shows another fund than the one that was reserved")
    seal = seal_record(circle, month, figures)
    await log.append_once(db, circle.id, seal)
    return _Reserved(fund_minor, figures.currency, leaf(seal))


def seal_record(circle: Circle, month: str, figures: books.SealFigures) -> bytes:
    """The seal as the log carries it."""
    return Seal(
        circle=circle.id,
        month=month,
        transfers=figures.transfers,
        head=figures.head,
        fund_minor=figures.fund_minor,
        currency=figures.currency,
    ).text()


async def destroy_keys(host: Host, circle: Circle, month: str) -> bool:
    """Destroy the issuer keys of polls whose close is in the log. False if none was left."""
    async with host.database.begin() as db:
        round_ = await progress.lock(db, circle.id, month)
        closed = with_keys(round_)
        for poll in closed:
            await issuer.destroy_key(db, poll.poll_hash)
            await progress.set_keys_destroyed(db, poll.poll_hash)
    return bool(closed)


def with_keys(round_: Round) -> list[PollState]:
    """The polls that are closed and whose issuer key is still there."""
    polls = (round_.nominate, round_.vote)
    return [poll for poll in polls if poll.close_text is not None and not poll.keys_destroyed]
