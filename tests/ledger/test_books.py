"""Keys, references, the month's moves, seals: asked twice, answered once."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import date

import pytest

from circles.db import Database
from circles.errors import ConflictError, InvalidError, MissingError
from circles.host import Host
from circles.ledger import books, chart
from circles.ledger.books import BookedAlreadyError, Entry, NewTransfer, NotCoveredError
from circles.ledger.verify import verify_books
from circles.protocol.records import Seal
from tests.ledger.ledgers import NOW, new_book

DAY = date(2026, 10, 2)
PAID = NewTransfer(
    kind="contribution",
    debit=chart.MAIN_BANK,
    credit=chart.member("M0001"),
    amount_minor=1000,
    effective_on=DAY,
    actor=2**61 + 1,
    note="from the jar, for wren",
)
OPENING = NewTransfer("opening", chart.MAIN_BANK, chart.FUND, 10_000, DAY)


async def record(database: Database, circle_id: bytes, *new: NewTransfer, key: str = "k") -> Entry:
    async with database.begin() as db:
        return await books.record(db, circle_id, new, key=key, now=NOW)


async def sound(host: Host) -> bool:
    return await verify_books(host, lambda _checked, _total: None) == []


async def test_the_same_request_is_answered_once(host: Host) -> None:
    circle_id = await new_book(host.database)
    first = await record(host.database, circle_id, PAID)
    again = await record(host.database, circle_id, PAID)
    assert (first.created, again.created) == (True, False)
    assert again.transfers == first.transfers
    async with host.database.read() as db:
        assert await books.member_minor(db, circle_id, "M0001") == 1000
    assert await sound(host)


@pytest.mark.parametrize(
    "other",
    [
        replace(PAID, amount_minor=1001),
        replace(PAID, credit=chart.member("M0002")),
        replace(PAID, effective_on=date(2026, 10, 3)),
        replace(PAID, note="from the jar, for bea"),
        replace(PAID, note=None),
    ],
    ids=["amount", "account", "day", "note", "no note"],
)
async def test_the_same_key_with_other_words_is_refused(
    database: Database, other: NewTransfer
) -> None:
    circle_id = await new_book(database)
    await record(database, circle_id, PAID)
    with pytest.raises(BookedAlreadyError):
        await record(database, circle_id, other)
    async with database.read() as db:
        assert len(await books.journal(db, circle_id, limit=9)) == 1


async def test_a_key_belongs_to_one_book(database: Database) -> None:
    ours, theirs = await new_book(database), await new_book(database)
    assert (await record(database, ours, PAID)).created
    assert (await record(database, theirs, PAID)).created


async def test_a_reference_counts_once(host: Host) -> None:
    circle_id = await new_book(host.database)
    due = replace(PAID, business_ref="line:1", note=None)
    await record(host.database, circle_id, due, key="a")
    with pytest.raises(BookedAlreadyError):
        await record(host.database, circle_id, due, key="b")
    twice = replace(due, business_ref="line:2")
    with pytest.raises(BookedAlreadyError):
        await record(host.database, circle_id, twice, twice, key="c")
    async with host.database.read() as db:
        found = await books.by_ref(db, circle_id, "line:1")
        assert found is not None
        assert found.amount_minor == 1000
        assert await books.by_ref(db, circle_id, "line:2") is None


async def test_two_at_once_are_answered_once(host: Host) -> None:
    circle_id = await new_book(host.database)
    answers = await asyncio.gather(*(record(host.database, circle_id, PAID) for _ in range(4)))
    assert sorted(a.created for a in answers) == [False, False, False, True]
    assert len({a.id for a in answers}) == 1


async def test_an_entry_is_whole_or_not_at_all(host: Host) -> None:
    circle_id = await new_book(host.database)
    pledge = NewTransfer("pledge", chart.member("M0001"), chart.FUND, 1001, DAY)
    with pytest.raises(NotCoveredError):
        await record(host.database, circle_id, PAID, pledge)
    await record(host.database, circle_id, PAID, replace(pledge, amount_minor=1000))
    # A floor broken half way is broken, even if the last step would mend it.
    with pytest.raises(NotCoveredError):
        await record(host.database, circle_id, pledge, PAID, key="other order")
    assert await sound(host)


async def test_the_whole_fund_is_reserved_and_leaves_as_awards_and_rest(host: Host) -> None:
    circle_id = await new_book(host.database)
    await record(host.database, circle_id, OPENING)
    async with host.database.begin() as db:
        assert await books.reserve_fund(db, circle_id, "2026-10", 0, NOW) == 10_000
        figures = await books.seal(db, circle_id, "2026-10", now=NOW)
    assert (figures.transfers, figures.fund_minor, figures.currency) == (2, 10_000, "EUR")
    await record(host.database, circle_id, replace(OPENING, amount_minor=300), key="late")
    async with host.database.begin() as db:
        # Asked again, the first answer: what came in meanwhile is for the next round.
        assert await books.reserve_fund(db, circle_id, "2026-10", 0, NOW) == 10_000
        assert await books.seal(db, circle_id, "2026-10", now=NOW) == figures
        assert await books.reserved_minor(db, circle_id, "2026-10") == 10_000
        assert await books.fund_minor(db, circle_id) == 300
    for created in (True, False):
        async with host.database.begin() as db:
            entry = await books.allocate(db, circle_id, "2026-10", {1: 6000, 3: 2500}, 1500, 0, NOW)
        assert entry.created is created
    async with host.database.read() as db:
        assert await books.balances(db, circle_id) == {
            "Assets:Bank:Main": 10_300,
            "Equity:Fund": 1800,
            "Liabilities:Awards:2026-10-1": 6000,
            "Liabilities:Awards:2026-10-3": 2500,
            "Liabilities:Round:2026-10": 0,
        }
    assert await sound(host)


async def test_an_allocation_must_add_up_and_stands(host: Host) -> None:
    circle_id = await new_book(host.database)
    await record(host.database, circle_id, OPENING)
    async with host.database.begin() as db:
        await books.reserve_fund(db, circle_id, "2026-10", 0, NOW)
    for awards, carried in (({1: 9000}, 999), ({1: 9000}, 1001), ({1: 11_000}, -1000)):
        with pytest.raises((ConflictError, InvalidError)):
            async with host.database.begin() as db:
                await books.allocate(db, circle_id, "2026-10", awards, carried, 0, NOW)
    async with host.database.begin() as db:
        await books.allocate(db, circle_id, "2026-10", {1: 9000}, 1000, 0, NOW)
    with pytest.raises(BookedAlreadyError):
        async with host.database.begin() as db:
            await books.allocate(db, circle_id, "2026-10", {2: 9000}, 1000, 0, NOW)
    assert await sound(host)


async def test_an_empty_fund_is_reserved_as_nothing_for_ever(host: Host) -> None:
    circle_id = await new_book(host.database)
    async with host.database.begin() as db:
        assert await books.reserve_fund(db, circle_id, "2026-10", 0, NOW) == 0
    await record(host.database, circle_id, OPENING)
    async with host.database.begin() as db:
        assert await books.reserve_fund(db, circle_id, "2026-10", 0, NOW) == 0
        assert (await books.allocate(db, circle_id, "2026-10", {}, 0, 0, NOW)).transfers == ()
        assert await books.fund_minor(db, circle_id) == 10_000
    assert await sound(host)


async def test_rounds_are_decided_in_order(host: Host) -> None:
    circle_id = await new_book(host.database)
    await record(host.database, circle_id, OPENING)
    async with host.database.begin() as db:
        await books.reserve_fund(db, circle_id, "2026-10", 0, NOW)
        october = await books.seal(db, circle_id, "2026-10", now=NOW)
        # Another month's name makes no other state of it.
        assert await books.seal(db, circle_id, "2026-11", "end", now=NOW) == october
    with pytest.raises(ConflictError, match="not decided"):
        async with host.database.begin() as db:
            await books.reserve_fund(db, circle_id, "2026-11", 0, NOW)
    assert await sound(host)


async def test_a_void_round_is_carried_whole(host: Host) -> None:
    circle_id = await new_book(host.database)
    await record(host.database, circle_id, OPENING)
    async with host.database.begin() as db:
        await books.reserve_fund(db, circle_id, "2026-10", 0, NOW)
        await books.allocate(db, circle_id, "2026-10", {}, 10_000, 0, NOW)
        assert await books.fund_minor(db, circle_id) == 10_000


async def test_a_members_statement(host: Host) -> None:
    circle_id = await new_book(host.database)
    paid = await record(host.database, circle_id, PAID, key="a")
    wrong = await record(host.database, circle_id, replace(PAID, amount_minor=500), key="b")
    pledge = NewTransfer("pledge", chart.member("M0001"), chart.FUND, 700, DAY)
    await record(host.database, circle_id, pledge, key="c")
    async with host.database.begin() as db:
        await books.reverse(db, circle_id, wrong.transfers[0].id, actor=3, now=NOW)
        lines = await books.statement_of(db, circle_id, "M0001")
    assert [(line.kind, line.amount_minor, line.balance_minor, line.undone) for line in lines] == [
        ("contribution", 1000, 1000, False),
        ("contribution", 500, 1500, True),
        ("pledge", -700, 800, False),
        ("reversal", -500, 300, False),
    ]
    async with host.database.read() as db:
        assert await books.statement_of(db, circle_id, "M0002") == []
        newest = (await books.journal(db, circle_id, limit=1))[0]
        oldest = (await books.journal(db, circle_id, limit=9, before_seq=2))[0]
    assert newest.transfer.reverses == wrong.transfers[0].id
    assert (oldest.transfer.id, oldest.note) == (paid.transfers[0].id, PAID.note)


async def test_a_note_is_erased_and_the_books_still_hold(host: Host) -> None:
    circle_id = await new_book(host.database)
    entry = await record(host.database, circle_id, PAID)
    async with host.database.begin() as db:
        await books.erase_note(db, circle_id, entry.transfers[0].id)
        assert (await books.journal(db, circle_id, limit=1))[0].note is None
    assert await sound(host)
    assert not (await record(host.database, circle_id, PAID)).created


async def test_books_know_their_own_circle_only(database: Database) -> None:
    ours, theirs = await new_book(database), await new_book(database)
    entry = await record(database, ours, PAID)
    async with database.begin() as db:
        with pytest.raises(MissingError):
            await books.transfer(db, theirs, entry.transfers[0].id)
        with pytest.raises(MissingError):
            await books.reverse(db, theirs, entry.transfers[0].id, actor=1, now=NOW)
        with pytest.raises(MissingError):
            await books.journal(db, b"\0" * 16, limit=1)


async def test_opening_a_book_twice_is_once(host: Host) -> None:
    circle_id = await new_book(host.database)
    await record(host.database, circle_id, OPENING)
    async with host.database.begin() as db:
        await books.open_book(db, circle_id, "EUR", NOW)
        assert await books.fund_minor(db, circle_id) == 10_000


async def test_a_logged_seal_is_held_against_the_books(host: Host) -> None:
    circle_id = await new_book(host.database)
    await record(host.database, circle_id, OPENING)
    async with host.database.begin() as db:
        figures = await books.seal(db, circle_id, "2026-10", now=NOW)
    logged = Seal(
        circle_id, "2026-10", figures.transfers, figures.head, figures.fund_minor, figures.currency
    )

    async def found(*seals: Seal, circle: bytes = circle_id) -> list[str]:
        problems = await verify_books(host, lambda _checked, _total: None, {circle: seals})
        return [problem.check for problem in problems]

    assert await found(logged) == []
    assert await found(replace(logged, head=bytes(32))) == ["seal"]
    assert await found(replace(logged, fund_minor=9999)) == ["seal"]
    assert await found(replace(logged, transfers=2)) == ["seal"]
    assert await found(logged, circle=b"\1" * 16) == ["book"]
