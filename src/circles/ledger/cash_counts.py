"""The tin counted: what it held otherwise than the books say, under two names.

One who keeps the books counts and says why; another one of us counts too. Then the fund loses what
is missing, or gains what is too much. Both names stand in the chain for ever: the first as the
transfer's actor, the second in its business reference.
"""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

from sqlalchemy import delete, insert, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from circles.errors import ConflictError, ForbiddenError, InvalidError
from circles.ledger import chart
from circles.ledger.bank.standing import balances_on
from circles.ledger.books import balances
from circles.ledger.cash_tables import CashCountRow
from circles.ledger.journal import ClosedPeriodError, NotCoveredError, book_of, by_ref, record
from circles.ledger.problems import Problem
from circles.ledger.tables import Book
from circles.ledger.transfer import NewTransfer, Transfer
from circles.protocol.text import b64
from circles.web.i18n import day as day_words
from circles.web.i18n import gettext as _

KINDS: Final = ("cash_missing", "cash_found")
_REF: Final = re.compile(r"tin:[A-Za-z0-9_-]{22}:([1-9][0-9]{0,18})", re.ASCII)


class CountError(ConflictError):
    """It is not as it was when the page was shown."""

    code = "count"


@dataclass(frozen=True)
class Count:
    """A count that waits. `difference_minor` is what lay there beyond the books: below nothing
    when money is missing."""

    id: bytes
    counted_on: date
    counted_minor: int
    difference_minor: int
    reason: str
    counter_actor: int
    counted_at: datetime


_NAMES = tuple(Count.__dataclass_fields__)


def ref_of(count_id: bytes, confirmer_actor: int) -> str:
    """The business reference of what was booked: which count, and who counted too."""
    return f"tin:{b64(count_id)}:{confirmer_actor}"


def confirmer_of(business_ref: str | None) -> int | None:
    """Who counted too, by a transfer's reference; None if it is no count's."""
    found = _REF.fullmatch(business_ref or "")
    return int(found[1]) if found else None


async def waiting(db: AsyncSession, circle_id: bytes) -> Count | None:
    """The count that waits for its second person, if one does."""
    query = (
        select(CashCountRow)
        .join(Book, Book.id == CashCountRow.book_id)
        .where(Book.circle_id == circle_id)
        .execution_options(populate_existing=True)
    )
    row = (await db.scalars(query)).one_or_none()
    return None if row is None else Count(**{name: getattr(row, name) for name in _NAMES})


async def in_tin(db: AsyncSession, circle_id: bytes, on: date) -> int:
    """What the books say lay in the tin at the end of that day."""
    return (await balances_on(db, circle_id, on)).get(chart.CASH, 0)


async def propose(
    db: AsyncSession,
    circle_id: bytes,
    counted_minor: int,
    reason: str,
    *,
    on: date,
    actor: int,
    now: datetime,
) -> Count:
    """Say what was counted; another count that waits makes room. InvalidError if the books say the
    same, ClosedPeriodError, NotCoveredError in words that tell what to do."""
    book = await book_of(db, circle_id, lock=True)
    if not reason.strip():
        raise InvalidError(_("Please write why, as far as you know."))
    if book.closed_through is not None and on <= book.closed_through:
        raise ClosedPeriodError(
            _("The books are closed up to %(day)s. Count what lies there now.")
            % {"day": day_words(book.closed_through, year=True)}
        )
    difference = counted_minor - await in_tin(db, circle_id, on)
    if not difference:
        raise InvalidError(_("That is what the books say too. Nothing needs to be written down."))
    await _check_covered(db, circle_id, difference)
    made = Count(
        id=secrets.token_bytes(16),
        counted_on=on,
        counted_minor=counted_minor,
        difference_minor=difference,
        reason=reason.strip(),
        counter_actor=actor,
        counted_at=now.replace(microsecond=0),
    )
    await db.execute(delete(CashCountRow).where(CashCountRow.book_id == book.id))
    await db.execute(insert(CashCountRow).values(book_id=book.id, **vars(made)))
    return made


async def _check_covered(db: AsyncSession, circle_id: bytes, difference: int) -> None:
    held = await balances(db, circle_id)
    if -difference > held.get(chart.CASH, 0):
        raise NotCoveredError(
            _(
                "Since that day more was taken out of the tin than it held by your count. Look at "
                "the cash lines since: one has a wrong day or sum, or was written down twice. "
                "Nothing was kept."
            )
        )
    if -difference > held.get(chart.FUND, 0):
        raise NotCoveredError(
            _(
                "It is the fund that bears what is missing, and it does not hold that much today: "
                "it is set aside for a vote, or given. If somebody’s cash was written down and "
                "never lay in the tin, undo that line. Else wait until the vote is counted or "
                "money came in, and count again. Nothing was kept."
            )
        )


async def withdraw(db: AsyncSession, circle_id: bytes, count_id: bytes) -> bool:
    """Take a count back; nothing was booked. False if it is not there (any more)."""
    book = await book_of(db, circle_id, lock=True)
    gone = await db.execute(
        delete(CashCountRow)
        .where(CashCountRow.book_id == book.id, CashCountRow.id == count_id)
        .returning(CashCountRow.id)
    )
    return gone.first() is not None


async def confirm(
    db: AsyncSession,
    circle_id: bytes,
    count_id: bytes,
    counted_minor: int,
    *,
    actor: int,
    now: datetime,
) -> tuple[Transfer, bool]:
    """The second count: book it. (transfer, whether it is new): twice is once.

    ForbiddenError for who counted first, InvalidError where the two counted otherwise, CountError
    once the books say something else of that day.
    """
    book = await book_of(db, circle_id, lock=True)
    before = await by_ref(db, circle_id, ref_of(count_id, actor))
    if before is not None:
        return before, False
    found = await waiting(db, circle_id)
    if found is None or found.id != count_id:
        raise CountError(_("This count was taken back, or booked already. Look again."))
    if found.counter_actor == actor:
        raise ForbiddenError(_("You counted first. Another one of us counts too."))
    if counted_minor != found.counted_minor:
        raise InvalidError(
            _("You two counted different sums. Count it once more, together, and look again.")
        )
    held = await in_tin(db, circle_id, found.counted_on)
    if found.counted_minor - held != found.difference_minor:
        raise CountError(
            _("Something was written down for the tin since. Whoever keeps the books counts anew.")
        )
    await _check_covered(db, circle_id, found.difference_minor)
    missing = found.difference_minor < 0
    debit, credit = (chart.FUND, chart.CASH) if missing else (chart.CASH, chart.FUND)
    new = NewTransfer(
        KINDS[0] if missing else KINDS[1],
        debit,
        credit,
        abs(found.difference_minor),
        found.counted_on,
        actor=found.counter_actor,
        note=found.reason,
        business_ref=ref_of(count_id, actor),
    )
    entry = await record(db, circle_id, [new], key=None, now=now)
    await db.execute(delete(CashCountRow).where(CashCountRow.book_id == book.id))
    return entry.transfers[0], True


async def counts_of(db: AsyncSession, book: Any, name: str) -> list[Problem]:
    """For `circles ledger verify`: each difference in the tin bears two different names."""
    rows = await db.execute(
        text(
            "SELECT seq, actor, business_ref FROM ledger_transfer WHERE book_id = :book "
            "AND (debit = :tin OR credit = :tin) AND kind IN ('cash_missing', 'cash_found') "
            "ORDER BY seq"
        ),
        {"book": book.id, "tin": chart.CASH},
    )
    return [
        Problem(name, "count", f"transfer {row.seq}", "has no two different names under it")
        for row in rows
        if confirmer_of(row.business_ref) in {None, row.actor}
    ]
