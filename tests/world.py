"""A circle of neighbours that lives through its months, by the real code and on a clock that waits.

    world = await World.found(host, members=5)
    await world.begin()                                   # the steward says so
    ann, ben, *others = world.members
    await ann.nominate("Soup kitchen\\nFour Saturdays.", Ask(4500))
    await world.go(world.at.voting_opens)                 # the clock moves; what is due is done
    await ann.vote([1, 1, KEEP])
    await world.go(world.at.count_at)
    (await world.round()).result

or whole months at a time:

    await world.play_month(nominations=[(ann, "Soup kitchen", Ask(4500))], votes={ann: [1, 1, 1]})

Members do everything with `circles.protocol`, as any client would: they hold their own ballot keys,
check what they are handed, and cast without being anybody. All of it happens in this process;
`circles.demo.client` does the same over HTTP.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

from circles import closing, log
from circles.ballot import box
from circles.circle import calendar, circles
from circles.circle.calendar import DEFAULT, Calendar, RoundDates
from circles.circle.circles import Circle, NewCircle
from circles.clock import MovableClock
from circles.host import Host
from circles.ledger import books, chart
from circles.members import passphrase, people, pledges, roll
from circles.members.people import Member
from circles.protocol.archive_source import open_source
from circles.protocol.ballot import (
    BallotCredential,
    Document,
    begin_take,
    make_ballot,
    make_nomination,
    new_choice,
    nomination_post,
)
from circles.protocol.checkpoint import VerifierKey, open_receipt
from circles.protocol.messages import (
    NOMINATE,
    VOTE,
    Ask,
    Ballot,
    Nomination,
    Poll,
    Taken,
)
from circles.protocol.verify import Report, verify
from circles.rounds import announce, rounds, taking
from circles.rounds.rounds import Round
from tests.neighbours import PASSPHRASE

KEEP = "keep"
NAMES = (
    "Ann", "Ben", "Cleo", "Dora", "Emil", "Finn", "Gita", "Hugo", "Ines", "Jon", "Kira", "Lev",
    "Mona", "Nils", "Olga", "Pia", "Quin", "Rosa", "Sven", "Tara",
)  # fmt: skip
PLEDGE_MINOR = 1000
Tick = int | str | None


@dataclass(eq=False)
class MemberClient:
    """One member with their phone: who they are, and the credentials that only the phone holds."""

    member: Member
    world: World
    credentials: dict[tuple[str, str], list[BallotCredential]] = field(default_factory=dict)
    receipts: list[bytes] = field(default_factory=list)
    seqs: dict[bytes, int] = field(default_factory=dict)

    @property
    def handle(self) -> str:
        return self.member.handle

    async def _poll(self, purpose: str) -> Poll:
        return (await self.world.round()).of(purpose).poll

    async def take(
        self, purpose: str, slots: Sequence[int] | None = None
    ) -> list[BallotCredential]:
        """Collect the credentials of a poll: of all slots, or of some."""
        poll = await self._poll(purpose)
        line = await self.line(purpose)
        held = self.credentials.setdefault((self.world.month, purpose), [])
        for slot in range(poll.slots) if slots is None else slots:
            pending = begin_take(poll)
            taken = await self.post_take(purpose, pending.take(line, slot).text())
            held.append(pending.finish(Taken.parse(taken)))
        return held

    async def line(self, purpose: str) -> bytes:
        """The own line on a poll's roll."""
        poll = (await self.world.round()).of(purpose)
        async with self.world.host.database.read() as db:
            own = await roll.line(db, poll.poll_hash, self.member.id)
        assert own is not None, f"{self.handle} is not on the roll"
        return own

    async def post_take(self, purpose: str, body: bytes) -> bytes:
        """What the server answers to this take."""
        world = self.world
        return await taking.take(world.host, world.circle, world.month, purpose, self.member, body)

    async def _credentials(self, purpose: str) -> list[BallotCredential]:
        held = self.credentials.get((self.world.month, purpose))
        return held or await self.take(purpose)

    def _next_seq(self, key: bytes) -> int:
        self.seqs[key] = self.seqs.get(key, 0) + 1
        return self.seqs[key]

    async def _cast(self, purpose: str, body: bytes, message: Ballot | Nomination) -> bytes:
        world = self.world
        note, _created = await box.cast(world.host, world.circle.slug, world.month, purpose, body)
        receipt = open_receipt(note, [world.log_key])
        assert receipt.leaf == message.record_id()
        world.cast.append(message)
        world.bodies.append((world.month, purpose, body, note))
        self.receipts.append(note)
        return receipt.leaf

    async def nominate(self, words: str, ask: Ask, *, slot: int = 0) -> bytes:
        """Propose a recipient (the first line of `words`); the nomination's leaf hash."""
        credential = (await self._credentials(NOMINATE))[slot]
        document = Document.of(words)
        nomination = make_nomination(
            await self._poll(NOMINATE), credential, ask, document, self._next_seq(credential.key)
        )
        return await self._cast(NOMINATE, nomination_post(nomination, document), nomination)

    async def vote(self, ticks: Sequence[Tick] = ()) -> list[bytes]:
        """Cast every credential, one tick each; those without one as blank ballots.

        Where a ballot is cast whole, all ticks go on one.
        """
        held = await self._credentials(VOTE)
        poll, slate = await self._poll(VOTE), await self._slate_id()
        hands = [list(ticks)] if poll.max_choices > 1 else [[tick] for tick in ticks]
        hands += [[] for _ in range(len(held) - len(hands))]
        leaves = []
        for credential, hand in zip(held, hands, strict=True):
            numbers = sorted(tick for tick in hand if isinstance(tick, int))
            choice = new_choice(numbers, keep=KEEP in hand)
            ballot = make_ballot(poll, slate, credential, choice, self._next_seq(credential.key))
            leaves.append(await self._cast(VOTE, ballot.text(), ballot))
        return leaves

    async def _slate_id(self) -> bytes:
        slate = (await self.world.round()).slate
        assert slate is not None, "there is no slate yet"
        return slate.record_id()


@dataclass
class World:
    """A circle, its members with their phones, and a clock that stands still until it is moved."""

    host: Host
    clock: MovableClock
    circle: Circle
    log_key: VerifierKey
    members: list[MemberClient] = field(default_factory=list)
    month: str = ""
    # Everything that was cast and receipted: what only the phones know.
    cast: list[Ballot | Nomination] = field(default_factory=list)
    # The same as posted: month, purpose, body, and the receipt for it.
    bodies: list[tuple[str, str, bytes, bytes]] = field(default_factory=list)

    @classmethod
    async def found(
        cls,
        host: Host,
        *,
        members: int = 5,
        name: str = "Maple Row",
        zone: str = "Europe/Berlin",
        month_calendar: Calendar = DEFAULT,
        fund_minor: int = 0,
    ) -> World:
        """Found a circle with its log and its book; the first member is steward and treasurer."""
        assert isinstance(host.clock, MovableClock)
        new = NewCircle(
            name=name,
            purpose="We help somebody nearby every month, without fuss.",
            norms="Be kind.",
            currency="EUR",
            zone=zone,
            locale="en_GB",
            hue="fern",
            cap=50,
            calendar=month_calendar,
            least_minor=500,
            pay_holder="Maple Row",
            pay_iban="DE89370400440532013000",
            pledge_ceiling_minor=5000,
        )
        now = host.clock.now()
        async with host.database.begin() as db:
            circle = await circles.found(db, host.settings.host_name, new, now)
            key = await log.found(db, host.vault, circle.id, circle.log_origin)
            await books.open_book(db, circle.id, circle.currency, now)
        world = cls(host, host.clock, circle, VerifierKey.parse(key))
        for handle in NAMES[:members]:
            await world.join(handle)
        if fund_minor:
            await world.give(fund_minor)
        return world

    async def join(self, handle: str) -> MemberClient:
        """One more member, with a pledge; the first becomes steward and treasurer."""
        roles = frozenset({"steward", "treasurer"}) if not self.members else frozenset[str]()
        async with self.host.database.begin() as db:
            member = await people.join(
                db,
                self.circle,
                handle=handle,
                passphrase_hash=await _hash(),
                roles=roles,
                round_now=self.clock.round_now(),
                at=self.clock.now(),
            )
            await pledges.change(db, self.circle, member.id, PLEDGE_MINOR, self.clock.now())
        client = MemberClient(member, self)
        self.members.append(client)
        return client

    @property
    def steward(self) -> Member:
        return self.members[0].member

    @property
    def at(self) -> RoundDates:
        """The calendar's dates of the round in hand."""
        return self.at_month(self.month)

    def at_month(self, month: str) -> RoundDates:
        """The calendar's dates of any month."""
        return calendar.dates(self.circle.calendar, month, self.circle.zone)

    # Time

    async def go(self, to: datetime) -> list[str]:
        """Move the circle's clock, and do what is due then."""
        self.clock.set_round(to)
        return await self.advance()

    async def advance(self) -> list[str]:
        """What the server does by itself every few seconds."""
        taken = await closing.advance(self.host, self.circle.id)
        async with self.host.database.read() as db:
            present = await rounds.current(db, self.circle, self.clock.round_now())
        self.month = present.month if present else self.month
        return taken

    async def begin(self, at: datetime | None = None) -> Round:
        """The steward says that the rounds begin; the first is announced at once."""
        if at is not None:
            self.clock.set_round(at)
        async with self.host.database.begin() as db:
            self.month = await announce.begin(db, self.circle, self.clock.round_now())
        await self.advance()
        return await self.round()

    # Money

    async def give(self, amount_minor: int) -> None:
        """A gift to the fund, in cash."""
        await self._book("gift", chart.CASH, chart.FUND, amount_minor)

    async def pay_in(self, who: MemberClient, amount_minor: int = PLEDGE_MINOR) -> None:
        """A contribution arrives at the bank; the next tick moves what is due to the fund."""
        account = chart.member(who.member.book_number)
        await self._book("contribution", chart.MAIN_BANK, account, amount_minor)

    async def fee(self, amount_minor: int) -> None:
        """The bank takes a fee."""
        await self._book("fee", chart.FUND, chart.MAIN_BANK, amount_minor)

    async def _book(self, kind: str, debit: str, credit: str, amount_minor: int) -> None:
        new = books.NewTransfer(
            kind=kind,
            debit=debit,
            credit=credit,
            amount_minor=amount_minor,
            effective_on=self.today(),
            actor=self.steward.actor if self.members else 0,
        )
        async with self.host.database.begin() as db:
            await books.record(db, self.circle.id, [new], key=None, now=self.clock.now())

    def today(self) -> date:
        """The circle's own day."""
        return self.clock.round_now().astimezone(calendar.zone_of(self.circle.zone)).date()

    async def fund_minor(self) -> int:
        async with self.host.database.read() as db:
            return await books.fund_minor(db, self.circle.id)

    # Looking

    async def round(self, month: str | None = None) -> Round:
        """The round in hand, or that of a month."""
        async with self.host.database.read() as db:
            return await rounds.by_month(db, self.circle.id, month or self.month)

    async def records(self) -> list[str]:
        """The kinds of all log entries, in order: `poll`, `poll`, `nomination`, ..."""
        async with self.host.database.read() as db:
            entries = await log.entries(db, self.circle.id)
        return [entry.data.split(b"\n")[0].decode().split("/")[1] for entry in entries]

    async def candidate(self, nomination: bytes) -> int:
        """The number that a nomination got by lot."""
        slate = (await self.round()).slate
        assert slate is not None
        return slate.candidates.index(nomination) + 1

    async def verify(self) -> Report:
        """What an outsider finds in the files that this server has published."""
        folder = self.host.settings.data / "public" / self.circle.slug
        return verify(open_source(str(folder)))

    # Whole months

    async def play_month(
        self,
        nominations: Sequence[tuple[MemberClient, str, Ask]],
        votes: Mapping[MemberClient, Sequence[Tick | str]],
        *,
        paying: Sequence[MemberClient] | None = None,
    ) -> Round:
        """A month from its first day to its count; the round as it then stands.

        `votes` tick candidates by the recipient's name, or KEEP. Whoever is in it takes and casts;
        all pay their pledge unless `paying` names who does.
        """
        if not self.month:
            await self.begin()
        elif (await self.round()).decided:
            following = calendar.month_after(self.month)
            await self.go(self.at_month(following).take_from)
            assert self.month == following
        await self.go(max(self.at.nominating_opens, self.clock.round_now()))
        for who in self.members if paying is None else paying:
            await self.pay_in(who)
        named = {}
        for who, recipient, ask in nominations:
            slot = sum(1 for earlier in named.values() if earlier[1] is who)
            named[recipient] = (await who.nominate(recipient, ask, slot=slot), who)
        await self.go(self.at.nominating_closes + calendar.GRACE)
        await self.go(self.at.voting_opens)
        for who, ticks in votes.items():
            await who.vote(
                [await self.candidate(named[tick][0]) if tick in named else tick for tick in ticks]
            )
        await self.go(self.at.count_at)
        return await self.round()


_hashes: list[str] = []


async def _hash() -> str:
    """One real Argon2id hash for all: a tenth of a second each would be most of a test."""
    if not _hashes:
        _hashes.append(await passphrase.hash_of(PASSPHRASE))
    return _hashes[0]


__all__ = ["KEEP", "MemberClient", "World"]
