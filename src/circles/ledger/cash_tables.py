"""A count of the tin that waits for its second person: see migration `ledger_0010`."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import BigInteger, Date, ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from circles.db import Id, UtcTime
from circles.ledger.tables import Base


class CashCountRow(Base):
    """One at a time in each book. It goes when it was booked or taken back: what lasts is the
    transfer, which bears both names in the chain."""

    __tablename__ = "ledger_cash_count"

    book_id: Mapped[bytes] = mapped_column(Id, ForeignKey("ledger_book.id"), primary_key=True)
    id: Mapped[bytes] = mapped_column(Id, unique=True)
    counted_on: Mapped[date] = mapped_column(Date)
    counted_minor: Mapped[int] = mapped_column(BigInteger)
    difference_minor: Mapped[int] = mapped_column(BigInteger)
    reason: Mapped[str] = mapped_column(String)
    counter_actor: Mapped[int] = mapped_column(BigInteger)
    counted_at: Mapped[datetime] = mapped_column(UtcTime)
