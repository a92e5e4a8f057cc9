"""Closed months, hand-overs and auditors' links: see migration `ledger_0004`, which makes the
tables and the guards.

An open proposal is the only thing here that may be taken away; what was confirmed stays.
"""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import BigInteger, Date, ForeignKey, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from circles.acts import Acts
from circles.db import Hash, Id, UtcTime
from circles.ledger.tables import ACTS, Base

_BOOK = "ledger_book.id"


class ProposalRow(Base):
    """A month that waits for its second name; one at a time in each book."""

    __tablename__ = "ledger_close_proposal"
    __table_args__ = ({"info": {"acts": Acts(ACTS, key=("book_id",))}},)

    book_id: Mapped[bytes] = mapped_column(Id, ForeignKey(_BOOK), primary_key=True)
    id: Mapped[bytes] = mapped_column(Id, unique=True)
    month: Mapped[str] = mapped_column(String)
    transfers: Mapped[int] = mapped_column(BigInteger)
    head: Mapped[bytes] = mapped_column(Hash)
    source: Mapped[str] = mapped_column(String)
    bank_minor: Mapped[int] = mapped_column(BigInteger)
    statement_minor: Mapped[int | None] = mapped_column(BigInteger)
    cash_minor: Mapped[int] = mapped_column(BigInteger)
    suspense_minor: Mapped[int] = mapped_column(BigInteger)
    transit_minor: Mapped[int] = mapped_column(BigInteger)
    unpresented_minor: Mapped[int] = mapped_column(BigInteger)
    unpresented: Mapped[int] = mapped_column(BigInteger)
    proposer_actor: Mapped[int] = mapped_column(BigInteger)
    proposed_at: Mapped[datetime] = mapped_column(UtcTime)


class PeriodRow(Base):
    """A closed month, for ever. `hash` binds the columns; the seal is in `ledger_seal`."""

    __tablename__ = "ledger_period"
    __table_args__ = (
        UniqueConstraint("book_id", "seal_ref"),
        {"info": {"acts": Acts(ACTS, key=("book_id", "month"))}},
    )

    book_id: Mapped[bytes] = mapped_column(Id, ForeignKey(_BOOK), primary_key=True)
    month: Mapped[str] = mapped_column(String, primary_key=True)
    id: Mapped[bytes] = mapped_column(Id, unique=True)
    through: Mapped[date] = mapped_column(Date)
    seal_ref: Mapped[str] = mapped_column(String)
    transfers: Mapped[int] = mapped_column(BigInteger)
    head: Mapped[bytes] = mapped_column(Hash)
    source: Mapped[str] = mapped_column(String)
    bank_minor: Mapped[int] = mapped_column(BigInteger)
    statement_minor: Mapped[int | None] = mapped_column(BigInteger)
    cash_minor: Mapped[int] = mapped_column(BigInteger)
    suspense_minor: Mapped[int] = mapped_column(BigInteger)
    transit_minor: Mapped[int] = mapped_column(BigInteger)
    unpresented_minor: Mapped[int] = mapped_column(BigInteger)
    unpresented: Mapped[int] = mapped_column(BigInteger)
    proposer_actor: Mapped[int] = mapped_column(BigInteger)
    proposed_at: Mapped[datetime] = mapped_column(UtcTime)
    checker_actor: Mapped[int | None] = mapped_column(BigInteger)
    closed_at: Mapped[datetime] = mapped_column(UtcTime)
    hash: Mapped[bytes] = mapped_column(Hash)


class HandoverRow(Base):
    """The books passed from one treasurer to another; until accepted it may be taken back.

    A book has one at most that was not accepted yet (an index of migration ledger_0004).
    """

    __tablename__ = "ledger_handover"
    __table_args__ = ({"info": {"acts": Acts(ACTS, key=("id",))}},)

    id: Mapped[bytes] = mapped_column(Id, primary_key=True)
    book_id: Mapped[bytes] = mapped_column(Id, ForeignKey(_BOOK))
    giver_actor: Mapped[int] = mapped_column(BigInteger)
    taker_actor: Mapped[int] = mapped_column(BigInteger)
    proposed_at: Mapped[datetime] = mapped_column(UtcTime)
    accepted_at: Mapped[datetime | None] = mapped_column(UtcTime)
    closed_through: Mapped[date | None] = mapped_column(Date)
    transfers: Mapped[int | None] = mapped_column(BigInteger)
    head: Mapped[bytes | None] = mapped_column(Hash)
    bank_minor: Mapped[int | None] = mapped_column(BigInteger)
    cash_minor: Mapped[int | None] = mapped_column(BigInteger)
    hash: Mapped[bytes | None] = mapped_column(Hash)


class AuditLinkRow(Base):
    """A link with which somebody from outside reads one period; stored as the hash of its code."""

    __tablename__ = "ledger_audit_link"
    __table_args__ = ({"info": {"acts": Acts(ACTS, key=("id",))}},)

    id: Mapped[bytes] = mapped_column(Id, primary_key=True)
    book_id: Mapped[bytes] = mapped_column(Id, ForeignKey(_BOOK))
    code_hash: Mapped[bytes] = mapped_column(Hash, unique=True)
    period: Mapped[str] = mapped_column(String)
    made_actor: Mapped[int] = mapped_column(BigInteger)
    made_at: Mapped[datetime] = mapped_column(UtcTime)
    expires_at: Mapped[datetime] = mapped_column(UtcTime)
    revoked_at: Mapped[datetime | None] = mapped_column(UtcTime)
