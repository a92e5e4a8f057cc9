"""What the box keeps. No time, serial, address or person stands on anything that was cast.

Staging rows are keyed by their leaf hash alone (SQLite: WITHOUT ROWID), and are gone after the
close; nominations' texts then stand in a table of their own, put there sorted by hash.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, Index, LargeBinary, String, UniqueConstraint
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from circles.db import Hash, Id, UtcTime


class Base(DeclarativeBase):
    """The box's own tables."""


class Poll(Base):
    """A poll as the box must know it: its record, its slate, from when to when it takes ballots.

    `state`: `open` (may take ballots, if the time is right) -> `shut` (the flip: none is taken any
    more) -> `logged` (they stand in the log) -> `empty` (staging rows dropped) -> `clean` (and
    their pages and write-ahead log wiped).
    """

    __tablename__ = "ballot_poll"
    __table_args__ = (UniqueConstraint("slug", "month", "purpose"),)

    poll_hash: Mapped[bytes] = mapped_column(Hash, primary_key=True)
    circle_id: Mapped[bytes] = mapped_column(Id)
    slug: Mapped[str] = mapped_column(String(64))
    month: Mapped[str] = mapped_column(String(7))
    purpose: Mapped[str] = mapped_column(String(8))
    poll_text: Mapped[bytes] = mapped_column(LargeBinary)
    slate_text: Mapped[bytes | None] = mapped_column(LargeBinary)
    opens_at: Mapped[datetime] = mapped_column(UtcTime)
    closes_at: Mapped[datetime] = mapped_column(UtcTime)
    state: Mapped[str] = mapped_column(String(8))
    # Known once the ballots stand in the log.
    first_index: Mapped[int | None] = mapped_column(BigInteger)
    ballots: Mapped[int | None] = mapped_column(BigInteger)
    keys: Mapped[int | None] = mapped_column(BigInteger)


class Staged(Base):
    """A ballot or nomination in the box. `key` is its ballot key: at most 20 messages bear it."""

    __tablename__ = "ballot_staged"
    __table_args__ = (Index("ballot_staged_key", "poll_hash", "key"), {"sqlite_with_rowid": False})

    leaf: Mapped[bytes] = mapped_column(Hash, primary_key=True)
    poll_hash: Mapped[bytes] = mapped_column(Hash)
    key: Mapped[bytes] = mapped_column(Hash)
    message: Mapped[bytes] = mapped_column(LargeBinary)


class StagedDocument(Base):
    """The words of a nomination in the box."""

    __tablename__ = "ballot_staged_document"
    __table_args__ = ({"sqlite_with_rowid": False},)

    doc_hash: Mapped[bytes] = mapped_column(Hash, primary_key=True)
    poll_hash: Mapped[bytes] = mapped_column(Hash, primary_key=True)
    salt: Mapped[bytes] = mapped_column(Hash)
    text: Mapped[bytes] = mapped_column(LargeBinary)


class Document(Base):
    """The words of a counted nomination, after the close. Erasable: outside the log."""

    __tablename__ = "ballot_document"
    __table_args__ = ({"sqlite_with_rowid": False},)

    doc_hash: Mapped[bytes] = mapped_column(Hash, primary_key=True)
    poll_hash: Mapped[bytes] = mapped_column(Hash, primary_key=True)
    salt: Mapped[bytes] = mapped_column(Hash)
    text: Mapped[bytes] = mapped_column(LargeBinary)
