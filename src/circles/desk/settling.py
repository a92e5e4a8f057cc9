"""A payment has arrived: the books, the public log, and the proposer's peace of mind.

In one transaction the payout is booked as settled, the books are sealed, and seal and payout record
are appended to the log and signed. An award is told to the log once: if its money came back and is
paid again, the record that stands already says it.
"""

from __future__ import annotations

from datetime import date

from sqlalchemy.ext.asyncio import AsyncSession

from circles import log
from circles.circle.calendar import month_of
from circles.circle.circles import Circle
from circles.host import Host
from circles.ledger import books, payouts
from circles.ledger.payouts import Payout
from circles.log import floor
from circles.members.people import Member
from circles.protocol.merkle import leaf
from circles.protocol.records import Payout as PayoutRecord
from circles.protocol.records import Seal
from circles.protocol.text import b64
from circles.rounds import rounds


async def settle(host: Host, circle: Circle, officer: Member, payout_id: bytes, on: date) -> Payout:
    """Book it as arrived and tell the log. Twice is once."""
    async with host.database.begin() as db:
        payout = await settle_in(db, host, circle, officer.actor, payout_id, on)
    await floor.raise_to(host, circle.id)
    return payout


async def settle_in(
    db: AsyncSession, host: Host, circle: Circle, actor: int, payout_id: bytes, on: date
) -> Payout:
    """The same inside a transaction; after its commit `floor.raise_to` must follow."""
    now = host.clock.round_now()
    await books.lock(db, circle.id)
    before = await payouts.get(db, circle.id, payout_id, lock=True)
    payout = await payouts.mark_settled(db, circle.id, payout_id, actor=actor, on=on, now=now)
    if before.state != "settled" and not await _told(db, circle, payout):
        await _tell(db, host, circle, payout, on)
    return payout


async def _told(db: AsyncSession, circle: Circle, payout: Payout) -> bool:
    """Whether an earlier payout of this award was settled, and so stands in the log."""
    return any(
        other.settled_on is not None and other.id != payout.id
        for other in await payouts.of_month(db, circle.id, payout.month)
        if other.candidate == payout.candidate
    )


async def _tell(db: AsyncSession, host: Host, circle: Circle, payout: Payout, on: date) -> None:
    now = host.clock.round_now()
    month = month_of(now, circle.zone)
    figures = await books.seal(db, circle.id, month, f"payout-{b64(payout.id)}", now=now)
    seal = Seal(
        circle.id, month, figures.transfers, figures.head, figures.fund_minor, figures.currency
    ).text()
    round_ = await rounds.by_month(db, circle.id, payout.month)
    record = PayoutRecord(
        poll=round_.vote.poll_hash,
        candidate=payout.candidate,
        amount_minor=payout.amount_minor,
        day=on,
        ledger=leaf(seal),
    )
    await log.append_once(db, circle.id, seal)
    await log.append_once(db, circle.id, record.text())
    await log.sign(db, host.vault, circle.id, host)
