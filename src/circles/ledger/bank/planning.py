"""What keeping a file would do, before anything is kept.

A line is known by its key, whatever file it comes in. The same payment in a file of another format
has other words and another key: where day and amount agree, the plan asks.
"""

from __future__ import annotations

from collections import defaultdict, deque
from dataclasses import dataclass
from datetime import date
from typing import Literal

from sqlalchemy import exists, select
from sqlalchemy.ext.asyncio import AsyncSession

from circles.ledger import chart
from circles.ledger.bank import accounts, continuity, halves, lines, words
from circles.ledger.bank.accounts import NAMELESS, Account
from circles.ledger.bank.continuity import Gap, Span
from circles.ledger.bank.staging import Staged, StagedLine, StagedStatement
from circles.ledger.bank_tables import (
    BankAccount,
    BankAlso,
    BankLineRow,
    BankSeen,
    BankStatement,
    BankWithdrawal,
)
from circles.ledger.journal import BookState, book_of
from circles.ledger.statements.model import Balance

State = Literal["ours", "asked", "left-out", "foreign", "again", "empty"]
_ID_CHARS_MAX = 200


@dataclass(frozen=True)
class Choices:
    """What a person said of a file.

    `ours` and `theirs` are numbers of accounts; `unnamed` is the number of the account that a file
    does not name. `further` are lines (by `n`) that look like one that is known from another
    format, and yet are payments of their own. `another` are lines that look like one that is here,
    and are one more by the balances and by a person's word.
    """

    ours: frozenset[str] = frozenset()
    theirs: frozenset[str] = frozenset()
    unnamed: str = NAMELESS
    further: frozenset[int] = frozenset()
    all_further: bool = False
    another: frozenset[int] = frozenset()
    all_another: bool = False


@dataclass(frozen=True)
class Planned:
    """What becomes of one statement.

    `state`: `ours`; `asked` (an account that nobody has named yet: it counts as ours if that is
    said); `left-out` (somebody else's); `foreign` (another currency); `again` (this very statement
    was kept before); `empty` (neither lines nor balances). `fresh + known` are its lines; `doubles`
    of the known ones are so by day and amount alone, and `asks` are perhaps one more (`halves`).
    """

    staged: StagedStatement
    state: State
    number: str
    account: Account | None
    fresh: int
    known: int
    doubles: int
    gap: Gap | None
    asks: int = 0

    @property
    def kept(self) -> bool:
        """Whether it would be kept now."""
        return self.state == "ours"


@dataclass(frozen=True)
class Plan:
    """What keeping the file would do. `first` is true before any file was kept."""

    statements: tuple[Planned, ...]
    first: bool

    @property
    def fresh(self) -> int:
        """New lines."""
        return sum(one.fresh for one in self.statements if one.kept)

    @property
    def known(self) -> int:
        """Lines that are here already."""
        return sum(one.known for one in self.statements if one.state in {"ours", "again"})

    @property
    def doubles(self) -> int:
        """Lines that are perhaps here already, in other words."""
        return sum(one.doubles for one in self.statements if one.kept)

    @property
    def asks(self) -> int:
        """Lines that look like one that is here, while the balances say that money is missing."""
        return sum(one.asks for one in self.statements if one.kept)

    @property
    def does_something(self) -> bool:
        """Whether there is anything to keep."""
        return any(one.kept for one in self.statements)


async def plan(
    db: AsyncSession, circle_id: bytes, staged: Staged, choices: Choices | None = None
) -> Plan:
    """What keeping it would do; nothing is kept. Marks the staged lines with what is known."""
    return await plan_in(db, await book_of(db, circle_id), staged, choices or Choices())


async def plan_in(db: AsyncSession, book: BookState, staged: Staged, choices: Choices) -> Plan:
    """The same, of a book that may be locked."""
    staged.forget_marks()
    known = await accounts.known(db, book.circle_id)
    spans: dict[str, list[Span]] = {}
    planned = []
    # A file that names our account names others beside it, which are not ours.
    settled = any((one.account or choices.unnamed) in known for one in staged.statements)
    for one in staged.statements:
        number = one.account or choices.unnamed
        account = known.get(number)
        state = _state(book, one, number, account, choices, settled=settled)
        code = account.code if account else chart.MAIN_BANK
        if state not in {"ours", "asked"}:
            planned.append(Planned(one, state, number, account, 0, 0, 0, None))
            continue
        if account is not None:
            await mark_known(db, staged, one, account)
        fresh, repeated = _count(staged, one)
        if account is not None and not fresh and await _kept_before(db, staged, one, account):
            planned.append(Planned(one, "again", number, account, 0, repeated, 0, None))
            continue
        if number not in spans:
            spans[number] = await continuity.spans(db, book.circle_id, code)
        asks = 0
        if account is not None:
            asks = await halves.ask(db, staged, one, account, spans[number])
            asks -= halves.take(staged, one, choices.another, every=choices.all_another)
            fresh, repeated = _count(staged, one)
        doubles = await _mark_twins(db, book, staged, one, code) if fresh else 0
        doubles -= _further(staged, one, choices) if doubles else 0
        gap = await _gap(db, book, one, code, spans[number], brings=bool(fresh))
        planned.append(
            Planned(
                one, state, number, account, fresh - doubles, repeated + doubles, doubles, gap, asks
            )
        )
    return Plan(tuple(planned), first=not known)


def _state(
    book: BookState,
    one: StagedStatement,
    number: str,
    account: Account | None,
    choices: Choices,
    *,
    settled: bool,
) -> State:
    if one.currency is not None and one.currency != book.currency:
        return "foreign"
    if number in choices.theirs:
        return "left-out"
    if (one.lines, one.opening, one.closing) == (0, None, None):
        return "empty"
    if account is not None or number in choices.ours:
        return "ours"
    return "left-out" if settled else "asked"


async def mark_known(
    db: AsyncSession, staged: Staged, one: StagedStatement, account: Account
) -> None:
    """Which of its lines are here by their keys, or were said to be."""
    for batch in staged.batches(one.position):
        keys = {words.line_key(account.id, line.alike, line.occurrence): line.n for line in batch}
        direct = select(BankLineRow.key, BankLineRow.id, lines.stands()).where(
            BankLineRow.account_id == account.id, BankLineRow.key.in_(keys)
        )
        also = (
            select(BankAlso.key, BankLineRow.id, lines.stands())
            .join(BankLineRow, BankLineRow.id == BankAlso.line_id)
            .where(BankAlso.account_id == account.id, BankAlso.key.in_(keys))
        )
        found: list[tuple[object, ...]] = []
        for query in (direct, also):
            found += [
                (line_id, bool(stands), keys[key])
                for key, line_id, stands in await db.execute(query)
            ]
        staged.mark("known", found)


def _count(staged: Staged, one: StagedStatement) -> tuple[int, int]:
    """(lines that do not count yet, lines that do)."""
    (known,) = staged.store.execute(
        "SELECT count(*) FROM line WHERE statement = ? AND (stands OR repeated)", (one.position,)
    ).fetchone()
    return one.lines - known, known


async def _kept_before(
    db: AsyncSession, staged: Staged, one: StagedStatement, account: Account
) -> bool:
    """Whether this very statement was kept, from this file or one that says the same."""
    opening, closing = one.opening or Balance(None, 0), one.closing or Balance(None, 0)
    withdrawn = exists().where(BankWithdrawal.statement_id == BankStatement.id)
    query = select(BankStatement.id).where(
        BankStatement.account_id == account.id,
        BankStatement.format == staged.way,
        BankStatement.kind == one.kind,
        BankStatement.lines == one.lines,
        BankStatement.id_in_file.is_not_distinct_from(short(one.id_in_file)),
        BankStatement.first_on.is_not_distinct_from(one.first_on),
        BankStatement.last_on.is_not_distinct_from(one.last_on),
        BankStatement.opening_on.is_not_distinct_from(opening.on),
        BankStatement.closing_on.is_not_distinct_from(closing.on),
        BankStatement.opening_minor.is_not_distinct_from(
            one.opening.amount_minor if one.opening else None
        ),
        BankStatement.closing_minor.is_not_distinct_from(
            one.closing.amount_minor if one.closing else None
        ),
        ~withdrawn,
    )
    return (await db.scalars(query.limit(1))).first() is not None


def short(text: str | None) -> str | None:
    """An id of the bank's, as it is stored."""
    return text.replace("\x00", "")[:_ID_CHARS_MAX] if text is not None else None


async def _mark_twins(
    db: AsyncSession, book: BookState, staged: Staged, one: StagedStatement, code: str
) -> int:
    """Fresh lines that may be here in another format's words: same account, day and amount, and
    never seen in a file like this one. How many."""
    if one.first_on is None or one.last_on is None:
        return 0
    told = exists().where(
        BankSeen.line_id == BankLineRow.id,
        BankStatement.id == BankSeen.statement_id,
        BankStatement.format == staged.way,
        BankStatement.kind == one.kind,
    )
    query = (
        select(BankLineRow.id, BankLineRow.booked_on, BankLineRow.amount_minor)
        .join(BankAccount, BankAccount.id == BankLineRow.account_id)
        .where(
            BankLineRow.book_id == book.id,
            BankAccount.code == code,
            BankLineRow.booked_on >= one.first_on,
            BankLineRow.booked_on <= one.last_on,
            lines.stands(),
            ~told,
        )
        .order_by(BankLineRow.booked_on, BankLineRow.id)
    )
    taken = {
        one_id
        for row in staged.store.execute(
            "SELECT known, twin FROM line WHERE known IS NOT NULL OR twin IS NOT NULL"
        )
        for one_id in row
    }
    open_ones: defaultdict[tuple[date, int], deque[bytes]] = defaultdict(deque)
    for row in await db.execute(query):
        if row.id not in taken:
            open_ones[row.booked_on, row.amount_minor].append(row.id)
    found: list[tuple[object, ...]] = []
    for line in staged.lines(one.position) if open_ones else ():
        waiting = open_ones.get((line.booked_on, line.amount_minor))
        if waiting and not (line.stands or line.repeated):
            found.append((waiting.popleft(), line.n))
    staged.mark("twin", found)
    return len(found)


def _further(staged: Staged, one: StagedStatement, choices: Choices) -> int:
    """Of the lines that look known, how many are said to be further payments."""
    rows = staged.store.execute(
        "SELECT n FROM line WHERE statement = ? AND twin IS NOT NULL", (one.position,)
    ).fetchall()
    return sum(choices.all_further or n in choices.further for (n,) in rows)


def is_twin(line: StagedLine, choices: Choices) -> bool:
    """Whether this line is the stored one that it looks like."""
    return line.twin is not None and not choices.all_further and line.n not in choices.further


async def _gap(
    db: AsyncSession,
    book: BookState,
    one: StagedStatement,
    code: str,
    spans: list[Span],
    *,
    brings: bool,
) -> Gap | None:
    """What is missing before it, by what is stored and by earlier statements of the file, to which
    it is added."""
    if one.kind != "statement" or one.start is None or one.end is None:
        return None
    span = Span(
        bytes(16),
        one.start,
        max(one.start, one.end),
        one.opening.amount_minor if one.opening else None,
        one.closing.amount_minor if one.closing else None,
    )
    gap = await continuity.of_opening(db, book.circle_id, code, span, spans)
    if span.opening_minor is None and span.closing_minor is not None:
        told = await continuity.claims(db, book.circle_id, code, span.start, spans)
        # Of an older file, and of one that brings nothing, nothing can be missing.
        if brings and not any(s.end > span.end for s in spans):
            gap = continuity.missing(told, span.closing_minor - one.sum_minor, span.end)
    if (span.opening_minor, span.closing_minor) != (None, None):
        spans.append(span)
    return gap
