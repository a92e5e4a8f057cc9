"""Makes tests/vectors/payments.json: made for this project, from made-up people and templates.

    python -m tests.matching.making

The same seed gives the same file. Each line says what it truly is (`truth`: parts of kind, number
or payout or transfer, amount; null when nobody can know) and what it is an example of (`as`).
"""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

from circles.circle import reference
from tests.matching.banks import BANKS, WITH_ACCOUNT, WORDS, Fields, british, mess, spanish

FILE = Path(__file__).parent.parent / "vectors" / "payments.json"
SEED = 20261125
MONTHS = ("2026-08", "2026-09", "2026-10", "2026-11", "2026-12", "2027-01", "2027-02", "2027-03")
Json = dict[str, Any]

# Handle in the circle, name at the bank, monthly amount. Some call themselves what no bank knows.
PEOPLE = (
    ("Ann Weber", "Anneliese Weber", 1000),
    ("Jürgen", "Jürgen Großmann", 1000),
    ("Bea", "Beate Hölzl-Müller", 500),
    ("wren", "Martha Okafor", 1000),
    ("Søren", "Søren Kjærgård", 2000),
    ("Zoë B", "Zoë Brontë", 500),
    ("Peter Weber", "Peter Weber", 1000),
    ("Łukasz", "Łukasz Wiśniewski", 1000),
    ("Marie-Claire", "Marie-Claire Dubois-Lefèvre", 750),
    ("tom the baker", "Thomas Baker", 1000),
    ("Núria", "Núria Puigdomènech i Casas", 500),
    ("Giulia", "Giulia D'Angelo", 1000),
    ("old oak", "Friedrich Wilhelm von der Heydt", 1500),
    ("Lena", "Lena Kowalski", 500),
    ("Kowalski", "Jan Kowalski", 1000),
    ("Ina & Uwe", "Ina Straßer", 2000),
    ("May", "May Nguyen", 1000),
    ("Björk", "Björk Jónsdóttir", 1000),
    ("Will", "William Smith", 500),
    ("Ruben", "Ruben van den Broek", 1250),
    ("Tess", "Tess van den Broek", 1000),
    ("Ola", "Ola Nordmann", 1000),
    ("Kim", "Kim Nordmann", 1000),
    ("Dot", "Dorothy Penhaligon-Featherstonehaugh", 800),
)
# Whose accounts were confirmed before. Two couples pay from one account each; Kowalski pays for
# his daughter Lena, too; a grandmother who is no member pays for Will.
ALONE = ("Ann Weber", "Jürgen", "Bea", "wren", "Søren", "Marie-Claire", "Giulia", "old oak", "May",
         "Łukasz", "Dot", "Ina & Uwe")  # fmt: skip
SHARED = (("Ruben", "Tess"), ("Ola", "Kim"), ("Kowalski", "Lena"))
GRANNY = ("Will", "Edith Smith")
STRANGERS = (
    "Stadtwerke Ahornheim", "Malerbetrieb Pinsel GmbH", "Webers Backstube KG", "Finanzamt",
    "A. Nonym", "Kirchengemeinde St. Anna", "Musikverein Lena e.V.", "May & Sons Ltd",
    "Hotel Peter",
)  # fmt: skip


class Maker:
    """One file in the making."""

    def __init__(self) -> None:
        self.rng = random.Random(SEED)
        drawn = self.rng.sample(range(1000, 999_999), len(PEOPLE) + 4)
        numbers = [f"M{n}" for n in drawn]
        self.number = {p[0]: n for p, n in zip(PEOPLE, numbers, strict=False)}
        self.bank_name = {p[0]: p[1] for p in PEOPLE}
        self.usual = {p[0]: p[2] for p in PEOPLE}
        self.former, self.elsewhere = numbers[-4:-2], numbers[-2:]
        self.iban = {p[0]: self._iban() for p in PEOPLE}
        self.granny = self._iban()
        self.lines: list[Json] = []
        self.day = 1
        self.extra: Json = {}

    def _iban(self) -> str:
        return f"XX{self.rng.randrange(10, 98)}" + "".join(self.rng.choices("0123456789", k=16))

    def ref(self, who: str) -> str:
        return reference.of(self.number[who])

    # ------------------------------------------------------------ one line

    def add(self, what: str, amount: int, fields: Fields, truth: Any, **more: Any) -> None:
        """`truth`: a list of [kind, whose or what, amount], or None."""
        clean = {key: value for key, value in fields.items() if value}
        self.lines.append(
            {"as": what, "on": self.day, "amount_minor": amount, **clean, "truth": truth, **more}
        )
        self.day = min(self.day + (self.rng.random() < 0.45), 28)

    def fields(self, who: str, said: str, *, payer: str | None = None) -> Fields:
        name, iban = self.bank_name[payer or who], self.iban[payer or who]
        return self.rng.choice(BANKS)(self.rng, said, self.rng.choice(WORDS), name, iban)

    def paid(self, what: str, who: str, said: str, amount: int | None = None, **kw: Any) -> None:
        amount = self.usual[who] if amount is None else amount
        self.add(
            what, amount, self.fields(who, said, **kw), [["contribution", self.number[who], amount]]
        )

    def unlinked(self) -> list[str]:
        linked = {*ALONE, *(who for pair in SHARED for who in pair), GRANNY[0]}
        return [p[0] for p in PEOPLE if p[0] not in linked]

    # ------------------------------------------------------------ a month of it

    def month(self, month: str) -> Json:
        self.lines, self.day = [], 1
        self.extra = {"ways": [], "untied": [], "arrived": [], "cash_minor": 0}
        people = [p[0] for p in PEOPLE]
        self.rng.shuffle(people)
        by_reference, others = people[:9], people[9:]
        for who in by_reference:
            self.paid("reference", who, mess(self.rng, self.ref(who)))
        self._halves(by_reference)
        self._odd_references(others)
        self._known_payers(others)
        self._pairs()
        self._doubtful(others)
        self._strangers()
        self._out(month)
        self._typed(month)
        order = sorted(range(len(self.lines)), key=lambda i: self.lines[i]["on"])
        return {"month": month, **self.extra, "lines": [self.lines[i] for i in order]}

    def _halves(self, used: list[str]) -> None:
        who, more, twice = used[0], used[1], used[2]
        self.paid("two lines for one pledge", who, mess(self.rng, self.ref(who)), 300)
        self.paid("over-payment", more, mess(self.rng, self.ref(more)), self.usual[more] * 3)
        for _ in range(2):
            self.paid("twins of a day", twice, self.ref(twice))
        other = self.rng.choice([p for p in self.unlinked() if p != who])
        self.paid("paid for by another, by reference", who, self.ref(who), payer=other)

    def _odd_references(self, others: list[str]) -> None:
        rng = self.rng
        a, b, c, d, e, f = rng.sample(others, 6)
        wrong = self.ref(a)
        wrong = wrong[:2] + f"{(int(wrong[2:4]) + rng.randrange(1, 60)) % 97:02d}" + wrong[4:]
        self.paid("slip in the check digits", a, wrong)
        at = rng.randrange(5, len(self.ref(b)) - 1)
        text = self.ref(b)
        if text[at] != text[at + 1]:
            swapped = text[:at] + text[at + 1] + text[at] + text[at + 2 :]
            self.paid("digits swapped", b, swapped)
        lost = self.ref(c)
        at = rng.randrange(5, len(lost))
        self.paid("a digit lost", c, lost[:at] + lost[at + 1 :])
        self.paid("digits glued behind", d, self.ref(d) + f"{rng.randrange(10**6):06d}")
        if "0" in self.ref(e)[4:]:
            self.paid("letter O for a zero", e, self.ref(e)[:4] + self.ref(e)[4:].replace("0", "O"))
        self.paid("number alone", f, rng.choice((self.number[f], self.number[f].lower())))

    def _known_payers(self, others: list[str]) -> None:
        rng = self.rng
        here = [who for who in others if who in ALONE]
        for who in here[:3]:
            self.paid("known account", who, rng.choice(("", "Dauerauftrag", "wie immer")))
        for who in here[3:4]:
            self.paid("known account, other amount", who, "", self.usual[who] + 250)
        who, name = GRANNY
        amount = self.usual[who]
        fields = rng.choice(BANKS)(rng, "fuer meinen Enkel", "", name, self.granny)
        self.add("granny pays", amount, fields, [["contribution", self.number[who], amount]])
        for who in self.unlinked()[:2]:
            self.paid("name alone", who, "")

    def _pairs(self) -> None:
        rng = self.rng
        (a, b), (c, d), (father, child) = SHARED
        both = self.usual[a] + self.usual[b]
        parts = [["contribution", self.number[x], self.usual[x]] for x in (a, b)]
        said = f"{mess(rng, self.ref(a))} + {mess(rng, self.ref(b))}"
        self.add("one line for two, both references", both, self.fields(a, said), parts)
        parts = [["contribution", self.number[x], self.usual[x]] for x in (c, d)]
        both = self.usual[c] + self.usual[d]
        self.add("one line for two, their account", both, self.fields(c, ""), parts)
        amount = self.usual[child]
        fields = rng.choice(BANKS)(rng, "fuer Lena", "", self.bank_name[father], self.iban[father])
        truth = [["contribution", self.number[child], amount]]
        self.add("father pays for a child", amount, fields, truth)
        who = rng.choice(self.unlinked())
        details = [
            {"amount_minor": self.usual[x], "reference": self.ref(x), "counterparty": x}
            for x in (a, who, d)
        ]
        total = sum(detail["amount_minor"] for detail in details)
        parts = [["contribution", self.number[x], self.usual[x]] for x in (a, who, d)]
        self.add("batch", total, {"text": "SAMMELGUTSCHRIFT", "details": details}, parts)

    def _doubtful(self, others: list[str]) -> None:
        """Each would be wrong to book by itself."""
        rng = self.rng
        a, b, c, d = rng.sample(others, 4)
        amount = self.usual[a]
        truth = [["contribution", self.number[a], amount]]
        said = f"{self.ref(a)} not {self.ref(b)} as last month"
        self.add("two references, one meant", amount, self.fields(a, said), truth)
        payer = rng.choice([who for who in ALONE if who != c])
        amount = self.usual[c]
        truth = [["contribution", self.number[payer], amount]]
        said = f"like {self.ref(c)} told me"
        # From an account that is known: with nothing else to go by, a reference counts.
        bank = rng.choice(WITH_ACCOUNT)
        fields = bank(rng, said, rng.choice(WORDS), self.bank_name[payer], self.iban[payer])
        self.add("another’s reference in the text", amount, fields, truth)
        amount, truth = self.usual[d], [["contribution", self.number[d], self.usual[d]]]
        said = reference.of(rng.choice(self.elsewhere))
        self.add("reference of another circle", amount, self.fields(d, said), truth)
        left = self.former[0]
        fields = rng.choice(BANKS)(
            rng, mess(rng, reference.of(left)), "", "Egon Fort", self._iban()
        )
        self.add("reference of who has left", 1000, fields, None)

    def _strangers(self) -> None:
        rng = self.rng
        for name in rng.sample(STRANGERS, 4):
            amount = rng.choice((1000, 500, 1990, 12345, 2500))
            said = rng.choice(("Rechnung 4711", "Gutschrift", "RF 18 Meter Kabel", "RFID M12", ""))
            fields = rng.choice(BANKS)(rng, said, "", name, self._iban())
            self.add("a stranger", amount, fields, None)
        number = self.number[rng.choice(self.unlinked())]
        fields = british(rng, f"INV {number}", "", "MALER PINSEL", self._iban())
        self.add("an invoice with a member’s number", 4711, fields, None)
        fields = rng.choice(BANKS)(rng, "Spende Strassenfest", "", "Verein Ahorn", self._iban())
        self.add("a gift", 2300, fields, [["gift", None, 2300]])
        self.add("interest", 42, {"text": "HABENZINSEN 3. QUARTAL", "kind": "INT"},
                 [["interest", None, 42]])  # fmt: skip
        self.extra["cash_minor"] = 5000
        text = rng.choice(("BAREINZAHLUNG FILIALE 12", "VERSEMENT ESPECES", "STORTING 0031"))
        self.add("own cash", 3500, {"text": text}, [["deposit", None, 3500]])

    def _out(self, month: str) -> None:
        rng = self.rng
        for n, (state, name, amount) in enumerate(
            (("sent", "Suppenküche Ahorn", 4500), ("sent", "Radwerkstatt", 6200),
             ("settled", "Frau Teresa Blume", 3100), ("confirmed", "Chor der Straße", 2750))
        ):  # fmt: skip
            said = f"CIRCLES-{month}-{n}-{rng.randrange(16**6):06X}"
            way = {"id": f"{month}-{n}", "amount_minor": amount, "state": state, "name": name,
                   "iban": self._iban(), "reference": said}  # fmt: skip
            self.extra["ways"].append(way)
        soup, bikes, blume, choir = self.extra["ways"]
        said = mess(rng, soup["reference"])
        fields = rng.choice(BANKS)(rng, said, "", soup["name"], soup["iban"])
        self.add("payout by reference", -4500, fields, [["payout", soup["id"], 4500]])
        fields = rng.choice(BANKS)(rng, "Ihre Hilfe", "", bikes["name"], bikes["iban"])
        self.add("payout by account or name", -6200, fields, [["payout", bikes["id"], 6200]])
        fields = rng.choice(BANKS)(rng, choir["reference"], "", choir["name"], choir["iban"])
        self.add("payout not marked as sent", -2750, fields, [["payout", choir["id"], 2750]])
        fields = {"text": f"RUECKUEBERWEISUNG AC04 {blume['reference']}", "kind": "PMNT/ICDT/RRTN",
                  "counterparty": "TERESA BLUME", "iban": blume["iban"]}  # fmt: skip
        self.add("payout that came back", 3100, fields, [["payout_returned", blume["id"], 3100]])
        fee = {"text": rng.choice(("ENTGELTABSCHLUSS", "FRAIS DE TENUE", "ACCOUNT FEE", "KOSTEN")),
               "kind": rng.choice(("FEE", "ACMT/MCOP/CHRG", "NCHG", None))}  # fmt: skip
        self.add("fee", -290, fee, [["fee", None, 290]])
        fields = rng.choice(BANKS)(rng, "Kursgebuehr", "", "Turnverein", self._iban())
        self.add("a stranger’s fee", -4500, fields, None)
        who = rng.choice(ALONE)
        self.extra["arrived"].append(
            {"id": f"{month}-came", "days_before": 20, "amount_minor": self.usual[who],
             "number": self.number[who], "iban": self.iban[who]}
        )  # fmt: skip
        fields = {"text": rng.choice(("RETOURE SEPA AC06", "RUECKLASTSCHRIFT", "REJET VIR MS03")),
                  "kind": "PMNT/RCDT/RRTN", "counterparty": self.bank_name[who],
                  "iban": self.iban[who]}  # fmt: skip
        truth = [["returned", f"{month}-came", self.usual[who]]]
        self.add("bounced payment", -self.usual[who], fields, truth)
        back = self.former[1]
        self.extra["former_held"] = {back: 1700}
        fields = spanish(rng, f"devuelto a {back} gracias", "", "Egon Fort", self._iban())
        self.add("refund to who has left", -1700, fields, [["refund", back, 1700]])

    def _typed(self, month: str) -> None:
        """Typed by hand before the file came."""
        who = self.unlinked()[-1]
        amount = 1111
        transfer = {"id": f"{month}-typed", "on": min(self.day + 1, 28), "amount_minor": amount,
                    "kind": "contribution", "number": self.number[who]}  # fmt: skip
        self.extra["untied"].append(transfer)
        fields = self.fields(who, mess(self.rng, self.ref(who)))
        self.add("typed by hand before", amount, fields, [["tie", transfer["id"], amount]])


def made() -> Json:
    """The whole file as a value."""
    maker = Maker()
    months = [maker.month(month) for month in MONTHS]
    payers = [[maker.iban[who], [maker.number[who]]] for who in ALONE]
    payers += [
        [maker.iban[x], [maker.number[a], maker.number[b]]] for a, b in SHARED for x in (a, b)
    ]
    payers.append([maker.granny, [maker.number[GRANNY[0]]]])
    return {
        "source": "made for this project by tests/matching/making.py; all people are made up",
        "people": [
            {"number": maker.number[handle], "handle": handle, "usual_minor": usual}
            for handle, _name, usual in PEOPLE
        ],
        "former": maker.former,
        "payers": payers,
        "months": months,
    }


if __name__ == "__main__":
    FILE.write_text(json.dumps(made(), ensure_ascii=False, indent=1) + "\n", "utf-8")
