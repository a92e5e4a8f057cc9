"""A bank's file read aside, whole, before anything is kept: in memory, or for the command line's
large ones in a temporary file without a name. Blocks: call it in a thread.

Lines that nobody could tell apart are numbered here, per account of the file. Statements that
follow one another add up; one that comes again, or overlaps, counts its twins anew: the larger
number holds.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import date
from typing import BinaryIO, Self

from circles.ledger.bank import words
from circles.ledger.bank.words import LineWords
from circles.ledger.statements import reading, unguessed
from circles.ledger.statements.mapping import Mapping
from circles.ledger.statements.model import (
    Balance,
    Closed,
    Pending,
    Problem,
    Reading,
    StatementLine,
)
from circles.ledger.statements.source import Source
from circles.ledger.statements.unguessed import Bare
from circles.vault import Vault

IN_MEMORY_BYTES = 16 << 20
_CHUNK_BYTES = 1 << 20
_BATCH = 500
_SCHEMA = """
CREATE TABLE line (
  n INTEGER PRIMARY KEY, statement INTEGER, booked_on TEXT, value_on TEXT, amount INTEGER,
  alike BLOB, occurrence INTEGER, words TEXT, repeated INTEGER NOT NULL DEFAULT 0,
  known BLOB, stands INTEGER NOT NULL DEFAULT 0, twin BLOB, asks INTEGER);
CREATE INDEX line_statement ON line (statement, n);
CREATE TABLE tally (account TEXT, alike BLOB, n INTEGER, PRIMARY KEY (account, alike))
  WITHOUT ROWID;
"""
_NUMBERING = (
    """UPDATE line SET occurrence = w.k + w.base * :follows,
      repeated = w.k + w.base * :follows <= w.base
    FROM (SELECT l.n, row_number() OVER (PARTITION BY l.alike ORDER BY l.n) AS k,
            coalesce(t.n, 0) AS base
          FROM line l LEFT JOIN tally t ON t.account = :account AND t.alike = l.alike
          WHERE l.statement = :position) w
    WHERE line.n = w.n""",
    """INSERT INTO tally SELECT :account, alike, max(occurrence) FROM line
    WHERE statement = :position GROUP BY alike
    ON CONFLICT DO UPDATE SET n = max(n, excluded.n)""",
)

Report = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class StagedStatement:
    """One statement of the file. `account` is as files name it, "" where this one does not.

    `zeros` are lines of amount 0, left out; `pending` are not booked yet and never lines.
    """

    position: int
    account: str
    currency: str | None
    kind: str
    id_in_file: str | None
    opening: Balance | None
    closing: Balance | None
    lines: int = 0
    zeros: int = 0
    pending: int = 0
    sum_minor: int = 0
    first_on: date | None = None
    last_on: date | None = None

    @property
    def start(self) -> date | None:
        """The first day that its lines are about."""
        told = (self.opening, self.closing)
        return self.first_on or next((b.on for b in told if b is not None and b.on), None)

    @property
    def end(self) -> date | None:
        """The day at whose end its closing balance stood."""
        days = [self.last_on, self.closing.on if self.closing else None]
        return max((day for day in days if day is not None), default=None)


@dataclass(frozen=True, slots=True)
class StagedLine:
    """One line. `repeated`: an earlier statement of the file has it. `known` is the stored line
    that it is, `stands` whether that one counts; `twin` one that it may be in other words.
    `asks`: by the balances it is another one like it, which would have that number.
    """

    n: int
    booked_on: date
    value_on: date | None
    amount_minor: int
    alike: bytes
    occurrence: int
    words_json: str
    repeated: bool
    known: bytes | None
    stands: bool
    twin: bytes | None
    asks: int | None

    @property
    def words(self) -> LineWords:
        """The bank's words for it."""
        return LineWords.from_json(self.words_json)


@dataclass
class Staged:
    """A file that was read. Close it, or use it in a `with`."""

    format: str
    sha256: bytes
    store: sqlite3.Connection
    mapping: Mapping | None = None
    statements: list[StagedStatement] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)

    @property
    def readable(self) -> bool:
        """Whether nothing in it stands against keeping all of it."""
        return bool(self.statements) and not any(problem.stops for problem in self.problems)

    @property
    def way(self) -> str:
        """Its format; for a table with the names of its columns and how they were read: columns
        taken for other things make other words of the same lines."""
        if self.mapping is None:
            return self.format
        return f"csv:{self.mapping.fingerprint[:16]}:{self.mapping.reading[:8]}"

    def lines(self, position: int) -> Iterator[StagedLine]:
        """The lines of a statement in the order of the file."""
        last = -1
        while rows := self.store.execute(
            "SELECT n, booked_on, value_on, amount, alike, occurrence, words, repeated, known, "
            "stands, twin, asks FROM line WHERE statement = ? AND n > ? ORDER BY n LIMIT ?",
            (position, last, _BATCH),
        ).fetchall():
            last = rows[-1][0]
            for row in rows:
                yield _line(row)

    def asking(self, position: int) -> list[StagedLine]:
        """Those of them about which a person is asked whether they are one more."""
        return [line for line in self.lines(position) if line.asks is not None]

    def batches(self, position: int) -> Iterator[list[StagedLine]]:
        """The same, some hundred at a time."""
        batch: list[StagedLine] = []
        for line in self.lines(position):
            batch.append(line)
            if len(batch) == _BATCH:
                yield batch
                batch = []
        if batch:
            yield batch

    def mark(self, column: str, values: list[tuple[object, ...]]) -> None:
        """Write down what a plan found: `known` with `stands`, `twin`, `asks`; by `n`."""
        sql = {
            "known": "UPDATE line SET known = ?, stands = ? WHERE n = ?",
            "twin": "UPDATE line SET twin = ? WHERE n = ?",
            "asks": "UPDATE line SET asks = ? WHERE n = ?",
        }[column]
        self.store.executemany(sql, values)

    def forget_marks(self) -> None:
        """As if nothing had been planned yet."""
        self.store.execute("UPDATE line SET known = NULL, stands = 0, twin = NULL, asks = NULL")

    def close(self) -> None:
        """Let go of the lines."""
        self.store.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _line(row: tuple[object, ...]) -> StagedLine:
    n, booked, valued, amount, alike, occurrence, text, repeated, known, stands, twin, asks = row
    return StagedLine(
        n=int(str(n)),
        booked_on=date.fromisoformat(str(booked)),
        value_on=date.fromisoformat(str(valued)) if valued else None,
        amount_minor=int(str(amount)),
        alike=bytes(alike),  # type: ignore[call-overload]  # a BLOB is bytes
        occurrence=int(str(occurrence)),
        words_json=str(text),
        repeated=bool(repeated),
        known=known if isinstance(known, bytes) else None,
        stands=bool(stands),
        twin=twin if isinstance(twin, bytes) else None,
        asks=asks if isinstance(asks, int) else None,
    )


def normal(account: str | None) -> str:
    """An account's number as it is compared: capitals, without spaces."""
    return "".join((account or "").replace("\x00", "").split()).upper()[:64]


def stage(
    file: BinaryIO,
    vault: Vault,
    *,
    currency: str | None = None,
    mappings: Callable[[Mapping], Mapping | None] | None = None,
    mapping: Mapping | None = None,
    recall: Callable[[Bare], Mapping | None] | None = None,
    report: Report | None = None,
) -> Staged:
    """Read all of it. `mapping` is how a table is read; without one it is guessed, and `mappings`
    may know better what a person said of such columns before; `recall` is asked for a table of
    which nothing could be guessed. Never raises for what is in it.

    `report(read, total)` is told the bytes now and then.
    """
    size, sha256 = _sized(file)
    flowing = reading.stream(file, currency=currency, mapping=mapping)
    if mapping is None and flowing.mapping is not None and mappings is not None:
        kept = mappings(flowing.mapping)
        if kept is not None:
            flowing = reading.stream(file, currency=currency, mapping=kept)
    elif flowing.format is None and mapping is None and recall is not None:
        bare = unguessed.look(Source(file))
        kept = recall(bare) if bare is not None else None
        if kept is not None:
            flowing = reading.stream(file, currency=currency, mapping=kept)
    store = sqlite3.connect(":memory:" if size <= IN_MEMORY_BYTES else "", check_same_thread=False)
    store.isolation_level = None
    store.executescript(_SCHEMA)
    store.execute("BEGIN")
    staged = Staged(flowing.format or "", sha256, store, flowing.mapping)
    filling = _Filling(staged, vault)
    for number, event in enumerate(flowing.events):
        filling.take(event)
        if report is not None and number % 10_000 == 0:
            report(min(file.tell(), size), size)
    if report is not None:
        report(size, size)
    return staged


def of_reading(found: Reading, vault: Vault, sha256: bytes) -> Staged:
    """The same for a file that was read already."""
    store = sqlite3.connect(":memory:", check_same_thread=False)
    store.isolation_level = None
    store.executescript(_SCHEMA)
    staged = Staged(found.format or "", sha256, store, found.mapping)
    filling = _Filling(staged, vault)
    for one in found.statements:
        for line in one.lines:
            filling.take(line)
        for line in one.pending:
            filling.take(Pending(line))
        filling.take(
            Closed(one.account, one.currency, one.opening, one.closing, one.kind, one.id_in_file)
        )
    staged.problems += found.problems
    return staged


def _sized(file: BinaryIO) -> tuple[int, bytes]:
    file.seek(0)
    digest, size = hashlib.sha256(), 0
    while chunk := file.read(_CHUNK_BYTES):
        digest.update(chunk)
        size += len(chunk)
    file.seek(0)
    return size, digest.digest()


class _Filling:
    """Takes what a reader says, one thing after the other."""

    def __init__(self, staged: Staged, vault: Vault) -> None:
        self.staged, self.vault = staged, vault
        self.rows: list[tuple[object, ...]] = []
        self.n = self.zeros = self.pending = 0
        self.newest: dict[str, StagedStatement] = {}

    def take(self, event: StatementLine | Pending | Problem | Closed) -> None:
        """A line, a remark, or the end of a statement."""
        if isinstance(event, StatementLine):
            self._line(event)
        elif isinstance(event, Pending):
            self.pending += 1
        elif isinstance(event, Problem):
            self.staged.problems.append(event)
        else:
            self._end(event)

    def _line(self, line: StatementLine) -> None:
        if line.amount_minor == 0:
            self.zeros += 1
            return
        self.rows.append(
            (
                self.n,
                len(self.staged.statements),
                line.booked_on.isoformat(),
                line.value_on.isoformat() if line.value_on else None,
                line.amount_minor,
                words.likeness(self.vault, line),
                LineWords.of(line).to_json().encode("utf-8", "replace").decode(),
            )
        )
        self.n += 1
        if len(self.rows) >= _BATCH:
            self._flush()

    def _flush(self) -> None:
        self.staged.store.executemany(
            "INSERT INTO line (n, statement, booked_on, value_on, amount, alike, words) "
            "VALUES (?, ?, ?, ?, ?, ?, ?)",
            self.rows,
        )
        self.rows.clear()

    def _end(self, closed: Closed) -> None:
        self._flush()
        position = len(self.staged.statements)
        lines, total, first, last = self.staged.store.execute(
            "SELECT count(*), coalesce(sum(amount), 0), min(booked_on), max(booked_on) "
            "FROM line WHERE statement = ?",
            (position,),
        ).fetchone()
        statement = StagedStatement(
            position=position,
            account=normal(closed.account),
            currency=closed.currency,
            kind=closed.kind,
            id_in_file=closed.id_in_file,
            opening=closed.opening,
            closing=closed.closing,
            lines=lines,
            zeros=self.zeros,
            pending=self.pending,
            sum_minor=total,
            first_on=date.fromisoformat(first) if first else None,
            last_on=date.fromisoformat(last) if last else None,
        )
        self._number(statement)
        self.staged.statements.append(statement)
        self.newest[statement.account] = statement
        self.zeros = self.pending = 0

    def _number(self, statement: StagedStatement) -> None:
        """Give each line its number among its twins, and say which have come before."""
        values = {
            "account": statement.account,
            "position": statement.position,
            "follows": self._follows(statement),
        }
        for sql in _NUMBERING:
            self.staged.store.execute(sql, values)

    def _follows(self, statement: StagedStatement) -> bool:
        """Whether it goes on where this account's last statement of the file ended."""
        before = self.newest.get(statement.account)
        if before is None or statement.kind != "statement" or before.kind != "statement":
            return False
        if replace(before, position=statement.position) == statement:
            return False
        if statement.opening is None or before.closing is None:
            return True
        return statement.opening.amount_minor == before.closing.amount_minor
