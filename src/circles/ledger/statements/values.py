"""Amounts, dates and words out of a bank's text: exact, or a reason in words why not."""

from __future__ import annotations

import re
from datetime import date
from functools import lru_cache

from circles import money
from circles.circle.iban import mod97
from circles.web.i18n import gettext as _

AMOUNT_CHARS_MAX = 40
_MINUS = "-\u2212\u2013\u2012\u2010\ufe63\uff0d"
_PLAIN = re.compile(r"([+-]?)([0-9]{1,18})(?:\.([0-9]*))?", re.ASCII)
_COMMA = re.compile(r"([0-9]{1,18})(?:,([0-9]*))?", re.ASCII)
_IBAN = re.compile(r"[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}", re.ASCII)
_CURRENCY = re.compile(r"[A-Z]{3}", re.ASCII)
_ALIKE = frozenset("OolISBZQD")
_ODD_SPACE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u202a-\u202e\u2060-\u2064"
    "\u2066-\u206f\ufeff\ufff9-\ufffb\\s]+"
)
# Not of any alphabet: what stands for nothing, in the ways banks write it.
NOTHING = frozenset(
    {
        "NOTPROVIDED",
        "NONREF",
        "NOT PROVIDED",
        "NONE",
        "N/A",
        "KEINE REF",
        "EREF+",
        "KREF+",
        "EREF",
        "KREF",
    }
)


class ValueProblem(Exception):  # noqa: N818 - it is raised to become a Problem, never shown itself
    """Why a text is no amount or no date, in words."""


@lru_cache(maxsize=256)
def digits_of(currency: str | None) -> int:
    """Digits after the point; two where the currency is not known."""
    return money.minor_digits(currency) if currency else 2


def _no_amount(text: str) -> ValueProblem:
    said = _("“%(text)s” is no amount.") % {"text": short(text)}
    for sign in text:
        if sign in _ALIKE:
            return ValueProblem(said + " " + _("There is a letter %(x)s in it.") % {"x": sign})
    if not text.strip():
        return ValueProblem(_("The amount is missing."))
    return ValueProblem(said)


def short(text: str) -> str:
    """At most some forty letters of it, without what cannot be shown."""
    shown = clean(text) or ""
    return shown if len(shown) <= AMOUNT_CHARS_MAX else shown[: AMOUNT_CHARS_MAX - 1] + "…"


def _minor(sign: str, whole: str, part: str, currency: str | None, text: str) -> int:
    digits = digits_of(currency)
    if part[digits:].strip("0"):
        raise ValueProblem(
            _("“%(text)s” has more digits than %(currency)s has.")
            % {"text": short(text), "currency": currency or _("money with two digits")}
        )
    amount = int(whole + part[:digits].ljust(digits, "0"))
    if amount > money.AMOUNT_MINOR_MAX:
        raise ValueProblem(
            _("“%(text)s” is more money than can be counted here.") % {"text": short(text)}
        )
    return -amount if sign == "-" else amount


def point_amount(text: str, currency: str | None) -> int:
    """`-1234.50`: a point, no groups. ValueProblem for anything else."""
    found = _PLAIN.fullmatch(text)
    if found is None:
        raise _no_amount(text)
    return _minor(found[1], found[2], found[3] or "", currency, text)


def comma_amount(text: str, currency: str | None) -> int:
    """`1234,5` as in MT940: a comma, no groups, no sign."""
    found = _COMMA.fullmatch(text)
    if found is None:
        raise _no_amount(text)
    return _minor("", found[1], found[2] or "", currency, text)


def either_amount(text: str, currency: str | None) -> int:
    """A point or a comma, as OFX allows; with both, the last one counts.

    A lone comma before just three digits may be either and is refused, not guessed.
    """
    text = text.strip()
    found = _PLAIN.fullmatch(text)
    if found is not None:
        return _minor(found[1], found[2], found[3] or "", currency, text)
    if "," not in text:
        return grouped_amount(text, currency, ".")
    if "." in text or text.count(",") > 1:
        return grouped_amount(text, currency, "," if text.rfind(",") > text.rfind(".") else ".")
    head, _sign, tail = text.partition(",")
    bare = head.lstrip("+-")
    if len(tail) == 3 and 1 <= len(bare) <= 3 and bare != "0" and digits_of(currency) != 3:  # noqa: PLR2004 - a group of three
        raise ValueProblem(
            _("“%(text)s” can be read in two ways: is the comma a point?") % {"text": short(text)}
        )
    return grouped_amount(text, currency, ",")


_UNIT = re.compile(r"(?:[A-Za-z]{1,4}\.?|[€$£¥₹₽₺₩₪₫₴₦฿₱₡]|zł|Kč|Ft)", re.ASCII)
_GROUPS = re.compile(r"[0-9]{1,3}(?:([.,' ’])[0-9]{3})(?:\1[0-9]{3})*|[0-9]+", re.ASCII)


def grouped_amount(text: str, currency: str | None, decimal: str) -> int:
    """As people and CSV files write: groups of three, sign before or after, brackets, a unit."""
    if len(text) > AMOUNT_CHARS_MAX:
        raise _no_amount(text)
    rest = text.strip().replace("\u00a0", " ").replace("\u202f", " ").replace("\u2009", " ")
    negative, rest = _sign(rest)
    whole, _point, part = rest.rpartition(decimal) if decimal in rest else (rest, "", "")
    groups = _GROUPS.fullmatch(whole or "0") if rest else None
    if groups is None or groups[1] == decimal or not (part == "" or part.isdecimal()):
        raise _no_amount(text)
    if not (whole or part) or not part.isascii():
        raise _no_amount(text)
    plain = "".join(c for c in whole if c.isdigit()) or "0"
    return _minor("-" if negative else "", plain, part, currency, text)


def _sign(text: str) -> tuple[bool, str]:
    """Whether it is negative, and what is left without signs and units."""
    negative = False
    if text.startswith("(") and text.endswith(")"):
        negative, text = True, text[1:-1].strip()
    text, minus = _without_sign(text)
    unit = _UNIT.match(text)
    if unit:
        text = text[unit.end() :].strip()
    elif (tail := re.search(r"\s*([A-Za-z]{2,4}|[€$£¥₹₽₺₩₪₫₴₦฿₱₡]|zł|Kč)$", text)) is not None:
        word = tail[1].upper()
        negative = negative or word == "DR"
        text = text[: tail.start()].strip()
    text, again = _without_sign(text)
    return negative or minus or again, text


def _without_sign(text: str) -> tuple[str, bool]:
    if text[:1] in _MINUS and text:
        return text[1:].strip(), True
    if text[-1:] in _MINUS and text:
        return text[:-1].strip(), True
    return (text[1:].strip() if text[:1] == "+" else text), False


_OFX_DATE = re.compile(r"([0-9]{4})-?([0-9]{2})-?([0-9]{2})(?![0-9]{1}$)", re.ASCII)


@lru_cache(maxsize=4096)
def iso_date(text: str) -> date:
    """`2026-11-03` or `20261103`, whatever time follows. ValueProblem if there is no such day."""
    found = _OFX_DATE.match(text.strip())
    if found is None:
        raise no_date(text)
    return day(int(found[1]), int(found[2]), int(found[3]), text)


def day(year: int, month: int, of_month: int, text: str) -> date:
    """A date, or a ValueProblem that says that there is no such day."""
    try:
        return date(year, month, of_month)
    except ValueError as error:
        raise ValueProblem(
            _("“%(text)s”: there is no such day.") % {"text": short(text)}
        ) from error


def no_date(text: str) -> ValueProblem:
    """What to raise for a text that is no date."""
    if not text.strip():
        return ValueProblem(_("The date is missing."))
    return ValueProblem(_("“%(text)s” is no date.") % {"text": short(text)})


def clean(text: str | None) -> str | None:
    """One line: runs of spaces and control characters become one space; None if nothing is left."""
    if not text:
        return None
    if text.isprintable() and "  " not in text:
        return text.strip() or None
    return _ODD_SPACE.sub(" ", text).strip() or None


def given(text: str | None) -> str | None:
    """As `clean`, and None for the ways in which banks write "nothing"."""
    text = clean(text)
    return None if text is None or text.upper() in NOTHING else text


def number(text: str | None) -> str | None:
    """An account's number as the bank writes it, without spaces and what cannot be seen."""
    return "".join((clean(text) or "").split()) or None


def iban(text: str | None) -> str | None:
    """The IBAN in capitals without spaces, or None if it is none or has a slip."""
    if not text:
        return None
    plain = "".join(text.split()).upper()
    return plain if _IBAN.fullmatch(plain) and mod97(plain[4:] + plain[:4]) == 1 else None


def currency(text: str | None) -> str | None:
    """An ISO 4217 code in capitals, or None."""
    plain = (text or "").strip().upper()
    return plain if _CURRENCY.fullmatch(plain) else None
