"""What the roll and the issuer store, all of it per poll and gone 90 days after the poll's close.

No time, no serial and no counter stands beside a take (docs/protocol.md, 7): takes are keyed by
what they are, and SQLite keeps them without a rowid.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Index, LargeBinary
from sqlalchemy.orm import Mapped, mapped_column

from circles.db import Hash, Id, UtcTime
from circles.members.tables import Base


class RollRow(Base):
    """The roll file of a poll, exactly as its record names it."""

    __tablename__ = "members_roll"

    poll_hash: Mapped[bytes] = mapped_column(Hash, primary_key=True)
    circle_id: Mapped[bytes] = mapped_column(Id)
    text: Mapped[bytes] = mapped_column(LargeBinary)


class RollLineRow(Base):
    """Who stands on which line of a poll's roll; the line's id was made for that poll alone."""

    __tablename__ = "members_roll_line"
    __table_args__ = (
        Index("members_roll_line_by_line", "poll_hash", "line", unique=True),
        {"sqlite_with_rowid": False},
    )

    poll_hash: Mapped[bytes] = mapped_column(Hash, primary_key=True)
    member_id: Mapped[bytes] = mapped_column(Id, primary_key=True)
    line: Mapped[bytes] = mapped_column(Id)


class IssuerPollRow(Base):
    """What the issuer must know of a poll. `shut_at` (real time) is set at the close."""

    __tablename__ = "members_issuer_poll"

    poll_hash: Mapped[bytes] = mapped_column(Hash, primary_key=True)
    circle_id: Mapped[bytes] = mapped_column(Id)
    slots: Mapped[int]
    take_from: Mapped[datetime] = mapped_column(UtcTime)
    closes_at: Mapped[datetime] = mapped_column(UtcTime)
    shut_at: Mapped[datetime | None] = mapped_column(UtcTime)


class IssuerKeyRow(Base):
    """The private half of a poll's issuer key, sealed by the vault; deleted at the close."""

    __tablename__ = "members_issuer_key"

    poll_hash: Mapped[bytes] = mapped_column(Hash, primary_key=True)
    sealed: Mapped[bytes] = mapped_column(LargeBinary)


class TakeRow(Base):
    """A take and its answer. `number` is 0; 1, 2, ... where a steward allowed one more."""

    __tablename__ = "members_take"
    __table_args__ = ({"sqlite_with_rowid": False},)

    poll_hash: Mapped[bytes] = mapped_column(Hash, primary_key=True)
    line: Mapped[bytes] = mapped_column(Id, primary_key=True)
    slot: Mapped[int] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    take: Mapped[bytes] = mapped_column(LargeBinary)
    taken: Mapped[bytes] = mapped_column(LargeBinary)


class ReissueRow(Base):
    """How many more takes of a used slot a steward has allowed so far."""

    __tablename__ = "members_reissue"
    __table_args__ = ({"sqlite_with_rowid": False},)

    poll_hash: Mapped[bytes] = mapped_column(Hash, primary_key=True)
    line: Mapped[bytes] = mapped_column(Id, primary_key=True)
    slot: Mapped[int] = mapped_column(primary_key=True)
    allowed: Mapped[int]
