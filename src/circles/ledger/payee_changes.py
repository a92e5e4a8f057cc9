"""Other details for a payment after its proposal, and who is close to its recipient.

Money is stolen by changing where it goes after everybody looked. So another payee is asked for by
one person, confirmed by another, and then waits `payouts.WAIT` by the circle's clock, in which all
of us see that it was changed and a treasurer can take the payment back. On a real host the circle's
clock is the real one; the demo can move it, and so show the wait.

Kept for ever: that it was asked for, by whom, by whom confirmed, and when; as actor numbers. The
details stand sealed in a change only until it is confirmed or dropped.
"""

from __future__ import annotations

import json
import secrets
from dataclasses import asdict, dataclass
from datetime import datetime

from sqlalchemy import insert, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from circles.errors import MissingError
from circles.ledger import payouts
from circles.ledger.payee_tables import CloseRow, PayeeChangeRow
from circles.ledger.payouts import ConfirmForbiddenError, Payee, Payout, PayoutStateError
from circles.protocol.text import b64
from circles.vault import Vault
from circles.web.i18n import gettext as _


@dataclass(frozen=True)
class PayeeChange:
    """One change of a payment's details; it waits while it is neither confirmed nor dropped."""

    id: bytes
    payout_id: bytes
    recipient_actor: int | None
    asker_actor: int
    asked_at: datetime
    confirmer_actor: int | None
    confirmed_at: datetime | None
    dropped_at: datetime | None

    @property
    def waits(self) -> bool:
        """Whether a second person has not spoken yet."""
        return self.confirmed_at is None and self.dropped_at is None


async def of_payout(db: AsyncSession, payout_id: bytes) -> list[PayeeChange]:
    """All changes of a payment, oldest first."""
    rows = await db.scalars(
        select(PayeeChangeRow)
        .where(PayeeChangeRow.payout_id == payout_id)
        .order_by(PayeeChangeRow.asked_at, PayeeChangeRow.id)
        .execution_options(populate_existing=True)
    )
    return [
        PayeeChange(
            row.id,
            row.payout_id,
            row.recipient_actor,
            row.asker_actor,
            row.asked_at,
            row.confirmer_actor,
            row.confirmed_at,
            row.dropped_at,
        )
        for row in rows
    ]


async def waiting(db: AsyncSession, payout_id: bytes) -> PayeeChange | None:
    """The change that waits for a second person, if one does."""
    return next((one for one in await of_payout(db, payout_id) if one.waits), None)


async def may_sign(db: AsyncSession, payout: Payout, actor: int) -> bool:
    """Whether a second name is wanted, under the payment or under a change of its details, and may
    be this one's."""
    change = await waiting(db, payout.id)
    asked = change is not None and actor not in {
        change.asker_actor,
        change.recipient_actor,
        payout.recipient_actor,
    }
    wanted = payout.may_confirm(actor) or asked
    return wanted and actor not in await payouts.close_to(db, payout.id)


async def asked_payee(db: AsyncSession, vault: Vault, change: PayeeChange) -> Payee | None:
    """The details asked for: for officers only, and only while they wait."""
    sealed = await db.scalar(
        select(PayeeChangeRow.payee_sealed).where(PayeeChangeRow.id == change.id)
    )
    return Payee(**json.loads(vault.open(payee_purpose(change.id), sealed))) if sealed else None


def payee_purpose(change_id: bytes) -> str:
    """The purpose of the seal of what a change asks for."""
    return f"payee change {b64(change_id)}"


async def ask(
    db: AsyncSession,
    vault: Vault,
    circle_id: bytes,
    payout_id: bytes,
    payee: Payee,
    *,
    recipient_actor: int | None,
    actor: int,
    frozen_until: datetime | None,
    now: datetime,
) -> PayeeChange:
    """Ask to pay somebody else, or to another account, while nothing was sent."""
    _not_frozen(frozen_until, now)
    payout = await payouts.get(db, circle_id, payout_id, lock=True)
    payouts.expect(payout, "proposed", "confirmed")
    if await waiting(db, payout_id) is not None:
        raise PayoutStateError(_("Another change waits already. Decide about that one first."))
    if payout.confirmer_actor is not None and payout.confirmer_actor == recipient_actor:
        raise ConfirmForbiddenError(
            _(
                "Whoever confirmed this payment cannot be the one who gets it. Take the proposal "
                "back and propose it anew."
            )
        )
    change_id = secrets.token_bytes(16)
    await db.execute(
        insert(PayeeChangeRow).values(
            id=change_id,
            payout_id=payout_id,
            payee_sealed=vault.seal(payee_purpose(change_id), json.dumps(asdict(payee)).encode()),
            recipient_actor=recipient_actor,
            asker_actor=actor,
            asked_at=now,
        )
    )
    return await _get(db, payout_id, change_id)


async def _get(db: AsyncSession, payout_id: bytes, change_id: bytes) -> PayeeChange:
    for change in await of_payout(db, payout_id):
        if change.id == change_id:
            return change
    raise MissingError(_("There is no such change. Look at the payment again."))


def _not_frozen(frozen_until: datetime | None, now: datetime) -> None:
    if frozen_until is not None and now < frozen_until:
        raise ConfirmForbiddenError(
            _(
                "You came in, or back in, a few days ago. Until a week has passed, "
                "another one of us does this."
            ),
            code="frozen",
        )


async def confirm(
    db: AsyncSession,
    vault: Vault,
    circle_id: bytes,
    payout_id: bytes,
    change_id: bytes,
    *,
    actor: int,
    frozen_until: datetime | None,
    now: datetime,
    at: datetime,
) -> PayeeChange:
    """The second name under other details; from then on they stand, and the payment waits a day
    from `at`, the circle's own time. Twice is once."""
    payout = await payouts.get(db, circle_id, payout_id, lock=True)
    change = await _get(db, payout_id, change_id)
    if actor == change.asker_actor:
        raise ConfirmForbiddenError(_("You asked for this. Another one of us confirms it."))
    if actor in {change.recipient_actor, payout.recipient_actor}:
        raise ConfirmForbiddenError(_("This payment is for you. Another one of us confirms it."))
    if actor in await payouts.close_to(db, payout_id):
        raise ConfirmForbiddenError(
            _("You are close to whoever gets this. Another one of us confirms it.")
        )
    _not_frozen(frozen_until, now)
    if change.confirmer_actor == actor:
        return change
    payouts.expect(payout, "proposed", "confirmed")
    payee = await asked_payee(db, vault, change)
    if not change.waits or payee is None:
        raise PayoutStateError(_("This change was decided meanwhile. Look at the payment again."))
    await db.execute(
        update(PayeeChangeRow)
        .where(PayeeChangeRow.id == change_id)
        .values(confirmer_actor=actor, confirmed_at=now, payee_sealed=None)
    )
    await payouts.move(
        db,
        payout,
        payee_sealed=payouts.seal_payee(vault, payout_id, payee),
        way=payee.way,
        recipient_actor=change.recipient_actor,
        pay_from=at + payouts.WAIT,
    )
    return await _get(db, payout_id, change_id)


async def drop(db: AsyncSession, circle_id: bytes, payout_id: bytes, *, now: datetime) -> None:
    """No change after all; what stood before goes on standing. Twice is once."""
    await payouts.get(db, circle_id, payout_id, lock=True)
    change = await waiting(db, payout_id)
    if change is not None:
        await db.execute(
            update(PayeeChangeRow)
            .where(PayeeChangeRow.id == change.id)
            .values(dropped_at=now, payee_sealed=None)
        )


async def say_close(
    db: AsyncSession,
    circle_id: bytes,
    payout_id: bytes,
    actor: int,
    *,
    said_by: int,
    now: datetime,
) -> None:
    """Somebody is close to the recipient: said of oneself, or by an officer of another.

    Said of the second name before the money went, it takes that name away again. For ever: who said
    it cannot take it back, or the next name could be talked round.
    """
    payout = await payouts.get(db, circle_id, payout_id, lock=True)
    payouts.expect(payout, "proposed", "confirmed")
    if actor in await payouts.close_to(db, payout_id):
        return
    await db.execute(
        insert(CloseRow).values(payout_id=payout_id, actor=actor, said_by=said_by, said_at=now)
    )
    if payout.confirmer_actor == actor:
        await payouts.move(db, payout, state="proposed", confirmer_actor=None, confirmed_at=None)
