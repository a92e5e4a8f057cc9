"""CAMT.053 (statement), .052 (report within the day) and .054 (notice), every version.

Read with expat, one entry in memory at a time. A document type is refused at its first letter, so
no entity is ever defined; depth and length of texts are bounded. CdtDbtInd alone gives the sign: a
reversal (RvslInd) of a payment in is written as DBIT. 052 and 054 add details and prove no balance.
Source: ISO 20022, messages camt.052/053/054.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from typing import Any
from xml.parsers import expat

from circles.ledger.statements import values
from circles.ledger.statements.entry import Fields, line_of
from circles.ledger.statements.model import Balance, Event, Problem, UnreadableError
from circles.ledger.statements.sheet import Sheet, line_number
from circles.ledger.statements.source import Source
from circles.ledger.statements.values import ValueProblem
from circles.web.i18n import gettext as _

DEPTH_MAX = 64
TEXT_CHARS_MAX = 1 << 16
TEXTS_MAX = 1_000_000
DETAILS_MAX = 20_000
_ROOT = re.compile(
    r"<(?:[A-Za-z0-9_.-]{1,40}:)?(?:Document|BkToCstmr\w{3,20})[\s>]|camt\.05[234]", re.ASCII
)
_KINDS = {"Stmt": "statement", "Rpt": "intraday", "Ntfctn": "notice"}
_PROLOG = re.compile(r"\s*<\?xml[^>]{0,200}\?>")


def looks_like(head: str) -> bool:
    """Whether this is XML with one of these messages in it."""
    start = head.lstrip("\ufeff \t\r\n\x00")
    return start.startswith("<") and _ROOT.search(start[:8000]) is not None


def read(source: Source) -> Iterator[Event]:
    """All statements of the file, as they come."""
    reader = _Reader()
    parser = reader.parser
    try:
        for number, chunk in enumerate(source.chunks()):
            text = _without_prolog(chunk) if number == 0 else chunk
            parser.Parse(text.encode("utf-8", "replace"), False)
            if reader.out:
                yield from reader.drain()
        parser.Parse(b"", True)
    except expat.ExpatError as error:
        yield from reader.drain()
        yield Problem(
            line_number(error.lineno),
            "",
            _("The XML breaks off or is damaged here: %(why)s.")
            % {"why": expat.ErrorString(error.code)},
        )
        reader.end_early()
    except UnreadableError as error:
        yield from reader.drain()
        yield error.problem
        reader.end_early()
    yield from reader.drain()


def _without_prolog(text: str) -> str:
    """The text is decoded already, so the encoding it names must not be heard again."""
    text = text.lstrip("\ufeff")
    found = _PROLOG.match(text)
    return text if found is None else "\n" * found[0].count("\n") + text[found.end() :]


class _Reader:
    """Handlers of one parse. Texts go to the innermost thing that is open: entry, detail, head."""

    def __init__(self) -> None:
        self.out: list[Event] = []
        self.sheet: Sheet | None = None
        self._path: list[str] = []
        self._text: list[str] = []
        self._text_chars = 0
        self._head: Fields = {}
        self._balance: Fields | None = None
        self._entry: Fields | None = None
        self._details: list[Fields] = []
        self._into: Fields | None = None
        self._base = 0
        self._entries = self._texts = 0
        self.parser = expat.ParserCreate("utf-8")
        self.parser.buffer_text = True
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._characters
        self.parser.StartDoctypeDeclHandler = self._doctype

    def drain(self) -> list[Event]:
        if self.sheet is not None:
            self.out += self.sheet.drain()
        out, self.out = self.out, []
        return out

    def end_early(self) -> None:
        """The file broke off: what was read of this statement stands, unproved."""
        if self.sheet is not None:
            self.sheet.is_broken = True
            self._close_statement()

    def _where(self) -> str:
        number = line_number(self.parser.CurrentLineNumber)
        if self._entry is None:
            return number
        return _("%(line)s, entry %(n)s") % {"line": number, "n": self._entries}

    def _doctype(self, *_found: Any) -> None:
        raise UnreadableError(
            Problem(
                self._where(),
                "DOCTYPE",
                _("This file defines its own words (a document type). That is not read."),
            )
        )

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        tag = name[name.rfind(":") + 1 :]
        path = self._path
        path.append(tag)
        if len(path) > DEPTH_MAX:
            raise UnreadableError(
                Problem(self._where(), tag, _("This file is nested deeper than any bank's."))
            )
        if self._text:
            self._text, self._text_chars = [], 0
        into = self._into
        if into is not None:
            if tag == "TxDtls" and self._entry is not None:
                self._open_details()
            elif attributes and "Ccy" in attributes:
                into.setdefault("/".join(path[self._base :]) + "@Ccy", []).append(attributes["Ccy"])
            elif tag == "Ntry":
                self._entries += 1
                self._entry = self._into = {"@where": [self._where_entry()]}
                self._details, self._base = [], len(path)
            elif tag == "Bal" and self._entry is None:
                self._balance = self._into = {}
                self._base = len(path)
        elif tag in _KINDS and self.sheet is None:
            self.sheet = Sheet(where=self._where(), kind=_KINDS[tag])
            self._head = self._into = {}
            self._base, self._entries = len(path), 0

    def _where_entry(self) -> str:
        line = line_number(self.parser.CurrentLineNumber)
        return _("%(line)s, entry %(n)s") % {"line": line, "n": self._entries}

    def _open_details(self) -> None:
        fields: Fields = {}
        if len(self._details) == DETAILS_MAX:
            raise UnreadableError(
                Problem(self._where(), "TxDtls", _("This has more parts than any bank's."))
            )
        self._details.append(fields)
        self._into, self._base = fields, len(self._path)

    def _characters(self, text: str) -> None:
        if self._into is None:
            return
        self._text_chars += len(text)
        if self._text_chars > TEXT_CHARS_MAX:
            raise UnreadableError(
                Problem(
                    self._where(),
                    self._path[-1],
                    _("A text here does not end. The file looks cut off or damaged."),
                )
            )
        self._text.append(text)

    def _end(self, name: str) -> None:
        path, into = self._path, self._into
        if into is not None and self._text:
            text = "".join(self._text).strip()
            self._text, self._text_chars = [], 0
            if text and len(path) > self._base:
                self._count()
                into.setdefault("/".join(path[self._base :]), []).append(text)
        tag = path.pop()
        if into is None or len(path) >= self._base:
            return
        if into is self._head:
            self._close_statement()
        elif into is self._balance:
            self._close_balance(into)
        elif into is self._entry:
            self._close_entry(into)
        elif tag == "TxDtls":
            self._into, self._base = self._entry, self._depth_of("Ntry")
        else:
            raise AssertionError(tag)

    def _count(self) -> None:
        self._texts += 1
        if self._texts > TEXTS_MAX:
            raise UnreadableError(
                Problem(self._where(), self._path[-1], _("This has more parts than any bank's."))
            )

    def _depth_of(self, tag: str) -> int:
        for i in range(len(self._path), 0, -1):
            if self._path[i - 1] == tag:
                return i
        raise AssertionError(tag)

    def _back_to_head(self) -> None:
        self._into, self._base = self._head, len(self._path)
        self._entry = self._balance = None

    def _set_account(self) -> None:
        """From what has been read of the head; it stands before balances and entries."""
        sheet, head = self.sheet, self._head
        assert sheet is not None
        if sheet.account is None:
            found = (
                head.get("Acct/Id/IBAN")
                or head.get("Acct/Id/Othr/Id")
                or head.get("Acct/Id/PrtryAcct/Id")
            )
            sheet.account = values.number(found[0]) if found else None
        if sheet.currency is None:
            sheet.currency = values.currency(head.get("Acct/Ccy", [""])[0])
        if sheet.id_in_file is None:
            sheet.id_in_file = head.get("Id", [None])[0]

    def _close_balance(self, fields: Fields) -> None:
        where = self._where()
        self._set_account()
        self._back_to_head()
        sheet = self.sheet
        assert sheet is not None
        code = (fields.get("Tp/CdOrPrtry/Cd") or fields.get("Tp/CdOrPrtry/Prtry") or [""])[0]
        if sheet.kind != "statement" or code not in {"OPBD", "PRCD", "CLBD", "ITBD"}:
            return
        currency = values.currency(fields.get("Amt@Ccy", [""])[0])
        try:
            balance = _balance_of(fields, currency or sheet.currency)
        except ValueProblem as problem:
            sheet.problem(where, f"Bal {code}", str(problem), stops=False)
            sheet.is_broken = True
            return
        if self._keep_balance(code, balance):
            self._note_currency(where, code, currency)

    def _keep_balance(self, code: str, balance: Balance) -> bool:
        """OPBD before PRCD before the first ITBD; CLBD before a later ITBD (a page of several)."""
        sheet = self.sheet
        assert sheet is not None
        pages = "StmtPgntn/PgNb" in self._head
        if code == "OPBD" or (
            sheet.opening is None and (code == "PRCD" or (code == "ITBD" and pages))
        ):
            sheet.opening = balance
        elif code == "CLBD" or (code == "ITBD" and pages and sheet.closing is None):
            sheet.closing = balance
        else:
            return False
        return True

    def _note_currency(self, where: str, code: str, currency: str | None) -> None:
        sheet = self.sheet
        assert sheet is not None
        if sheet.currency is None:
            sheet.currency = currency
        elif currency != sheet.currency:
            sheet.problem(
                where,
                f"Bal {code}",
                _("This balance is in %(theirs)s, but the account is in %(ours)s.")
                % {"theirs": currency or "?", "ours": sheet.currency},
                stops=False,
            )
            sheet.is_broken = True

    def _close_entry(self, fields: Fields) -> None:
        self._set_account()
        details, self._texts = self._details, 0
        self._back_to_head()
        assert self.sheet is not None
        line_of(fields, details, self.sheet)

    def _close_statement(self) -> None:
        self._set_account()
        assert self.sheet is not None
        self.sheet.close()
        self.out += self.sheet.drain()
        self.sheet = self._into = self._entry = self._balance = None


def _balance_of(fields: Fields, currency: str | None) -> Balance:
    amount = values.point_amount(fields.get("Amt", [""])[0], currency)
    way = fields.get("CdtDbtInd", [""])[0]
    if way not in {"CRDT", "DBIT"}:
        raise ValueProblem(_("Nothing says whether this is credit or debit."))
    day = fields.get("Dt/Dt") or fields.get("Dt/DtTm")
    on: date | None = values.iso_date(day[0][:10]) if day else None
    return Balance(on, -amount if way == "DBIT" else amount)
