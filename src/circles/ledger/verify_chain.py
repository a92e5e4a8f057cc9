"""Walking a book's transfers from the first to the last, folding as we go."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache, partial
from typing import Any, NamedTuple

from sqlalchemy import bindparam, text
from sqlalchemy.ext.asyncio import AsyncSession

from circles.ledger import chart
from circles.ledger.booking import STORED, carry_out, page
from circles.ledger.problems import Problem, class_or_none, known_day, known_time
from circles.ledger.transfer import chained

_SEQ = STORED.index("seq")
_ORIGINALS = text(
    "SELECT id, seq, kind, debit, credit, amount_minor FROM ledger_transfer "
    "WHERE book_id = :book AND id IN :ids"
).bindparams(bindparam("ids", expanding=True))


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

    @property
    def broken(self) -> bool:
        """Whether the account stands under its floor."""
        return self.sign * (self.credits - self.debits) < 0


class Folds(dict[str, Fold]):
    """Accounts by their codes, each begun when it is first booked on."""

    def __missing__(self, code: str) -> Fold:
        known = class_or_none(code)
        floor = "none" if known is None else chart.FLOORS[known]
        self[code] = Fold({"credit": 1, "debit": -1, "none": 0}[floor])
        return self[code]


class _Mirror(NamedTuple):
    """What a reversal claims to undo."""

    seq: int
    reverses: bytes
    debit: str
    credit: str
    amount_minor: int


@lru_cache(maxsize=4096)
def _allowed(kind: str, debit: str, credit: str) -> bool:
    """Whether the allow-list has it; a reversal may be anything that its original is."""
    return kind == chart.REVERSAL or (
        (kind, class_or_none(debit), class_or_none(credit)) in chart.KINDS
    )


class Chain:
    """One book, recomputed. `head` is None where it cannot be known any more."""

    def __init__(self, name: str, book_id: bytes, start: bytes | None, claims: list[Claim]) -> None:
        self.name = name
        self.book_id = book_id
        self.head = start
        self.claims = claims
        self.last_seq = 0
        self.checked = 0
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
            mirrors = [mirror for row in rows if (mirror := self._read(row)) is not None]
            await self._mirrors(db, mirrors)
            self.checked += len(rows)
            progress(self.checked)
        for claim in self._waiting:
            self.found(
                "seal", claim.where, f"names {claim.transfers} transfers, there are {self.last_seq}"
            )

    def _read(self, row: Sequence[Any]) -> _Mirror | None:
        """Check one transfer, its columns as they are stored; what it mirrors, if it does."""
        (id_, book, seq, entry, kind, debit, credit, amount, on, at,
         reverses, actor, note, ref, salt, prev_hash, stored) = row  # fmt: skip
        if seq != self.last_seq + 1:
            missing = f"transfer {self.last_seq + 1}"
            self.found("sequence", missing, f"is missing; {seq} follows {self.last_seq}")
        self.last_seq = seq
        before, self.head = self.head, stored
        try:
            day = known_day(on)
            hashed = chained(
                prev_hash,
                (id_, book, seq, entry, kind, debit, credit, amount, day, known_time(at),
                 reverses, actor, note, ref, salt),
            )  # fmt: skip
        except ValueError as error:
            self.found("chain", f"transfer {seq}", f"cannot be read: {error}")
            return None
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
        if self._closed is not None and day <= self._closed:
            what = f"lies in the period closed through {self._closed}"
            self.found("period", f"transfer {seq}", what)
        self._fold(seq, debit, credit, amount)
        if self._waiting and self._waiting[0].transfers <= seq:
            self._seals_due()
        return None if reverses is None else _Mirror(seq, reverses, debit, credit, amount)

    def _fold(self, seq: int, debit: str, credit: str, amount: int) -> None:
        paid, got = self.folds[debit], self.folds[credit]
        paid.debits += amount
        got.credits += amount
        paid.last_seq = got.last_seq = seq
        if paid.sign * (paid.credits - paid.debits) < 0:
            self.found("floor", f"transfer {seq}", f"takes {debit} under its floor")
        if got.sign * (got.credits - got.debits) < 0:
            self.found("floor", f"transfer {seq}", f"takes {credit} under its floor")

    async def _mirrors(self, db: AsyncSession, mirrors: Iterable[_Mirror]) -> None:
        wanted = {mirror.reverses: mirror for mirror in mirrors}
        if not wanted:
            return
        rows = await db.execute(_ORIGINALS, {"book": self.book_id, "ids": list(wanted)})
        for row in rows:
            mirror = wanted.pop(row.id)
            if (
                (row.debit, row.credit, row.amount_minor)
                != (mirror.credit, mirror.debit, mirror.amount_minor)
                or row.kind == chart.REVERSAL
                or row.seq >= mirror.seq
            ):
                self.found("mirror", f"transfer {mirror.seq}", f"is no mirror of {row.seq}")
        for mirror in wanted.values():
            self.found("mirror", f"transfer {mirror.seq}", "reverses what is not in this book")

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
