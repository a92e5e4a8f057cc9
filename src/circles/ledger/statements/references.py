"""Creditor references (ISO 11649) anywhere in a line.

People and banks break them with spaces, dots and line ends, write them small, and let words follow
at once; so every piece that begins with RF and whose check digits fit is named. One that fits by
chance belongs to nobody and does no harm: what counts is whether it is a member's own.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from circles.circle.iban import mod97
from circles.ledger.statements.model import StatementLine

_BEGIN = re.compile(r"RF(?=[0-9]{2}[A-Z0-9])", re.ASCII)
CHARS_MAX, CHARS_MIN = 25, 5


def references(line: StatementLine) -> list[str]:
    """All of them, in capitals without spaces: the structured one first, then as they stand."""
    texts = [line.reference, line.text, line.end_to_end, line.counterparty]
    for detail in line.details:
        texts += [detail.reference, detail.text, detail.end_to_end]
    found: dict[str, None] = {}
    for text in texts:
        if text:
            found.update(dict.fromkeys(in_text(text)))
    return list(found)


def in_text(text: str) -> Iterator[str]:
    """Those in one text. First what ends where a word ends, longest first; else any length."""
    plain, ends = _plain(text)
    for begin in _BEGIN.finditer(plain):
        start = begin.start()
        last = min(len(plain), start + CHARS_MAX)
        lengths = range(last, start + CHARS_MIN - 1, -1)
        fits = [end for end in lengths if _is_valid(plain[start:end])]
        for end in [end for end in fits if end in ends] or fits:
            yield plain[start:end]


def _plain(text: str) -> tuple[str, frozenset[int]]:
    """Letters and digits only, in capitals, and where words ended."""
    pieces = [piece for piece in re.split(r"[^A-Z0-9]+", text.upper()) if piece]
    ends, length = set(), 0
    for piece in pieces:
        length += len(piece)
        ends.add(length)
    return "".join(pieces), frozenset(ends)


def _is_valid(reference: str) -> bool:
    return mod97(reference[4:] + reference[:4]) == 1
