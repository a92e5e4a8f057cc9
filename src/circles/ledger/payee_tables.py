"""Changes of a payment's payee, and who is close to a recipient; see `ledger.payee_changes`."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, LargeBinary
from sqlalchemy.orm import Mapped, mapped_column

from circles.acts import Acts
from circles.db import Id, UtcTime
from circles.ledger.tables import ACTS, Base


class PayeeChangeRow(Base):
    """Other details for one payment. Sealed while they are asked for, then gone from here."""

    __tablename__ = "ledger_payee_change"
    __table_args__ = ({"info": {"acts": Acts(ACTS, key=("id",), sealed=("payee_sealed",))}},)

    id: Mapped[bytes] = mapped_column(Id, primary_key=True)
    payout_id: Mapped[bytes] = mapped_column(Id, ForeignKey("ledger_payout.id"))
    payee_sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    recipient_actor: Mapped[int | None] = mapped_column(BigInteger)
    asker_actor: Mapped[int] = mapped_column(BigInteger)
    asked_at: Mapped[datetime] = mapped_column(UtcTime)
    confirmer_actor: Mapped[int | None] = mapped_column(BigInteger)
    confirmed_at: Mapped[datetime | None] = mapped_column(UtcTime)
    dropped_at: Mapped[datetime | None] = mapped_column(UtcTime)


class CloseRow(Base):
    """Somebody who said, or of whom an officer said, that they are close to the recipient."""

    __tablename__ = "ledger_payout_close"
    __table_args__ = ({"info": {"acts": Acts(ACTS, key=("payout_id", "actor"))}},)

    payout_id: Mapped[bytes] = mapped_column(Id, ForeignKey("ledger_payout.id"), primary_key=True)
    actor: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    said_by: Mapped[int] = mapped_column(BigInteger)
    said_at: Mapped[datetime] = mapped_column(UtcTime)
