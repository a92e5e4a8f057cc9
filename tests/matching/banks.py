"""How banks of several countries write one payment: templates of our own, after what our readers'
samples look like. Everything is made up."""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from typing import Any

Fields = dict[str, Any]
Bank = Callable[[random.Random, str, str, str, str], Fields]

_OPEN = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", "Ä": "AE", "Ö": "OE", "Ü": "UE"})
_BARE = str.maketrans("äöüßéèêëáàâíóôúñçøåšžłÄÖÜÉ", "aousseeeeaaaioouncoaszlAOUE"[:26])
_LOST = re.compile(r"[^\x00-\x7f]")


def ascii_name(rng: random.Random, name: str) -> str:
    """Without umlauts: written out, taken off, or lost."""
    way = rng.randrange(3)
    if way == 0:
        return name.translate(_OPEN)
    return name.translate(_BARE) if way == 1 else _LOST.sub("?", name)


def mess(rng: random.Random, reference: str) -> str:
    """A reference as somebody typed it or a bank broke it: right, and not always easy to see."""
    ways: tuple[Callable[[], str], ...] = (
        lambda: reference,
        reference.lower,
        lambda: " ".join(reference[i : i + 4] for i in range(0, len(reference), 4)),
        lambda: reference[:2] + " " + reference[2:],
        lambda: reference[:4] + "-" + reference[4:],
        lambda: _cut(rng, reference, " "),
        lambda: _cut(rng, reference, "\n"),
        lambda: _cut(rng, reference, "- "),
        lambda: _cut(rng, reference, ". "),
        lambda: reference[:4] + "/" + reference[4:],
        reference.capitalize,
        lambda: ":" + reference + ".",
    )
    return rng.choice(ways)()


def _cut(rng: random.Random, text: str, by: str) -> str:
    at = rng.randrange(3, len(text) - 1)
    return text[:at] + by + text[at:]


WORDS = (
    "", "Beitrag", "Oktober", "monthly", "circle money", "Nachbarschaft", "merci", "pour le cercle",
    "bijdrage", "Danke an alle", "10/2026", "2026-11", "quota mensile", "aportación", "skladka",
    "MAPLE ROW", "fund", "for the neighbours", "10,00 EUR",
)  # fmt: skip


def german_mt940(rng: random.Random, ref: str, words: str, name: str, iban: str) -> Fields:
    """`?20` parts of 27 letters, joined; DAUERAUFTRAG in the code."""
    text = f"EREF+NOTPROVIDED SVWZ+{words} {ref}" if rng.random() < 0.5 else f"SVWZ+{ref} {words}"
    if rng.random() < 0.3:
        text = "".join(f"?2{i}{text[i * 27 : i * 27 + 27]}" for i in range(len(text) // 27 + 1))
    return {
        "text": text.upper() if rng.random() < 0.4 else text,
        "counterparty": ascii_name(rng, name).upper()[:27],
        "iban": iban,
        "kind": rng.choice(("GUTSCHRIFT", "DAUERAUFTRAG", "SEPA-UEBERW", "NTRF", "N062")),
    }


def german_csv(rng: random.Random, ref: str, words: str, name: str, iban: str) -> Fields:
    return {
        "text": rng.choice((f"{words} {ref}", f"{ref} {words}", f"{words}, {ref}")),
        "counterparty": rng.choice((name, name.upper(), ", ".join(reversed(name.split(" ", 1))))),
        "iban": iban,
        "kind": rng.choice(("Gutschrift", "Dauerauftragsgutschrift", None)),
    }


def camt(rng: random.Random, ref: str, words: str, name: str, iban: str) -> Fields:
    structured = rng.random() < 0.6
    return {
        "reference": ref if structured else None,
        "text": words if structured else f"{words} {ref}",
        "counterparty": name[:70],
        "iban": iban,
        "end_to_end": rng.choice((None, "NOTPROVIDED", f"{rng.randrange(10**9):09d}-01")),
        "kind": "PMNT/RCDT/ESCT",
    }


def dutch(rng: random.Random, ref: str, words: str, name: str, iban: str) -> Fields:
    return {
        "text": f"/TRTP/SEPA OVERBOEKING/IBAN/{iban}/BIC/INGBNL2A/NAME/{name[:20]}"
        f"/REMI/{words} {ref}/EREF/NOTPROVIDED",
        "counterparty": ascii_name(rng, name)[:32],
        "iban": iban,
        "kind": "N654",
    }  # fmt: skip


def french(rng: random.Random, ref: str, words: str, name: str, iban: str) -> Fields:
    title = rng.choice(("M", "MME", "M OU MME", "MLE"))
    who = ascii_name(rng, name).upper()
    return {
        "text": f"VIR SEPA RECU /DE {title} {who[:24]} /MOTIF {words} {ref} /REF NOTPROVIDED",
        "counterparty": f"{title} {who}"[:32],
        "iban": iban if rng.random() < 0.4 else None,
        "kind": "VIR",
    }


def british(rng: random.Random, ref: str, words: str, name: str, iban: str) -> Fields:
    """Eighteen letters of name and reference, then the bank's own digits at once."""
    return {
        "text": f"{ref} FP {rng.randrange(28) + 1:02d}/10/26 {rng.randrange(10**4):04d} {words}",
        "counterparty": ascii_name(rng, name).upper()[:18],
        "iban": None,
        "kind": rng.choice(("CREDIT", "DIRECTDEP", "XFER")),
    }


def swiss(rng: random.Random, ref: str, words: str, name: str, iban: str) -> Fields:
    return {
        "text": f"GUTSCHRIFT VON FREMDBANK AUFTRAGGEBER: {name.upper()}, DORFSTRASSE "
        f"{rng.randrange(90)} MITTEILUNGEN: {words} {ref}",
        "counterparty": name.upper()[:35],
        "iban": iban,
        "kind": "PMNT/RCDT/AUTT",
    }


def polish(rng: random.Random, ref: str, words: str, name: str, iban: str) -> Fields:
    text = f"PRZELEW PRZYCHODZACY TYTULEM: {words} {ref}"
    return {
        "text": "\n".join(text[i : i + 35] for i in range(0, len(text), 35)),
        "counterparty": ascii_name(rng, name).upper()[:35],
        "iban": iban,
        "kind": None,
    }


def italian(rng: random.Random, ref: str, words: str, name: str, iban: str) -> Fields:
    return {
        "text": f"BONIFICO A VOSTRO FAVORE DA {name.upper()[:20]} PER {words} {ref} "
        f"TRN {rng.randrange(10**16):016d}",
        "counterparty": name[:30] if rng.random() < 0.5 else None,
        "iban": iban if rng.random() < 0.5 else None,
        "kind": "48",
    }


def spanish(rng: random.Random, ref: str, words: str, name: str, iban: str) -> Fields:
    return {
        "text": f"TRANSFERENCIA DE {ascii_name(rng, name).upper()}, CONCEPTO {words} {ref}",
        "counterparty": None,
        "iban": None,
        "kind": "02",
    }


def numbered(rng: random.Random, ref: str, words: str, name: str, iban: str) -> Fields:
    """The reference rides in the payer's own id."""
    return {
        "text": words,
        "end_to_end": ref.replace("\n", " "),
        "counterparty": name,
        "iban": iban,
        "kind": "PMNT/RCDT/ESCT",
    }


# Those that always say from which account.
WITH_ACCOUNT: tuple[Bank, ...] = (german_mt940, german_csv, camt, dutch, swiss, polish, numbered)
BANKS: tuple[Bank, ...] = (
    german_mt940, german_csv, camt, dutch, french, british, swiss, polish, italian, spanish,
    numbered,
)  # fmt: skip
