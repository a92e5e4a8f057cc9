"""One line at a time: what is proposed, how sure, and why."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from circles.circle import reference
from circles.ledger.matching.propose import propose
from circles.ledger.matching.values import (
    Arrived,
    Booked,
    Choice,
    Known,
    Payment,
    Person,
    Proposal,
    Seen,
    Way,
)
from tests.matching.labelled import token

ON = date(2026, 11, 3)
ANN, BEA, CLEO = "M4711", "M20815", "M300300"
PEOPLE = (
    Person(ANN, "Ann Weber", 1000, 1000),
    Person(BEA, "Bea", 500, 500),
    Person(CLEO, "Cleo Müller", 1000, 1000, held_minor=2500),
)
GONE = "M9999"
KNOWN = Known(
    people=PEOPLE,
    former={GONE: 300},
    payers={token("ANN1") or b"": frozenset({ANN}), token("TWO1") or b"": frozenset({ANN, BEA})},
)
RF = {number: reference.of(number) for number in (ANN, BEA, CLEO, GONE)}


def seen(amount: int = 1000, kind: str | None = None, on: date = ON, **said: Any) -> Seen:
    payment = Payment(amount, **said, payer=token(said.get("iban")))
    return Seen(b"line", on, payment, kind)


def ask(line: Seen, known: Known = KNOWN, **changes: Any) -> Proposal:
    (found,) = propose([line], replace(known, **changes))
    return found


def whose(choice: Choice | None) -> list[tuple[str, str | None, int]]:
    return [] if choice is None else [(p.kind, p.number, p.amount_minor) for p in choice.parts]


def test_a_reference_is_certain_wherever_it_stands() -> None:
    for text in (
        RF[ANN], f"SVWZ+{RF[ANN]}", f"danke {RF[ANN].lower()} ann", "rf " + RF[ANN][2:],
        f"{RF[ANN][:5]}\n{RF[ANN][5:]}", f"?20EREF+X?21{RF[ANN][:4]}?22{RF[ANN][4:]}",
        f"EREF:123/{RF[ANN]}/NOV", f"{RF[ANN]} 2026-11", f"10.00{RF[ANN]}ANN",
        "-".join(RF[ANN]),
    ):  # fmt: skip
        for field in ("text", "reference", "end_to_end"):
            found = ask(seen(**{field: text}))
            assert (found.tier, whose(found.only)) == ("A", [("contribution", ANN, 1000)]), text
            assert found.reason.code == "reference"


@pytest.mark.parametrize(
    ("amount", "code", "tier"),
    [
        (1000, "reference", "A"), (400, "reference-part", "A"), (2000, "reference-more", "A"),
        (12_000, "reference-more", "A"), (12_001, "reference-more", "B"),
    ],
)  # fmt: skip
def test_part_and_over_payment(amount: int, code: str, tier: str) -> None:
    found = ask(seen(amount, text=RF[ANN]))
    assert (found.tier, found.reason.code) == (tier, code)
    assert whose(found.only) == [("contribution", ANN, amount)]


def test_two_lines_for_one_pledge_and_a_third_ahead() -> None:
    lines = [replace(seen(amount, text=RF[ANN]), id=bytes([n])) for n, amount in
             enumerate((600, 400, 1000))]  # fmt: skip
    codes = [found.reason.code for found in propose(lines, KNOWN)]
    assert codes == ["reference-part", "reference-rest", "reference-ahead"]


def test_a_spouse_pays_by_reference_and_is_no_doubt_once_known() -> None:
    first = ask(seen(500, text=RF[BEA], iban="ANN1"))
    assert first.tier == "C"
    assert [whose(c)[0][1] for c in first.choices] == [BEA, ANN]
    learned = {**KNOWN.payers, token("ANN1") or b"": frozenset({ANN, BEA})}
    assert ask(seen(500, text=RF[BEA], iban="ANN1"), payers=learned).tier == "A"
    assert ask(seen(500, text=RF[BEA], iban="NEW1", counterparty="Carl Weber")).tier == "A"


@pytest.mark.parametrize(
    "text",
    [
        f"{RF[ANN]} {RF[BEA]}", f"{RF[ANN]} for {BEA}", f"{RF[ANN]}, not {GONE}",
        f"{RF[ANN]} {reference.of('M7777')}", f"Retoure {RF[ANN]}",
    ],
)  # fmt: skip
def test_a_reference_with_something_against_it_is_never_certain(text: str) -> None:
    found = ask(seen(1000, text=text))
    assert not found.is_certain
    assert ("contribution", ANN, 1000) in [whose(c)[0] for c in found.choices]


def test_more_than_is_theirs_and_another_is_named() -> None:
    found = ask(seen(1500, text=f"{RF[ANN]} for Bea too"))
    assert found.tier == "C"
    assert whose(found.choices[-1]) == [("contribution", ANN, 1000), ("contribution", BEA, 500)]
    assert ask(seen(1000, text=f"{RF[ANN]} greetings to Bea")).tier == "A"


def test_one_line_for_two() -> None:
    both = ask(seen(1500, text=f"{RF[ANN]} + {RF[BEA]}"))
    assert both.tier == "B"
    assert whose(both.only) == [("contribution", ANN, 1000), ("contribution", BEA, 500)]
    other = ask(seen(1400, text=f"{RF[ANN]} + {RF[BEA]}"))
    assert (other.tier, len(other.choices)) == ("C", 2)
    structured = ask(seen(1500, reference=RF[ANN], text=RF[BEA]))
    assert structured.tier == "C"
    account = ask(seen(1500, iban="TWO1"))
    assert (account.tier, account.reason.code) == ("C", "payer-sum")
    assert sorted(whose(account.only)) == sorted(whose(both.only))


def test_a_known_account() -> None:
    found = ask(seen(1000, iban="ANN1", text="standing order"))
    assert (found.tier, found.reason.code) == ("B", "payer-amount")
    assert ask(seen(1100, iban="ANN1")).tier == "C"
    assert ask(seen(1000, iban="ANN1", text="for Cleo Muller")).tier == "C"
    assert not ask(seen(1000, iban="ANN1", text=RF[GONE])).is_certain
    assert not ask(seen(1000, iban="ANN1", text=reference.of("M7777"))).is_certain
    assert not ask(seen(1000, iban="ANN1", text="Spende")).is_certain
    assert not ask(seen(1000, iban="TWO1")).is_certain
    twice = propose([seen(1000, iban="ANN1"), seen(1000, iban="ANN1")], KNOWN)
    assert [p.tier for p in twice] == ["B", "C"]


def test_an_account_that_collects_for_many_says_nothing() -> None:
    people = tuple(Person(f"M{5000 + n}", f"Nr{n}", 1000, 1000) for n in range(7))
    numbers = frozenset(person.number for person in people)
    known = Known(people=people, payers={token("PAY1") or b"": numbers})
    assert ask(seen(1000, iban="PAY1"), known).choices == ()
    by_reference = ask(seen(1000, iban="PAY1", text=reference.of("M5003")), known)
    assert (by_reference.tier, whose(by_reference.only)[0][1]) == ("A", "M5003")


@pytest.mark.parametrize(
    "text",
    [
        RF[ANN][:2] + "00" + RF[ANN][4:], RF[ANN] + "5", RF[ANN][:-1], RF[ANN].replace("0", "O"),
        RF[ANN][:4] + "M4171", RF[ANN][:4] + RF[ANN][4:].replace("1", "I"),
    ],
)  # fmt: skip
def test_a_slip_is_likely_at_most(text: str) -> None:
    assert text != RF[ANN]
    found = ask(seen(1000, text=text))
    assert (found.tier, whose(found.only)) == ("C", [("contribution", ANN, 1000)]), text


@pytest.mark.parametrize(
    "text", [RF[GONE], f"{GONE} thanks", reference.of("M7777"), "RF18 metres", ""]
)
def test_nobody_of_us(text: str) -> None:
    found = ask(seen(777, text=text))
    assert (found.tier, found.choices) == ("D", ())


def test_the_amount_alone_if_only_one_waits_for_it() -> None:
    found = ask(seen(500, counterparty="J. Nobody"))
    assert (found.tier, found.reason.code, whose(found.only)) == (
        "C", "amount", [("contribution", BEA, 500)],
    )  # fmt: skip
    assert ask(seen(1000, counterparty="J. Nobody")).choices == ()


@pytest.mark.parametrize(
    "name",
    [
        "CLEO MUELLER",
        "Cleo Muller",
        "CLEO M?LLER",
        "MÜLLER, CLEO",
        "FRAU DR CLEO MUELLER-S",
        "C MUELLER",
    ],
)
def test_names_as_banks_write_them(name: str) -> None:
    found = ask(seen(1000, counterparty=name))
    assert (found.tier, whose(found.only)) == ("C", [("contribution", CLEO, 1000)])


@pytest.mark.parametrize(
    "name", ["MUELLEREI GMBH", "Weber", "Beatles", "Annemarie Webermann", "C. Maier"]
)
def test_names_that_are_others(name: str) -> None:
    assert ask(seen(1000, counterparty=name)).choices == ()


WAYS = (
    Way(b"soup", 4500, "sent", "CIRCLES-AB12CD34", "Soup kitchen", "DE1"),
    Way(b"bike", 4500, "sent", "CIRCLES-EF56AB78", "Bike shop", "DE2"),
    Way(b"choir", 900, "confirmed", "CIRCLES-0011AACC", "Choir", "DE3"),
    Way(b"back", 800, "settled", "CIRCLES-77889900", "Tess", "DE4"),
)


def test_payouts() -> None:
    known = replace(KNOWN, ways=WAYS)
    by_ref = ask(seen(-4500, text="CIRCLES AB12 CD34 thanks"), known)
    assert (by_ref.tier, by_ref.only and by_ref.only.parts[0].target) == ("A", b"soup")
    assert ask(seen(-4500, text="CIRCLES-AB12CD34", iban="DE9"), known).tier == "C"
    assert ask(seen(-4500, iban="DE2"), known).tier == "B"
    assert len(ask(seen(-4500, text="help"), known).choices) == 2
    assert ask(seen(-900, text="CIRCLES-0011AACC"), known).tier == "B"
    assert ask(seen(-901, text="CIRCLES-0011AACC"), known).reason.code == "payout-other-amount"
    again = propose([seen(-4500, iban="DE2"), seen(-4500, iban="DE2")], known)
    assert [p.tier for p in again] == ["B", "D"]


def test_a_payout_that_came_back() -> None:
    known = replace(KNOWN, ways=WAYS)
    found = ask(seen(800, kind="PMNT/ICDT/RRTN", text="AC04 CIRCLES-77889900"), known)
    assert (found.tier, found.only and found.only.parts[0].target) == ("B", b"back")
    assert ask(seen(800, iban="DE4"), known).reason.code == "payout-back-account"


def test_a_payout_that_goes_and_comes_back_in_one_file_is_booked_in_that_order() -> None:
    way = next(way for way in WAYS if way.state == "sent" and way.reference)
    out = seen(-way.amount_minor, text=way.reference)
    back = seen(way.amount_minor, text=f"RETOURE {way.reference}")
    went, came = propose([out, back], replace(KNOWN, ways=WAYS))
    assert went.only is not None
    assert went.only.parts[0].target == way.id
    assert (came.tier, came.choices, came.reason.code) == ("D", (), "payout-back-first")
    (alone,) = propose([back], replace(KNOWN, ways=WAYS))
    assert alone.only is not None
    assert alone.only.parts[0].kind == "payout_returned"


def test_bounced() -> None:
    came = (
        Arrived(b"1", ON - timedelta(20), 1000, ANN, token("ANN1")),
        Arrived(b"2", ON - timedelta(15), 1000, CLEO, token("CLEO")),
        Arrived(b"3", ON - timedelta(90), 500, BEA, token("BEA")),
    )
    known = replace(KNOWN, arrived=came)
    found = ask(seen(-1000, kind="PMNT/RCDT/RRTN", iban="ANN1"), known)
    assert (found.tier, found.only and found.only.parts[0].target) == ("B", b"1")
    assert ask(seen(-1000, text=f"Ruecklastschrift {RF[CLEO]}"), known).tier == "C"
    assert len(ask(seen(-1000, text="RETOURE"), known).choices) == 2
    assert ask(seen(-500, text="RETOURE"), known).choices == ()
    assert ask(seen(-1000, text="shopping"), known).choices == ()


def test_what_bounced_elsewhere_is_not_taken_from_whoever_paid_as_much() -> None:
    came = (Arrived(b"1", ON - timedelta(20), 1000, ANN, token("ANN1")),)
    known = replace(KNOWN, arrived=came)
    assert len(ask(seen(-1000, text="RETOURE"), known).choices) == 1
    assert ask(seen(-1000, text="RETOURE", iban="OTHER1"), known).choices == ()
    assert ask(seen(-1000, text="RETOURE Bea"), known).choices == ()
    assert len(ask(seen(-1000, text="RETOURE Ann Weber"), known).choices) == 1
    # A fee for a payment that bounced is a fee first, and somebody's payment only if a person says.
    both = ask(seen(-1000, text="Entgelt Ruecklastschrift"), known)
    assert [whose(c)[0][0] for c in both.choices] == ["fee", "returned"]
    assert (both.tier, both.reason.code) == ("C", "fee-or-bounced")
    mine = ask(seen(-300, text=f"Entgelt Ruecklastschrift {RF[ANN]}"), known)
    assert (mine.tier, whose(mine.only)) == ("C", [("fee", None, 300)])


def test_fees_interest_cash_gifts_and_refunds() -> None:
    assert ask(seen(-290, kind="FEE")).tier == "B"
    assert ask(seen(-290, text="KONTOFUEHRUNG 10/26")).tier == "C"
    assert ask(seen(-290, text="Kursgebühr", iban="XX1")).choices == ()
    assert ask(seen(7, kind="INT")).tier == "B"
    assert whose(ask(seen(7, text="Intérêts créditeurs")).only) == [("interest", None, 7)]
    assert whose(ask(seen(900, text="BAREINZAHLUNG"), cash_minor=900).only) == [
        ("deposit", None, 900)
    ]
    assert ask(seen(900, text="BAREINZAHLUNG"), cash_minor=899).choices == ()
    assert whose(ask(seen(900, text="donation", iban="XX1")).only) == [("gift", None, 900)]
    assert whose(ask(seen(-2500, text=RF[CLEO])).only) == [("refund", CLEO, 2500)]
    assert ask(seen(-2501, text=RF[CLEO])).choices == ()
    assert whose(ask(seen(-300, text=f"back to {GONE}")).only) == [("refund", GONE, 300)]


def test_typed_by_hand_before() -> None:
    mine = Booked(b"t", ON + timedelta(2), 1000, "contribution", ANN)
    lines = [seen(1000, text=RF[ANN]), seen(1000, text=RF[ANN])]
    first, second = propose(lines, replace(KNOWN, untied=(mine,)))
    assert (first.tier, whose(first.only)) == ("B", [("tie", None, 1000)])
    assert whose(second.only) == [("contribution", ANN, 1000)]
    unclaimed = replace(mine, kind="contribution_unidentified", number=None)
    found = ask(lines[0], untied=(unclaimed,))
    assert [whose(c)[0][0] for c in found.choices] == ["tie", "contribution"]
    others = replace(mine, number=CLEO)
    assert ask(lines[0], untied=(others,)).tier == "A"
    far = replace(mine, on=ON - timedelta(6))
    assert ask(lines[0], untied=(far,)).tier == "A"
    assert ask(seen(1000, counterparty="X"), untied=(mine,)).tier == "C"


def test_batches() -> None:
    def batch(*details: Payment, amount: int = 1500) -> Seen:
        return Seen(b"b", ON, Payment(amount), None, details)

    ann, bea = Payment(1000, reference=RF[ANN]), Payment(500, text=RF[BEA])
    whole = ask(batch(ann, bea))
    assert whole.tier == "A"
    assert whose(whole.only) == [("contribution", ANN, 1000), ("contribution", BEA, 500)]
    some = ask(batch(ann, Payment(500, text="?", counterparty="X"), amount=1500),
               people=(PEOPLE[0], PEOPLE[2]))  # fmt: skip
    assert whose(some.only) == [("contribution", ANN, 1000), ("suspense", None, 500)]
    assert ask(batch(ann, bea, amount=1400)).tier == "D"


MESS = st.text("RF0123456789M -/.:+?abcANNBEA\n", max_size=40)


@settings(max_examples=100, deadline=None)
@given(
    texts=st.lists(MESS | st.sampled_from(sorted(RF.values())), min_size=1, max_size=4),
    amount=st.sampled_from([1, 500, 1000, 1500, -1000, -2500]),
    iban=st.sampled_from([None, "ANN1", "TWO1", "X"]),
)
def test_whatever_a_line_says(texts: list[str], amount: int, iban: str | None) -> None:
    """Parts add up; certain is one answer; A is a member whose reference stands there."""
    line = seen(amount, text=" ".join(texts), iban=iban)
    found = ask(line)
    for choice in found.choices:
        assert sum(part.amount_minor for part in choice.parts) == abs(amount)
        assert all(part.amount_minor > 0 for part in choice.parts)
    if found.tier in ("A", "B"):
        assert found.only is not None
    if found.tier == "A":
        plain = "".join(c for c in " ".join(texts).upper() if c.isalnum())
        assert found.only is not None
        assert RF[found.only.parts[0].number or ""] in plain
    assert found == ask(line)
