"""What the members' room stores. Its base is its own: nothing here can point into another room."""

from __future__ import annotations

from sqlalchemy.orm import DeclarativeBase


class Base(DeclarativeBase):
    """The members' room."""
