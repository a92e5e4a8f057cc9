"""Whole months, from the first day to the books, each verified as an outsider would."""

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from sqlalchemy import func, select, update

from circles import closing, log
from circles.ballot import box
from circles.circle import calendar
from circles.closing import close
from circles.db import Database
from circles.errors import CirclesError, ForbiddenError
from circles.host import Host
from circles.ledger import books, chart
from circles.members import issuer, notices
from circles.members.issuer import TakeRefusedError
from circles.members.roll_tables import IssuerKeyRow
from circles.protocol.ballot import begin_take, make_ballot, new_choice
from circles.protocol.checkpoint import open_receipt
from circles.protocol.messages import (
    VOTE,
    Ask,
    Ballot,
    Event,
    Opening,
    Seal,
    Slate,
    parse_entry,
)
from circles.rounds import announce, clients, rounds, schedule, slate
from circles.rounds.announce import NotYetError
from circles.rounds.tables import OmissionRow, SecretRow
from tests.world import KEEP, World

SECOND = timedelta(seconds=1)
SOUP, BOOTS = "Soup kitchen", "Warm boots"


async def holds(world: World) -> None:
    """Everything that was published verifies."""
    report = await world.verify()
    assert report.problems == [], "\n".join(str(problem) for problem in report.problems)
    assert report.holds


async def entries(world: World, kind: type) -> list[object]:
    async with world.host.database.read() as db:
        found = [parse_entry(entry.data) for entry in await log.entries(db, world.circle.id)]
    return [message for message in found if isinstance(message, kind)]


async def test_a_whole_month_with_own_keys(host: Host) -> None:
    world = await World.found(host, members=5, fund_minor=5000)
    ann, ben, cleo, dora, emil = world.members
    round_ = await world.play_month(
        nominations=[(ann, SOUP, Ask(4500)), (ben, BOOTS, Ask(6000))],
        votes={
            ann: [SOUP, SOUP, BOOTS],
            ben: [BOOTS, BOOTS, BOOTS],
            cleo: [SOUP, SOUP],
            dora: [SOUP, KEEP],
        },
    )
    # 50.00 as a gift, five pledges of 10.00; soup has 5 ticks, boots 4, both at or over T + 1.
    close, result = round_.vote.close, round_.result
    assert close is not None
    assert result is not None
    assert (close.fund_minor, close.take_count, close.voters, close.keys) == (10000, 12, 4, 12)
    numbers = {name: await _number(world, name) for name in (SOUP, BOOTS)}
    assert dict(result.totals) == {numbers[SOUP]: 5, numbers[BOOTS]: 4}
    assert result.keep == 1
    assert result.counted == 12
    assert dict(result.awards) == {numbers[SOUP]: 4500}
    assert result.carried_minor == 5500
    assert round_.posted
    assert await world.fund_minor() == 5500
    async with host.database.read() as db:
        award = chart.award(world.month, numbers[SOUP])
        assert await books.balance(db, world.circle.id, award) == 4500
        assert await books.reserved_minor(db, world.circle.id, world.month) == 0
    assert [kind for kind in await world.records() if kind != "ballot"] == [
        "poll", "poll", "nomination", "nomination", "close", "slate", "seal", "close", "opening",
        "result",
    ]  # fmt: skip
    await holds(world)
    assert emil.credentials == {}


async def _number(world: World, recipient: str) -> int:
    """Which number a recipient's request drew."""
    round_ = await world.round()
    assert round_.slate is not None
    async with world.host.database.read() as db:
        for nominated in await box.nominations(db, round_.nominate.poll_hash):
            words = (nominated.document or b"").decode()
            if words.partition("\n")[0] == recipient:
                return round_.slate.candidates.index(nominated.leaf) + 1
    raise AssertionError(f"{recipient} is not on the slate")


async def test_one_voter_among_five_takers_and_the_box_stays_shut(host: Host) -> None:
    world = await World.found(host, members=5, fund_minor=10000)
    ann, *others = world.members
    await world.begin()
    await ann.nominate(SOUP, Ask(4500))
    for other in others:
        await other.take(VOTE)
    await world.go(world.at.voting_opens)
    await ann.vote([1, 1, 1])
    await world.go(world.at.count_at)
    round_ = await world.round()
    assert round_.void_reason == "few-voters"
    assert round_.result is None
    close = round_.vote.close
    assert close is not None
    assert (close.take_count, close.voters, close.keys) == (15, 5, 3)
    assert await entries(world, Opening) == []
    # Not even this server could open it any more.
    assert await secrets_kept(host) == [0, 0, 0]
    assert round_.posted
    assert await world.fund_minor() == 10000
    await holds(world)


async def test_exactly_three_voters_open_the_box(host: Host) -> None:
    world = await World.found(host, members=3, fund_minor=10000)
    ann, ben, cleo = world.members
    votes = {who: [SOUP, SOUP, SOUP] for who in (ann, ben, cleo)}
    round_ = await world.play_month([(ann, SOUP, Ask(4500))], votes)
    assert round_.result is not None
    # Under five on the roll there is no floor of T + 1 ticks.
    assert dict(round_.vote.poll.params)["min-ticks"] == "1"
    assert dict(round_.result.awards) == {1: 4500}
    await holds(world)


async def test_two_of_three_are_too_few(host: Host) -> None:
    world = await World.found(host, members=3, fund_minor=10000)
    ann, ben, _cleo = world.members
    votes = {who: [SOUP, SOUP, SOUP] for who in (ann, ben)}
    round_ = await world.play_month([(ann, SOUP, Ask(4500))], votes)
    assert round_.void_reason == "few-voters"
    await holds(world)


async def test_nothing_was_nominated(host: Host) -> None:
    world = await World.found(host, members=5, fund_minor=7000)
    ann = world.members[0]
    await world.begin()
    await world.go(world.at.nominating_closes + calendar.GRACE)
    await ann.take(VOTE)
    await world.go(world.at.voting_opens)
    with pytest.raises(CirclesError) as caught:
        await ann.vote([KEEP])
    assert caught.value.code == "not-open"
    await world.go(world.at.count_at)
    round_ = await world.round()
    assert round_.void_reason == "no-candidates"
    assert await entries(world, Opening) == []
    assert await entries(world, Ballot) == []
    assert await world.fund_minor() == 7000
    await holds(world)


async def test_a_dead_heat_goes_by_request_then_by_lot(host: Host) -> None:
    world = await World.found(host, members=4, fund_minor=6000)
    ann, ben, cleo, dora = world.members
    round_ = await world.play_month(
        nominations=[
            (ann, "Larger", Ask(5000)),
            (ben, "Twin A", Ask(4000)),
            (cleo, "Twin B", Ask(4000)),
        ],
        votes={
            ann: ["Larger", "Larger"],
            ben: ["Twin A", "Twin A"],
            cleo: ["Twin B", "Twin B"],
            dora: [],
        },
        paying=[],
    )
    assert round_.result is not None
    twins = sorted([await _number(world, "Twin A"), await _number(world, "Twin B")])
    # The smaller request first, of two alike the lower number; the rest no longer fits.
    assert dict(round_.result.awards) == {twins[0]: 4000}
    assert round_.result.carried_minor == 2000
    await holds(world)


async def test_months_follow_each_other_and_newcomers_wait(host: Host) -> None:
    world = await World.found(host, members=4, fund_minor=9000)
    ann, ben, cleo, _dora = world.members
    everyone = {who: [SOUP, SOUP, SOUP] for who in world.members}
    await world.begin()
    assert world.month == "2026-10"
    newcomer = await world.join("Zoe")
    assert newcomer.member.votes_from == "2026-11"
    first = await world.play_month([(ann, SOUP, Ask(2000))], everyone)
    assert first.vote.poll.members == 4
    with pytest.raises(AssertionError, match="not on the roll"):
        await newcomer.line(VOTE)
    stolen = begin_take(first.vote.poll).take(bytes(16), 0).text()
    with pytest.raises(TakeRefusedError) as caught:
        await newcomer.post_take(VOTE, stolen)
    assert caught.value.code == "not-on-roll"
    second = await world.play_month(
        [(newcomer, BOOTS, Ask(3000))], {who: [BOOTS] for who in (ann, ben, cleo, newcomer)}
    )
    assert second.month == "2026-11"
    assert second.vote.poll.members == 5
    assert second.result is not None
    assert dict(second.result.awards) == {1: 3000}
    # Nothing links a line over months, nor over the two polls of one.
    lines = set()
    for round_ in (first, second):
        for poll in (round_.nominate, round_.vote):
            assert poll.poll.roll not in lines
            lines.add(poll.poll.roll)
    assert [seal.month for seal in await entries(world, Seal)] == ["2026-10", "2026-10", "2026-11"]
    await holds(world)


async def test_no_round_without_enough_members(host: Host) -> None:
    world = await World.found(host, members=2)
    async with host.database.begin() as db:
        month = await announce.begin(db, world.circle, world.clock.round_now())
        lacking = await announce.missing(db, host.settings, world.circle, month)
    assert lacking is not None
    assert (lacking.members, lacking.needed) == (2, 3)
    assert "at least 3" in lacking.words()
    assert "announce" not in await world.advance()
    with pytest.raises(NotYetError, match="Invite somebody"):
        await announce.start(host, world.circle, month)
    async with host.database.read() as db:
        assert await rounds.current(db, world.circle, world.clock.round_now()) is None
    await world.join("Zoe")
    assert "announce" in await world.advance()
    assert (await world.round()).vote.poll.members == 3


async def test_a_steward_who_says_so_too_late_gets_the_next_month(host: Host) -> None:
    world = await World.found(host, members=3)
    late = calendar.dates(world.circle.calendar, "2026-10", world.circle.zone).nominating_closes
    world.clock.set_round(late)
    async with host.database.begin() as db:
        assert await announce.begin(db, world.circle, late) == "2026-11"
        assert await announce.begin(db, world.circle, late + timedelta(days=60)) == "2026-11"
    assert await world.advance() == []
    at = calendar.dates(world.circle.calendar, "2026-11", world.circle.zone)
    assert "announce" in await world.go(at.take_from)
    assert world.month == "2026-11"


async def test_a_round_that_begins_late_takes_from_then_on(host: Host) -> None:
    world = await World.found(host, members=3)
    now = world.at_month("2026-10").take_from + timedelta(days=3, hours=1, microseconds=7)
    round_ = await world.begin(now)
    assert round_.dates.take_from == now.replace(microsecond=0)
    assert round_.dates.nominating_opens == round_.dates.take_from
    assert round_.vote.poll.take_from == round_.dates.take_from
    await holds(world)


async def test_a_reissued_credential_is_an_event_and_counted(host: Host) -> None:
    world = await World.found(host, members=4, fund_minor=8000)
    ann, ben, cleo, dora = world.members
    await world.begin()
    await ann.nominate(SOUP, Ask(4000))
    lost = list(await dora.take(VOTE))
    await schedule.allow_reissue(
        host, world.circle, world.month, VOTE, dora.member.id, world.steward
    )
    assert await entries(world, Event) == []
    dora.credentials.clear()
    await dora.take(VOTE, slots=[0, 2])
    events = await entries(world, Event)
    assert [event.reissued for event in events] == [1, 2]
    async with host.database.read() as db:
        kinds = [notice.kind for notice in await notices.pinned(db, world.circle.id)]
        assert "reissued" in kinds
    await world.go(world.at.voting_opens)
    for who in (ann, ben, cleo):
        await who.vote([1, 1, 1])
    await dora.vote([1, 1])
    assert len(lost) == 3
    await world.go(world.at.count_at)
    round_ = await world.round()
    assert round_.vote.close is not None
    assert (round_.vote.close.take_count, round_.vote.close.reissued) == (14, 2)
    assert round_.result is not None
    await holds(world)


async def test_moved_dates_hold_and_are_seen(host: Host) -> None:
    world = await World.found(host, members=3, fund_minor=5000)
    ann, ben, cleo = world.members
    await world.begin()
    at = world.at
    for changes, code in (
        ({"nominating_opens": at.nominating_opens - timedelta(hours=1)}, "past"),
        ({"voting_closes": at.take_from}, "past"),
        ({"voting_closes": at.voting_opens}, "order"),
        ({"count_at": at.count_at + SECOND}, "unknown-date"),
        ({"voting_opens": at.nominating_closes - timedelta(hours=1)}, "order"),
    ):
        with pytest.raises(schedule.DatesError) as caught:
            await schedule.move_dates(host, world.circle, world.month, changes, world.steward)
        assert caught.value.code == code
    assert await entries(world, Event) == []
    moved = {
        "nominating_closes": at.nominating_closes + timedelta(days=2),
        "voting_closes": at.voting_closes + timedelta(days=1),
        "pay_until": at.pay_until + timedelta(days=1),
        "thanks_from": at.thanks_from + timedelta(days=1),
    }
    round_ = await schedule.move_dates(host, world.circle, world.month, moved, world.steward)
    assert round_.dates.count_at == moved["voting_closes"] + calendar.GRACE
    assert len(await entries(world, Event)) == 2
    async with host.database.read() as db:
        pinned = await notices.pinned(db, world.circle.id)
    assert [notice.kind for notice in pinned].count("dates-moved") == 4
    await world.go(at.nominating_closes + timedelta(days=1))
    await ann.nominate(SOUP, Ask(4000))
    assert not (await world.round()).nominate.shut
    await world.go(moved["nominating_closes"] + calendar.GRACE)
    await world.go(at.voting_opens)
    for who in (ann, ben):
        await who.vote([1, 1, 1])
    await world.go(at.count_at)
    assert not (await world.round()).vote.shut
    await cleo.vote([1, 1, 1])
    await world.go(moved["voting_closes"] + calendar.GRACE)
    assert (await world.round()).result is not None
    await holds(world)


async def test_an_omission_takes_two_and_all_see_it(host: Host) -> None:
    world = await World.found(host, members=4, fund_minor=5000)
    ann, ben, cleo, dora = world.members
    await world.begin()
    kept = await ben.nominate(SOUP, Ask(4000))
    twin = await cleo.nominate("Soup kitchen again", Ask(4000))
    third = await dora.nominate(BOOTS, Ask(1000))
    circle, month, steward = world.circle, world.month, world.steward
    await _refused(slate.propose_omission(host, circle, month, twin, "duplicate", steward))
    await world.go(world.at.nominating_closes + calendar.GRACE)
    with pytest.raises(ForbiddenError):
        await slate.propose_omission(host, circle, month, twin, "duplicate", ben.member)
    await _refused(slate.propose_omission(host, circle, month, twin, "ugly", steward))
    await _refused(slate.propose_omission(host, circle, month, bytes(32), "duplicate", steward))
    await slate.propose_omission(host, circle, month, twin, "duplicate", steward)
    await slate.propose_omission(host, circle, month, third, "withdrawn", steward)
    await _refused(slate.propose_omission(host, circle, month, twin, "unlawful", steward))
    with pytest.raises(ForbiddenError):
        await slate.confirm_omission(host, circle, month, twin, steward)
    await slate.confirm_omission(host, circle, month, twin, ben.member)
    await _refused(slate.confirm_omission(host, circle, month, twin, cleo.member))
    async with host.database.read() as db:
        drafts = await slate.draft(db, await rounds.by_month(db, circle.id, month))
        pinned = [notice.kind for notice in await notices.pinned(db, circle.id)]
    assert [one.nominated.leaf for one in drafts] == sorted([kept, twin, third])
    assert sorted(kind for kind in pinned if kind.startswith("omission")) == [
        "omission-confirmed", "omission-proposed", "omission-proposed",
    ]  # fmt: skip
    await world.go(world.at.voting_opens)
    await _refused(slate.confirm_omission(host, circle, month, third, ben.member))
    (logged,) = await entries(world, Slate)
    assert isinstance(logged, Slate)
    assert logged.omits == ((twin, "duplicate"),)
    assert sorted(logged.candidates) == sorted([kept, third])
    for who in (ann, ben, cleo):
        await who.vote([1, 2, 1])
    await world.go(world.at.count_at)
    assert (await world.round()).result is not None
    await holds(world)


async def _refused(doing: object) -> None:
    with pytest.raises(CirclesError):
        await doing  # type: ignore[misc]  # a coroutine


async def test_a_revote_counts_and_the_first_does_not(host: Host) -> None:
    world = await World.found(host, members=3, fund_minor=5000)
    ann, ben, cleo = world.members
    await world.begin()
    await ann.nominate(SOUP, Ask(4000))
    await world.go(world.at.voting_opens)
    for who in (ann, ben, cleo):
        await who.vote([1, 1, 1])
    await ann.vote([KEEP, KEEP, KEEP])
    await ann.vote([KEEP, KEEP])
    await world.go(world.at.count_at)
    round_ = await world.round()
    assert round_.result is not None
    assert round_.vote.close is not None
    assert (round_.vote.close.ballots, round_.vote.close.keys) == (15, 9)
    assert (dict(round_.result.totals), round_.result.keep) == ({1: 6}, 2)
    await holds(world)


async def test_two_closings_at_once_close_once(host: Host) -> None:
    """Two servers with connections of their own, each closing twice at the same moment."""
    other = replace(host, database=Database(host.database.url))
    world = await World.found(host, members=3, fund_minor=5000)

    async def close_all(at: datetime) -> list[str]:
        world.clock.set_round(at)
        taken = await asyncio.gather(
            *(closing.advance(one, world.circle.id) for one in (host, other, host, other))
        )
        return [name for names in taken for name in names]

    await world.begin()
    await world.members[0].nominate(SOUP, Ask(4000))
    await close_all(world.at.nominating_closes + calendar.GRACE)
    await close_all(world.at.voting_opens)
    for who in world.members:
        await who.vote([1, 1, 1])
    done = await close_all(world.at.count_at)
    for step in ("shut-vote", "close-vote", "open", "count", "post"):
        assert done.count(f"{step} {world.month}") == 1, done
    records = await world.records()
    assert [records.count(kind) for kind in ("slate", "close", "opening", "result")] == [1, 2, 1, 1]
    await close_all(world.at_month("2026-11").take_from)
    assert (await world.records()).count("poll") == 4
    await world.advance()
    await holds(world)
    await other.database.close()


async def test_money_between_close_and_count_belongs_to_the_next_round(host: Host) -> None:
    world = await World.found(host, members=3, fund_minor=5000)
    await world.begin()
    await world.members[0].nominate(SOUP, Ask(None, part=True))
    await world.go(world.at.voting_opens)
    for who in world.members:
        await who.vote([1, 1, 1])
    world.clock.set_round(world.at.count_at)
    assert await close.shut(host, world.circle, world.month, VOTE)
    assert await close.record(host, world.circle, world.month, VOTE)
    await world.give(1234)
    await world.pay_in(world.members[1])
    await world.fee(200)
    await world.advance()
    round_ = await world.round()
    assert round_.result is not None
    assert dict(round_.result.awards) == {1: 5000}
    assert await world.fund_minor() == 1234 + 1000 - 200
    await holds(world)


async def test_a_take_and_a_ballot_after_the_flip_are_refused(host: Host) -> None:
    world = await World.found(host, members=3, fund_minor=5000)
    ann, ben, cleo = world.members
    await world.begin()
    await ann.nominate(SOUP, Ask(4000))
    await world.go(world.at.voting_opens)
    await cleo.take(VOTE)
    for who in (ann, ben):
        await who.vote([1, 1, 1])
    world.clock.set_round(world.at.voting_closes)
    with pytest.raises(TakeRefusedError) as caught:
        await ben.take(VOTE, slots=[0])
    assert caught.value.code == "closed"
    # Casting goes on for the grace, by the clock, and not a second longer.
    world.clock.set_round(world.at.count_at)
    await cleo.vote([1])
    world.clock.set_round(world.at.count_at + SECOND)
    with pytest.raises(CirclesError) as late:
        await cleo.vote([1])
    assert late.value.code == "closed"
    await world.advance()
    assert (await world.round()).result is not None
    await holds(world)


async def secrets_kept(host: Host) -> list[int]:
    """How many issuer keys, trustee keys and draw salts, and omissions there are."""
    async with host.database.read() as db:
        return [
            (await db.execute(select(func.count()).select_from(table))).scalar_one()
            for table in (IssuerKeyRow, SecretRow, OmissionRow)
        ]


async def test_secrets_go_when_they_have_served(host: Host) -> None:
    world = await World.found(host, members=3, fund_minor=5000)
    await world.begin()
    assert await secrets_kept(host) == [2, 2, 0]
    await world.members[0].nominate(SOUP, Ask(4000))
    await world.go(world.at.nominating_closes + calendar.GRACE)
    assert await secrets_kept(host) == [1, 2, 0]
    await world.go(world.at.voting_opens)
    assert await secrets_kept(host) == [1, 1, 0]
    for who in world.members:
        await who.vote([1, 1, 1])
    await world.go(world.at.count_at)
    assert await secrets_kept(host) == [0, 0, 0]


async def test_a_lost_trustee_key_voids_the_round_after_seven_days(host: Host) -> None:
    world = await World.found(host, members=3, fund_minor=5000)
    await world.begin()
    await world.members[0].nominate(SOUP, Ask(4000))
    await world.go(world.at.voting_opens)
    for who in world.members:
        await who.vote([1, 1, 1])
    async with host.database.begin() as db:
        await db.execute(update(SecretRow).values(sealed=bytes(72)))
    await world.go(world.at.count_at)
    assert not (await world.round()).decided
    await world.go(world.at.voting_closes + timedelta(days=7) - SECOND)
    assert not (await world.round()).decided
    await world.go(world.at.voting_closes + timedelta(days=7))
    round_ = await world.round()
    assert round_.void_reason == "not-opened"
    assert await world.fund_minor() == 5000
    await holds(world)


async def test_takes_rolls_and_lines_are_gone_after_ninety_days(host: Host) -> None:
    world = await World.found(host, members=3, fund_minor=5000)
    round_ = await world.play_month(
        [(world.members[0], SOUP, Ask(4000))], {who: [SOUP] for who in world.members}
    )
    await closing.tick(host)
    async with host.database.read() as db:
        assert await issuer.is_kept(db, round_.vote.poll_hash)
    world.clock.pass_real(timedelta(days=90, seconds=1))
    await closing.tick(host)
    async with host.database.read() as db:
        assert not await issuer.is_kept(db, round_.vote.poll_hash)
        assert not await issuer.is_kept(db, round_.nominate.poll_hash)
    await holds(world)


async def test_new_scripts_are_an_event(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    world = await World.found(host, members=3)
    await world.begin()
    assert await world.advance() == []
    monkeypatch.setattr(clients, "hashes", lambda: (bytes(32),))
    assert await world.advance() == [f"scripts {world.month}"]
    events = await entries(world, Event)
    assert [event.clients for event in events] == [(bytes(32),)] * 2
    assert await world.advance() == []
    await holds(world)


async def test_a_ballot_that_does_not_open_is_void_and_named(host: Host) -> None:
    """A ballot whose choice names nobody on the slate: sealed well, and void."""
    world = await World.found(host, members=4, fund_minor=5000)
    ann, ben, cleo, dora = world.members
    await world.begin()
    await ann.nominate(SOUP, Ask(4000))
    await world.go(world.at.voting_opens)
    for who in (ann, ben, cleo):
        await who.vote([1, 1, 1])
    round_ = await world.round()
    assert round_.slate is not None
    credential = (await dora.take(VOTE, slots=[0]))[0]
    odd = make_ballot(round_.vote.poll, round_.slate.record_id(), credential, new_choice([999]))
    await box.cast(host, world.circle.slug, world.month, VOTE, odd.text())
    await world.go(world.at.count_at)
    round_ = await world.round()
    assert round_.result is not None
    assert round_.result.voids == ((odd.record_id(), "choice"),)
    assert round_.result.counted == 9
    await holds(world)


async def test_a_members_clients_check_is_in_the_log(host: Host) -> None:
    """Every receipt that was given names an entry of the published log."""
    world = await World.found(host, members=3, fund_minor=5000)
    await world.play_month(
        [(world.members[0], SOUP, Ask(4000))], {who: [SOUP] for who in world.members}
    )
    async with host.database.read() as db:
        for who in world.members:
            for note in who.receipts:
                receipt = open_receipt(note, [world.log_key])
                assert await log.index_of(db, world.circle.id, receipt.leaf) is not None
