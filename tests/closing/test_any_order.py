"""Whatever members, steward and clock do in whatever order, the month ends and it verifies.

Hypothesis draws a list of acts, those of hostile clients and crashes among them; a small model says
what each of them must answer. After every act the invariants of the protocol are looked for. At the
end the clock runs on to the count, and everything that was promised is looked for.
"""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from circles import closing, log
from circles.ballot import box
from circles.ballot.tables import Staged
from circles.circle import calendar
from circles.clock import MovableClock
from circles.db import Database
from circles.errors import CirclesError
from circles.host import Host
from circles.ledger import books
from circles.ledger.verify import verify_books
from circles.protocol.checkpoint import open_receipt
from circles.protocol.merkle import Tree
from circles.protocol.messages import (
    NOMINATE,
    VOTE,
    Ask,
    Ballot,
    Close,
    Nomination,
    parse_entry,
)
from circles.rounds import schedule, slate
from circles.settings import Settings
from circles.vault import Vault
from tests import issuer_keys
from tests.conftest import START
from tests.world import KEEP, World

MEMBERS = 4
HOURS = (1, 9, 20, 60)
Act = tuple[str, int, int]
Month = tuple[list[Act], list[Act], list[Act]]
ANYTIME = [
    "wait", "take", "reissue", "move", "pay", "join", "tick", "crash", "repeat", "bend",
]  # fmt: skip


def _acts(likely: list[str], most: int) -> st.SearchStrategy[list[Act]]:
    one = st.tuples(
        st.sampled_from(likely + ANYTIME), st.integers(0, MEMBERS - 1), st.integers(0, 3)
    )
    return st.lists(one, min_size=2, max_size=most)


# What people do while nominating, while talking, while voting; nothing keeps them from the rest.
months = st.tuples(
    _acts(["nominate"] * 8 + ["vote", "propose"], 12),
    _acts(["propose"] * 3 + ["confirm"] * 3 + ["nominate", "vote"], 8),
    _acts(["vote"] * 24 + ["nominate", "confirm"], 16),
)


@dataclass
class Play:
    """A world, what came in, and which refusals are fair at any moment."""

    world: World
    paid_minor: int = 5000
    refusals: list[tuple[Act, str]] = field(default_factory=list)
    # Every signed head of the log that anyone was shown: (size, root).
    heads: list[tuple[int, bytes]] = field(default_factory=list)

    FAIR = frozenset(
        {
            "closed", "not-open", "slot-used", "seq-exhausted", "nothing-used", "conflict",
            "forbidden", "not-found", "past", "order", "not-on-roll",
        }
    )  # fmt: skip

    async def act(self, act: Act) -> None:
        name, who, what = act
        doing: Callable[[int, int], Awaitable[None]] = getattr(self, name)
        try:
            await doing(who, what)
        except CirclesError as error:
            event(f"{name} refused: {error.code}")
            self.refusals.append((act, error.code))
        else:
            event(f"{name} done")
        await self.look()

    async def look(self) -> None:
        """What holds at every step, whoever did what: docs/protocol.md, 4, 7 and 8."""
        world = self.world
        async with world.host.database.read() as db:
            entries = await log.entries(db, world.circle.id)
            signed = await log.newest(db, world.circle.id)
            staged = set(await db.scalars(select(Staged.leaf)))
        # The log only grows: every head that was shown is the head of a beginning of it.
        tree = Tree(entry.leaf for entry in entries)
        if signed is not None:
            self.heads.append((signed.size, signed.root))
        assert all(tree.root(size) == root for size, root in self.heads)
        # What has a receipt is in the box or in the log, and in the log once its poll is closed.
        logged = {entry.leaf for entry in entries}
        records = [parse_entry(entry.data) for entry in entries]
        closed = {record.poll for record in records if isinstance(record, Close)}
        for cast in world.cast:
            leaf = cast.record_id()
            assert leaf in (logged if cast.poll in closed else staged)
        # Nothing of a box stands in the log before its close; nobody has more keys than takes.
        cast_logged = [record for record in records if isinstance(record, Ballot | Nomination)]
        assert {record.poll for record in cast_logged} <= closed
        for close in (record for record in records if isinstance(record, Close)):
            keys = {record.key for record in cast_logged if record.poll == close.poll}
            assert len(keys) == close.keys <= close.take_count

    async def repeat(self, who: int, what: int) -> None:
        """What was cast before, by anyone, comes again byte for byte: the same receipt, or late."""
        if not self.world.bodies:
            return
        month, purpose, body, note = self.world.bodies[(7 * who + what) % len(self.world.bodies)]
        again, created = await box.cast(
            self.world.host, self.world.circle.slug, month, purpose, body
        )
        assert (again, created) == (note, False)

    async def bend(self, who: int, what: int) -> None:
        """The same with one bit another: refused, whatever bit that is."""
        if not self.world.bodies:
            return
        month, purpose, body, _ = self.world.bodies[(5 * who + what) % len(self.world.bodies)]
        bent = bytearray(body)
        bent[(997 * who + 131 * what) % len(body)] ^= 1 << what
        with pytest.raises(CirclesError) as refused:
            await box.cast(self.world.host, self.world.circle.slug, month, purpose, bytes(bent))
        event(f"bent: {refused.value.code}")

    async def wait(self, _who: int, what: int) -> None:
        self.world.clock.set_round(
            self.world.clock.round_now() + timedelta(hours=HOURS[what], minutes=7)
        )
        await self.world.advance()

    async def take(self, who: int, what: int) -> None:
        await self.world.members[who].take((NOMINATE, VOTE)[what % 2], slots=[what // 2])

    async def nominate(self, who: int, what: int) -> None:
        asks = (Ask(1000), Ask(4000, part=True), Ask(None, 2000, part=True), Ask(None, part=True))
        await self.world.members[who].nominate(f"Request {who}\nPlease.", asks[what], slot=0)

    async def vote(self, who: int, what: int) -> None:
        round_ = await self.world.round()
        if round_.slate is None:
            return
        choices = ([1, 1, 1], [KEEP], [1, min(2, max(len(round_.slate.candidates), 1))], [])
        await self.world.members[who].vote(choices[what][: await self._held(who)])

    async def _held(self, who: int) -> int:
        member = self.world.members[who]
        held = member.credentials.get((self.world.month, VOTE))
        return len(held or await member.take(VOTE))

    async def reissue(self, who: int, what: int) -> None:
        purpose, member = (NOMINATE, VOTE)[what % 2], self.world.members[who]
        world = self.world
        await schedule.allow_reissue(
            world.host, world.circle, world.month, purpose, member.member.id, world.steward
        )
        member.credentials.pop((world.month, purpose), None)

    async def propose(self, who: int, what: int) -> None:
        await self._omit(
            slate.propose_omission, what, ("duplicate", self.world.members[who].member)
        )

    async def confirm(self, who: int, what: int) -> None:
        await self._omit(slate.confirm_omission, what, (self.world.members[who].member,))

    async def _omit(
        self, doing: Callable[..., Awaitable[None]], what: int, rest: tuple[object, ...]
    ) -> None:
        world = self.world
        async with world.host.database.read() as db:
            drafts = await slate.draft(db, await world.round())
        if what < len(drafts):
            leaf = drafts[what].nominated.leaf
            await doing(world.host, world.circle, world.month, leaf, *rest)

    async def move(self, _who: int, what: int) -> None:
        name = ("nominating_closes", "voting_opens", "voting_closes", "pay_until")[what]
        dates = (await self.world.round()).dates
        to = getattr(dates, name) + timedelta(hours=12)
        world = self.world
        await schedule.move_dates(world.host, world.circle, world.month, {name: to}, world.steward)

    async def pay(self, who: int, what: int) -> None:
        await self.world.pay_in(self.world.members[who], 500 * (what + 1))
        self.paid_minor += 500 * (what + 1)

    async def join(self, _who: int, what: int) -> None:
        handle = f"Newcomer {what}"
        if all(one.handle != handle for one in self.world.members):
            await self.world.join(handle)

    async def tick(self, _who: int, _what: int) -> None:
        circle_id = self.world.circle.id
        await asyncio.gather(*(closing.advance(self.world.host, circle_id) for _ in range(2)))

    async def crash(self, _who: int, what: int) -> None:
        """The what-th commit of a tick is never made; the next tick goes on."""
        real, left = Database._commit, [what]

        async def commit(database: Database, db: object) -> None:
            if left[0] == 0:
                raise asyncio.CancelledError
            left[0] -= 1
            await real(database, db)  # type: ignore[arg-type]  # as the method has it

        Database._commit = commit  # type: ignore[method-assign]  # put back below
        try:
            with suppress(asyncio.CancelledError):
                await closing.advance(self.world.host, self.world.circle.id)
        finally:
            Database._commit = real  # type: ignore[method-assign]  # as it was

    async def until(self, at: datetime) -> None:
        """Let the clock run on to a date, if that lies ahead, and the grace after it."""
        if self.world.clock.round_now() < at + calendar.GRACE:
            await self.world.go(at + calendar.GRACE)

    async def finish(self) -> None:
        """Run on to the end of the round, then look for everything that was promised."""
        world = self.world
        await world.advance()
        await self.until((await world.round("2026-10")).dates.voting_closes)
        await world.advance()
        await self._check()

    async def _check(self) -> None:
        world = self.world
        round_ = await world.round("2026-10")
        assert round_.posted
        event(f"ended: {round_.void_reason or 'result'}")
        assert {code for _act, code in self.refusals} <= self.FAIR, self.refusals
        assert round_.result is None or round_.void_reason is None
        report = await world.verify()
        assert report.holds, [str(problem) for problem in report.problems]
        async with world.host.database.read() as db:
            for member in world.members:
                for note in member.receipts:
                    leaf = open_receipt(note, [world.log_key]).leaf
                    assert await log.index_of(db, world.circle.id, leaf) is not None
            held = await books.balances(db, world.circle.id)
        assets = sum(amount for code, amount in held.items() if code.startswith("Assets:"))
        assert assets == self.paid_minor
        assert held.get("Equity:Fund", 0) >= 0
        assert await verify_books(world.host, lambda _checked, _total: None) == []


def _host(folder: Path, template: Path) -> Host:
    shutil.copy(template, folder / "circles.sqlite3")
    url = f"sqlite+aiosqlite:///{folder / 'circles.sqlite3'}"
    where = Settings(data=folder, database_url=url, url="http://127.0.0.1:8000")
    clock = MovableClock(START, frozen=True)
    return Host(where, Database(url), clock, Vault.at(folder / "secret.key"))


async def _play(host: Host, drawn: Month) -> None:
    try:
        world = await World.found(host, members=MEMBERS, fund_minor=5000)
        play = Play(world)
        await world.begin()
        for acts, then in zip(drawn, ("nominating_closes", "voting_opens", None), strict=True):
            for act in acts:
                await play.act(act)
            if then is not None:
                await play.until(getattr((await world.round("2026-10")).dates, then))
        await play.finish()
    finally:
        await host.close()


@settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(drawn=months)
def test_any_order(
    drawn: Month,
    sqlite_template: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with monkeypatch.context() as patched, tempfile.TemporaryDirectory() as folder:
        issuer_keys.lend(patched)
        asyncio.run(_play(_host(Path(folder), sqlite_template), drawn))
