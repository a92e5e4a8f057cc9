"""Payouts against the transfers that paid them."""

from __future__ import annotations

from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from circles.ledger import chart, payee_changes, payouts
from circles.ledger.problems import Problem
from circles.vault import Vault, VaultError

# For each state: the transfers that must stand, and whether the sending was mirrored.
_BOOKED: dict[str, tuple[tuple[frozenset[str], bool], ...]] = {
    "proposed": ((frozenset(), False),),
    "confirmed": ((frozenset(), False),),
    "withdrawn": ((frozenset(), False),),
    "sent": ((frozenset({"sent"}), False),),
    "settled": ((frozenset({"sent", "settled"}), False),),
    "returned": (
        (frozenset({"sent"}), True),
        (frozenset({"sent", "settled", "returned"}), False),
    ),
}


async def payouts_of(db: AsyncSession, vault: Vault, book: Any, name: str) -> list[Problem]:
    """Each payout has exactly the transfers its state says, of its amount and its award, and the
    payee that it was given."""
    found: list[Problem] = []
    rows = await db.execute(
        text("SELECT * FROM ledger_payout WHERE book_id = :book ORDER BY id"), {"book": book.id}
    )
    for row in rows.all():
        where = f"payout of {row.month}-{row.candidate}"
        booked: dict[str, Any] = {}
        mirrored = False
        for step in ("sent", "settled", "returned"):
            transfer = (
                await db.execute(
                    text(
                        "SELECT t.*, (SELECT count(*) FROM ledger_transfer m "
                        "WHERE m.reverses = t.id) AS mirrors FROM ledger_transfer t "
                        "WHERE t.book_id = :book AND t.business_ref = :ref"
                    ),
                    {"book": book.id, "ref": payouts.ref(row.id, step)},
                )
            ).one_or_none()
            if transfer is None:
                continue
            booked[step] = transfer
            mirrored = mirrored or bool(transfer.mirrors)
            if transfer.amount_minor != row.amount_minor:
                found.append(Problem(name, "payout", where, f"{step} is another amount"))
        if (frozenset(booked), mirrored) not in _BOOKED.get(row.state, ()):
            found.append(
                Problem(name, "payout", where, f"is {row.state}, but the books say otherwise")
            )
        award = chart.award(row.month, row.candidate)
        if "sent" in booked and booked["sent"].debit != award:
            found.append(Problem(name, "payout", where, "was paid from another award"))
        money = chart.MAIN_BANK if row.way == "bank" else chart.CASH
        if "settled" in booked and booked["settled"].credit != money:
            found.append(Problem(name, "payout", where, f"was not paid by {row.way}"))
        if not _opens(vault, payouts.payee_purpose(row.id), row.payee_sealed):
            found.append(Problem(name, "payout", where, "its payee is not as it was sealed"))
    return found + await _changes_of(db, vault, book, name)


async def _changes_of(db: AsyncSession, vault: Vault, book: Any, name: str) -> list[Problem]:
    rows = await db.execute(
        text(
            "SELECT c.id, c.payee_sealed, p.month, p.candidate FROM ledger_payee_change c "
            "JOIN ledger_payout p ON p.id = c.payout_id "
            "WHERE p.book_id = :book AND c.payee_sealed IS NOT NULL ORDER BY c.id"
        ),
        {"book": book.id},
    )
    return [
        Problem(
            name,
            "payout",
            f"payout of {row.month}-{row.candidate}",
            "the payee asked for is not as it was sealed",
        )
        for row in rows
        if not _opens(vault, payee_changes.payee_purpose(row.id), row.payee_sealed)
    ]


def _opens(vault: Vault, purpose: str, sealed: bytes | None) -> bool:
    try:
        return sealed is None or bool(vault.open(purpose, sealed))
    except VaultError:
        return False
