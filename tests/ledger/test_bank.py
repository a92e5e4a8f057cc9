"""The bank's files in the books: brought in, known again, tied, undone, withdrawn."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta

import pytest

from circles.errors import MissingError
from circles.host import Host
from circles.ledger import books, chart, periods
from circles.ledger.bank import continuity, imports, lines, matches
from circles.ledger.bank.imports import Choices, NotWithdrawnError
from circles.ledger.bank.matches import NotEvenError, TiedAlreadyError, TiedForGoodError
from circles.ledger.bank.standing import standing
from circles.ledger.books import NewTransfer, Transfer
from circles.ledger.periods import Said
from circles.ledger.verify import verify_books
from tests.ledger.banks import IBAN, bring, file_of, line, plan, statement, waiting
from tests.ledger.ledgers import NOW, new_book

OURS = Choices(ours=frozenset({IBAN}))


async def paid(host: Host, circle_id: bytes, amount: int, day: int = 2) -> Transfer:
    new = NewTransfer(
        "contribution", chart.MAIN_BANK, chart.member("M0001"), amount, date(2026, 10, day)
    )
    async with host.database.begin() as db:
        return (await books.record(db, circle_id, [new], key=None, now=NOW)).transfers[0]


async def tie(host: Host, circle_id: bytes, found: list[bytes], money: list[bytes]) -> bytes:
    async with host.database.begin() as db:
        return await matches.tie(
            db, circle_id, found, money, tier="A", reason="reference", actor=7, now=NOW
        )


async def test_an_unknown_account_is_asked_about_first(host: Host) -> None:
    circle_id = await new_book(host.database)
    reading = file_of(statement([line(2, 1000)], opening=0))
    asked = await plan(host, circle_id, reading)
    assert [(s.state, s.fresh) for s in asked.statements] == [("asked", 1)]
    assert not asked.does_something
    assert (await bring(host, circle_id, reading, Choices())).fresh == 0
    assert (await bring(host, circle_id, reading, OURS)).fresh == 1
    known = await plan(host, circle_id, file_of(statement([line(3, 5)])))
    assert [s.state for s in known.statements] == ["ours"]


async def test_other_accounts_and_currencies_are_left_out(host: Host) -> None:
    circle_id = await new_book(host.database)
    swiss = statement([line(2, 700)], account="CH9300762011623852957")
    reading = file_of(
        statement([line(2, 1000)]),
        statement([line(2, 500)], account="DE02120300000000202051"),
        replace(swiss, currency="CHF"),
    )
    choices = Choices(ours=frozenset({IBAN}), theirs=frozenset({"DE02120300000000202051"}))
    found = await plan(host, circle_id, reading, choices)
    assert [s.state for s in found.statements] == ["ours", "left-out", "foreign"]
    kept = await bring(host, circle_id, reading, choices)
    assert (kept.fresh, kept.numbers) == (1, (IBAN,))
    assert [one.amount_minor for one in await waiting(host, circle_id)] == [1000]


async def test_words_come_back_and_go_with_time(host: Host) -> None:
    circle_id = await new_book(host.database)
    await bring(host, circle_id, [line(2, 1000, text="Oktober", reference="RF18C7M0001")])
    (one,) = await waiting(host, circle_id)
    assert one.words is not None
    assert (one.words.counterparty, one.words.text, one.words.reference) == (
        "Ann",
        "Oktober",
        "RF18C7M0001",
    )
    async with host.database.begin() as db:
        assert await lines.erase_words(db, NOW.replace(year=2028)) == 0
    await tie(host, circle_id, [one.id], [(await paid(host, circle_id, 1000)).id])
    async with host.database.begin() as db:
        assert await lines.erase_words(db, NOW) == 0
        assert await lines.erase_words(db, NOW.replace(year=2028)) == 1
        found = await lines.get(db, host.vault, circle_id, one.id)
    assert found.words is None
    # Known again without its words.
    assert (await bring(host, circle_id, [line(2, 1000, text="Oktober", reference="RF18C7M0001")]
                        )).fresh == 0  # fmt: skip


async def test_the_same_confirmation_twice_is_one_import(host: Host) -> None:
    circle_id = await new_book(host.database)
    reading, act = file_of(statement([line(2, 1000), line(3, -20)], opening=500)), b"i" * 16
    first = await bring(host, circle_id, reading, OURS, import_id=act)
    assert (first.fresh, first.known, first.statements) == (2, 0, 1)
    assert await bring(host, circle_id, reading, OURS, import_id=act) == first
    again = await bring(host, circle_id, reading, OURS)
    assert (again.fresh, again.known, again.statements) == (0, 2, 0)
    assert [s.state for s in (await plan(host, circle_id, reading)).statements] == ["again"]
    async with host.database.read() as db:
        assert await imports.every(db, circle_id) == [first]


async def test_true_twins_stay_two_and_the_larger_count_holds(host: Host) -> None:
    circle_id = await new_book(host.database)
    twin = line(2, 1000)
    assert (await bring(host, circle_id, [twin, twin])).fresh == 2
    assert (await bring(host, circle_id, [twin])).fresh == 0
    assert (await bring(host, circle_id, [line(1, 5), twin, twin, twin])).fresh == 2
    assert len(await waiting(host, circle_id)) == 4


async def test_statements_of_one_file_add_up_or_come_again(host: Host) -> None:
    circle_id = await new_book(host.database)
    morning = statement([line(2, 1000)], opening=0, days=(2, 2))
    noon = statement([line(2, 1000)], opening=1000, days=(2, 2))
    kept = await bring(host, circle_id, file_of(morning, noon))
    assert (kept.fresh, kept.known) == (2, 0)
    other = await new_book(host.database)
    kept = await bring(host, other, file_of(morning, morning))
    assert (kept.fresh, kept.known) == (1, 1)


async def test_another_format_asks_and_remembers(host: Host) -> None:
    circle_id = await new_book(host.database)
    camt = file_of(statement([line(2, 1000, "Ann Example"), line(2, 1000, "Ben")]))
    swift = file_of(
        statement([line(2, 1000, "ANN EXAMPL"), line(2, 1000, "BEN"), line(3, 5)]), form="mt940"
    )
    await bring(host, circle_id, camt)
    found = await plan(host, circle_id, swift)
    assert (found.doubles, found.fresh, found.known) == (2, 1, 2)
    one = Choices(further=frozenset({1}))
    assert (await plan(host, circle_id, swift, one)).fresh == 2
    assert (await bring(host, circle_id, swift)).fresh == 1
    again = await plan(host, circle_id, swift)
    assert (again.doubles, again.fresh, again.known) == (0, 0, 3)
    longer = file_of(
        statement([line(1, 7), line(2, 1000, "ANN EXAMPL"), line(2, 1000, "BEN")]), form="mt940"
    )
    found = await plan(host, circle_id, longer)
    assert (found.doubles, found.fresh, found.known) == (0, 1, 2)


async def test_what_is_said_to_be_further_is_kept_as_new(host: Host) -> None:
    circle_id = await new_book(host.database)
    await bring(host, circle_id, [line(2, 1000)])
    swift = file_of(statement([line(2, 1000, "ANN")]), form="mt940")
    ours = frozenset({IBAN})
    kept = await bring(host, circle_id, swift, Choices(ours=ours, further=frozenset({0})))
    assert kept.fresh == 1
    other = await new_book(host.database)
    await bring(host, other, [line(2, 1000)])
    assert (await bring(host, other, swift, Choices(ours=ours, all_further=True))).fresh == 1


async def test_a_gap_between_statements_is_found_and_filled(host: Host) -> None:
    circle_id = await new_book(host.database)
    early = file_of(statement([line(2, 1000)], opening=500, days=(1, 4)))
    late = file_of(statement([line(20, 300)], opening=1750, days=(19, 20)))
    middle = file_of(statement([line(9, 250)], opening=1500, days=(5, 18)))
    assert (await plan(host, circle_id, early)).statements[0].gap is None
    await bring(host, circle_id, early)
    gap = (await plan(host, circle_id, late)).statements[0].gap
    assert gap is not None
    assert (gap.after, gap.until, gap.missing_minor) == (date(2026, 10, 4), date(2026, 10, 20), 250)
    await bring(host, circle_id, late)
    async with host.database.read() as db:
        assert await continuity.gaps(db, circle_id, chart.MAIN_BANK) == [gap]
    assert (await plan(host, circle_id, middle)).statements[0].gap is None
    await bring(host, circle_id, middle)
    async with host.database.read() as db:
        assert await continuity.gaps(db, circle_id, chart.MAIN_BANK) == []
        newest = await continuity.newest(db, circle_id, chart.MAIN_BANK)
    assert newest is not None
    assert (newest.end, newest.closing_minor) == (date(2026, 10, 20), 2050)


async def test_overlapping_files_and_half_days_are_no_gap(host: Host) -> None:
    circle_id = await new_book(host.database)
    a, b, c = line(2, 1000), line(2, 70, "Ben"), line(5, -30, "Shop")
    for one in (
        statement([a], opening=500, days=(1, 2)),
        statement([b, c], opening=1500, days=(2, 5)),
        statement([a, b], opening=500, days=(1, 2)),
        statement([b], opening=1500, days=(2, 2)),
        statement([c], opening=1570, days=(3, 6)),
    ):
        assert (await plan(host, circle_id, file_of(one))).statements[0].gap is None
        await bring(host, circle_id, file_of(one))
    async with host.database.read() as db:
        assert await continuity.gaps(db, circle_id, chart.MAIN_BANK) == []
    assert len(await waiting(host, circle_id)) == 3


async def test_lines_that_the_bank_counted_otherwise_are_a_gap(host: Host) -> None:
    circle_id = await new_book(host.database)
    await bring(host, circle_id, file_of(statement([line(2, 10)], opening=0, closing=15)))
    only_closing = statement([line(9, 1)], closing=99, days=(8, 9))
    await bring(host, circle_id, file_of(only_closing))
    async with host.database.read() as db:
        found = await continuity.gaps(db, circle_id, chart.MAIN_BANK)
    assert [gap.missing_minor for gap in found] == [5, 83]


async def test_a_line_is_tied_once_and_can_be_untied(host: Host) -> None:
    circle_id = await new_book(host.database)
    await bring(host, circle_id, [line(2, 1000), line(3, 500)])
    ten, five = await waiting(host, circle_id)
    money, more = await paid(host, circle_id, 1000), await paid(host, circle_id, 1500)
    match = await tie(host, circle_id, [ten.id], [money.id])
    assert await tie(host, circle_id, [ten.id], [money.id]) == match
    with pytest.raises(TiedAlreadyError):
        await tie(host, circle_id, [ten.id, five.id], [more.id])
    with pytest.raises(NotEvenError):
        await tie(host, circle_id, [five.id], [more.id])
    with pytest.raises(MissingError):
        await tie(host, await new_book(host.database), [five.id], [more.id])
    assert await waiting(host, circle_id) == [five]
    async with host.database.begin() as db:
        for _again in range(2):
            await matches.untie(db, circle_id, match, actor=7, now=NOW)
        assert await matches.live(db, circle_id) == []
        assert await matches.undone_lines(db, circle_id) == {ten.id}
    both = await tie(host, circle_id, [five.id, ten.id], [more.id])
    async with host.database.read() as db:
        found = await matches.of_line(db, circle_id, ten.id)
        assert found == await matches.of_transfer(db, circle_id, more.id)
        assert found is not None
        assert (found.id, set(found.line_ids), found.amount_minor) == (
            both,
            {ten.id, five.id},
            1500,
        )
        untied = await matches.untied_transfers(db, circle_id, date(2026, 10, 31))
        assert [one.id for one in untied] == [money.id]


async def test_an_undone_transfer_explains_nothing(host: Host) -> None:
    circle_id = await new_book(host.database)
    await bring(host, circle_id, [line(2, 1000)])
    (ten,) = await waiting(host, circle_id)
    money = await paid(host, circle_id, 1000)
    async with host.database.begin() as db:
        mirror = await books.reverse(db, circle_id, money.id, actor=1, now=NOW)
        assert await matches.untied_transfers(db, circle_id, date(2026, 10, 31)) == []
    with pytest.raises(TiedAlreadyError):
        await tie(host, circle_id, [ten.id], [money.id])
    await tie(host, circle_id, [], [money.id, mirror.transfers[0].id])


async def test_what_was_shown_by_a_day_is_told_for_that_day(host: Host) -> None:
    circle_id = await new_book(host.database)
    await bring(host, circle_id, [line(1, 1), line(6, 1000), line(3, 400)])
    _one, early, late = await waiting(host, circle_id)
    before, after = await paid(host, circle_id, 1000, 4), await paid(host, circle_id, 400, 8)
    await tie(host, circle_id, [late.id], [before.id])
    await tie(host, circle_id, [early.id], [after.id])
    async with host.database.read() as db:
        fifth = date(2026, 10, 5)
        money = await matches.untied_transfers(db, circle_id, fifth)
        found = await lines.untied_through(db, None, circle_id, fifth)
        assert ([t.id for t in money], [one.amount_minor for one in found]) == (
            [before.id],
            [1, 400],
        )
        end = date(2026, 10, 9)
        assert await matches.untied_transfers(db, circle_id, end) == []
        assert [o.amount_minor for o in await lines.untied_through(db, None, circle_id, end)] == [1]


async def test_what_is_closed_stays_matched(host: Host) -> None:
    circle_id = await new_book(host.database)
    kept = await bring(host, circle_id, [line(2, 1000)])
    (ten,) = await waiting(host, circle_id)
    match = await tie(host, circle_id, [ten.id], [(await paid(host, circle_id, 1000)).id])
    async with host.database.begin() as db:
        await books.close_through(db, circle_id, date(2026, 10, 31), actor=7, now=NOW)
    with pytest.raises(TiedForGoodError):
        async with host.database.begin() as db:
            await matches.untie(db, circle_id, match, actor=7, now=NOW)
    with pytest.raises(NotWithdrawnError):
        async with host.database.begin() as db:
            await imports.withdraw(db, circle_id, kept.import_id, actor=7, now=NOW)


async def test_a_file_read_wrongly_is_withdrawn_and_comes_back(host: Host) -> None:
    circle_id = await new_book(host.database)
    kept = await bring(host, circle_id, [line(2, 1000), line(3, 5)])
    shared = await bring(host, circle_id, [line(3, 5), line(4, 6)])
    ten = (await waiting(host, circle_id))[0]
    match = await tie(host, circle_id, [ten.id], [(await paid(host, circle_id, 1000)).id])
    with pytest.raises(NotWithdrawnError):
        async with host.database.begin() as db:
            await imports.withdraw(db, circle_id, kept.import_id, actor=7, now=NOW)
    async with host.database.begin() as db:
        await matches.untie(db, circle_id, match, actor=7, now=NOW)
        for _again in range(2):
            gone = await imports.withdraw(db, circle_id, kept.import_id, actor=7, now=NOW)
    assert gone.withdrawn
    assert [one.amount_minor for one in await waiting(host, circle_id)] == [5, 6]
    with pytest.raises(MissingError):
        await tie(host, circle_id, [ten.id], [(await paid(host, circle_id, 1000)).id])
    back = await bring(host, circle_id, [line(2, 1000), line(3, 5)])
    assert (back.fresh, back.known) == (1, 1)
    assert [one.amount_minor for one in await waiting(host, circle_id)] == [1000, 5, 6]
    assert (await bring(host, circle_id, [line(3, 5), line(4, 6)])).statements == 0
    assert not shared.withdrawn


async def test_numbers_that_cannot_both_be_ours_are_left_out(host: Host) -> None:
    circle_id = await new_book(host.database)
    await bring(host, circle_id, [line(1, 5)])
    both = file_of(statement([line(2, 7)]), statement([line(2, 8)], account="SAVINGS"))
    found = await plan(host, circle_id, both)
    assert [one.state for one in found.statements] == ["ours", "left-out"]
    alone = file_of(statement([line(2, 8)], account="SAVINGS"))
    assert [one.state for one in (await plan(host, circle_id, alone)).statements] == ["asked"]
    nothing = file_of(statement([]))
    assert [one.state for one in (await plan(host, circle_id, nothing)).statements] == ["empty"]


async def close_october(host: Host, circle_id: bytes, at: datetime) -> None:
    """By two people, with what the bank's page shows."""
    async with host.database.begin() as db:
        asked = await periods.propose(
            db,
            circle_id,
            "2026-10",
            Said(statement_minor=1000),
            proposer_actor=7,
            frozen=False,
            today=date(2026, 11, 3),
            now=at,
        )
        await periods.confirm(db, circle_id, asked.id, actor=8, frozen=False, now=at)


@pytest.mark.parametrize(("closed_before", "goes"), [(1, True), (-1, False)])
async def test_a_file_that_came_after_the_close_can_be_taken_back(
    host: Host, closed_before: int, goes: bool
) -> None:
    circle_id = await new_book(host.database)
    await paid(host, circle_id, 1000)
    await close_october(host, circle_id, NOW - timedelta(hours=closed_before))
    wrong = await bring(host, circle_id, [line(9, 600)])
    async with host.database.read() as db:
        assert (await standing(db, circle_id, date(2026, 11, 30))).untied_lines.minor == 600
    if not goes:
        with pytest.raises(NotWithdrawnError):
            async with host.database.begin() as db:
                await imports.withdraw(db, circle_id, wrong.import_id, actor=7, now=NOW)
        return
    late = await books_late(host, circle_id)
    (six,) = await waiting(host, circle_id)
    match = await tie(host, circle_id, [six.id], [late.id])
    with pytest.raises(NotWithdrawnError):
        async with host.database.begin() as db:
            await imports.withdraw(db, circle_id, wrong.import_id, actor=7, now=NOW)
    async with host.database.begin() as db:
        await matches.untie(db, circle_id, match, actor=7, now=NOW)
        await imports.withdraw(db, circle_id, wrong.import_id, actor=7, now=NOW)
    assert await waiting(host, circle_id) == []
    assert await verify_books(host, lambda _checked, _total: None) == []


async def books_late(host: Host, circle_id: bytes) -> Transfer:
    """What is found late stands on the first open day."""
    new = NewTransfer(
        "contribution", chart.MAIN_BANK, chart.member("M0001"), 600, date(2026, 11, 1)
    )
    async with host.database.begin() as db:
        return (await books.record(db, circle_id, [new], key=None, now=NOW)).transfers[0]
