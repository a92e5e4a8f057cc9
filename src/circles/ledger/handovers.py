"""The books passed on: who kept them proposes, who takes them over accepts, and what the books were
in that moment stands for ever. Roles are changed by the caller, in the same transaction."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from circles.errors import ConflictError, InvalidError
from circles.ledger import chart
from circles.ledger.books import balances
from circles.ledger.close_tables import HandoverRow
from circles.ledger.journal import book_of
from circles.ledger.tables import Book
from circles.ledger.transfer import Json, handover_hash, time_text
from circles.protocol.text import b64
from circles.web.i18n import gettext as _


class HandoverError(ConflictError):
    """It is not as it was when the page was shown."""

    code = "handover"


@dataclass(frozen=True)
class Handover:
    """`transfers` and what follows say how the books were when it was accepted; None before."""

    id: bytes
    giver_actor: int
    taker_actor: int
    proposed_at: datetime
    accepted_at: datetime | None
    closed_through: date | None
    transfers: int | None
    head: bytes | None
    bank_minor: int | None
    cash_minor: int | None


_NAMES = tuple(Handover.__dataclass_fields__)


async def every(db: AsyncSession, circle_id: bytes) -> list[Handover]:
    """All of them, the newest first; one that waits stands before the others."""
    query = (
        select(HandoverRow)
        .join(Book, Book.id == HandoverRow.book_id)
        .where(Book.circle_id == circle_id)
        .order_by(HandoverRow.proposed_at.desc(), HandoverRow.id)
        .execution_options(populate_existing=True)
    )
    return [
        Handover(**{name: getattr(row, name) for name in _NAMES}) for row in await db.scalars(query)
    ]


async def waiting(db: AsyncSession, circle_id: bytes) -> Handover | None:
    """The one that waits for its taker, if any."""
    return next((h for h in await every(db, circle_id) if h.accepted_at is None), None)


async def booked(db: AsyncSession, circle_id: bytes) -> int:
    """How many lines the books hold: a page that was read names them."""
    return (await book_of(db, circle_id)).next_seq - 1


async def propose(
    db: AsyncSession, circle_id: bytes, *, giver_actor: int, taker_actor: int, now: datetime
) -> Handover:
    """Ask somebody to take the books over; another one that waits is taken back."""
    if giver_actor == taker_actor:
        raise InvalidError(_("You keep the books already. Pick another one of us."))
    book = await book_of(db, circle_id, lock=True)
    open_now = await waiting(db, circle_id)
    if open_now is not None:
        if (open_now.giver_actor, open_now.taker_actor) == (giver_actor, taker_actor):
            return open_now
        await withdraw(db, circle_id, open_now.id)
    await db.execute(
        insert(HandoverRow).values(
            id=secrets.token_bytes(16),
            book_id=book.id,
            giver_actor=giver_actor,
            taker_actor=taker_actor,
            proposed_at=now.replace(microsecond=0),
        )
    )
    made = await waiting(db, circle_id)
    if made is None:
        raise HandoverError(_("That did not work. Please try again."))
    return made


async def withdraw(db: AsyncSession, circle_id: bytes, handover_id: bytes) -> bool:
    """Nobody takes over after all. False if none waits under that id."""
    book = await book_of(db, circle_id, lock=True)
    gone = await db.execute(
        delete(HandoverRow)
        .where(
            HandoverRow.book_id == book.id,
            HandoverRow.id == handover_id,
            HandoverRow.accepted_at.is_(None),
        )
        .returning(HandoverRow.id)
    )
    return gone.first() is not None


async def accept(
    db: AsyncSession,
    circle_id: bytes,
    handover_id: bytes,
    *,
    actor: int,
    seen_transfers: int,
    now: datetime,
) -> tuple[Handover, bool]:
    """Take the books over as they are, `seen_transfers` lines long. With it, whether it was just
    now; said again it is the first answer. HandoverError when it, or the books, changed since."""
    book = await book_of(db, circle_id, lock=True)
    found = next((h for h in await every(db, circle_id) if h.id == handover_id), None)
    if found is None or found.taker_actor != actor:
        raise HandoverError(_("This hand-over is not there any more. Talk to each other."))
    if found.accepted_at is not None:
        return found, False
    if book.next_seq - 1 != seen_transfers:
        raise HandoverError(
            _("Something was booked while you read. Look at the figures again, then take over.")
        )
    held = await balances(db, circle_id)
    accepted = Handover(
        id=found.id,
        giver_actor=found.giver_actor,
        taker_actor=actor,
        proposed_at=found.proposed_at,
        accepted_at=now.replace(microsecond=0),
        closed_through=book.closed_through,
        transfers=book.next_seq - 1,
        head=book.head,
        bank_minor=held.get(chart.MAIN_BANK, 0),
        cash_minor=held.get(chart.CASH, 0),
    )
    fixed = ("id", "giver_actor", "taker_actor", "proposed_at")
    values = {name: value for name, value in vars(accepted).items() if name not in fixed}
    await db.execute(
        update(HandoverRow)
        .where(HandoverRow.id == found.id)
        .values(**values, hash=handover_hash(record_of(book.id, accepted)))
    )
    return accepted, True


def record_of(book_id: bytes, handover: Handover) -> Json:
    """What an accepted hand-over's hash covers: all of its columns."""
    if handover.accepted_at is None or handover.head is None:
        raise ValueError("only an accepted hand-over has a record")
    through = handover.closed_through
    return {
        "accepted_at": time_text(handover.accepted_at),
        "bank": handover.bank_minor,
        "book": b64(book_id),
        "cash": handover.cash_minor,
        "closed_through": None if through is None else through.isoformat(),
        "giver": str(handover.giver_actor),
        "head": b64(handover.head),
        "id": b64(handover.id),
        "proposed_at": time_text(handover.proposed_at),
        "taker": str(handover.taker_actor),
        "transfers": handover.transfers,
    }
