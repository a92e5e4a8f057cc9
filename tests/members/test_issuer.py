"""The roll and the issuer: who gets a credential, how often, and what is kept of it."""

import asyncio
import secrets
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cache

import pytest
from sqlalchemy import func, inspect, select, text

from circles.errors import ConflictError, MissingError
from circles.host import Host
from circles.log import LogBehindError, floor
from circles.members import issuer, roll
from circles.members.issuer import TakeRefusedError
from circles.members.roll_tables import IssuerKeyRow, RollLineRow, RollRow, TakeRow
from circles.protocol.ballot import begin_take
from circles.protocol.blind import BlindingError, IssuerKey
from circles.protocol.merkle import leaf
from circles.protocol.messages import NO_RULE, NOMINATE, Poll, Roll, Take, Taken, Takes
from circles.vault import Vault, VaultError

TAKE_FROM = datetime(2026, 10, 1, 6, tzinfo=UTC)
CLOSES = datetime(2026, 10, 11, 18, tzinfo=UTC)
NOON = datetime(2026, 10, 2, 12, tzinfo=UTC)
CIRCLE = bytes(range(16))
MEMBERS = [secrets.token_bytes(16) for _ in range(5)]


@cache
def issuer_key() -> IssuerKey:
    return IssuerKey.generate()


@dataclass
class Desk:
    """A poll that issues, over one database."""

    host: Host
    poll: Poll
    lines: dict[bytes, bytes]

    @property
    def hash(self) -> bytes:
        return self.poll.record_id()

    async def take(self, member: bytes, take: Take | bytes, now: datetime = NOON) -> issuer.Answer:
        body = take if isinstance(take, bytes) else take.text()
        async with self.host.database.begin() as db:
            return await issuer.take(db, self.host, self.hash, member, body, now)

    async def refused(self, member: bytes, take: Take | bytes, now: datetime = NOON) -> str:
        with pytest.raises(TakeRefusedError) as caught:
            await self.take(member, take, now)
        return caught.value.code

    def fresh(self, member: bytes, slot: int = 0) -> Take:
        return begin_take(self.poll).take(self.lines[member], slot)


@pytest.fixture
async def desk(host: Host) -> Desk:
    async with host.database.begin() as db:
        frozen = roll.freeze(MEMBERS)
        poll = Poll(
            circle=CIRCLE,
            month="2026-10",
            purpose=NOMINATE,
            roll=leaf(frozen.roll_text),
            members=frozen.members,
            slots=2,
            issuers=(issuer_key().n,),
            trustees=(),
            threshold=0,
            rule=NO_RULE,
            params=(),
            max_choices=0,
            min_voters=0,
            draw_commit=None,
            take_from=TAKE_FROM,
            opens_at=TAKE_FROM,
            closes_at=CLOSES,
        )
        await roll.bind(db, poll.record_id(), CIRCLE, frozen)
        await issuer.open_poll(db, host.vault, poll.text(), issuer_key())
    return Desk(host, poll, dict(frozen.lines))


async def test_token_verifies_and_the_roll_is_the_records(desk: Desk) -> None:
    pending = begin_take(desk.poll)
    answer = await desk.take(MEMBERS[0], pending.take(desk.lines[MEMBERS[0]], 0))
    credential = pending.finish(Taken.parse(answer.taken))
    assert credential.poll == desk.hash
    assert answer.fresh
    assert answer.reissued is None
    async with desk.host.database.read() as db:
        stored = await roll.text(db, desk.hash)
        assert stored is not None
        assert leaf(stored) == desk.poll.roll
        assert await roll.line(db, desk.hash, MEMBERS[0]) in Roll.parse(stored).members
        assert await roll.line(db, desk.hash, secrets.token_bytes(16)) is None
        assert await issuer.slots_taken(db, desk.hash, MEMBERS[0]) == {0}
        assert await issuer.slots_taken(db, desk.hash, MEMBERS[1]) == frozenset()
        assert await issuer.open_slots(db, desk.hash, MEMBERS[0]) == [1]
        assert await issuer.open_slots(db, desk.hash, secrets.token_bytes(16)) == []


async def test_same_bytes_same_answer_other_bytes_none(desk: Desk) -> None:
    member, take = MEMBERS[0], desk.fresh(MEMBERS[0])
    first = await desk.take(member, take)
    again = await desk.take(member, take)
    assert again.taken == first.taken
    assert not again.fresh
    assert await desk.refused(member, desk.fresh(member)) == "slot-used"
    # The answer is still there for who lost it on the way, even after the close.
    assert (await desk.take(member, take, CLOSES + timedelta(days=3))).taken == first.taken
    await desk.take(member, desk.fresh(member, 1))
    async with desk.host.database.read() as db:
        assert await issuer.count(db, desk.hash) == 2


async def test_only_for_oneself_and_only_from_the_roll(desk: Desk) -> None:
    assert await desk.refused(MEMBERS[1], desk.fresh(MEMBERS[0])) == "not-on-roll"
    stranger = secrets.token_bytes(16)
    own = replace(desk.fresh(MEMBERS[0]), member=stranger)
    assert await desk.refused(stranger, own) == "not-on-roll"
    assert await desk.refused(MEMBERS[0], own) == "not-on-roll"
    async with desk.host.database.read() as db:
        assert await issuer.count(db, desk.hash) == 0


async def test_early_and_late(desk: Desk) -> None:
    take = desk.fresh(MEMBERS[0])
    second = timedelta(seconds=1)
    assert await desk.refused(MEMBERS[0], take, TAKE_FROM - second) == "not-open"
    assert await desk.refused(MEMBERS[0], take, CLOSES) == "closed"
    await desk.take(MEMBERS[0], take, TAKE_FROM)
    await desk.take(MEMBERS[1], desk.fresh(MEMBERS[1]), CLOSES - second)


async def test_moved_dates_hold(desk: Desk) -> None:
    later = CLOSES + timedelta(days=1)
    async with desk.host.database.begin() as db:
        await issuer.reschedule(db, desk.hash, TAKE_FROM, later)
    await desk.take(MEMBERS[0], desk.fresh(MEMBERS[0]), CLOSES)
    assert await desk.refused(MEMBERS[1], desk.fresh(MEMBERS[1]), later) == "closed"


async def test_what_is_no_take(desk: Desk) -> None:
    member = MEMBERS[0]
    good = desk.fresh(member)
    data = good.text()
    for wrong in (
        b"",
        b"\n",
        data[:-1],
        data + b"\n",
        data.replace(b"slot 0", b"slot 00"),
        b"x" * 9000,
    ):
        assert await desk.refused(member, wrong) == "malformed"
    assert await desk.refused(member, replace(good, slot=2)) == "malformed"
    assert await desk.refused(member, replace(good, blinded=good.blinded * 2)) == "malformed"
    assert await desk.refused(member, replace(good, poll=bytes(32))) == "unknown-poll"
    too_large = replace(good, blinded=(b"\xff" * 384,))
    assert await desk.refused(member, too_large) == "bad-blinded"
    assert await desk.refused(member, replace(good, blinded=(issuer_key().n,))) == "bad-blinded"
    async with desk.host.database.begin() as db:
        with pytest.raises(MissingError):
            await issuer.take(db, desk.host, bytes(32), member, data, NOON)
        assert await issuer.count(db, desk.hash) == 0


async def test_a_flipped_bit_never_gives_a_token(desk: Desk) -> None:
    pending = begin_take(desk.poll)
    answer = await desk.take(MEMBERS[0], pending.take(desk.lines[MEMBERS[0]], 0))
    taken = Taken.parse(answer.taken)
    damaged = bytearray(taken.signed[0])
    damaged[200] ^= 1
    with pytest.raises(BlindingError):
        pending.finish(replace(taken, signed=(bytes(damaged),)))


async def test_twice_at_the_same_moment_has_one_winner(desk: Desk) -> None:
    member = MEMBERS[0]
    takes = [desk.fresh(member) for _ in range(6)]
    answers = await asyncio.gather(
        *(desk.take(member, take) for take in takes), return_exceptions=True
    )
    won = [a for a in answers if isinstance(a, issuer.Answer)]
    lost = [a for a in answers if isinstance(a, TakeRefusedError)]
    assert len(won) == 1
    assert [a.code for a in lost] == ["slot-used"] * 5


async def test_the_same_take_sent_five_times_at_once(desk: Desk) -> None:
    take = desk.fresh(MEMBERS[0])
    answers = await asyncio.gather(*(desk.take(MEMBERS[0], take) for _ in range(5)))
    assert len({a.taken for a in answers}) == 1
    assert [a.fresh for a in answers].count(True) == 1


async def test_a_database_that_forgot_takes_hands_out_no_more(desk: Desk) -> None:
    """An older backup: the floor outside the database knows of one take more."""
    answer = await desk.take(MEMBERS[0], desk.fresh(MEMBERS[0]))
    assert answer.count == 1
    await floor.raise_takes(desk.host, CIRCLE, desk.hash, answer.count + 1)
    for take in (desk.fresh(MEMBERS[0], 1), desk.fresh(MEMBERS[1])):
        owner = next(m for m, line in desk.lines.items() if line == take.member)
        with pytest.raises(LogBehindError):
            await desk.take(owner, take)


async def test_reissue_is_one_more_take_and_counted(desk: Desk) -> None:
    member = MEMBERS[0]
    for slot in (0, 1):
        await desk.take(member, desk.fresh(member, slot))
    async with desk.host.database.begin() as db:
        assert await issuer.allow_reissue(db, desk.hash, member) == 2
        assert await issuer.open_slots(db, desk.hash, member) == [0, 1]
        with pytest.raises(ConflictError):
            await issuer.allow_reissue(db, desk.hash, member)
    anew = await desk.take(member, desk.fresh(member))
    assert anew.reissued == 1
    assert await desk.refused(member, desk.fresh(member)) == "slot-used"
    async with desk.host.database.begin() as db:
        assert await issuer.reissued(db, desk.hash) == 1
        assert await issuer.allow_reissue(db, desk.hash, member) == 1
        file = await issuer.takes_file(db, desk.hash)
    assert (file.count, file.reissued, file.voters) == (3, 1, 1)


async def test_nothing_to_reissue(desk: Desk) -> None:
    async with desk.host.database.begin() as db:
        for member in (MEMBERS[0], secrets.token_bytes(16)):
            with pytest.raises(ConflictError):
                await issuer.allow_reissue(db, desk.hash, member)
        await issuer.shut(db, desk.hash, NOON)
        with pytest.raises(ConflictError):
            await issuer.allow_reissue(db, desk.hash, MEMBERS[0])


async def test_after_the_flip_nothing_is_signed(desk: Desk) -> None:
    take = desk.fresh(MEMBERS[0])
    first = await desk.take(MEMBERS[0], take)
    async with desk.host.database.begin() as db:
        await issuer.shut(db, desk.hash, NOON)
        await issuer.shut(db, desk.hash, NOON + timedelta(days=1))
        await issuer.destroy_key(db, desk.hash)
        await issuer.destroy_key(db, desk.hash)
    assert await desk.refused(MEMBERS[1], desk.fresh(MEMBERS[1])) == "closed"
    assert (await desk.take(MEMBERS[0], take)).taken == first.taken
    async with desk.host.database.read() as db:
        assert (await db.execute(select(func.count()).select_from(IssuerKeyRow))).scalar_one() == 0
        assert await issuer.open_slots(db, desk.hash, MEMBERS[1]) == []


async def test_takes_file_is_the_contracts(desk: Desk) -> None:
    takes = [desk.fresh(member, slot) for member in MEMBERS[:3] for slot in (1, 0)]
    for take in takes:
        owner = next(m for m, line in desk.lines.items() if line == take.member)
        await desk.take(owner, take)
    async with desk.host.database.read() as db:
        file = await issuer.takes_file(db, desk.hash)
    assert Takes.parse(file.text) == Takes.of(desk.hash, takes)
    assert file.leaf == leaf(file.text)
    assert (file.count, file.reissued, file.voters) == (6, 0, 3)


async def test_all_of_it_is_erased_in_time(desk: Desk) -> None:
    await desk.take(MEMBERS[0], desk.fresh(MEMBERS[0]))
    day = timedelta(days=1)
    async with desk.host.database.begin() as db:
        assert await issuer.erase(db, NOON + 400 * day) == []
        await issuer.shut(db, desk.hash, NOON)
        assert await issuer.erase(db, NOON) == []
        assert await issuer.is_kept(db, desk.hash)
        assert await issuer.erase(db, NOON + day) == [(CIRCLE, desk.hash)]
        assert not await issuer.is_kept(db, desk.hash)
        for table in (TakeRow, RollRow, RollLineRow, IssuerKeyRow):
            assert (await db.execute(select(func.count()).select_from(table))).scalar_one() == 0


async def test_who_leaves_is_forgotten_and_the_roll_stays_whole(desk: Desk) -> None:
    async with desk.host.database.begin() as db:
        await roll.forget(db, MEMBERS[0])
        assert await roll.line(db, desk.hash, MEMBERS[0]) is None
        stored = await roll.text(db, desk.hash)
        assert stored is not None
        assert leaf(stored) == desk.poll.roll
    assert await desk.refused(MEMBERS[0], desk.fresh(MEMBERS[0])) == "not-on-roll"


async def test_no_time_no_serial_and_no_name_beside_a_take(desk: Desk) -> None:
    async with desk.host.database.engine.connect() as connection:
        columns = await connection.run_sync(lambda c: inspect(c).get_columns("members_take"))
        assert {c["name"] for c in columns} == {
            "poll_hash", "line", "slot", "number", "take", "taken"
        }  # fmt: skip
        if desk.host.database.dialect == "sqlite":
            made = await connection.execute(
                text("SELECT sql FROM sqlite_master WHERE name = 'members_take'")
            )
            assert "WITHOUT ROWID" in made.scalar_one()


async def test_private_key_is_sealed_at_rest(desk: Desk) -> None:
    async with desk.host.database.read() as db:
        sealed = (await db.execute(select(IssuerKeyRow.sealed))).scalar_one()
    assert issuer_key().to_bytes()[:192] not in sealed
    with pytest.raises(VaultError):
        Vault(bytes([1]) * 32).open("issuer-key", sealed)


async def test_rolls_of_two_polls_share_nothing() -> None:
    first, second = roll.freeze(MEMBERS), roll.freeze(MEMBERS)
    assert not {line for _, line in first.lines} & {line for _, line in second.lines}
    assert Roll.parse(first.roll_text).salt != Roll.parse(second.roll_text).salt
