"""Raising dues, moving them when they are covered, and undoing a contribution that moved on."""

from __future__ import annotations

from datetime import date, datetime
from zoneinfo import ZoneInfo

from sqlalchemy.ext.asyncio import AsyncSession

from circles.circle.circles import Circle
from circles.host import Host
from circles.ledger import books, chart
from circles.ledger.books import NewTransfer
from circles.members import pledges

_PLEDGES_LOOKED_AT = 60
_UNDONE_MAX = 100


def pledge_ref(book_number: str, month: str) -> str:
    """The business reference that makes a month's move happen once."""
    return f"pledge:{book_number}:{month}"


def local_day(circle: Circle, now: datetime) -> date:
    """The day it is where the circle is."""
    return now.astimezone(ZoneInfo(circle.zone)).date()


async def raise_dues(host: Host, circle: Circle, month: str) -> int:
    """Once a round, when it starts: freeze what each pledge comes to, and move what is covered.

    How many dues were new. Safe to repeat: a second run raises and moves nothing twice.
    """
    now = host.clock.round_now()
    async with host.database.begin() as db:
        await books.lock(db, circle.id)
        new = await pledges.raise_dues(db, circle.id, month)
        await settle(db, circle, now)
    return new


async def settle(db: AsyncSession, circle: Circle, now: datetime) -> int:
    """Move to the fund every waiting due that its member's balance covers, the oldest first.

    How many moved. Called after each contribution and by the clock.
    """
    # Locked first: what we read of balances then stands until we have moved what they cover.
    await books.lock(db, circle.id)
    waiting = await pledges.waiting(db, circle.id)
    held = await books.balances(db, circle.id) if waiting else {}
    moved = 0
    for due in waiting:
        account = chart.member(due.book_number)
        if held.get(account, 0) < due.amount_minor:
            continue
        ref = await _free_ref(db, circle, pledge_ref(due.book_number, due.month))
        if ref is None or not await pledges.mark_moved(db, due.id, now):
            continue
        new = NewTransfer(
            kind="pledge",
            debit=account,
            credit=chart.FUND,
            amount_minor=due.amount_minor,
            effective_on=local_day(circle, now),
            business_ref=ref,
        )
        await books.record(db, circle.id, [new], key=None, now=now)
        held[account] -= due.amount_minor
        moved += 1
    return moved


async def _free_ref(db: AsyncSession, circle: Circle, ref: str) -> str | None:
    """The reference to move under: the next one if earlier moves were all undone, None if one
    stands."""
    attempt = ref
    for number in range(2, _UNDONE_MAX):
        found = await books.by_ref(db, circle.id, attempt)
        if found is None:
            return attempt
        if not await books.is_reversed(db, circle.id, found.id):
            return None
        attempt = f"{ref}:{number}"
    return None


async def undo_contribution(
    db: AsyncSession,
    circle: Circle,
    transfer_id: bytes,
    *,
    actor: int,
    now: datetime,
    note: str | None = None,
    on: date | None = None,
) -> int:
    """Reverse a contribution that was booked wrongly; how many months' moves were undone for it.

    What moved on to the fund comes back first, the newest month first, as far as the fund still
    holds it (NotCoveredError else). The newest month's due then waits again; older ones are over.
    `on` is the reversal's day: today, if not said.
    """
    wrong = await books.transfer(db, circle.id, transfer_id)
    undone = await fetch_back(db, circle, wrong.credit, wrong.amount_minor, actor=actor, now=now)
    await books.reverse(
        db, circle.id, transfer_id, actor=actor, now=now, note=note, effective_on=on
    )
    return undone


async def fetch_back(
    db: AsyncSession,
    circle: Circle,
    account: str,
    amount_minor: int,
    *,
    actor: int,
    now: datetime,
) -> int:
    """Undo a member's moves to the fund, the newest first, until their account holds that much or
    nothing is left to undo; how many months. NotCoveredError when the fund does not hold it."""
    undone = 0
    while await books.balance(db, circle.id, account) < amount_minor:
        pledge = await _newest_pledge(db, circle, account)
        if pledge is None:
            break
        await books.reverse(db, circle.id, pledge.id, actor=actor, now=now)
        _, number, month, *_ = (pledge.business_ref or "").split(":")
        await pledges.take_back(db, circle.id, number, month)
        undone += 1
    return undone


async def _newest_pledge(db: AsyncSession, circle: Circle, account: str) -> books.Transfer | None:
    """The newest move of that member to the fund that still stands."""
    lines = await books.journal(
        db, circle.id, limit=_PLEDGES_LOOKED_AT, kinds=("pledge",), code=account
    )
    return next((line.transfer for line in lines if line.reversed_by is None), None)
