"""Amounts in whole minor units of a currency. Never a float, never above 10^15 - 1."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation

from babel import Locale
from babel.numbers import (
    NumberFormatError,
    format_currency,
    format_decimal,
    get_currency_precision,
    get_decimal_symbol,
    parse_decimal,
)

from circles.errors import InvalidError

AMOUNT_MINOR_MAX = 10**15 - 1
CHARS_MAX = 32


class AmountError(InvalidError):
    """A text that is no amount, or one that does not fit the currency."""


def minor_digits(currency: str) -> int:
    """Digits after the point: EUR 2, JPY 0, KWD 3 (CLDR)."""
    return int(get_currency_precision(currency))


def to_decimal(amount_minor: int, currency: str) -> Decimal:
    """Exact major units."""
    return Decimal(amount_minor).scaleb(-minor_digits(currency))


def plain(amount_minor: int, currency: str, locale: str) -> str:
    """`135.00` or `135,00`: always the currency's full digits, no unit."""
    digits = minor_digits(currency)
    pattern = "#,##0" + ("." + "0" * digits if digits else "")
    return str(format_decimal(to_decimal(amount_minor, currency), format=pattern, locale=locale))


def with_unit(amount_minor: int, currency: str, locale: str) -> str:
    """`€135.00` or `135,00 €`, as the locale writes it."""
    return str(format_currency(to_decimal(amount_minor, currency), currency, locale=locale))


def parse(text: str, currency: str, locale: str) -> int:
    """Minor units from what a person typed; AmountError says what is wrong.

    The locale's decimal sign is taken, and a lone point or comma with the right number of digits
    behind it too, because phones offer either. Signs, exponents and words are refused.
    """
    cleaned = text.strip().replace("\u00a0", "").replace("\u202f", "").replace(" ", "")
    if not cleaned or len(cleaned) > CHARS_MAX:
        raise AmountError("Please write an amount, such as 5 or 10.")
    if not all(c.isascii() and (c.isdigit() or c in ".,'") for c in cleaned):
        raise AmountError(f"“{text.strip()}” is no amount. Digits only, such as 5 or 7.50.")
    value = _value(cleaned, currency, locale)
    minor = value.scaleb(minor_digits(currency))
    if minor != minor.to_integral_value():
        raise AmountError(
            f"“{text.strip()}” has more digits than {currency} has. Please leave some off."
        )
    if _reads_two_ways(cleaned, currency, locale):
        raise AmountError(
            f"“{text.strip()}” can be read in two ways. "
            "Please leave out the sign in it, or some of the digits behind it."
        )
    if minor > AMOUNT_MINOR_MAX:
        raise AmountError("That is more money than this page can count.")
    return int(minor)


def _reads_two_ways(cleaned: str, currency: str, locale: str) -> bool:
    """`1.000` where the point is the decimal sign: a thousand to the neighbour's bank, one here."""
    _head, found, tail = cleaned.rpartition(get_decimal_symbol(Locale.parse(locale)))
    return bool(found) and len(tail) > minor_digits(currency)


def _value(cleaned: str, currency: str, locale: str) -> Decimal:
    digits = minor_digits(currency)
    for sign in ".,":
        head, found, tail = cleaned.rpartition(sign)
        if found and digits and 1 <= len(tail) <= digits and head.isdecimal() and tail.isdecimal():
            return Decimal(f"{head}.{tail}")
    try:
        return Decimal(parse_decimal(cleaned, locale=Locale.parse(locale), strict=True))
    except (NumberFormatError, InvalidOperation) as error:
        raise AmountError(f"“{cleaned}” is no amount. Write it as 5 or 7.50.") from error
