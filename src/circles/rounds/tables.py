"""What the rounds' room stores: a month of a circle, its two polls, its secrets, its omissions.

Times here are the circle's dates, never the time at which anybody did anything.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import LargeBinary, String, UniqueConstraint
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from circles.db import Hash, Id, UtcTime


class Base(DeclarativeBase):
    """The rounds' room."""


class SeriesRow(Base):
    """That a circle's rounds have begun: the steward said so. `first_month` is yyyy-mm.

    Its row is what announcing locks, so that two ticks at once announce one round.
    """

    __tablename__ = "rounds_series"

    circle_id: Mapped[bytes] = mapped_column(Id, primary_key=True)
    first_month: Mapped[str] = mapped_column(String(7))


class RoundRow(Base):
    """A round: its dates as they stand, and the records that its month has brought so far."""

    __tablename__ = "rounds_round"

    circle_id: Mapped[bytes] = mapped_column(Id, primary_key=True)
    month: Mapped[str] = mapped_column(String(7), primary_key=True)
    take_from: Mapped[datetime] = mapped_column(UtcTime)
    nominating_opens: Mapped[datetime] = mapped_column(UtcTime)
    nominating_closes: Mapped[datetime] = mapped_column(UtcTime)
    voting_opens: Mapped[datetime] = mapped_column(UtcTime)
    voting_closes: Mapped[datetime] = mapped_column(UtcTime)
    pay_until: Mapped[datetime] = mapped_column(UtcTime)
    thanks_from: Mapped[datetime] = mapped_column(UtcTime)
    slate: Mapped[bytes | None] = mapped_column(LargeBinary)
    opened: Mapped[bool] = mapped_column(default=False)
    result: Mapped[bytes | None] = mapped_column(LargeBinary)
    void: Mapped[bytes | None] = mapped_column(LargeBinary)
    posted: Mapped[bool] = mapped_column(default=False)


class PollRow(Base):
    """A poll as announced, with what events have changed since."""

    __tablename__ = "rounds_poll"
    __table_args__ = (UniqueConstraint("circle_id", "month", "purpose"),)

    poll_hash: Mapped[bytes] = mapped_column(Hash, primary_key=True)
    circle_id: Mapped[bytes] = mapped_column(Id)
    month: Mapped[str] = mapped_column(String(7))
    purpose: Mapped[str] = mapped_column(String(8))
    text: Mapped[bytes] = mapped_column(LargeBinary)
    take_from: Mapped[datetime] = mapped_column(UtcTime)
    opens_at: Mapped[datetime] = mapped_column(UtcTime)
    closes_at: Mapped[datetime] = mapped_column(UtcTime)
    clients: Mapped[bytes] = mapped_column(LargeBinary)
    reissued: Mapped[int] = mapped_column(default=0)
    shut: Mapped[bool] = mapped_column(default=False)
    close: Mapped[bytes | None] = mapped_column(LargeBinary)
    keys_destroyed: Mapped[bool] = mapped_column(default=False)


class SecretRow(Base):
    """A vote's trustee key (`trustee`) or draw salt (`draw`), sealed; deleted once published."""

    __tablename__ = "rounds_secret"

    poll_hash: Mapped[bytes] = mapped_column(Hash, primary_key=True)
    kind: Mapped[str] = mapped_column(String(8), primary_key=True)
    sealed: Mapped[bytes] = mapped_column(LargeBinary)


class OmissionRow(Base):
    """A proposal to leave a nomination off the slate; another member's word makes it so.

    The two members' ids stand here until the slate is logged, then the row goes.
    """

    __tablename__ = "rounds_omission"

    poll_hash: Mapped[bytes] = mapped_column(Hash, primary_key=True)
    nomination: Mapped[bytes] = mapped_column(Hash, primary_key=True)
    reason: Mapped[str] = mapped_column(String(16))
    proposed_by: Mapped[bytes] = mapped_column(Id)
    confirmed_by: Mapped[bytes | None] = mapped_column(Id)
