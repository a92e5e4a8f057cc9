"""Walking a book's transfers from the first to the last, folding as we go."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from functools import lru_cache, partial
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from circles.ledger import chart
from circles.ledger.booking import STORED, carry_out, page
from circles.ledger.problems import Problem, class_or_none, known_day
from circles.ledger.transfer import chained, note_hash

_SEQ, _REVERSES, _NOTE, _PREV_HASH = map(
    STORED.index, ("seq", "reverses", "note_hash", "prev_hash")
)
# Beside a page of transfers stands what they lead to. Asked for by the page's first and last
# number, so that nothing is carried from one page to the next.
_MIRRORED = text(
    "SELECT r.seq, o.seq AS undone, (o.kind <> :reversal AND o.seq < r.seq AND o.debit = r.credit "
    "AND o.credit = r.debit AND o.amount_minor = r.amount_minor) AS fits FROM ledger_transfer r "
    "LEFT JOIN ledger_transfer o ON o.book_id = r.book_id AND o.id = r.reverses "
    "WHERE r.book_id = :book AND r.seq BETWEEN :first AND :last AND r.reverses IS NOT NULL "
    "ORDER BY r.seq"
)
_NOTED = text(
    "SELECT t.seq, t.note_hash, n.book_id, n.salt, n.note FROM ledger_transfer t "
    "JOIN ledger_note n ON n.hash = t.note_hash "
    "WHERE t.book_id = :book AND t.seq BETWEEN :first AND :last ORDER BY t.seq"
)


@dataclass(frozen=True)
class Claim:
    """What a seal says the books were after so many transfers."""

    where: str
    transfers: int
    head: bytes
    fund_minor: int
    through: date | None


@dataclass(slots=True)
class Fold:
    """The sums of one account, recomputed. `sign`: 1 for a credit floor, -1 for a debit floor."""

    sign: int = 0
    debits: int = 0
    credits: int = 0
    last_seq: int = 0


class Folds(dict[str, Fold]):
    """Accounts by their codes, each begun when it is first booked on."""

    def __missing__(self, code: str) -> Fold:
        known = class_or_none(code)
        floor = "none" if known is None else chart.FLOORS[known]
        self[code] = Fold({"credit": 1, "debit": -1, "none": 0}[floor])
        return self[code]


@lru_cache(maxsize=4096)
def _allowed(kind: str, debit: str, credit: str) -> bool:
    """Whether the allow-list has it; a reversal may be anything that its original is."""
    return kind == chart.REVERSAL or (
        (kind, class_or_none(debit), class_or_none(credit)) in chart.KINDS
    )


class Chain:
    """One book, recomputed. `head` is None where it cannot be known any more; `notes` counts those
    of its transfers."""

    def __init__(self, name: str, book_id: bytes, start: bytes | None, claims: list[Claim]) -> None:
        self.name = name
        self.book_id = book_id
        self.head = start
        self.claims = claims
        self.last_seq = 0
        self.checked = 0
        self.notes = 0
        self.problems: list[Problem] = []
        self.folds = Folds()
        self._waiting = sorted(claims, key=lambda c: c.transfers)
        self._closed: date | None = None

    def found(self, check: str, where: str, what: str) -> None:
        """Note a problem; the walk goes on."""
        self.problems.append(Problem(self.name, check, where, what))

    async def walk(self, db: AsyncSession, progress: Callable[[int], None]) -> None:
        """Check every transfer of the book, a page at a time."""
        self._seals_due()
        after = -1 << 62
        while rows := await carry_out(db, partial(page, book_id=self.book_id, after=after)):
            after = rows[-1][_SEQ]
            for row in rows:
                self._read(row)
            page_of = {"book": self.book_id, "first": rows[0][_SEQ], "last": after}
            if any(row[_REVERSES] is not None for row in rows):
                await self._mirrors(db, page_of)
            if any(row[_NOTE] is not None for row in rows):
                await self._notes(db, page_of)
            self.checked += len(rows)
            progress(self.checked)
        for claim in self._waiting:
            self.found(
                "seal", claim.where, f"names {claim.transfers} transfers, there are {self.last_seq}"
            )

    def _read(self, row: Any) -> None:
        """Check one transfer, its columns as they are stored, and add it to its accounts."""
        (_id, _book, seq, _entry, kind, debit, credit, amount, on, _at,
         reverses, _actor, _note, _ref, _salt, prev_hash, stored) = row  # fmt: skip
        if seq != self.last_seq + 1:
            missing = f"transfer {self.last_seq + 1}"
            self.found("sequence", missing, f"is missing; {seq} follows {self.last_seq}")
        self.last_seq = seq
        before, self.head = self.head, stored
        try:
            hashed = chained(prev_hash, row[:_PREV_HASH])
        except (ValueError, TypeError) as error:
            self.found("chain", f"transfer {seq}", f"cannot be read: {error}")
            return
        if before is not None and prev_hash != before:
            self.found("chain", f"transfer {seq}", "prev_hash is not the hash before it")
        # We go on from what is stored: one altered row is then named once, not all that follow.
        if stored != hashed:
            self.found("chain", f"transfer {seq}", "its hash is not the hash of what it says")
        if not _allowed(kind, debit, credit):
            self.found("kind", f"transfer {seq}", f"{kind} from {debit} to {credit}")
        if (kind == chart.REVERSAL) != (reverses is not None):
            what = "a reversal must name what it reverses, nothing else may"
            self.found("mirror", f"transfer {seq}", what)
        if amount <= 0:
            self.found("kind", f"transfer {seq}", "its amount is not above nothing")
        if self._closed is not None and known_day(on) <= self._closed:
            what = f"lies in the period closed through {self._closed}"
            self.found("period", f"transfer {seq}", what)
        self._fold(seq, debit, credit, amount)
        if self._waiting and self._waiting[0].transfers <= seq:
            self._seals_due()

    def _fold(self, seq: int, debit: str, credit: str, amount: int) -> None:
        paid, got = self.folds[debit], self.folds[credit]
        paid.debits += amount
        got.credits += amount
        paid.last_seq = got.last_seq = seq
        if paid.sign * (paid.credits - paid.debits) < 0:
            self.found("floor", f"transfer {seq}", f"takes {debit} under its floor")
        if got.sign * (got.credits - got.debits) < 0:
            self.found("floor", f"transfer {seq}", f"takes {credit} under its floor")

    async def _mirrors(self, db: AsyncSession, page_of: dict[str, Any]) -> None:
        """Each reversal of that page is the mirror of an earlier transfer that is none itself."""
        for row in await db.execute(_MIRRORED, page_of | {"reversal": chart.REVERSAL}):
            where = f"transfer {row.seq}"
            if row.undone is None:
                self.found("mirror", where, "reverses what is not in this book")
            elif not row.fits:
                self.found("mirror", where, f"is no mirror of {row.undone}")

    async def _notes(self, db: AsyncSession, page_of: dict[str, Any]) -> None:
        """Each note of that page, unless it was erased, is the one whose hash is chained."""
        for row in await db.execute(_NOTED, page_of):
            self.notes += row.book_id == self.book_id
            if note_hash(row.book_id, row.salt, row.note) != row.note_hash:
                where = f"note of transfer {row.seq}"
                self.found("note", where, "is not the one that was written then")

    def _seals_due(self) -> None:
        """Compare the seals that name the state we have just reached."""
        while self._waiting and self._waiting[0].transfers <= self.last_seq:
            claim = self._waiting.pop(0)
            if claim.transfers != self.last_seq or (
                self.head is not None and claim.head != self.head
            ):
                self.found("seal", claim.where, f"its head is not the one after {claim.transfers}")
            fund = sum(
                fold.credits - fold.debits
                for code, fold in self.folds.items()
                if class_or_none(code) in {"fund", "round"}
            )
            if fund != claim.fund_minor:
                self.found("seal", claim.where, f"says {claim.fund_minor}, the fund was {fund}")
            if claim.through is not None:
                self._closed = max(claim.through, self._closed or claim.through)
