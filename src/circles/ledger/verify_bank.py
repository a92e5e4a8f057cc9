"""The bank's side against itself and against the transfers: nothing altered, nothing cut out, and
what is matched is the same money.

Lines and statements are in no chain: they are the bank's facts, which it can tell again, and what
was made of them stands in the chain of transfers. Each is bound by a keyed hash instead, so that
whoever holds the database alone cannot alter one unseen.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from operator import attrgetter
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from circles.ledger import chart
from circles.ledger.bank import words
from circles.ledger.problems import PAGE_ROWS, Problem, as_day
from circles.protocol.text import b64
from circles.vault import Vault, VaultError

_LINE = (
    "id", "book_id", "account_id", "key", "likeness", "occurrence", "booked_on", "value_on",
    "amount_minor",
)  # fmt: skip
_STATEMENT = (
    "id", "book_id", "account_id", "import_id", "position", "format", "kind", "file_sha256",
    "id_in_file", "first_on", "last_on", "opening_on", "opening_minor", "closing_on",
    "closing_minor", "lines", "fresh",
)  # fmt: skip
_DAYS = frozenset({"booked_on", "value_on", "first_on", "last_on", "opening_on", "closing_on"})


async def bank_of(db: AsyncSession, vault: Vault, book: Any, name: str) -> list[Problem]:
    """Everything about this book's bank that does not hold."""
    found = await _lines(db, vault, book, name)
    found += await _statements(db, vault, book, name)
    found += await _strays(db, book, name)
    found += await _matches(db, book, name)
    return found


def _bound(vault: Vault, row: Any, columns: tuple[str, ...]) -> bool:
    """Whether the row says what it said when it was bound."""
    try:
        values = {
            column: as_day(getattr(row, column))
            if column in _DAYS and getattr(row, column) is not None
            else getattr(row, column)
            for column in columns
        }
        return bool(words.bound(vault, values) == row.bound)
    except (ValueError, TypeError):
        return False


async def _lines(db: AsyncSession, vault: Vault, book: Any, name: str) -> list[Problem]:
    found: list[Problem] = []
    after = b""
    while True:
        rows = (
            await db.execute(
                text(
                    "SELECT * FROM ledger_bank_line WHERE book_id = :book AND id > :after "
                    "ORDER BY id LIMIT :rows"
                ),
                {"book": book.id, "after": after, "rows": PAGE_ROWS},
            )
        ).all()
        if not rows:
            return found
        after = rows[-1].id
        for row in rows:
            where = f"line {b64(row.id)} of {row.booked_on}"
            if not _bound(vault, row, _LINE):
                found.append(Problem(name, "bank", where, "is not as the bank's file said"))
            elif not _words_fit(vault, row):
                found.append(Problem(name, "bank", where, "its words are not the bank's"))


def _words_fit(vault: Vault, row: Any) -> bool:
    """Whether the words, while they are kept, make the very line."""
    if row.words_sealed is None:
        return True
    try:
        told = words.opened(vault, row.id, row.words_sealed)
    except (VaultError, ValueError, TypeError):
        return False
    assert told is not None
    valued = None if row.value_on is None else as_day(row.value_on)
    line = told.line(as_day(row.booked_on), valued, row.amount_minor)
    key = words.line_key(row.account_id, row.likeness, row.occurrence)
    return bool((words.likeness(vault, line), key) == (row.likeness, row.key))


async def _statements(db: AsyncSession, vault: Vault, book: Any, name: str) -> list[Problem]:
    rows = await db.execute(
        text(
            "SELECT s.*, (SELECT count(*) FROM ledger_bank_line_seen n "
            "JOIN ledger_bank_line l ON l.id = n.line_id AND l.book_id = s.book_id "
            "WHERE n.statement_id = s.id) AS present FROM ledger_bank_statement s "
            "WHERE s.book_id = :book ORDER BY s.id"
        ),
        {"book": book.id},
    )
    found: list[Problem] = []
    for row in rows.all():
        where = f"statement {b64(row.id)}"
        if not _bound(vault, row, _STATEMENT):
            found.append(Problem(name, "bank", where, "is not as the bank's file said"))
        if row.present != row.lines:
            found.append(
                Problem(name, "bank", where, f"had {row.lines} lines, {row.present} are there")
            )
    return found


async def _strays(db: AsyncSession, book: Any, name: str) -> list[Problem]:
    """Lines that no statement tells of, and other names for lines that lead elsewhere."""
    found: list[Problem] = []
    rows = await db.execute(
        text(
            "SELECT l.id FROM ledger_bank_line l WHERE l.book_id = :book AND NOT EXISTS ("
            "SELECT 1 FROM ledger_bank_line_seen s JOIN ledger_bank_statement t "
            "ON t.id = s.statement_id AND t.book_id = l.book_id WHERE s.line_id = l.id) "
            "ORDER BY l.id LIMIT :rows"
        ),
        {"book": book.id, "rows": PAGE_ROWS},
    )
    for (line_id,) in rows:
        found.append(Problem(name, "bank", f"line {b64(line_id)}", "no statement tells of it"))
    rows = await db.execute(
        text(
            "SELECT o.key FROM ledger_bank_also o JOIN ledger_bank_line l ON l.id = o.line_id "
            "LEFT JOIN ledger_bank_account a ON a.id = o.account_id WHERE l.book_id = :book "
            "AND (a.book_id IS NULL OR a.book_id <> l.book_id) ORDER BY o.key LIMIT :rows"
        ),
        {"book": book.id, "rows": PAGE_ROWS},
    )
    for (key,) in rows:
        found.append(Problem(name, "bank", f"other name {b64(key)}", "leads to another book"))
    rows = await db.execute(
        text("SELECT number, code FROM ledger_bank_account WHERE book_id = :book ORDER BY number"),
        {"book": book.id},
    )
    for number, code in rows:
        if code != chart.MAIN_BANK:
            found.append(Problem(name, "bank", f"account {number}", f"is said to be {code}"))
    return found


# Matches with their parts, some at a time. `taken`: whether the part stands in an earlier match too
# that was not untied; what was matched in a closed month stays so, though its mirror stands in a
# later one.
_ANOTHER = (
    "EXISTS (SELECT 1 FROM ledger_bank_tied o "
    "JOIN ledger_bank_match e ON e.id = o.match_id AND e.book_id = m.book_id "
    "WHERE o.{part} = t.{part} AND o.match_id < m.id "
    "AND NOT EXISTS (SELECT 1 FROM ledger_bank_untied v WHERE v.match_id = o.match_id))"
)
_MATCHES = text(
    "SELECT m.id, m.amount_minor, t.line_id, t.transfer_id, l.amount_minor AS line_minor, "  # noqa: S608 - our own column names
    "l.book_id AS line_book, x.amount_minor AS money_minor, x.debit, x.credit, "
    "x.book_id AS money_book, EXISTS (SELECT 1 FROM ledger_transfer r "
    "WHERE r.reverses = t.transfer_id AND NOT EXISTS (SELECT 1 FROM ledger_bank_tied p "
    "WHERE p.match_id = m.id AND p.transfer_id = r.id) "
    "AND NOT EXISTS (SELECT 1 FROM ledger_seal s WHERE s.book_id = m.book_id "
    "AND s.closes_through >= x.effective_on AND s.closes_through < r.effective_on)"
    f") AS undone, ({_ANOTHER.format(part='line_id')} OR {_ANOTHER.format(part='transfer_id')}) "
    "AS taken, EXISTS (SELECT 1 FROM ledger_bank_untied u WHERE u.match_id = m.id) AS untied "
    "FROM (SELECT id, book_id, amount_minor FROM ledger_bank_match "
    "WHERE book_id = :book AND id > :after ORDER BY id LIMIT :matches) m "
    "LEFT JOIN ledger_bank_tied t ON t.match_id = m.id "
    "LEFT JOIN ledger_bank_line l ON l.id = t.line_id "
    "LEFT JOIN ledger_transfer x ON x.id = t.transfer_id ORDER BY m.id, t.part"
)
_MATCHES_AT_ONCE = 500


async def _matches(db: AsyncSession, book: Any, name: str) -> list[Problem]:
    """Matches: whole, of one sum on both sides; and nothing stands in two that were not untied."""
    found: list[Problem] = []
    span = {"book": book.id, "after": b"", "matches": _MATCHES_AT_ONCE}
    while parts := (await db.execute(_MATCHES, span)).all():
        span["after"] = parts[-1].id
        for match_id, its in groupby(parts, key=attrgetter("id")):
            where = f"match {b64(match_id)}"
            found += [Problem(name, "match", where, what) for what in _unlike(book, list(its))]
    return found


def _unlike(book: Any, parts: list[Any]) -> Iterator[str]:
    """What does not hold of a match with these parts."""
    lines = money = 0
    for part in parts:
        if part.line_id is None and part.transfer_id is None:
            yield "ties nothing"
            continue
        if part.taken and not part.untied:
            yield "has a part that stands in another match too"
        if {part.line_book, part.money_book} - {None} != {book.id}:
            yield "has a part that is not in this book"
            continue
        if part.undone and not part.untied:
            yield "holds a transfer that was undone"
        if part.line_id is not None:
            lines += part.line_minor
        elif part.debit.startswith("Assets:Bank:"):
            money += part.money_minor
        else:
            money -= part.money_minor
    said = parts[0].amount_minor
    if not lines == money == said:
        yield f"says {said}: its lines are {lines}, its transfers {money}"
