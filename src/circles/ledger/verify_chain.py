"""Walking a book's transfers from the first to the last, folding as we go."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields
from datetime import date
from typing import Any

from sqlalchemy import bindparam, text
from sqlalchemy.ext.asyncio import AsyncSession

from circles.ledger import chart
from circles.ledger.problems import PAGE_ROWS, Problem, as_transfer, class_or_none
from circles.ledger.transfer import Transfer, chain_hash

_COLUMNS = ", ".join(f.name for f in fields(Transfer))
_PAGE = text(
    f"SELECT {_COLUMNS} FROM ledger_transfer "  # noqa: S608 - column names of our own dataclass
    "WHERE book_id = :book AND seq > :after ORDER BY seq LIMIT :rows"
)
_ORIGINALS = text(
    f"SELECT {_COLUMNS} FROM ledger_transfer "  # noqa: S608 - column names of our own dataclass
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


@dataclass
class Fold:
    """The sums of one account, recomputed."""

    debits: int = 0
    credits: int = 0
    last_seq: int = 0

    def broken(self, account_class: chart.AccountClass | None) -> bool:
        """Whether the floor of that class is broken."""
        floor = "none" if account_class is None else chart.FLOORS[account_class]
        return (floor == "credit" and self.credits < self.debits) or (
            floor == "debit" and self.debits < self.credits
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
        self.folds: defaultdict[str, Fold] = defaultdict(Fold)
        self._waiting = sorted(claims, key=lambda c: c.transfers)
        self._closed: date | None = None

    def found(self, check: str, where: str, what: str) -> None:
        """Note a problem; the walk goes on."""
        self.problems.append(Problem(self.name, check, where, what))

    async def walk(self, db: AsyncSession, progress: Callable[[int], None]) -> None:
        """Check every transfer of the book, a page at a time."""
        after = -1 << 62
        self._seals_due()
        while True:
            rows = (
                await db.execute(_PAGE, {"book": self.book_id, "after": after, "rows": PAGE_ROWS})
            ).all()
            if not rows:
                break
            after = rows[-1].seq
            reversals: list[Transfer] = []
            for row in rows:
                transfer = self._read(row)
                if transfer is not None and transfer.reverses is not None:
                    reversals.append(transfer)
            await self._mirrors(db, reversals)
            self.checked += len(rows)
            progress(self.checked)
        for claim in self._waiting:
            self.found(
                "seal", claim.where, f"names {claim.transfers} transfers, there are {self.last_seq}"
            )

    def _read(self, row: Any) -> Transfer | None:
        where = f"transfer {row.seq}"
        if row.seq != self.last_seq + 1:
            missing = f"transfer {self.last_seq + 1}"
            self.found("sequence", missing, f"is missing; {row.seq} follows {self.last_seq}")
        self.last_seq = row.seq
        try:
            transfer = as_transfer(row)
            recomputed = chain_hash(transfer)
        except ValueError as error:
            self.found("chain", where, f"cannot be read: {error}")
            self.head = row.hash
            return None
        if self.head is not None and transfer.prev_hash != self.head:
            self.found("chain", where, "prev_hash is not the hash before it")
        if transfer.hash != recomputed:
            self.found("chain", where, "its hash is not the hash of what it says")
        # Go on from what is stored: one altered row is then named once, not all that follow.
        self.head = transfer.hash
        self._rules(transfer, where)
        self._fold(transfer, where)
        self._seals_due()
        return transfer

    def _rules(self, transfer: Transfer, where: str) -> None:
        classes = class_or_none(transfer.debit), class_or_none(transfer.credit)
        if transfer.kind != chart.REVERSAL and (transfer.kind, *classes) not in chart.KINDS:
            self.found("kind", where, f"{transfer.kind} from {transfer.debit} to {transfer.credit}")
        if (transfer.kind == chart.REVERSAL) != (transfer.reverses is not None):
            self.found("mirror", where, "a reversal must name what it reverses, nothing else may")
        if transfer.amount_minor <= 0:
            self.found("kind", where, "its amount is not above nothing")
        if self._closed is not None and transfer.effective_on <= self._closed:
            self.found("period", where, f"lies in the period closed through {self._closed}")

    def _fold(self, transfer: Transfer, where: str) -> None:
        debit, credit = self.folds[transfer.debit], self.folds[transfer.credit]
        debit.debits += transfer.amount_minor
        credit.credits += transfer.amount_minor
        for code, fold in ((transfer.debit, debit), (transfer.credit, credit)):
            fold.last_seq = transfer.seq
            if fold.broken(class_or_none(code)):
                self.found("floor", where, f"takes {code} under its floor")

    async def _mirrors(self, db: AsyncSession, reversals: Iterable[Transfer]) -> None:
        wanted = {t.reverses: t for t in reversals}
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
