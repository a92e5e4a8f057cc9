"""A month is closed by two people, once and for ever; on both databases, past our code too."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from circles.db import Database
from circles.errors import CirclesError
from circles.host import Host
from circles.ledger import books, chart, handovers, periods
from circles.ledger.books import NewTransfer
from circles.ledger.periods import BlockedError, Closed, Proposal, Said
from circles.ledger.verify import Problem, verify_books
from tests.ledger.ledgers import NOW, new_book
from tests.ledger.tampering import Burglar, burglar
from tests.ledger.test_guards import kept
from tests.ledger.test_tampering import altered, columns

OCTOBER, IN_OCTOBER, TODAY = "2026-10", date(2026, 10, 9), date(2026, 11, 3)
ANN, BEN, CLEO = 11, 12, 13


@pytest.fixture
async def thief(database_url: str) -> AsyncIterator[Burglar]:
    async with burglar(database_url) as opened:
        yield opened


def came(amount: int = 1000, on: date = IN_OCTOBER, **changes: Any) -> NewTransfer:
    paid = NewTransfer("contribution", chart.MAIN_BANK, chart.member("M0001"), amount, on, ANN)
    return replace(paid, **changes)


async def book(database: Database, *new: NewTransfer) -> bytes:
    """A book in which these lines stand, and nothing else."""
    circle_id = await new_book(database)
    await also(database, circle_id, *(new or (came(),)))
    return circle_id


async def also(database: Database, circle_id: bytes, *new: NewTransfer) -> None:
    async with database.begin() as db:
        for line in new:
            await books.record(db, circle_id, [line], key=None, now=NOW)


async def propose(
    database: Database, circle_id: bytes, said: Said, month: str = OCTOBER, **changes: Any
) -> Proposal:
    asked = {"proposer_actor": ANN, "frozen": False, "today": TODAY, "now": NOW, **changes}
    async with database.begin() as db:
        return await periods.propose(db, circle_id, month, said, **asked)


async def confirm(
    database: Database, circle_id: bytes, asked: Proposal, **changes: Any
) -> tuple[Closed, bool]:
    given = {"actor": BEN, "frozen": False, "now": NOW, **changes}
    async with database.begin() as db:
        return await periods.confirm(db, circle_id, asked.id, **given)


async def refusal(wanted: Any) -> str:
    """The code of what stood in the way."""
    try:
        await wanted
    except BlockedError as error:
        return " ".join(error.blocks)
    except CirclesError as error:
        return error.code
    return "was done"


async def problems(host: Host) -> list[Problem]:
    return await verify_books(host, lambda _checked, _total: None)


TEN = Said(statement_minor=1000)


async def test_two_people_close_a_month_and_its_seal_stands(host: Host) -> None:
    circle_id = await book(host.database)
    asked = await propose(host.database, circle_id, TEN)
    closed, fresh = await confirm(host.database, circle_id, asked)
    assert fresh
    assert (closed.month, closed.through) == (OCTOBER, date(2026, 10, 31))
    assert (closed.proposer_actor, closed.checker_actor) == (ANN, BEN)
    assert (closed.figures.bank_minor, closed.figures.statement_minor) == (1000, 1000)
    async with host.database.read() as db:
        assert await periods.closes(db, circle_id) == [closed]
        assert await periods.proposal(db, circle_id) is None
        assert await periods.closed_through(db, circle_id) == closed.through
        assert await periods.to_close(db, circle_id) == "2026-11"
    assert await problems(host) == []
    late = refusal(also(host.database, circle_id, came()))
    assert await late == "closed-period"
    await also(host.database, circle_id, came(on=date(2026, 11, 1)))


async def test_proposed_twice_and_confirmed_twice_is_once(host: Host) -> None:
    circle_id = await book(host.database)
    asked = await propose(host.database, circle_id, TEN)
    assert await propose(host.database, circle_id, TEN) == asked
    first, fresh = await confirm(host.database, circle_id, asked)
    again, repeated = await confirm(host.database, circle_id, asked)
    assert (again, fresh, repeated) == (first, True, False)
    assert await refusal(confirm(host.database, circle_id, asked, actor=CLEO)) == "stale"
    assert await refusal(propose(host.database, circle_id, TEN)) == "closed"
    async with host.database.read() as db:
        assert len(await periods.closes(db, circle_id)) == 1


CASH = NewTransfer("gift", chart.CASH, chart.FUND, 300, IN_OCTOBER, ANN)
CASH_IN_DECEMBER = replace(CASH, effective_on=date(2026, 12, 1))
NOBODYS = NewTransfer(
    "contribution_unidentified", chart.MAIN_BANK, chart.SUSPENSE, 50, IN_OCTOBER, ANN
)
AGAINST: list[tuple[str, tuple[NewTransfer, ...], Said, str]] = [
    ("nothing said of the bank", (came(),), Said(), "untold"),
    ("the bank says less", (came(),), Said(statement_minor=999), "difference"),
    ("nobody counted the tin", (came(), CASH), TEN, "cash-untold"),
    ("the tin holds less", (came(), CASH), replace(TEN, cash_minor=299), "cash"),
    ("all in the tin", (CASH,), Said(cash_minor=300), "was done"),
    ("nobody's money", (came(), NOBODYS), Said(statement_minor=1050), "suspense"),
    ("looked at", (came(), NOBODYS), Said(statement_minor=1050, suspense_seen=True), "was done"),
    ("an earlier month", (came(on=date(2026, 9, 30)),), TEN, "earlier"),
]


@pytest.mark.parametrize(("lines", "said", "against"), [case[1:] for case in AGAINST])
async def test_what_stands_against_closing_is_named(
    host: Host, lines: tuple[NewTransfer, ...], said: Said, against: str
) -> None:
    circle_id = await book(host.database, *lines)
    assert await refusal(propose(host.database, circle_id, said)) == against


async def test_who_may_sign(host: Host) -> None:
    database, circle_id = host.database, await book(host.database)
    assert await refusal(propose(database, circle_id, TEN, today=date(2026, 10, 31))) == "running"
    assert await refusal(propose(database, circle_id, TEN, frozen=True)) == "frozen"
    asked = await propose(database, circle_id, TEN)
    assert await refusal(confirm(database, circle_id, asked, actor=ANN)) == "second-name"
    assert await refusal(confirm(database, circle_id, asked, frozen=True)) == "frozen"
    assert await refusal(confirm(database, circle_id, asked, alone=True)) == "second-name"
    closed, _fresh = await confirm(database, circle_id, asked, actor=ANN, alone=True)
    assert closed.checker_actor is None
    assert await problems(host) == []


async def test_what_was_booked_since_makes_a_proposal_stale(host: Host) -> None:
    database, circle_id = host.database, await book(host.database)
    asked = await propose(database, circle_id, TEN)
    # What lies after the month changes nothing of it.
    await also(database, circle_id, came(on=date(2026, 11, 2)))
    async with database.read() as db:
        assert not await periods.is_stale(db, circle_id, asked)
    pledge = NewTransfer("pledge", chart.member("M0001"), chart.FUND, 500, IN_OCTOBER, ANN)
    await also(database, circle_id, pledge)
    async with database.read() as db:
        assert await periods.is_stale(db, circle_id, asked)
    assert await refusal(confirm(database, circle_id, asked)) == "stale"
    anew = await propose(database, circle_id, TEN)
    assert anew.id != asked.id
    assert await refusal(confirm(database, circle_id, asked)) == "stale"
    await confirm(database, circle_id, anew)
    assert await problems(host) == []


async def test_taken_back_is_gone(host: Host) -> None:
    database, circle_id = host.database, await book(host.database)
    asked = await propose(database, circle_id, TEN)
    async with database.begin() as db:
        assert await periods.withdraw(db, circle_id, asked.id)
        assert not await periods.withdraw(db, circle_id, asked.id)
    assert await refusal(confirm(database, circle_id, asked)) == "stale"


# ------------------------------------------------------------------ past our code


async def closed_october(host: Host) -> bytes:
    """October closed, a hand-over accepted, November begun."""
    circle_id = await book(host.database, came(), CASH, NOBODYS)
    said = Said(statement_minor=1050, cash_minor=300, suspense_seen=True)
    await confirm(host.database, circle_id, await propose(host.database, circle_id, said))
    await also(host.database, circle_id, came(on=date(2026, 11, 2)))
    async with host.database.begin() as db:
        asked = await handovers.propose(db, circle_id, giver_actor=ANN, taker_actor=BEN, now=NOW)
        seen = await handovers.booked(db, circle_id)
        await handovers.accept(db, circle_id, asked.id, actor=BEN, seen_transfers=seen, now=NOW)
    assert await problems(host) == []
    return circle_id


NO_WAY_BACK = (
    "UPDATE ledger_book SET closed_through = NULL",
    "UPDATE ledger_book SET closed_through = '2026-09-30'",
    "UPDATE ledger_book SET closed_through = '2026-11-30'",
    "DELETE FROM ledger_seal WHERE closes_through IS NOT NULL",
    "UPDATE ledger_seal SET closes_through = NULL",
    "UPDATE ledger_period SET checker_actor = NULL",
    "UPDATE ledger_period SET through = '2026-09-30'",
    "DELETE FROM ledger_period",
    "INSERT INTO ledger_period SELECT * FROM ledger_period",
    "UPDATE ledger_handover SET taker_actor = 99",
    "UPDATE ledger_handover SET accepted_at = NULL",
    "DELETE FROM ledger_handover",
)


async def test_the_database_opens_no_closed_month(host: Host, thief: Burglar) -> None:
    await closed_october(host)
    assert [sql for sql in NO_WAY_BACK if await kept(thief, sql)] == []
    if thief.pg is not None:
        assert not await kept(thief, "TRUNCATE ledger_period CASCADE")
        assert not await kept(thief, "TRUNCATE ledger_handover")
    else:
        await thief.run("PRAGMA recursive_triggers = OFF")
        for table in ("ledger_period", "ledger_handover"):
            for row in await thief.run(f"SELECT * FROM {table}"):
                marks = ", ".join("?" for _ in row)
                again = f"INSERT OR REPLACE INTO {table} VALUES ({marks})"
                assert not await kept(thief, again, *row)
    assert await problems(host) == []


async def test_the_database_takes_no_month_without_its_seal(host: Host, thief: Burglar) -> None:
    circle_id = await closed_october(host)
    names = await columns(thief, "ledger_period")
    (row,) = await thief.run(f"SELECT {', '.join(names)} FROM ledger_period")
    async with host.database.begin() as db:
        await books.seal(db, circle_id, "2026-11", "end", now=NOW)
    others: dict[str, Callable[[Any], Any]] = {
        "month": lambda _: "2026-11",
        "id": lambda _: bytes(16),
        "seal_ref": lambda _: "end:2026-11",
    }
    forged = [others.get(name, lambda v: v)(v) for name, v in zip(names, row, strict=True)]
    marks = ", ".join("?" for _ in row)
    sql = f"INSERT INTO ledger_period ({', '.join(names)}) VALUES ({marks})"
    assert not await kept(thief, sql, *forged)


@pytest.mark.parametrize("table", ["ledger_period", "ledger_handover"])
async def test_every_column_that_was_altered_is_named(host: Host, table: str) -> None:
    await closed_october(host)
    async with burglar(host.database.url) as thief:
        await thief.switch_guards_off()
        names = await columns(thief, table)
        (row,) = await thief.run(f"SELECT {', '.join(names)} FROM {table}")
        missed = []
        for name, value in zip(names, row, strict=True):
            other = "typo" if name == "source" and value is None else altered(value)
            other = {"source": "files", "month": "2026-11"}.get(name, other)
            await thief.run(f"UPDATE {table} SET {name} = ?", other)
            found = [p for p in await problems(host) if p.check != "guard"]
            missed += [] if found else [name]
            await thief.run(f"UPDATE {table} SET {name} = ?", value)
        assert missed == []
        assert [p for p in await problems(host) if p.check != "guard"] == []
        await thief.run("DELETE FROM ledger_period")
        gone = [p for p in await problems(host) if p.check != "guard"]
        assert [(p.check, p.where) for p in gone if p.check != "act"] == [
            ("closed", "seal month:2026-10")
        ]
        assert [p.what for p in gone if p.check == "act"] == ["is gone"]


async def test_each_of_several_months_is_held_against_what_was_booked_before_its_close(
    host: Host,
) -> None:
    """Also what lay ahead of it then, and what was booked between its close and the next."""
    circle_id = await book(host.database, came(), came(70, date(2026, 11, 2)), came(5, TODAY))
    bank = 0
    for month, added, more in (
        (OCTOBER, 1000, [came(300, date(2026, 11, 30)), came(9, date(2027, 1, 4))]),
        ("2026-11", 375, [CASH_IN_DECEMBER]),
        ("2026-12", 0, []),
        ("2027-01", 9, []),
    ):
        bank += added
        tin = 300 if month >= "2026-12" else None
        said = Said(statement_minor=bank, cash_minor=tin)
        asked = await propose(host.database, circle_id, said, month, today=date(2027, 2, 1))
        await confirm(host.database, circle_id, asked)
        await also(host.database, circle_id, *more)
    assert await problems(host) == []
    async with burglar(host.database.url) as thief:
        await thief.switch_guards_off()
        await thief.run("UPDATE ledger_period SET cash_minor = 0 WHERE month = '2026-12'")
    named = {(p.where, p.what) for p in await problems(host) if p.check == "closed"}
    assert named == {
        ("closed month 2026-12", "its hash is not the hash of what it says"),
        ("closed month 2026-12", "cash_minor is 0, the transfers say 300"),
    }
