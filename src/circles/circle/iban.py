"""IBAN (ISO 13616): written with or without spaces, checked by its own two digits.

>>> parse("de89 3704 0044 0532 0130 00")
'DE89370400440532013000'
>>> grouped("DE89370400440532013000")
'DE89 3704 0044 0532 0130 00'
"""

from __future__ import annotations

import re

from circles.errors import InvalidError
from circles.web.i18n import gettext as _

_SHAPE = re.compile(r"[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}", re.ASCII)


class IbanError(InvalidError):
    """No IBAN, or one with a slip in it."""


def mod97(text: str) -> int:
    """ISO 7064 MOD 97-10 of digits and letters (A = 10 ... Z = 35), read as one long number."""
    return int("".join(str(int(c, 36)) for c in text)) % 97


def parse(text: str) -> str:
    """The IBAN in capitals without spaces; IbanError says what to look at."""
    iban = "".join(text.split()).upper()
    if not _SHAPE.fullmatch(iban):
        raise IbanError(
            _("That is no IBAN. It begins with two letters and two digits, such as DE89 3704 …")
        )
    if mod97(iban[4:] + iban[:4]) != 1:
        raise IbanError(_("There is a slip in this IBAN: its check digits do not fit. Look again."))
    return iban


def grouped(iban: str) -> str:
    """In fours, as on paper."""
    return " ".join(iban[i : i + 4] for i in range(0, len(iban), 4))


def as_on_paper(account: str) -> str:
    """An account's number as it is read best: an IBAN in fours, anything else as it stands."""
    try:
        return grouped(parse(account))
    except IbanError:
        return account
