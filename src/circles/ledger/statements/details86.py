"""What the bank tells of an MT940 line in :86: (or :NS:): four ways of writing it, and none.

`166?00GUTSCHRIFT?20SVWZ+…?31IBAN?32NAME` (Germany and neighbours), `/EREF/…/NAME/…/REMI/…` (the
Netherlands), an IBAN and a name on the first line, `:NS:` with numbered lines, or plain words.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from circles.ledger.statements import values

_CODED = re.compile(r"\s*([0-9]{3})?([?~@$&])(?=[0-9]{2})", re.ASCII)
_KEY = re.compile(
    r"(EREF|KREF|MREF|BREF|RREF|CRED|DEBT|COAM|OAMT|SVWZ|ABWA|ABWE|IBAN|BIC|PURP|CRNM|NM)\+|(MTLG):"
)
_SLASH = re.compile(
    r"/(EREF|PREF|MARF|CSID|TRTP|IBAN|BIC|NAME|REMI|CNTP|ISDT|SVCL|RTRN|ORDP|BENM|ADDR|ID|USTD|"
    r"STRD|CUST|PURP|OCMT|CHGS|TRCD|EXCH|ULTC|ULTD)/",
    re.ASCII,
)
_LEADING_IBAN = re.compile(r"([A-Z]{2}[0-9]{2}[A-Z0-9]{11,30})\s+(\S.{0,69})$", re.ASCII)
_FULL_PART = 26


@dataclass(frozen=True, slots=True)
class Told:
    """What was found; all of it may be missing."""

    counterparty: str | None = None
    iban: str | None = None
    account: str | None = None
    reference: str | None = None
    text: str | None = None
    kind: str | None = None


def told_by(tag: str, parts: list[str]) -> Told:
    """From the lines of one field."""
    if tag == "NS":
        return _numbered(parts)
    coded = _CODED.match(parts[0])
    if coded is not None:
        return _coded("".join(parts)[coded.end(1) if coded[1] else 0 :], coded[2])
    joined = "".join(parts)
    if joined.lstrip().startswith("/") and _SLASH.search(joined):
        return _slashed(joined)
    first = _LEADING_IBAN.match(parts[0].strip())
    number = values.iban(first[1]) if first else None
    if first and number:
        return Told(values.clean(first[2]), number, text=values.clean(" ".join(parts[1:])))
    return Told(text=values.clean(" ".join(parts)))


def _coded(text: str, mark: str) -> Told:
    """Subfields: 00 kind, 20-29 and 60-63 text, 30 bank, 31 account, 32-33 name, 38 IBAN."""
    found: dict[str, str] = {}
    last = ""
    for piece in text.split(mark)[1:]:
        if piece[:2].isdecimal():
            last = piece[:2]
            found.setdefault(last, "")
            found[last] += piece[2:]
        elif last:
            found[last] += mark + piece
    purpose = _purpose([found[k] for k in sorted(found) if "20" <= k <= "29" or "60" <= k <= "63"])
    keyed = _keyed(purpose, _KEY)
    account = values.clean(found.get("31"))
    return Told(
        counterparty=values.clean(_joined([found.get("32", ""), found.get("33", "")])),
        iban=values.iban(found.get("38"))
        or values.iban(account)
        or values.iban((keyed.get("IBAN") or " ").split(" ")[0]),
        account=account,
        reference=values.given(keyed.get("EREF")) or values.given(keyed.get("KREF")),
        text=values.clean(keyed.get("SVWZ")) or values.clean(purpose),
        kind=values.clean(found.get("00")),
    )


def _purpose(parts: list[str]) -> str:
    """Parts of 27 letters go on in the next; a new key word begins a new piece."""
    whole = ""
    for part in parts:
        if whole and (_KEY.match(part) or whole.endswith(" ")):
            whole = whole.rstrip() + " "
        whole += part
        if len(part.rstrip()) < _FULL_PART and part.strip():
            whole = whole.rstrip() + " "
    return whole


def _joined(parts: list[str]) -> str:
    return ("" if len(parts[0]) >= _FULL_PART else " ").join(parts)


def _keyed(text: str, key: re.Pattern[str]) -> dict[str, str]:
    """`EREF+a SVWZ+b` as a dictionary; the first of each counts."""
    found: dict[str, str] = {}
    hits = list(key.finditer(text))
    for i, hit in enumerate(hits):
        end = hits[i + 1].start() if i + 1 < len(hits) else len(text)
        found.setdefault(hit[hit.lastindex or 1], text[hit.end() : end].strip())
    return found


def _slashed(text: str) -> Told:
    found = _keyed(text, _SLASH)
    party = found.get("CNTP", "").split("/")
    remitted = found.get("REMI", "")
    for lead in ("USTD//", "STRD/CUR/", "/USTD//"):
        remitted = remitted.removeprefix(lead)
    take: Callable[[int], str] = lambda i: party[i] if len(party) > i else ""  # noqa: E731 - one line
    number = found.get("IBAN") or take(0)
    name = found.get("NAME") or take(2) or found.get("ORDP") or found.get("BENM")
    return Told(
        counterparty=values.clean((name or "").removeprefix("/NAME/").strip("/")),
        iban=values.iban(number.strip("/")),
        account=values.clean(number.strip("/")),
        reference=values.given(found.get("EREF", "").strip("/")),
        text=values.clean((remitted or found.get("USTD", "")).strip("/")) or values.clean(text),
        kind=values.clean(found.get("TRTP", "").strip("/")),
    )


def _numbered(parts: list[str]) -> Told:
    """Lines that begin with two digits: 01-14 text, 15-16 name, 17 the bank's word for it."""
    found: dict[str, str] = {}
    for part in parts:
        if part[:2].isdecimal():
            found[part[:2]] = found.get(part[:2], "") + part[2:]
    text = " ".join(found[k] for k in sorted(found) if "01" <= k <= "14")
    return Told(
        counterparty=values.clean(" ".join(found[k] for k in ("15", "16") if k in found)),
        text=values.clean(text),
        kind=values.clean(found.get("17")),
    )
