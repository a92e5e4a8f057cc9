"""Parting: what a member paid in and did not use is given to the fund or asked back; then they are
rubbed out, in one transaction, with what was learned of accounts that paid for them. The books keep
their number."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from circles.circle.circles import Circle
from circles.dues.dues import local_day
from circles.ledger import books, chart, payers
from circles.ledger.books import NewTransfer
from circles.members import notices, people
from circles.members.people import Member

REACH_CHARS_MAX = 200


async def part(
    db: AsyncSession,
    circle: Circle,
    member: Member,
    *,
    give: bool,
    reach: str,
    round_now: datetime,
    at: datetime,
) -> int:
    """Let a member go; what was left of theirs, in minor units.

    With `give` the rest goes to the fund. Without, whoever keeps the books (a steward, if nobody
    else does) is told the number, the amount and `reach`, words on how to reach the person. Raises
    LastStewardError; then nothing happened.
    """
    await books.lock(db, circle.id)
    rest_minor = await books.member_minor(db, circle.id, member.book_number)
    if rest_minor > 0 and give:
        gift = NewTransfer(
            kind="pledge",
            debit=chart.member(member.book_number),
            credit=chart.FUND,
            amount_minor=rest_minor,
            effective_on=local_day(circle, round_now),
            business_ref=f"parting:{member.book_number}",
        )
        await books.record(db, circle.id, [gift], key=None, now=round_now)
    await payers.forget(db, circle.id, member.book_number)
    await people.leave(db, circle.id, member.id)
    if rest_minor > 0 and not give:
        await _note_refund(db, circle, member, rest_minor, reach, at)
    return rest_minor


async def _note_refund(
    db: AsyncSession, circle: Circle, member: Member, rest_minor: int, reach: str, at: datetime
) -> None:
    left = await people.every(db, circle.id)
    keepers = [one for one in left if one.is_treasurer] or [one for one in left if one.is_steward]
    values = {"number": member.book_number, "amount_minor": str(rest_minor), "reach": reach}
    for keeper in keepers:
        await notices.tell(db, keeper.id, "refund-asked", values, at)
