"""A way back in after a lost passphrase: a link for one use, given face to face by a steward.

The link lives ten minutes. Using it sets a new passphrase, ends every session, and for seven days
that account confirms no payout. The member is told at the next sign-in, and all members read on
the noticeboard that a way back was given and used; the steward never sees a passphrase.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from circles.circle.circles import Circle
from circles.errors import MissingError
from circles.host import Host
from circles.members import codes, notices, people, sessions
from circles.members.people import Member
from circles.members.tables import AccountRow, WayBackRow
from circles.web.i18n import gettext as _

LIFE = timedelta(minutes=10)


class WayBackError(MissingError):
    """This link leads nowhere (any more)."""

    code = "way-back"


@dataclass(frozen=True)
class WayBack:
    """For whom, and until when."""

    id: bytes
    member: Member
    by_id: bytes
    expires_at: datetime


async def give(
    db: AsyncSession, host: Host, circle: Circle, steward: Member, member_id: bytes
) -> WayBack:
    """Make a link for that member (earlier ones end); told to them and pinned up for all."""
    member = await people.get(db, circle.id, member_id)
    now = host.clock.now()
    await db.execute(delete(WayBackRow).where(WayBackRow.account_id == member_id))
    id_ = secrets.token_bytes(16)
    row = WayBackRow(
        id=id_,
        account_id=member_id,
        code_hash=codes.hash_of(codes.code_of(host.vault, "way-back", id_)),
        by_id=steward.id,
        made_at=now,
        expires_at=now + LIFE,
        used_at=None,
    )
    db.add(row)
    values = {"by_id": steward.id.hex(), "who_id": member_id.hex()}
    await notices.pin(db, circle.id, "way-back-given", values, host.clock.round_now())
    await notices.tell(db, member_id, "way-back-given", values, host.clock.round_now())
    return WayBack(id_, member, steward.id, row.expires_at)


def link(host: Host, circle: Circle, way_back: WayBack) -> str:
    """The address to hand over."""
    code = codes.code_of(host.vault, "way-back", way_back.id)
    return f"{host.settings.url}{circle.path}/way-back/{code}"


async def by_id(db: AsyncSession, circle: Circle, way_back_id: bytes, now: datetime) -> WayBack:
    """An open one of this circle, for the steward's page; WayBackError."""
    return await _open(db, circle, WayBackRow.id == way_back_id, now)


async def by_code(db: AsyncSession, circle: Circle, code: str, now: datetime) -> WayBack:
    """The open one of this code; WayBackError."""
    return await _open(db, circle, WayBackRow.code_hash == codes.hash_of(code), now)


async def _open(db: AsyncSession, circle: Circle, which: object, now: datetime) -> WayBack:
    found = (
        await db.execute(
            select(WayBackRow, AccountRow)
            .join(AccountRow, AccountRow.id == WayBackRow.account_id)
            .where(
                which,  # type: ignore[arg-type]  # a boolean expression over WayBackRow
                AccountRow.circle_id == circle.id,
                WayBackRow.used_at.is_(None),
                WayBackRow.expires_at > now,
            )
        )
    ).first()
    if found is None:
        raise WayBackError(
            _(
                "This link leads nowhere any more. It works once, and for ten minutes. "
                "Ask a steward for a new one, face to face."
            )
        )
    return WayBack(found[0].id, people.member_of(found[1]), found[0].by_id, found[0].expires_at)


async def use(
    db: AsyncSession,
    circle: Circle,
    code: str,
    passphrase_hash: str,
    *,
    now: datetime,
    round_now: datetime,
) -> Member:
    """Set the new passphrase and use the link up; of two at the same moment one wins."""
    claimed = await db.execute(
        update(WayBackRow)
        .where(
            WayBackRow.code_hash == codes.hash_of(code),
            WayBackRow.used_at.is_(None),
            WayBackRow.expires_at > now,
            WayBackRow.account_id.in_(
                select(AccountRow.id).where(AccountRow.circle_id == circle.id)
            ),
        )
        .values(used_at=now)
        .returning(WayBackRow.account_id)
    )
    row = claimed.first()
    if row is None:
        raise WayBackError(_("This link was used already, or has run out. Nothing was changed."))
    member_id: bytes = row[0]
    await db.execute(
        update(AccountRow)
        .where(AccountRow.id == member_id)
        .values(passphrase_hash=passphrase_hash, payouts_frozen_until=now + people.FREEZE)
    )
    await sessions.end_all(db, member_id)
    values = {"who_id": member_id.hex()}
    await notices.pin(db, circle.id, "way-back-used", values, round_now)
    await notices.tell(db, member_id, "way-back-used", values, round_now)
    return await people.get(db, circle.id, member_id)


async def purge(db: AsyncSession, before: datetime) -> None:
    """Forget links that ended before that time."""
    await db.execute(delete(WayBackRow).where(WayBackRow.expires_at <= before))
