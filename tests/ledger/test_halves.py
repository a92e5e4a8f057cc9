"""Equal payments, one in each of two files of one day: asked about, never counted twice."""

from __future__ import annotations

import pytest

from circles.host import Host
from circles.ledger import chart
from circles.ledger.bank import continuity
from circles.ledger.bank.imports import Choices
from circles.ledger.statements.model import Reading
from tests.ledger.banks import bring, file_of, line, plan, statement, waiting
from tests.ledger.ledgers import new_book

YES = Choices(all_another=True)
L, M = line(3, 1000), line(3, 700, "Bo")
MORNING = file_of(statement([L], opening=10_000, days=(3, 3)))
EVENING = file_of(statement([L], opening=11_000, days=(3, 3)))
NIGHT = file_of(statement([L, L, M], opening=12_000, days=(3, 3)))
DAY = file_of(statement([L, L], opening=10_000, days=(3, 3)))
LEDGERBAL = file_of(statement([L], closing=12_000, days=(3, 3)))


async def amounts(host: Host, circle_id: bytes) -> list[int]:
    return sorted(one.amount_minor for one in await waiting(host, circle_id))


@pytest.mark.parametrize(
    ("first", "second"), [(MORNING, EVENING), (EVENING, MORNING), (MORNING, LEDGERBAL)]
)
async def test_a_twin_of_the_other_half_is_asked_about(
    host: Host, first: Reading, second: Reading
) -> None:
    circle_id = await new_book(host.database)
    await bring(host, circle_id, first)
    asked = await plan(host, circle_id, second)
    assert (asked.asks, asked.fresh, asked.known) == (1, 0, 1)
    said = await plan(host, circle_id, second, YES)
    assert (said.asks, said.fresh, said.known) == (0, 1, 0)
    kept = await bring(host, circle_id, second, YES)
    assert kept.fresh == 1
    assert await amounts(host, circle_id) == [1000, 1000]
    # Remembered: the same file, the whole day, and the other half again ask and bring nothing.
    for later in (second, DAY, first, MORNING, EVENING):
        again = await plan(host, circle_id, later)
        assert (again.asks, again.fresh) == (0, 0)
        await bring(host, circle_id, later)
    assert await amounts(host, circle_id) == [1000, 1000]
    async with host.database.read() as db:
        assert await continuity.gaps(db, circle_id, chart.MAIN_BANK) == []


async def test_left_without_a_word_it_counts_once(host: Host) -> None:
    circle_id = await new_book(host.database)
    await bring(host, circle_id, MORNING)
    await bring(host, circle_id, EVENING)
    assert await amounts(host, circle_id) == [1000]
    # A file of the whole day brings the second one after all.
    assert (await bring(host, circle_id, DAY)).fresh == 1
    assert await amounts(host, circle_id) == [1000, 1000]


async def test_three_parts_of_a_day(host: Host) -> None:
    circle_id = await new_book(host.database)
    await bring(host, circle_id, MORNING)
    await bring(host, circle_id, EVENING, YES)
    third = await plan(host, circle_id, NIGHT)
    assert (third.asks, third.fresh) == (2, 1)
    await bring(host, circle_id, NIGHT, YES)
    assert await amounts(host, circle_id) == [700, 1000, 1000, 1000, 1000]
    whole = file_of(statement([L, L, L, L, M], opening=10_000, days=(3, 3)))
    assert (await plan(host, circle_id, whole)).fresh == 0


async def test_an_overlap_is_no_question(host: Host) -> None:
    circle_id = await new_book(host.database)
    await bring(host, circle_id, MORNING)
    longer = file_of(statement([L, M], opening=10_000, days=(3, 3)))
    found = await plan(host, circle_id, longer)
    assert (found.asks, found.fresh, found.known) == (0, 1, 1)
    there_and_back = file_of(statement([M, line(3, -700, "Bo")], opening=10_700, days=(3, 3)))
    await bring(host, circle_id, there_and_back)
    assert (await plan(host, circle_id, there_and_back)).asks == 0
