"""From the first rows of a CSV file: which column is what, and how days and amounts are written.

Nothing is guessed that the file contradicts: of several readings of the signs the one is taken that
the running balance proves. What stays open (is 3/4 in March or in April?) is said as a problem.
"""

from __future__ import annotations

import contextlib
import csv
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import islice, pairwise

from circles.ledger.statements import cells, values
from circles.ledger.statements.mapping import CURRENCIES, Mapping, field_of, plain_words, word_set
from circles.ledger.statements.source import Source
from circles.ledger.statements.values import ValueProblem
from circles.web.i18n import gettext as _

DELIMITERS = ";,\t|"
SAMPLE_ROWS = 2000
HEADER_ROWS_MAX = 60
_BEST = 3
_SIGNS = {
    "amount": ("plain", "inverted"),
    "columns": ("columns", "columns-signed", "columns-abs"),
    "marked": ("marked", "marked-abs", "marked-signed"),
}


@dataclass(frozen=True, slots=True)
class Guess:
    """A mapping and what could not be told for certain: (field, message)."""

    mapping: Mapping
    doubts: tuple[tuple[str, str], ...] = ()


def rows_of(lines: Iterator[str], delimiter: str) -> Iterator[list[str]]:
    """Cells, row after row; a quoted cell may hold line ends."""
    return csv.reader((line + "\n" for line in lines), delimiter=delimiter)


def guess(source: Source) -> Guess | None:
    """None if no column of dates and none of amounts is found: then this is no such file."""
    best: tuple[int, Mapping, list[list[str]]] | None = None
    for delimiter in DELIMITERS:
        rows = sample(source, delimiter)
        found = (
            _header(rows, delimiter)
            or _headless(rows, delimiter, 0)
            or _headless(rows, delimiter, 1)
        )
        if found is not None and (best is None or found[0] > best[0]):
            best = (*found, rows)
    if best is None:
        return None
    _score, mapping, rows = best
    return _finish(mapping, [r for r in rows[mapping.header_row :] if any(c.strip() for c in r)])


def sample(source: Source, delimiter: str) -> list[list[str]]:
    """The first rows, up to where the file is no table any more."""
    rows: list[list[str]] = []
    with contextlib.suppress(csv.Error):
        rows.extend(islice(rows_of(source.lines(), delimiter), SAMPLE_ROWS))
    return rows


def _header(rows: list[list[str]], delimiter: str) -> tuple[int, Mapping] | None:
    best: tuple[int, Mapping] | None = None
    below = _filled_below(rows)
    for number, row in enumerate(rows[:HEADER_ROWS_MAX]):
        columns, score = _columns(row, below[number])
        fields = columns.keys()
        if "date" not in fields and "value_date" in fields:
            columns["date"] = columns.pop("value_date")
        usable = "date" in columns and columns.keys() & {"amount", "debit", "credit"}
        if usable and (best is None or score > best[0]):
            numbered = tuple((name, tuple(numbers)) for name, numbers in columns.items())
            best = score, Mapping(delimiter, number + 1, numbered, names=tuple(row))
    return best


def _filled_below(rows: list[list[str]]) -> list[frozenset[int]]:
    """For each of the first rows: in which columns anything stands below it."""
    filled: set[int] = set()
    found = []
    for number in range(len(rows) - 1, -1, -1):
        if number < HEADER_ROWS_MAX:
            found.append(frozenset(filled))
        filled.update(n for n, text in enumerate(rows[number]) if text.strip())
    return found[::-1]


def _columns(row: list[str], filled: frozenset[int]) -> tuple[dict[str, list[int]], int]:
    """Which column is which field. Only texts may have several columns; those in which something
    stands go first, and among them exact names."""
    columns: dict[str, list[int]] = {}
    named = [(field_of(name), number) for number, name in enumerate(row)]
    score = 0
    for is_filled, want_exact in ((True, True), (True, False), (False, True), (False, False)):
        for (name, exact), number in named:
            if name is None or exact is not want_exact or (number in filled) is not is_filled:
                continue
            if name == "amount" and not is_filled and columns.keys() & {"debit", "credit"}:
                continue
            if name == "kind" and name in columns:
                name = "text"  # noqa: PLW2901 - two kinds: the second one tells more
            if name == "text" or name not in columns:
                columns.setdefault(name, []).append(number)
                score += 3 if exact else 2
    return columns, score


def _headless(rows: list[list[str]], delimiter: str, header_row: int) -> tuple[int, Mapping] | None:
    """By what stands in the columns (below names that nobody knows). All rows must look alike."""
    names = tuple(rows[0]) if rows and header_row else ()
    rows = [row for row in rows[header_row:200] if any(cell.strip() for cell in row)]
    if not rows or len({len(row) for row in rows}) != 1 or len(rows[0]) < _BEST:
        return None
    columns: dict[str, list[int]] = {}
    for number in range(len(rows[0])):
        texts = [row[number] for row in rows]
        kind = _kind_of_column(texts)
        if kind == "date" and "date" in columns:
            kind = "value_date"
        if kind == "amount" and "amount" in columns:
            kind = "balance"
        if kind and (kind == "text" or kind not in columns):
            columns.setdefault(kind, []).append(number)
    if not {"date", "amount"} <= columns.keys():
        return None
    numbered = tuple((name, tuple(numbers)) for name, numbers in columns.items())
    return 1, Mapping(delimiter, header_row, numbered, names=names)


_LOOKS_AMOUNT = re.compile(r"[-+(]?[0-9][0-9.,' ]*[.,][0-9]{1,3}[-)]?", re.ASCII)


def _kind_of_column(texts: list[str]) -> str | None:
    told = [text.strip() for text in texts if text.strip()]
    if not told:
        return None
    tests: tuple[tuple[str, Callable[[str], object]], ...] = (
        ("date", _is_day),
        ("amount", _LOOKS_AMOUNT.fullmatch),
        ("currency", lambda text: text in CURRENCIES),
        ("counterparty_account", values.iban),
    )
    for kind, test in tests:
        if all(test(text) for text in told) and (kind != "date" or len(told) == len(texts)):
            return kind
    return "text" if any(c.isalpha() for text in told for c in text) else None


def _is_day(text: str) -> bool:
    for order in ("dmy", "mdy"):
        try:
            cells.day_of(text, order)
        except ValueProblem:
            continue
        return True
    return False


def _finish(mapping: Mapping, rows: list[list[str]]) -> Guess:
    """Days, amounts, signs and whose account it is, from the rows below the header."""
    doubts: list[tuple[str, str]] = []
    columns = _settled(_accounts(dict(mapping.columns), mapping.names, rows), rows)
    mapping = replace(mapping, columns=tuple(columns.items()), currency=_currency_named(mapping))
    decimal = _decimal(mapping, rows)
    mapping = _marked_by(replace(mapping, decimal=decimal), rows)
    dates, doubt = _dates(mapping, rows)
    if doubt:
        doubts.append(("date", doubt))
    mapping = replace(mapping, dates=dates)
    return Guess(signs(mapping, rows), tuple(doubts))


def _marked_by(mapping: Mapping, rows: list[list[str]]) -> Mapping:
    """Amounts without a sign, beside a column of nothing but "debit" and "credit": whatever that is
    called, it says which way the money went."""
    columns = dict(mapping.columns)
    if "mark" in columns or "amount" not in columns:
        return mapping
    for name in ("kind", "text"):
        for number in columns.get(name, ()):
            told = [
                (cells.mark_of(row[number]) if number < len(row) else None, value)
                for row in rows
                if (value := _value(mapping, row, "amount"))
            ]
            marks = {mark for mark, _value in told}
            if -1 in marks and None not in marks and all(value > 0 for _mark, value in told):
                columns[name] = tuple(n for n in columns[name] if n != number)
                columns["mark"] = (number,)
                kept = tuple((name, numbers) for name, numbers in columns.items() if numbers)
                return replace(mapping, columns=kept)
    return mapping


def cell(row: list[str], columns: dict[str, tuple[int, ...]], name: str) -> str:
    """What stands under a field; several columns are joined with a space."""
    numbers = columns.get(name)
    if numbers is None:
        return ""
    if len(numbers) == 1:
        return row[numbers[0]].strip() if numbers[0] < len(row) else ""
    return " ".join(row[n].strip() for n in numbers if n < len(row) and row[n].strip())


def _accounts(
    columns: dict[str, tuple[int, ...]], names: tuple[str, ...], rows: list[list[str]]
) -> dict[str, tuple[int, ...]]:
    """A column of numbers that is the same all through is our own account; else the other's."""
    number = columns.get("counterparty_account")
    name = plain_words(names[number[0]]) if number and names else ""
    if number and "account" not in columns and name in {"iban", "account iban"}:
        found = {cell(row, columns, "counterparty_account") for row in rows}
        if len(rows) > 1 and len(found) == 1 and "" not in found:
            columns["account"] = columns.pop("counterparty_account")
    return columns


def _settled(
    columns: dict[str, tuple[int, ...]], rows: list[list[str]]
) -> dict[str, tuple[int, ...]]:
    """Names that mean different things in different tongues, by what stands below them."""
    valuta = [text for row in rows if (text := cell(row, columns, "value_date"))]
    if "currency" not in columns and valuta and all(text in CURRENCIES for text in valuta):
        columns["currency"] = columns.pop("value_date")
    if "text" not in columns and "kind" in columns:
        columns["text"] = columns.pop("kind")
    return columns


_CODE = re.compile(r"(?<![A-Z])([A-Z]{3})(?![A-Z])")


def _currency_named(mapping: Mapping) -> str | None:
    """`Betrag (EUR)` says it in the name of the column."""
    columns = dict(mapping.columns)
    for name in ("amount", "debit", "credit", "balance"):
        for number in columns.get(name, ()):
            if number < len(mapping.names):
                for code in _CODE.findall(mapping.names[number]):
                    if code in CURRENCIES:
                        return str(code)
                for sign, code in (("€", "EUR"), ("£", "GBP")):
                    if sign in mapping.names[number]:
                        return code
    return None


_GARBLED = re.compile(r"[.,][.,]|[0-9][^\W\d_]+[0-9,.]|[.,]$")


def _decimal(mapping: Mapping, rows: list[list[str]]) -> str:
    columns = dict(mapping.columns)
    votes = {".": 0, ",": 0}
    for row in rows:
        for name in ("amount", "debit", "credit", "balance"):
            text = cell(row, columns, name)
            point, comma = text.rfind("."), text.rfind(",")
            if (point < 0 and comma < 0) or _GARBLED.search(text):
                continue
            sign = "." if point > comma else ","
            tail = sum(c.isdigit() for c in text[max(point, comma) :])
            if point >= 0 and comma >= 0:
                votes[sign] += 4
            elif text.count(sign) > 1:
                votes["," if sign == "." else "."] += 4
            elif tail != _BEST:
                votes[sign] += 2
            else:
                votes["," if sign == "." else "."] += 1
    if votes["."] == votes[","]:
        return "," if mapping.delimiter == ";" else "."
    return max(votes, key=lambda sign: votes[sign])


def _dates(mapping: Mapping, rows: list[list[str]]) -> tuple[str, str | None]:
    columns = dict(mapping.columns)
    certain: dict[str, int] = {}
    open_ones: list[str] = []
    dotted = False
    for row in rows:
        for name in ("date", "value_date"):
            text = cell(row, columns, name)
            sure, maybe = cells.order_hint(text) if text else (None, None)
            if sure:
                certain[sure] = certain.get(sure, 0) + 1
            elif maybe == "either":
                open_ones.append(text)
            elif maybe == "dmy":
                dotted = True
    if certain:
        return max(certain, key=lambda order: certain[order]), None
    if dotted or not open_ones or mapping.decimal == "," or not _is_english(mapping.names):
        return "dmy", None
    return "dmy", _(
        "“%(text)s” may have the day first or the month first; it is read with the day first. "
        "Please say which it is."
    ) % {"text": values.short(open_ones[0])}


_ENGLISH = word_set(
    "date amount description balance payee debit credit currency label transaction posting "
    "posted reference account name type memo details money"
)


def _is_english(names: tuple[str, ...]) -> bool:
    """Only there may the month stand first."""
    words = {word for name in names for word in plain_words(name).split()}
    return not names or len(words & _ENGLISH) > 1


def signs(mapping: Mapping, rows: list[list[str]]) -> Mapping:
    """The reading of the signs that the running balance proves; without one, the usual one."""
    columns = dict(mapping.columns)
    if "mark" in columns and "amount" in columns:
        family = "marked"
    elif "amount" in columns:
        family = "amount"
    else:
        family = "columns"
    usual = _usual(family, mapping, rows)
    # The usual one goes first, so that it wins where the balance proves several.
    candidates = sorted(_SIGNS[family], key=lambda sign: sign != usual)
    best, best_score = replace(mapping, sign=usual), 0
    if "balance" in columns:
        for sign in candidates:
            for newest_first in (False, True):
                tried = replace(mapping, sign=sign, newest_first=newest_first)
                score = proved(tried, rows)
                if score > best_score:
                    best, best_score = tried, score
    return best


def _usual(family: str, mapping: Mapping, rows: list[list[str]]) -> str:
    if family == "amount":
        return "plain"
    columns = dict(mapping.columns)
    amounts = [
        (value, cells.mark_of(cell(row, columns, "mark")))
        for row in rows
        if (value := _value(mapping, row, "debit" if family == "columns" else "amount"))
    ]
    if family == "columns":
        return "columns-signed" if amounts and all(v < 0 for v, _m in amounts) else "columns"
    if any(value < 0 for value, _m in amounts) and all(
        mark is None or (value < 0) == (mark < 0) for value, mark in amounts
    ):
        return "marked-signed"
    return "marked"


def _value(mapping: Mapping, row: list[str], name: str) -> int | None:
    text = cell(row, dict(mapping.columns), name)
    try:
        return values.grouped_amount(text, None, mapping.decimal) if text else None
    except ValueProblem:
        return None


def proved(mapping: Mapping, rows: list[list[str]]) -> int:
    """How many steps of the running balance this reading explains."""
    steps = []
    for row in rows:
        balance = _value(mapping, row, "balance")
        try:
            amount = amount_of(mapping, dict(mapping.columns), row, None)
        except ValueProblem:
            continue
        if balance is not None and amount is not None:
            steps.append((amount, balance))
    if mapping.newest_first:
        steps.reverse()
    return sum(before[1] + amount == after for before, (amount, after) in pairwise(steps))


def amount_of(
    mapping: Mapping, columns: dict[str, tuple[int, ...]], row: list[str], currency: str | None
) -> int | None:
    """The signed amount of a row; None if it has none. ValueProblem if it cannot be read."""

    def one(name: str) -> int | None:
        text = cell(row, columns, name)
        return values.grouped_amount(text, currency, mapping.decimal) if text else None

    sign = mapping.sign
    if sign.startswith("columns"):
        debit, credit = one("debit"), one("credit")
        if debit is None and credit is None:
            return None
        debit, credit = debit or 0, credit or 0
        if sign == "columns-signed":
            return credit + debit
        return abs(credit) - abs(debit) if sign == "columns-abs" else credit - debit
    amount = one("amount")
    if amount is None or sign in {"plain", "marked-signed"}:
        return amount
    if sign == "inverted":
        return -amount
    return _marked(cell(row, columns, "mark"), amount, sign)


def _marked(text: str, amount: int, sign: str) -> int:
    mark = cells.mark_of(text)
    if mark is None:
        raise ValueProblem(
            _("“%(text)s” does not say whether money came in or went out.")
            % {"text": values.short(text)}
        )
    return mark * (abs(amount) if sign == "marked-abs" else amount)
