"""How a member pays in: the reference by ISO 11649, and the code for a bank's app by EPC069-12."""

from __future__ import annotations

import re

import pytest
import segno
from hypothesis import given
from hypothesis import strategies as st

from circles.circle import qr, reference
from circles.ledger.matching import evidence
from circles.ledger.matching.values import Known, Payment, Person

IBAN = "DE89370400440532013000"


@given(st.integers(1000, 999_999))
def test_a_reference_is_iso_11649_and_the_matcher_knows_it(n: int) -> None:
    number = f"M{n}"
    made = reference.of(number)
    # Letters are 10 to 35, the first four signs go to the end, and the whole leaves 1 by 97.
    moved = made[4:] + made[:4]
    assert int("".join(str(int(sign, 36)) for sign in moved)) % 97 == 1
    assert re.fullmatch(r"RF[0-9]{2}[A-Z0-9]{1,21}", made)
    assert reference.book_number_in(reference.shown(made).lower()) == number
    found = evidence.of(Payment(1, text=reference.shown(made)), Known((Person(number, "x"),)))
    assert found.references == (number,)


# Service tag, version, character set (2 = ISO 8859-1), SCT, BIC (none), holder, IBAN, amount,
# purpose (none), and the structured reference alone: EPC069-12 allows it or free text, not both.
EPC = "BCD\n002\n2\nSCT\n\n{holder}\n{iban}\nEUR{amount}\n\n{reference}"


@pytest.mark.parametrize(
    ("amount_minor", "shown"), [(1000, "10"), (10_000, "100"), (1250, "12.5"), (1, "0.01")]
)
def test_the_code_says_what_epc069_12_asks_for(amount_minor: int, shown: str) -> None:
    code = reference.of("M4711")
    text = EPC.format(holder="Maple Row", iban=IBAN, amount=shown, reference=code)
    by_hand = segno.make_qr(
        text.encode("iso-8859-1"), error="m", boost_error=False, encoding="iso-8859-1"
    )
    drawn = qr.bank_transfer(
        holder="Maple Row", iban=IBAN, amount_minor=amount_minor, reference=code, label="pay"
    )
    path = re.findall(r'<path[^>]*d="([^"]+)"', by_hand.svg_inline(border=1))
    assert path[0] in str(drawn)
    assert by_hand.version <= 13
