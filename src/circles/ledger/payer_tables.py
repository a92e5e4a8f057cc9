"""Who paid for whom, as keyed hashes, and one setting: see migration `ledger_0006`."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import BigInteger, Date, ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from circles.acts import Acts
from circles.db import Hash, Id, UtcTime
from circles.ledger.tables import ACTS, Base

_BOOK = "ledger_book.id"


class PayerLinkRow(Base):
    """An account, or a name where the bank tells no account, that paid for this member."""

    __tablename__ = "ledger_payer_link"

    book_id: Mapped[bytes] = mapped_column(Id, ForeignKey(_BOOK), primary_key=True)
    mark: Mapped[bytes] = mapped_column(Hash, primary_key=True)
    number: Mapped[str] = mapped_column(String)
    learned_on: Mapped[date] = mapped_column(Date)
    learned_actor: Mapped[int] = mapped_column(BigInteger)


class MatchingRow(Base):
    """Whether certain lines are booked without a click; no row means no."""

    __tablename__ = "ledger_matching"
    __table_args__ = ({"info": {"acts": Acts(ACTS, key=("book_id",))}},)

    book_id: Mapped[bytes] = mapped_column(Id, ForeignKey(_BOOK), primary_key=True)
    by_itself: Mapped[int] = mapped_column(BigInteger)
    said_actor: Mapped[int] = mapped_column(BigInteger)
    said_at: Mapped[datetime] = mapped_column(UtcTime)
