"""The file that tells a bank to pay, read as a bank would: names, order, sums, letters, lengths."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from decimal import Decimal
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from circles.circle import reference
from circles.ledger.credit_transfers import (
    NAMESPACE,
    NoOrderError,
    Order,
    Owner,
    changes,
    message_id,
    plain,
    write,
)
from circles.ledger.statements import reading
from circles.ledger.statements.references import references

OWNER = Owner("Maple Row Circle", "DE89370400440532013000")
AT = datetime(2026, 10, 24, 18, 5, 9, tzinfo=UTC)
ON = date(2026, 10, 26)
SHOES = Order("RF31PABCDEFGH", "Schuhhaus Läng & Söhne", "DE02120300000000202051", 6000, "boots")
SOUP = Order("RF39PIJKLMNOP", "St Anne's hall", "FR1420041010050500013M02606", 4550)
ABROAD = Order("RF47PQRSTUVWX", "Ana", "BR9700360305000010009795493P1", 100)

# What the standard names, in its order: (element, least times, most times or None), and for those
# that hold text its shape. From the message definition of CustomerCreditTransferInitiationV09.
TEXT = r"[A-Za-z0-9/\-?:().,'+ ]"
ID = r"(?!/)(?!.*//)[A-Za-z0-9/\-?:().,'+ ]{1,35}(?<!/)"
IBAN = r"[A-Z]{2}[0-9]{2}[A-Z0-9]{1,30}"
AMOUNT = r"[0-9]{1,13}(\.[0-9]{1,5})?"
NAME = TEXT + "{1,70}"
RULES: dict[str, str | list[tuple[str, int, int | None]]] = {
    "Document": [("CstmrCdtTrfInitn", 1, 1)],
    "CstmrCdtTrfInitn": [("GrpHdr", 1, 1), ("PmtInf", 1, None)],
    "GrpHdr": [("MsgId", 1, 1), ("CreDtTm", 1, 1), ("NbOfTxs", 1, 1), ("CtrlSum", 0, 1),
               ("InitgPty", 1, 1)],
    "InitgPty": [("Nm", 0, 1)],
    "PmtInf": [("PmtInfId", 1, 1), ("PmtMtd", 1, 1), ("BtchBookg", 0, 1), ("NbOfTxs", 0, 1),
               ("CtrlSum", 0, 1), ("PmtTpInf", 0, 1), ("ReqdExctnDt", 1, 1), ("Dbtr", 1, 1),
               ("DbtrAcct", 1, 1), ("DbtrAgt", 1, 1), ("ChrgBr", 0, 1), ("CdtTrfTxInf", 1, None)],
    "PmtTpInf": [("SvcLvl", 0, None)],
    "SvcLvl": [("Cd", 1, 1)],
    "ReqdExctnDt": [("Dt", 1, 1)],
    "Dbtr": [("Nm", 0, 1)],
    "DbtrAcct": [("Id", 1, 1)],
    "DbtrAgt": [("FinInstnId", 1, 1)],
    "FinInstnId": [("Othr", 0, 1)],
    "Othr": [("Id", 1, 1)],
    "CdtTrfTxInf": [("PmtId", 1, 1), ("Amt", 1, 1), ("Cdtr", 0, 1), ("CdtrAcct", 0, 1),
                    ("RmtInf", 0, 1)],
    "PmtId": [("EndToEndId", 1, 1)],
    "Amt": [("InstdAmt", 1, 1)],
    "Cdtr": [("Nm", 0, 1)],
    "CdtrAcct": [("Id", 1, 1)],
    "RmtInf": [("Ustrd", 0, None)],
    "MsgId": ID, "PmtInfId": ID, "EndToEndId": ID,
    "CreDtTm": r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", "Dt": r"\d{4}-\d\d-\d\d",
    "NbOfTxs": r"[0-9]{1,15}", "CtrlSum": AMOUNT, "InstdAmt": AMOUNT,
    "PmtMtd": "TRF", "BtchBookg": "true|false", "Cd": "SEPA", "ChrgBr": "SLEV|SHAR",
    "Nm": NAME, "IBAN": IBAN, "Ustrd": TEXT + "{1,140}",
}  # fmt: skip


def name_of(element: ET.Element) -> str:
    space, _, name = element.tag.rpartition("}")
    assert space == "{" + NAMESPACE
    return name


def problems(element: ET.Element, above: str = "") -> list[str]:
    """What does not stand as the standard says."""
    name = name_of(element)
    where = f"{above}/{name}"
    if name == "Id":
        below = [name_of(child) for child in element]
        if above.endswith("Othr"):
            return [] if (element.text, below) == ("NOTPROVIDED", []) else [where]
        return [where] if below != ["IBAN"] else problems(element[0], where)
    rule = RULES.get(name)
    if rule is None:
        return [f"{where}: not known"]
    if isinstance(rule, str):
        fits = re.fullmatch(rule, element.text or "") and not len(element)
        wants_currency = (set(element.attrib) == {"Ccy"}) == (name == "InstdAmt")
        return [] if fits and wants_currency else [f"{where}: {element.text!r}"]
    found = [one for child in element for one in problems(child, where)]
    names = [name_of(child) for child in element]
    if sorted(names, key=[known for known, *_ in rule].index) != names:
        found.append(f"{where}: {names}")
    for known, least, most in rule:
        if not least <= names.count(known) <= (names.count(known) if most is None else most):
            found.append(f"{where}: {names.count(known)} times {known}")
    return found


def made(*orders: Order, currency: str = "EUR", digits: int = 2, owner: Owner = OWNER) -> bytes:
    return write(owner, orders, currency=currency, minor_digits=digits, on=ON, made_at=AT)


def root_of(file: bytes) -> ET.Element:
    """Our own file, so the plain parser may read it."""
    root = ET.fromstring(file)  # noqa: S314
    assert problems(root) == []
    return root


def texts(element: ET.Element, name: str) -> list[str]:
    return [found.text or "" for found in element.iter(f"{{{NAMESPACE}}}{name}")]


def sums_agree(root: ET.Element, digits: int = 2) -> None:
    """Counts and control sums, of the whole and of each block."""
    for part in (root, *root.iter(f"{{{NAMESPACE}}}PmtInf")):
        written = texts(part, "InstdAmt")
        amounts = [Decimal(text) for text in written]
        assert texts(part, "NbOfTxs")[0] == str(len(amounts))
        assert Decimal(texts(part, "CtrlSum")[0]) == sum(amounts)
        assert {len(text.partition(".")[2]) for text in written} == {digits}


def test_two_payments_as_sepa_wants_them() -> None:
    root = root_of(made(SHOES, SOUP))
    sums_agree(root)
    assert texts(root, "CtrlSum") == ["105.50", "105.50"]
    assert texts(root, "Cd") == ["SEPA"]
    assert texts(root, "ChrgBr") == ["SLEV"]
    assert texts(root, "EndToEndId") == sorted([SHOES.reference, SOUP.reference])
    assert set(texts(root, "Nm")) == {OWNER.name, "Schuhhaus Laeng + Soehne", SOUP.name}
    assert f"{SHOES.reference} boots" in texts(root, "Ustrd")
    assert texts(root, "Dt") == ["2026-10-26"]


def test_another_country_stands_in_a_block_of_its_own() -> None:
    root = root_of(made(SHOES, ABROAD))
    sums_agree(root)
    assert texts(root, "ChrgBr") == ["SLEV", "SHAR"]
    assert texts(root, "Cd") == ["SEPA"]


@pytest.mark.parametrize(
    ("currency", "digits", "amount"), [("JPY", 0, "6000"), ("KWD", 3, "6.000"), ("SEK", 2, "60.00")]
)
def test_other_currencies_keep_their_digits(currency: str, digits: int, amount: str) -> None:
    root = root_of(made(SHOES, currency=currency, digits=digits))
    sums_agree(root, digits)
    assert texts(root, "InstdAmt") == [amount]
    assert texts(root, "Cd") == []


def test_the_same_payments_are_the_same_file() -> None:
    assert made(SHOES, SOUP) == made(SOUP, SHOES)
    assert message_id(OWNER, [SHOES]) != message_id(OWNER, [SHOES, SOUP])
    other = Order(SHOES.reference, SHOES.name, SOUP.iban, SHOES.amount_minor, SHOES.words)
    assert message_id(OWNER, [SHOES]) != message_id(OWNER, [other])
    again = write(
        OWNER, [SHOES, SOUP], currency="EUR", minor_digits=2, on=date(2026, 10, 27), made_at=AT
    )
    assert texts(root_of(again), "MsgId") == texts(root_of(made(SHOES, SOUP)), "MsgId")


def test_nothing_to_pay_or_no_account_is_said_so() -> None:
    with pytest.raises(NoOrderError, match="No payment"):
        made()
    with pytest.raises(NoOrderError, match="no bank account"):
        made(SHOES, owner=Owner("Maple Row", ""))


def test_what_is_written_otherwise_is_told() -> None:
    long = Order("RF31PABCDEFGH", "N" * 80, SHOES.iban, 1, "w" * 200)
    told = changes([SHOES, SOUP, long])
    assert [(c.reference, c.written) for c in told] == [
        (SHOES.reference, "Schuhhaus Laeng + Soehne"),
        (long.reference, "N" * 70),
        (long.reference, (f"{long.reference} " + "w" * 200)[:140]),
    ]


@given(st.text(max_size=200), st.text(max_size=300), st.integers(1, 10**13))
@settings(max_examples=100)
def test_whatever_is_typed_the_file_stands(name: str, words: str, amount: int) -> None:
    order = Order("RF31PABCDEFGH", "x" + name, SHOES.iban, amount, words)
    root = root_of(made(order))
    sums_agree(root)
    assert plain(plain(words, 140), 140) == plain(words, 140)


@pytest.mark.parametrize("name", ["/", "//", "\u0301", "</Nm><Nm>x", "中文", "\u202eevil"])
def test_no_name_is_empty_in_the_file(name: str) -> None:
    """One empty name, and the bank refuses all of it."""
    order = Order("RF31PABCDEFGH", name, SHOES.iban, 1, name)
    _initiator, owner, payee = (each for each in texts(root_of(made(order)), "Nm"))
    assert owner
    assert re.fullmatch(r"[A-Za-z0-9/\-?:().,'+ ]{1,70}", payee)


CAMT = """<?xml version="1.0" encoding="UTF-8"?>
<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.08"><BkToCstmrStmt>
<GrpHdr><MsgId>1</MsgId><CreDtTm>2026-10-27T06:00:00</CreDtTm></GrpHdr>
<Stmt><Id>S1</Id><CreDtTm>2026-10-27T06:00:00</CreDtTm>
<Acct><Id><IBAN>{owner}</IBAN></Id><Ccy>EUR</Ccy></Acct>
<Bal><Tp><CdOrPrtry><Cd>OPBD</Cd></CdOrPrtry></Tp><Amt Ccy="EUR">200.00</Amt>
<CdtDbtInd>CRDT</CdtDbtInd><Dt><Dt>2026-10-26</Dt></Dt></Bal>
<Bal><Tp><CdOrPrtry><Cd>CLBD</Cd></CdOrPrtry></Tp><Amt Ccy="EUR">{left}</Amt>
<CdtDbtInd>CRDT</CdtDbtInd><Dt><Dt>2026-10-26</Dt></Dt></Bal>
{entries}</Stmt></BkToCstmrStmt></Document>"""
ENTRY = """<Ntry><Amt Ccy="EUR">{amount}</Amt><CdtDbtInd>DBIT</CdtDbtInd>
<Sts><Cd>BOOK</Cd></Sts><BookgDt><Dt>2026-10-26</Dt></BookgDt><ValDt><Dt>2026-10-26</Dt></ValDt>
<BkTxCd><Domn><Cd>PMNT</Cd><Fmly><Cd>ICDT</Cd><SubFmlyCd>ESCT</SubFmlyCd></Fmly></Domn></BkTxCd>
<NtryDtls><TxDtls><Refs><EndToEndId>{id}</EndToEndId></Refs>
<RltdPties><Cdtr><Pty><Nm>{name}</Nm></Pty></Cdtr>
<CdtrAcct><Id><IBAN>{iban}</IBAN></Id></CdtrAcct></RltdPties>
<RmtInf><Ustrd>{words}</Ustrd></RmtInf></TxDtls></NtryDtls></Ntry>"""


def test_a_statement_that_paid_it_names_each_payment() -> None:
    """A bank repeats what it was told; our reader of statements finds every reference again."""
    root = root_of(made(SHOES, SOUP))
    entries = "".join(
        ENTRY.format(amount=amount, id=ident, name=name, iban=account, words=words)
        for amount, ident, name, account, words in zip(
            texts(root, "InstdAmt"),
            texts(root, "EndToEndId"),
            texts(root, "Nm")[2:],
            texts(root, "IBAN")[1:],
            texts(root, "Ustrd"),
            strict=True,
        )
    )
    file = CAMT.format(owner=OWNER.iban, left="94.50", entries=entries).encode()
    (statement,) = reading.read(file).statements
    paid = {
        (ident, -line.amount_minor, line.counterparty_iban)
        for line in statement.lines
        for ident in references(line)
    }
    assert paid == {(o.reference, o.amount_minor, o.iban) for o in (SHOES, SOUP)}
    assert all(reference.book_number_in(ident) for ident, *_ in paid)
