"""Every column of the books, altered past the guards: the verifier finds it and names it."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

import pytest

from circles.db import Database
from circles.host import Host
from circles.ledger import booking, books, chart, verify_rows
from circles.ledger.books import NewTransfer
from circles.ledger.verify import Problem, verify_books
from tests.ledger.ledgers import NOW, new_book
from tests.ledger.tampering import Burglar, burglar

DAY = date(2026, 10, 2)
PAID = NewTransfer(
    kind="contribution",
    debit=chart.MAIN_BANK,
    credit=chart.member("M0001"),
    amount_minor=1000,
    effective_on=DAY,
    actor=41,
    business_ref="line:1",
    note="from the jar",
)


async def furnish(database: Database) -> bytes:
    """A book with one of everything: seven transfers, two seals, a closed period, a reversal."""
    circle_id = await new_book(database)
    wrong = replace(PAID, amount_minor=500, business_ref="line:2", note="a slip")
    pledge = NewTransfer("pledge", PAID.credit, chart.FUND, 700, date(2026, 11, 1))
    late = replace(PAID, effective_on=date(2026, 11, 2), business_ref=None, note=None)
    async with database.begin() as db:
        await books.record(db, circle_id, [PAID], key="first", now=NOW)
        entry = await books.record(db, circle_id, [wrong], key="second", now=NOW)
        await books.reverse(db, circle_id, entry.transfers[0].id, actor=42, now=NOW)
        await books.close_through(db, circle_id, date(2026, 10, 31), actor=43, now=NOW)
        await books.record(db, circle_id, [pledge, late], key="third", now=NOW)
        await books.reserve_fund(db, circle_id, "2026-11", 0, NOW, on=date(2026, 11, 3))
        await books.seal(db, circle_id, "2026-11", now=NOW)
    return circle_id


async def problems(host: Host) -> list[Problem]:
    """All but the guards, which a burglar switches off by trade."""
    found = await verify_books(host, lambda _checked, _total: None)
    return [problem for problem in found if problem.check != "guard"]


def altered(value: Any) -> Any:
    """Something else of the same type."""
    if isinstance(value, bytes):
        return value[:-1] + bytes([value[-1] ^ 1])
    if isinstance(value, int):
        return value + 100
    if isinstance(value, date):
        return value + (timedelta(seconds=1) if isinstance(value, datetime) else timedelta(days=1))
    if re.match(r"\d{4}-\d\d-\d\d", value):
        return value.replace("08:00:00", "08:00:01") if ":" in value else value[:-1] + "7"
    return {"EUR": "CHF"}.get(value, value[:-1] + ("x" if value[-1] != "x" else "y"))


_PLANTED = {"reverses": b"\7" * 16, "note_hash": b"\7" * 32, "business_ref": "planted"}

# Table, what picks one row of it, and the word that must stand where the problem is named.
PLACES = [
    ("ledger_book", "1 = 1", "book"),
    ("ledger_account", "code = 'Equity:Fund'", "Equity:Fund"),
    ("ledger_balance", "code = 'Equity:Fund'", "Equity:Fund"),
    ("ledger_transfer", "seq = 1", "transfer 1"),
    ("ledger_transfer", "seq = 3", "transfer 3"),
    ("ledger_transfer", "seq = 6", "transfer 6"),
    ("ledger_note", "note = 'a slip'", "note"),
    ("ledger_idempotency", "key = 'second'", "secon"),
    ("ledger_seal", "ref = 'vote:2026-11'", "seal"),
    ("ledger_seal", "closes_through IS NOT NULL", "seal"),
    ("ledger_kind", "kind = 'interest'", "interest"),
]


async def columns(thief: Burglar, table: str) -> list[str]:
    if thief.lite is not None:
        return [row[1] for row in await thief.run(f"PRAGMA table_info({table})")]
    rows = await thief.run(
        "SELECT column_name::text FROM information_schema.columns "
        "WHERE table_name = ? ORDER BY ordinal_position",
        table,
    )
    return [row[0] for row in rows]


async def primary(thief: Burglar, table: str, where: str) -> tuple[str, tuple[Any, ...]]:
    """A condition that still finds the row after one column of it was altered: none may be used
    for the column itself, so the row is remembered whole."""
    names = await columns(thief, table)
    row = (await thief.run(f"SELECT {', '.join(names)} FROM {table} WHERE {where}"))[0]
    return ", ".join(names), row


@pytest.mark.parametrize(("table", "where", "named"), PLACES)
async def test_every_column_that_was_altered_is_named(
    host: Host, table: str, where: str, named: str
) -> None:
    await furnish(host.database)
    assert await problems(host) == []
    async with burglar(host.database.url) as thief:
        await thief.switch_guards_off()
        names, row = await primary(thief, table, where)
        missed = []
        for number, column in enumerate(names.split(", ")):
            other = _PLANTED.get(column) if row[number] is None else altered(row[number])
            if other is None:
                other = altered(DAY if thief.pg is not None else DAY.isoformat())
            await _swap(thief, table, column, row, number, other)
            found = await problems(host)
            if not any(named in f"{p.where} {p.check} {p.what} {p.book}" for p in found):
                missed.append((column, other, [str(p) for p in found]))
            await _put_back(thief, table, names, row, number, other)
        assert missed == []
        assert await problems(host) == []


async def _swap(
    thief: Burglar, table: str, column: str, row: tuple[Any, ...], number: int, other: Any
) -> None:
    names = await columns(thief, table)
    keys = [(n, v) for n, v in zip(names, row, strict=True) if v is not None]
    condition = " AND ".join(f"{name} = ?" for name, _ in keys)
    await thief.run(
        f"UPDATE {table} SET {column} = ? WHERE {condition}", other, *(v for _, v in keys)
    )


async def _put_back(
    thief: Burglar, table: str, names: str, row: tuple[Any, ...], number: int, other: Any
) -> None:
    changed = (*row[:number], other, *row[number + 1 :])
    keys = [(n, v) for n, v in zip(names.split(", "), changed, strict=True) if v is not None]
    condition = " AND ".join(f"{name} = ?" for name, _ in keys)
    column = names.split(", ")[number]
    await thief.run(
        f"UPDATE {table} SET {column} = ? WHERE {condition}", row[number], *(v for _, v in keys)
    )


@pytest.mark.parametrize("seq", [1, 4, 6])
async def test_a_transfer_that_was_cut_out_is_missed(host: Host, seq: int) -> None:
    await furnish(host.database)
    async with burglar(host.database.url) as thief:
        await thief.switch_guards_off()
        await thief.run(f"DELETE FROM ledger_transfer WHERE seq = {seq}")
    checks = {problem.check for problem in await problems(host)}
    assert {"balance"} <= checks
    assert checks & {"sequence", "book"}


async def test_a_note_that_was_altered_is_named_with_its_transfer(host: Host) -> None:
    await furnish(host.database)
    async with burglar(host.database.url) as thief:
        await thief.switch_guards_off()
        await thief.run("UPDATE ledger_note SET note = 'from Ann' WHERE note = 'from the jar'")
    (problem,) = await problems(host)
    assert (problem.check, problem.where) == ("note", "note of transfer 1")


async def test_what_cannot_be_read_is_named_and_the_rest_is_checked(host: Host) -> None:
    await furnish(host.database)
    async with burglar(host.database.url) as thief:
        await thief.switch_guards_off()
        await thief.run("UPDATE ledger_transfer SET kind = 'présent' WHERE seq = 2")
        await thief.run("UPDATE ledger_balance SET debits = 5 WHERE code = 'Assets:Bank:Main'")
    found = await problems(host)
    assert ("chain", "transfer 2") in {(p.check, p.where) for p in found}
    assert any(p.check == "balance" and "Bank" in p.where for p in found)


async def test_guards_that_were_switched_off_are_named(host: Host) -> None:
    await furnish(host.database)
    assert await verify_books(host, lambda _checked, _total: None) == []
    async with burglar(host.database.url) as thief:
        if thief.lite is not None:
            await thief.run("DROP TRIGGER ledger_transfer_never_update")
        else:
            await thief.run("ALTER TABLE ledger_transfer DISABLE TRIGGER USER")
    found = await verify_books(host, lambda _checked, _total: None)
    assert {problem.check for problem in found} == {"guard"}
    assert any("ledger_transfer_never" in problem.where for problem in found)


async def test_progress_is_told_from_nothing_to_all(host: Host) -> None:
    await furnish(host.database)
    await furnish(host.database)
    told: list[tuple[int, int]] = []
    await verify_books(host, lambda checked, total: told.append((checked, total)))
    assert told == [(0, 12), (6, 12), (12, 12)]


async def test_a_note_that_belongs_to_nothing_is_named(host: Host) -> None:
    circle_id = await furnish(host.database)
    async with burglar(host.database.url) as thief:
        await thief.switch_guards_off()
        ((book_id,),) = await thief.run("SELECT id FROM ledger_book WHERE circle_id = ?", circle_id)
        await thief.run(
            "INSERT INTO ledger_note (hash, book_id, salt, note) VALUES (?, ?, ?, ?)",
            b"\7" * 32,
            book_id,
            b"\7" * 16,
            "planted",
        )
    (problem,) = await problems(host)
    assert (problem.check, problem.what) == ("note", "belongs to no transfer")


@pytest.mark.parametrize("column", ["debit", "credit", "amount_minor", "kind"])
async def test_a_reversal_of_what_was_something_else_is_no_mirror(host: Host, column: str) -> None:
    await furnish(host.database)
    async with burglar(host.database.url) as thief:
        await thief.switch_guards_off()
        other = "500 + 1" if column == "amount_minor" else "'reversal'"
        await thief.run(f"UPDATE ledger_transfer SET {column} = {other} WHERE seq = 2")
    named = {(p.check, p.where, p.what) for p in await problems(host)}
    assert ("mirror", "transfer 3", "is no mirror of 2") in named


async def test_in_pages_of_two_rows_the_same_is_found(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where one page ends and the next begins, nothing is lost and nothing counts twice."""
    circle_id = await furnish(host.database)
    async with host.database.begin() as db:
        for n in range(5):
            await books.record(
                db, circle_id, [replace(PAID, effective_on=date(2026, 12, 1), business_ref=None)]
                * (1 + n % 3), key=f"later {n}", now=NOW,
            )  # fmt: skip
    for module in (booking, verify_rows):
        monkeypatch.setattr(module, "PAGE_ROWS", 2)
    assert await problems(host) == []
    async with burglar(host.database.url) as thief:
        await thief.switch_guards_off()
        await thief.run("UPDATE ledger_note SET note = 'x' WHERE note <> 'a slip'")
        await thief.run("UPDATE ledger_transfer SET reverses = ? WHERE seq = 3", b"\7" * 16)
        await thief.run("UPDATE ledger_idempotency SET key = 'later 9' WHERE key = 'later 2'")
    found = await problems(host)
    assert [p.where for p in found if p.check == "key"] == ["key later 9"]
    noted = {f"note of transfer {seq}" for seq in (1, *range(7, 16))}
    assert {p.where for p in found if p.check == "note"} == noted
    assert [(p.where, p.what) for p in found if p.check == "mirror"] == [
        ("transfer 3", "reverses what is not in this book")
    ]


async def loosen(thief: Burglar) -> None:
    """The table of transfers without its keys; on SQLite, where types are kept by the table, also
    without types."""
    if thief.lite is not None:
        await thief.run("CREATE TABLE loose AS SELECT * FROM ledger_transfer")
        await thief.run("DROP TABLE ledger_transfer")
        await thief.run("ALTER TABLE loose RENAME TO ledger_transfer")
        return
    await thief.run("ALTER TABLE ledger_transfer DROP CONSTRAINT ledger_transfer_pkey CASCADE")
    await thief.run("ALTER TABLE ledger_transfer DROP CONSTRAINT ledger_transfer_id_key CASCADE")


async def test_a_transfer_that_stands_twice_is_named_between_pages_too(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    await furnish(host.database)
    async with burglar(host.database.url) as thief:
        await thief.switch_guards_off()
        await loosen(thief)
        await thief.run("INSERT INTO ledger_transfer SELECT * FROM ledger_transfer WHERE seq = 4")
    for rows in (4, 5):
        monkeypatch.setattr(booking, "PAGE_ROWS", rows)
        named = {(p.check, p.where) for p in await problems(host)}
        assert ("sequence", "id") in named
        assert named & {("sequence", "transfers"), ("sequence", "transfer 5")}


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_a_value_of_another_kind_is_named_and_the_rest_is_checked(host: Host) -> None:
    """Where a table's types are gone, as only SQLite allows."""
    await furnish(host.database)
    async with burglar(host.database.url) as thief:
        await thief.switch_guards_off()
        await loosen(thief)
        await thief.run("UPDATE ledger_balance SET debits = 5 WHERE code = 'Equity:Fund'")
        for column in await columns(thief, "ledger_transfer"):
            ((true,),) = await thief.run(f"SELECT {column} FROM ledger_transfer WHERE seq = 3")
            for other in ("many", 1000.5, None, b"1", "20261001"):
                if other == true or column in ("seq", "book_id"):
                    continue
                await thief.run(f"UPDATE ledger_transfer SET {column} = ? WHERE seq = 3", other)
                named = {(p.check, p.where) for p in await problems(host)}
                assert ("chain", "transfer 3") in named, (column, other)
                assert ("balance", "account Equity:Fund") in named
            await thief.run(f"UPDATE ledger_transfer SET {column} = ? WHERE seq = 3", true)
        assert {p.check for p in await problems(host)} == {"balance"}
