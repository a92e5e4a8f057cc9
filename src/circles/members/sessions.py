"""Sessions: who is signed in, and where.

An id of 256 bits lives in the browser's cookie; the database keeps its SHA-256. A row is made only
when somebody has signed in, always with a new id: what a browser brought along before is never
taken over. A session ends after 30 days without a visit and after 180 days in any case, by the
real clock. No agent and no address is kept, so a list of sessions shows times only.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from circles.members.people import Member, member_of
from circles.members.tables import AccountRow, SessionRow

IDLE = timedelta(days=30)
ABSOLUTE = timedelta(days=180)
# Seen is written down once a day at most, so that looking at pages writes nothing.
SEEN_STEP = timedelta(days=1)
TOKEN_CHARS_MAX = 64


@dataclass(frozen=True)
class Session:
    """`public_id` names it on a page; `is_this` where the one who looks is signed in with it."""

    public_id: bytes
    begun_at: datetime
    seen_at: datetime
    is_this: bool


@dataclass(frozen=True)
class Live:
    """A session that holds, and whose it is."""

    member: Member
    token_hash: bytes
    seen_at: datetime


def hash_of(token: str) -> bytes:
    """What is stored of a cookie."""
    return hashlib.sha256(b"circles/session/v1\n" + token.encode("utf-8", "replace")).digest()


async def begin(db: AsyncSession, member_id: bytes, now: datetime) -> str:
    """Sign somebody in: a new session, and the cookie's value."""
    token = secrets.token_urlsafe(32)
    db.add(
        SessionRow(
            token_hash=hash_of(token),
            public_id=secrets.token_bytes(16),
            account_id=member_id,
            begun_at=now,
            seen_at=now,
        )
    )
    await db.flush()
    return token


async def live(db: AsyncSession, circle_id: bytes, token: str, now: datetime) -> Live | None:
    """Who is signed in at this circle with that cookie, if anybody."""
    if not token or len(token) > TOKEN_CHARS_MAX:
        return None
    found = (
        await db.execute(
            select(SessionRow, AccountRow)
            .join(AccountRow, AccountRow.id == SessionRow.account_id)
            .where(
                SessionRow.token_hash == hash_of(token),
                AccountRow.circle_id == circle_id,
                SessionRow.seen_at > now - IDLE,
                SessionRow.begun_at > now - ABSOLUTE,
            )
        )
    ).first()
    if found is None:
        return None
    return Live(member_of(found[1]), found[0].token_hash, found[0].seen_at)


async def seen(db: AsyncSession, token_hash: bytes, now: datetime) -> None:
    """Note a visit, for the sliding end."""
    await db.execute(
        update(SessionRow)
        .where(SessionRow.token_hash == token_hash, SessionRow.seen_at < now)
        .values(seen_at=now)
    )


async def end(db: AsyncSession, token: str) -> None:
    """Sign this browser out; no error if it was not signed in."""
    await db.execute(delete(SessionRow).where(SessionRow.token_hash == hash_of(token)))


async def end_one(db: AsyncSession, member_id: bytes, public_id: bytes) -> bool:
    """End one of the member's own sessions; False if it is not there."""
    ended = await db.execute(
        delete(SessionRow)
        .where(SessionRow.account_id == member_id, SessionRow.public_id == public_id)
        .returning(SessionRow.public_id)
    )
    return ended.first() is not None


async def end_all(db: AsyncSession, member_id: bytes, *, but_token: str = "") -> None:
    """End all sessions of a member, but the one of `but_token`."""
    await db.execute(
        delete(SessionRow).where(
            SessionRow.account_id == member_id, SessionRow.token_hash != hash_of(but_token)
        )
    )


async def of(db: AsyncSession, member_id: bytes, token: str, now: datetime) -> list[Session]:
    """The member's sessions that hold, the latest seen first."""
    rows = await db.scalars(
        select(SessionRow)
        .where(
            SessionRow.account_id == member_id,
            SessionRow.seen_at > now - IDLE,
            SessionRow.begun_at > now - ABSOLUTE,
        )
        .order_by(SessionRow.seen_at.desc(), SessionRow.public_id)
    )
    mine = hash_of(token)
    return [Session(r.public_id, r.begun_at, r.seen_at, r.token_hash == mine) for r in rows]


async def purge(db: AsyncSession, now: datetime) -> None:
    """Forget sessions that have ended."""
    await db.execute(
        delete(SessionRow).where(
            (SessionRow.seen_at <= now - IDLE) | (SessionRow.begun_at <= now - ABSOLUTE)
        )
    )
