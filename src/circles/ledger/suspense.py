"""Money that nobody has claimed: what waits, and how it finds its owner."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy.ext.asyncio import AsyncSession

from circles.errors import ConflictError
from circles.ledger import chart
from circles.ledger.books import JournalLine, journal
from circles.ledger.journal import by_ref, record
from circles.ledger.transfer import Entry, NewTransfer, Transfer
from circles.protocol.text import b64
from circles.web.i18n import gettext as _

_LINES_MAX = 2000
_CLAIMS = ("identify", "gift")
_RECEIPTS = ("contribution_unidentified", "opening")


class ClaimedAlreadyError(ConflictError):
    """Somebody else was faster, or it was undone."""

    code = "claimed-already"


def _ref(transfer_id: bytes) -> str:
    return f"identify:{b64(transfer_id)}"


async def waiting(db: AsyncSession, circle_id: bytes) -> list[JournalLine]:
    """Receipts that nobody has claimed, the oldest first."""
    lines = await journal(db, circle_id, limit=_LINES_MAX, code=chart.SUSPENSE)
    claimed = {
        _claimed_ref(line.transfer.business_ref or "")
        for line in lines
        if line.transfer.kind in _CLAIMS and line.reversed_by is None
    }
    return [
        line
        for line in reversed(lines)
        if line.transfer.credit == chart.SUSPENSE
        and line.transfer.kind in _RECEIPTS
        and line.reversed_by is None
        and _ref(line.transfer.id) not in claimed
    ]


async def _claim_of(db: AsyncSession, circle_id: bytes, transfer_id: bytes) -> Transfer | None:
    """The claim of a receipt that stands, if any."""
    for line in await journal(db, circle_id, limit=_LINES_MAX, kinds=_CLAIMS, code=chart.SUSPENSE):
        ref = _claimed_ref(line.transfer.business_ref or "")
        if line.reversed_by is None and ref == _ref(transfer_id):
            return line.transfer
    return None


def _claimed_ref(business_ref: str) -> str:
    """The reference without the number that a later claim of the same receipt gets."""
    return ":".join(business_ref.split(":")[:2])


async def claim(
    db: AsyncSession,
    circle_id: bytes,
    transfer_id: bytes,
    book_number: str | None,
    *,
    actor: int,
    on: date,
    note: str | None,
    now: datetime,
) -> Entry:
    """Give a receipt to a member (its book number), or to the fund as a gift (None).

    Said twice it counts once; said otherwise the second time it is a ClaimedAlreadyError.
    """
    credit = chart.FUND if book_number is None else chart.member(book_number)
    line = next((w for w in await waiting(db, circle_id) if w.transfer.id == transfer_id), None)
    if line is None:
        claimed = await _claim_of(db, circle_id, transfer_id)
        if claimed is not None and claimed.credit == credit:
            return Entry(claimed.entry_id, (claimed,), created=False)
        raise ClaimedAlreadyError(_("This money has an owner by now. Look at the desk again."))
    attempt, number = _ref(transfer_id), 2
    while await by_ref(db, circle_id, attempt) is not None:
        # Claimed before and undone: the earlier reference stays with what was undone.
        attempt, number = f"{_ref(transfer_id)}:{number}", number + 1
    new = NewTransfer(
        kind="gift" if book_number is None else "identify",
        debit=chart.SUSPENSE,
        credit=credit,
        amount_minor=line.transfer.amount_minor,
        effective_on=on,
        actor=actor,
        business_ref=attempt,
        note=note,
    )
    return await record(db, circle_id, [new], key=None, now=now)
