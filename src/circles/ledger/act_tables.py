"""Who did what at the desk: written by the database itself (migration `ledger_0008`), bound by
`circles.acts`. Tables of which acts are kept say so in their `info`."""

from __future__ import annotations

from sqlalchemy import Index

from circles.acts import ActColumns
from circles.ledger.tables import ACTS, Base


class ActRow(ActColumns, Base):
    """An act of this room."""

    __tablename__ = ACTS
    __table_args__ = (Index(f"{ACTS}_of", "kept", "key", "n"),)
