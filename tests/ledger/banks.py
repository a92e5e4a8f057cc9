"""The bank, for tests: statements made of a few figures, brought in through the real import."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date

from circles.host import Host
from circles.ledger.bank import imports, lines, staging
from circles.ledger.bank.imports import Choices, Kept, Plan
from circles.ledger.bank.lines import BankLine
from circles.ledger.bank.staging import Staged
from circles.ledger.statements.model import Balance, Reading, Statement, StatementLine
from tests.ledger.ledgers import NOW

IBAN = "DE89370400440532013000"


def line(day: int, amount_minor: int, who: str = "Ann", **words: str) -> StatementLine:
    """A line of October 2026."""
    booked = date(2026, 10, day)
    made = StatementLine(booked, booked, amount_minor, "EUR", counterparty=who)
    return replace(made, **words) if words else made  # type: ignore[arg-type]  # words are texts


def statement(
    found: Iterable[StatementLine],
    *,
    opening: int | None = None,
    account: str | None = IBAN,
    closing: int | None = None,
    days: tuple[int, int] | None = None,
    kind: str = "statement",
) -> Statement:
    """With a closing that adds up, unless another is said; `days` are those of the balances."""
    kept = tuple(found)
    if closing is None and opening is not None:
        closing = opening + sum(one.amount_minor for one in kept)
    first, last = (date(2026, 10, day) for day in days) if days else (None, None)
    return Statement(
        account,
        "EUR",
        None if opening is None else Balance(first, opening),
        None if closing is None else Balance(last, closing),
        kept,
        kind=kind,
    )


def file_of(*statements: Statement, form: str = "camt") -> Reading:
    return Reading(form, tuple(statements))


def stage(host: Host, reading: Reading) -> Staged:
    return staging.of_reading(reading, host.vault, hashlib.sha256(repr(reading).encode()).digest())


async def plan(
    host: Host, circle_id: bytes, reading: Reading, choices: Choices | None = None
) -> Plan:
    async with host.database.read() as db:
        with stage(host, reading) as staged:
            return await imports.plan(db, circle_id, staged, choices)


async def bring(
    host: Host,
    circle_id: bytes,
    reading: Reading | Sequence[StatementLine],
    choices: Choices | None = None,
    *,
    import_id: bytes | None = None,
    actor: int = 7,
) -> Kept:
    """Bring a file in; every account in it is ours unless `choices` say otherwise."""
    if not isinstance(reading, Reading):
        reading = file_of(statement(reading))
    with stage(host, reading) as staged:
        if choices is None:
            choices = Choices(ours=frozenset(one.account for one in staged.statements))
        async with host.database.begin() as db:
            return await imports.keep(
                db,
                host.vault,
                circle_id,
                staged,
                choices,
                import_id=import_id or secrets.token_bytes(16),
                actor=actor,
                now=NOW,
            )


async def waiting(host: Host, circle_id: bytes) -> list[BankLine]:
    async with host.database.read() as db:
        return await lines.waiting(db, host.vault, circle_id)
