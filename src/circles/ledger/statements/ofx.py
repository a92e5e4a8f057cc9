"""OFX and QFX, as SGML (1.x) and as XML (2.x), by one lenient reader of tags.

Banks leave out end tags, write bare `&` and `<`, commas for points, several accounts, and headers
that are not true; none of that is ambiguous, so all of it is read. A document type is refused:
nothing that a bank sends needs one. Nothing nests here, so no file can make the reader deep.
Source: OFX 1.6 and 2.2, section 11 (banking).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from circles.ledger.statements import values
from circles.ledger.statements.model import (
    Balance,
    Event,
    Problem,
    StatementLine,
    UnreadableError,
)
from circles.ledger.statements.sheet import Sheet, line_number
from circles.ledger.statements.source import Source
from circles.ledger.statements.values import ValueProblem
from circles.web.i18n import gettext as _

TEXT_CHARS_MAX = 1 << 16
FIELDS_MAX = 200
_TAG = re.compile(r"/?[A-Za-z][A-Za-z0-9._]{0,63}\s*/?", re.ASCII)
_ENTITY = re.compile(r"&(amp|lt|gt|quot|apos|nbsp|#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6});")
_NAMED = {"amp": "&", "lt": "<", "gt": ">", "quot": '"', "apos": "'", "nbsp": " "}
_STATEMENTS = frozenset({"STMTRS", "CCSTMTRS", "INVSTMTRS"})
_LINES = frozenset({"STMTTRN", "STMTTRNP"})
# Tags inside a line that have fields of their own under names used elsewhere too.
_INSIDE = {
    "BANKACCTTO": "TO.",
    "CCACCTTO": "TO.",
    "PAYEE": "PAYEE.",
    "CURRENCY": "CUR.",
    "ORIGCURRENCY": "ORIG.",
}
_SECTIONS = frozenset(
    {"BANKACCTFROM", "CCACCTFROM", "CCACCTINFO", "INVACCTFROM", "LEDGERBAL", "AVAILBAL", "STATUS"}
)


def looks_like(head: str) -> bool:
    """Whether this is OFX, by its header or its first tag."""
    start = head.lstrip("\ufeff \t\r\n")[:2000].upper()
    return start.startswith("OFXHEADER") or "<OFX>" in start or "<?OFX" in start


def read(source: Source) -> Iterator[Event]:
    """All statements of the file, as they come."""
    reader = _Reader()
    try:
        for tag, text, line in _tags(source):
            reader.take(tag, text, line)
            if reader.out:
                yield from reader.drain()
    except UnreadableError as error:
        if reader.sheet is not None:
            reader.sheet.is_broken = True
        reader.out.append(error.problem)
    reader.end()
    yield from reader.drain()


def _tags(source: Source) -> Iterator[tuple[str, str, int]]:
    """(`TRNAMT` or `/STMTTRN`, the text behind it, its line), without comments."""
    cutter = _Cutter()
    kept = ""
    for chunk in source.chunks():
        pieces = (kept + chunk).split("<")
        kept = pieces.pop()
        if len(kept) > TEXT_CHARS_MAX:
            raise UnreadableError(_too_long(cutter.line))
        for piece in pieces:
            found = cutter.cut(piece)
            if found is not None:
                yield found
    for piece in (kept, ">"):
        found = cutter.cut(piece)
        if found is not None:
            yield found


def _too_long(line: int) -> Problem:
    return Problem(
        line_number(line), "", _("A text here does not end. The file looks cut off or damaged.")
    )


class _Cutter:
    """Puts together what was split at `<`: one tag and its text come out when the next begins."""

    def __init__(self) -> None:
        self.line = 1
        self._tag: str | None = None
        self._text: list[str] = []
        self._tag_line = 1
        self._in: str | None = None  # the end of a comment or CDATA section that is open

    def cut(self, piece: str) -> tuple[str, str, int] | None:
        at, self.line = self.line, self.line + piece.count("\n")
        if self._in is not None:
            self._inside(piece)
            return None
        name, closed, text = piece.partition(">")
        if closed and _TAG.fullmatch(name):
            done = self._done()
            self._tag, self._text, self._tag_line = name.strip().upper(), [text], at
            return done
        if piece == ">":
            return self._done()
        self._odd(piece, name, text, at)
        return None

    def _done(self) -> tuple[str, str, int] | None:
        if self._tag is None:
            return None
        return self._tag, "".join(self._text).strip(), self._tag_line

    def _odd(self, piece: str, name: str, text: str, at: int) -> None:
        upper = name[:9].upper()
        if upper.startswith(("!DOCTYPE", "!ENTITY")):
            raise UnreadableError(
                Problem(
                    line_number(at),
                    "DOCTYPE",
                    _("This file defines its own words (a document type). That is not read."),
                )
            )
        if piece.startswith("!--"):
            self._in = "-->"
            self._inside(piece[3:])
        elif piece.startswith("![CDATA["):
            self._in = "]]>"
            self._inside(piece[8:])
        elif not name.startswith(("?", "!")) and self._tag is not None:
            self._append("<" + piece)

    def _inside(self, piece: str) -> None:
        assert self._in is not None
        inner, ended, after = piece.partition(self._in)
        if self._in == "]]>":
            self._append(inner if ended else inner + "<")
        if ended:
            self._in = None
            self._append(after)

    def _append(self, text: str) -> None:
        if len(self._text) < TEXT_CHARS_MAX // 16:
            self._text.append(text)


def _plain(text: str) -> str:
    return _ENTITY.sub(_entity, text) if "&" in text else text


def _entity(found: re.Match[str]) -> str:
    name = found[1]
    if name in _NAMED:
        return _NAMED[name]
    code = int(name[1:].lower().replace("x", "0x"), 16) if name[1] in "xX" else int(name[1:])
    return chr(code) if 0 < code <= 0x10FFFF and not 0xD800 <= code <= 0xDFFF else found[0]  # noqa: PLR2004 - the bounds of Unicode


@dataclass(slots=True)
class _Reader:
    """Knows where in the file it is; collects a line's fields and turns them into a value."""

    sheet: Sheet | None = None
    out: list[Event] = field(default_factory=list)
    line: dict[str, str] | None = None
    line_at: int = 0
    is_pending: bool = False
    inside: str = ""
    section: str = ""
    fields: dict[str, str] = field(default_factory=dict)
    status: dict[str, str] = field(default_factory=dict)
    statements: int = 0

    def take(self, tag: str, text: str, at: int) -> None:
        if tag[0] == "/":
            self._close(tag[1:].rstrip(), at)
        elif self.line is not None and tag in _INSIDE:
            self.inside = _INSIDE[tag]
        elif tag in _LINES:
            self._end_line()
            self.line, self.line_at, self.is_pending = {}, at, tag == "STMTTRNP"
            self.inside = ""
        elif tag in _STATEMENTS:
            self._end_statement()
            self.sheet = Sheet(where=line_number(at))
        elif tag in _SECTIONS and self.line is None:
            self._end_section(at)
            self.section, self.fields = tag, {}
        elif self.line is not None:
            if text and len(self.line) < FIELDS_MAX:
                self.line.setdefault(self.inside + tag, text)
        elif self.section and len(self.fields) < FIELDS_MAX:
            self.fields.setdefault(tag, text)
        elif tag == "CURDEF" and self.sheet is not None:
            self._set_currency(text, at)

    def _set_currency(self, text: str, at: int) -> None:
        assert self.sheet is not None
        self.sheet.currency = values.currency(text)
        if self.sheet.currency is None:
            self.sheet.problem(
                line_number(at),
                "CURDEF",
                _("“%(text)s” is no currency.") % {"text": values.short(text)},
            )

    def _close(self, tag: str, at: int) -> None:
        if tag in _INSIDE:
            self.inside = ""
        elif tag in _LINES or tag in {"BANKTRANLIST", "BANKTRANLISTP"}:
            self._end_line()
        elif tag in _SECTIONS:
            self._end_section(at)
        elif tag in _STATEMENTS:
            self._end_statement()

    def _end_section(self, at: int) -> None:
        section, fields, self.section = self.section, self.fields, ""
        if section == "STATUS":
            self._note_status(fields, at)
        if self.sheet is None:
            return
        if section == "LEDGERBAL":
            self._ledger_balance(fields, at)
        elif section not in {"", "STATUS", "AVAILBAL"}:
            self.sheet.account = values.clean(fields.get("ACCTID")) or self.sheet.account

    def _note_status(self, fields: dict[str, str], at: int) -> None:
        if fields.get("SEVERITY", "").upper().startswith("ERROR"):
            said = values.clean(_plain(fields.get("MESSAGE", ""))) or fields.get("CODE", "")
            self.out.append(
                Problem(
                    line_number(at),
                    "STATUS",
                    _("The bank answers with an error: %(said)s") % {"said": said},
                )
            )

    def _ledger_balance(self, fields: dict[str, str], at: int) -> None:
        sheet = self.sheet
        assert sheet is not None
        if not fields.get("BALAMT"):
            return
        amount = on = None
        try:
            amount = values.either_amount(fields["BALAMT"], sheet.currency)
        except ValueProblem as problem:
            sheet.problem(line_number(at), "BALAMT", str(problem), stops=False)
        try:
            on = values.iso_date(fields["DTASOF"][:8]) if fields.get("DTASOF") else None
        except ValueProblem as problem:
            sheet.problem(line_number(at), "DTASOF", str(problem), stops=False)
        if amount is not None:
            sheet.closing = Balance(on, amount)

    def _end_line(self) -> None:
        fields, self.line = self.line, None
        if fields is None:
            return
        where = line_number(self.line_at)
        sheet = self.sheet
        if sheet is None:
            self.out.append(
                Problem(where, "STMTTRN", _("This line stands outside of any statement."))
            )
            return
        line = _line(fields, sheet, where)
        if line is None:
            return
        if self.is_pending:
            sheet.pend(line)
        else:
            sheet.add(line, where)
        self.out += sheet.drain()

    def _end_statement(self) -> None:
        self._end_line()
        if self.sheet is not None:
            self._end_section(0)
            self._note_missing()
            self.sheet.close()
            self.out += self.sheet.drain()
            self.sheet = None
            self.statements += 1
        self.section = ""

    def _note_missing(self) -> None:
        sheet = self.sheet
        assert sheet is not None
        if sheet.account is None:
            sheet.problem(
                sheet.where, "ACCTID", _("Nothing says which account this is."), stops=False
            )
        if sheet.currency is None:
            sheet.problem(sheet.where, "CURDEF", _("Nothing says which currency."), stops=False)

    def end(self) -> None:
        """The file is over, with or without the end tags."""
        if self.section and self.sheet is None:
            self._end_section(0)
        self._end_statement()

    def drain(self) -> list[Event]:
        out, self.out = self.out, []
        return out


def _line(fields: dict[str, str], sheet: Sheet, where: str) -> StatementLine | None:
    """The line of these fields, or None and its problems in the sheet."""
    currency = values.currency(fields.get("CUR.CURSYM")) or sheet.currency
    amount = booked = valued = None
    posted = fields.get("DTPOSTED") or fields.get("DTTRAN") or ""
    try:
        amount = values.either_amount(fields.get("TRNAMT", ""), currency)
    except ValueProblem as problem:
        sheet.problem(where, "TRNAMT", str(problem))
    try:
        booked = values.iso_date(posted[:8])
    except ValueProblem as problem:
        sheet.problem(where, "DTPOSTED", str(problem))
    if fields.get("DTAVAIL"):
        try:
            valued = values.iso_date(fields["DTAVAIL"][:8])
        except ValueProblem as problem:
            sheet.problem(where, "DTAVAIL", str(problem), stops=False)
    if amount is None or booked is None:
        return None
    for name, text in fields.items():
        if "\x00" in text:
            sheet.problem(where, name, _("There is a NUL byte here. The file may be damaged."))
    account = values.clean(fields.get("TO.ACCTID"))
    return StatementLine(
        booked_on=booked,
        value_on=valued,
        amount_minor=amount,
        currency=currency,
        counterparty=_words(fields.get("NAME") or fields.get("PAYEE.NAME")),
        counterparty_iban=values.iban(account),
        reference=values.given(_plain(fields.get("REFNUM") or fields.get("CHECKNUM") or "")),
        text=_words(fields.get("MEMO")) or _words(fields.get("EXTDNAME")),
        bank_ref=_words(fields.get("FITID")),
        counterparty_account=account,
        bank_kind=values.clean(fields.get("TRNTYPE")),
    )


def _words(text: str | None) -> str | None:
    return values.clean(_plain(text)) if text else None
