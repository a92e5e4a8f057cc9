"""The plain-text journal of hledger (https://hledger.org/hledger.html) and Ledger
(https://ledger-cli.org/doc/ledger3.html), with everything declared that their strict modes ask for.

Words of people stand behind a tag of their own line: there neither program reads them as anything.
"""

from __future__ import annotations

from collections.abc import Iterator

from circles.ledger.export.values import Booked, BookValues, on_one_line

# Ledger reads a day in square brackets anywhere in a comment, and stops at one that is none.
_BRACKETS = str.maketrans("[]", "()")


class _Journal:
    """See `values.Writer`; the two dialects differ in how a currency is declared."""

    def __init__(self, book: BookValues) -> None:
        self._book = book

    def _unit(self) -> str:
        """The sample amount that tells how many digits the currency has."""
        return self._book.amount(1000 * 10**self._book.minor_digits)

    def begin(self) -> Iterator[str]:
        book = self._book
        yield f"; {plain(book.title)}\n"
        yield f"commodity {book.currency}\n    format {self._unit()} {book.currency}\n"
        yield "tag note\ntag ref\ntag reverses\n"
        for code in book.accounts:
            yield f"account {code}\n"
        before = {code: sums.before for code, sums in book.accounts.items() if sums.before}
        if before:
            yield f"\n{book.first} * brought forward\n"
            for code, amount in before.items():
                yield self._posting(code, amount)

    def line(self, booked: Booked) -> str:
        one = booked.transfer
        lines = [f"\n{one.effective_on} * ({one.seq}) {one.kind}\n"]
        if one.business_ref:
            lines.append(f"    ; ref: {plain(one.business_ref)}\n")
        if booked.reverses_seq is not None:
            lines.append(f"    ; reverses: {booked.reverses_seq}\n")
        if booked.note:
            lines.append(f"    ; note: {plain(booked.note)}\n")
        lines.append(self._posting(one.debit, one.amount_minor))
        lines.append(self._posting(one.credit, -one.amount_minor))
        return "".join(lines)

    def end(self) -> Iterator[str]:
        book = self._book
        if book.last is None or not book.accounts:
            return
        yield f"\n{book.last} * what stands in each account at the end\n"
        for code, sums in book.accounts.items():
            yield (
                f"    {code}  {book.amount(0)} {book.currency}"
                f" = {book.amount(sums.after)} {book.currency}\n"
            )

    def _posting(self, code: str, amount_minor: int) -> str:
        return f"    {code}  {self._book.amount(amount_minor)} {self._book.currency}\n"


class Ledger(_Journal):
    """For `ledger --strict --pedantic`."""


class Hledger(_Journal):
    """For `hledger check --strict`: it wants a decimal mark even where there are no digits."""

    def _unit(self) -> str:
        unit = super()._unit()
        return unit if self._book.minor_digits else f"{unit}."


def plain(text: str) -> str:
    """Words as they may stand behind a tag."""
    words = on_one_line(text).translate(_BRACKETS)
    # hledger reads another tag behind a comma, wherever a colon follows.
    before, colon, behind = words.rpartition(":")
    return before.replace(",", ";") + colon + behind
