"""The database keeps the rules by itself: raw SQL, past all of our code, is refused by name."""

from __future__ import annotations

import secrets
import sqlite3
from collections.abc import AsyncIterator
from dataclasses import astuple, fields, replace
from datetime import UTC, date, datetime
from typing import Any

import asyncpg
import pytest

from circles.db import Database
from circles.host import Host
from circles.ledger import books, chart
from circles.ledger.books import NewTransfer
from circles.ledger.journal import TRANSFER_COLUMNS
from circles.ledger.transfer import Transfer, chain_hash
from circles.ledger.verify import verify_books
from circles.ledger.verify_rows import GUARDS
from tests.ledger.ledgers import NOW, new_book
from tests.ledger.tampering import Burglar, burglar

REFUSED = (sqlite3.DatabaseError, asyncpg.PostgresError)
DAY = date(2026, 10, 2)
_NAMES = [field.name for field in fields(Transfer)]


@pytest.fixture
async def thief(database_url: str) -> AsyncIterator[Burglar]:
    async with burglar(database_url) as opened:
        yield opened


async def furnish(database: Database) -> list[Transfer]:
    """Fund 100.00, M0001 10.00, one contribution reversed."""
    circle_id = await new_book(database)
    paid = NewTransfer("contribution", chart.MAIN_BANK, chart.member("M0001"), 1000, DAY)
    async with database.begin() as db:
        opening = NewTransfer("opening", chart.MAIN_BANK, chart.FUND, 10_000, DAY)
        entry = await books.record(db, circle_id, [opening, paid, paid], key="k", now=NOW)
        undone = await books.reverse(db, circle_id, entry.transfers[2].id, actor=1, now=NOW)
    return [*entry.transfers, *undone.transfers]


def following(last: Transfer, **changes: Any) -> Transfer:
    """A sound next transfer, with these changes; hashed anew, so that only they can be wrong."""
    sound = replace(
        last,
        id=secrets.token_bytes(16),
        entry_id=secrets.token_bytes(16),
        seq=last.seq + 1,
        kind="gift",
        debit=chart.MAIN_BANK,
        credit=chart.FUND,
        reverses=None,
        prev_hash=last.hash,
    )
    bent = replace(sound, **changes)
    return replace(bent, hash=chain_hash(bent))


def _raw(thief: Burglar, value: Any) -> Any:
    if thief.pg is not None or not isinstance(value, date):
        return value
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.000000")
    return value.isoformat()


async def insert(thief: Burglar, transfer: Transfer, verb: str = "INSERT") -> None:
    marks = ", ".join("?" for _ in _NAMES)
    await thief.run(
        f"{verb} INTO ledger_transfer ({', '.join(_NAMES)}) VALUES ({marks})",
        *(_raw(thief, value) for value in astuple(transfer)),
    )


BENT = {
    "seq": {"seq": 6},
    "seq again": {"seq": 4},
    "chain": {"prev_hash": bytes(32)},
    "no amount": {"amount_minor": 0},
    "negative": {"amount_minor": -5},
    "too large": {"amount_minor": 10**15},
    "same account": {"credit": chart.MAIN_BANK},
    "unknown account": {"debit": "Assets:Bank:Other"},
    "kind": {"kind": "present"},
    "kind's accounts": {"kind": "pledge"},
    "overdraft": {"kind": "fee", "debit": chart.FUND, "credit": chart.MAIN_BANK,
                  "amount_minor": 10_001},
    "reversal of nothing": {"kind": "reversal", "reverses": bytes(16)},
    "reversal without": {"kind": "reversal"},
    "short salt": {"salt": b"1"},
}  # fmt: skip


async def kept(thief: Burglar, sql: str, *values: Any) -> bool:
    """Whether the database took it."""
    try:
        await thief.run(sql, *values)
    except REFUSED:
        return False
    return True


async def test_a_bent_transfer_is_refused(host: Host, thief: Burglar) -> None:
    last = (await furnish(host.database))[-1]
    taken = []
    for name, changes in BENT.items():
        try:
            await insert(thief, following(last, **changes))
        except REFUSED:
            continue
        taken.append(name)
    assert taken == []
    await insert(thief, following(last))
    assert await verify_books(host, lambda _checked, _total: None) == []


async def test_an_account_of_another_book_is_refused(host: Host, thief: Burglar) -> None:
    ours, theirs = await furnish(host.database), await new_book(host.database)
    async with host.database.begin() as db:
        side = NewTransfer("opening", "Assets:Bank:Side", chart.FUND, 5, DAY)
        await books.record(db, theirs, [side], key="k", now=NOW)
    with pytest.raises(REFUSED):
        await insert(thief, following(ours[-1], debit="Assets:Bank:Side"))


async def test_a_reversal_mirrors_once(host: Host, thief: Burglar) -> None:
    opening, paid, _, undone = await furnish(host.database)

    def mirror(of: Transfer, **changes: Any) -> Transfer:
        fits = {"kind": "reversal", "reverses": of.id, "debit": of.credit, "credit": of.debit,
                "amount_minor": of.amount_minor}  # fmt: skip
        return following(undone, **{**fits, **changes})

    for wrong in (
        mirror(paid, amount_minor=999),
        mirror(paid, debit=chart.FUND),
        mirror(paid, debit=paid.debit, credit=paid.credit),
        mirror(undone),
    ):
        with pytest.raises(REFUSED):
            await insert(thief, wrong)
    await insert(thief, mirror(paid))
    again = replace(mirror(paid), seq=6, prev_hash=mirror(paid).hash)
    with pytest.raises(REFUSED):
        await insert(thief, again)
    assert opening.seq == 1


async def test_a_closed_period_takes_nothing(host: Host, thief: Burglar) -> None:
    last = (await furnish(host.database))[-1]
    circle_id = (await thief.run("SELECT circle_id FROM ledger_book"))[0][0]
    async with host.database.begin() as db:
        await books.close_through(db, circle_id, DAY, actor=1, now=NOW)
    with pytest.raises(REFUSED, match="closed"):
        await insert(thief, following(last))
    await insert(thief, following(last, effective_on=date(2026, 10, 3)))


NEVER = (
    "UPDATE ledger_transfer SET amount_minor = 1",
    "DELETE FROM ledger_transfer",
    "UPDATE ledger_account SET floor = 'none'",
    "DELETE FROM ledger_account",
    "UPDATE ledger_kind SET debit_class = 'fund'",
    "DELETE FROM ledger_kind",
    "DELETE FROM ledger_idempotency",
    "UPDATE ledger_idempotency SET key = 'x'",
    "DELETE FROM ledger_seal",
    "UPDATE ledger_seal SET fund_minor = 1",
    "UPDATE ledger_note SET note = 'other'",
    "DELETE FROM ledger_book",
    "UPDATE ledger_book SET currency = 'CHF'",
    "UPDATE ledger_book SET next_seq = 9",
    "UPDATE ledger_book SET next_seq = 2",
    "UPDATE ledger_book SET closed_through = '2026-12-31'",
    "DELETE FROM ledger_balance",
    "UPDATE ledger_balance SET credits = credits + 1, last_seq = last_seq + 1",
    "UPDATE ledger_balance SET floor = 'none', last_seq = last_seq + 1",
)


async def test_what_is_booked_is_never_changed(host: Host, thief: Burglar) -> None:
    await furnish(host.database)
    circle_id = (await thief.run("SELECT circle_id FROM ledger_book"))[0][0]
    noted = NewTransfer("gift", chart.MAIN_BANK, chart.FUND, 1, DAY, note="a note")
    async with host.database.begin() as db:
        await books.record(db, circle_id, [noted], key="n", now=NOW)
        await books.seal(db, circle_id, "2026-10", now=NOW)
    assert [sql for sql in NEVER if await kept(thief, sql)] == []
    assert await verify_books(host, lambda _checked, _total: None) == []
    # A note alone may go, as it must.
    assert await kept(thief, "DELETE FROM ledger_note")
    assert await verify_books(host, lambda _checked, _total: None) == []


async def test_truncate_and_replace_are_no_way_around(host: Host, thief: Burglar) -> None:
    *_, wrong, last = await furnish(host.database)
    if thief.pg is not None:
        for table in ("ledger_transfer", "ledger_balance", "ledger_book", "ledger_seal"):
            with pytest.raises(REFUSED, match="append-only"):
                await thief.run(f"TRUNCATE {table} CASCADE")
        with pytest.raises(REFUSED):
            await thief.run(
                "INSERT INTO ledger_transfer SELECT * FROM ledger_transfer WHERE seq = 1 "
                "ON CONFLICT (id) DO UPDATE SET amount_minor = 1"
            )
    else:
        # As a connection that forgot recursive_triggers would: delete triggers then sleep.
        await thief.run("PRAGMA recursive_triggers = OFF")
        for replacing in (
            replace(wrong, amount_minor=1),
            following(last, id=wrong.id),
            following(last, seq=1),
        ):
            with pytest.raises(REFUSED):
                await insert(thief, replacing, "INSERT OR REPLACE")
        for table in ("ledger_account", "ledger_balance", "ledger_seal", "ledger_idempotency"):
            rows = await thief.run(f"SELECT * FROM {table}")
            for row in rows:
                marks = ", ".join("?" for _ in row)
                with pytest.raises(REFUSED):
                    await thief.run(f"INSERT OR REPLACE INTO {table} VALUES ({marks})", *row)
    assert await verify_books(host, lambda _checked, _total: None) == []


async def test_the_guards_and_the_allow_list_are_the_ones_we_know(
    database: Database, thief: Burglar
) -> None:
    names = await thief.run(
        "SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name LIKE 'ledger%'"
        if thief.lite is not None
        else "SELECT tgname::text FROM pg_trigger "
        "WHERE NOT tgisinternal AND tgrelid::regclass::text LIKE 'ledger%'"
    )
    assert {name for (name,) in names} == GUARDS[database.dialect]
    kinds = await thief.run("SELECT kind, debit_class, credit_class FROM ledger_kind")
    assert {tuple(kind) for kind in kinds} == set(chart.KINDS)
    assert len(TRANSFER_COLUMNS) == len(_NAMES)
