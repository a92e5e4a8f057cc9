"""From a file that was read (`staging`) to what is kept: first a plan (`planning`), then, on a
person's word, the keeping, which plans again under the book's lock.

Keeping twice is keeping once. What a person said (whose account, which lines are the same payment,
how a table is read) is remembered. A file that was read wrongly is withdrawn, never erased.
"""

from __future__ import annotations

import secrets
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from typing import cast

from sqlalchemy import Table, exists, insert, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from circles.errors import ConflictError, InvalidError, MissingError
from circles.ledger.bank import accounts, words
from circles.ledger.bank.accounts import Account
from circles.ledger.bank.planning import (
    Choices,
    Plan,
    Planned,
    is_twin,
    mark_known,
    plan,
    plan_in,
    short,
)
from circles.ledger.bank.staging import Staged, StagedLine
from circles.ledger.bank_tables import (
    BankAccount,
    BankAlso,
    BankLineRow,
    BankSeen,
    BankStatement,
    BankWithdrawal,
)
from circles.ledger.journal import BookState, book_of
from circles.ledger.tables import Book
from circles.vault import Vault
from circles.web.i18n import gettext as _

__all__ = ["Choices", "Kept", "Plan", "Planned", "every", "keep", "kept", "plan", "withdraw"]

Report = Callable[[int, int], None]
# The bare tables: rows by the hundred thousand need no objects made of them.
_LINES, _ALSO, _SEEN = (
    cast("Table", table.__table__) for table in (BankLineRow, BankAlso, BankSeen)
)


class NotWithdrawnError(ConflictError):
    """A line of that file is matched, or a month was closed with it."""

    code = "not-withdrawn"


@dataclass(frozen=True)
class Kept:
    """What one import brought, as stored."""

    import_id: bytes
    at: datetime
    actor: int
    statements: int
    fresh: int
    known: int
    numbers: tuple[str, ...]
    first_on: date | None = None
    last_on: date | None = None
    withdrawn: bool = False


async def keep(
    db: AsyncSession,
    vault: Vault,
    circle_id: bytes,
    staged: Staged,
    choices: Choices,
    *,
    import_id: bytes,
    actor: int,
    now: datetime,
    remember: bool = True,
    report: Report | None = None,
) -> Kept:
    """Keep what the plan says, in the transaction of `db`. The same `import_id` again, or a file of
    which everything is here, changes nothing. InvalidError for a file that may not be kept.
    """
    book = await book_of(db, circle_id, lock=True)
    before = await kept(db, circle_id, import_id)
    if before is not None:
        return before
    if not staged.readable:
        raise InvalidError(_("This file has problems. Nothing of it was kept."))
    todo = await plan_in(db, book, staged, choices)
    known = await accounts.known(db, circle_id)
    total, done = sum(one.staged.lines for one in todo.statements if one.kept), 0
    for one in todo.statements:
        if not one.kept:
            continue
        account = known.get(one.number)
        if account is None:
            account = await accounts.add(db, book.id, one.number, actor=actor, now=now)
            known[one.number] = account
        if _repeats(staged, one.staged.position):
            # Its lines came in with an earlier statement, a moment ago.
            await mark_known(db, staged, one.staged, account)
        keeping = _Keeping(db, vault, book, staged, choices, account, actor)
        await keeping.statement(one, import_id, now)
        for batch in staged.batches(one.staged.position):
            await keeping.lines(batch)
            done += len(batch)
            if report is not None:
                report(done, total)
        if remember and staged.mapping is not None:
            await accounts.keep_mapping(db, account.id, staged.mapping, now=now)
    return await kept(db, circle_id, import_id) or Kept(import_id, now, actor, 0, 0, todo.known, ())


def _repeats(staged: Staged, position: int) -> bool:
    sql = "SELECT 1 FROM line WHERE statement = ? AND repeated LIMIT 1"
    return staged.store.execute(sql, (position,)).fetchone() is not None


@dataclass
class _Keeping:
    """One statement being written."""

    db: AsyncSession
    vault: Vault
    book: BookState
    staged: Staged
    choices: Choices
    account: Account
    actor: int
    statement_id: bytes = b""

    async def statement(self, one: Planned, import_id: bytes, now: datetime) -> None:
        """Its own row."""
        self.statement_id = secrets.token_bytes(16)
        told = one.staged
        values: dict[str, object] = {
            "id": self.statement_id,
            "book_id": self.book.id,
            "account_id": self.account.id,
            "import_id": import_id,
            "position": told.position,
            "format": self.staged.way,
            "kind": told.kind,
            "file_sha256": self.staged.sha256,
            "id_in_file": short(told.id_in_file),
            "first_on": told.first_on,
            "last_on": told.last_on,
            "opening_on": told.opening.on if told.opening else None,
            "opening_minor": told.opening.amount_minor if told.opening else None,
            "closing_on": told.closing.on if told.closing else None,
            "closing_minor": told.closing.amount_minor if told.closing else None,
            "lines": told.lines,
            "fresh": one.fresh,
        }
        sealed = words.bound(self.vault, values)
        await self.db.execute(
            insert(BankStatement).values(
                **values, imported_at=now, imported_actor=self.actor, bound=sealed
            )
        )

    async def lines(self, batch: list[StagedLine]) -> None:
        """Its lines, those that are new with their words."""
        fresh, seen, also = [], [], []
        for line in batch:
            line_id = line.known
            if line_id is None and is_twin(line, self.choices):
                line_id = line.twin
                also.append(
                    {
                        "account_id": self.account.id,
                        "key": self._key(line),
                        "line_id": line_id,
                        "actor": self.actor,
                    }
                )
            if line_id is None:
                line_id = secrets.token_bytes(16)
                fresh.append(self._row(line_id, line))
            seen.append({"statement_id": self.statement_id, "line_id": line_id})
        for table, rows in ((_LINES, fresh), (_ALSO, also), (_SEEN, seen)):
            if rows:
                await self.db.execute(insert(table), rows)

    def _key(self, line: StagedLine) -> bytes:
        return words.line_key(self.account.id, line.alike, line.occurrence)

    def _row(self, line_id: bytes, line: StagedLine) -> dict[str, object]:
        values: dict[str, object] = {
            "id": line_id,
            "book_id": self.book.id,
            "account_id": self.account.id,
            "key": self._key(line),
            "likeness": line.alike,
            "occurrence": line.occurrence,
            "booked_on": line.booked_on,
            "value_on": line.value_on,
            "amount_minor": line.amount_minor,
        }
        sealed = words.seal(self.vault, line_id, line.words_json)
        return {**values, "words_sealed": sealed, "bound": words.bound(self.vault, values)}


# ------------------------------------------------------------------ what was kept


async def kept(db: AsyncSession, circle_id: bytes, import_id: bytes) -> Kept | None:
    """What that import brought; None if there was no such import in this circle."""
    found = await every(db, circle_id, import_id=import_id)
    return found[0] if found else None


async def every(
    db: AsyncSession, circle_id: bytes, *, import_id: bytes | None = None, limit: int = 50
) -> list[Kept]:
    """Imports of this circle, the newest first."""
    by_import: defaultdict[bytes, list[tuple[BankStatement, str, bool]]] = defaultdict(list)
    for row, number, withdrawn in await _statements(db, circle_id, import_id):
        by_import[row.import_id].append((row, number, withdrawn))
    return [_kept(parts) for parts in list(by_import.values())[:limit]]


async def _statements(
    db: AsyncSession, circle_id: bytes, import_id: bytes | None
) -> list[tuple[BankStatement, str, bool]]:
    withdrawn = exists().where(BankWithdrawal.statement_id == BankStatement.id)
    query = (
        select(BankStatement, BankAccount.number, withdrawn)
        .join(BankAccount, BankAccount.id == BankStatement.account_id)
        .join(Book, Book.id == BankStatement.book_id)
        .where(Book.circle_id == circle_id)
        .order_by(BankStatement.imported_at.desc(), BankStatement.import_id, BankStatement.position)
    )
    if import_id is not None:
        query = query.where(BankStatement.import_id == import_id)
    return [(row, number, bool(gone)) for row, number, gone in await db.execute(query)]


def _kept(parts: list[tuple[BankStatement, str, bool]]) -> Kept:
    first = parts[0][0]
    fresh = sum(row.fresh for row, _number, _gone in parts)
    return Kept(
        import_id=first.import_id,
        at=first.imported_at,
        actor=first.imported_actor,
        statements=len(parts),
        fresh=fresh,
        known=sum(row.lines for row, _number, _gone in parts) - fresh,
        numbers=tuple(dict.fromkeys(number for _row, number, _gone in parts)),
        first_on=min((r.first_on for r, _n, _g in parts if r.first_on), default=None),
        last_on=max((r.last_on for r, _n, _g in parts if r.last_on), default=None),
        withdrawn=all(gone for _row, _number, gone in parts),
    )


async def withdraw(
    db: AsyncSession, circle_id: bytes, import_id: bytes, *, actor: int, now: datetime
) -> Kept:
    """Take an import back: it was read wrongly. Its lines count no more, unless another file has
    them too. Twice is once. NotWithdrawnError while a line of it is matched, or if it was here
    when a month that it tells of was closed.
    """
    await book_of(db, circle_id, lock=True)
    before = await kept(db, circle_id, import_id)
    if before is None:
        raise MissingError(_("There is no such file in this circle."))
    rows = await _statements(db, circle_id, import_id)
    try:
        for row, _number, gone in rows:
            if not gone:
                values = {"statement_id": row.id, "at": now, "actor": actor}
                await db.execute(insert(BankWithdrawal).values(**values))
    except IntegrityError as error:
        raise NotWithdrawnError(
            _(
                "This file stays: a line of it is explained already, or it was here when a month "
                "of it was closed. If it is a line, take back first what was said of it."
            )
        ) from error
    return await kept(db, circle_id, import_id) or before
