"""What the circle room stores: circles, and the links with which one is founded."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, Integer, String, Text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from circles.acts import Acts
from circles.db import Hash, Id, UtcTime

# Where the database tells who changed where one pays in: see `act_tables`.
ACTS = "circle_act"


class Base(DeclarativeBase):
    """Tables named `circle_*`; no foreign key leaves the room."""


class CircleRow(Base):
    """One circle and what it agreed on."""

    __tablename__ = "circle_circle"
    __table_args__ = (
        {
            "info": {
                "acts": Acts(ACTS, key=("id",), told=("id", "pay_holder", "pay_iban", "pay_words"))
            }
        },
    )

    id: Mapped[bytes] = mapped_column(Id, primary_key=True)
    slug: Mapped[str] = mapped_column(String(48), unique=True)
    name: Mapped[str] = mapped_column(String(60))
    purpose: Mapped[str] = mapped_column(Text)
    norms: Mapped[str] = mapped_column(Text)
    currency: Mapped[str] = mapped_column(String(3))
    zone: Mapped[str] = mapped_column(String(64))
    locale: Mapped[str] = mapped_column(String(32))
    hue: Mapped[str] = mapped_column(String(16))
    cap: Mapped[int] = mapped_column(Integer)
    rule: Mapped[str] = mapped_column(String(32))
    least_minor: Mapped[int] = mapped_column(BigInteger)
    vote_slots: Mapped[int] = mapped_column(Integer)
    nominate_slots: Mapped[int] = mapped_column(Integer)
    min_voters: Mapped[int] = mapped_column(Integer)
    calendar: Mapped[str] = mapped_column(Text)
    pay_holder: Mapped[str] = mapped_column(String(70))
    pay_iban: Mapped[str] = mapped_column(String(34))
    pay_words: Mapped[str] = mapped_column(Text)
    pledge_ceiling_minor: Mapped[int] = mapped_column(BigInteger)
    log_origin: Mapped[str] = mapped_column(String(320))
    founded_at: Mapped[datetime] = mapped_column(UtcTime)
    # The rule of the next round alone; "" where none is tried.
    trial_rule: Mapped[str] = mapped_column(String(32), server_default="", default="")


class BoxRow(Base):
    """Keys of the box in a round, or in the rounds to come (month ""); see `circle/boxes.py`."""

    __tablename__ = "circle_box"

    circle_id: Mapped[bytes] = mapped_column(Id, primary_key=True)
    month: Mapped[str] = mapped_column(String(7), primary_key=True)
    keys: Mapped[int] = mapped_column(Integer)
    needed: Mapped[int] = mapped_column(Integer)
    own: Mapped[int] = mapped_column(Integer)


class FoundingCodeRow(Base):
    """A link to found a circle: only the hash of its code, used up by one POST."""

    __tablename__ = "circle_founding_code"

    code_hash: Mapped[bytes] = mapped_column(Hash, primary_key=True)
    expires_at: Mapped[datetime] = mapped_column(UtcTime)
    used_at: Mapped[datetime | None] = mapped_column(UtcTime)
