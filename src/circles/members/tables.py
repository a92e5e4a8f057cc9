"""What the members room stores about people. All of it goes when somebody leaves; the books keep a
number, and nothing here says any more whose it was.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, Boolean, ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from circles.db import Hash, Id, UtcTime


class Base(DeclarativeBase):
    """Tables named `members_*`; no foreign key leaves the room."""


def _account() -> ForeignKey:
    return ForeignKey("members_account.id", ondelete="CASCADE")


class CircleRow(Base):
    """One row a circle: what is locked where members compete (the last chair, the last steward)."""

    __tablename__ = "members_circle"

    circle_id: Mapped[bytes] = mapped_column(Id, primary_key=True)
    # The newest month whose roll is frozen, "yyyy-mm"; who joins later votes from the next on.
    rolled_month: Mapped[str | None] = mapped_column(String(7))


class AccountRow(Base):
    """One person in one circle."""

    __tablename__ = "members_account"
    __table_args__ = (
        UniqueConstraint("circle_id", "handle_key"),
        UniqueConstraint("circle_id", "book_number"),
        UniqueConstraint("circle_id", "actor"),
    )

    id: Mapped[bytes] = mapped_column(Id, primary_key=True)
    circle_id: Mapped[bytes] = mapped_column(Id)
    handle: Mapped[str] = mapped_column(String(40))
    handle_key: Mapped[str] = mapped_column(String(160))
    passphrase_hash: Mapped[str] = mapped_column(String(255))
    is_treasurer: Mapped[bool] = mapped_column(Boolean)
    is_steward: Mapped[bool] = mapped_column(Boolean)
    book_number: Mapped[str] = mapped_column(String(8))
    actor: Mapped[int] = mapped_column(BigInteger)
    joined_at: Mapped[datetime] = mapped_column(UtcTime)
    votes_from: Mapped[str] = mapped_column(String(7))
    payouts_frozen_until: Mapped[datetime | None] = mapped_column(UtcTime)


class SessionRow(Base):
    """One signed-in browser: the hash of its cookie, never the cookie; no agent, no address."""

    __tablename__ = "members_session"
    __table_args__ = (Index("members_session_account", "account_id"),)

    token_hash: Mapped[bytes] = mapped_column(Hash, primary_key=True)
    public_id: Mapped[bytes] = mapped_column(Id, unique=True)
    account_id: Mapped[bytes] = mapped_column(Id, _account())
    begun_at: Mapped[datetime] = mapped_column(UtcTime)
    seen_at: Mapped[datetime] = mapped_column(UtcTime)


class ThrottleRow(Base):
    """How fast somebody tries: a keyed hash of circle, action, handle; when it is quiet again."""

    __tablename__ = "members_throttle"

    key: Mapped[bytes] = mapped_column(Hash, primary_key=True)
    quiet_at: Mapped[datetime] = mapped_column(UtcTime)


class InvitationRow(Base):
    """A chair offered. Its code is computed from the id by the host's key; here is its hash."""

    __tablename__ = "members_invitation"

    id: Mapped[bytes] = mapped_column(Id, primary_key=True)
    circle_id: Mapped[bytes] = mapped_column(Id)
    code_hash: Mapped[bytes] = mapped_column(Hash, unique=True)
    by_id: Mapped[bytes] = mapped_column(Id, _account())
    made_at: Mapped[datetime] = mapped_column(UtcTime)
    expires_at: Mapped[datetime] = mapped_column(UtcTime)
    used_at: Mapped[datetime | None] = mapped_column(UtcTime)
    revoked_at: Mapped[datetime | None] = mapped_column(UtcTime)


class WayBackRow(Base):
    """A way back in, given face to face after a lost passphrase; stored as an invitation is."""

    __tablename__ = "members_way_back"

    id: Mapped[bytes] = mapped_column(Id, primary_key=True)
    account_id: Mapped[bytes] = mapped_column(Id, _account())
    code_hash: Mapped[bytes] = mapped_column(Hash, unique=True)
    by_id: Mapped[bytes] = mapped_column(Id, _account())
    made_at: Mapped[datetime] = mapped_column(UtcTime)
    expires_at: Mapped[datetime] = mapped_column(UtcTime)
    used_at: Mapped[datetime | None] = mapped_column(UtcTime)


class NoticeRow(Base):
    """Pinned up for all members of a circle: a kind, and values for its words."""

    __tablename__ = "members_notice"
    __table_args__ = (Index("members_notice_circle", "circle_id", "at"),)

    id: Mapped[bytes] = mapped_column(Id, primary_key=True)
    circle_id: Mapped[bytes] = mapped_column(Id)
    kind: Mapped[str] = mapped_column(String(40))
    values: Mapped[str] = mapped_column("value_json", Text)
    at: Mapped[datetime] = mapped_column(UtcTime)


class WordRow(Base):
    """Told to one member, kept until read."""

    __tablename__ = "members_word"
    __table_args__ = (Index("members_word_account", "account_id"),)

    id: Mapped[bytes] = mapped_column(Id, primary_key=True)
    account_id: Mapped[bytes] = mapped_column(Id, _account())
    kind: Mapped[str] = mapped_column(String(40))
    values: Mapped[str] = mapped_column("value_json", Text)
    at: Mapped[datetime] = mapped_column(UtcTime)


class PledgeRow(Base):
    """What a member would like to put in each month. No row: "just look"."""

    __tablename__ = "members_pledge"

    account_id: Mapped[bytes] = mapped_column(Id, _account(), primary_key=True)
    amount_minor: Mapped[int] = mapped_column(BigInteger)
    paused: Mapped[bool] = mapped_column(Boolean)
    changed_at: Mapped[datetime] = mapped_column(UtcTime)


class PledgeSkipRow(Base):
    """A month left out."""

    __tablename__ = "members_pledge_skip"

    account_id: Mapped[bytes] = mapped_column(Id, _account(), primary_key=True)
    month: Mapped[str] = mapped_column(String(7), primary_key=True)


class PledgeDueRow(Base):
    """What a pledge came to in one month, frozen when the round started."""

    __tablename__ = "members_pledge_due"
    __table_args__ = (
        UniqueConstraint("account_id", "month"),
        Index("members_pledge_due_circle", "circle_id", "state"),
    )

    id: Mapped[bytes] = mapped_column(Id, primary_key=True)
    circle_id: Mapped[bytes] = mapped_column(Id)
    account_id: Mapped[bytes] = mapped_column(Id, _account())
    month: Mapped[str] = mapped_column(String(7))
    amount_minor: Mapped[int] = mapped_column(BigInteger)
    state: Mapped[str] = mapped_column(String(8))
    moved_at: Mapped[datetime | None] = mapped_column(UtcTime)
