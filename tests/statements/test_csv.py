"""Tables as banks and people write them, and what is guessed of them."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from circles.ledger.statements import reading
from circles.ledger.statements.mapping import Mapping, MappingError
from circles.ledger.statements.model import Balance, Reading, Statement


def table(text: str, **more: object) -> Reading:
    return reading.read(text.encode(), **more)  # type: ignore[arg-type]  # currency or mapping


def one(found: Reading) -> Statement:
    (statement,) = found.statements
    return statement


def amounts(found: Reading) -> list[int]:
    return [line.amount_minor for line in one(found).lines]


def said(found: Reading) -> list[tuple[str, str, str]]:
    return [(problem.where, problem.field, problem.message) for problem in found.problems]


@pytest.mark.parametrize(
    ("header", "row"),
    [
        ("Date,Description,Amount", "2026-11-03,Bread,-4.50"),
        ("Buchungstag;Verwendungszweck;Betrag", "03.11.2026;Bread;-4,50"),
        ("Date opération;Libellé;Débit;Crédit", "03/11/2026;Bread;4,50;"),
        ("Fecha;Concepto;Importe", "03/11/2026;Bread;-4,50"),
        ("Data operazione\tDescrizione\tImporto", "03/11/2026\tBread\t-4,50"),
        ("Datum;Naam / Omschrijving;Af Bij;Bedrag (EUR);Mededelingen", "20261103;x;Af;4,50;Bread"),
        ("Datum;Omschrijving;D/C;Bedrag", "03-11-2026;Bread;D;4,50"),
        ("Data operacji|Opis|Kwota", "2026-11-03|Bread|-4,50"),
        ("Bokföringsdag;Text;Belopp", "2026-11-03;Bread;−4,50"),
        ("Posting Date,Memo,Withdrawal,Deposit", "11/23/2026,Bread,4.50,"),
        ("Date,Description,Money Out,Money In", "3 Nov 2026,Bread,4.50,"),
        ("Date,Memo,Amount", "2026-11-03 12:00:00,Bread,(4.50)"),
        ("Date,Memo,Amount", "2026-11-03T23:59:59Z,Bread,4.50-"),
        ("Datum;Text;Betrag", "03.11.26;Bread;-4,50 EUR"),
        ("Transaction date,Details,Amount (GBP)", "03 November 2026,Bread,-£4.50"),
    ],
)
def test_the_columns_of_many_banks_are_found(header: str, row: str) -> None:
    found = table(f"{header}\n{row}\n", currency="EUR")
    assert not found.problems, found.problems
    (line,) = one(found).lines
    assert line.amount_minor == -450
    assert line.booked_on in {date(2026, 11, 3), date(2026, 11, 23)}
    assert line.text is not None
    assert "Bread" in line.text


def test_all_fields() -> None:
    found = table(
        "Buchungstag;Valuta;Auftraggeber/Empfänger;IBAN Zahlungsbeteiligter;Verwendungszweck;"
        "Kundenreferenz;Buchungstext;Betrag;Währung\n"
        '03.11.26;04.11.26;"Müller, Änne";NL91 ABNA 0417 1643 00;RF18C7M0001;E-1;GUTSCHRIFT;'
        "1.010,00;EUR\n"
    )
    (line,) = one(found).lines
    assert line.booked_on == date(2026, 11, 3)
    assert line.value_on == date(2026, 11, 4)
    assert (line.amount_minor, line.currency) == (101000, "EUR")
    assert line.counterparty == "Müller, Änne"
    assert line.counterparty_iban == "NL91ABNA0417164300"
    assert (line.reference, line.text, line.bank_kind) == ("E-1", "RF18C7M0001", "GUTSCHRIFT")


def test_a_column_of_debit_and_credit_says_the_way_whatever_it_is_called() -> None:
    rows = "3/11/2026,Bread,4.50,debit,Food\n4/11/2026,Anna,10.00,credit,Dues\n"
    for names in ("Date,Description,Amount,Transaction Type,Category", "Date,Text,Amount,x,Notes"):
        found = table(f"{names}\n{rows}".replace("x,", "Type,"), currency="EUR")
        assert amounts(found) == [-450, 1000]
    assert amounts(table(rows.replace("/11/", ".11."), currency="EUR")) == [-450, 1000]


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        # The amounts' own signs agree: they are taken as they are.
        ("3.11.2026;Bread;-4,50;debit\n4.11.2026;Anna;10,00;credit\n", [-450, 1000]),
        # They contradict it: then the column means something else, such as the kind of an account.
        ("3.11.2026;Bread;-4,50;credit\n4.11.2026;Anna;10,00;credit\n", [-450, 1000]),
        ("3.11.2026;Bread;-4,50;Debit card\n4.11.2026;Anna;10,00;credit\n", [-450, 1000]),
        ("3.11.2026;Bread;-4,50;\n4.11.2026;Anna;10,00;credit\n", [-450, 1000]),
    ],
)
def test_signs_of_the_amounts_go_before_a_column_of_kinds(rows: str, expected: list[int]) -> None:
    assert amounts(table(f"Datum;Text;Betrag;Transaction Type\n{rows}", currency="EUR")) == expected


def test_a_column_in_which_nothing_stands_is_not_the_amount_nor_the_day() -> None:
    found = table(
        "Date;Booking date;Memo;Amount;Credit amount;Debit amount\n"
        ";3.11.2026;Bread;;;4,50\n;4.11.2026;Anna;;10,00;\n",
        currency="EUR",
    )
    assert amounts(found) == [-450, 1000]
    assert [line.booked_on.day for line in one(found).lines] == [3, 4]
    # Where only money went out, nobody's column of money in is any less one.
    out = table("Date;Memo;Debit;Credit\n3.11.2026;Bread;4,50;\n", currency="EUR")
    assert amounts(out) == [-450]


def test_purposes_in_many_columns_are_one_text() -> None:
    row = "3.11.2026;Anna;Gutschrift;RF18 5390;0754 7034;;10,00"
    head = "Buchungstag;Auftraggeber/Empfänger;Buchungstext;VWZ1;VWZ2;VWZ3;Betrag"
    (line,) = one(table(f"{head}\n{row}\n", currency="EUR")).lines
    assert line.text == "RF18 5390 0754 7034"


IBAN = "NL91ABNA0417164300"
BANKS = {
    "a savings bank's": (
        (
            "Auftragskonto;Buchungstag;Valutadatum;Buchungstext;Verwendungszweck;Kundenreferenz "
            "(End-to-End);Beguenstigter/Zahlungspflichtiger;Kontonummer/IBAN;Betrag;Waehrung;Info\n"
            f"9;03.11.26;03.11.26;GUTSCHRIFT;RF18;;Ada;{IBAN};10,00;EUR;Umsatz gebucht\n"
        ),
        ("9", "EUR", "Ada", IBAN, "RF18"),
    ),
    "with a preface": (
        (
            f'"Girokonto";"9123456"\n""\n"Kontostand vom 24.11.2026:";"1.234,56 EUR"\n""\n'
            '"Buchungsdatum";"Status";"Zahlungspflichtige*r";"Verwendungszweck";'
            '"IBAN";"Betrag (€)"\n'
            f'"03.11.26";"Gebucht";"Ada";"RF18";"{IBAN}";"10"\n'
        ),
        ("9123456", "EUR", "Ada", IBAN, "RF18"),
    ),
    "of the Netherlands": (
        (
            '"IBAN/BBAN","Munt","Datum","Bedrag","Saldo na trn","Tegenrekening IBAN/BBAN",'
            '"Naam tegenpartij","Omschrijving-1"\n'
            f'"9","EUR","2026-11-03","+10,00","+110,00","{IBAN}","Ada","RF18"\n'
        ),
        ("9", "EUR", "Ada", IBAN, "RF18"),
    ),
    "of Sweden, where Valuta is a currency": (
        "Bokföringsdag;Belopp;Namn;Rubrik;Saldo;Valuta\n2026/11/03;10,00;Ada;RF18;110,00;SEK\n",
        (None, "SEK", "Ada", None, "RF18"),
    ),
    "with the currency beside the amount": (
        "#Data operacji;#Opis operacji;#Kwota;\n2026-11-03;RF18;10,00 PLN;\n",
        (None, "PLN", None, None, "RF18"),
    ),
    "with names that nobody knows": (
        "Dags;Texti;Upphæð\n03.11.2026;RF18;10,00\n",
        (None, None, None, None, "RF18"),
    ),
    "with a line for a spreadsheet": (
        "sep=;\nDatum;Name;Text;Betrag\n03.11.2026;Ada;RF18;10,00\n",
        (None, None, "Ada", None, "RF18"),
    ),
}


@pytest.mark.parametrize("bank", BANKS)
def test_tables_of_banks(bank: str) -> None:
    text, expected = BANKS[bank]
    found = table(text)
    assert not found.problems, found.problems
    (line,) = one(found).lines
    assert (line.booked_on, line.amount_minor) == (date(2026, 11, 3), 1000)
    assert (
        one(found).account,
        line.currency,
        line.counterparty,
        line.counterparty_iban,
        line.text,
    ) == expected


def test_one_bad_amount_is_named_by_line_and_column_and_the_rest_is_read() -> None:
    found = table("Datum;Text;Betrag\n03.11.2026;a;1,00\n04.11.2026;b;1.2OO,00\n")
    assert amounts(found) == [100]
    assert said(found) == [
        ("Line 3", "Betrag", "“1.2OO,00” is no amount. There is a letter O in it.")
    ]


@pytest.mark.parametrize(
    ("row", "field", "message"),
    [
        ("2026-02-30,a,1.00", "Date", "“2026-02-30”: there is no such day."),
        (",a,1.00", "Date", "The date is missing."),
        ("soon,a,1.00", "Date", "“soon” is no date."),
        ("2026-11-03,a,", "Amount", "The amount is missing."),
        ("2026-11-03,a,1.23456", "Amount", "“1.23456” has more digits than EUR has."),
        ("2026-11-03,a,1.00,5.00", "", "This row has 4 cells, but the header names 3."),
    ],
)
def test_rows_that_cannot_be_read(row: str, field: str, message: str) -> None:
    found = table(f"Date,Text,Amount\n2026-11-02,a,2.50\n{row}\n", currency="EUR")
    assert amounts(found) == [250]
    assert said(found) == [("Line 3", field, message)]


def test_lines_are_counted_as_an_editor_counts_them() -> None:
    found = table('Date,Text,Amount\n2026-11-02,"a\nb",2.50\n\n2026-11-03,c,x.y\n')
    assert [where for where, _field, _message in said(found)] == ["Line 5"]
    assert one(found).lines[0].text == "a b"


RUNNING = "Date,Label,{sign},Balance\n"


def test_the_running_balance_tells_opening_closing_and_twins() -> None:
    found = table(
        "Date,Description,Debit,Credit,Balance\n2026-11-03,A,,10.00,110.00\n"
        "2026-11-03,A,,10.00,120.00\n2026-11-04,B,40.00,,80.00\n"
    )
    assert amounts(found) == [1000, 1000, -4000]
    assert one(found).opening == Balance(date(2026, 11, 3), 10000)
    assert one(found).closing == Balance(date(2026, 11, 4), 8000)
    assert not found.problems


def test_newest_first_is_seen_by_the_running_balance() -> None:
    found = table(
        "Date,Text,Amount,Balance\n2026-11-05,c,5.00,125.00\n2026-11-04,b,10.00,120.00\n"
        "2026-11-03,a,10.00,110.00\n"
    )
    assert one(found).opening == Balance(date(2026, 11, 3), 10000)
    assert one(found).closing == Balance(date(2026, 11, 5), 12500)
    assert not found.problems


def test_a_jump_in_the_running_balance_is_named_where_it_is() -> None:
    found = table(
        "Date,Text,Amount,Balance\n2026-11-03,a,10.00,110.00\n2026-11-04,b,10.00,120.00\n"
        "2026-11-05,c,5.00,126.00\n"
    )
    assert said(found)[0] == (
        "Line 4",
        "Balance",
        "The running balance jumps here by 1.00 more than this line explains.",
    )
    assert found.importable


@pytest.mark.parametrize(
    ("header", "rows", "sign", "read"),
    [
        ("Amount,D/C", ["3.50,D,-2.50", '"-1,533.50",C,"1,531.00"'], "marked-abs", [-350, 153350]),
        ("Amount,D/C", ["-3.00,D,7.00", "5.00,C,12.00"], "marked-signed", [-300, 500]),
        ("Amount,D/C", ["3.00,D,7.00", "5.00,C,12.00"], "marked", [-300, 500]),
        ("Amount,x", ["3.00,,7.00", "5.00,,2.00"], "inverted", [-300, -500]),
        ("Debit,Credit", ["-3.00,,7.00", ",5.00,12.00"], "columns-signed", [-300, 500]),
        ("Debit,Credit", ["3.00,0.00,7.00", "0.00,5.00,12.00"], "columns", [-300, 500]),
    ],
)  # fmt: skip
def test_the_balance_decides_what_signs_mean(
    header: str, rows: list[str], sign: str, read: list[int]
) -> None:
    text = "".join(f"2026-11-0{n},{row}\n" for n, row in enumerate(rows, 1))
    found = table(f"Date,{header},Balance\n{text}")
    assert found.mapping is not None
    assert found.mapping.sign == sign
    assert amounts(found) == read
    assert not found.problems


def test_rows_around_the_table_tell_account_currency_and_balances() -> None:
    found = table(
        "Account Number : 08088804068,Account Name : Owner,: EUR,,,\n,,,,,\n"
        'Balance at end of period,,,,"+31070,11",\n'
        "Date,Operation Number,Label,Debit,Credit,Detail\n"
        '01/04/20,U1,L1,"-50,00",,D1\n02/04/20,U2,L2,,"1119,34",D2\n'
        'Balance at start of period,,,,"+30000,77",\n'
    )
    statement = one(found)
    assert (statement.account, statement.currency) == ("08088804068", "EUR")
    assert statement.opening == Balance(None, 3000077)
    assert statement.closing == Balance(None, 3107011)
    assert amounts(found) == [-5000, 111934]
    assert not found.problems


def test_a_sum_below_the_table_is_left_out_and_said() -> None:
    found = table("Date,Text,Amount\n2026-11-03,a,1.00\nTotal,,1.00\n")
    assert amounts(found) == [100]
    assert [p.stops for p in found.problems] == [False]


def test_days_that_may_be_months_are_a_question() -> None:
    text = "Date,Description,Amount\n{}/04/2026,a,1.00\n"
    assert "the day first or the month first" in said(table(text.format("03")))[0][2]
    for first, on in (("13", date(2026, 4, 13)), ("04", date(2026, 4, 4))):
        found = table(text.format(first))
        assert one(found).lines[0].booked_on == on
        assert not found.problems
    american = table("Date,Amount\n03/04/2026,1.00\n03/14/2026,1.00\n")
    assert [line.booked_on for line in one(american).lines] == [date(2026, 3, 4), date(2026, 3, 14)]


def test_a_column_of_our_own_account_is_no_payer() -> None:
    iban = "DE89370400440532013000"
    found = table(f"Buchungstag;IBAN;Betrag\n02.11.2026;{iban};1,00\n03.11.2026;{iban};2,00\n")
    assert one(found).account == iban
    assert one(found).lines[0].counterparty_iban is None
    mixed = table(f"Buchungstag;IBAN;Betrag\n02.11.2026;{iban};1,00\n03.11.2026;;2,00\n")
    assert one(mixed).lines[0].counterparty_iban == iban


def test_several_accounts_in_one_table_become_several_statements() -> None:
    found = table(
        "Account,Date,Amount\nA1,2026-11-03,1.00\nB2,2026-11-03,2.00\nA1,2026-11-04,3.00\n"
    )
    assert [(s.account, [x.amount_minor for x in s.lines]) for s in found.statements] == [
        ("A1", [100, 300]),
        ("B2", [200]),
    ]


def test_an_account_after_thousands_of_rows_begins_a_statement_of_its_own() -> None:
    rows = "A1,2026-11-03,1.00\n" * 6000 + "B2,2026-11-03,2.00\n" * 2
    found = table("Account,Date,Amount\n" + rows)
    assert [(s.account, len(s.lines)) for s in found.statements] == [("A1", 6000), ("B2", 2)]
    assert not found.problems


def test_a_hundred_accounts_are_a_mistake() -> None:
    rows = "".join(f"A{n},2026-11-03,1.00\n" for n in range(200))
    found = table("Account,Date,Amount\n" + rows)
    assert "Is that column the payers'?" in found.problems[0].message
    assert sum(len(s.lines) for s in found.statements) == 100


def test_mixed_currencies_are_named() -> None:
    found = table("Date,Currency,Amount\n2026-11-13,USD,-33.50\n2026-11-13,EUR,1.00\n")
    assert [(x.amount_minor, x.currency) for x in one(found).lines] == [
        (-3350, "USD"),
        (100, "EUR"),
    ]
    assert [p.field for p in found.problems] == ["currency"]
    assert not found.importable


def test_pending_rows_stand_apart() -> None:
    found = table("Date,Amount,Status\n2026-11-13,1.00,BOOKED\n2026-11-14,2.00,PENDING\n")
    assert amounts(found) == [100]
    assert [line.amount_minor for line in one(found).pending] == [200]


def test_a_table_without_a_header() -> None:
    found = table("03.11.2026;Ada;RF18C7M0001;10,00\n04.11.2026;Bob;hello;-4,00\n")
    assert amounts(found) == [1000, -400]
    assert one(found).lines[0].text == "Ada RF18C7M0001"


def test_a_table_with_a_header_and_nothing_below() -> None:
    found = table('"Date","Label","Currency","Amount"\n')
    assert one(found).lines == ()
    assert not found.problems


def test_a_quotation_mark_that_never_closes_is_named() -> None:
    found = table('Date,Text,Amount\n2026-11-03,a,1.00\n2026-11-04,"b,2.00\n' + "x\n" * 70_000)
    assert amounts(found) == [100]
    assert found.problems[0].where == "Line 3"


def test_a_quotation_mark_that_closes_too_late_swallows_nothing_in_silence() -> None:
    found = table('Date,Amount,Text\n2026-11-03,1.00,"a\n2026-11-04,2.00,b\n2026-11-05,3.00,c"\n')
    assert said(found) == [
        ("Line 2", "", "This row holds others: a quotation mark is missing in it.")
    ]
    assert not found.importable


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "cp1252"])
def test_encodings(encoding: str) -> None:
    text = "Datum;Name;Betrag\r\n03.11.2026;Änne Ö;1,00\r\n"
    (line,) = one(reading.read(text.encode(encoding))).lines
    assert line.counterparty == "Änne Ö"


# --- mappings --------------------------------------------------------------------------------


def test_a_mapping_is_corrected_remembered_and_used_again() -> None:
    text = "Date,Label,Amount\n2026-11-03,Shop,33.50\n2026-11-04,Paid back,-10.00\n"
    guessed = table(text).mapping
    assert guessed is not None
    corrected = Mapping.from_json(replace(guessed, sign="inverted", currency="USD").to_json())
    again = table(text, mapping=corrected)
    assert amounts(again) == [-3350, 1000]
    assert one(again).currency == "USD"
    assert again.mapping == corrected
    assert corrected.fingerprint == guessed.fingerprint


@pytest.mark.parametrize(
    "text",
    [
        "", "[]", "{}", '{"delimiter": ",", "header_row": 1, "columns": {}}',
        '{"delimiter": ";;", "header_row": 1, "columns": {"date": [0], "amount": [1]}}',
        '{"delimiter": ";", "header_row": 1, "columns": {"date": [-1], "amount": [1]}}',
        '{"delimiter": ";", "header_row": "x", "columns": {"date": [0], "amount": [1]}}',
        '{"delimiter": ";", "header_row": 1, "columns": {"day": [0], "amount": [1]}}',
        '{"delimiter": ";", "header_row": 1, "columns": {"date": [0], "amount": [1]}, "sign": "?"}',
    ],
)  # fmt: skip
def test_mappings_that_are_none(text: str) -> None:
    with pytest.raises(MappingError):
        Mapping.from_json(text)


def test_a_mapping_for_another_table_gives_problems_not_a_crash() -> None:
    mapping = Mapping(";", 1, (("date", (0,)), ("amount", (7,))))
    found = table("Date,Label,Amount\n2026-11-03,Shop,33.50\n", mapping=mapping)
    assert found.problems
    assert not found.importable
