"""Everything this room knows about one member, for that member: complete, and fit for machines."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from circles.circle.circles import Circle
from circles.members import notices, pledges
from circles.members.people import Member
from circles.members.roll_tables import RollLineRow, TakeRow
from circles.members.tables import InvitationRow, PledgeRow, SessionRow, WayBackRow
from circles.protocol.text import b64

Json = dict[str, Any]


def _at(value: datetime | None) -> str | None:
    return None if value is None else value.strftime("%Y-%m-%dT%H:%M:%SZ")


async def of(db: AsyncSession, circle: Circle, member: Member) -> Json:
    """The account and all that hangs on it; times in UTC, amounts in minor units."""
    return {
        "account": {
            "handle": member.handle,
            "roles": sorted(member.roles),
            "joined_at": _at(member.joined_at),
            "votes_from": member.votes_from,
            "book_number": member.book_number,
            "actor": member.actor,
            "payouts_frozen_until": _at(member.payouts_frozen_until),
            "passphrase": "kept only as an Argon2id hash",
        },
        "pledge": await _pledge(db, circle, member),
        "signed_in": await _sessions(db, member),
        "words_for_you": [_notice(word) for word in await notices.told(db, member.id)],
        "pinned_up_for_all": [
            _notice(notice) for notice in await notices.pinned(db, circle.id, limit=1000)
        ],
        "invitations_you_made": await _invitations(db, member),
        "ways_back": await _ways_back(db, member),
        "polls": await _polls(db, member),
    }


def _notice(notice: notices.Notice) -> Json:
    return {"kind": notice.kind, "values": notice.values, "at": _at(notice.at)}


async def _pledge(db: AsyncSession, circle: Circle, member: Member) -> Json:
    pledge = await pledges.of(db, member.id)
    row = await db.get(PledgeRow, member.id)
    dues = await pledges.dues_of(db, member.id)
    return {
        "currency": circle.currency,
        "amount_minor": pledge.amount_minor,
        "paused": pledge.paused,
        "changed_at": _at(row.changed_at) if row else None,
        "skipped_months": sorted(pledge.skipped),
        "months": [
            {
                "month": due.month,
                "amount_minor": due.amount_minor,
                "state": due.state,
                "moved_at": _at(due.moved_at),
            }
            for due in dues
        ],
    }


async def _sessions(db: AsyncSession, member: Member) -> list[Json]:
    rows = await db.scalars(
        select(SessionRow)
        .where(SessionRow.account_id == member.id)
        .order_by(SessionRow.begun_at, SessionRow.public_id)
    )
    return [{"begun_at": _at(row.begun_at), "last_seen_at": _at(row.seen_at)} for row in rows]


async def _invitations(db: AsyncSession, member: Member) -> list[Json]:
    rows = await db.scalars(
        select(InvitationRow)
        .where(InvitationRow.by_id == member.id)
        .order_by(InvitationRow.made_at, InvitationRow.id)
    )
    return [
        {
            "made_at": _at(row.made_at),
            "expires_at": _at(row.expires_at),
            "used_at": _at(row.used_at),
            "revoked_at": _at(row.revoked_at),
        }
        for row in rows
    ]


async def _ways_back(db: AsyncSession, member: Member) -> list[Json]:
    rows = await db.scalars(select(WayBackRow).where(WayBackRow.account_id == member.id))
    return [
        {"made_at": _at(r.made_at), "expires_at": _at(r.expires_at), "used_at": _at(r.used_at)}
        for r in rows
    ]


async def _polls(db: AsyncSession, member: Member) -> list[Json]:
    """Each poll whose roll still has the member: the own line, and the takes in its name."""
    lines = await db.scalars(
        select(RollLineRow)
        .where(RollLineRow.member_id == member.id)
        .order_by(RollLineRow.poll_hash)
    )
    found = []
    for line in lines.all():
        takes = await db.scalars(
            select(TakeRow.take)
            .where(TakeRow.poll_hash == line.poll_hash, TakeRow.line == line.line)
            .order_by(TakeRow.slot, TakeRow.number)
        )
        found.append(
            {
                "poll": b64(line.poll_hash),
                "your_line": b64(line.line),
                "takes": [take.decode("ascii") for take in takes],
            }
        )
    return found
