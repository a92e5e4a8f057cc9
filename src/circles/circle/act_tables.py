"""Who changed where one pays in: written by the database itself (migration `circle_0005`), bound by
`circles.acts`. Tables of which acts are kept say so in their `info`."""

from __future__ import annotations

from sqlalchemy import BigInteger, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from circles.circle.tables import Base
from circles.db import Hash


class ActRow(Base):
    """One state of one row of the table `kept`: `told` has a line for each column; None where
    the row went.

    `no` is the order of writing, `n` the number among the acts that were bound, `bound` a keyed
    hash over it and the one before.
    """

    __tablename__ = "circle_act"
    __table_args__ = (Index("circle_act_of", "kept", "key", "n"),)

    no: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    n: Mapped[int | None] = mapped_column(BigInteger, unique=True)
    kept: Mapped[str] = mapped_column(String)
    key: Mapped[str] = mapped_column(String)
    told: Mapped[str | None] = mapped_column(String)
    bound: Mapped[bytes | None] = mapped_column(Hash)
