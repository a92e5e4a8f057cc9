"""Who did what: nothing of it is altered, cut out, put in or swapped unseen by whoever holds the
database and not the key."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from sqlalchemy import Connection, insert, text, update

from circles import migrate
from circles.clock import MovableClock
from circles.db import Database
from circles.host import Host
from circles.ledger import audit_links, handovers, payers, periods
from circles.ledger.payouts import Payee, seal_payee
from circles.ledger.periods import Said
from circles.ledger.problems import Problem
from circles.ledger.tables import Book, PayoutRow
from circles.ledger.transfer import genesis
from circles.ledger.verify import verify_books
from circles.ledger.verify_acts import TOLD, acts_of
from circles.schema import room_metadata
from circles.settings import Settings
from circles.vault import KEY_BYTES, Vault
from tests.ledger.ledgers import NOW
from tests.ledger.tampering import Burglar, burglar
from tests.ledger.test_bank_tampering import furnish as furnish_bank
from tests.ledger.test_payee_changes import agree, ask, say
from tests.ledger.test_payouts import awarded, propose
from tests.ledger.test_payouts import confirm as confirm_payout
from tests.ledger.test_periods import ANN, BEN, TODAY, closed_october
from tests.ledger.test_tampering import altered, columns

# What the acts do not tell, because something else binds it, or because it may go or change.
BOUND_OTHERWISE = {
    "ledger_book": "its first columns begin the chain, the others are where the chain ends",
    "ledger_kind": "compared with the allow-list of the program",
    "ledger_account": "compared with the chart and the transfers",
    "ledger_balance": "the fold of the transfers",
    "ledger_transfer": "the chain",
    "ledger_note": "its salted hash is chained; the words may be rubbed out",
    "ledger_idempotency": "a hash over what was asked",
    "ledger_seal": "a hash, the chain's own head, and the public log",
    "ledger_bank_line": "a keyed hash; a million come in one file",
    "ledger_bank_line_seen": "counted in its statement, which is bound",
    "ledger_act": "the chain of acts itself",
}
MAY_GO = {
    "ledger_payer_link": "forgotten when a member leaves, so no trace of it may stay",
    "ledger_cash_count": "gone once booked: then the chain has both names, what waits is counted",
    "ledger_bank_mapping": "how a table's columns were read last: a convenience",
}


async def furnish(host: Host) -> None:
    """Every table of which acts are kept has a row."""
    circle_id = await awarded(host)
    payout = await confirm_payout(host, circle_id, await propose(host, circle_id))
    await agree(host, circle_id, await ask(host, circle_id, payout))
    await ask(host, circle_id, payout)
    await say(host, circle_id, payout, 77, 11)
    await furnish_bank(host)
    closed = await closed_october(host)
    async with host.database.begin() as db:
        await audit_links.make(db, host.vault, closed, "2026-10", days=3, actor=ANN, now=NOW)
        await payers.let_it_book(db, closed, on=True, actor=ANN, now=NOW)
        await handovers.propose(db, closed, giver_actor=BEN, taker_actor=ANN, now=NOW)
        await periods.propose(
            db,
            closed,
            "2026-11",
            Said(statement_minor=2050, cash_minor=300, suspense_seen=True),
            proposer_actor=ANN,
            frozen=False,
            today=TODAY + timedelta(days=40),
            now=NOW,
        )
    assert await problems(host) == []


async def problems(host: Host) -> list[Problem]:
    found = await verify_books(host, lambda _checked, _total: None)
    return [problem for problem in found if problem.check != "guard"]


async def wrong(host: Host) -> list[str]:
    async with host.database.read() as db:
        return [f"{one.where} {one.what}" for one in await acts_of(db, host.vault)]


def test_each_table_of_the_books_is_bound_by_something() -> None:
    known = {*TOLD, *BOUND_OTHERWISE, *MAY_GO}
    assert known == set(room_metadata()["ledger"].tables)


async def rows_of(thief: Burglar, table: str) -> tuple[list[str], list[tuple[Any, ...]]]:
    names = await columns(thief, table)
    return names, await thief.run(f"SELECT {', '.join(names)} FROM {table}")


def same(names: list[str], row: tuple[Any, ...]) -> tuple[str, list[Any]]:
    """A condition that finds exactly this row."""
    words = [f"{n} IS NULL" if v is None else f"{n} = ?" for n, v in zip(names, row, strict=True)]
    return " AND ".join(words), [v for v in row if v is not None]


def other(name: str, value: Any, *, sqlite: bool) -> Any:
    """Something else that may stand in that column."""
    if value is not None:
        return altered(value)
    if name.endswith("_at") or name == "pay_from":
        return NOW.strftime("%Y-%m-%d %H:%M:%S.000000") if sqlite else NOW
    if name.endswith(("_on", "through")):
        return "2026-10-09" if sqlite else date(2026, 10, 9)
    if name in {"id_in_file", "told"}:
        return "planted"
    if name.endswith(("_actor", "_minor", "transfers")):
        return 5
    return b"\7" * (16 if name.endswith("_id") else 32)


@pytest.mark.parametrize("table", sorted(TOLD))
async def test_each_column_of_each_row(host: Host, table: str) -> None:
    await furnish(host)
    missed = []
    async with burglar(host.database.url) as thief:
        await thief.switch_guards_off()
        names, rows = await rows_of(thief, table)
        assert rows
        for row in rows[:2]:
            for number, name in enumerate(names):
                value = other(name, row[number], sqlite=thief.lite is not None)
                changed = (*row[:number], value, *row[number + 1 :])
                await put(thief, table, names, row, changed)
                found = await (problems if name == "payee_sealed" else wrong)(host)
                missed += [] if found else [(name, row[number], value)]
                await put(thief, table, names, changed, row)
    assert missed == []
    assert await problems(host) == []


async def put(
    thief: Burglar, table: str, names: list[str], row: tuple[Any, ...], changed: tuple[Any, ...]
) -> None:
    """One row in another's place."""
    condition, values = same(names, row)
    await thief.run(f"DELETE FROM {table} WHERE {condition}", *values)
    marks = ", ".join("?" for _ in names)
    await thief.run(f"INSERT INTO {table} ({', '.join(names)}) VALUES ({marks})", *changed)


@pytest.mark.parametrize("table", sorted(TOLD))
async def test_a_row_cut_out_or_put_in(host: Host, table: str) -> None:
    await furnish(host)
    async with burglar(host.database.url) as thief:
        await thief.switch_guards_off()
        names, rows = await rows_of(thief, table)
        for row in rows:
            condition, values = same(names, row)
            await thief.run(f"DELETE FROM {table} WHERE {condition}", *values)
            assert any(one.endswith("is gone") for one in await wrong(host)), row
            marks = ", ".join("?" for _ in names)
            twin = [altered(v) if isinstance(v, bytes) else v for v in row]
            sql = f"INSERT INTO {table} ({', '.join(names)}) VALUES ({marks})"
            await thief.run(sql, *row)
            await thief.run(sql, *twin)
            assert any("put in past this program" in one for one in await wrong(host)), row
            condition, values = same(names, tuple(twin))
            await thief.run(f"DELETE FROM {table} WHERE {condition}", *values)
    assert await problems(host) == []


async def test_the_acts_themselves(host: Host) -> None:
    await furnish(host)
    async with burglar(host.database.url) as thief:
        await thief.switch_guards_off()
        names, rows = await rows_of(thief, "ledger_act")
        for row in (rows[0], rows[len(rows) // 2]):
            for number, name in enumerate(names):
                if name == "no":
                    continue  # The order of writing; the order of binding is what counts.
                changed = (*row[:number], altered(row[number] or "x"), *row[number + 1 :])
                condition, values = same(names, row)
                await thief.run(f"UPDATE ledger_act SET {name} = ? WHERE {condition}",
                                changed[number], *values)  # fmt: skip
                assert await wrong(host), name
                condition, values = same(names, changed)
                await thief.run(f"UPDATE ledger_act SET {name} = ? WHERE {condition}",
                                row[number], *values)  # fmt: skip
        assert await problems(host) == []
        await thief.run("DELETE FROM ledger_act WHERE n = 3")
        assert "act 3 is missing; 4 follows 2" in await wrong(host)
        await thief.run("UPDATE ledger_act SET n = NULL, bound = NULL WHERE n = 2")
        assert any(one.endswith("was written past this program") for one in await wrong(host))


async def test_what_was_put_in_past_the_program_is_not_bound_by_what_comes_after(
    host: Host,
) -> None:
    await furnish(host)
    async with burglar(host.database.url) as thief:
        await thief.run("UPDATE ledger_matching SET by_itself = 0")
    (said, *_more) = await wrong(host)
    assert said.startswith("matching ")
    circle_id = await awarded(host)
    await propose(host, circle_id)
    assert said in await wrong(host)


async def test_another_key_binds_nothing(host: Host) -> None:
    """Whoever has the database alone, and makes a key for it, makes no act that holds."""
    await furnish(host)
    async with host.database.read() as db:
        found = await acts_of(db, Vault(bytes(KEY_BYTES)))
        acts = await db.scalar(text("SELECT count(*) FROM ledger_act"))
    assert len(found) == acts
    assert all(one.what.endswith("was altered") for one in found)


async def test_erasing_a_payee_is_an_act_too(host: Host) -> None:
    await furnish(host)
    async with burglar(host.database.url) as thief:
        await thief.switch_guards_off()
        await thief.run("UPDATE ledger_payout SET payee_sealed = NULL")
    assert any(one.endswith("is not as it was done: payee_sealed") for one in await wrong(host))


async def test_a_row_that_stands_twice_hides_none_that_is_gone(host: Host) -> None:
    """Where the table's own keys are gone too, and as many rows are there as there should be."""
    await furnish_bank(host)
    async with burglar(host.database.url) as thief:
        await thief.switch_guards_off()
        if thief.lite is not None:
            await thief.run("CREATE TABLE loose AS SELECT * FROM ledger_bank_tied")
            await thief.run("DROP TABLE ledger_bank_tied")
            await thief.run("ALTER TABLE loose RENAME TO ledger_bank_tied")
        else:
            for (name,) in await thief.run(
                "SELECT conname::text FROM pg_constraint WHERE contype IN ('p', 'u') "
                "AND conrelid = 'ledger_bank_tied'::regclass"
            ):
                await thief.run(f"ALTER TABLE ledger_bank_tied DROP CONSTRAINT {name}")
        assert await problems(host) == []
        first, *_more, last = await thief.run(
            "SELECT match_id, part FROM ledger_bank_tied ORDER BY match_id, part"
        )
        await thief.run("DELETE FROM ledger_bank_tied WHERE match_id = ? AND part = ?", *last)
        await thief.run(
            "INSERT INTO ledger_bank_tied SELECT * FROM ledger_bank_tied "
            "WHERE match_id = ? AND part = ?",
            *first,
        )
    named = {(one.where, one.what) for one in await problems(host) if one.check == "act"}
    assert named == {
        (f"bank tied {first[0].hex()}:{first[1]}", "stands twice"),
        (f"bank tied {last[0].hex()}:{last[1]}", "is gone"),
    }


# The rooms as they stood before acts were kept.
BEFORE = ("ledger_0007", "circle_0004")


def _as_it_was(connection: Connection) -> None:
    for revision in BEFORE:
        command.upgrade(migrate._config(connection), revision)


def _no_file(url: str) -> None:
    if url.startswith("sqlite"):
        Path(url.partition(":///")[2]).unlink()


async def an_old_database(url: str, vault: Vault) -> None:
    """A book and a payment that waits, written by a version that kept no acts."""
    async with burglar(url) as thief:
        if thief.pg is not None:
            await thief.run("DROP SCHEMA public CASCADE")
            await thief.run("CREATE SCHEMA public")
    _no_file(url)
    database = Database(url)
    async with database.engine.begin() as connection:
        await connection.run_sync(_as_it_was)
    book_id, circle_id = bytes(range(16)), bytes(range(16, 32))
    payee = Payee("Ann", "DE89370400440532013000", "boots")
    async with database.begin() as db:
        await db.execute(
            insert(Book).values(
                id=book_id, circle_id=circle_id, currency="EUR", minor_digits=2, opened_at=NOW,
                next_seq=1, head=genesis(book_id, circle_id, "EUR", 2, NOW),
            )
        )  # fmt: skip
        await db.execute(
            insert(PayoutRow).values(
                id=b"p" * 16, book_id=book_id, month="2026-10", candidate=1, amount_minor=100,
                way="bank", state="proposed", payee_sealed=seal_payee(vault, b"p" * 16, payee),
                proposer_actor=7, proposed_at=NOW,
            )
        )  # fmt: skip
    await database.close()


@pytest.mark.parametrize("bound", [True, False])
async def test_what_was_there_before_acts_were_kept(
    database_url: str, tmp_path: Path, clock: MovableClock, bound: bool
) -> None:
    """An upgrade tells it as it stands and binds it; without the key it is named as unbound."""
    vault = Vault.at(tmp_path / "secret.key")
    await an_old_database(database_url, vault)
    database = Database(database_url)
    await migrate.upgrade(database, vault if bound else None)
    settings = Settings(data=tmp_path, database_url=database_url, url="http://localhost", port=1)
    host = Host(settings, database, clock, vault)
    try:
        found = [(one.check, one.what) for one in await verify_books(host, lambda *_: None)]
        assert found == ([] if bound else [("act", "was written past this program"),
                                           ("act", "was put in past this program")])  # fmt: skip
        async with database.begin() as db:
            await db.execute(update(PayoutRow).values(amount_minor=200))
        found = [(one.check, one.what) for one in await verify_books(host, lambda *_: None)]
        assert found == ([] if bound else [("act", "was written past this program")])
    finally:
        await host.close()
