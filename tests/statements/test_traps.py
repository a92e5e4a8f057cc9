"""Each trap that bank files are known for, in the format that has it."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest

from circles.ledger.statements import keys, preview, reading
from circles.ledger.statements.model import Reading, Statement
from tests.statements import writers

OFX = (
    "<OFX><BANKMSGSRSV1><STMTTRNRS><STMTRS><CURDEF>EUR<BANKACCTFROM><ACCTID>A1</BANKACCTFROM>"
    "<BANKTRANLIST>{lines}</BANKTRANLIST>{more}</STMTRS></STMTTRNRS></BANKMSGSRSV1></OFX>"
)
CAMT = (
    '<?xml version="1.0" encoding="UTF-8"?>\n<Document><{message}><{kind}><Id>7</Id>'
    "<Acct><Id><IBAN>DE89370400440532013000</IBAN></Id><Ccy>EUR</Ccy></Acct>{inside}"
    "</{kind}></{message}></Document>"
)


def ofx(lines: str, more: str = "") -> Reading:
    return reading.read(OFX.format(lines=lines, more=more).encode())


def camt(inside: str, kind: str = "Stmt", message: str = "BkToCstmrStmt") -> Reading:
    return reading.read(CAMT.format(inside=inside, kind=kind, message=message).encode())


def mt940(*lines: str) -> Reading:
    head = (":20:X", ":25:12345678/9", ":28C:1/1")
    return reading.read("\r\n".join([*head, *lines, "-"]).encode())


def one(found: Reading) -> Statement:
    (statement,) = found.statements
    return statement


def amounts(found: Reading) -> list[int]:
    return [line.amount_minor for line in one(found).lines]


def said(found: Reading) -> list[tuple[str, str]]:
    return [(problem.where, problem.message) for problem in found.problems]


def trn(amount: str, on: str = "20261103", more: str = "<FITID>1<NAME>Ada") -> str:
    return f"<STMTTRN><TRNTYPE>CREDIT<DTPOSTED>{on}<TRNAMT>{amount}{more}</STMTTRN>\n"


# --- OFX -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "amount_minor"),
    [
        ("10.00", 1000), ("+5.00", 500), ("7,50", 750), ("-200,00", -20000), ("1,234.56", 123456),
        ("1.234,56", 123456), ("-80", -8000), (".5", 50), ("10.00000", 1000), ("0", 0),
    ],
)  # fmt: skip
def test_ofx_amounts(written: str, amount_minor: int) -> None:
    assert amounts(ofx(trn(written))) == [amount_minor]


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ("1.2OO,00", "“1.2OO,00” is no amount. There is a letter O in it."),
        ("12..34", "“12..34” is no amount."),
        ("1.23456", "“1.23456” has more digits than EUR has."),
        ("1,000", "“1,000” can be read in two ways: is the comma a point?"),
        ("", "The amount is missing."),
        ("9" * 17, f"“{'9' * 17}” is more money than can be counted here."),
        ("1e5", "“1e5” is no amount."),
        ("NaN", "“NaN” is no amount."),
        ("\u0663.00", "“\u0663.00” is no amount."),
    ],
)
def test_ofx_amounts_that_are_none_are_named_and_never_guessed(written: str, message: str) -> None:
    found = ofx(trn("1.00") + trn(written))
    assert amounts(found) == [100]
    assert said(found) == [("Line 2", message)]
    assert not found.importable


def test_every_problem_is_said_at_once_with_line_and_field() -> None:
    found = ofx(trn("x", "20261103") + trn("1.00", "20261399") + trn("", ""))
    assert [(p.where, p.field) for p in found.problems] == [
        ("Line 1", "TRNAMT"),
        ("Line 2", "DTPOSTED"),
        ("Line 3", "TRNAMT"),
        ("Line 3", "DTPOSTED"),
    ]


def test_cp1252_whatever_is_declared_and_a_bare_ampersand() -> None:
    data = writers.OFX_HEAD + OFX.format(
        lines=trn(
            "10.00", more="<FITID>1<NAME>MÜLLER & SÖHNE<MEMO>“November” – 10 € &lt;3 &#8364;"
        ),
        more="",
    )
    for head in (data, data.replace("USASCII", "UTF-8")):
        (line,) = one(reading.read(head.encode("cp1252", "replace"))).lines
        assert line.counterparty == "MÜLLER & SÖHNE"
        assert line.text == "“November” – 10 € <3 €"


def test_comments_cdata_and_lost_angles() -> None:
    found = ofx(
        "<!-- <STMTTRN><TRNAMT>99.00 -->"
        + trn("1.00", more="<FITID>1<NAME><![CDATA[A <b> & B]]><MEMO>5 < 6 and <3 <!-- no -->")
    )
    (line,) = one(found).lines
    assert (line.counterparty, line.text) == ("A <b> & B", "5 < 6 and <3")


def test_the_day_is_the_banks_own_whatever_zone_is_written_behind() -> None:
    found = ofx(trn("1.00", "20261105233000.000[-5:EST]"))
    assert one(found).lines[0].booked_on == date(2026, 11, 5)


def test_several_accounts_and_one_without_balance() -> None:
    two = OFX.format(lines=trn("1.00"), more="").replace(
        "</STMTTRNRS>",
        "</STMTTRNRS><STMTTRNRS><STMTRS><CURDEF>USD<BANKACCTFROM><ACCTID>A2</BANKACCTFROM>"
        "<LEDGERBAL><BALAMT>-5.00<DTASOF>20261130</LEDGERBAL></STMTRS></STMTTRNRS>",
    )
    found = reading.read(two.encode())
    assert [(s.account, s.currency, len(s.lines)) for s in found.statements] == [
        ("A1", "EUR", 1),
        ("A2", "USD", 0),
    ]
    assert found.statements[0].closing is None
    assert found.statements[1].closing is not None
    assert found.statements[1].closing.amount_minor == -500


def test_pending_lines_of_ofx_stand_apart() -> None:
    waiting = "<STMTTRNP><TRNTYPE>DEBIT<DTTRAN>20261103<TRNAMT>-3.00<NAME>Shop</STMTTRNP>"
    found = ofx(trn("1.00"), f"<BANKTRANLISTP><DTASOF>20261103{waiting}</BANKTRANLISTP>")
    assert amounts(found) == [100]
    assert [line.amount_minor for line in one(found).pending] == [-300]


def test_a_bank_that_refuses_is_quoted() -> None:
    data = b"<OFX><SIGNONMSGSRSV1><SONRS><STATUS><CODE>15500<SEVERITY>ERROR<MESSAGE>Wrong password"
    found = reading.read(data + b"</STATUS></SONRS></SIGNONMSGSRSV1></OFX>")
    assert not found.statements
    assert said(found) == [("Line 1", "The bank answers with an error: Wrong password")]


def test_one_id_on_different_lines_and_true_twins_are_all_kept() -> None:
    found = ofx(
        trn("-50.00", more="<FITID>9<NAME>CARD")
        + trn("-0.75", more="<FITID>9<NAME>FEE")
        + trn("10.00", more="<FITID>9<NAME>A") * 2
    )
    assert amounts(found) == [-5000, -75, 1000, 1000]
    found_keys = [(n, key) for key, n, _line in keys.keyed("A1", one(found).lines)]
    assert [n for n, _key in found_keys] == [1, 1, 1, 2]
    assert len({key for _n, key in found_keys}) == 4


# --- keys ------------------------------------------------------------------------------------


def test_overlapping_files_agree_on_their_common_lines() -> None:
    first = [trn(f"{n}.00", f"202611{n:02}", f"<FITID>F{n}<NAME>A") for n in range(1, 6)]
    twins = trn("10.00", "20261106") * 2
    a, b = ofx("".join(first) + twins), ofx("".join(first[3:]) + twins + trn("9.00", "20261107"))
    known = {key for key, _n, _line in keys.keyed("A1", one(a).lines)}
    fresh = [line for key, _n, line in keys.keyed("A1", one(b).lines) if key not in known]
    assert [line.amount_minor for line in fresh] == [900]


def test_a_key_is_of_one_account_and_blind_to_spaces() -> None:
    (a,), (b,) = (
        one(ofx(trn("1.00", more=f"<FITID>1<MEMO>{memo}"))).lines for memo in ("a  b", " a b ")
    )
    assert keys.likeness("A1", a) == keys.likeness("A1", b)
    assert keys.likeness("A1", a) != keys.likeness("A2", a)


# --- CAMT ------------------------------------------------------------------------------------

ROW = writers.Row(date(2026, 11, 3), 2500)


def details(*parts: tuple[str, str]) -> str:
    told = "".join(
        f'<TxDtls><Refs><EndToEndId>NOTPROVIDED</EndToEndId></Refs><Amt Ccy="EUR">{amount}</Amt>'
        f"<RltdPties><Dbtr><Pty><Nm>{name}</Nm></Pty></Dbtr><DbtrAcct><Id>"
        "<IBAN>NL91ABNA0417164300</IBAN></Id></DbtrAcct></RltdPties><RmtInf><Strd><CdtrRefInf>"
        "<Ref>RF18C7M0001</Ref></CdtrRefInf></Strd></RmtInf></TxDtls>"
        for name, amount in parts
    )
    return f"<NtryDtls>{told}</NtryDtls>"


def test_a_batch_that_adds_up_is_one_line_with_its_parts() -> None:
    more = details(("Ada", "10.00"), ("Bob", "10.00"), ("Cy", "5.00"))
    (line,) = one(camt(writers.camt_entry(ROW, "EUR", more=more))).lines
    assert line.amount_minor == 2500
    assert [(d.counterparty, d.amount_minor, d.reference) for d in line.details] == [
        ("Ada", 1000, "RF18C7M0001"),
        ("Bob", 1000, "RF18C7M0001"),
        ("Cy", 500, "RF18C7M0001"),
    ]


@pytest.mark.parametrize("amount", ["10.01", "x", "10.00001"])
def test_a_batch_that_does_not_add_up_is_one_line_and_loses_no_word(amount: str) -> None:
    more = details(("Ada", "10.00"), ("Bob", amount), ("Cy", "5.00"))
    (line,) = one(camt(writers.camt_entry(ROW, "EUR", more=more))).lines
    assert (line.amount_minor, line.details) == (2500, ())
    assert line.text is not None
    assert all(name in line.text for name in ("Ada", "Bob", "Cy", "RF18C7M0001"))


def test_a_single_detail_takes_the_amount_of_its_entry() -> None:
    """And its own, in another currency, is left aside."""
    more = details(("Ada", "99.00"))
    (line,) = one(camt(writers.camt_entry(ROW, "EUR", more=more))).lines
    assert (line.amount_minor, line.counterparty, line.details) == (2500, "Ada", ())
    assert (line.counterparty_iban, line.reference) == ("NL91ABNA0417164300", "RF18C7M0001")


def test_a_reversal_has_the_sign_that_its_mark_says() -> None:
    back = writers.camt_entry(writers.Row(ROW.on, -1000), "EUR").replace(
        "<Sts>", "<RvslInd>true</RvslInd><Sts>"
    )
    assert amounts(camt(back)) == [-1000]


@pytest.mark.parametrize("status", ["PDNG", "INFO", "<Cd>PDNG</Cd>", "<Prtry>FUTR</Prtry>"])
def test_what_is_not_booked_stands_apart(status: str) -> None:
    found = camt(writers.camt_entry(ROW, "EUR", status=status))
    assert one(found).lines == ()
    assert [line.amount_minor for line in one(found).pending] == [2500]


@pytest.mark.parametrize(
    ("kind", "message", "told"),
    [
        ("Rpt", "BkToCstmrAcctRpt", "intraday"),
        ("Ntfctn", "BkToCstmrDbtCdtNtfctn", "notice"),
    ],
)
def test_reports_and_notices_prove_no_balance(kind: str, message: str, told: str) -> None:
    balance = writers.camt_balance("CLBD", 0, "EUR", "2026-11-30")
    found = camt(balance + writers.camt_entry(ROW, "EUR"), kind, message)
    statement = one(found)
    assert (statement.kind, statement.opening, statement.closing) == (told, None, None)
    assert amounts(found) == [2500]
    assert not found.problems


def balances(opening: int, closing: int, currency: str = "EUR") -> str:
    return writers.camt_balance("OPBD", opening, "EUR", "2026-11-01") + writers.camt_balance(
        "CLBD", closing, currency, "2026-11-30"
    )


def test_balances_that_do_not_add_up_are_named_with_what_is_missing() -> None:
    found = camt(balances(1000, 3600) + writers.camt_entry(ROW, "EUR"))
    (problem,) = found.problems
    assert problem.field == "closing"
    assert "The difference is 1.00 EUR" in problem.message
    assert found.importable


def test_mixed_currencies_are_named_and_kept() -> None:
    found = camt(writers.camt_entry(ROW, "EUR") + writers.camt_entry(ROW, "USD"))
    assert [line.currency for line in one(found).lines] == ["EUR", "USD"]
    assert [(p.where, p.field) for p in found.problems] == [("Line 3, entry 2", "currency")]
    assert not found.importable
    (problem,) = camt(balances(0, 0, "SEK")).problems
    assert "This balance is in SEK" in problem.message


def test_decimals_that_say_nothing_are_no_harm() -> None:
    entry = writers.camt_entry(ROW, "EUR").replace("25.00", "25.00000")
    assert amounts(camt(entry)) == [2500]
    (problem,) = camt(entry.replace("25.00000", "25.00001")).problems
    assert problem.message == "“25.00001” has more digits than EUR has."


@pytest.mark.parametrize("currency", ["JPY", "KWD"])
def test_each_currency_has_its_own_digits(currency: str) -> None:
    entry = writers.camt_entry(ROW, currency).replace("25.00", "25")
    found = camt(entry).statements[0].lines
    assert [line.amount_minor for line in found] == [25 if currency == "JPY" else 25000]


BOMB = (
    '<?xml version="1.0"?><!DOCTYPE lolz [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;">]>'
    "<Document><BkToCstmrStmt><Stmt><Id>&b;</Id></Stmt></BkToCstmrStmt></Document>"
)


@pytest.mark.parametrize(
    "data",
    [
        BOMB,
        '<!DOCTYPE x SYSTEM "file:///etc/passwd"><Document><BkToCstmrStmt/></Document>',
        BOMB.replace("Document>", "lolz>").replace("BkToCstmrStmt", "x"),
        BOMB.replace("<Document>", "<OFX>"),
        "<!DOCTYPE x><html>",
    ],
)
def test_a_document_type_is_refused_in_words(data: str) -> None:
    found = reading.read(data.encode())
    assert not found.statements
    assert ["a document type" in problem.message for problem in found.problems] == [True]


def test_depth_and_length_are_bounded() -> None:
    for inside, message in (
        ("<a>" * 200, "nested deeper"),
        (f"<Id>{'x' * 200_000}</Id>", "does not end"),
    ):
        found = camt(inside)
        assert message in found.problems[0].message


def test_what_came_before_the_break_is_shown_and_not_imported() -> None:
    data = CAMT.format(
        kind="Stmt", message="BkToCstmrStmt", inside=writers.camt_entry(ROW, "EUR") * 3
    )
    found = reading.read(data[: data.rindex("</Ntry>") - 20].encode())
    assert amounts(found) == [2500, 2500]
    assert "breaks off" in found.problems[0].message
    assert not found.importable


def test_an_ofx_file_that_turns_bad_keeps_what_was_read() -> None:
    data = OFX.format(lines=trn("1.00") + trn("2.00") + "<!DOCTYPE x>" + trn("3.00"), more="")
    found = reading.read(data.encode())
    assert amounts(found) == [100, 200]
    assert not found.importable


def test_xml_in_cp1252_that_says_utf8() -> None:
    data = CAMT.format(
        kind="Stmt",
        message="BkToCstmrStmt",
        inside=writers.camt_entry(writers.Row(ROW.on, 1, "Änne €"), "EUR"),
    )
    (line,) = one(reading.read(data.encode("cp1252"))).lines
    assert line.counterparty == "Änne €"


# --- MT940 -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("mark", "amount_minor"),
    [("C", 1000), ("D", -1000), ("RC", -1000), ("RD", 1000), ("CR", 1000), ("DR", -1000),
     ("CN", 1000), ("RCR", -1000), ("DF", -1000)],
)  # fmt: skip
def test_marks_of_debit_credit_and_reversal(mark: str, amount_minor: int) -> None:
    found = mt940(":60F:C261101EUR0,", f":61:2611031103{mark}10,NTRFNONREF//BR1")
    assert amounts(found) == [amount_minor]


@pytest.mark.parametrize(("mark", "amount_minor"), [("EC", 1000), ("ED", -1000)])
def test_expected_lines_are_not_booked(mark: str, amount_minor: int) -> None:
    found = mt940(":60F:C261101EUR0,", f":61:2611031103{mark}10,NTRFNONREF", ":62F:C261130EUR0,")
    assert one(found).lines == ()
    assert [line.amount_minor for line in one(found).pending] == [amount_minor]
    assert not found.problems


def test_the_entry_date_is_of_the_nearest_year() -> None:
    found = mt940(":61:2612310102C1,NTRF", ":61:2701021231C1,NTRF", ":61:261103C1,NTRF")
    assert [line.booked_on for line in one(found).lines] == [
        date(2027, 1, 2),
        date(2026, 12, 31),
        date(2026, 11, 3),
    ]


def test_the_thirtieth_of_february_is_read_and_said() -> None:
    found = mt940(":60F:C260228EUR0,", ":61:2602300301DR6,00N024NONREF", ":62F:D260301EUR6,")
    (line,) = one(found).lines
    assert (line.value_on, line.booked_on) == (date(2026, 2, 28), date(2026, 3, 1))
    assert said(found) == [
        ("Line 5", "There is no 30 February. It is read as the last of the month.")
    ]
    assert found.importable


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (":61:2611031103C1.2OO,00NTRF", "“1.2OO,00” is no amount. There is a letter O in it."),
        (":61:2611311131C1,NTRF", "“261131”: there is no such day."),
        (":61:C1,NTRF", "“C1,NTRF” is no line, such as 2611031103C10,00NTRF."),
        (":61:2611031103C1,234,5NTRF", "“1,234,5” is no amount."),
        (":61:2611031103C1,00001NTRF", "“1,00001” has more digits than EUR has."),
    ],
)
def test_mt940_lines_that_are_none(line: str, message: str) -> None:
    found = mt940(":60F:C261101EUR0,", ":61:2611031103C1,NTRF", line, ":86:of the odd line")
    assert amounts(found) == [100]
    assert one(found).lines[0].text is None
    assert message in {problem.message for problem in found.problems}
    assert not found.importable


def test_german_details() -> None:
    found = mt940(
        ":61:2611031103CR10,00NTRFNONREF//BR1",
        ":86:166?00GUTSCHRIFT?20EREF+NOTPROVIDED?21SVWZ+RF18C7M0001 und ei?22n Text?30ABNANL2A",
        "?31NL91ABNA0417164300?32ADA LO?33VELACE",
    )
    (line,) = one(found).lines
    assert (line.counterparty, line.counterparty_iban) == ("ADA LO VELACE", "NL91ABNA0417164300")
    assert (line.reference, line.bank_ref, line.bank_kind) == (None, "BR1", "GUTSCHRIFT")
    assert line.text is not None
    assert line.text.startswith("RF18C7M0001 und ei")


def test_dutch_details() -> None:
    found = mt940(
        ":61:2611031103C10,00NTRFEREF//X",
        ":86:/TRTP/SEPA/IBAN/NL91ABNA0417164300/BIC/ABNANL2A/NAME/A. Lovelace/REMI/RF18",
        "C7M0001/EREF/E2E-7",
    )
    (line,) = one(found).lines
    assert (line.counterparty, line.counterparty_iban) == ("A. Lovelace", "NL91ABNA0417164300")
    assert (line.text, line.reference) == ("RF18C7M0001", "E2E-7")


def test_details_with_an_iban_first_and_plain_ones() -> None:
    found = mt940(
        ":61:2611031103C10,00NTRFNONREF", ":86:NL91ABNA0417164300 a lovelace", "", "for november",
        ":61:2611031103C10,00NTRFNONREF", "extra", ":86:plain words", "on two lines",
    )  # fmt: skip
    first, second = one(found).lines
    assert (first.counterparty, first.counterparty_iban) == ("a lovelace", "NL91ABNA0417164300")
    assert first.text == "for november"
    assert second.text == "plain words on two lines extra"


def test_mt942_proves_no_balance() -> None:
    found = mt940(
        ":34F:PLN0", ":13D:2611031815+0100", ":61:2611031103CN0,01NTRFNONREF", ":90C:1PLN0,01"
    )
    statement = one(found)
    assert (statement.kind, statement.currency) == ("intraday", "PLN")
    assert (statement.opening, statement.closing, amounts(found)) == (None, None, [1])


def test_swift_envelopes_and_odd_bytes_around() -> None:
    body = ":20:X\n:25:A\n:60F:C261101EUR0,\n:61:2611031103C1,NTRF\n:62F:C261130EUR1,\n-}{5:}\n"
    data = "{1:F01X}{2:O940X}{3:}{4:\n" + body + "{1:F01X}{2:O940X}{4:" + body + "\x01\x03"
    found = reading.read(data.encode())
    assert [len(s.lines) for s in found.statements] == [1, 1]
    assert not found.problems


def test_the_letters_of_dos() -> None:
    text = "Bankon belüli átutalás, utánvét, összevont, díj, jóváírás"
    head = ":20:X\n:25:A\n:60F:C180417HUF0,\n:61:180417DF1,00N031\n:86:"
    (line,) = one(reading.read((head + text + "\n-").encode("cp852"))).lines
    assert line.text == text


def test_the_payers_own_id_ends_where_the_banks_words_begin() -> None:
    found = mt940(
        ":61:2611031103DR1,NTRFKREF+//B1",
        ":86:159?00RETOURE?20EREF+TFNR 40005 00005?21MTLG:Grund nicht s?22pezifiziert",
        ":61:2611031103DR1,NTRFKREF+//B2",
        ":86:191?00SEPA?20KREF+TFNr 01005?21SVWZ+hello",
    )
    assert [line.reference for line in one(found).lines] == ["TFNR 40005 00005", "TFNr 01005"]


# --- all of them -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "nothing in this file"),
        (b" \r\n\x00", "nothing in this file"),
        (b"%PDF-1.7 ...", "This is a PDF"),
        (b"PK\x03\x04...", "a ZIP or a spreadsheet"),
        (b"<html><body>hello", "XML or a web page"),
        (b"dear treasurer,\nhere is the file\n", "none of the files"),
        (b"<Document><BkToCstmrStmt><GrpHdr/></BkToCstmrStmt></Document>", "no statement"),
        (b"\x89PNG\r\n\x1a\n\x00\x00", "none of the files"),
    ],
)
def test_what_cannot_be_read_is_said_in_words(data: bytes, words: str) -> None:
    found = reading.read(data)
    assert not found.statements
    assert [words in problem.message for problem in found.problems] == [True]


@pytest.mark.parametrize("kind", ["ofx", "mt940", "csv"])
def test_a_nul_byte_is_named_and_goes_no_further(kind: str) -> None:
    row = writers.Row(date(2026, 11, 3), 1000, text="a\x00b")
    sheet = writers.Sheet("A1", "EUR", 0, (row,))
    data = {
        "ofx": writers.ofx_sgml(sheet).encode(),
        "mt940": writers.mt940(sheet).encode(),
        "csv": writers.csv_table(sheet, writers.Style()),
    }[kind]
    found = reading.read(data)
    assert [p.message for p in found.problems if p.stops] == [
        "There is a NUL byte here. The file may be damaged."
    ]
    assert "\x00" not in str(one(found).lines[0].text)


def test_problems_are_counted_when_there_are_too_many_to_list() -> None:
    found = ofx(trn("x") * 1500)
    assert len(found.problems) == 1001
    assert found.problems[-1].message == "There are 500 more problems like these."


def test_the_command_prints_exactly_what_is_agreed() -> None:
    out = io.StringIO()
    data = CAMT.format(
        kind="Stmt",
        message="BkToCstmrStmt",
        inside=balances(0, 2500)
        + writers.camt_entry(ROW, "EUR")
        + writers.camt_entry(ROW, "EUR", status="PDNG"),
    )
    assert preview.write(io.BytesIO(data.encode()), out, as_json=True) == 0
    line = {
        "booked_on": "2026-11-03",
        "value_on": "2026-11-03",
        "amount_minor": 2500,
        "currency": "EUR",
        "counterparty": "Ada",
        "counterparty_iban": None,
        "reference": None,
        "text": "RF18C7M0001",
        "bank_ref": "B1",
    }
    assert json.loads(out.getvalue()) == {
        "statements": [
            {
                "account": "DE89370400440532013000",
                "currency": "EUR",
                "opening": {"on": "2026-11-01", "amount_minor": 0},
                "closing": {"on": "2026-11-30", "amount_minor": 2500},
                "lines": [line],
                "pending": [line],
            }
        ],
        "problems": [],
    }


def test_the_command_itself(tmp_path: Path) -> None:
    file = tmp_path / "bank.dat"
    file.write_text(OFX.format(lines=trn("1.00") + trn("x"), more=""))
    for name, piped in ((str(file), None), ("-", file.read_bytes())):
        told = subprocess.run(
            [sys.executable, "-m", "circles", "statement", name, "--json"],
            input=piped,
            capture_output=True,
            check=False,
        )
        assert told.returncode == 1, told.stderr
        printed = json.loads(told.stdout)
        assert [line["amount_minor"] for line in printed["statements"][0]["lines"]] == [100]
        assert printed["problems"][0]["where"] == "Line 2"
    assert preview.main(str(tmp_path / "none"), as_json=True) == 2


@pytest.mark.parametrize(
    ("data", "code"), [(OFX, 0), (OFX.format(lines=trn("x"), more=""), 1), ("nothing", 2)]
)
def test_exit_codes(data: str, code: int) -> None:
    words = io.StringIO()
    assert preview.write(io.BytesIO(data.encode()), io.StringIO(), as_json=True) == code
    assert preview.write(io.BytesIO(data.encode()), words, as_json=False) == code
    assert ("Problems:" in words.getvalue()) is (code > 0)
