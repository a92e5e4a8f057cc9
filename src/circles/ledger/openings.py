"""What a circle begins with: money that was there before its books, or nothing. Said once.

As long as nothing else was booked it can be undone and said anew; later, line by line.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime

from sqlalchemy.ext.asyncio import AsyncSession

from circles.errors import ConflictError, InvalidError
from circles.ledger import chart
from circles.ledger.books import answered, journal
from circles.ledger.journal import BookedAlreadyError, book_of, record, reverse
from circles.ledger.transfer import NewTransfer, Transfer
from circles.web.i18n import gettext as _

_ZERO = "opening:zero"
_LINES_MAX = 400


@dataclass(frozen=True)
class Began:
    """What was there at the end of a day, and whose it was: what members had paid ahead (by book
    number), what nobody had claimed; the rest is the fund."""

    on: date
    bank_minor: int
    cash_minor: int
    ahead_minor: Mapping[str, int] = field(default_factory=dict)
    suspense_minor: int = 0

    @property
    def fund_minor(self) -> int:
        """What is left for the fund."""
        whose = sum(self.ahead_minor.values()) + self.suspense_minor
        return self.bank_minor + self.cash_minor - whose


@dataclass(frozen=True)
class Opening:
    """What stands; without lines the circle said that it begins with nothing."""

    lines: tuple[Transfer, ...]
    may_undo: bool

    @property
    def total_minor(self) -> int:
        """All of it."""
        return sum(line.amount_minor for line in self.lines)


async def opening(db: AsyncSession, circle_id: bytes) -> Opening | None:
    """What the circle began with; None while nobody has said it."""
    book = await book_of(db, circle_id)
    found = [
        line.transfer
        for line in reversed(await journal(db, circle_id, limit=_LINES_MAX, kinds=("opening",)))
        if line.reversed_by is None
    ]
    if found:
        alone = book.next_seq - found[0].seq == len(found)
        closed = book.closed_through is not None and book.closed_through >= found[0].effective_on
        return Opening(tuple(found), alone and not closed)
    if await answered(db, circle_id, _ZERO) is not None:
        return Opening((), may_undo=False)
    return None


def transfers_of(began: Began, actor: int) -> list[NewTransfer]:
    """The lines: bank first, then the tin, until everybody's part is covered."""
    if min(began.bank_minor, began.cash_minor, began.suspense_minor, 0) < 0:
        raise InvalidError(_("An amount must be above nothing."))
    if began.fund_minor < 0:
        raise InvalidError(_("That is more than was there. Look at the parts again."))
    parts = [(chart.member(n), amount) for n, amount in sorted(began.ahead_minor.items())]
    parts += [(chart.SUSPENSE, began.suspense_minor), (chart.FUND, began.fund_minor)]
    left_in = {chart.MAIN_BANK: began.bank_minor, chart.CASH: began.cash_minor}
    found = []
    for owner, amount in parts:
        left = amount
        for place, there in left_in.items():
            taken = min(left, there)
            if taken > 0:
                found.append(NewTransfer("opening", place, owner, taken, began.on, actor))
                left_in[place], left = there - taken, left - taken
    return found


async def begin(
    db: AsyncSession, circle_id: bytes, began: Began, *, actor: int, now: datetime
) -> Opening:
    """Write down what was there. The same again is the same; other figures are refused."""
    await book_of(db, circle_id, lock=True)
    wanted = transfers_of(began, actor)
    stands = await opening(db, circle_id)
    if stands is not None and stands.lines:
        if _figures(wanted) == _figures(stands.lines):
            return stands
        raise BookedAlreadyError(
            _("What you began with is written down already. Undo it first, then say it anew.")
        )
    if not wanted:
        return await begin_with_nothing(db, circle_id, now=now)
    await record(db, circle_id, wanted, key=None, now=now)
    made = await opening(db, circle_id)
    if made is None:
        raise ConflictError(_("That did not work. Please try again."))
    return made


def _figures(lines: list[NewTransfer] | tuple[Transfer, ...]) -> list[tuple[str, str, int, date]]:
    return sorted((t.debit, t.credit, t.amount_minor, t.effective_on) for t in lines)


async def begin_with_nothing(db: AsyncSession, circle_id: bytes, *, now: datetime) -> Opening:
    """Say that there was no money before. Twice is once."""
    await book_of(db, circle_id, lock=True)
    stands = await opening(db, circle_id)
    if stands is not None:
        if stands.lines:
            raise BookedAlreadyError(
                _("What you began with is written down already. Undo it first, then say it anew.")
            )
        return stands
    await record(db, circle_id, [], key=_ZERO, now=now)
    return Opening((), may_undo=False)


async def undo(db: AsyncSession, circle_id: bytes, *, actor: int, now: datetime) -> None:
    """Take it back whole, while nothing else was booked. Twice is once."""
    await book_of(db, circle_id, lock=True)
    stands = await opening(db, circle_id)
    if stands is None or not stands.lines:
        return
    if not stands.may_undo:
        raise ConflictError(
            _("Other lines stand after it by now. Undo the wrong line itself, in the books.")
        )
    for line in reversed(stands.lines):
        await reverse(db, circle_id, line.id, actor=actor, now=now, effective_on=line.effective_on)
