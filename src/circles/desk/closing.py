"""Closing a month and handing over the books: the ledger, the roles, the log and the pinboard, each
in one transaction. Whoever acts is looked up again under the lock of the book: since the request
began they may have left, lost a role, or been given a way back.
"""

from __future__ import annotations

from sqlalchemy.ext.asyncio import AsyncSession

from circles import log
from circles.circle.circles import Circle
from circles.dues.dues import local_day
from circles.errors import ConflictError, ForbiddenError, MissingError
from circles.host import Host
from circles.ledger import books, handovers, periods
from circles.ledger.handovers import Handover
from circles.ledger.periods import Closed, Proposal, Said
from circles.log import floor
from circles.members import notices, people
from circles.members.people import Member
from circles.protocol.records import Seal
from circles.web.i18n import gettext as _


def is_officer(member: Member) -> bool:
    """Whether somebody keeps the books or the circle."""
    return member.is_treasurer or member.is_steward


async def may_go_alone(db: AsyncSession, circle_id: bytes) -> bool:
    """Whether this circle has one officer: then a month may be closed without a second name, and
    everybody is told."""
    return len([m for m in await people.every(db, circle_id) if is_officer(m)]) == 1


async def keeper(db: AsyncSession, circle: Circle, member_id: bytes) -> Member:
    """Who keeps the books at this very moment; the book is locked first."""
    await books.lock(db, circle.id)
    asking = await people.get(db, circle.id, member_id)
    if not asking.is_treasurer:
        raise ForbiddenError(_("Only who keeps the books may do this. Ask them."))
    return asking


# ------------------------------------------------------------------ a month


async def propose(host: Host, circle: Circle, member: Member, month: str, said: Said) -> Proposal:
    """Ask for the second name under a month; pinned up for all."""
    now = host.clock.round_now()
    async with host.database.begin() as db:
        asking = await keeper(db, circle, member.id)
        before = await periods.proposal(db, circle.id)
        made = await periods.propose(
            db,
            circle.id,
            month,
            said,
            proposer_actor=asking.actor,
            frozen=not asking.may_confirm_payouts(host.clock.now()),
            today=local_day(circle, now),
            now=now,
        )
        if before is None or before.id != made.id:
            values = {"by_id": asking.id.hex(), "month": month}
            await notices.pin(db, circle.id, "close-proposed", values, now)
    return made


async def withdraw(host: Host, circle: Circle, member: Member, proposal_id: bytes) -> None:
    """Take it back. Twice is once."""
    async with host.database.begin() as db:
        await keeper(db, circle, member.id)
        await periods.withdraw(db, circle.id, proposal_id)


async def confirm(
    host: Host, circle: Circle, member: Member, proposal_id: bytes, *, alone: bool = False
) -> Closed:
    """The second name, or openly none: close, seal, tell the log and everybody. Twice is once."""
    now = host.clock.round_now()
    async with host.database.begin() as db:
        await books.lock(db, circle.id)
        asking = await people.get(db, circle.id, member.id)
        if alone and not (asking.is_treasurer and await may_go_alone(db, circle.id)):
            raise ForbiddenError(
                _("There are others of us who hold an office. One more of us looks and confirms.")
            )
        closed, fresh = await periods.confirm(
            db,
            circle.id,
            proposal_id,
            actor=asking.actor,
            frozen=not asking.may_confirm_payouts(host.clock.now()),
            alone=alone,
            now=now,
        )
        if fresh:
            await log.append_once(db, circle.id, await _seal_of(db, circle, closed))
            await notices.pin(db, circle.id, *await _closed_notice(db, circle, closed), now)
            await log.sign(db, host.vault, circle.id, host)
    await floor.raise_to(host, circle.id)
    return closed


async def _seal_of(db: AsyncSession, circle: Circle, closed: Closed) -> bytes:
    """The record for the log: the state of the books in the moment of closing."""
    return Seal(
        circle.id,
        closed.month,
        closed.transfers,
        closed.head,
        await books.undecided_minor(db, circle.id),
        circle.currency,
    ).text()


async def _closed_notice(
    db: AsyncSession, circle: Circle, closed: Closed
) -> tuple[str, dict[str, str]]:
    by_actor = {m.actor: m.id.hex() for m in await people.every(db, circle.id)}
    values = {"month": closed.month, "by_id": by_actor.get(closed.proposer_actor, "")}
    if closed.checker_actor is None:
        return "month-closed-alone", values
    return "month-closed", {**values, "who_id": by_actor.get(closed.checker_actor, "")}


# ------------------------------------------------------------------ a hand-over


async def propose_handover(host: Host, circle: Circle, member: Member, taker_id: bytes) -> Handover:
    """Ask somebody to take the books over; pinned up for all and told to them."""
    now = host.clock.round_now()
    async with host.database.begin() as db:
        giver = await keeper(db, circle, member.id)
        taker = await people.get(db, circle.id, taker_id)
        if taker.is_treasurer and taker.id != giver.id:
            raise ConflictError(
                _("They keep the books already. A steward can take your part in it back.")
            )
        _refuse_frozen(host, giver)
        before = await handovers.waiting(db, circle.id)
        made = await handovers.propose(
            db, circle.id, giver_actor=giver.actor, taker_actor=taker.actor, now=now
        )
        if before is None or before.id != made.id:
            values = {"by_id": giver.id.hex(), "who_id": taker.id.hex()}
            await notices.pin(db, circle.id, "handover-proposed", values, now)
            await notices.tell(db, taker.id, "handover-proposed", values, now)
    return made


async def withdraw_handover(host: Host, circle: Circle, member: Member, handover_id: bytes) -> None:
    """The giver keeps the books after all, or the asked one does not want to. Twice is once."""
    async with host.database.begin() as db:
        await books.lock(db, circle.id)
        asking = await people.get(db, circle.id, member.id)
        waiting = await handovers.waiting(db, circle.id)
        if waiting is None or waiting.id != handover_id:
            return
        if asking.actor not in {waiting.giver_actor, waiting.taker_actor}:
            raise ForbiddenError(_("This is between the two whom it concerns."))
        await handovers.withdraw(db, circle.id, handover_id)


async def take_over(
    host: Host, circle: Circle, member: Member, handover_id: bytes, seen_transfers: int
) -> Handover:
    """Take the books over as they are: the roles change hands in the same moment."""
    now = host.clock.round_now()
    async with host.database.begin() as db:
        await books.lock(db, circle.id)
        taker = await people.get(db, circle.id, member.id)
        _refuse_frozen(host, taker)
        accepted, fresh = await handovers.accept(
            db,
            circle.id,
            handover_id,
            actor=taker.actor,
            seen_transfers=seen_transfers,
            now=now,
        )
        if fresh:
            await _change_roles(db, circle, accepted, taker)
            giver = await _by_actor(db, circle, accepted.giver_actor)
            values = {"by_id": giver.id.hex(), "who_id": taker.id.hex()}
            await notices.pin(db, circle.id, "handover", values, now)
            await notices.tell(db, giver.id, "handover", values, now)
    return accepted


async def _change_roles(
    db: AsyncSession, circle: Circle, accepted: Handover, taker: Member
) -> None:
    giver = await _by_actor(db, circle, accepted.giver_actor)
    if not giver.is_treasurer:
        raise ConflictError(
            _("Who proposed this does not keep the books any more. Ask a steward for the part.")
        )
    await people.set_role(db, circle.id, taker.id, "treasurer", holds=True)
    await people.set_role(db, circle.id, giver.id, "treasurer", holds=False)


async def _by_actor(db: AsyncSession, circle: Circle, actor: int) -> Member:
    for member in await people.every(db, circle.id):
        if member.actor == actor:
            return member
    raise MissingError(_("Who proposed this has left. A steward can give you the part."))


def _refuse_frozen(host: Host, member: Member) -> None:
    if not member.may_confirm_payouts(host.clock.now()):
        raise ForbiddenError(
            _(
                "You came in, or back in, a few days ago. Until a week has passed, "
                "another one of us signs."
            ),
            code="frozen",
        )
