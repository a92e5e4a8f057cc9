"""What a bank writes is what is read, in every format."""

from __future__ import annotations

from datetime import date

from hypothesis import given, settings
from hypothesis import strategies as st

from circles.ledger.statements import reading
from circles.ledger.statements.model import Reading, Statement
from tests.statements import writers
from tests.statements.writers import Row, Sheet, Style

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyzäöüßéñçøÅ0123456789"
words = st.lists(st.text(LETTERS, min_size=1, max_size=12), min_size=1, max_size=5).map(" ".join)
any_words = words.flatmap(
    lambda said: st.sampled_from(["", " & ", " < ", ' "', "; ", ", ", " 'x'", " &amp; "]).map(
        lambda odd: (said + odd + said).strip()
    )
)
amounts = st.integers(-(10**9), 10**9).filter(bool)
refs = st.text("ABCDEFGHJK0123456789", min_size=1, max_size=12).map("B{}".format)
days = st.dates(date(2026, 11, 1), date(2026, 11, 30))


def sheets(texts: st.SearchStrategy[str]) -> st.SearchStrategy[Sheet]:
    rows = st.builds(Row, on=days, amount_minor=amounts, name=texts, text=texts, ref=refs)
    return st.builds(
        Sheet,
        st.just("DE89370400440532013000"),
        st.sampled_from(["EUR", "CHF", "PLN"]),
        st.integers(-(10**9), 10**9),
        st.lists(rows, max_size=8).map(tuple),
    )


def only(found: Reading) -> Statement:
    assert not found.problems, found.problems
    (statement,) = found.statements
    return statement


def agrees(statement: Statement, sheet: Sheet) -> None:
    assert statement.account == sheet.account
    assert statement.currency == sheet.currency
    assert [
        (line.booked_on, line.amount_minor, line.counterparty, line.text, line.bank_ref)
        for line in statement.lines
    ] == [(r.on, r.amount_minor, r.name, r.text, r.ref) for r in sheet.rows]
    assert statement.closing is not None
    assert statement.closing.amount_minor == sheet.closing_minor


@given(sheets(any_words))
@settings(max_examples=60, deadline=None)
def test_ofx_sgml(sheet: Sheet) -> None:
    agrees(only(reading.read(writers.ofx_sgml(sheet).encode("cp1252"))), sheet)


@given(sheets(any_words))
@settings(max_examples=40, deadline=None)
def test_ofx_xml(sheet: Sheet) -> None:
    agrees(only(reading.read(writers.ofx_xml(sheet).encode())), sheet)


@given(sheets(any_words))
@settings(max_examples=60, deadline=None)
def test_camt053(sheet: Sheet) -> None:
    statement = only(reading.read(writers.camt053(sheet).encode()))
    agrees(statement, sheet)
    assert statement.opening is not None
    assert statement.opening.amount_minor == sheet.opening_minor


@given(sheets(words))
@settings(max_examples=60, deadline=None)
def test_mt940(sheet: Sheet) -> None:
    statement = only(reading.read(writers.mt940(sheet).encode()))
    assert statement.opening is not None
    assert statement.opening.amount_minor == sheet.opening_minor
    assert statement.closing is not None
    assert statement.closing.amount_minor == sheet.closing_minor
    assert [(x.booked_on, x.amount_minor, x.counterparty, x.bank_ref) for x in statement.lines] == [
        (r.on, r.amount_minor, r.name, r.ref) for r in sheet.rows
    ]
    # The format cuts texts into parts of 27 letters and forgets the spaces at the cuts.
    for line, row in zip(statement.lines, sheet.rows, strict=True):
        assert (line.text or "").replace(" ", "") == row.text.replace(" ", "")


STYLES = [
    Style(),
    Style(";", ",", ".", "%d.%m.%Y", "cp1252"),
    Style("\t", ".", ",", "%Y-%m-%d", "utf-16"),
    Style("|", ",", " ", "%d/%m/%Y", "utf-8-sig"),
    Style(
        ";", ",", "'", "%d.%m.%y", "utf-8",
        ("Buchungstag", "Verwendungszweck", "Auftraggeber/Empfänger", "Betrag", "Saldo", "ID"),
    ),
    Style(
        ";", ",", "\u00a0", "%d/%m/%Y", "cp1252",
        ("Date opération", "Libellé", "Tiers", "Montant", "Solde", "Numéro opération"),
    ),
]  # fmt: skip


@given(sheets(any_words), st.sampled_from(STYLES))
@settings(max_examples=100, deadline=None)
def test_csv(sheet: Sheet, style: Style) -> None:
    """The running balance gives opening and closing; nothing says the currency but the caller."""
    found = reading.read(writers.csv_table(sheet, style), currency=sheet.currency)
    doubts = [problem for problem in found.problems if problem.field != "date"]
    assert not doubts, doubts
    (statement,) = found.statements
    assert [
        (line.amount_minor, line.counterparty, line.text, line.bank_ref) for line in statement.lines
    ] == [(r.amount_minor, r.name, r.text, r.ref) for r in sheet.rows]
    if not found.problems and sheet.rows:
        assert [line.booked_on for line in statement.lines] == [r.on for r in sheet.rows]
        assert statement.opening is not None
        assert statement.opening.amount_minor == sheet.opening_minor
        assert statement.closing is not None
        assert statement.closing.amount_minor == sheet.closing_minor
