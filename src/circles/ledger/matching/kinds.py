"""Words and codes by which banks say what a line is, in the languages of our readers' samples.

The bank's own code counts most; words alone are a hint, because payers write them too.
"""

from __future__ import annotations

import re

from circles.ledger.matching.names import folded, readings
from circles.ledger.matching.values import Seen

_CODES = {
    "fee": re.compile(r"(/|^)(CHRG|FEES|COMM|COME|CHAR)(/|$)|^(FEE|SRVCHG)$|^[NFS]?(CHG|COM)$"),
    "interest": re.compile(r"(/|^)(INTR|CINT)(/|$)|^INT$|^[NFS]?INT$"),
    "returned": re.compile(
        r"(/|^)(RRTN|RIMB|UPDD|PRDD|RCCN|RPCR|ARET|RVPO|UPCQ)(/|$)|^[NFS]?(RTI|RET)$"
    ),
    "cash": re.compile(r"(/|^)(CDPT|CNTR/.*DEPT|MSCD)(/|$)|^(CASH|ATM)$"),
}
_WORDS = {
    "fee": (
        "entgelt kontoführung gebühr gebühren abschluss bankgebühr kontoführungsgebühr bankkosten "
        "rekeningkosten kosten betalpakket frais commission cotisation abonnement fee fees charge "
        "charges comisión comisiones mantenimiento canone spese bollo opłata prowizja poplatek "
        "avgift gebyr tarif servicekosten"
    ),
    "interest": (
        "zins zinsen habenzins habenzinsen sollzinsen rente rentevergoeding creditrente intérêts "
        "interest interessi intereses odsetek odsetki úrok úroky ränta renter kamat korko"
    ),
    "returned": (
        "rücklastschrift rückbuchung rückläufer rückgabe rücküberweisung retoure retour returned "
        "return unpaid bounced rejet rejeté impayé impayée devolución devuelto devuelta insoluto "
        "storno stornering chargeback reversal terugboeking gestorneerd zwrot vrácení palautus "
        "unzustellbar"
    ),
    "cash": (
        "bareinzahlung einzahlung eigeneinzahlung storting kasstorting versement espèces cash "
        "ingreso efectivo versamento contanti wpłata gotówkowa vklad hotovosti insättning"
    ),
    "gift": (
        "spende zuwendung donation don donatie gift schenking donativo donazione darowizna dar "
        "gåva gave lahjoitus adomány doação"
    ),
    "refund": "erstattung rückzahlung refund remboursement terugbetaling reembolso rimborso",
}
_SETS = {kind: frozenset(folded(words)) for kind, words in _WORDS.items()}
# ISO 20022 reasons for a return (AC01 wrong account ... MS03), as banks write them into the text.
_REASONS = re.compile(
    r"\b(AC0[1346]|AC13|AG0[12]|AM0[45]|BE0[45]|MD0[1267]|MS0[23]|RC01|RR0[1-4]|SL01|TM01|FOCR|DNOR)\b"
)


def told(seen: Seen) -> frozenset[str]:
    """What the bank's code says: of "fee", "interest", "returned", "cash"."""
    code = (seen.kind or "").strip().upper()
    return frozenset(kind for kind, pattern in _CODES.items() if pattern.search(code))


def worded(seen: Seen) -> frozenset[str]:
    """What words in the line hint at: of those, "gift" and "refund"."""
    payment = seen.payment
    texts = (
        seen.kind,
        payment.text,
        payment.reference,
        payment.end_to_end,
        payment.counterparty,
    )
    text = " ".join(t for t in texts if t)
    words = [word for reading in readings(text) for word in folded(reading)]
    found = {kind for kind, wanted in _SETS.items() if wanted.intersection(words)}
    if any(word.startswith(("rucklastschr", "ruckuberw")) for word in words):
        found.add("returned")
    if _REASONS.search(text.upper()):
        found.add("returned")
    return frozenset(found)
