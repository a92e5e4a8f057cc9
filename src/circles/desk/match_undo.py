"""Taking back what was said of a line: its bookings are reversed, and the line waits again.

Nothing is removed. What was there before the line, or stands in the public record (a payment that
arrived), stays in the books; only the tie is undone.
"""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy.ext.asyncio import AsyncSession

from circles.circle.circles import Circle
from circles.dues import dues
from circles.errors import ConflictError
from circles.host import Host
from circles.ledger import books, chart, payers
from circles.ledger.bank import lines, matches
from circles.ledger.bank.lines import BankLine
from circles.ledger.bank.matches import Match
from circles.ledger.books import NotCoveredError, Transfer
from circles.ledger.periods import closed_through
from circles.members.people import Member
from circles.protocol.text import unb64
from circles.web.i18n import gettext as _

_OURS = ("line:", "bounced:")


class NotUndoneError(ConflictError):
    """The money moved on, and must come back first."""

    code = "not-undone"


def is_of_line(transfer: Transfer) -> bool:
    """Whether it was booked for a line of the bank, and not before."""
    return (transfer.business_ref or "").startswith(_OURS)


async def undo(
    host: Host, circle: Circle, officer: Member, line_id: bytes, note: str | None = None
) -> bool:
    """Take back what was said of this line. False if nothing was: twice is once."""
    now = host.clock.round_now()
    async with host.database.begin() as db:
        await books.lock(db, circle.id)
        match = await matches.of_line(db, circle.id, line_id)
        if match is None:
            return False
        await undo_in(db, host, circle, match, actor=officer.actor, now=now, note=note)
    return True


async def undo_in(
    db: AsyncSession,
    host: Host,
    circle: Circle,
    match: Match,
    *,
    actor: int,
    now: datetime,
    note: str | None,
) -> None:
    """The same inside a transaction that holds the book's lock.

    Raises TiedForGoodError in a closed period, NotUndoneError when the money moved on.
    """
    await matches.untie(db, circle.id, match.id, actor=actor, now=now)
    found = [await books.transfer(db, circle.id, one) for one in match.transfer_ids]
    shut = await closed_through(db, circle.id)
    for transfer in sorted(found, key=lambda t: t.seq, reverse=True):
        if not is_of_line(transfer) or await books.is_reversed(db, circle.id, transfer.id):
            continue
        on = transfer.effective_on if shut is None or transfer.effective_on > shut else None
        try:
            await _take_back(db, circle, transfer, actor=actor, now=now, note=note, on=on)
        except NotCoveredError as error:
            raise NotUndoneError(_moved_on(transfer)) from error
    for line in await lines.some(db, host.vault, circle.id, match.line_ids):
        await _unlearn(db, host, circle, line, found)
    await dues.settle(db, circle, now)


async def _take_back(
    db: AsyncSession,
    circle: Circle,
    transfer: Transfer,
    *,
    actor: int,
    now: datetime,
    note: str | None,
    on: date | None,
) -> None:
    if transfer.kind == "contribution":
        await dues.undo_contribution(
            db, circle, transfer.id, actor=actor, now=now, note=note, on=on
        )
        return
    # Money given back went in two steps, and what bounced may have been made good at once.
    step = await books.by_ref(db, circle.id, with_ref(transfer.business_ref or ""))
    together = [transfer] if step is None else [transfer, step]
    for one in sorted(together, key=lambda t: t.seq, reverse=True):
        if not await books.is_reversed(db, circle.id, one.id):
            await books.reverse(
                db, circle.id, one.id, actor=actor, now=now, note=note, effective_on=on
            )


def with_ref(ref: str) -> str:
    """The reference of what is booked for the sake of the transfer with that one."""
    return f"{ref}/with"


def _moved_on(transfer: Transfer) -> str:
    if transfer.kind == "contribution_unidentified":
        return _("This money has found an owner. Undo that line first, then this one.")
    if chart.CASH in (transfer.debit, transfer.credit):
        return _("The cash tin does not hold that much. Nothing was changed.")
    return _(
        "The fund does not hold this money any more: it is set aside for a vote, or given. "
        "Nothing was changed. Wait until the vote is counted and try again."
    )


async def _unlearn(
    db: AsyncSession, host: Host, circle: Circle, line: BankLine, found: list[Transfer]
) -> None:
    """What was learned from it was learned wrongly."""
    for payer, number in pairs(line, [t for t in found if is_of_line(t)]):
        await payers.unlearn(db, host.vault, circle.id, number, payer)


async def unlearn_tied(
    db: AsyncSession, host: Host, circle: Circle, match: Match, undone: Transfer
) -> None:
    """The tie of a closed month stays, but what it taught was wrong for this member."""
    if not is_of_line(undone):
        return
    found = [await books.transfer(db, circle.id, one) for one in match.transfer_ids]
    number = undone.credit.rpartition(":")[2]
    for line in await lines.some(db, host.vault, circle.id, match.line_ids):
        for payer, whose in pairs(line, [t for t in found if is_of_line(t)]):
            if whose == number:
                await payers.unlearn(db, host.vault, circle.id, number, payer)


async def learn_claimed(
    db: AsyncSession,
    host: Host,
    circle: Circle,
    transfer_id: bytes,
    number: str,
    *,
    actor: int,
    now: datetime,
) -> None:
    """Money that was put aside has found its member: the account that it came from is theirs."""
    payer = await _payer_of(db, host, circle, transfer_id)
    if payer:
        on = dues.local_day(circle, now)
        await payers.learn(db, host.vault, circle.id, number, payer, actor=actor, on=on)


async def unlearn_claimed(db: AsyncSession, host: Host, circle: Circle, claim: Transfer) -> None:
    """It was not theirs after all."""
    claimed = (claim.business_ref or "").split(":")[1:2]
    payer = await _payer_of(db, host, circle, unb64(claimed[0])) if claimed else None
    if payer:
        number = claim.credit.rpartition(":")[2]
        await payers.unlearn(db, host.vault, circle.id, number, payer)


async def _payer_of(db: AsyncSession, host: Host, circle: Circle, transfer_id: bytes) -> str | None:
    match = await matches.of_transfer(db, circle.id, transfer_id)
    found = await lines.some(db, host.vault, circle.id, match.line_ids) if match else []
    # Of a batch, or of several lines, nobody knows which payment it was.
    if len(found) != 1 or found[0].words is None or found[0].words.details:
        return None
    return payers.account_of(found[0].words) or payers.name_of(found[0].words)


def pairs(line: BankLine, booked: list[Transfer]) -> list[tuple[str, str]]:
    """(who paid, for whom) of the contributions that a line was booked as."""
    if line.words is None:
        return []
    numbers = [
        t.credit.rpartition(":")[2]
        for t in sorted(booked, key=lambda t: t.seq)
        if t.kind == "contribution"
    ]
    details = line.words.details
    if details:
        if len(numbers) != len(booked) or len(details) != len(numbers):
            return []
        told = [payers.account_of(d) or payers.name_of(d) for d in details]
        return [(who, n) for who, n in zip(told, numbers, strict=True) if who]
    who = payers.account_of(line.words) or payers.name_of(line.words)
    return [(who, number) for number in numbers] if who else []
