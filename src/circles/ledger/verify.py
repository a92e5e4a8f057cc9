"""`circles ledger verify`: recompute the books from their transfers and name everything that does
not hold. Nothing stored is believed: not the balances, not the heads, not the guards.

1. chain: seq contiguous from 1, every prev_hash the hash before it, every hash recomputed.
2. rules: kinds allowed, floors held after each transfer, reversals mirror once, closed periods.
3. sums: every balance row is the fold of its transfers; the book's head and next_seq are the last.
4. beside it: accounts, notes, keys, seals (stored and logged), payouts, closed months, hand-overs,
   counts of the tin, allow-list, guards.

A chain alone does not stop a host from rewriting all of it: the seals in the signed public log do,
and those who keep a checkpoint. Pass them as `logged`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from circles.host import Host
from circles.ledger import chart
from circles.ledger.cash_counts import counts_of
from circles.ledger.problems import Problem, as_day, as_time
from circles.ledger.transfer import genesis
from circles.ledger.verify_acts import acts_of
from circles.ledger.verify_bank import bank_of
from circles.ledger.verify_chain import Chain, Claim
from circles.ledger.verify_payouts import payouts_of
from circles.ledger.verify_periods import handovers_of, periods_of
from circles.ledger.verify_rows import around, of_book
from circles.protocol.records import Seal
from circles.protocol.text import b64

__all__ = ["Problem", "Report", "verify_books"]


class Report(Protocol):
    """Told now and then how far the check has come, in transfers."""

    def __call__(self, checked: int, total: int) -> None: ...


async def verify_books(
    host: Host, report: Report, logged: Mapping[bytes, Sequence[Seal]] | None = None
) -> list[Problem]:
    """Every problem in every book of this host, as of one moment; an empty list if all holds.

    `logged`: by circle id, the seals that stand in its public log. Memory does not grow with the
    number of transfers.
    """
    problems: list[Problem] = []
    async with host.database.read() as db:
        total = int(await db.scalar(text("SELECT count(*) FROM ledger_transfer")) or 0)
        report(0, total)
        checked = 0
        books = (await db.execute(text("SELECT * FROM ledger_book ORDER BY id"))).all()
        for book in books:
            seals = (logged or {}).get(book.circle_id, ())
            chain = await _chain(db, book, seals, checked, total, report)
            checked += chain.checked
            problems += chain.problems
            problems += await of_book(db, book, chain)
            problems += await payouts_of(db, host.vault, book, chain.name)
            problems += await bank_of(db, host.vault, book, chain.name)
            problems += await periods_of(db, book, chain.name)
            problems += await handovers_of(db, book, chain.name)
            if chart.CASH in chain.folds:
                problems += await counts_of(db, book, chain.name)
        if checked != total:
            what = f"there are {total}, but only {checked} have a place in a book"
            problems.append(Problem("all books", "sequence", "transfers", what))
        problems += await around(db, host.database.dialect)
        problems += await acts_of(db, host.vault)
        problems += _no_book(books, logged or {})
    return problems


async def _chain(
    db: AsyncSession,
    book: Any,
    logged: Sequence[Seal],
    checked: int,
    total: int,
    report: Report,
) -> Chain:
    name = f"book of circle {b64(book.circle_id)}"
    claims, unread = await _claims(db, book, name)
    claims += [
        Claim(f"logged seal of {s.month}", s.transfers, s.head, s.fund_minor, None) for s in logged
    ]
    start: bytes | None
    try:
        opened_at = as_time(book.opened_at)
        start = genesis(book.id, book.circle_id, book.currency, book.minor_digits, opened_at)
    except ValueError:
        start = None
    chain = Chain(name, book.id, start, claims)
    chain.problems += unread
    if start is None:
        chain.found("book", "header", "its currency or opening time cannot be read")
    await chain.walk(db, lambda done: report(checked + done, total))
    _book_row(book, chain)
    return chain


async def _claims(db: AsyncSession, book: Any, name: str) -> tuple[list[Claim], list[Problem]]:
    """What the stored seals say the books were."""
    rows = await db.execute(
        text("SELECT * FROM ledger_seal WHERE book_id = :book ORDER BY transfers"),
        {"book": book.id},
    )
    claims: list[Claim] = []
    unread: list[Problem] = []
    for row in rows:
        where = f"seal {row.ref}"
        try:
            through = None if row.closes_through is None else as_day(row.closes_through)
        except ValueError:
            unread.append(Problem(name, "seal", where, "closes_through is no day"))
            through = None
        claims.append(Claim(where, row.transfers, row.head, row.fund_minor, through))
    return claims, unread


def _book_row(book: Any, chain: Chain) -> None:
    """The book's own row: what it says it ends with, and where it says it is closed."""
    if book.next_seq != chain.last_seq + 1:
        chain.found(
            "book", "next_seq", f"says {book.next_seq}, the transfers end with {chain.last_seq}"
        )
    if chain.head is not None and book.head != chain.head:
        chain.found("book", "head", "is not the hash of the last transfer")
    try:
        closed = None if book.closed_through is None else as_day(book.closed_through)
    except ValueError:
        chain.found("book", "closed_through", "is no day")
        return
    through = max((c.through for c in chain.claims if c.through is not None), default=None)
    if closed != through:
        chain.found("book", "closed_through", f"says {closed}, the seals say {through}")


def _no_book(books: Sequence[Any], logged: Mapping[bytes, Sequence[Seal]]) -> list[Problem]:
    known = {book.circle_id for book in books}
    return [
        Problem(f"book of circle {b64(circle)}", "book", "all of it", "is gone, but was sealed")
        for circle, seals in logged.items()
        if seals and circle not in known
    ]
