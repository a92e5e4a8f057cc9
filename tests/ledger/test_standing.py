"""Bank against books at a month's end, with the bank's own files; and what may then be closed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from circles.host import Host
from circles.ledger import books, chart, periods
from circles.ledger.bank import lines, matches
from circles.ledger.bank.standing import Standing, standing
from circles.ledger.books import NewTransfer, Transfer
from circles.ledger.periods import BlockedError, Closed, Said
from circles.ledger.verify import verify_books
from tests.ledger.banks import bring, file_of, line, statement
from tests.ledger.ledgers import NOW, new_book

OCTOBER, END, TODAY = "2026-10", date(2026, 10, 31), date(2026, 11, 5)
BEFORE, AFTER = date(2026, 9, 30), date(2026, 11, 2)
ANN, BEN = 11, 12


async def book(host: Host, circle_id: bytes, amount_minor: int, on: date) -> Transfer:
    """A gift that arrived, or a fee that went out."""
    there, here = (
        (chart.MAIN_BANK, chart.FUND) if amount_minor > 0 else (chart.FUND, chart.MAIN_BANK)
    )
    kind = "gift" if amount_minor > 0 else "fee"
    new = NewTransfer(kind, there, here, abs(amount_minor), on, ANN)
    async with host.database.begin() as db:
        entry = await books.record(db, circle_id, [new], key=None, now=NOW)
    return entry.transfers[0]


async def begin(host: Host, amount_minor: int) -> bytes:
    circle_id = await new_book(host.database)
    if amount_minor:
        new = NewTransfer("opening", chart.MAIN_BANK, chart.FUND, amount_minor, BEFORE, ANN)
        async with host.database.begin() as db:
            await books.record(db, circle_id, [new], key=None, now=NOW)
    return circle_id


async def tie(host: Host, circle_id: bytes, bank_line: bytes, transfer: Transfer) -> None:
    async with host.database.begin() as db:
        await matches.tie(
            db, circle_id, [bank_line], [transfer.id], tier="A", reason="test", actor=ANN, now=NOW
        )


async def look(host: Host, circle_id: bytes, through: date = END) -> Standing:
    async with host.database.read() as db:
        return await standing(db, circle_id, through)


async def close(host: Host, circle_id: bytes, said: Said) -> Closed:
    async with host.database.begin() as db:
        asked = await periods.propose(
            db, circle_id, OCTOBER, said, proposer_actor=ANN, frozen=False, today=TODAY, now=NOW
        )
    async with host.database.begin() as db:
        closed, _fresh = await periods.confirm(
            db, circle_id, asked.id, actor=BEN, frozen=False, now=NOW
        )
    return closed


async def against(host: Host, circle_id: bytes, said: Said = Said()) -> set[str]:  # noqa: B008 - frozen
    async with host.database.read() as db:
        found = await periods.look(db, circle_id, OCTOBER)
        return set(await periods.blocks(db, circle_id, OCTOBER, found, said, TODAY))


async def test_a_file_that_ends_early_needs_a_word(host: Host) -> None:
    circle_id = await begin(host, 1000)
    paid = await book(host, circle_id, 500, date(2026, 10, 3))
    await bring(host, circle_id, file_of(statement([line(3, 500)], opening=1000, days=(1, 29))))
    (waiting,) = (await look(host, circle_id)).lines
    assert await against(host, circle_id) == {"lines", "unreached"}
    await tie(host, circle_id, waiting.id, paid)
    assert await against(host, circle_id) == {"unreached"}
    assert await against(host, circle_id, Said(quiet=True)) == set()
    closed = await close(host, circle_id, Said(quiet=True))
    assert closed.figures.source == "files"
    assert (closed.figures.statement_minor, closed.figures.bank_minor) == (1500, 1500)


async def test_a_gap_between_files_stands_against_it(host: Host) -> None:
    circle_id = await begin(host, 1000)
    paid = [await book(host, circle_id, 500, date(2026, 10, 3))]
    paid.append(await book(host, circle_id, 200, date(2026, 10, 25)))
    for found in (
        statement([line(3, 500)], opening=1000, days=(1, 10)),
        statement([line(25, 200)], opening=1600, days=(20, 31)),
    ):
        await bring(host, circle_id, file_of(found))
    for bank_line, transfer in zip((await look(host, circle_id)).lines, paid, strict=True):
        await tie(host, circle_id, bank_line.id, transfer)
    assert await against(host, circle_id) == {"gap", "difference"}
    found = await look(host, circle_id)
    assert found.difference_minor == 100
    # The missing file closes the gap; its line then waits for its place.
    await bring(host, circle_id, file_of(statement([line(15, 100)], opening=1500, days=(11, 19))))
    assert await against(host, circle_id) == {"lines"}


async def test_what_the_bank_has_not_shown_is_listed_and_signed(host: Host) -> None:
    circle_id = await begin(host, 1000)
    late = await book(host, circle_id, 300, date(2026, 10, 31))
    await bring(host, circle_id, file_of(statement([], opening=1000, closing=1000, days=(1, 31))))
    found = await look(host, circle_id)
    assert [one.id for one in found.transfers] == [late.id]
    assert found.difference_minor == 0
    closed = await close(host, circle_id, Said())
    assert (closed.figures.unpresented, closed.figures.unpresented_minor) == (1, 300)
    assert await verify_books(host, lambda _checked, _total: None) == []


async def test_a_file_that_says_otherwise_makes_a_proposal_stale(host: Host) -> None:
    circle_id = await begin(host, 1000)
    await bring(host, circle_id, file_of(statement([], opening=1000, closing=1000, days=(1, 31))))
    async with host.database.begin() as db:
        asked = await periods.propose(
            db, circle_id, OCTOBER, Said(), proposer_actor=ANN, frozen=False, today=TODAY, now=NOW
        )
    await bring(host, circle_id, file_of(statement([line(20, 70)], opening=1000, days=(20, 31))))
    async with host.database.read() as db:
        assert await periods.is_stale(db, circle_id, asked)


@dataclass(frozen=True)
class Line:
    """A line of the bank in October, and what becomes of it in the books."""

    day: int
    amount_minor: int
    fate: str  # booked on its day, late in November, or not at all


_lines = st.lists(
    st.builds(
        Line,
        st.integers(1, 31),
        st.integers(1, 900) | st.integers(-40, -1),
        st.sampled_from(["booked", "booked", "booked", "late", "not"]),
    ),
    max_size=6,
)
_typed = st.lists(st.tuples(st.integers(1, 31), st.integers(1, 500)), max_size=2)


@settings(
    max_examples=30,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@example(found=[Line(31, 500, "late")], typed=[], missing=0)
@example(found=[Line(1, 10, "booked"), Line(1, 10, "booked")], typed=[(31, 5)], missing=0)
@given(found=_lines, typed=_typed, missing=st.just(0) | st.integers(-50, 50))
async def test_months_close_as_they_should(
    host: Host, found: Sequence[Line], typed: Sequence[tuple[int, int]], missing: int
) -> None:
    """Invariants 5, 6 and 8, whatever the month held and however much of it was booked."""
    opening = 5000
    circle_id = await begin(host, opening - missing)
    bank = [line(one.day, one.amount_minor, f"n{n}") for n, one in enumerate(found)]
    await bring(host, circle_id, file_of(statement(bank, opening=opening, days=(1, 31))))
    await _settle(host, circle_id, found)
    # What was written down before the files' first line counts as being in their opening.
    begins = min((one.day for one in found), default=1)
    typed = [(max(day, begins), amount) for day, amount in typed]
    for day, amount in typed:
        await book(host, circle_id, amount, date(2026, 10, day))
    shown = await look(host, circle_id)
    open_lines = [one for one in found if one.fate != "booked"]
    assert shown.untied_lines.minor == sum(one.amount_minor for one in open_lines)
    assert shown.untied_transfers.minor == sum(amount for _day, amount in typed)
    assert shown.difference_minor == missing
    assert shown.book_minor == shown.expected_minor + sum(a for _d, a in typed) - sum(
        one.amount_minor for one in open_lines
    )
    expected = {"lines"} if open_lines else set()
    expected |= {"difference"} if missing else set()
    assert await against(host, circle_id) == expected
    if expected:
        with pytest.raises(BlockedError) as refused:
            await close(host, circle_id, Said())
        assert set(refused.value.blocks) == expected
        return
    closed = await close(host, circle_id, Said())
    await _stays_closed(host, circle_id, closed)
    assert await verify_books(host, lambda _checked, _total: None) == []


async def _settle(host: Host, circle_id: bytes, found: Sequence[Line]) -> None:
    async with host.database.read() as db:
        kept = await lines.between(db, host.vault, circle_id, date(2026, 10, 1), END)
    by_words = {one.words.counterparty: one for one in kept if one.words is not None}
    for number, one in enumerate(found):
        if one.fate != "not":
            on = date(2026, 10, one.day) if one.fate == "booked" else AFTER
            transfer = await book(host, circle_id, one.amount_minor, on)
            await tie(host, circle_id, by_words[f"n{number}"].id, transfer)


async def _stays_closed(host: Host, circle_id: bytes, closed: Closed) -> None:
    """Nothing is booked there any more; a wrong line is mirrored in the open month, once."""
    for day in (date(2026, 1, 1), END):
        with pytest.raises(books.ClosedPeriodError):
            await book(host, circle_id, 5, day)
    async with host.database.read() as db:
        newest = (await books.journal(db, circle_id, limit=1))[0].transfer
        figures = (await periods.closes(db, circle_id))[0].figures
    assert figures == closed.figures
    async with host.database.begin() as db:
        now = NOW.replace(month=10, day=9)
        undone = await books.reverse(db, circle_id, newest.id, actor=ANN, now=now)
    assert undone.transfers[0].effective_on == date(2026, 11, 1)
    assert (await look(host, circle_id)).book_minor == closed.figures.bank_minor
