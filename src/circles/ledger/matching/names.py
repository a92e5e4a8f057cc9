"""Names as banks write them: in capitals, without dots and accents, cut off, letters lost.

Only ever a hint. Two people may have one name, and nobody's handle is their bank's name for them.
"""

from __future__ import annotations

import re
import unicodedata

_CUT_FROM = 18
_LEAST = 3
_LOST = re.compile(r"[?\ufffd]")
_OPENED = str.maketrans(
    {"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", "ø": "oe", "æ": "ae", "å": "aa", "ł": "l",
     "đ": "d", "ð": "d", "þ": "th", "œ": "oe", "ı": "i"}
)  # fmt: skip
_CLOSED = (("ae", "a"), ("oe", "o"), ("ue", "u"), ("aa", "a"), ("ss", "s"), ("ij", "y"))


# Subfields of MT940 that a file of columns left in the text, in the midst of words.
_SUBFIELD = re.compile(r"\?[0-9]{2}|<br ?/?>|\\n|\n", re.ASCII)


def readings(text: str) -> tuple[str, ...]:
    """A text as it stands, and with line ends and subfield marks taken out of its words."""
    return tuple(dict.fromkeys((text, _SUBFIELD.sub("", text))))


def folded(text: str) -> list[str]:
    """The words of a text so that "Müller", "MUELLER" and "Muller" are one; a letter that the bank
    lost stays as "?"."""
    lower = unicodedata.normalize("NFC", text).casefold().translate(_OPENED)
    plain = "".join(c for c in unicodedata.normalize("NFKD", lower) if not unicodedata.combining(c))
    for opened, closed in _CLOSED:
        plain = plain.replace(opened, closed)
    return re.findall(r"[^\W_?\ufffd][\w?\ufffd]*", _LOST.sub("?", plain))


def is_named(handle: str, text: str | None) -> bool:
    """Whether the words of a handle stand in a text: whole, cut off at its end, or as an initial
    beside another word of it."""
    if not text:
        return False
    wanted = folded(handle)
    if not wanted or max(map(len, wanted)) < _LEAST:
        return False
    return any(_is_named(wanted, reading) for reading in readings(text))


def _is_named(wanted: list[str], text: str) -> bool:
    words = folded(text)
    last = words[-1] if words and len(text.strip()) >= _CUT_FROM else ""
    found = [_found(word, words, last) for word in wanted]
    if all(found):
        return True
    rest = [word for word, there in zip(wanted, found, strict=True) if not there]
    whole = [w for w, there in zip(wanted, found, strict=True) if there and len(w) >= _LEAST]
    return bool(whole) and all(word[0] in words for word in rest)


def _found(word: str, words: list[str], last: str) -> bool:
    if len(last) >= _LEAST and word.startswith(last):
        return True
    return any(_same(word, other) for other in words)


def _same(word: str, other: str) -> bool:
    if "?" not in other:
        return word == other
    pattern = "".join("." if c == "?" else re.escape(c) for c in other)
    return len(other.replace("?", "")) >= _LEAST and re.fullmatch(pattern, word) is not None
