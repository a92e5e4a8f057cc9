"""Equal payments split over two files of one day: one has the first, the other has only the second.

By their words alone they are one line that came twice. But where a file goes on with the balance at
which another one ended (or ends where it began), what both have cannot be the same money: the
balances say that some is missing. Then a person is asked.
"""

from __future__ import annotations

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from circles.ledger.bank import lines, words
from circles.ledger.bank.accounts import Account
from circles.ledger.bank.continuity import Span
from circles.ledger.bank.staging import Staged, StagedLine, StagedStatement
from circles.ledger.bank_tables import BankLineRow, BankSeen


def beside(one: StagedStatement, spans: list[Span]) -> list[bytes]:
    """Statements that this one goes on from, or that go on from it, on a day that both have."""
    if one.kind != "statement" or one.start is None or one.end is None or one.closing is None:
        return []
    closing = one.closing.amount_minor
    opening = one.opening.amount_minor if one.opening else closing - one.sum_minor
    found = []
    for span in spans:
        # Two that begin alike, or end alike, may as well be one within the other.
        after = span.closing_minor == opening and span.opening_minor != opening
        ahead = span.opening_minor == closing and span.closing_minor != closing
        if (after and span.end == one.start) or (ahead and span.start == one.end):
            found.append(span.id)
    return found


async def ask(
    db: AsyncSession, staged: Staged, one: StagedStatement, account: Account, spans: list[Span]
) -> int:
    """Mark the lines that look like one that is here, and by the balances are another: with the
    number that they would have among their twins. How many."""
    near = beside(one, spans)
    if not near:
        return 0
    counts = dict(
        staged.store.execute(
            "SELECT alike, max(occurrence) FROM line WHERE statement = ? GROUP BY alike",
            (one.position,),
        ).fetchall()
    )
    asked = 0
    for batch in staged.batches(one.position):
        known = [line for line in batch if line.stands and not line.repeated]
        there = await _there(db, near, account, known)
        wanted = {
            line.n: (line, max(there[line.alike], counts[line.alike]) + line.occurrence)
            for line in known
            if line.occurrence <= there.get(line.alike, 0)
        }
        here = await _here(db, account, list(wanted.values()))
        marks: list[tuple[object, ...]] = []
        again: list[tuple[object, ...]] = []
        for n, (line, number) in wanted.items():
            stored = here.get(words.line_key(account.id, line.alike, number))
            if stored is None:
                marks.append((number, n))
            else:
                again.append((stored, True, n))
        staged.mark("asks", marks)
        # Said before, or told by a file of the whole day: it is that one.
        staged.mark("known", again)
        asked += len(marks)
    return asked


async def _there(
    db: AsyncSession, near: list[bytes], account: Account, known: list[StagedLine]
) -> dict[bytes, int]:
    """How many of such lines those statements have, by likeness."""
    query = (
        select(BankLineRow.likeness, func.max(BankLineRow.occurrence))
        .join(BankSeen, BankSeen.line_id == BankLineRow.id)
        .where(
            BankSeen.statement_id.in_(near),
            BankLineRow.account_id == account.id,
            BankLineRow.likeness.in_({line.alike for line in known}),
        )
        .group_by(BankLineRow.likeness)
    )
    return {alike: int(number) for alike, number in await db.execute(query)}


async def _here(
    db: AsyncSession, account: Account, wanted: list[tuple[StagedLine, int]]
) -> dict[bytes, bytes]:
    """Of the lines with these numbers, those that are here already: id by key."""
    keys = {words.line_key(account.id, line.alike, number) for line, number in wanted}
    query = select(BankLineRow.key, BankLineRow.id).where(
        BankLineRow.account_id == account.id, BankLineRow.key.in_(keys), lines.stands()
    )
    return {row.key: row.id for row in await db.execute(query)}


def take(staged: Staged, one: StagedStatement, chosen: frozenset[int], *, every: bool) -> int:
    """These are further payments, as a person said. How many."""
    rows = staged.store.execute(
        "SELECT n FROM line WHERE statement = ? AND asks IS NOT NULL", (one.position,)
    ).fetchall()
    taken = [(n,) for (n,) in rows if every or n in chosen]
    staged.store.executemany(
        "UPDATE line SET occurrence = asks, known = NULL, stands = 0 WHERE n = ?", taken
    )
    return len(taken)
