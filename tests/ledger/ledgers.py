"""Ledgers as a treasurer would write them, played through the real books.

One line is one booking, in its own database transaction:

    1 Oct   contribution    10.00   Bank -> M0001
    2 Oct   pledge          12.00   M0001 -> Fund       ! not covered
    3 Oct   reversal of 1
    = Fund 0.00, M0001 0.00

`!` says that it must be refused, and why; `=` what must then stand in the accounts. The number in
`reversal of` counts the bookings that were kept, from 1. In the end the books are verified.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Awaitable
from datetime import UTC, date, datetime
from decimal import Decimal

from circles.db import Database
from circles.errors import CirclesError
from circles.host import Host
from circles.ledger import books, chart
from circles.ledger.books import NewTransfer
from circles.ledger.verify import verify_books

NOW = datetime(2026, 10, 1, 8, 0, tzinfo=UTC)
_MONTHS = {"Sep": 9, "Oct": 10, "Nov": 11, "Dec": 12}
_SHORT = {
    "Bank": chart.MAIN_BANK,
    "Cash": chart.CASH,
    "Fund": chart.FUND,
    "Suspense": chart.SUSPENSE,
    "Transit": chart.TRANSIT,
    "Returned": chart.RETURNED,
}
_LINE = re.compile(r"(\d+ \w{3})\s+(\w+)\s+([\d.]+)\s+(.+?) -> (.+?)(?:\s+! (.+))?")
_REVERSAL = re.compile(r"(\d+ \w{3})\s+reversal of (\d+)(?:\s+! (.+))?")
_CLOSE = re.compile(r"close (\d+ \w{3})(?:\s+! (.+))?")
_REFUSALS = {
    "not covered": "not-covered",
    "never booked so": "malformed",
    "booked already": "booked-already",
    "closed": "closed-period",
}


def code(name: str) -> str:
    """`Bank`, `M0001`, `Round 2026-10`, `Award 2026-10-1` -> the account's code."""
    if name in _SHORT:
        return _SHORT[name]
    if name.startswith("Round "):
        return chart.round_of(name.removeprefix("Round "))
    if name.startswith("Award "):
        return f"Liabilities:Awards:{name.removeprefix('Award ')}"
    return chart.member(name)


def minor(text: str) -> int:
    return int(Decimal(text) * 100)


def _day(text: str) -> date:
    day, month = text.split()
    return date(2026, _MONTHS[month], int(day))


async def new_book(database: Database) -> bytes:
    """A circle of its own, with an empty book."""
    circle_id = secrets.token_bytes(16)
    async with database.begin() as db:
        await books.open_book(db, circle_id, "EUR", NOW)
    return circle_id


_Booking = Awaitable[tuple[books.Transfer, ...]]


async def _outcome(booking: _Booking) -> tuple[str | None, tuple[books.Transfer, ...]]:
    """The code of the refusal, or what was kept."""
    try:
        return None, await booking
    except CirclesError as error:
        return error.code, ()


class Player:
    """Plays a ledger line by line."""

    def __init__(self, host: Host, circle_id: bytes) -> None:
        self.host, self.circle_id = host, circle_id
        self.kept: list[books.Transfer] = []

    async def line(self, line: str) -> None:
        if line.startswith("="):
            await self._stands(line)
        elif found := _REVERSAL.fullmatch(line):
            await self._expect(found[3], self._reverse(_day(found[1]), int(found[2])), line)
        elif found := _CLOSE.fullmatch(line):
            await self._expect(found[2], self._close(_day(found[1])), line)
        elif found := _LINE.fullmatch(line):
            await self._expect(found[6], self._book(found), line)
        else:
            raise AssertionError(f"no ledger line: {line!r}")

    async def _expect(self, refusal: str | None, booking: _Booking, line: str) -> None:
        said, kept = await _outcome(booking)
        assert said == (None if refusal is None else _REFUSALS[refusal]), f"{line!r}: {said}"
        self.kept.extend(kept)

    async def _book(self, found: re.Match[str]) -> tuple[books.Transfer, ...]:
        new = NewTransfer(
            kind=found[2],
            debit=code(found[4]),
            credit=code(found[5]),
            amount_minor=minor(found[3]),
            effective_on=_day(found[1]),
            actor=7,
        )
        async with self.host.database.begin() as db:
            entry = await books.record(db, self.circle_id, [new], key=None, now=NOW)
        return entry.transfers

    async def _reverse(self, day: date, number: int) -> tuple[books.Transfer, ...]:
        target = self.kept[number - 1].id
        async with self.host.database.begin() as db:
            entry = await books.reverse(
                db, self.circle_id, target, actor=7, now=NOW, effective_on=day
            )
        return entry.transfers

    async def _close(self, day: date) -> tuple[books.Transfer, ...]:
        async with self.host.database.begin() as db:
            await books.close_through(db, self.circle_id, day, actor=7, now=NOW)
        return ()

    async def _stands(self, line: str) -> None:
        async with self.host.database.read() as db:
            for part in line.removeprefix("=").split(","):
                name, _, amount = part.strip().rpartition(" ")
                stands = await books.balance(db, self.circle_id, code(name))
                assert stands == minor(amount), f"{name} holds {stands}, not {amount}"


async def play(host: Host, ledger: str) -> Player:
    """Play every line; afterwards the books must verify."""
    player = Player(host, await new_book(host.database))
    for line in ledger.strip().splitlines():
        await player.line(line.strip())
    assert await verify_books(host, lambda _checked, _total: None) == []
    return player
