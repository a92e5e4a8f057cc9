"""Maple Row with its book and a few members, and money that comes and goes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from circles.circle.circles import Circle
from circles.host import Host
from circles.ledger import books, chart
from circles.ledger.books import NewTransfer
from circles.members import people, pledges
from circles.members.people import Member
from tests.neighbours import circle_of

NAMES = ("marisol", "wren", "bea", "tomasz", "ines", "jonas")
LONG_AGO = datetime(2026, 8, 1, 8, 0, tzinfo=UTC)


@dataclass
class Neighbours:
    """`marisol` keeps the books, `wren` is steward; each pledged 10.00."""

    host: Host
    circle: Circle
    members: dict[str, Member]

    def __getattr__(self, name: str) -> Member:
        try:
            return self.members[name]
        except KeyError:
            raise AttributeError(name) from None

    @property
    def now(self) -> datetime:
        return self.host.clock.round_now()

    async def pay_in(self, name: str, amount_minor: int) -> books.Transfer:
        """Money arrives at the bank for that member; nothing moves on yet."""
        new = NewTransfer(
            kind="contribution",
            debit=chart.MAIN_BANK,
            credit=chart.member(self.members[name].book_number),
            amount_minor=amount_minor,
            effective_on=self.now.date(),
            actor=self.members["marisol"].actor,
        )
        async with self.host.database.begin() as db:
            entry = await books.record(db, self.circle.id, [new], key=None, now=self.now)
        return entry.transfers[0]

    async def holds(self, code: str) -> int:
        async with self.host.database.read() as db:
            return await books.balance(db, self.circle.id, code)

    async def member_holds(self, name: str) -> int:
        return await self.holds(chart.member(self.members[name].book_number))

    async def award(self, month: str, awards: dict[int, int], carried: int = 0) -> None:
        """A fund of exactly that much is opened, reserved and allocated."""
        total = sum(awards.values()) + carried
        opening = NewTransfer("opening", chart.MAIN_BANK, chart.FUND, total, self.now.date())
        async with self.host.database.begin() as db:
            await books.record(db, self.circle.id, [opening], key=None, now=self.now)
            await books.reserve_fund(db, self.circle.id, month, 0, self.now)
            await books.allocate(db, self.circle.id, month, awards, carried, 0, self.now)


async def neighbours(host: Host, count: int = 6, *, stored: str = "none") -> Neighbours:
    """Found Maple Row with an open book, and let `count` people in; each pledges 10.00."""
    circle, members = await circle_of(host), dict[str, Member]()
    async with host.database.begin() as db:
        await books.open_book(db, circle.id, circle.currency, host.clock.round_now())
        for name in NAMES[:count]:
            roles = {"marisol": {"treasurer"}, "wren": {"steward"}}.get(name, set())
            members[name] = await people.join(
                db,
                circle,
                handle=name,
                passphrase_hash=stored,
                roles=frozenset(roles),
                round_now=LONG_AGO,
                at=LONG_AGO,
            )
            await pledges.change(db, circle, members[name].id, 1000, LONG_AGO)
    return Neighbours(host, circle, members)
