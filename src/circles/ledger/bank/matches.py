"""Which of the bank's lines is which money in the books: tied by a person or by a rule.

A match ties lines to transfers on the same bank account, with one sum on both sides. Lines alone,
or transfers alone, make a match when they come to nothing: a slip and its correction.
Undoing appends. The database refuses what `tie` refuses (migration ledger_0003).
"""

from __future__ import annotations

import secrets
from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import ColumnElement, exists, func, insert, or_, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from circles.errors import ConflictError, InvalidError, MissingError
from circles.ledger.bank import lines
from circles.ledger.bank.lines import in_live_match
from circles.ledger.bank_tables import (
    BankAccount,
    BankLineRow,
    BankMatch,
    BankStatement,
    BankTied,
    BankUntied,
    BankWithdrawal,
)
from circles.ledger.journal import TRANSFER_COLUMNS, book_of
from circles.ledger.tables import Book, TransferRow
from circles.ledger.transfer import Transfer
from circles.web.i18n import gettext as _

_BANKS = "Assets:Bank:%"


class TiedAlreadyError(ConflictError):
    """A line or a transfer belongs to another match by now."""

    code = "tied-already"


class NotEvenError(ConflictError):
    """Lines and transfers do not come to the same sum."""

    code = "not-even"


class TiedForGoodError(ConflictError):
    """The match lies in a closed period: correct it by a new booking in the open one."""

    code = "closed-period"


@dataclass(frozen=True, slots=True)
class Match:
    """Lines and transfers that are the same money. `tier` and `reason` say how it was found."""

    id: bytes
    line_ids: tuple[bytes, ...]
    transfer_ids: tuple[bytes, ...]
    amount_minor: int
    tier: str
    reason: str
    actor: int
    at: datetime


def bank_minor(transfer: Transfer) -> int:
    """What a transfer does to the bank account: positive when money came."""
    into = transfer.debit.startswith("Assets:Bank:")
    return transfer.amount_minor if into else -transfer.amount_minor


async def tie(
    db: AsyncSession,
    circle_id: bytes,
    line_ids: Collection[bytes],
    transfer_ids: Collection[bytes],
    *,
    tier: str,
    reason: str,
    actor: int,
    now: datetime,
) -> bytes:
    """Say that these are the same money; the match's id. The same again is the same match.

    Raises MissingError, TiedAlreadyError, NotEvenError, InvalidError. Takes the book's lock.
    """
    wanted, money = frozenset(line_ids), frozenset(transfer_ids)
    book = await book_of(db, circle_id, lock=True)
    if len(wanted) + len(money) < 2:  # noqa: PLR2004 - one thing alone explains nothing
        raise InvalidError(_("A match needs a line of the bank and a line of the books."))
    for match in await _live(db, circle_id, _touches(wanted, money)):
        if (frozenset(match.line_ids), frozenset(match.transfer_ids)) == (wanted, money):
            return match.id
        raise TiedAlreadyError(_("One of these lines is explained by now. Look at the list again."))
    found = await lines.some(db, None, circle_id, wanted)
    if len(found) != len(wanted):
        raise MissingError(_("There is no such line of the bank in this circle."))
    total = sum(line.amount_minor for line in found)
    if total != await _sum_of(db, book.id, money):
        raise NotEvenError(_("The bank’s lines and the lines of the books differ in their sums."))
    match_id = secrets.token_bytes(16)
    parts = [(line, None) for line in sorted(wanted)] + [(None, one) for one in sorted(money)]
    try:
        await db.execute(
            insert(BankTied),
            [
                {"match_id": match_id, "part": part, "line_id": line, "transfer_id": transfer}
                for part, (line, transfer) in enumerate(parts, start=1)
            ],
        )
        await db.execute(
            insert(BankMatch).values(
                id=match_id,
                book_id=book.id,
                amount_minor=total,
                tier=tier,
                reason_code=reason,
                actor=actor,
                at=now,
            )
        )
    except IntegrityError as error:
        raise InvalidError(
            _("These lines do not belong together: another account, or one was undone.")
        ) from error
    return match_id


async def _sum_of(db: AsyncSession, book_id: bytes, transfer_ids: frozenset[bytes]) -> int:
    query = select(*TRANSFER_COLUMNS).where(
        TransferRow.book_id == book_id, TransferRow.id.in_(transfer_ids)
    )
    found = [Transfer(*row) for row in await db.execute(query)]
    if len(found) != len(transfer_ids):
        raise MissingError(_("There is no such line in the books of this circle."))
    undone = select(TransferRow.id).where(
        TransferRow.reverses.in_(transfer_ids), TransferRow.id.not_in(transfer_ids)
    )
    if (await db.scalars(undone)).first() is not None:
        raise TiedAlreadyError(_("That line of the books was undone. Look at the list again."))
    return sum(bank_minor(transfer) for transfer in found)


async def untie(
    db: AsyncSession, circle_id: bytes, match_id: bytes, *, actor: int, now: datetime
) -> None:
    """Undo a match; its lines wait again. Twice is once.

    TiedForGoodError when all of it lies in a closed period.
    """
    book = await book_of(db, circle_id, lock=True)
    query = select(BankMatch.id).where(BankMatch.id == match_id, BankMatch.book_id == book.id)
    if await db.scalar(query) is None:
        raise MissingError(_("There is no such match in this circle."))
    if await db.scalar(select(BankUntied.match_id).where(BankUntied.match_id == match_id)):
        return
    last = await _last_day(db, match_id)
    if book.closed_through is not None and last is not None and last <= book.closed_through:
        raise TiedForGoodError(
            _(
                "This belongs to a closed month, and that stays as it was signed. "
                "Correct it by booking what is right in the open month."
            )
        )
    await db.execute(insert(BankUntied).values(match_id=match_id, actor=actor, at=now))


async def _last_day(db: AsyncSession, match_id: bytes) -> date | None:
    query = (
        select(func.max(func.coalesce(BankLineRow.booked_on, TransferRow.effective_on)))
        .select_from(BankTied)
        .outerjoin(BankLineRow, BankLineRow.id == BankTied.line_id)
        .outerjoin(TransferRow, TransferRow.id == BankTied.transfer_id)
        .where(BankTied.match_id == match_id)
    )
    return await db.scalar(query)


def _touches(line_ids: frozenset[bytes], transfer_ids: frozenset[bytes]) -> ColumnElement[bool]:
    part = aliased(BankTied)
    return exists().where(
        part.match_id == BankMatch.id,
        or_(part.line_id.in_(line_ids), part.transfer_id.in_(transfer_ids)),
    )


async def live(db: AsyncSession, circle_id: bytes) -> list[Match]:
    """All matches that stand, the oldest first."""
    return await _live(db, circle_id)


async def get(db: AsyncSession, circle_id: bytes, match_id: bytes) -> Match | None:
    """This match, if it stands."""
    found = await _live(db, circle_id, BankMatch.id == match_id)
    return found[0] if found else None


async def of_line(db: AsyncSession, circle_id: bytes, line_id: bytes) -> Match | None:
    """The match that explains this line, if one stands."""
    found = await _live(db, circle_id, _touches(frozenset({line_id}), frozenset()))
    return found[0] if found else None


async def of_transfer(db: AsyncSession, circle_id: bytes, transfer_id: bytes) -> Match | None:
    """The match that this transfer stands in, if any."""
    found = await _live(db, circle_id, _touches(frozenset(), frozenset({transfer_id})))
    return found[0] if found else None


async def _live(db: AsyncSession, circle_id: bytes, *which: ColumnElement[bool]) -> list[Match]:
    untied = exists().where(BankUntied.match_id == BankMatch.id)
    query = (
        select(BankMatch, BankTied.line_id, BankTied.transfer_id)
        .join(BankTied, BankTied.match_id == BankMatch.id)
        .join(Book, Book.id == BankMatch.book_id)
        .where(Book.circle_id == circle_id, ~untied, *which)
        .order_by(BankMatch.at, BankMatch.id, BankTied.part)
    )
    rows: dict[bytes, BankMatch] = {}
    line_ids: defaultdict[bytes, list[bytes]] = defaultdict(list)
    transfer_ids: defaultdict[bytes, list[bytes]] = defaultdict(list)
    for row, line_id, transfer_id in await db.execute(query):
        rows[row.id] = row
        if line_id is not None:
            line_ids[row.id].append(line_id)
        if transfer_id is not None:
            transfer_ids[row.id].append(transfer_id)
    return [
        Match(
            id=row.id,
            line_ids=tuple(line_ids[row.id]),
            transfer_ids=tuple(transfer_ids[row.id]),
            amount_minor=row.amount_minor,
            tier=row.tier,
            reason=row.reason_code,
            actor=row.actor,
            at=row.at,
        )
        for row in rows.values()
    ]


async def undone_lines(db: AsyncSession, circle_id: bytes) -> frozenset[bytes]:
    """Lines that a person took out of a match once: no automation touches them again."""
    query = (
        select(BankTied.line_id)
        .join(BankUntied, BankUntied.match_id == BankTied.match_id)
        .join(BankMatch, BankMatch.id == BankTied.match_id)
        .join(Book, Book.id == BankMatch.book_id)
        .where(Book.circle_id == circle_id, BankTied.line_id.is_not(None))
    )
    return frozenset(one for one in await db.scalars(query) if one is not None)


async def first_day(db: AsyncSession, circle_id: bytes) -> date | None:
    """Where the bank's files begin: what was booked before is in their first opening balance."""
    withdrawn = exists().where(BankWithdrawal.statement_id == BankStatement.id)
    query = (
        select(func.min(BankStatement.first_on))
        .join(Book, Book.id == BankStatement.book_id)
        .where(Book.circle_id == circle_id, ~withdrawn)
    )
    return await db.scalar(query)


async def untied_transfers(db: AsyncSession, circle_id: bytes, through: date) -> list[Transfer]:
    """Transfers on a bank account by that day which the bank had not shown by then, oldest first:
    no live match, or one with a line booked later.

    Left out are those from before the bank's files began (`first_day`), what the circle began with,
    and a transfer and its reversal of which neither is matched: they come to nothing.
    """
    part = aliased(BankTied)
    late = exists().where(
        part.match_id == BankMatch.id,
        part.line_id == BankLineRow.id,
        BankLineRow.booked_on > through,
    )
    mirror, original = aliased(TransferRow), aliased(TransferRow)
    undone = exists().where(
        mirror.reverses == TransferRow.id,
        mirror.effective_on <= through,
        ~in_live_match(BankTied.transfer_id == mirror.id),
    )
    undoing = exists().where(
        original.id == TransferRow.reverses, ~in_live_match(BankTied.transfer_id == original.id)
    )
    query = (
        select(*TRANSFER_COLUMNS)
        .join(Book, Book.id == TransferRow.book_id)
        .where(
            Book.circle_id == circle_id,
            TransferRow.effective_on <= through,
            or_(TransferRow.debit.like(_BANKS), TransferRow.credit.like(_BANKS)),
            TransferRow.kind != "opening",
            ~in_live_match(BankTied.transfer_id == TransferRow.id, ~late),
            ~undone,
            ~undoing,
        )
        .order_by(TransferRow.effective_on, TransferRow.seq)
    )
    first = await first_day(db, circle_id)
    if first is not None:
        query = query.where(TransferRow.effective_on >= first)
    return [Transfer(*row) for row in await db.execute(query)]


async def codes(db: AsyncSession, circle_id: bytes) -> list[str]:
    """The books' bank accounts for which files came."""
    query = (
        select(BankAccount.code)
        .join(Book, Book.id == BankAccount.book_id)
        .where(Book.circle_id == circle_id)
        .distinct()
        .order_by(BankAccount.code)
    )
    return list(await db.scalars(query))
