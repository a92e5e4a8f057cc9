"""What the bank said, and which transfers in the books it is: see migration `ledger_0003`, which
makes the tables and the guards that keep them append-only.

A statement counts unless it was withdrawn; a line counts while a statement that counts has it; a
match is live unless it was untied.
"""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import (
    BigInteger,
    Date,
    ForeignKey,
    Index,
    LargeBinary,
    String,
    UniqueConstraint,
)
from sqlalchemy.orm import Mapped, mapped_column

from circles.acts import Acts
from circles.db import Hash, Id, UtcTime
from circles.ledger.tables import ACTS, Base

_BOOK = "ledger_book.id"
_ACCOUNT = "ledger_bank_account.id"
_STATEMENT = "ledger_bank_statement.id"
_LINE = "ledger_bank_line.id"


class BankAccount(Base):
    """A number under which the bank's files name an account of ours; several may mean one."""

    __tablename__ = "ledger_bank_account"
    __table_args__ = (
        UniqueConstraint("book_id", "number"),
        {"info": {"acts": Acts(ACTS, key=("id",))}},
    )

    id: Mapped[bytes] = mapped_column(Id, primary_key=True)
    book_id: Mapped[bytes] = mapped_column(Id, ForeignKey(_BOOK))
    number: Mapped[str] = mapped_column(String)
    code: Mapped[str] = mapped_column(String)
    added_at: Mapped[datetime] = mapped_column(UtcTime)
    added_actor: Mapped[int] = mapped_column(BigInteger)


class BankMapping(Base):
    """How this account's CSV files with these columns are read; the only row here that changes."""

    __tablename__ = "ledger_bank_mapping"

    account_id: Mapped[bytes] = mapped_column(Id, ForeignKey(_ACCOUNT), primary_key=True)
    fingerprint: Mapped[str] = mapped_column(String, primary_key=True)
    mapping: Mapped[str] = mapped_column(String)
    kept_at: Mapped[datetime] = mapped_column(UtcTime)


class BankStatement(Base):
    """One statement of one file. `lines` counts its lines, `fresh` those nobody had seen before.

    `import_id` is the act by which it came: one confirmation, however often it is sent. `bound` is
    a keyed hash over the other columns.
    """

    __tablename__ = "ledger_bank_statement"
    __table_args__ = (
        UniqueConstraint("import_id", "position"),
        Index("ledger_bank_statement_book", "book_id", "last_on"),
        {"info": {"acts": Acts(ACTS, key=("id",))}},
    )

    id: Mapped[bytes] = mapped_column(Id, primary_key=True)
    book_id: Mapped[bytes] = mapped_column(Id, ForeignKey(_BOOK))
    account_id: Mapped[bytes] = mapped_column(Id, ForeignKey(_ACCOUNT))
    import_id: Mapped[bytes] = mapped_column(Id)
    position: Mapped[int] = mapped_column(BigInteger)
    format: Mapped[str] = mapped_column(String)
    kind: Mapped[str] = mapped_column(String)
    file_sha256: Mapped[bytes] = mapped_column(Hash)
    id_in_file: Mapped[str | None] = mapped_column(String)
    first_on: Mapped[date | None] = mapped_column(Date)
    last_on: Mapped[date | None] = mapped_column(Date)
    opening_on: Mapped[date | None] = mapped_column(Date)
    opening_minor: Mapped[int | None] = mapped_column(BigInteger)
    closing_on: Mapped[date | None] = mapped_column(Date)
    closing_minor: Mapped[int | None] = mapped_column(BigInteger)
    lines: Mapped[int] = mapped_column(BigInteger)
    fresh: Mapped[int] = mapped_column(BigInteger)
    imported_at: Mapped[datetime] = mapped_column(UtcTime)
    imported_actor: Mapped[int] = mapped_column(BigInteger)
    bound: Mapped[bytes] = mapped_column(Hash)


class BankWithdrawal(Base):
    """This statement was read wrongly and counts no more."""

    __tablename__ = "ledger_bank_withdrawal"
    __table_args__ = ({"info": {"acts": Acts(ACTS, key=("statement_id",))}},)

    statement_id: Mapped[bytes] = mapped_column(Id, ForeignKey(_STATEMENT), primary_key=True)
    at: Mapped[datetime] = mapped_column(UtcTime)
    actor: Mapped[int] = mapped_column(BigInteger)


class BankLineRow(Base):
    """One line. `likeness` is a keyed hash of the bank's own words for it, `key` of that and of its
    number among its twins; `words_sealed` goes by and by; `bound` holds the rest together."""

    __tablename__ = "ledger_bank_line"
    __table_args__ = (
        UniqueConstraint("account_id", "key"),
        Index("ledger_bank_line_day", "book_id", "booked_on"),
    )

    id: Mapped[bytes] = mapped_column(Id, primary_key=True)
    book_id: Mapped[bytes] = mapped_column(Id, ForeignKey(_BOOK))
    account_id: Mapped[bytes] = mapped_column(Id, ForeignKey(_ACCOUNT))
    key: Mapped[bytes] = mapped_column(Hash)
    likeness: Mapped[bytes] = mapped_column(Hash)
    occurrence: Mapped[int] = mapped_column(BigInteger)
    booked_on: Mapped[date] = mapped_column(Date)
    value_on: Mapped[date | None] = mapped_column(Date)
    amount_minor: Mapped[int] = mapped_column(BigInteger)
    words_sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    bound: Mapped[bytes] = mapped_column(Hash)


class BankSeen(Base):
    """This statement has this line."""

    __tablename__ = "ledger_bank_line_seen"

    statement_id: Mapped[bytes] = mapped_column(Id, ForeignKey(_STATEMENT), primary_key=True)
    line_id: Mapped[bytes] = mapped_column(Id, ForeignKey(_LINE), primary_key=True, index=False)
    __table_args__ = (Index("ledger_bank_line_seen_line", "line_id"),)


class BankAlso(Base):
    """A line that a file of another format tells in other words: said by a person, once."""

    __tablename__ = "ledger_bank_also"
    __table_args__ = ({"info": {"acts": Acts(ACTS, key=("account_id", "key"))}},)

    account_id: Mapped[bytes] = mapped_column(Id, ForeignKey(_ACCOUNT), primary_key=True)
    key: Mapped[bytes] = mapped_column(Hash, primary_key=True)
    line_id: Mapped[bytes] = mapped_column(Id, ForeignKey(_LINE))
    actor: Mapped[int] = mapped_column(BigInteger)


class BankMatch(Base):
    """Lines and transfers that are the same money. Written after its parts, which it checks."""

    __tablename__ = "ledger_bank_match"
    __table_args__ = (
        Index("ledger_bank_match_book", "book_id"),
        {"info": {"acts": Acts(ACTS, key=("id",))}},
    )

    id: Mapped[bytes] = mapped_column(Id, primary_key=True)
    book_id: Mapped[bytes] = mapped_column(Id, ForeignKey(_BOOK))
    amount_minor: Mapped[int] = mapped_column(BigInteger)
    tier: Mapped[str] = mapped_column(String)
    reason_code: Mapped[str] = mapped_column(String)
    actor: Mapped[int] = mapped_column(BigInteger)
    at: Mapped[datetime] = mapped_column(UtcTime)


class BankTied(Base):
    """A part of a match: a line, or a transfer."""

    __tablename__ = "ledger_bank_tied"
    __table_args__ = (
        UniqueConstraint("match_id", "line_id"),
        UniqueConstraint("match_id", "transfer_id"),
        Index("ledger_bank_tied_line", "line_id"),
        Index("ledger_bank_tied_transfer", "transfer_id"),
        {"info": {"acts": Acts(ACTS, key=("match_id", "part"))}},
    )

    match_id: Mapped[bytes] = mapped_column(
        Id,
        ForeignKey("ledger_bank_match.id", deferrable=True, initially="DEFERRED"),
        primary_key=True,
    )
    part: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    line_id: Mapped[bytes | None] = mapped_column(Id, ForeignKey(_LINE))
    transfer_id: Mapped[bytes | None] = mapped_column(Id, ForeignKey("ledger_transfer.id"))


class BankUntied(Base):
    """This match was undone."""

    __tablename__ = "ledger_bank_untied"
    __table_args__ = ({"info": {"acts": Acts(ACTS, key=("match_id",))}},)

    match_id: Mapped[bytes] = mapped_column(
        Id, ForeignKey("ledger_bank_match.id"), primary_key=True
    )
    actor: Mapped[int] = mapped_column(BigInteger)
    at: Mapped[datetime] = mapped_column(UtcTime)
