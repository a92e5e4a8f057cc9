"""Another account to pay in to, on its way; see `circle.pay_changes`."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from circles.acts import Acts
from circles.circle.tables import ACTS, Base
from circles.db import Id, UtcTime


class PayChangeRow(Base):
    """Asked by one, confirmed by another, in force a day later; or dropped."""

    __tablename__ = "circle_pay_change"
    __table_args__ = ({"info": {"acts": Acts(ACTS, key=("id",))}},)

    id: Mapped[bytes] = mapped_column(Id, primary_key=True)
    circle_id: Mapped[bytes] = mapped_column(Id)
    holder: Mapped[str] = mapped_column(String(70))
    iban: Mapped[str] = mapped_column(String(34))
    words: Mapped[str] = mapped_column(Text)
    asker_actor: Mapped[int] = mapped_column(BigInteger)
    asked_at: Mapped[datetime] = mapped_column(UtcTime)
    confirmer_actor: Mapped[int | None] = mapped_column(BigInteger)
    confirmed_at: Mapped[datetime | None] = mapped_column(UtcTime)
    holds_from: Mapped[datetime | None] = mapped_column(UtcTime)
    ended_at: Mapped[datetime | None] = mapped_column(UtcTime)
