"""Small writers of each format, for tests that write a statement and read it again.

They write what banks write and nothing of it is shared with the readers.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from xml.sax.saxutils import escape


@dataclass(frozen=True)
class Row:
    """One line as a test means it."""

    on: date
    amount_minor: int
    name: str = "Ada"
    text: str = "RF18C7M0001"
    ref: str = "B1"


@dataclass(frozen=True)
class Sheet:
    """A statement as a test means it."""

    account: str
    currency: str
    opening_minor: int
    rows: tuple[Row, ...]

    @property
    def closing_minor(self) -> int:
        return self.opening_minor + sum(row.amount_minor for row in self.rows)


def figure(amount_minor: int, point: str = ".") -> str:
    return f"{Decimal(amount_minor).scaleb(-2):.2f}".replace(".", point)


# --- OFX -------------------------------------------------------------------------------------

OFX_HEAD = (
    "OFXHEADER:100\nDATA:OFXSGML\nVERSION:102\nSECURITY:NONE\nENCODING:USASCII\nCHARSET:1252\n"
    "COMPRESSION:NONE\nOLDFILEUID:NONE\nNEWFILEUID:NONE\n\n"
)


def ofx_sgml(sheet: Sheet) -> str:
    """Version 1: no end tags on values."""
    return "".join(ofx_parts(sheet))


def ofx_parts(sheet: Sheet, rows: Iterable[Row] | None = None) -> Iterator[str]:
    """The same in pieces, for files that fit into no memory."""
    yield OFX_HEAD
    yield (
        "<OFX><SIGNONMSGSRSV1><SONRS><STATUS><CODE>0<SEVERITY>INFO</STATUS>"
        "<DTSERVER>20261130<LANGUAGE>ENG</SONRS></SIGNONMSGSRSV1>"
        "<BANKMSGSRSV1><STMTTRNRS><TRNUID>1<STATUS><CODE>0<SEVERITY>INFO</STATUS><STMTRS>"
        f"<CURDEF>{sheet.currency}<BANKACCTFROM><BANKID>1<ACCTID>{sheet.account}"
        "<ACCTTYPE>CHECKING</BANKACCTFROM><BANKTRANLIST><DTSTART>20261101<DTEND>20261130\n"
    )
    for row in sheet.rows if rows is None else rows:
        yield (
            f"<STMTTRN><TRNTYPE>CREDIT<DTPOSTED>{row.on:%Y%m%d}<TRNAMT>{figure(row.amount_minor)}"
            f"<FITID>{escape(row.ref)}<NAME>{escape(row.name)}<MEMO>{escape(row.text)}</STMTTRN>\n"
        )
    yield (
        f"</BANKTRANLIST><LEDGERBAL><BALAMT>{figure(sheet.closing_minor)}<DTASOF>20261130"
        "</LEDGERBAL></STMTRS></STMTTRNRS></BANKMSGSRSV1></OFX>\n"
    )


def ofx_xml(sheet: Sheet) -> str:
    """Version 2: XML, every tag closed."""
    rows = "".join(
        f"<STMTTRN><TRNTYPE>CREDIT</TRNTYPE><DTPOSTED>{row.on:%Y%m%d}120000[-5:EST]</DTPOSTED>"
        f"<TRNAMT>{figure(row.amount_minor)}</TRNAMT><FITID>{escape(row.ref)}</FITID>"
        f"<NAME>{escape(row.name)}</NAME><MEMO>{escape(row.text)}</MEMO></STMTTRN>"
        for row in sheet.rows
    )
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n<?OFX OFXHEADER="200" VERSION="211" '
        'SECURITY="NONE" OLDFILEUID="NONE" NEWFILEUID="NONE"?>\n'
        f"<OFX><BANKMSGSRSV1><STMTTRNRS><STMTRS><CURDEF>{sheet.currency}</CURDEF><BANKACCTFROM>"
        f"<ACCTID>{sheet.account}</ACCTID></BANKACCTFROM><BANKTRANLIST>{rows}</BANKTRANLIST>"
        f"<LEDGERBAL><BALAMT>{figure(sheet.closing_minor)}</BALAMT><DTASOF>20261130</DTASOF>"
        "</LEDGERBAL></STMTRS></STMTTRNRS></BANKMSGSRSV1></OFX>"
    )


# --- CAMT ------------------------------------------------------------------------------------


def camt053(sheet: Sheet) -> str:
    return "".join(camt_parts(sheet))


def camt_parts(sheet: Sheet, rows: Iterable[Row] | None = None) -> Iterator[str]:
    yield (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.02"><BkToCstmrStmt>'
        "<GrpHdr><MsgId>M</MsgId><CreDtTm>2026-11-30T06:00:00Z</CreDtTm></GrpHdr><Stmt>"
        "<Id>S1</Id><CreDtTm>2026-11-30T06:00:00Z</CreDtTm>"
        f"<Acct><Id><IBAN>{sheet.account}</IBAN></Id>"
        f"<Ccy>{sheet.currency}</Ccy></Acct>"
    )
    yield camt_balance("OPBD", sheet.opening_minor, sheet.currency, "2026-11-01")
    yield camt_balance("CLBD", sheet.closing_minor, sheet.currency, "2026-11-30")
    for row in sheet.rows if rows is None else rows:
        yield camt_entry(row, sheet.currency)
    yield "</Stmt></BkToCstmrStmt></Document>"


def camt_balance(code: str, amount_minor: int, currency: str, on: str) -> str:
    return (
        f"<Bal><Tp><CdOrPrtry><Cd>{code}</Cd></CdOrPrtry></Tp>"
        f'<Amt Ccy="{currency}">{figure(abs(amount_minor))}</Amt>'
        f"<CdtDbtInd>{'DBIT' if amount_minor < 0 else 'CRDT'}</CdtDbtInd>"
        f"<Dt><Dt>{on}</Dt></Dt></Bal>\n"
    )


def camt_entry(row: Row, currency: str, *, status: str = "BOOK", more: str = "") -> str:
    way, who = ("DBIT", "Cdtr") if row.amount_minor < 0 else ("CRDT", "Dbtr")
    return (
        f'<Ntry><Amt Ccy="{currency}">{figure(abs(row.amount_minor))}</Amt>'
        f"<CdtDbtInd>{way}</CdtDbtInd><Sts>{status}</Sts>"
        f"<BookgDt><Dt>{row.on}</Dt></BookgDt><ValDt><Dt>{row.on}</Dt></ValDt>"
        f"<AcctSvcrRef>{escape(row.ref)}</AcctSvcrRef>{more or camt_details(row, who)}</Ntry>\n"
    )


def camt_details(row: Row, who: str) -> str:
    return (
        "<NtryDtls><TxDtls><RltdPties>"
        f"<{who}><Nm>{escape(row.name)}</Nm></{who}></RltdPties>"
        f"<RmtInf><Ustrd>{escape(row.text)}</Ustrd></RmtInf></TxDtls></NtryDtls>"
    )


# --- MT940 -----------------------------------------------------------------------------------


def mt940(sheet: Sheet) -> str:
    return "".join(mt940_parts(sheet))


def mt940_parts(sheet: Sheet, rows: Iterable[Row] | None = None) -> Iterator[str]:
    yield f":20:STARTUMS\n:25:{sheet.account}\n:28C:11/1\n"
    yield f":60F:{mt940_balance(sheet.opening_minor, sheet.currency, '261101')}\n"
    for row in sheet.rows if rows is None else rows:
        mark = "D" if row.amount_minor < 0 else "C"
        yield (
            f":61:{row.on:%y%m%d%m%d}{mark}R{figure(abs(row.amount_minor), ',')}"
            f"NTRFNONREF//{row.ref}\n:86:166?00TRANSFER"
        )
        texts = [f"SVWZ+{row.text}"[i : i + 27] for i in range(0, len(row.text) + 5, 27)]
        yield "".join(f"?{20 + i}{text}" for i, text in enumerate(texts[:10]))
        yield f"?32{row.name}\n"
    yield f":62F:{mt940_balance(sheet.closing_minor, sheet.currency, '261130')}\n-\n"


def mt940_balance(amount_minor: int, currency: str, on: str) -> str:
    mark = "D" if amount_minor < 0 else "C"
    return f"{mark}{on}{currency}{figure(abs(amount_minor), ',')}"


# --- CSV -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Style:
    """How one bank writes its table."""

    delimiter: str = ","
    decimal: str = "."
    groups: str = ""
    dates: str = "%Y-%m-%d"
    encoding: str = "utf-8"
    header: tuple[str, str, str, str, str, str] = (
        "Date", "Description", "Payee", "Amount", "Balance", "Transaction ID",
    )  # fmt: skip


def csv_table(sheet: Sheet, style: Style) -> bytes:
    """With a running balance, so that opening and closing follow."""
    out = io.StringIO()
    for part in csv_parts(sheet, style):
        out.write(part)
    return out.getvalue().encode(style.encoding, "replace")


def csv_parts(sheet: Sheet, style: Style, rows: Iterable[Row] | None = None) -> Iterator[str]:
    yield style.delimiter.join(quoted(name) for name in style.header) + "\r\n"
    balance = sheet.opening_minor
    for row in sheet.rows if rows is None else rows:
        balance += row.amount_minor
        cells = (
            row.on.strftime(style.dates), row.text, row.name,
            grouped(row.amount_minor, style), grouped(balance, style), row.ref,
        )  # fmt: skip
        yield style.delimiter.join(quoted(cell) for cell in cells) + "\r\n"


def quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'


def grouped(amount_minor: int, style: Style) -> str:
    text = f"{Decimal(amount_minor).scaleb(-2):,.2f}"
    return text.replace(",", "\0").replace(".", style.decimal).replace("\0", style.groups)
