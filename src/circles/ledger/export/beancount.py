"""Beancount (https://beancount.github.io/docs/beancount_language_syntax.html).

A balance directive holds at the start of its day and tolerates a small difference unless told
otherwise: so ours stand on the day after the last and say `~ 0`.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from circles.ledger.export.values import Booked, BookValues, on_one_line

_BANK = "Assets:Bank:"


class Beancount:
    """See `values.Writer`."""

    def __init__(self, book: BookValues) -> None:
        self._book = book

    def begin(self) -> Iterator[str]:
        book = self._book
        yield f'option "title" {quoted(book.title)}\n'
        yield f'option "operating_currency" "{book.currency}"\n'
        for code in book.accounts:
            yield f"{book.first} open {account(code)} {book.currency}\n"
        before = {code: sums.before for code, sums in book.accounts.items() if sums.before}
        if before:
            yield f'\n{book.first} * "brought forward"\n'
            for code, amount in before.items():
                yield self._posting(code, amount)

    def line(self, booked: Booked) -> str:
        one = booked.transfer
        note = f" {quoted(booked.note)}" if booked.note else ""
        lines = [f'\n{one.effective_on} * "{one.kind}"{note}\n', f"  seq: {one.seq}\n"]
        if one.business_ref:
            lines.append(f"  ref: {quoted(one.business_ref)}\n")
        if booked.reverses_seq is not None:
            lines.append(f"  reverses: {booked.reverses_seq}\n")
        lines.append(self._posting(one.debit, one.amount_minor))
        lines.append(self._posting(one.credit, -one.amount_minor))
        return "".join(lines)

    def end(self) -> Iterator[str]:
        book = self._book
        if book.last is None:
            return
        yield "\n; What stands in each account at the end. Not a cent may differ.\n"
        day = book.last + timedelta(days=1)
        for code, sums in book.accounts.items():
            stands, exactly = book.amount(sums.after), book.amount(0)
            yield f"{day} balance {account(code)} {stands} ~ {exactly} {book.currency}\n"

    def _posting(self, code: str, amount_minor: int) -> str:
        return f"  {account(code)}  {self._book.amount(amount_minor)} {self._book.currency}\n"


def account(code: str) -> str:
    """The code as beancount takes it: each part must begin with a capital or a digit.

    A bank account may be named otherwise in our books; it then gets `X-` before its name, and so
    does one that begins so already: no two become one.
    """
    name = code.removeprefix(_BANK)
    if name == code or ((name[0].isupper() or name[0].isdigit()) and not name.startswith("X-")):
        return code
    return f"{_BANK}X-{name}"


def quoted(text: str) -> str:
    """A string in quotes, on one line."""
    plain = on_one_line(text).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{plain}"'
