"""What the books store. The tables themselves, their guards and their allow-list are made by the
migration `ledger_0001`: the database enforces the rules, whoever writes to it.

`ledger_balance` and the moving columns of `ledger_book` are changed by triggers alone.
"""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import (
    BigInteger,
    Date,
    ForeignKey,
    ForeignKeyConstraint,
    Integer,
    LargeBinary,
    String,
    UniqueConstraint,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from circles.acts import Acts
from circles.db import Hash, Id, UtcTime

# Where the database tells who did what: see `act_tables`.
ACTS = "ledger_act"


class Base(DeclarativeBase):
    """The books' own base: a foreign key to another room cannot even be declared."""


class Book(Base):
    """One circle's money in one currency."""

    __tablename__ = "ledger_book"
    __table_args__ = (UniqueConstraint("circle_id", "currency"),)

    id: Mapped[bytes] = mapped_column(Id, primary_key=True)
    circle_id: Mapped[bytes] = mapped_column(Id)
    currency: Mapped[str] = mapped_column(String)
    minor_digits: Mapped[int] = mapped_column(Integer)
    opened_at: Mapped[datetime] = mapped_column(UtcTime)
    next_seq: Mapped[int] = mapped_column(BigInteger)
    head: Mapped[bytes] = mapped_column(Hash)
    closed_through: Mapped[date | None] = mapped_column(Date)


class Kind(Base):
    """The allow-list: which kind may debit and credit which class of account."""

    __tablename__ = "ledger_kind"

    kind: Mapped[str] = mapped_column(String, primary_key=True)
    debit_class: Mapped[str] = mapped_column(String, primary_key=True)
    credit_class: Mapped[str] = mapped_column(String, primary_key=True)


class Account(Base):
    """A code, its class, its floor; made when first booked on, for ever."""

    __tablename__ = "ledger_account"
    __table_args__ = (UniqueConstraint("book_id", "code", "floor"),)

    book_id: Mapped[bytes] = mapped_column(Id, ForeignKey("ledger_book.id"), primary_key=True)
    code: Mapped[str] = mapped_column(String, primary_key=True)
    class_: Mapped[str] = mapped_column("class", String)
    floor: Mapped[str] = mapped_column(String)


class Balance(Base):
    """The running sums of one account; `last_seq` is the last transfer in them."""

    __tablename__ = "ledger_balance"
    __table_args__ = (
        ForeignKeyConstraint(
            ["book_id", "code", "floor"],
            ["ledger_account.book_id", "ledger_account.code", "ledger_account.floor"],
        ),
    )

    book_id: Mapped[bytes] = mapped_column(Id, primary_key=True)
    code: Mapped[str] = mapped_column(String, primary_key=True)
    floor: Mapped[str] = mapped_column(String)
    debits: Mapped[int] = mapped_column(BigInteger)
    credits: Mapped[int] = mapped_column(BigInteger)
    last_seq: Mapped[int] = mapped_column(BigInteger)


class TransferRow(Base):
    """See `ledger.transfer.Transfer`.

    Book and accounts exist: SQLite holds that by foreign keys, PostgreSQL in the trigger that books
    a whole set at once (migration ledger_0005).
    """

    __tablename__ = "ledger_transfer"
    __table_args__ = (UniqueConstraint("book_id", "business_ref"),)

    book_id: Mapped[bytes] = mapped_column(Id, primary_key=True)
    seq: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    id: Mapped[bytes] = mapped_column(Id, unique=True)
    entry_id: Mapped[bytes] = mapped_column(Id, index=True)
    kind: Mapped[str] = mapped_column(String)
    debit: Mapped[str] = mapped_column(String)
    credit: Mapped[str] = mapped_column(String)
    amount_minor: Mapped[int] = mapped_column(BigInteger)
    effective_on: Mapped[date] = mapped_column(Date)
    recorded_at: Mapped[datetime] = mapped_column(UtcTime)
    reverses: Mapped[bytes | None] = mapped_column(Id, unique=True)
    actor: Mapped[int] = mapped_column(BigInteger)
    note_hash: Mapped[bytes | None] = mapped_column(Hash)
    business_ref: Mapped[str | None] = mapped_column(String)
    salt: Mapped[bytes] = mapped_column(Id)
    prev_hash: Mapped[bytes] = mapped_column(Hash)
    hash: Mapped[bytes] = mapped_column(Hash)


class Note(Base):
    """The words beside a transfer. The row may be deleted, never changed."""

    __tablename__ = "ledger_note"

    hash: Mapped[bytes] = mapped_column(Hash, primary_key=True)
    book_id: Mapped[bytes] = mapped_column(Id, ForeignKey("ledger_book.id"))
    salt: Mapped[bytes] = mapped_column(Id)
    note: Mapped[str] = mapped_column(String)


class Idempotency(Base):
    """Which entry answered a key, and the hash of what was asked for."""

    __tablename__ = "ledger_idempotency"

    book_id: Mapped[bytes] = mapped_column(Id, ForeignKey("ledger_book.id"), primary_key=True)
    key: Mapped[str] = mapped_column(String, primary_key=True)
    request_sha256: Mapped[bytes] = mapped_column(Hash)
    entry_id: Mapped[bytes] = mapped_column(Id)


class SealRow(Base):
    """The state of a book at one moment; with `closes_through`, the close of a period."""

    __tablename__ = "ledger_seal"

    book_id: Mapped[bytes] = mapped_column(Id, ForeignKey("ledger_book.id"), primary_key=True)
    ref: Mapped[str] = mapped_column(String, primary_key=True)
    month: Mapped[str] = mapped_column(String)
    transfers: Mapped[int] = mapped_column(BigInteger)
    head: Mapped[bytes] = mapped_column(Hash)
    fund_minor: Mapped[int] = mapped_column(BigInteger)
    sealed_at: Mapped[datetime] = mapped_column(UtcTime)
    actor: Mapped[int] = mapped_column(BigInteger)
    closes_through: Mapped[date | None] = mapped_column(Date)
    hash: Mapped[bytes] = mapped_column(Hash)


class PayoutRow(Base):
    """One way of an award to its recipient; see `ledger.payouts`."""

    __tablename__ = "ledger_payout"
    __table_args__ = ({"info": {"acts": Acts(ACTS, key=("id",), sealed=("payee_sealed",))}},)

    id: Mapped[bytes] = mapped_column(Id, primary_key=True)
    book_id: Mapped[bytes] = mapped_column(Id, ForeignKey("ledger_book.id"))
    month: Mapped[str] = mapped_column(String)
    candidate: Mapped[int] = mapped_column(Integer)
    amount_minor: Mapped[int] = mapped_column(BigInteger)
    way: Mapped[str] = mapped_column(String)
    state: Mapped[str] = mapped_column(String)
    payee_sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    proposer_actor: Mapped[int] = mapped_column(BigInteger)
    proposed_at: Mapped[datetime] = mapped_column(UtcTime)
    recipient_actor: Mapped[int | None] = mapped_column(BigInteger)
    confirmer_actor: Mapped[int | None] = mapped_column(BigInteger)
    confirmed_at: Mapped[datetime | None] = mapped_column(UtcTime)
    sent_on: Mapped[date | None] = mapped_column(Date)
    settled_on: Mapped[date | None] = mapped_column(Date)
    ended_at: Mapped[datetime | None] = mapped_column(UtcTime)
    pay_from: Mapped[datetime | None] = mapped_column(UtcTime)
