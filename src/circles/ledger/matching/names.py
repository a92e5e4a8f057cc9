"""Names as banks write them: in capitals, without dots and accents, cut off, letters lost.

Only ever a hint. Two people may have one name, and nobody's handle is their bank's name for them.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

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


@lru_cache(maxsize=512)
def readings(text: str) -> tuple[str, ...]:
    """A text as it stands, and with line ends and subfield marks taken out of its words."""
    return tuple(dict.fromkeys((text, _SUBFIELD.sub("", text))))


@lru_cache(maxsize=512)
def folded(text: str) -> tuple[str, ...]:
    """The words of a text so that "Müller", "MUELLER" and "Muller" are one; a letter that the bank
    lost stays as "?"."""
    lower = unicodedata.normalize("NFC", text).casefold().translate(_OPENED)
    plain = "".join(c for c in unicodedata.normalize("NFKD", lower) if not unicodedata.combining(c))
    for opened, closed in _CLOSED:
        plain = plain.replace(opened, closed)
    return tuple(re.findall(r"[^\W_?\ufffd][\w?\ufffd]*", _LOST.sub("?", plain)))


def is_named(handle: str, text: str | None) -> bool:
    """Whether the words of a handle stand in a text: whole, cut off at its end, or as an initial
    beside another word of it."""
    if not text:
        return False
    wanted = folded(handle)
    if not wanted or max(map(len, wanted)) < _LEAST:
        return False
    return any(_is_named(wanted, reading) for reading in readings(text))


def _is_named(wanted: tuple[str, ...], text: str) -> bool:
    words, blurred, last = _of(text)
    rest = [word for word in wanted if not _found(word, words, blurred, last)]
    if not rest:
        return True
    whole = any(word not in rest and len(word) >= _LEAST for word in wanted)
    return whole and all(word[0] in words for word in rest)


@lru_cache(maxsize=512)
def _of(text: str) -> tuple[frozenset[str], tuple[re.Pattern[str], ...], str]:
    """The words of a text, those with lost letters as patterns, and the last if it may be cut."""
    words = folded(text)
    blurred = tuple(
        re.compile("".join("." if c == "?" else re.escape(c) for c in word))
        for word in words
        if "?" in word and len(word.replace("?", "")) >= _LEAST
    )
    last = words[-1] if words and len(text.strip()) >= _CUT_FROM else ""
    return frozenset(words), blurred, last if len(last) >= _LEAST else ""


def _found(
    word: str, words: frozenset[str], blurred: tuple[re.Pattern[str], ...], last: str
) -> bool:
    if word in words or (last and word.startswith(last)):
        return True
    return any(pattern.fullmatch(word) for pattern in blurred)
