"""From nominations to candidates: the draft, what is left out and by whom, and the draw.

From nominating's close members see the draft, in the order of hashes, which says nothing. A steward
may propose to leave a nomination out, with a reason out of four; another member confirms it; all
see both. At voting's `opens` the clock logs the slate with the draw order (docs/protocol.md, 4).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from circles import log
from circles.ballot import box
from circles.ballot.box import Nominated
from circles.circle.circles import Circle
from circles.errors import ConflictError, ForbiddenError, InvalidError, MissingError
from circles.host import Host
from circles.members import notices, people
from circles.members.people import Member
from circles.protocol.draw import draw_order
from circles.protocol.messages import OMIT_REASONS, Slate
from circles.protocol.text import b64
from circles.rounds import keys, progress
from circles.rounds.rounds import Round
from circles.rounds.tables import OmissionRow
from circles.web.i18n import gettext as _


@dataclass(frozen=True)
class Omission:
    """A proposal to leave a nomination out, or, once `confirmed_by` is set, that it is left out."""

    reason: str
    proposed_by: bytes
    confirmed_by: bytes | None


@dataclass(frozen=True)
class Draft:
    """A nomination as it stands on the draft slate."""

    nominated: Nominated
    omission: Omission | None


def is_open(round_: Round) -> bool:
    """Whether the draft can be seen and changed: nominating is closed, the slate not yet logged."""
    return round_.nominate.close_text is not None and round_.slate_text is None


def is_due(round_: Round, now: datetime) -> bool:
    """Whether the clock is to log the slate now."""
    return is_open(round_) and now >= round_.vote.opens_at


async def draft(db: AsyncSession, round_: Round) -> list[Draft]:
    """All counted nominations in hash order; [] until nominating has closed."""
    if round_.nominate.close_text is None:
        return []
    poll_hash = round_.nominate.poll_hash
    found = await db.execute(
        select(OmissionRow)
        .where(OmissionRow.poll_hash == poll_hash)
        .execution_options(populate_existing=True)
    )
    omissions = {
        row.nomination: Omission(row.reason, row.proposed_by, row.confirmed_by)
        for row in found.scalars()
    }
    nominated = await box.nominations(db, poll_hash)
    return [
        Draft(one, omissions.get(one.leaf)) for one in sorted(nominated, key=lambda one: one.leaf)
    ]


async def words_of(db: AsyncSession, round_: Round, candidate: int) -> bytes | None:
    """The own words of a candidate on the slate, salt || text; None where they were erased."""
    leaf = round_.slate.candidates[candidate - 1] if round_.slate else b""
    for one in await box.nominations(db, round_.nominate.poll_hash):
        if one.leaf == leaf and one.salt is not None and one.document is not None:
            return one.salt + one.document
    return None


async def propose_omission(
    host: Host, circle: Circle, month: str, nomination: bytes, reason: str, by: Member
) -> None:
    """A steward proposes to leave a nomination (its leaf) out, for one of OMIT_REASONS."""
    if not by.is_steward:
        raise ForbiddenError(_("Only a steward may propose this. Ask one."))
    if reason not in OMIT_REASONS:
        raise InvalidError(_("Please pick one of the four reasons."))
    async with host.database.begin() as db:
        round_ = await _open_round(db, circle, month)
        await _refuse_frozen(db, host, circle, by)
        known = {one.leaf for one in await box.nominations(db, round_.nominate.poll_hash)}
        if nomination not in known:
            raise MissingError(_("This request is not on the draft."))
        if await db.get(OmissionRow, (round_.nominate.poll_hash, nomination)) is not None:
            raise ConflictError(_("Somebody has proposed that already."))
        db.add(
            OmissionRow(
                poll_hash=round_.nominate.poll_hash,
                nomination=nomination,
                reason=reason,
                proposed_by=by.id,
            )
        )
        await db.flush()
        await _pin(db, host, circle, "omission-proposed", reason, by)


async def confirm_omission(
    host: Host, circle: Circle, month: str, nomination: bytes, by: Member
) -> None:
    """Another member agrees: the nomination will not stand on the ballot."""
    async with host.database.begin() as db:
        row = await _omission(db, circle, month, nomination)
        if row.confirmed_by is not None:
            raise ConflictError(_("That was agreed already."))
        if row.proposed_by == by.id:
            raise ForbiddenError(_("Somebody else has to agree to this."))
        await _refuse_frozen(db, host, circle, by)
        row.confirmed_by = by.id
        await db.flush()
        await _pin(db, host, circle, "omission-confirmed", row.reason, by)


async def _refuse_frozen(db: AsyncSession, host: Host, circle: Circle, by: Member) -> None:
    """Whoever gave a way back into this account could use it, and be both who agree."""
    asking = await people.get(db, circle.id, by.id)
    if not asking.may_confirm_payouts(host.clock.now()):
        raise ForbiddenError(
            _(
                "You came in, or back in, a few days ago. Until a week has passed, "
                "another one of us does this."
            ),
            code="frozen",
        )


async def withdraw_omission(
    host: Host, circle: Circle, month: str, nomination: bytes, by: Member
) -> None:
    """A steward takes a proposal back, agreed or not: the nomination stays on the draft."""
    if not by.is_steward:
        raise ForbiddenError(_("Only a steward may take this back. Ask one."))
    async with host.database.begin() as db:
        row = await _omission(db, circle, month, nomination)
        reason = row.reason
        await db.delete(row)
        await db.flush()
        await _pin(db, host, circle, "omission-withdrawn", reason, by)


async def _open_round(db: AsyncSession, circle: Circle, month: str) -> Round:
    """The round, locked, while its draft is open."""
    round_ = await progress.lock(db, circle.id, month)
    if not is_open(round_):
        raise ConflictError(
            _("The draft can be changed after nominating has closed and until voting begins.")
        )
    return round_


async def _omission(db: AsyncSession, circle: Circle, month: str, nomination: bytes) -> OmissionRow:
    round_ = await _open_round(db, circle, month)
    row = await db.get(OmissionRow, (round_.nominate.poll_hash, nomination), populate_existing=True)
    if row is None:
        raise MissingError(_("Nobody has proposed to leave this out."))
    return row


async def _pin(
    db: AsyncSession, host: Host, circle: Circle, kind: str, reason: str, by: Member
) -> None:
    values = {"by_id": by.id.hex(), "reason": reason}
    await notices.pin(db, circle.id, kind, values, host.clock.round_now())


async def log_slate(host: Host, circle: Circle, month: str) -> bool:
    """By the clock, at voting's `opens`: log the slate in draw order, and hand it to the box.

    False if there is nothing to do yet or any more. The caller raises the floor afterwards.
    """
    async with host.database.begin() as db:
        round_ = await progress.lock(db, circle.id, month)
        if not is_due(round_, host.clock.round_now()):
            return False
        drafts = await draft(db, round_)
        salt = await keys.get(db, host.vault, round_.vote.poll_hash, keys.DRAW)
        text = _slate(round_, salt, drafts).text()
        await log.append(db, circle.id, [text])
        await box.set_slate(db, round_.vote.poll_hash, text)
        await progress.set_slate(db, round_, text)
        await keys.drop(db, round_.vote.poll_hash, keys.DRAW)
        await db.execute(
            delete(OmissionRow).where(OmissionRow.poll_hash == round_.nominate.poll_hash)
        )
        await log.sign(db, host.vault, circle.id, host)
        return True


def _slate(round_: Round, salt: bytes, drafts: list[Draft]) -> Slate:
    omits = {
        one.nominated.leaf: one.omission.reason
        for one in drafts
        if one.omission is not None and one.omission.confirmed_by is not None
    }
    staying = [one.nominated.leaf for one in drafts if one.nominated.leaf not in omits]
    return Slate(
        poll=round_.vote.poll_hash,
        draw_salt=salt,
        candidates=tuple(draw_order(salt, staying)),
        omits=tuple(sorted(omits.items(), key=lambda pair: b64(pair[0]))),
    )
