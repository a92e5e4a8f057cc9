"""A table of which nothing can be guessed: its rows for a person to look at, and what a person said
of such a table before. Names that nobody knows, no names at all, two columns and no more."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace

from circles.ledger.statements import cells, guess
from circles.ledger.statements.mapping import Mapping, plain_words
from circles.ledger.statements.model import UnreadableError
from circles.ledger.statements.source import Source
from circles.ledger.statements.values import ValueProblem

_LOOKED_AT = 60
_CENTS = re.compile(r"[0-9],[0-9]{2}\s*-?$", re.ASCII)
_CONTROLS = frozenset(map(chr, range(32))) - set("\t\n\r\x0b\x0c\x1a\x1d\x1e\x1f")


@dataclass(frozen=True, slots=True)
class Bare:
    """Its first rows, and a mapping that says nothing yet but the delimiter and the row of names;
    its columns are only there because a mapping needs some."""

    mapping: Mapping
    rows: tuple[tuple[str, ...], ...]

    @property
    def width(self) -> int:
        """How many columns it has."""
        return max((len(row) for row in self.rows), default=0)


def look(source: Source) -> Bare | None:
    """None if it is no table either: no text, or not two cells in most of its rows."""
    try:
        return _look(source)
    except UnreadableError:
        return None


def _look(source: Source) -> Bare | None:
    head = source.head
    if source.is_empty or head.lstrip("\ufeff \t\r\n").startswith(("<", "%PDF", "PK", "{", ":")):
        return None
    if any(char in _CONTROLS for char in head):
        return None
    best: tuple[int, str, list[list[str]]] | None = None
    for delimiter in guess.DELIMITERS:
        rows = guess.sample(source, delimiter)[:_LOOKED_AT]
        told = [row for row in rows if any(text.strip() for text in row)]
        wide = [row for row in told if len(row) > 1]
        if len(wide) * 2 > len(told) and (best is None or len(wide) > best[0]):
            best = len(wide), delimiter, rows
    if best is None:
        return None
    _count, delimiter, rows = best
    header_row = _names_at(rows)
    names = tuple(rows[header_row - 1]) if header_row else ()
    nothing = (("date", (0,)), ("amount", (1,)))
    mapping = Mapping(delimiter, header_row, nothing, dates="dmy", names=names)
    decimal = "," if delimiter == ";" or _has_comma(rows) else "."
    return Bare(replace(mapping, decimal=decimal), tuple(tuple(row) for row in rows))


def _has_comma(rows: list[list[str]]) -> bool:
    """Whether a comma stands before two last figures: no day is written so, only amounts."""
    return any(_CENTS.search(text) for row in rows for text in row)


def _names_at(rows: list[list[str]]) -> int:
    """How many rows stand before the first line: up to a row of words above one with figures."""
    widest = max((len(row) for row in rows), default=0)
    for number, row in enumerate(rows[:-1]):
        is_names = all(text.strip() and not any(c.isdigit() for c in text) for text in row)
        below = rows[number + 1]
        if len(row) == widest and is_names and any(c.isdigit() for text in below for c in text):
            return number + 1
    return 0


def recalled(kept: Iterable[Mapping], bare: Bare) -> Mapping | None:
    """What was said of such a table: one with the same names, or, without names, as many columns
    and a day where it had one."""
    for mapping in kept:
        if mapping.delimiter != bare.mapping.delimiter:
            continue
        if any(mapping.names):
            wanted = [plain_words(name) for name in mapping.names]
            for number, row in enumerate(bare.rows):
                if [plain_words(name) for name in row] == wanted:
                    return replace(mapping, header_row=number + 1)
        elif _fits(mapping, bare):
            return mapping
    return None


def _fits(mapping: Mapping, bare: Bare) -> bool:
    columns = dict(mapping.columns)
    used = max((n for numbers in columns.values() for n in numbers), default=0)
    below = [row for row in bare.rows[mapping.header_row :] if any(t.strip() for t in row)]
    if not below or used >= bare.width:
        return False
    try:
        cells.day_of(guess.cell(list(below[0]), columns, "date"), mapping.dates)
    except ValueProblem:
        return False
    return True
