"""MT940, and MT942 (which lists what is on its way and proves no balance).

Signs: C in, D out, RC takes back a C (so: out), RD takes back a D (so: in); EC and ED are
expected, not booked. The booked day is the entry date (month and day, in the year nearest to the
value date) if there is one. Some banks count months of thirty days: 30 February is read as the
last of February, and said. Source: SWIFT Standards MT, category 9, and the banks' guides to :86:.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date

from circles.ledger.statements import values
from circles.ledger.statements.details86 import Told, told_by
from circles.ledger.statements.model import Balance, Event, Problem, StatementLine, UnreadableError
from circles.ledger.statements.sheet import Sheet, line_number
from circles.ledger.statements.source import Source
from circles.ledger.statements.values import ValueProblem
from circles.web.i18n import gettext as _

_FIELD = re.compile(r":([0-9]{2}[A-Z]?|NS):(.*)", re.ASCII | re.DOTALL)
_START = re.compile(
    r"^(?:\{[0-9]:[^\n]{0,200})?:(?:20|25|60[FM]|61|28C?):", re.MULTILINE | re.ASCII
)
_END = re.compile(r"-(?:$|\}|XXX)", re.ASCII)
_HEAD = re.compile(r"([0-9]{6})([0-9]{4}|\s{4})?\s*(RC|RD|EC|ED|C|D)([A-Z])?(?=[0-9])", re.ASCII)
_AMOUNT = re.compile(r"([0-9][0-9.,]*)(?:([NSF][A-Z0-9 ]{3})|(?=\s|$|//))", re.ASCII)
_TOKEN = re.compile(r"[^\sNSF]{1,40}")
_BALANCE = re.compile(r"([CD])([0-9]{6})([A-Z]{3})?\s*([0-9.,]*)\s*$", re.ASCII)
_MINUS = frozenset({"D", "RC", "ED"})
_EXPECTED = frozenset({"EC", "ED"})
_TOLD = frozenset({"86", "NS"})
_BALANCES = frozenset({"60F", "60M", "62F", "62M"})
_OF_MT942 = frozenset({"34F", "90C", "90D", "13D", "13"})
_CENTURY_FROM = 80
FIELD_LINES_MAX = 500


def looks_like(head: str) -> bool:
    """Whether one of the first tags of a message begins a line here."""
    return _START.search(head[:20000]) is not None


def read(source: Source) -> Iterator[Event]:
    """All statements of the file, as they come."""
    reader = _Reader()
    try:
        yield from _fields(source, reader)
    except UnreadableError as error:
        reader.sheet.is_broken = True
        reader.end_message()
        yield from reader.sheet.drain()
        yield error.problem


def _fields(source: Source, reader: _Reader) -> Iterator[Event]:
    tag, parts, at = "", [""], 0
    for number, raw in enumerate(source.lines(), 1):
        line = raw.strip("\x01\x03") if raw[:1] in "\x01\x03-" else raw.rstrip("\x03")
        if _END.match(line):
            reader.field(tag, parts, at)
            reader.end_message()
            tag, parts = "", [""]
        elif (found := _FIELD.match(_without_blocks(line))) is not None:
            reader.field(tag, parts, at)
            tag, parts, at = found[1], [found[2]], number
        else:
            parts.append(line)
            if len(parts) > FIELD_LINES_MAX:
                raise UnreadableError(
                    Problem(
                        line_number(at),
                        f":{tag}:",
                        _("A text here does not end. The file looks cut off or damaged."),
                    )
                )
        if reader.sheet.out:
            yield from reader.sheet.drain()
    reader.field(tag, parts, at)
    reader.end_message()
    yield from reader.sheet.drain()


def _without_blocks(line: str) -> str:
    """`{1:…}{4:` may stand before the first tag of a message."""
    if line.startswith("{"):
        _blocks, found, rest = line.rpartition("{4:")
        return rest if found else line
    return line


@dataclass(slots=True)
class _Entry:
    """One :61: that waits for its :86:."""

    at: int
    booked_on: date
    value_on: date
    amount_minor: int
    is_expected: bool
    kind: str | None
    reference: str | None
    bank_ref: str | None
    more: list[str]
    told: Told = field(default_factory=Told)


@dataclass(slots=True)
class _Reader:
    sheet: Sheet = field(default_factory=Sheet)
    entry: _Entry | None = None
    is_open: bool = False
    told_of_entry: bool = False

    def field(self, tag: str, parts: list[str], at: int) -> None:
        """One whole field, with the lines that follow its first."""
        if tag in _TOLD:
            if self.entry is not None and self.told_of_entry:
                self.entry.told = told_by(tag, parts)
        elif tag in _BALANCES:
            self._balance(tag, parts[0], at)
        elif tag == "61":
            self._line(parts, at)
        else:
            self._head(tag, parts[0], at)
        if tag != "61" and tag not in _TOLD:
            self.told_of_entry = False
        if "\x00" in "".join(parts):
            self.sheet.problem(
                line_number(at), f":{tag}:", _("There is a NUL byte here. The file may be damaged.")
            )

    def _head(self, tag: str, text: str, at: int) -> None:
        if tag == "20":
            self.end_message()
            self._open(at)
        elif tag == "25":
            self._open(at)
            self.sheet.account = values.clean(text)
        elif tag in {"28", "28C"}:
            self.sheet.id_in_file = values.clean(text)
        elif tag in _OF_MT942:
            self._open(at)
            self.sheet.kind = "intraday"
            if tag == "34F" and self.sheet.currency is None:
                self.sheet.currency = values.currency(text[:3])

    def _open(self, at: int) -> None:
        if not self.is_open:
            self.is_open = True
            self.sheet.where = line_number(at)

    def _end_entry(self) -> None:
        entry, self.entry = self.entry, None
        if entry is None:
            return
        line = _finished(entry, self.sheet.currency)
        if entry.is_expected:
            self.sheet.pend(line)
        else:
            self.sheet.add(line, line_number(entry.at))

    def end_message(self) -> None:
        """The end of a statement, or of what was none."""
        self._end_entry()
        if not self.is_open:
            return
        if self.sheet.account is None:
            self.sheet.problem(
                self.sheet.where,
                ":25:",
                _("Nothing says which account this is (no :25:)."),
                stops=False,
            )
        self.sheet.close()
        self.sheet, self.is_open = Sheet(out=self.sheet.drain()), False

    def _balance(self, tag: str, text: str, at: int) -> None:
        self._end_entry()
        self._open(at)
        opens = tag.startswith("60")
        if opens and self.sheet.closing is not None:
            self.end_message()
            self._open(at)
        if not opens:
            self.sheet.where = line_number(at)
        try:
            balance = self._balance_of(text.strip(), at, tag)
        except ValueProblem as problem:
            self.sheet.problem(line_number(at), f":{tag}:", str(problem), stops=opens)
            return
        if opens:
            self.sheet.opening = balance
        else:
            self.sheet.closing = balance

    def _balance_of(self, text: str, at: int, tag: str) -> Balance:
        found = _BALANCE.match(text)
        if found is None:
            raise ValueProblem(
                _("“%(text)s” is no balance, such as C261101EUR100,00.")
                % {"text": values.short(text)}
            )
        currency = values.currency(found[3])
        if currency and self.sheet.currency and currency != self.sheet.currency:
            raise ValueProblem(
                _("This balance is in %(theirs)s, the one before in %(ours)s.")
                % {"theirs": currency, "ours": self.sheet.currency}
            )
        self.sheet.currency = self.sheet.currency or currency
        on = self._day(found[2], at, f":{tag}:")
        amount = values.comma_amount(found[4], self.sheet.currency)
        return Balance(on, -amount if found[1] == "D" else amount)

    def _day(self, text: str, at: int, name: str) -> date:
        year = int(text[:2])
        year += 1900 if year >= _CENTURY_FROM else 2000
        return self._exists(year, int(text[2:4]), int(text[4:6]), text, at, name)

    def _exists(self, year: int, month: int, of_month: int, text: str, at: int, name: str) -> date:
        """The day; 29 and 30 February are the last of February."""
        if month == 2 and of_month in {29, 30}:  # noqa: PLR2004 - February
            last = 29 if year % 4 == 0 and (year % 100 or year % 400 == 0) else 28
            if of_month > last:
                self.sheet.problem(
                    line_number(at),
                    name,
                    _("There is no %(day)s February. It is read as the last of the month.")
                    % {"day": of_month},
                    stops=False,
                )
                return date(year, month, last)
        return values.day(year, month, of_month, text)

    def _line(self, parts: list[str], at: int) -> None:
        self._end_entry()
        self._open(at)
        try:
            self.entry = self._entry_of(parts[0], parts[1:], at)
            self.told_of_entry = True
        except ValueProblem as problem:
            self.told_of_entry = False
            self.sheet.problem(line_number(at), ":61:", str(problem))

    def _entry_of(self, text: str, more: list[str], at: int) -> _Entry:
        head = _HEAD.match(text)
        if head is None:
            raise ValueProblem(
                _("“%(text)s” is no line, such as 2611031103C10,00NTRF.")
                % {"text": values.short(text)}
            )
        found = _AMOUNT.match(text, head.end())
        if found is None:
            token = _TOKEN.match(text, head.end())
            # Reading it as an amount says what is wrong with it.
            values.comma_amount(token[0] if token else "", self.sheet.currency)
            raise ValueProblem(
                _("“%(text)s” does not say what kind of line it is, such as NTRF.")
                % {"text": values.short(text)}
            )
        amount = values.comma_amount(found[1], self.sheet.currency)
        valued = self._day(head[1], at, ":61:")
        booked = self._booked(head[2], valued, at)
        reference, _sep, bank_ref = text[found.end() :].partition("//")
        return _Entry(
            at,
            booked,
            valued,
            -amount if head[3] in _MINUS else amount,
            head[3] in _EXPECTED,
            found[2],
            values.given(reference),
            values.given(bank_ref),
            more,
        )

    def _booked(self, text: str | None, valued: date, at: int) -> date:
        """The entry date is only month and day: of the year that brings it nearest."""
        if text is None or not text.strip():
            return valued
        month, of_month = int(text[:2]), int(text[2:])
        half_a_year = 6
        year = valued.year
        if month - valued.month > half_a_year:
            year -= 1
        elif valued.month - month > half_a_year:
            year += 1
        return self._exists(year, month, of_month, text, at, ":61:")


def _finished(entry: _Entry, currency: str | None) -> StatementLine:
    told = entry.told
    more = values.clean(" ".join(entry.more))
    text = told.text
    if more and more != text:
        text = f"{text} {more}" if text else more
    return StatementLine(
        booked_on=entry.booked_on,
        value_on=entry.value_on,
        amount_minor=entry.amount_minor,
        currency=currency,
        counterparty=told.counterparty,
        counterparty_iban=told.iban,
        reference=told.reference or entry.reference,
        text=text,
        bank_ref=entry.bank_ref,
        end_to_end=told.reference,
        counterparty_account=told.account or told.iban,
        bank_kind=told.kind or values.clean(entry.kind),
    )
