"""Closed months and hand-overs against the seals and the transfers they speak of."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from operator import attrgetter
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from circles.ledger import chart
from circles.ledger.handovers import Handover
from circles.ledger.handovers import record_of as handover_record
from circles.ledger.periods import Closed, Figures, record_of
from circles.ledger.problems import Problem, as_day, as_time
from circles.ledger.transfer import handover_hash, period_hash

_FIGURES = tuple(Figures.__dataclass_fields__)
# The figures that the transfers themselves tell, by the account they stand in, and its sign.
_TOLD = (
    ("bank_minor", chart.MAIN_BANK, 1),
    ("cash_minor", chart.CASH, 1),
    ("suspense_minor", chart.SUSPENSE, -1),
    ("transit_minor", chart.TRANSIT, -1),
)
_BY_DAY = text(
    "SELECT effective_on, "  # noqa: S608 - our own column names
    + ", ".join(
        f"sum(CASE WHEN debit = :{figure} THEN amount_minor "
        f"WHEN credit = :{figure} THEN -amount_minor ELSE 0 END)"
        for figure, _code, _sign in _TOLD
    )
    + " FROM ledger_transfer WHERE book_id = :book AND seq > :after AND seq <= :upto "
    "GROUP BY effective_on"
).bindparams(**{figure: code for figure, code, _sign in _TOLD})


async def periods_of(db: AsyncSession, book: Any, name: str) -> list[Problem]:
    """Each closed month has its seal, its figures are those of the transfers, nothing was altered;
    and each seal that closed a month has its month."""
    rows = (
        await db.execute(
            text("SELECT * FROM ledger_period WHERE book_id = :book ORDER BY month"),
            {"book": book.id},
        )
    ).all()
    seals = {
        row.ref: row
        for row in await db.execute(
            text("SELECT * FROM ledger_seal WHERE book_id = :book"), {"book": book.id}
        )
    }
    told = await _told(db, book, rows)
    found: list[Problem] = []
    for row in rows:
        where = f"closed month {row.month}"
        found += [
            Problem(name, "closed", where, what) for what in _wrong(row, seals, told[row.month])
        ]
    lost = {ref for ref in seals if ref.startswith("month:")} - {row.seal_ref for row in rows}
    found += [
        Problem(name, "closed", f"seal {ref}", "closed a month whose record is gone")
        for ref in sorted(lost)
    ]
    return found


async def _told(db: AsyncSession, book: Any, rows: Sequence[Any]) -> dict[str, dict[str, int]]:
    """By month, the figures of all transfers that were there when it was closed and lie before its
    end. Each is added up once, into its day: a hundred months take no longer than one."""
    told: dict[str, dict[str, int]] = {}
    by_day: defaultdict[str, list[int]] = defaultdict(lambda: [0] * len(_TOLD))
    after = 0
    for row in sorted(rows, key=attrgetter("transfers")):
        span = {"book": book.id, "after": after, "upto": row.transfers}
        for day, *sums in await db.execute(_BY_DAY, span):
            by_day[str(day)] = [a + int(b) for a, b in zip(by_day[str(day)], sums, strict=True)]
        after = row.transfers
        # Days are spelt so that they sort.
        days = [sums for day, sums in by_day.items() if day <= str(row.through)]
        told[row.month] = {
            figure: sign * sum(sums[n] for sums in days)
            for n, (figure, _code, sign) in enumerate(_TOLD)
        }
    return told


def _wrong(row: Any, seals: dict[str, Any], told: dict[str, int]) -> list[str]:
    try:
        closed = _closed(row)
        same = period_hash(record_of(row.book_id, closed)) == row.hash
    except ValueError:
        return ["cannot be read"]
    wrong = [] if same else ["its hash is not the hash of what it says"]
    seal = seals.get(row.seal_ref)
    if seal is None:
        wrong.append("has no seal")
    elif (seal.transfers, seal.head, str(seal.closes_through)) != (
        row.transfers,
        row.head,
        str(row.through),
    ):
        wrong.append("is not what its seal says")
    for figure, minor in told.items():
        if minor != getattr(row, figure):
            wrong.append(f"{figure} is {getattr(row, figure)}, the transfers say {minor}")
    if row.checker_actor == row.proposer_actor:
        wrong.append("was signed twice by one person")
    if row.source != "none" and row.statement_minor + row.unpresented_minor != row.bank_minor:
        wrong.append("was closed with a difference to the bank")
    return wrong


def _closed(row: Any) -> Closed:
    return Closed(
        id=row.id,
        month=row.month,
        through=as_day(row.through),
        seal_ref=row.seal_ref,
        transfers=row.transfers,
        head=row.head,
        figures=Figures(**{name: getattr(row, name) for name in _FIGURES}),
        proposer_actor=row.proposer_actor,
        proposed_at=as_time(row.proposed_at),
        checker_actor=row.checker_actor,
        closed_at=as_time(row.closed_at),
    )


async def handovers_of(db: AsyncSession, book: Any, name: str) -> list[Problem]:
    """Each accepted hand-over says what it said then, of books that were so."""
    rows = await db.execute(
        text(
            "SELECT h.*, t.hash AS then_head FROM ledger_handover h LEFT JOIN ledger_transfer t "
            "ON t.book_id = h.book_id AND t.seq = h.transfers "
            "WHERE h.book_id = :book AND h.accepted_at IS NOT NULL ORDER BY h.id"
        ),
        {"book": book.id},
    )
    found: list[Problem] = []
    for row in rows.all():
        where = f"hand-over of {row.accepted_at}"
        try:
            through = None if row.closed_through is None else as_day(row.closed_through)
            accepted = Handover(
                id=row.id,
                giver_actor=row.giver_actor,
                taker_actor=row.taker_actor,
                proposed_at=as_time(row.proposed_at),
                accepted_at=as_time(row.accepted_at),
                closed_through=through,
                transfers=row.transfers,
                head=row.head,
                bank_minor=row.bank_minor,
                cash_minor=row.cash_minor,
            )
            same = handover_hash(handover_record(row.book_id, accepted)) == row.hash
        except ValueError:
            same = False
        if not same:
            what = "its hash is not the hash of what it says"
            found.append(Problem(name, "handover", where, what))
        if row.transfers and row.then_head != row.head:
            found.append(Problem(name, "handover", where, "names another head than the books"))
    return found
