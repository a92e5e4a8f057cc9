"""The creditor reference (ISO 11649) under which a member pays in: the book number, with a check.

    >>> of("M0007")
    'RF95M0007'

It is a number, not a name, stays the same each month, and banks notice a slip in it.
"""

from __future__ import annotations

from circles.circle.iban import grouped, mod97

_CHARS_MAX = 21


def of(book_number: str) -> str:
    """`RF`, two check digits, the book number. ValueError for what no reference can hold."""
    if not (book_number.isascii() and book_number.isalnum() and len(book_number) <= _CHARS_MAX):
        raise ValueError(f"no part of a reference: {book_number!r}")
    body = book_number.upper()
    return f"RF{98 - mod97(body + 'RF00'):02}{body}"


def shown(reference: str) -> str:
    """In fours, as on paper."""
    return grouped(reference)


def book_number_in(text: str) -> str | None:
    """The book number of a reference as somebody wrote it, or None if it is none or has a slip."""
    plain = "".join(text.split()).upper()
    if not (plain.startswith("RF") and plain.isascii() and plain.isalnum()):
        return None
    if not plain[2:4].isdigit() or mod97(plain[4:] + plain[:4]) != 1:
        return None
    return plain[4:] or None
