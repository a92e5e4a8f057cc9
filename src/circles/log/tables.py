"""What the log keeps. Entries and checkpoints are for ever: triggers refuse UPDATE and DELETE.

Triggers stand in the migration `log_0001`: an entry's index must follow the last one.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, ForeignKey, Index, LargeBinary, String
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from circles.db import Hash, Id


class Base(DeclarativeBase):
    """The log's own tables."""


class Log(Base):
    """One circle's log: its origin line, fixed at founding, and its key."""

    __tablename__ = "log_log"

    circle_id: Mapped[bytes] = mapped_column(Id, primary_key=True)
    origin: Mapped[str] = mapped_column(String(300), unique=True)
    verifier_key: Mapped[str] = mapped_column(String(400))
    # The Ed25519 seed of the log key, sealed by the vault under `log-key`.
    sealed_seed: Mapped[bytes] = mapped_column(LargeBinary)


class Entry(Base):
    """The bytes of one record, and their leaf hash."""

    __tablename__ = "log_entry"
    __table_args__ = (Index("log_entry_leaf", "circle_id", "leaf"),)

    circle_id: Mapped[bytes] = mapped_column(Id, ForeignKey("log_log.circle_id"), primary_key=True)
    number: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    leaf: Mapped[bytes] = mapped_column(Hash)
    data: Mapped[bytes] = mapped_column(LargeBinary)


class Checkpoint(Base):
    """A signed size and root; the key makes two of one size impossible."""

    __tablename__ = "log_checkpoint"

    circle_id: Mapped[bytes] = mapped_column(Id, ForeignKey("log_log.circle_id"), primary_key=True)
    size: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    root: Mapped[bytes] = mapped_column(Hash)
    note: Mapped[bytes] = mapped_column(LargeBinary)
