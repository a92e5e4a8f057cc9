"""Payouts: an award on its way to its recipient, under two people's names.

    proposed -> confirmed -> sent -> settled
    proposed, confirmed -> withdrawn          nothing was paid
    sent, settled -> returned                 the money came back; the award may be paid again

One of the officers proposes and says whom to pay; any other member confirms who is neither the
recipient nor close to them. Other details after the proposal, and other details than an award was
proposed with before, wait for a day (`pay_from`, by the circle's clock): `payee_changes`.
An account to which a way back in was given signs nothing for a week: who gave the way back could
use it, and put both names. Officers and members stand here as their random actor numbers. The
payee's name and account are sealed by the vault, seen by officers only, and erased `PAYEE_KEPT`
after the payout ended.
"""

from __future__ import annotations

import base64
import json
import secrets
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from datetime import date, datetime, timedelta
from typing import Literal

from sqlalchemy import ColumnElement, insert, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from circles.circle import iban, reference
from circles.errors import ConflictError, ForbiddenError, InvalidError, MissingError
from circles.ledger import chart
from circles.ledger.books import balance, balances
from circles.ledger.journal import NotCoveredError, book_of, by_ref, record, reverse
from circles.ledger.payee_tables import CloseRow, PayeeChangeRow
from circles.ledger.tables import Book, PayoutRow
from circles.ledger.transfer import NewTransfer
from circles.protocol.text import b64
from circles.vault import Vault
from circles.web.i18n import gettext as _

Way = Literal["bank", "cash"]
State = Literal["proposed", "confirmed", "sent", "settled", "returned", "withdrawn"]

OPEN: tuple[State, ...] = ("proposed", "confirmed", "sent")
PAYEE_KEPT = timedelta(days=30)
WAIT = timedelta(days=1)
PAYEE_NAME_CHARS_MAX = 140
PAYEE_WORDS_CHARS_MAX = 280
_AWARDS = "Liabilities:Awards:"


class PayoutStateError(ConflictError):
    """The payout is further on, or not that far yet."""

    code = "payout-state"


class ConfirmForbiddenError(ForbiddenError):
    """Whoever asks may not be the second name under this payout."""

    code = "confirm-forbidden"


@dataclass(frozen=True)
class Award:
    """What a recipient was given and has not been paid."""

    month: str
    candidate: int
    amount_minor: int


@dataclass(frozen=True)
class Payee:
    """Whom to pay and how: an IBAN for a bank transfer, else words ("in an envelope, by Ann")."""

    name: str
    iban: str = ""
    words: str = ""

    @property
    def way(self) -> Way:
        """By the bank if there is an account, else in cash."""
        return "bank" if self.iban else "cash"


@dataclass(frozen=True)
class Payout:
    """One payout; `has_payee` is false once the payee's details were erased."""

    id: bytes
    month: str
    candidate: int
    amount_minor: int
    way: Way
    state: State
    proposer_actor: int
    proposed_at: datetime
    recipient_actor: int | None
    confirmer_actor: int | None
    confirmed_at: datetime | None
    sent_on: date | None
    settled_on: date | None
    ended_at: datetime | None
    pay_from: datetime | None
    has_payee: bool

    @property
    def reference(self) -> str:
        """What to write on the transfer: `RF`, two check digits, `P` and eight letters or digits
        (ISO 11649), the same for ever and in no other payment's words. Goes into a payment file as
        its end-to-end id, and is what a bank's line about it is known by."""
        return reference.of("P" + base64.b32encode(self.id[:5]).decode())

    def may_confirm(self, actor: int) -> bool:
        """Whether the second name may be this one: neither the proposer's nor the recipient's."""
        return self.state == "proposed" and actor not in {self.proposer_actor, self.recipient_actor}


def checked_payee(name: str, account: str, words: str) -> Payee:
    """A payee from what was typed; InvalidError or IbanError says what is missing or wrong."""
    name, words = " ".join(name.split()), words.strip()
    if not name or len(name) > PAYEE_NAME_CHARS_MAX:
        raise InvalidError(_("Please write whom to pay."))
    if len(words) > PAYEE_WORDS_CHARS_MAX:
        raise InvalidError(_("Please say it in fewer words."))
    return Payee(name, iban.parse(account) if account.strip() else "", words)


def ref(payout_id: bytes, step: str) -> str:
    """The business reference of a payout's transfer: `sent`, `settled` or `returned`."""
    return f"payout:{b64(payout_id)}:{step}"


async def unpaid(db: AsyncSession, circle_id: bytes) -> list[Award]:
    """Awards with money in them and no payout under way, in order of month and number."""
    under_way = {(p.month, p.candidate) for p in await open_for(db, circle_id)}
    found: list[Award] = []
    for code, amount in (await balances(db, circle_id)).items():
        if code.startswith(_AWARDS) and amount > 0:
            month, _, number = code.removeprefix(_AWARDS).rpartition("-")
            if (month, int(number)) not in under_way:
                found.append(Award(month, int(number), amount))
    return sorted(found, key=lambda award: (award.month, award.candidate))


async def open_for(db: AsyncSession, circle_id: bytes) -> list[Payout]:
    """Payouts that are proposed, confirmed or sent, oldest first."""
    return await _select(db, circle_id, PayoutRow.state.in_(OPEN))


async def of_month(db: AsyncSession, circle_id: bytes, month: str) -> list[Payout]:
    """All payouts of one round's awards, oldest first."""
    return await _select(db, circle_id, PayoutRow.month == month)


async def since(db: AsyncSession, circle_id: bytes, at: datetime) -> list[Payout]:
    """Open ones, and those that ended at or after `at`, oldest first."""
    return await _select(db, circle_id, PayoutRow.ended_at.is_(None) | (PayoutRow.ended_at >= at))


async def get(
    db: AsyncSession, circle_id: bytes, payout_id: bytes, *, lock: bool = False
) -> Payout:
    """One payout of this circle; MissingError."""
    found = await _select(db, circle_id, PayoutRow.id == payout_id, lock=lock)
    if not found:
        raise MissingError(_("There is no such payment in this circle."))
    return found[0]


async def _select(
    db: AsyncSession, circle_id: bytes, which: ColumnElement[bool], *, lock: bool = False
) -> list[Payout]:
    query = (
        select(PayoutRow)
        .join(Book, Book.id == PayoutRow.book_id)
        .where(Book.circle_id == circle_id, which)
        .order_by(PayoutRow.month, PayoutRow.candidate, PayoutRow.proposed_at)
        .execution_options(populate_existing=True)
    )
    if lock:
        query = query.with_for_update(of=PayoutRow)
    names = [field.name for field in fields(Payout) if field.name != "has_payee"]
    return [
        Payout(**{n: getattr(row, n) for n in names}, has_payee=row.payee_sealed is not None)
        for row in await db.scalars(query)
    ]


async def propose(
    db: AsyncSession,
    vault: Vault,
    circle_id: bytes,
    month: str,
    candidate: int,
    payee: Payee,
    *,
    proposer_actor: int,
    recipient_actor: int | None,
    close_actors: Iterable[int] = (),
    frozen_until: datetime | None = None,
    now: datetime,
    at: datetime | None = None,
) -> Payout:
    """Ask for an award to be paid, whole. The same proposal again is the same payout.

    `close_actors`: who is close to the recipient, as far as the proposer knows. Not for an account
    to which a way back was given in these days (`frozen_until`). `at`: the circle's own time, if it
    is another than `now`; by it an award whose payee was another one before waits for a day.
    """
    if frozen_until is not None and now < frozen_until:
        raise ConfirmForbiddenError(
            _(
                "You came in, or back in, a few days ago. Until a week has passed, "
                "another one of us proposes."
            ),
            code="frozen",
        )
    book = await book_of(db, circle_id, lock=True)
    for payout in await open_for(db, circle_id):
        if (payout.month, payout.candidate) == (month, candidate):
            same = payout.state == "proposed" and (
                (payout.proposer_actor, payout.recipient_actor) == (proposer_actor, recipient_actor)
            )
            if same and await payee_of(db, vault, circle_id, payout.id) == payee:
                return payout
            raise PayoutStateError(_("This payment was proposed already. See how far it is."))
    amount = await balance(db, circle_id, chart.award(month, candidate))
    if amount <= 0:
        raise NotCoveredError(_("There is nothing to pay for this request any more."))
    waits, close_before = await _before(db, vault, circle_id, month, candidate, payee)
    payout_id = secrets.token_bytes(16)
    await db.execute(
        insert(PayoutRow).values(
            id=payout_id,
            book_id=book.id,
            month=month,
            candidate=candidate,
            amount_minor=amount,
            way=payee.way,
            state="proposed",
            payee_sealed=seal_payee(vault, payout_id, payee),
            proposer_actor=proposer_actor,
            proposed_at=now,
            recipient_actor=recipient_actor,
            pay_from=(at or now) + WAIT if waits else None,
        )
    )
    close = dict.fromkeys(close_actors, proposer_actor) | close_before
    for actor, said_by in close.items():
        if actor != proposer_actor:
            await db.execute(
                insert(CloseRow).values(
                    payout_id=payout_id, actor=actor, said_by=said_by, said_at=now
                )
            )
    return await get(db, circle_id, payout_id)


async def _before(
    db: AsyncSession, vault: Vault, circle_id: bytes, month: str, candidate: int, payee: Payee
) -> tuple[bool, dict[int, int]]:
    """Whether this award was proposed before with other details, or with such as are erased; and
    who is close to this payee, or is it, as was said then (actor -> who said so). Taking a proposal
    back must be the way around neither a change's wait nor what was said."""
    waits, close = False, dict[int, int]()
    for payout in await of_month(db, circle_id, month):
        if payout.candidate != candidate:
            continue
        known = await payee_of(db, vault, circle_id, payout.id)
        same = known is not None and (known.name, known.iban) == (payee.name, payee.iban)
        waits = waits or not same
        if same or known is None:
            close |= await close_to(db, payout.id)
            if payout.recipient_actor is not None:
                close[payout.recipient_actor] = payout.proposer_actor
    return waits, close


def seal_payee(vault: Vault, payout_id: bytes, payee: Payee) -> bytes:
    """The payee's details as the payout's row keeps them."""
    return vault.seal(payee_purpose(payout_id), json.dumps(asdict(payee)).encode())


def payee_purpose(payout_id: bytes) -> str:
    """The purpose of the seal of a payout's payee."""
    # Bound to the row, so that one payee cannot be laid under another payout.
    return f"payee {b64(payout_id)}"


async def payee_of(
    db: AsyncSession, vault: Vault, circle_id: bytes, payout_id: bytes
) -> Payee | None:
    """Whom to pay: for officers only. None once it was erased."""
    await get(db, circle_id, payout_id)
    sealed = await db.scalar(select(PayoutRow.payee_sealed).where(PayoutRow.id == payout_id))
    if sealed is None:
        return None
    return Payee(**json.loads(vault.open(payee_purpose(payout_id), sealed)))


async def confirm(
    db: AsyncSession,
    circle_id: bytes,
    payout_id: bytes,
    *,
    actor: int,
    frozen_until: datetime | None,
    now: datetime,
    at: datetime | None = None,
) -> Payout:
    """The second name. Never the proposer's, the recipient's, that of somebody close to them, or
    that of an account to which a way back was given in these days (`frozen_until`). `at`: the
    circle's own time, if it is another than `now`."""
    payout = await get(db, circle_id, payout_id, lock=True)
    if actor == payout.proposer_actor:
        raise ConfirmForbiddenError(_("You proposed this payment. Another one of us confirms it."))
    if actor == payout.recipient_actor:
        raise ConfirmForbiddenError(_("This payment is for you. Another one of us confirms it."))
    if actor in await close_to(db, payout_id):
        raise ConfirmForbiddenError(
            _("You are close to whoever gets this. Another one of us confirms it.")
        )
    if frozen_until is not None and now < frozen_until:
        raise ConfirmForbiddenError(
            _(
                "You came in, or back in, a few days ago. Until a week has passed, "
                "another one of us confirms."
            ),
            code="frozen",
        )
    if payout.confirmer_actor == actor:
        return payout
    expect(payout, "proposed")
    await _no_change_waits(db, payout_id)
    pay_from = payout.pay_from and max(payout.pay_from, (at or now) + WAIT)
    await move(
        db, payout, state="confirmed", confirmer_actor=actor, confirmed_at=now, pay_from=pay_from
    )
    return await get(db, circle_id, payout_id)


async def close_to(db: AsyncSession, payout_id: bytes) -> dict[int, int]:
    """Who is close to the recipient: actor -> who said so."""
    rows = await db.execute(
        select(CloseRow.actor, CloseRow.said_by).where(CloseRow.payout_id == payout_id)
    )
    return {int(actor): int(said_by) for actor, said_by in rows}


async def _no_change_waits(db: AsyncSession, payout_id: bytes) -> None:
    waiting = await db.scalar(
        select(PayeeChangeRow.id).where(
            PayeeChangeRow.payout_id == payout_id,
            PayeeChangeRow.confirmed_at.is_(None),
            PayeeChangeRow.dropped_at.is_(None),
        )
    )
    if waiting is not None:
        raise PayoutStateError(
            _("Somebody asked to pay it to another account. That is decided first.")
        )


async def _may_go(db: AsyncSession, payout: Payout, now: datetime) -> None:
    await _no_change_waits(db, payout.id)
    if payout.pay_from is not None and now < payout.pay_from:
        raise PayoutStateError(
            _("Its details were changed, so it waits for a day. Until then it stays here.")
        )


async def withdraw(
    db: AsyncSession, circle_id: bytes, payout_id: bytes, *, now: datetime
) -> Payout:
    """Take a payout back before it was sent; nothing moved."""
    payout = await get(db, circle_id, payout_id, lock=True)
    if payout.state == "withdrawn":
        return payout
    expect(payout, "proposed", "confirmed")
    await db.execute(
        update(PayeeChangeRow)
        .where(
            PayeeChangeRow.payout_id == payout_id,
            PayeeChangeRow.confirmed_at.is_(None),
            PayeeChangeRow.dropped_at.is_(None),
        )
        .values(dropped_at=now, payee_sealed=None)
    )
    await move(db, payout, state="withdrawn", ended_at=now)
    return await get(db, circle_id, payout_id)


async def mark_sent(
    db: AsyncSession, circle_id: bytes, payout_id: bytes, *, actor: int, on: date, now: datetime
) -> Payout:
    """The bank was told to pay. Cash has no such step: it is settled when handed over."""
    # The book before the payment, as everywhere: two who lock the other way round deadlock.
    await book_of(db, circle_id, lock=True)
    payout = await get(db, circle_id, payout_id, lock=True)
    if payout.state == "sent":
        return payout
    expect(payout, "confirmed")
    await _may_go(db, payout, now)
    await _book(db, circle_id, payout, "sent", actor, on, now)
    await move(db, payout, state="sent", sent_on=on)
    return await get(db, circle_id, payout_id)


async def mark_settled(
    db: AsyncSession, circle_id: bytes, payout_id: bytes, *, actor: int, on: date, now: datetime
) -> Payout:
    """The bank's statement shows it, or the cash was handed over."""
    await book_of(db, circle_id, lock=True)
    payout = await get(db, circle_id, payout_id, lock=True)
    if payout.state == "settled":
        return payout
    if payout.way == "cash" and payout.state == "confirmed":
        payout = await mark_sent(db, circle_id, payout_id, actor=actor, on=on, now=now)
    expect(payout, "sent")
    await _book(db, circle_id, payout, "settled", actor, on, now)
    await move(db, payout, state="settled", settled_on=on, ended_at=now)
    return await get(db, circle_id, payout_id)


async def mark_returned(
    db: AsyncSession, circle_id: bytes, payout_id: bytes, *, actor: int, on: date, now: datetime
) -> Payout:
    """The money came back, or never left: the award holds it again."""
    await book_of(db, circle_id, lock=True)
    payout = await get(db, circle_id, payout_id, lock=True)
    if payout.state == "returned":
        return payout
    expect(payout, "sent", "settled")
    if payout.state == "settled":
        await _book(db, circle_id, payout, "returned", actor, on, now)
    else:
        # It never reached a statement, so the sending was booked wrongly: a mirror, not a fact.
        sent = await by_ref(db, circle_id, ref(payout_id, "sent"))
        if sent is None:
            raise MissingError(_("The books do not know of this payment. Have them checked."))
        await reverse(db, circle_id, sent.id, actor=actor, now=now, effective_on=on)
    await move(db, payout, state="returned", ended_at=now)
    return await get(db, circle_id, payout_id)


async def erase_payees(db: AsyncSession, now: datetime) -> int:
    """Forget whom we paid, `PAYEE_KEPT` after the payout ended; how many were erased."""
    erased = await db.execute(
        update(PayoutRow)
        .where(PayoutRow.payee_sealed.is_not(None), PayoutRow.ended_at < now - PAYEE_KEPT)
        .values(payee_sealed=None)
        .returning(PayoutRow.id)
    )
    return len(erased.all())


def expect(payout: Payout, *states: State) -> None:
    """PayoutStateError when it stands at another step."""
    if payout.state not in states:
        raise PayoutStateError(_("This payment is at another step by now. Open it anew."))


async def move(db: AsyncSession, payout: Payout, **values: object) -> None:
    """Write to the payout's row; for the modules of payouts alone."""
    await db.execute(update(PayoutRow).where(PayoutRow.id == payout.id).values(**values))


async def _book(
    db: AsyncSession,
    circle_id: bytes,
    payout: Payout,
    step: Literal["sent", "settled", "returned"],
    actor: int,
    on: date,
    now: datetime,
) -> None:
    award, money = chart.award(payout.month, payout.candidate), _money(payout.way)
    debit, credit = {
        "sent": (award, chart.TRANSIT),
        "settled": (chart.TRANSIT, money),
        "returned": (money, award),
    }[step]
    new = NewTransfer(
        kind=f"payout_{step}",
        debit=debit,
        credit=credit,
        amount_minor=payout.amount_minor,
        effective_on=on,
        actor=actor,
        business_ref=ref(payout.id, step),
    )
    await record(db, circle_id, [new], key=None, now=now)


def _money(way: Way) -> str:
    return chart.MAIN_BANK if way == "bank" else chart.CASH
