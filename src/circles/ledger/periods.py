"""Closing a month: one who keeps the books proposes, another one of us confirms, once and for ever.

    figures -> proposal (bound to the books and to what the bank says) -> closed month with its seal

A proposal is stale once anything of its month looks different: a line booked with a day in it, a
file that says something else. People stand here as their actor numbers.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Literal

from sqlalchemy import delete, func, insert, select
from sqlalchemy.ext.asyncio import AsyncSession

from circles.errors import ConflictError, ForbiddenError
from circles.ledger import books
from circles.ledger.bank.standing import Standing, standing
from circles.ledger.close_tables import PeriodRow, ProposalRow
from circles.ledger.journal import BookState, book_of
from circles.ledger.tables import Book, TransferRow
from circles.ledger.transfer import Json, period_hash, time_text
from circles.protocol.text import b64
from circles.web.i18n import gettext as _
from circles.web.i18n import month_name

Source = Literal["files", "typed", "none"]
# What can stand against closing a month, in the order in which a treasurer would see to it.
Block = Literal[
    "running", "earlier", "closed", "gap", "lines", "unreached", "untold", "difference",
    "cash-untold", "cash", "cash-below", "suspense",
]  # fmt: skip


class StaleError(ConflictError):
    """What was proposed is not how things stand now."""

    code = "stale"


class BlockedError(ConflictError):
    """Something stands against closing this month; `blocks` says what."""

    code = "blocked"

    def __init__(self, message: str, blocks: tuple[Block, ...]) -> None:
        super().__init__(message)
        self.blocks = blocks


class SecondNameError(ForbiddenError):
    """Whoever asks may not be this name under a close."""

    code = "second-name"


@dataclass(frozen=True)
class Said:
    """What the treasurer says besides the books: the bank's balance where there is no file, what
    was counted in the tin, and that open things were looked at."""

    statement_minor: int | None = None
    cash_minor: int | None = None
    suspense_seen: bool = False
    quiet: bool = False


@dataclass(frozen=True)
class Figures:
    """What two people sign: the end of a month. `source` says where the bank's balance is from."""

    source: Source
    bank_minor: int
    statement_minor: int | None
    cash_minor: int
    suspense_minor: int
    transit_minor: int
    unpresented_minor: int
    unpresented: int


@dataclass(frozen=True)
class Proposal:
    """A month that waits for its second name."""

    id: bytes
    month: str
    transfers: int
    head: bytes
    figures: Figures
    proposer_actor: int
    proposed_at: datetime


@dataclass(frozen=True)
class Closed:
    """A closed month. `checker_actor` is None where a circle of one officer went without."""

    id: bytes
    month: str
    through: date
    seal_ref: str
    transfers: int
    head: bytes
    figures: Figures
    proposer_actor: int
    proposed_at: datetime
    checker_actor: int | None
    closed_at: datetime


def last_day(month: str) -> date:
    """`2026-10` -> 31 October 2026."""
    first = date(int(month[:4]), int(month[5:7]), 1)
    return (first + timedelta(days=31)).replace(day=1) - timedelta(days=1)


async def to_close(db: AsyncSession, circle_id: bytes) -> str:
    """The month that is closed next: after the last closed one, else where the books begin."""
    book = await book_of(db, circle_id)
    if book.closed_through is not None:
        return (book.closed_through + timedelta(days=1)).isoformat()[:7]
    begun = select(TransferRow.id).where(
        TransferRow.book_id == book.id, TransferRow.kind == "opening"
    )
    is_opening = TransferRow.id.in_(begun) | (
        TransferRow.reverses.is_not(None) & TransferRow.reverses.in_(begun)
    )
    of_book = select(func.min(TransferRow.effective_on)).where(TransferRow.book_id == book.id)
    first = await db.scalar(of_book.where(~is_opening))
    # What was there on an evening belongs to the month that begins the next morning.
    evening = await db.scalar(of_book.where(is_opening))
    days = [day for day in (first, evening and evening + timedelta(days=1)) if day is not None]
    if days:
        return min(days).isoformat()[:7]
    opened = (await db.scalars(select(Book.opened_at).where(Book.id == book.id))).one()
    return opened.isoformat()[:7]


async def look(db: AsyncSession, circle_id: bytes, month: str) -> Standing:
    """Bank and books at a month's end."""
    return await standing(db, circle_id, last_day(month))


def source_of(found: Standing) -> Source:
    """Where the bank's balance comes from: its files, what a person types, or there is no bank."""
    if found.statement_closing is not None or found.reached is not None:
        return "files"
    return "typed" if found.has_bank else "none"


async def blocks(
    db: AsyncSession, circle_id: bytes, month: str, found: Standing, said: Said, today: date
) -> tuple[Block, ...]:
    """All that stands against closing that month now; empty if nothing does."""
    book = await book_of(db, circle_id)
    closed = book.closed_through
    if closed is not None and found.through <= closed:
        return ("closed",)
    against: list[Block] = []
    if today <= found.through:
        against.append("running")
    if month != await to_close(db, circle_id):
        against.append("earlier")
    if any(closed is None or gap.until > closed for gap in found.gaps):
        against.append("gap")
    if found.lines:
        against.append("lines")
    against += _bank_blocks(found, said)
    against += _cash_blocks(found, said)
    if found.suspense_minor and not said.suspense_seen:
        against.append("suspense")
    return tuple(against)


def _bank_blocks(found: Standing, said: Said) -> list[Block]:
    match source_of(found):
        case "none":
            return []
        case "typed":
            if said.statement_minor is None:
                return ["untold"]
            return [] if said.statement_minor == found.book_minor else ["difference"]
        case _:
            against: list[Block] = []
            if found.reached is not None and found.reached < found.through and not said.quiet:
                against.append("unreached")
            if found.difference_minor != 0:
                against.append("difference")
            return against


def _cash_blocks(found: Standing, said: Said) -> list[Block]:
    if not found.has_cash:
        return []
    if found.cash_minor < 0:
        return ["cash-below"]
    if said.cash_minor is None:
        return ["cash-untold"]
    return [] if said.cash_minor == found.cash_minor else ["cash"]


def figures(found: Standing, said: Said) -> Figures:
    """What would be signed."""
    source = source_of(found)
    stands = found.statement_closing.minor if found.statement_closing is not None else None
    return Figures(
        source=source,
        bank_minor=found.book_minor,
        statement_minor={"files": stands, "typed": said.statement_minor}.get(source),
        cash_minor=max(found.cash_minor, 0),
        suspense_minor=found.suspense_minor,
        transit_minor=found.transit_minor,
        unpresented_minor=found.untied_transfers.minor,
        unpresented=found.untied_transfers.count,
    )


_FIGURES = tuple(Figures.__dataclass_fields__)


def _figures_of(row: ProposalRow | PeriodRow) -> Figures:
    return Figures(**{name: getattr(row, name) for name in _FIGURES})


async def proposal(db: AsyncSession, circle_id: bytes) -> Proposal | None:
    """The month that waits for its second name, if one does."""
    query = (
        select(ProposalRow)
        .join(Book, Book.id == ProposalRow.book_id)
        .where(Book.circle_id == circle_id)
        .execution_options(populate_existing=True)
    )
    row = (await db.scalars(query)).one_or_none()
    if row is None:
        return None
    return Proposal(
        id=row.id,
        month=row.month,
        transfers=row.transfers,
        head=row.head,
        figures=_figures_of(row),
        proposer_actor=row.proposer_actor,
        proposed_at=row.proposed_at,
    )


async def propose(
    db: AsyncSession,
    circle_id: bytes,
    month: str,
    said: Said,
    *,
    proposer_actor: int,
    frozen: bool,
    today: date,
    now: datetime,
) -> Proposal:
    """Ask for the second name under a month. Said again while nothing changed, it is the same.

    A proposal that waits for another month, or is stale, makes room. `frozen`: a way back was given
    to this account in these days (SecondNameError). Raises BlockedError.
    """
    _refuse_frozen(frozen)
    book = await book_of(db, circle_id, lock=True)
    found = await look(db, circle_id, month)
    against = await blocks(db, circle_id, month, found, said, today)
    if against:
        raise BlockedError(_("Something still stands against closing this month."), against)
    wanted = figures(found, said)
    waiting = await proposal(db, circle_id)
    if waiting is not None:
        same = (waiting.month, waiting.figures) == (month, wanted)
        if (
            same
            and waiting.proposer_actor == proposer_actor
            and not await is_stale(db, circle_id, waiting)
        ):
            return waiting
        await withdraw(db, circle_id, waiting.id)
    made = Proposal(
        id=secrets.token_bytes(16),
        month=month,
        transfers=book.next_seq - 1,
        head=book.head,
        figures=wanted,
        proposer_actor=proposer_actor,
        proposed_at=now.replace(microsecond=0),
    )
    await db.execute(
        insert(ProposalRow).values(
            book_id=book.id,
            id=made.id,
            month=month,
            transfers=made.transfers,
            head=made.head,
            proposer_actor=proposer_actor,
            proposed_at=made.proposed_at,
            **vars(wanted),
        )
    )
    return made


async def withdraw(db: AsyncSession, circle_id: bytes, proposal_id: bytes) -> bool:
    """Take a proposal back; nothing was closed. False if it is not there (any more)."""
    book = await book_of(db, circle_id, lock=True)
    gone = await db.execute(
        delete(ProposalRow)
        .where(ProposalRow.book_id == book.id, ProposalRow.id == proposal_id)
        .returning(ProposalRow.id)
    )
    return gone.first() is not None


async def is_stale(db: AsyncSession, circle_id: bytes, asked: Proposal) -> bool:
    """Whether the month looks otherwise than when it was proposed.

    What was booked since with a later day changes nothing of the month, and is no reason.
    """
    book = await book_of(db, circle_id)
    through = last_day(asked.month)
    if book.closed_through is not None and book.closed_through >= through:
        return True
    since = await db.scalar(
        select(func.count())
        .select_from(TransferRow)
        .where(
            TransferRow.book_id == book.id,
            TransferRow.seq > asked.transfers,
            TransferRow.effective_on <= through,
        )
    )
    if since:
        return True
    found = await look(db, circle_id, asked.month)
    # What was said is in the figures; what was looked at was looked at.
    said = Said(asked.figures.statement_minor, asked.figures.cash_minor, True, True)
    day = through + timedelta(days=1)
    if figures(found, said) != asked.figures:
        return True
    return bool(await blocks(db, circle_id, asked.month, found, said, day))


async def confirm(
    db: AsyncSession,
    circle_id: bytes,
    proposal_id: bytes,
    *,
    actor: int,
    frozen: bool,
    alone: bool = False,
    now: datetime,
) -> tuple[Closed, bool]:
    """The second name: the month is closed, for ever. With it, whether it was closed just now.

    Said again by the same person it is the first answer. `alone`: the proposer closes it without a
    second name, openly; whether a circle may do that is for the caller to know.
    Raises StaleError, SecondNameError.
    """
    book = await book_of(db, circle_id, lock=True)
    done = next((c for c in await closes(db, circle_id) if c.id == proposal_id), None)
    checker = None if alone else actor
    if done is not None:
        if done.checker_actor != checker:
            raise StaleError(_("Somebody else was faster: this month is closed."))
        return done, False
    asked = await proposal(db, circle_id)
    if asked is None or asked.id != proposal_id:
        raise StaleError(_("This proposal was taken back, or made anew. Look at the list again."))
    _refuse_frozen(frozen)
    if alone != (actor == asked.proposer_actor):
        raise SecondNameError(
            _("You proposed to close this month. Another one of us looks and confirms.")
            if not alone
            else _("Only who proposed to close this month can do it without a second person.")
        )
    if await is_stale(db, circle_id, asked):
        raise StaleError(
            _(
                "Something of this month changed since it was proposed, so nothing was closed. "
                "Whoever keeps the books looks again and proposes it anew."
            )
        )
    made = await _close(db, circle_id, book, asked, checker, actor, now)
    await withdraw(db, circle_id, proposal_id)
    return made, True


def _refuse_frozen(frozen: bool) -> None:
    if frozen:
        raise SecondNameError(
            _(
                "You came in, or back in, a few days ago. Until a week has passed, "
                "another one of us signs."
            ),
            code="frozen",
        )


async def _close(
    db: AsyncSession,
    circle_id: bytes,
    book: BookState,
    asked: Proposal,
    checker: int | None,
    actor: int,
    now: datetime,
) -> Closed:
    through, ref = last_day(asked.month), f"month:{asked.month}"
    seal = await books.close_through(db, circle_id, through, actor=actor, now=now, ref=ref)
    made = Closed(
        id=asked.id,
        month=asked.month,
        through=through,
        seal_ref=ref,
        transfers=seal.transfers,
        head=seal.head,
        figures=asked.figures,
        proposer_actor=asked.proposer_actor,
        proposed_at=asked.proposed_at,
        checker_actor=checker,
        closed_at=now.replace(microsecond=0),
    )
    values: dict[str, Any] = {
        name: value for name, value in vars(made).items() if name != "figures"
    }
    await db.execute(
        insert(PeriodRow).values(
            book_id=book.id,
            **values,
            **vars(made.figures),
            hash=period_hash(record_of(book.id, made)),
        )
    )
    return made


def record_of(book_id: bytes, closed: Closed) -> Json:
    """What a closed month's hash covers: all of its columns."""
    return {
        "book": b64(book_id),
        "checker": None if closed.checker_actor is None else str(closed.checker_actor),
        "closed_at": time_text(closed.closed_at),
        **vars(closed.figures),
        "head": b64(closed.head),
        "id": b64(closed.id),
        "month": closed.month,
        "proposed_at": time_text(closed.proposed_at),
        "proposer": str(closed.proposer_actor),
        "seal": closed.seal_ref,
        "through": closed.through.isoformat(),
        "transfers": closed.transfers,
    }


async def closes(db: AsyncSession, circle_id: bytes) -> list[Closed]:
    """The closed months, the newest first."""
    query = (
        select(PeriodRow)
        .join(Book, Book.id == PeriodRow.book_id)
        .where(Book.circle_id == circle_id)
        .order_by(PeriodRow.month.desc())
    )
    return [
        Closed(
            id=row.id,
            month=row.month,
            through=row.through,
            seal_ref=row.seal_ref,
            transfers=row.transfers,
            head=row.head,
            figures=_figures_of(row),
            proposer_actor=row.proposer_actor,
            proposed_at=row.proposed_at,
            checker_actor=row.checker_actor,
            closed_at=row.closed_at,
        )
        for row in await db.scalars(query)
    ]


async def closed_through(db: AsyncSession, circle_id: bytes) -> date | None:
    """The last day of the closed part of the books."""
    return (await book_of(db, circle_id)).closed_through


def title(month: str) -> str:
    """`October 2026`."""
    return month_name(month, year=True)
