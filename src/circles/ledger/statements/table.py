"""CSV: any delimiter, encoding, decimal sign and order of dates, by a mapping.

Rows before the header and after the lines may tell account, currency and balances. A running
balance is checked at every step. A file with several accounts becomes several statements.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date

from circles.ledger.statements import cells, values
from circles.ledger.statements.guess import Guess, amount_of, cell, rows_of
from circles.ledger.statements.mapping import CURRENCIES, Mapping, plain_words
from circles.ledger.statements.model import Balance, Event, Problem, StatementLine, UnreadableError
from circles.ledger.statements.sheet import Sheet, line_number, shown
from circles.ledger.statements.source import Source
from circles.ledger.statements.values import ValueProblem
from circles.web.i18n import gettext as _

ACCOUNTS_MAX = 100
WAITING_LINES_MAX = 5000
SWALLOWED_LINES_MAX = 100
_ACCOUNT_WORDS = ("account number", "kontonummer", "iban", "konto", "account", "rekening", "compte",
                  "cuenta", "conto")  # fmt: skip
_NUMBER = re.compile(r"[A-Z]{0,2}[0-9][A-Z0-9 /-]{4,40}", re.ASCII)
_CODE = re.compile(r"(?<![A-Za-z])([A-Z]{3})(?![A-Za-z])")
_TOTALS = ("total", "summe", "sum", "gesamt", "totale", "suma")


def read(source: Source, guessed: Guess, currency: str | None = None) -> Iterator[Event]:
    """All lines in the order of the file; `currency` is used where the file says none."""
    reader = _Reader(guessed.mapping, currency)
    for name, message in guessed.doubts:
        yield Problem(_("Whole file"), name, message)
    rows = rows_of(source.lines(), guessed.mapping.delimiter)
    at = number = 0
    try:
        for number, row in enumerate(rows):
            at, before = rows.line_num, at  # type: ignore[attr-defined]  # csv.reader has it
            reader.take(row, number, before + 1)
            if reader.streams:
                yield from reader.drain()
    except csv.Error as error:
        reader.main.problem(
            line_number(at + 1),
            "",
            _("From here on this is no table: a quotation mark may be missing (%(why)s).")
            % {"why": error},
        )
    except UnreadableError as error:
        reader.main.is_broken = True
        yield error.problem
    yield from reader.end()


@dataclass(slots=True)
class _Reader:
    mapping: Mapping
    currency: str | None
    columns: dict[str, tuple[int, ...]] = field(default_factory=dict)
    sheets: dict[str, Sheet] = field(default_factory=dict)
    by_account: bool = False
    streams: bool = True
    lines: int = 0
    out: list[Event] = field(default_factory=list)
    needed: int = 0
    told: dict[str, Balance] = field(default_factory=dict)
    account: str | None = None
    head_currency: str | None = None
    steps: dict[str, _Steps] = field(default_factory=dict)
    sheet: Sheet = field(default_factory=Sheet)

    def __post_init__(self) -> None:
        self.columns = dict(self.mapping.columns)
        self.by_account = "account" in self.columns
        self.streams = not self.by_account
        self.needed = max((n for ns in self.columns.values() for n in ns), default=0)

    @property
    def main(self) -> Sheet:
        """The first statement; it is there even if no line is."""
        return next(iter(self.sheets.values()), None) or self._sheet("")

    def drain(self) -> list[Event]:
        """What need not wait any longer."""
        out, self.out = self.out, []
        for sheet in self.sheets.values():
            out += sheet.drain()
        return out

    def _sheet_of_line(self, account: str) -> Sheet:
        """Accounts may take turns from row to row, so their lines wait for one another; but where
        one account has gone on for thousands of rows, another begins a statement of its own."""
        if self.by_account:
            self.lines += 1
            if self.lines == WAITING_LINES_MAX:
                self.streams = sum(sheet.lines > 0 for sheet in self.sheets.values()) <= 1
            if self.streams and account not in self.sheets:
                self.out += self.end()
                self.sheets.clear()
                self.steps.clear()
            elif account not in self.sheets and len(self.sheets) >= ACCOUNTS_MAX:
                raise UnreadableError(
                    Problem(
                        _("Whole file"),
                        self._name("account"),
                        _("This table has over %(n)s accounts. Is that column the payers'?")
                        % {"n": ACCOUNTS_MAX},
                    )
                )
        return self._sheet(account)

    def _sheet(self, account: str) -> Sheet:
        sheet = self.sheets.get(account)
        if sheet is None:
            sheet = Sheet(
                account=account or self.account,
                currency=self.mapping.currency or self.head_currency,
                where=_("Whole file"),
            )
            self.sheets[account] = sheet
            self.steps[account] = _Steps(self.mapping.newest_first)
        return sheet

    def take(self, row: list[str], number: int, at: int) -> None:
        """One row of the file, wherever it stands."""
        if not any(text.strip() for text in row):
            return
        if number < self.mapping.header_row:
            if number < self.mapping.header_row - 1:
                self._preface(row)
            return
        day = cell(row, self.columns, "date")
        if (not day or not day[:1].isdigit()) and self._is_remark(row, day, at):
            return
        account = values.number(cell(row, self.columns, "account")) if self.by_account else None
        self._line(row, at, account or "")

    def _preface(self, row: list[str]) -> None:
        """Rows before the header: whose account, which currency, what stood there."""
        kind = cells.tells_balance(row)
        if kind is not None:
            self._tell(kind, row)
            return
        for number, text in enumerate(row):
            label, _colon, behind = text.partition(":")
            words = plain_words(label)
            if self.account is None and any(words == w or w in words for w in _ACCOUNT_WORDS):
                beside = row[number + 1] if number + 1 < len(row) else ""
                for told in (behind.strip(' ="'), beside.strip(' ="')):
                    found = _NUMBER.match(told.upper())
                    if found and self.account is None:
                        self.account = "".join(found[0].split())
            for code in _CODE.findall(text):
                if code in CURRENCIES and self.head_currency is None:
                    self.head_currency = code

    def _tell(self, kind: str, row: list[str]) -> bool:
        on: date | None = None
        for text in row:
            found = re.search(r"[0-9]{1,4}[-./][0-9]{1,2}[-./][0-9]{2,4}", text)
            if found and on is None:
                try:
                    on = cells.day_of(found[0], self.mapping.dates)
                except ValueProblem:
                    continue
        for text in reversed(row):
            if not any(c.isdigit() for c in text) or re.search(r"[^\W\d_]{4}", text):
                continue
            try:
                amount = values.grouped_amount(
                    text, self.mapping.currency or self.currency, self.mapping.decimal
                )
            except ValueProblem:
                continue
            self.told[kind] = Balance(on, amount)
            return True
        return False

    def _is_remark(self, row: list[str], day: str, at: int) -> bool:
        """A row that is no line: a balance, a total, a footnote. It says so if it was left out."""
        kind = cells.tells_balance(row)
        if kind is not None and self._tell(kind, row):
            return True
        try:
            cells.day_of(day, self.mapping.dates)
        except ValueProblem:
            pass
        else:
            return False
        try:
            amount = amount_of(self.mapping, self.columns, row, None)
        except ValueProblem:
            amount = 0
        words = plain_words(" ".join(row)).split()
        if amount is None or (words and words[0] in _TOTALS):
            self.main.problem(
                line_number(at),
                "date",
                _("This row is no payment and is left out: “%(text)s”.")
                % {"text": values.short(" ".join(row))},
                stops=False,
            )
            return True
        return False

    def _line(self, row: list[str], at: int, account: str) -> None:
        sheet, where = self._sheet_of_line(account), line_number(at)
        cut = self.mapping.names and len(row) > len(self.mapping.names)
        if cut and any(text.strip() for text in row[len(self.mapping.names) :]):
            sheet.problem(
                where,
                "",
                _("This row has %(n)s cells, but the header names %(m)s.")
                % {"n": len(row), "m": len(self.mapping.names)},
            )
            return
        if any("\n" in text for text in row) and self._swallowed(row):
            sheet.problem(where, "", _("This row holds others: a quotation mark is missing in it."))
        line = self._read(row, sheet, where)
        if line is None:
            return
        if cells.is_pending(cell(row, self.columns, "status")):
            sheet.pend(line)
            return
        sheet.add(line, where)
        self._step(row, line, account, sheet, where)

    def _swallowed(self, row: list[str]) -> bool:
        """Whether a quoted cell goes on over lines that are rows of their own."""
        at = self.columns["date"][0]
        for text in row:
            for inner in text.split("\n")[1:][:SWALLOWED_LINES_MAX]:
                cut = inner.split(self.mapping.delimiter)
                try:
                    if len(cut) > at and len(cut) > 1:
                        cells.day_of(cut[at].strip('" '), self.mapping.dates)
                        return True
                except ValueProblem:
                    continue
        return False

    def _read(self, row: list[str], sheet: Sheet, where: str) -> StatementLine | None:
        columns = self.columns
        currency = (
            values.currency(cell(row, columns, "currency"))
            or sheet.currency
            or _currency_beside(cell(row, columns, "amount"))
            or self.currency
        )
        amount = booked = valued = None
        try:
            amount = amount_of(self.mapping, columns, row, currency)
        except ValueProblem as problem:
            sheet.problem(where, self._name("amount", "debit", "credit"), str(problem))
        else:
            if amount is None:
                name = self._name("amount", "debit", "credit")
                sheet.problem(where, name, _("The amount is missing."))
        try:
            day = cell(row, columns, "date") or cell(row, columns, "value_date")
            booked = cells.day_of(day, self.mapping.dates)
        except ValueProblem as problem:
            sheet.problem(where, self._name("date"), str(problem))
        told = cell(row, columns, "value_date")
        if told:
            try:
                valued = cells.day_of(told, self.mapping.dates)
            except ValueProblem as problem:
                sheet.problem(where, self._name("value_date"), str(problem))
        if any("\x00" in text for text in row):
            sheet.problem(where, "", _("There is a NUL byte here. The file may be damaged."))
        if amount is None or booked is None:
            return None
        number = values.clean(cell(row, columns, "counterparty_account"))
        return StatementLine(
            booked_on=booked,
            value_on=valued,
            amount_minor=amount,
            currency=currency,
            counterparty=values.clean(cell(row, columns, "counterparty")),
            counterparty_iban=values.iban(number),
            reference=values.given(cell(row, columns, "reference")),
            text=values.clean(cell(row, columns, "text")),
            bank_ref=values.given(cell(row, columns, "bank_ref")),
            counterparty_account=number,
            bank_kind=values.clean(cell(row, columns, "kind")),
        )

    def _name(self, *fields: str) -> str:
        """The column's own name, which the treasurer sees in the file."""
        for name in fields:
            for number in self.columns.get(name, ()):
                if number < len(self.mapping.names):
                    return self.mapping.names[number].strip()
        return fields[0]

    def _step(
        self, row: list[str], line: StatementLine, account: str, sheet: Sheet, where: str
    ) -> None:
        told = cell(row, self.columns, "balance")
        if not told:
            return
        try:
            balance = values.grouped_amount(told, line.currency, self.mapping.decimal)
        except ValueProblem as problem:
            sheet.problem(where, self._name("balance"), str(problem), stops=False)
            return
        missing = self.steps[account].take(line, balance)
        if missing:
            sheet.problem(
                where,
                self._name("balance"),
                _("The running balance jumps here by %(missing)s more than this line explains.")
                % {"missing": shown(missing, line.currency)},
                stops=False,
            )

    def end(self) -> Iterator[Event]:
        """The last statements, with the balances that the file tells or that follow from it."""
        if "" in self.sheets and len(self.sheets) > 1 and not self.sheets[""].lines:
            lost = self.sheets.pop("")
            yield from lost.drain()
        for account, sheet in self.sheets.items() or {"": self.main}.items():
            steps = self.steps[account]
            sheet.opening = self.told.get("opening") or steps.opening
            sheet.closing = self.told.get("closing") or steps.closing
            sheet.account = sheet.account or self.account
            if sheet.currency is None:
                sheet.currency = self.currency
            yield from sheet.drain()
            sheet.close()
            yield from sheet.drain()


def _currency_beside(amount: str) -> str | None:
    """`10,00 PLN` says it itself."""
    if amount.isascii() and not amount[-1:].isalpha() and not amount[:1].isalpha():
        return None
    return next((code for code in _CODE.findall(amount) if code in CURRENCIES), None)


@dataclass(slots=True)
class _Steps:
    """The running balance: what it was before the first line and after the last."""

    newest_first: bool
    opening: Balance | None = None
    closing: Balance | None = None
    last: tuple[int, int] | None = None

    def take(self, line: StatementLine, balance: int) -> int:
        """What this step leaves unexplained."""
        amount, before, last = line.amount_minor, balance - line.amount_minor, self.last
        self.last = (amount, balance)
        if self.newest_first:
            if self.closing is None:
                self.closing = Balance(line.booked_on, balance)
            self.opening = Balance(line.booked_on, before)
            return 0 if last is None else last[1] - last[0] - balance
        if self.opening is None:
            self.opening = Balance(line.booked_on, before)
        self.closing = Balance(line.booked_on, balance)
        return 0 if last is None else before - last[1]
