"""A table's columns as a person sees them over its first rows, and as they correct them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from circles.ledger.statements import guess
from circles.ledger.statements.mapping import DATES, FIELDS, Mapping, MappingError
from circles.ledger.statements.source import Source
from circles.web.i18n import gettext as _

COLUMNS_MAX = 60
ROWS_SHOWN = 4
_CELL_CHARS_MAX = 40
# Texts that may stand in several columns; each other field has one.
_SEVERAL = frozenset({"text", "reference", "counterparty"})


@dataclass(frozen=True, slots=True)
class Columns:
    """How a table is read: for each column its name, its field ("" where it is left out), and the
    texts of the first rows. `turned`: its plus means money out, as in a card's file.
    """

    names: tuple[str, ...]
    fields: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    dates: str
    decimal: str
    turned: bool
    header_row: int


def shown(data: bytes, mapping: Mapping) -> Columns:
    """The first rows under this mapping."""
    rows = guess.sample(Source.of(data), mapping.delimiter)
    below = [row for row in rows[mapping.header_row :] if any(text.strip() for text in row)]
    width = min(
        COLUMNS_MAX, max([len(mapping.names), *(len(row) for row in below[:50])], default=0)
    )
    fields = [""] * width
    for name, numbers in mapping.columns:
        for number in numbers:
            if number < width:
                fields[number] = name
    names = [*mapping.names, *[""] * width][:width]
    return Columns(
        names=tuple(name.strip()[:_CELL_CHARS_MAX] for name in names),
        fields=tuple(fields),
        rows=tuple(
            tuple(_short(row[n]) if n < len(row) else "" for n in range(width))
            for row in below[:ROWS_SHOWN]
        ),
        dates=mapping.dates,
        decimal=mapping.decimal,
        turned=mapping.sign == "inverted",
        header_row=mapping.header_row,
    )


def _short(text: str) -> str:
    plain = " ".join(text.split())
    return plain if len(plain) <= _CELL_CHARS_MAX else plain[: _CELL_CHARS_MAX - 1] + "…"


def corrected(
    data: bytes,
    mapping: Mapping,
    fields: Sequence[str],
    *,
    dates: str,
    decimal: str,
    turned: bool,
    header_row: int,
) -> Mapping:
    """The mapping that a person asked for; MappingError says in words what it lacks."""
    columns: dict[str, list[int]] = {}
    for number, name in enumerate(fields[:COLUMNS_MAX]):
        if name in FIELDS:
            columns.setdefault(name, []).append(number)
    if "date" not in columns:
        raise MappingError(_("Please say which column is the day."))
    if not columns.keys() & {"amount", "debit", "credit"}:
        raise MappingError(_("Please say which column is the amount."))
    if any(len(numbers) > 1 and name not in _SEVERAL for name, numbers in columns.items()):
        raise MappingError(_("Two columns are said to be the same thing. Please choose one."))
    if dates not in DATES or decimal not in {".", ","}:
        raise MappingError(_("Please say how days and amounts are written."))
    rows = guess.sample(Source.of(data), mapping.delimiter)
    header_row = max(0, min(header_row, guess.HEADER_ROWS_MAX, len(rows)))
    made = replace(
        mapping,
        header_row=header_row,
        names=tuple(rows[header_row - 1]) if header_row else (),
        columns=tuple((name, tuple(numbers)) for name, numbers in columns.items()),
        dates=dates,
        decimal=decimal,
    )
    below = [row for row in rows[header_row:] if any(text.strip() for text in row)]
    made = guess.signs(made, below)
    if "amount" in columns and "mark" not in columns:
        made = replace(made, sign="inverted" if turned else "plain")
    return made
