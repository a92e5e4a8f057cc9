"""Ids as they stand in addresses."""

from __future__ import annotations

from circles.errors import MissingError
from circles.members.people import ID_BYTES
from circles.web.i18n import gettext as _


def row_id(text: str) -> bytes:
    """16 bytes from 32 hexadecimal digits; MissingError for anything else."""
    try:
        found = bytes.fromhex(text)
    except ValueError:
        found = b""
    if len(found) != ID_BYTES or found.hex() != text:
        raise MissingError(_("There is nothing at this address."))
    return found
