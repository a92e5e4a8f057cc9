"""What closing stores: which once-only steps were done, and who is ticking just now."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import String
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from circles.db import Id, UtcTime


class Base(DeclarativeBase):
    """Closing's own tables."""


class DoneRow(Base):
    """A step that happens once in a circle, such as `dues:2026-10` or `seal:2026-10`."""

    __tablename__ = "closing_done"

    circle_id: Mapped[bytes] = mapped_column(Id, primary_key=True)
    step: Mapped[str] = mapped_column(String(40), primary_key=True)


class LeaseRow(Base):
    """Who does the regular work, and until when (real time) nobody else need begin it."""

    __tablename__ = "closing_lease"

    name: Mapped[str] = mapped_column(String(20), primary_key=True)
    holder: Mapped[bytes] = mapped_column(Id)
    until: Mapped[datetime] = mapped_column(UtcTime)
