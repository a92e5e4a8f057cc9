"""Who changed where one pays in: written by the database itself (migration `circle_0005`), bound by
`circles.acts`. Tables of which acts are kept say so in their `info`."""

from __future__ import annotations

from sqlalchemy import Index

from circles.acts import ActColumns
from circles.circle.tables import ACTS, Base


class ActRow(ActColumns, Base):
    """An act of this room."""

    __tablename__ = ACTS
    __table_args__ = (Index(f"{ACTS}_of", "kept", "key", "n"),)
