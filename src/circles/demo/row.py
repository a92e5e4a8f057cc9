"""The Row: twelve made-up neighbours who live through their months by the real code.

Each has a client of their own (`demo.client`) that collects and casts over the same endpoints as
a browser. Money, payouts and roles go through the rooms' own functions, in the officers' names.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import httpx
from litestar import Litestar

from circles import closing
from circles.circle import calendar, founding
from circles.circle.calendar import GRACE
from circles.circle.circles import Circle
from circles.clock import MovableClock
from circles.demo import story
from circles.demo.client import ClientRefusedError, MemberClient
from circles.demo.story import Month
from circles.desk import settling
from circles.dues import dues
from circles.host import Host
from circles.ledger import books, chart, payouts
from circles.members import passphrase, people, pledges, sessions, signin
from circles.members.people import Member
from circles.protocol.messages import NOMINATE, VOTE
from circles.public import texts
from circles.rounds import announce, rounds
from circles.rounds.rounds import Round
from circles.steward.founding import found

Say = Callable[[str], None]
# What a refusal means when a visitor has acted in that person's name: leave the person alone.
_VISITED = {"slot-used", "not-on-roll", "not-open", "closed"}
_DAY = timedelta(days=1)


@dataclass
class Row:
    """The circle, its people with their phones, and a clock that can be moved ahead."""

    host: Host
    clock: MovableClock
    circle: Circle
    members: dict[str, Member]
    clients: dict[str, MemberClient]
    # Names of the requests of a month by nomination leaf, as far as the demo's people made them.
    named: dict[str, dict[str, bytes]] = field(default_factory=dict)
    # The month in which the visitor arrived; later ones have another story.
    present: str = ""
    moving: asyncio.Lock = field(default_factory=asyncio.Lock)

    @classmethod
    async def settle(cls, host: Host, app: Litestar, clock: MovableClock) -> Row:
        """Found the circle, and let everybody in; nobody is signed in yet but the clients."""
        link = await founding.new_link(host)
        # Nobody but the three has a passphrase that anybody knows; one hash serves the others.
        unknown = secrets.token_urlsafe()
        words = {name: story.PASSPHRASES.get(name, unknown) for name in story.HANDLES}
        made = await found(
            host,
            link.rpartition("/")[2],
            story.CIRCLE,
            handle=story.STEWARD,
            passphrase=words[story.STEWARD],
        )
        # Two descriptions of ASGI that mean the same; the application is the real one.
        transport = httpx.ASGITransport(app=app)  # type: ignore[arg-type]
        row = cls(
            host=host,
            clock=clock,
            circle=made.circle,
            members={story.STEWARD: made.founder},
            clients={
                name: MemberClient(
                    transport, host.settings.url, made.circle.slug, name, words[name]
                )
                for name in story.HANDLES
            },
        )
        hashes = {word: await passphrase.hash_of(word) for word in set(words.values())}
        for name in story.HANDLES[1:]:
            await row._join(name, hashes[words[name]])
        await row._give_roles()
        await row._sign_in()
        return row

    async def _sign_in(self) -> None:
        """The three with their passphrases; the others, whose nobody knows, without the wait."""
        await asyncio.gather(*(self.clients[name].sign_in() for name in story.PASSPHRASES))
        async with self.host.database.begin() as db:
            for name in story.OTHERS:
                token = await sessions.begin(db, self.members[name].id, self.clock.now())
                cookie = signin.cookie_name(self.host.settings)
                self.clients[name].use_cookie(cookie, token)

    async def _join(self, name: str, passphrase_hash: str) -> None:
        async with self.host.database.begin() as db:
            self.members[name] = await people.join(
                db,
                self.circle,
                handle=name,
                passphrase_hash=passphrase_hash,
                round_now=self.clock.round_now(),
                at=self.clock.now(),
            )

    async def _give_roles(self) -> None:
        """The founder hands the desk to somebody else; everybody pledges."""
        steward, treasurer = self.members[story.STEWARD], self.members[story.TREASURER]
        async with self.host.database.begin() as db:
            await people.set_role(db, self.circle.id, treasurer.id, "treasurer", holds=True)
            await people.set_role(db, self.circle.id, steward.id, "treasurer", holds=False)
            for name, member in self.members.items():
                amount = story.PLEDGES.get(name, story.PLEDGE_MINOR)
                await pledges.change(db, self.circle, member.id, amount, self.clock.now())

    async def close(self) -> None:
        """Let go of all connections."""
        for client in self.clients.values():
            await client.close()

    # Time

    async def go(self, to: datetime) -> None:
        """Move the circle's clock ahead, and do what is due then."""
        if to > self.clock.round_now():
            self.clock.set_round(to)
        await closing.advance(self.host, self.circle.id)

    async def round(self) -> Round | None:
        """The round in hand, if one was announced."""
        async with self.host.database.read() as db:
            return await rounds.current(db, self.circle, self.clock.round_now())

    async def begin(self) -> None:
        """The steward says that rounds begin; the first is announced at once."""
        async with self.host.database.begin() as db:
            await announce.begin(db, self.circle, self.clock.round_now())
        await closing.advance(self.host, self.circle.id)

    # What people do

    async def pay_in(self, names: Iterable[str], month: str) -> None:
        """Their pledges arrive at the bank, and the treasurer writes them down."""
        treasurer = self.members[story.TREASURER]
        now = self.clock.round_now()
        for name in names:
            new = books.NewTransfer(
                kind="contribution",
                debit=chart.MAIN_BANK,
                credit=chart.member(self.members[name].book_number),
                amount_minor=story.PLEDGES.get(name, story.PLEDGE_MINOR),
                effective_on=dues.local_day(self.circle, now),
                actor=treasurer.actor,
            )
            async with self.host.database.begin() as db:
                key = f"demo:{name}:{month}"
                await books.record(db, self.circle.id, [new], key=key, now=now)
                await dues.settle(db, self.circle, now)

    async def give(self, amount_minor: int) -> None:
        """Cash for the fund, from nobody in particular."""
        now = self.clock.round_now()
        new = books.NewTransfer(
            kind="gift",
            debit=chart.CASH,
            credit=chart.FUND,
            amount_minor=amount_minor,
            effective_on=dues.local_day(self.circle, now),
            actor=self.members[story.TREASURER].actor,
        )
        async with self.host.database.begin() as db:
            await books.record(db, self.circle.id, [new], key=None, now=now)

    async def nominate(self, month: Month, label: str) -> None:
        """Whoever has a request in this month's story makes it, once."""
        named = self.named.setdefault(label, {})
        for request in month.requests:
            if request.name in named:
                continue
            try:
                named[request.name] = await self.clients[request.by].nominate(
                    label, request.ask, request.document
                )
            except ClientRefusedError as error:
                if error.code not in _VISITED:
                    raise

    async def vote(self, month: Month, label: str, voters: list[str]) -> None:
        """Each of them collects and casts what the story deals them.

        Who has collected elsewhere (a visitor acting in their name) is left alone.
        """
        number = await self._numbers(label)
        client = self.clients[voters[0]]
        slots = (await client.poll(label, VOTE)).slots
        hands = story.hands(month, len(voters), slots)
        for name, hand in zip(voters, hands, strict=True):
            ticks = [number.get(on, on if on == story.KEEP else "") for on in hand]
            try:
                await self.clients[name].vote(label, ticks)
            except ClientRefusedError as error:
                if error.code not in _VISITED:
                    raise

    async def _numbers(self, label: str) -> dict[str, int]:
        """Candidate numbers by the name of a request."""
        _hash, slate = await self.clients[story.STEWARD].slate(label)
        number = {leaf: at for at, leaf in enumerate(slate.candidates, start=1)}
        named = self.named.get(label, {})
        return {name: number[leaf] for name, leaf in named.items() if leaf in number}

    async def pay_out(self, month: Month, label: str) -> None:
        """The treasurer proposes, the steward confirms; sent, and seen at the bank a day later."""
        number = await self._numbers(label)
        stories = {number[r.name]: r for r in month.requests if r.name in number}
        async with self.host.database.read() as db:
            waiting = [a for a in await payouts.unpaid(db, self.circle.id) if a.month == label]
        for award in waiting:
            await self._pay(award, stories[award.candidate].name)
            request = stories[award.candidate]
            if request.story:
                text = texts.PublicText(request.name, request.story, request.thanks)
                async with self.host.database.begin() as db:
                    await texts.write(
                        db, self.circle.id, label, award.candidate, text, self.clock.now()
                    )

    async def _pay(self, award: payouts.Award, payee: str) -> None:
        treasurer, steward = self.members[story.TREASURER], self.members[story.STEWARD]
        now = self.clock.round_now()
        day = dues.local_day(self.circle, now)
        async with self.host.database.begin() as db:
            payout = await payouts.propose(
                db,
                self.host.vault,
                self.circle.id,
                award.month,
                award.candidate,
                payouts.checked_payee(payee, story.PAYEE_IBAN, ""),
                proposer_actor=treasurer.actor,
                recipient_actor=None,
                now=now,
            )
            await payouts.confirm(
                db, self.circle.id, payout.id, actor=steward.actor, frozen_until=None, now=now
            )
            await payouts.mark_sent(
                db, self.circle.id, payout.id, actor=treasurer.actor, on=day, now=now
            )
        await settling.settle(self.host, self.circle, treasurer, payout.id, day)


async def play(row: Row, month: Month, label: str, say: Say) -> None:
    """One whole month, from its first day to its last thanks."""
    at = calendar.dates(row.circle.calendar, label, row.circle.zone)
    everybody = list(story.HANDLES)
    await row.go(at.nominating_opens + _DAY)
    await row.pay_in(everybody, label)
    await row.nominate(month, label)
    say(f"{label}: {len(month.requests)} requests, in secret")
    await row.go(at.nominating_closes + GRACE)
    await row.go(at.voting_opens + timedelta(hours=1))
    await row.vote(month, label, everybody)
    say(f"{label}: {len(everybody)} have voted, and nobody knows who for what")
    await row.go(at.count_at)
    await row.go(at.count_at + _DAY)
    await row.pay_out(month, label)
    await row.go(at.thanks_from)
    say(f"{label}: counted, paid and published")


async def open_round(row: Row, label: str, say: Say) -> None:
    """The month that the visitor finds: requests are in, and the box is open."""
    at = calendar.dates(row.circle.calendar, label, row.circle.zone)
    row.present = label
    await row.go(at.nominating_opens + _DAY)
    await row.pay_in(story.HANDLES, label)
    await row.give(story.GIFT_MINOR)
    for name in story.HANDLES:
        if name != story.VISITOR:
            await row.clients[name].collect(label, NOMINATE)
    await row.nominate(story.PRESENT, label)
    await row.go(at.nominating_closes + GRACE)
    await row.go(at.voting_opens + timedelta(hours=1))
    say(f"{label}: the box is open, and yours is the next ballot")


__all__ = ["Row", "open_round", "play"]
