"""Texts from people: what may stand in them, so that they read the same everywhere.

A line has no control characters, nothing that turns the direction of writing around (a name must
not rearrange the words beside it), nothing invisible, and is kept in the composed form (NFC).
"""

from __future__ import annotations

import unicodedata

from circles.errors import InvalidError
from circles.web.i18n import gettext as _

# Other (control, format, surrogate, private, unassigned) and the two separators of lines.
_REFUSED = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
# Letters by name, yet nothing is seen of them (Hangul fillers, the empty Braille cell).
_BLANK = frozenset("\u115f\u1160\u3164\uffa0\u2800")
_JOINERS = frozenset("\u200c\u200d\ufe0f\ufe0e")


class PlainTextError(InvalidError):
    """A text with something in it that cannot be shown as written."""


def line(text: str, *, chars_max: int) -> str:
    """One line, trimmed, runs of spaces made one. PlainTextError says what is wrong."""
    if any(_is_odd(c) for c in text):
        raise PlainTextError(_("There is a hidden character in it. Please type it anew."))
    cleaned = " ".join(unicodedata.normalize("NFC", text).split())
    if len(cleaned) > chars_max:
        raise PlainTextError(
            _("That is too long. %(n)s letters at most, please.") % {"n": chars_max}
        )
    return cleaned


def text(words: str, *, chars_max: int) -> str:
    """Several lines: as `line`, each; line ends become LF, empty ends are cut."""
    lines = words.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    cleaned = "\n".join(line(each, chars_max=chars_max) for each in lines).strip("\n")
    if len(cleaned) > chars_max:
        raise PlainTextError(
            _("That is too long. %(n)s letters at most, please.") % {"n": chars_max}
        )
    return cleaned


def shown(words: str) -> str:
    """What can be seen of a text that was never asked whether it is plain, on one line."""
    return " ".join("".join(" " if _is_odd(c) else c for c in words).split())


def is_visible(words: str) -> bool:
    """Whether a reader sees anything of it."""
    return any(not c.isspace() and c not in _BLANK and c not in _JOINERS for c in words)


def _is_odd(char: str) -> bool:
    if char in _JOINERS:
        return False
    return unicodedata.category(char) in _REFUSED and char != "\t"
