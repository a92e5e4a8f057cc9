"""The public's own table: what a recipient agreed that everyone may read."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Integer, LargeBinary, String
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from circles.db import Hash, Id, UtcTime


class Base(DeclarativeBase):
    """The public room's own base: no key of it can lead into another room."""


class TextRow(Base):
    """Agreed words for one award; it may be erased at any time, and the record still verifies."""

    __tablename__ = "public_text"

    circle_id: Mapped[bytes] = mapped_column(Id, primary_key=True)
    month: Mapped[str] = mapped_column(String(7), primary_key=True)
    candidate: Mapped[int] = mapped_column(Integer, primary_key=True)
    name: Mapped[str] = mapped_column(String(80), nullable=False)
    story: Mapped[str] = mapped_column(String(600), nullable=False)
    thanks: Mapped[str] = mapped_column(String(600), nullable=False)
    at: Mapped[datetime] = mapped_column(UtcTime, nullable=False)


class DocumentRow(Base):
    """A nomination's own words (salt || text) that the recipient wants in the archive, too."""

    __tablename__ = "public_document"

    circle_id: Mapped[bytes] = mapped_column(Id, primary_key=True)
    month: Mapped[str] = mapped_column(String(7), primary_key=True)
    candidate: Mapped[int] = mapped_column(Integer, primary_key=True)
    doc_hash: Mapped[bytes] = mapped_column(Hash, nullable=False)
    file: Mapped[bytes] = mapped_column(LargeBinary, nullable=False)


class ShelfRow(Base):
    """How often a circle's texts have changed: what cached pages are compared by."""

    __tablename__ = "public_shelf"

    circle_id: Mapped[bytes] = mapped_column(Id, primary_key=True)
    version: Mapped[int] = mapped_column(Integer, nullable=False)
