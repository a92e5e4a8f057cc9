"""Whatever order files come in, however they overlap: each payment is there as often as the bank
knows it, and nothing twice."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import date

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from circles.host import Host
from circles.ledger import books, chart
from circles.ledger.bank import continuity, imports, lines, matches
from circles.ledger.bank.imports import NotWithdrawnError
from circles.ledger.bank.matches import NotEvenError, TiedAlreadyError
from circles.ledger.books import NewTransfer
from circles.ledger.statements.model import StatementLine
from circles.ledger.verify import verify_books
from tests.ledger.banks import bring, file_of, line, statement, waiting
from tests.ledger.ledgers import NOW, new_book

# Few days, few amounts, few names: twins and likenesses are the rule.
LINES = st.builds(
    line,
    st.integers(1, 6),
    st.sampled_from([1000, 500, -250, 1000]),
    st.sampled_from(["Ann", "Ben"]),
)
HISTORIES = st.lists(LINES, min_size=1, max_size=14).map(
    lambda found: sorted(found, key=lambda one: one.booked_on)
)
CUTS = st.lists(st.tuples(st.integers(0, 14), st.integers(0, 14)), min_size=1, max_size=5)
PROPERTY = settings(
    max_examples=15,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


def _days(found: list[StatementLine], low: int, high: int) -> list[StatementLine]:
    """The whole days of a stretch of a history: how banks cut their files."""
    part = found[min(low, high) : max(low, high) + 1]
    days = {one.booked_on for one in part}
    return [one for one in found if one.booked_on in days]


async def _stored(host: Host, circle_id: bytes) -> Counter[tuple[date, int, str | None]]:
    return Counter(
        (one.booked_on, one.amount_minor, one.words.counterparty if one.words else None)
        for one in await waiting(host, circle_id)
    )


def _told(found: list[StatementLine]) -> Counter[tuple[date, int, str | None]]:
    return Counter((one.booked_on, one.amount_minor, one.counterparty) for one in found)


@PROPERTY
@given(history=HISTORIES, cuts=CUTS)
async def test_overlapping_files_in_any_order_change_nothing_twice(
    host: Host, history: list[StatementLine], cuts: list[tuple[int, int]]
) -> None:
    circle_id = await new_book(host.database)
    for low, high in [*cuts, *cuts]:
        part = _days(history, low, high)
        if part:
            await bring(host, circle_id, part)
    seen = {one.booked_on for low, high in cuts for one in _days(history, low, high)}
    expected = _told([one for one in history if one.booked_on in seen])
    assert await _stored(host, circle_id) == expected
    await bring(host, circle_id, list(reversed(history)))
    assert await _stored(host, circle_id) == _told(history)


@PROPERTY
@given(history=HISTORIES, cuts=CUTS)
async def test_of_parts_of_days_the_larger_count_holds(
    host: Host, history: list[StatementLine], cuts: list[tuple[int, int]]
) -> None:
    circle_id = await new_book(host.database)
    expected: Counter[tuple[date, int, str | None]] = Counter()
    for low, high in cuts:
        part = history[min(low, high) : max(low, high) + 1]
        if part:
            await bring(host, circle_id, part)
            expected |= _told(part)
    assert await _stored(host, circle_id) == expected


@PROPERTY
@given(history=HISTORIES, cuts=CUTS)
async def test_whole_days_with_balances_leave_no_gap_once_all_are_there(
    host: Host, history: list[StatementLine], cuts: list[tuple[int, int]]
) -> None:
    circle_id = await new_book(host.database)
    for low, high in [*cuts, (0, len(history))]:
        part = _days(history, low, high)
        if not part:
            continue
        first, last = part[0].booked_on, part[-1].booked_on
        before = 700 + sum(o.amount_minor for o in history if o.booked_on < first)
        await bring(
            host,
            circle_id,
            file_of(statement(part, opening=before, days=(first.day, last.day))),
        )
    async with host.database.read() as db:
        assert await continuity.gaps(db, circle_id, chart.MAIN_BANK) == []
        newest = await continuity.newest(db, circle_id, chart.MAIN_BANK)
    assert newest is not None
    assert newest.closing_minor == 700 + sum(one.amount_minor for one in history)


@PROPERTY
@given(history=HISTORIES, twice=st.booleans())
async def test_the_same_payments_in_another_format_come_once(
    host: Host, history: list[StatementLine], *, twice: bool
) -> None:
    circle_id = await new_book(host.database)
    await bring(host, circle_id, history)
    other = [line(one.booked_on.day, one.amount_minor, "X" + one.counterparty[:2])
             for one in history if one.counterparty]  # fmt: skip
    for _time in range(2 if twice else 1):
        kept = await bring(host, circle_id, file_of(statement(other), form="mt940"))
        assert kept.fresh == 0
    assert await _stored(host, circle_id) == _told(history)


ACTS = st.lists(
    st.tuples(st.sampled_from(["bring", "tie", "untie", "withdraw", "book"]), st.integers(0, 9)),
    max_size=14,
)


@PROPERTY
@given(history=HISTORIES, acts=ACTS)
async def test_each_line_and_each_transfer_stands_in_one_match(
    host: Host, history: list[StatementLine], acts: list[tuple[str, int]]
) -> None:
    circle_id = await new_book(host.database)
    await bring(host, circle_id, history)
    for act, n in acts:
        await _act(host, circle_id, history, act, n)
    async with host.database.read() as db:
        live = await matches.live(db, circle_id)
        tied = [one for match in live for one in (*match.line_ids, *match.transfer_ids)]
        assert len(tied) == len(set(tied))
        through = date(2026, 12, 31)
        money = await matches.untied_transfers(db, circle_id, through)
        open_lines = await lines.untied_through(db, None, circle_id, through)
        there = await lines.between(db, None, circle_id, date(2026, 1, 1), through)
        book = await books.balance(db, circle_id, chart.MAIN_BANK)
    # What the books say, less what the bank does not show, and what the books do not: the bank's.
    assert book - sum(matches.bank_minor(one) for one in money) + sum(
        one.amount_minor for one in open_lines
    ) == sum(one.amount_minor for one in there)
    assert await verify_books(host, lambda _checked, _total: None) == []


async def _act(
    host: Host, circle_id: bytes, history: list[StatementLine], act: str, n: int
) -> None:
    if act == "bring":
        await bring(host, circle_id, _days(history, n, n + 2) or history)
        return
    async with host.database.begin() as db:
        live = await matches.live(db, circle_id)
        found = await lines.waiting(db, None, circle_id)
        money = await matches.untied_transfers(db, circle_id, date(2026, 12, 31))
        kept = [one for one in await imports.every(db, circle_id) if not one.withdrawn]
        try:
            if act == "book":
                amount = (1000, 500)[n % 2]
                gift = NewTransfer("gift", chart.MAIN_BANK, chart.FUND, amount, date(2026, 10, 6))
                await books.record(db, circle_id, [gift], key=None, now=NOW)
            elif act == "tie" and found and money:
                await matches.tie(
                    db, circle_id, [found[n % len(found)].id], [money[n % len(money)].id],
                    tier="A", reason="test", actor=7, now=NOW,
                )  # fmt: skip
            elif act == "untie" and live:
                await matches.untie(db, circle_id, live[n % len(live)].id, actor=7, now=NOW)
            elif act == "withdraw" and len(kept) > 1:
                chosen = kept[n % len(kept)].import_id
                await imports.withdraw(db, circle_id, chosen, actor=7, now=NOW)
        except (NotEvenError, TiedAlreadyError):
            return
        except NotWithdrawnError:
            # The guard aborted the statement; on PostgreSQL the whole transaction with it.
            await db.rollback()


async def test_two_confirmations_at_once_are_one(host: Host) -> None:
    circle_id = await new_book(host.database)
    history = [line(day, 1000) for day in range(1, 9)]
    kept = await asyncio.gather(*(bring(host, circle_id, history) for _n in range(4)))
    assert sum(one.fresh for one in kept) == 8
    assert len(await waiting(host, circle_id)) == 8
    act = b"i" * 16
    more = [*history, line(9, 1)]
    same = await asyncio.gather(*(bring(host, circle_id, more, import_id=act) for _n in range(3)))
    assert {one.fresh for one in same} == {1}


async def test_two_ties_of_one_line_at_once_are_one(host: Host) -> None:
    circle_id = await new_book(host.database)
    await bring(host, circle_id, [line(2, 1000)])
    (ten,) = await waiting(host, circle_id)
    gifts = [
        NewTransfer("gift", chart.MAIN_BANK, chart.FUND, 1000, date(2026, 10, 2)) for _n in range(3)
    ]
    async with host.database.begin() as db:
        money = (await books.record(db, circle_id, gifts, key=None, now=NOW)).transfers

    async def tie(transfer_id: bytes) -> str:
        try:
            async with host.database.begin() as db:
                await matches.tie(
                    db, circle_id, [ten.id], [transfer_id],
                    tier="A", reason="test", actor=7, now=NOW,
                )  # fmt: skip
        except TiedAlreadyError:
            return "already"
        return "tied"

    said = await asyncio.gather(*(tie(one.id) for one in money))
    assert sorted(said) == ["already", "already", "tied"]
