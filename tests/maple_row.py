"""A circle with a book and a few members, made by the rooms' own functions, without any page."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from circles.circle import circles
from circles.circle.calendar import DEFAULT
from circles.circle.circles import Circle, NewCircle
from circles.host import Host
from circles.ledger import books, chart
from circles.ledger.books import NewTransfer
from circles.members import people, pledges
from circles.members.people import Member

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


async def neighbours(host: Host, count: int = 6) -> Neighbours:
    """Found Maple Row and let `count` people in."""
    new = NewCircle(
        name="Maple Row",
        purpose="We look after each other.",
        norms="What is said here stays here.",
        currency="EUR",
        zone="Europe/Berlin",
        locale="en_GB",
        hue="mulberry",
        cap=20,
        calendar=DEFAULT,
        pledge_ceiling_minor=5000,
    )
    now = host.clock.round_now()
    members: dict[str, Member] = {}
    async with host.database.begin() as db:
        circle = await circles.found(db, "127.0.0.1:8000", new, LONG_AGO)
        await books.open_book(db, circle.id, circle.currency, now)
        for name in NAMES[:count]:
            roles = {"marisol": {"treasurer"}, "wren": {"steward"}}.get(name, set())
            members[name] = await people.join(
                db,
                circle,
                handle=name,
                passphrase_hash="none",
                roles=frozenset(roles),
                round_now=LONG_AGO,
                at=LONG_AGO + timedelta(days=1),
            )
            await pledges.change(db, circle, members[name].id, 1000, LONG_AGO)
    return Neighbours(host, circle, members)
