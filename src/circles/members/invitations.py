"""Invitations: one chair each, for one use and two hours, revocable.

A GET of the link changes nothing. The POST that joins uses it up by one UPDATE inside the joining
transaction: of two at the same moment one wins, and a join that fails leaves the invitation good.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from circles.errors import ConflictError, MissingError, TooManyError
from circles.host import Host
from circles.members import codes
from circles.members.tables import AccountRow, InvitationRow
from circles.web.i18n import gettext as _

LIFE = timedelta(hours=2)
OPEN_MAX = 60
OPEN, USED, REVOKED, EXPIRED = "open", "used", "revoked", "expired"


class InvitationOverError(ConflictError):
    """This invitation lets nobody in any more; `state` says why, USED, REVOKED or EXPIRED."""

    code = "invitation-over"

    def __init__(self, message: str, state: str, expires_at: datetime) -> None:
        super().__init__(message)
        self.state = state
        self.expires_at = expires_at


class UnknownInvitationError(MissingError):
    """No invitation has this code: mistyped, or long gone."""

    code = "unknown-invitation"


@dataclass(frozen=True)
class Invitation:
    """`state` is OPEN, USED, REVOKED or EXPIRED, at the time it was read."""

    id: bytes
    by_handle: str
    made_at: datetime
    expires_at: datetime
    state: str


def _invitation(row: InvitationRow, by_handle: str, now: datetime) -> Invitation:
    if row.used_at is not None:
        state = USED
    elif row.revoked_at is not None:
        state = REVOKED
    else:
        state = OPEN if row.expires_at > now else EXPIRED
    return Invitation(row.id, by_handle, row.made_at, row.expires_at, state)


async def invite(db: AsyncSession, host: Host, circle_id: bytes, by_id: bytes) -> Invitation:
    """Offer a chair; TooManyError when very many are open at once."""
    now = host.clock.now()
    open_now = await db.scalar(
        select(func.count())
        .select_from(InvitationRow)
        .where(
            InvitationRow.circle_id == circle_id,
            InvitationRow.used_at.is_(None),
            InvitationRow.revoked_at.is_(None),
            InvitationRow.expires_at > now,
        )
    )
    if (open_now or 0) >= OPEN_MAX:
        raise TooManyError(
            _("Many invitations are open already. Take some back first."), retry_after_s=600
        )
    id_ = secrets.token_bytes(16)
    row = InvitationRow(
        id=id_,
        circle_id=circle_id,
        code_hash=codes.hash_of(codes.code_of(host.vault, "invitation", id_)),
        by_id=by_id,
        made_at=now,
        expires_at=now + LIFE,
        used_at=None,
        revoked_at=None,
    )
    db.add(row)
    await db.flush()
    by_handle = await db.scalar(select(AccountRow.handle).where(AccountRow.id == by_id))
    return _invitation(row, by_handle or "", now)


def link(host: Host, slug: str, invitation: Invitation) -> str:
    """The address to hand over."""
    code = codes.code_of(host.vault, "invitation", invitation.id)
    return f"{host.settings.url}/c/{slug}/join/{code}"


async def recent(db: AsyncSession, circle_id: bytes, now: datetime) -> list[Invitation]:
    """Those of this circle that are still kept, the newest first."""
    rows = await db.execute(
        select(InvitationRow, AccountRow.handle)
        .join(AccountRow, AccountRow.id == InvitationRow.by_id)
        .where(InvitationRow.circle_id == circle_id)
        .order_by(InvitationRow.made_at.desc(), InvitationRow.id)
    )
    return [_invitation(row, handle, now) for row, handle in rows]


async def by_id(
    db: AsyncSession, circle_id: bytes, invitation_id: bytes, now: datetime
) -> Invitation:
    """One of this circle's; UnknownInvitationError."""
    for invitation in await recent(db, circle_id, now):
        if invitation.id == invitation_id:
            return invitation
    raise UnknownInvitationError(_("This invitation is not here any more."))


async def by_code(db: AsyncSession, circle_id: bytes, code: str, now: datetime) -> Invitation:
    """The open invitation of this code. InvitationOverError, UnknownInvitationError."""
    found = (
        await db.execute(
            select(InvitationRow, AccountRow.handle)
            .join(AccountRow, AccountRow.id == InvitationRow.by_id)
            .where(
                InvitationRow.circle_id == circle_id,
                InvitationRow.code_hash == codes.hash_of(code),
            )
            .execution_options(populate_existing=True)
        )
    ).first()
    if found is None:
        raise UnknownInvitationError(_("There is no such invitation."))
    invitation = _invitation(found[0], found[1], now)
    if invitation.state != OPEN:
        raise InvitationOverError(
            _("This invitation lets nobody in any more. Ask for a new one; it takes a minute."),
            invitation.state,
            invitation.expires_at,
        )
    return invitation


async def use(db: AsyncSession, circle_id: bytes, code: str, now: datetime) -> Invitation:
    """Use it up, together with what else `db` does; raises as `by_code` does."""
    claimed = await db.execute(
        update(InvitationRow)
        .where(
            InvitationRow.circle_id == circle_id,
            InvitationRow.code_hash == codes.hash_of(code),
            InvitationRow.used_at.is_(None),
            InvitationRow.revoked_at.is_(None),
            InvitationRow.expires_at > now,
        )
        .values(used_at=now)
        .returning(InvitationRow.id, InvitationRow.by_id)
    )
    row = claimed.first()
    if row is None:
        await by_code(db, circle_id, code, now)
        raise UnknownInvitationError(_("There is no such invitation."))
    return await by_id(db, circle_id, row[0], now)


async def revoke(db: AsyncSession, circle_id: bytes, invitation_id: bytes, now: datetime) -> bool:
    """Take it back; False if it was used, taken back or over before."""
    taken = await db.execute(
        update(InvitationRow)
        .where(
            InvitationRow.circle_id == circle_id,
            InvitationRow.id == invitation_id,
            InvitationRow.used_at.is_(None),
            InvitationRow.revoked_at.is_(None),
            InvitationRow.expires_at > now,
        )
        .values(revoked_at=now)
        .returning(InvitationRow.id)
    )
    return taken.first() is not None


async def purge(db: AsyncSession, before: datetime) -> None:
    """Forget those that ended before that time."""
    await db.execute(delete(InvitationRow).where(InvitationRow.expires_at <= before))
