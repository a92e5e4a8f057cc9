"""Neighbours pool a little money, vote in secret whom it helps, and show where it went."""

__version__ = "0.1.0"
