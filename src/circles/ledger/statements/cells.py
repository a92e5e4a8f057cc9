"""Dates in the many ways of CSV files; marks of debit and credit; rows that tell a balance."""

from __future__ import annotations

import re
from datetime import date
from functools import lru_cache

from circles.ledger.statements import values
from circles.ledger.statements.mapping import plain_words, word_set
from circles.ledger.statements.values import no_date

_PARTS = re.compile(r"([0-9]{1,4})([-./ ])([0-9]{1,2})\2\s?([0-9]{2,4})(?![0-9])", re.ASCII)
_EIGHT = re.compile(r"([0-9]{8})(?![0-9])", re.ASCII)
_WORDED = re.compile(
    r"(?:([0-9]{1,2})[. -]{1,2}([^\W\d_]{3,10})\.?|([^\W\d_]{3,10})\.? ([0-9]{1,2}),?)[ ,-]{1,2}"
    r"([0-9]{4}|[0-9]{2})(?![0-9])"
)
_MONTHS = {
    word: number
    for number, words in enumerate(
        (
            "jan january januar janvier enero ene gennaio gen januari januar sty jaan",
            "feb february februar fevrier febrero febbraio februari lut fev",
            "mar march marz mrz mars marzo maart maa",
            "apr april avril abril aprile avr abr kwi",
            "may mai mayo maggio mag mei maj",
            "jun june juni juin junio giugno giu cze",
            "jul july juli juillet julio luglio lug lip",
            "aug august aout agosto ago augustus sie augusti",
            "sep sept september septembre septiembre settembre set wrz",
            "oct october oktober okt octobre octubre ottobre ott paz out",
            "nov november novembre noviembre lis",
            "dec december dezember dez decembre diciembre dic dicembre gru des",
        ),
        1,
    )
    for word in words.split()
}
_YEAR_DIGITS = 4
_CENTURY_FROM = 80


@lru_cache(maxsize=8192)
def day_of(text: str, order: str) -> date:
    """The date at the start of the cell; a time may follow. ValueProblem says what is wrong."""
    text = text.strip()
    found = _PARTS.match(text)
    if found is not None:
        first, second, third = found[1], found[3], found[4]
        if len(first) == _YEAR_DIGITS:
            year, month, of_month = first, second, third
        elif order == "mdy":
            year, month, of_month = third, first, second
        elif order == "ymd" and len(third) != _YEAR_DIGITS:
            year, month, of_month = first, second, third
        else:
            year, month, of_month = third, second, first
        return values.day(_year(year), int(month), int(of_month), text)
    found = _EIGHT.match(text)
    if found is not None:
        return _eight(found[1], order, text)
    found = _WORDED.match(text)
    if found is not None:
        number = _MONTHS.get(plain_words(found[2] or found[3]))
        if number is not None:
            return values.day(_year(found[5]), number, int(found[1] or found[4]), text)
    raise no_date(text)


def _eight(text: str, order: str, whole: str) -> date:
    if order == "ymd" or text[:2] in {"19", "20"}:
        return values.day(int(text[:4]), int(text[4:6]), int(text[6:]), whole)
    first, second, year = int(text[:2]), int(text[2:4]), int(text[4:])
    month, of_month = (first, second) if order == "mdy" else (second, first)
    return values.day(year, month, of_month, whole)


def _year(text: str) -> int:
    year = int(text)
    if len(text) > 2:  # noqa: PLR2004 - two digits are a short year
        return year
    return year + (1900 if year >= _CENTURY_FROM else 2000)


def order_hint(text: str) -> tuple[str | None, str | None]:
    """(what this cell can only be, what it may be): ("dmy", "dmy") for 13.1.2026."""
    found = _PARTS.match(text.strip())
    if found is None:
        eight = _EIGHT.match(text.strip())
        if eight and eight[1][:2] in {"19", "20"}:
            return "ymd", "ymd"
        return None, None
    if len(found[1]) == _YEAR_DIGITS:
        return "ymd", "ymd"
    return _which_is_month(int(found[1]), int(found[3]), found[2])


def _which_is_month(first: int, second: int, between: str) -> tuple[str | None, str | None]:
    months = 12
    if first > months >= second:
        return "dmy", "dmy"
    if second > months >= first:
        return "mdy", "mdy"
    if between == ".":
        return None, "dmy"
    return (None, "same") if first == second else (None, "either")


_DEBITS = word_set("d dr debit debet s soll af dbit debito dare out ausgang cargo - belastung")
_CREDITS = word_set(
    "c cr credit h haben bij crdt credito avere in eingang abono + gutschrift k kredit"
)


def mark_of(text: str) -> int | None:
    """-1 for a debit, 1 for a credit, None for anything else."""
    word = text.strip() if text.strip() in {"+", "-"} else plain_words(text)
    return -1 if word in _DEBITS else 1 if word in _CREDITS else None


_BALANCE = ("balance", "saldo", "solde", "kontostand", "bilan", "stan konta")
_OPENS = (
    "start", "open", "begin", "anfang", "initial", "previous", "alter ", "debut", "ouverture",
    "inicial", "iniziale", "vorheriger", "poczatk", "brought forward", "precedente",
)  # fmt: skip
_CLOSES = (
    "end", "clos", "final", "current", "neuer", "cloture", "fin ", "cierre", "eind", "koncow",
    "kontostand", "carried forward", "aktuell", "actual",
)  # fmt: skip


def tells_balance(cells: list[str]) -> str | None:
    """`opening` or `closing` if this row says what stood in the account then."""
    words = plain_words(" ".join(cells)) + " "
    if not any(word in words for word in _BALANCE):
        return None
    if any(word in words for word in _OPENS):
        return "opening"
    return "closing" if any(word in words for word in _CLOSES) else None


_PENDING = word_set(
    "pending vorgemerkt vorgemerkte pendiente attesa oczekujaca reserved gereserveerd reserviert "
    "planned authorised"
) | {"umsatz vorgemerkt", "en attente", "in attesa", "not booked", "nicht gebucht"}
_VOID = frozenset({"reverted", "declined", "failed", "cancelled", "canceled", "abgelehnt"})


def is_pending(text: str) -> bool:
    """Whether the bank says here that the line is not booked (or never will be)."""
    return bool(text) and plain_words(text) in _PENDING | _VOID
