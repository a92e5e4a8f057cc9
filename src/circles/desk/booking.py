"""The treasurer's acts on the books: each one transaction, each with its key."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal

from sqlalchemy.ext.asyncio import AsyncSession

from circles.circle.circles import Circle
from circles.desk import match_undo
from circles.desk.lines import UNDOABLE, may_move_on
from circles.dues import dues
from circles.errors import ConflictError
from circles.host import Host
from circles.ledger import books, chart, suspense
from circles.ledger.bank import matches
from circles.ledger.bank.matches import Match, TiedForGoodError
from circles.ledger.books import Entry, JournalLine, NewTransfer, NotCoveredError, Transfer
from circles.ledger.periods import closed_through
from circles.members.people import Member
from circles.web.i18n import gettext as _

Way = Literal["bank", "cash"]
OTHER_KINDS = ("fee", "interest", "deposit", "refund")
_FEES_MAX = 500


@dataclass(frozen=True)
class Typed:
    """What a form of the desk holds: an amount, a day, words; `key` makes it count once."""

    amount_minor: int
    on: date
    note: str | None
    key: str


def _money(way: Way) -> str:
    return chart.MAIN_BANK if way == "bank" else chart.CASH


async def money_in(
    host: Host, circle: Circle, officer: Member, typed: Typed, way: Way, whose: str | None
) -> Entry:
    """Money arrived: for a member (book number), from nobody known (None), or a gift ("").

    What it covers moves on to the fund at once.
    """
    kinds = {None: ("contribution_unidentified", chart.SUSPENSE), "": ("gift", chart.FUND)}
    kind, credit = kinds.get(whose) or ("contribution", chart.member(whose or ""))
    new = _new(kind, _money(way), credit, officer, typed)
    now = host.clock.round_now()
    async with host.database.begin() as db:
        entry = await books.record(db, circle.id, [new], key=_key(officer, typed), now=now)
        await dues.settle(db, circle, now)
    return entry


def _new(kind: str, debit: str, credit: str, officer: Member, typed: Typed) -> NewTransfer:
    return NewTransfer(
        kind=kind,
        debit=debit,
        credit=credit,
        amount_minor=typed.amount_minor,
        effective_on=typed.on,
        actor=officer.actor,
        note=typed.note,
    )


def _key(officer: Member, typed: Typed) -> str:
    # Another officer's form with the same key is another form.
    return f"desk:{officer.actor}:{typed.key}"


async def claim(
    host: Host,
    circle: Circle,
    officer: Member,
    transfer_id: bytes,
    whose: str | None,
    on: date,
    note: str | None,
) -> None:
    """Somebody's money after all (book number), or a gift (None)."""
    now = host.clock.round_now()
    async with host.database.begin() as db:
        await books.lock(db, circle.id)
        await suspense.claim(
            db, circle.id, transfer_id, whose, actor=officer.actor, on=on, note=note, now=now
        )
        if whose is not None:
            await match_undo.learn_claimed(
                db, host, circle, transfer_id, whose, actor=officer.actor, now=now
            )
        await dues.settle(db, circle, now)


async def other(
    host: Host, circle: Circle, officer: Member, typed: Typed, kind: str, whose: str | None
) -> Entry:
    """A fee, interest, cash to the bank, or money given back.

    A fee that the fund does not cover is kept beside it: what the bank did is a fact.
    """
    now = host.clock.round_now()
    async with host.database.begin() as db:
        await books.lock(db, circle.id)
        if kind == "refund":
            account = chart.member(whose or "")
            new = [
                _new("refund", account, chart.TRANSIT, officer, typed),
                _new("payout_settled", chart.TRANSIT, chart.MAIN_BANK, officer, typed),
            ]
        else:
            payer = await _fee_payer(db, circle, officer, typed)
            debit, credit = {
                "fee": (payer, chart.MAIN_BANK),
                "interest": (chart.MAIN_BANK, chart.FUND),
                "deposit": (chart.MAIN_BANK, chart.CASH),
            }[kind]
            new = [_new(kind, debit, credit, officer, typed)]
        return await books.record(db, circle.id, new, key=_key(officer, typed), now=now)


async def _fee_payer(db: AsyncSession, circle: Circle, officer: Member, typed: Typed) -> str:
    """The fund if it can; the same form sent again finds who paid the first time."""
    answered = await books.answered(db, circle.id, _key(officer, typed))
    if answered is not None and answered.transfers:
        return answered.transfers[0].debit
    covered = await books.fund_minor(db, circle.id) >= typed.amount_minor
    return chart.FUND if covered else chart.RETURNED


async def waiting_fees_minor(db: AsyncSession, circle_id: bytes) -> int:
    """Fees the bank took while the fund could not pay them."""
    lines = await books.journal(db, circle_id, limit=_FEES_MAX, kinds=("fee",), code=chart.RETURNED)
    standing = [line.transfer for line in lines if line.reversed_by is None]
    return sum(t.amount_minor if t.debit == chart.RETURNED else -t.amount_minor for t in standing)


async def pay_waiting_fees(host: Host, circle: Circle, officer: Member, on: date) -> None:
    """Let the fund pay what it owes for fees; NotCoveredError while it cannot."""
    now = host.clock.round_now()
    async with host.database.begin() as db:
        await books.lock(db, circle.id)
        amount = await waiting_fees_minor(db, circle.id)
        if amount <= 0:
            return
        typed = Typed(amount, on, None, "")
        new = _new("fee", chart.FUND, chart.RETURNED, officer, typed)
        await books.record(db, circle.id, [new], key=None, now=now)


async def line(db: AsyncSession, circle_id: bytes, transfer_id: bytes) -> JournalLine:
    """One line with its note; MissingError."""
    found = await books.transfer(db, circle_id, transfer_id)
    (entry,) = await books.journal(db, circle_id, limit=1, before_seq=found.seq + 1)
    return entry


async def moved_on(db: AsyncSession, circle_id: bytes, transfer: Transfer) -> bool:
    """Whether undoing this line would have to fetch something back from the fund."""
    if not may_move_on(transfer):
        return False
    return await books.balance(db, circle_id, transfer.credit) < transfer.amount_minor


async def undo(
    host: Host, circle: Circle, officer: Member, transfer_id: bytes, note: str | None
) -> None:
    """Take back a line that was typed wrong, with what followed from it. Twice is once."""
    now = host.clock.round_now()
    async with host.database.begin() as db:
        await books.lock(db, circle.id)
        found = await books.transfer(db, circle.id, transfer_id)
        if found.kind not in UNDOABLE:
            raise ConflictError(
                _("This line belongs to a round or a payment. It is undone there, not here.")
            )
        if await books.is_reversed(db, circle.id, transfer_id):
            return
        if found.kind == "identify":
            await match_undo.unlearn_claimed(db, host, circle, found)
        if await _undo_with_line(db, host, circle, officer, found, now, note):
            return
        # On its own day, so that an open month agrees with the bank again; what is shut stays shut.
        shut = await closed_through(db, circle.id)
        on = found.effective_on if shut is None or found.effective_on > shut else None
        try:
            if may_move_on(found):
                await dues.undo_contribution(
                    db, circle, transfer_id, actor=officer.actor, now=now, note=note, on=on
                )
            else:
                # Money given back went in two steps, the second undone first.
                steps = await books.booked_with(db, circle.id, found)
                for step in reversed(steps if found.kind == "refund" else (found,)):
                    await books.reverse(
                        db,
                        circle.id,
                        step.id,
                        actor=officer.actor,
                        now=now,
                        note=note,
                        effective_on=on,
                    )
        except NotCoveredError as error:
            raise NotCoveredError(_cannot_undo(found)) from error


async def _undo_with_line(
    db: AsyncSession,
    host: Host,
    circle: Circle,
    officer: Member,
    found: Transfer,
    now: datetime,
    note: str | None,
) -> bool:
    """Untie the line of the bank that this one is; whether all of it is undone with that."""
    match = await match_of(db, circle.id, found)
    if match is None:
        return False
    try:
        if match_undo.is_of_line(await _tied(db, circle.id, match)):
            await match_undo.undo_in(
                db, host, circle, match, actor=officer.actor, now=now, note=note
            )
            return True
        await matches.untie(db, circle.id, match.id, actor=officer.actor, now=now)
    except TiedForGoodError:
        # A closed month stays as it was signed. The mirror stands in the open one, and with what is
        # right it comes to nothing at the bank.
        await match_undo.unlearn_tied(db, host, circle, match, found)
        return False
    return False


async def match_of(db: AsyncSession, circle_id: bytes, found: Transfer) -> Match | None:
    """The line of the bank that this one, or a step booked with it, is tied to."""
    steps = await books.booked_with(db, circle_id, found) if found.kind == "refund" else (found,)
    for step in steps:
        match = await matches.of_transfer(db, circle_id, step.id)
        if match is not None:
            return match
    return None


async def _tied(db: AsyncSession, circle_id: bytes, match: Match) -> Transfer:
    return await books.transfer(db, circle_id, match.transfer_ids[0])


def _cannot_undo(found: Transfer) -> str:
    if found.credit == chart.SUSPENSE:
        return _("This money has found an owner. Undo that line first, then this one.")
    return _(
        "The fund does not hold this money any more: it is set aside for a vote, or given. "
        "Nothing was changed. Wait until the vote is counted and try again."
    )
