"""What is stored about trustees: members who hold a key to the box. Public to all members."""

from __future__ import annotations

from sqlalchemy.orm import Mapped, mapped_column

from circles.db import Hash, Id
from circles.rounds.tables import Base


class TrusteeRow(Base):
    """A member who holds a key in the rounds to come."""

    __tablename__ = "rounds_trustee"

    circle_id: Mapped[bytes] = mapped_column(Id, primary_key=True)
    member_id: Mapped[bytes] = mapped_column(Id, primary_key=True)


class TrusteeKeyRow(Base):
    """A public key that a member handed in; `poll_hash` once a vote uses it.

    The row goes when the next round is announced, and when the member leaves: that no key is used
    twice is read off the poll records.
    """

    __tablename__ = "rounds_trustee_key"

    circle_id: Mapped[bytes] = mapped_column(Id, primary_key=True)
    public: Mapped[bytes] = mapped_column(Hash, primary_key=True)
    member_id: Mapped[bytes | None] = mapped_column(Id)
    poll_hash: Mapped[bytes | None] = mapped_column(Hash)
