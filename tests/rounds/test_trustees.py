"""Trustees of a vote: chosen, keys handed in, t openings and not one less, or a void round."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from litestar import Litestar
from sqlalchemy import func, select, update

from circles.circle import boxes, calendar
from circles.circle.boxes import BoxKeys
from circles.closing import count
from circles.host import Host
from circles.members import notices
from circles.protocol.messages import Ask, Opening
from circles.protocol.seal import TrusteeKey
from circles.protocol.text import b64
from circles.rounds import announce, keys, opening, trustees
from circles.rounds.announce import NotYetError
from circles.rounds.opening import OpeningRefusedError
from circles.rounds.tables import SecretRow
from circles.rounds.trustees import KeyRefusedError, NoTrusteeError, Plan, PlanError
from tests.neighbours import browser_of
from tests.trustees import Trustee, choose, to_the_close, with_trustees
from tests.world import MemberClient, World

FUND_MINOR = 5000
WEEK = timedelta(days=7)
ONCE = "the same statements run on both in the tests beside it"


async def _world(host: Host, members: int = 5) -> World:
    return await World.found(host, members=members, fund_minor=FUND_MINOR)


async def _post(world: World, text: bytes) -> bool:
    return await opening.log_opening(world.host, world.circle, world.month, text)


async def _refused(world: World, text: bytes) -> str:
    with pytest.raises(OpeningRefusedError) as refused:
        await _post(world, text)
    return refused.value.code


async def _openings(world: World) -> int:
    return (await world.records()).count("opening")


async def _pinned(world: World) -> list[str]:
    async with world.host.database.read() as db:
        return [one.kind for one in await notices.pinned(db, world.circle.id)]


async def _told(world: World, one: Trustee) -> list[str]:
    async with world.host.database.read() as db:
        return [word.kind for word in await notices.told(db, one.id)]


async def test_two_of_three_open_and_the_third_never_comes(host: Host) -> None:
    world = await _world(host)
    ann, ben = await with_trustees(world, 2, server=True, needed=2)
    round_ = await to_the_close(world)
    poll = round_.vote.poll
    assert (len(poll.trustees), poll.threshold) == (3, 2)
    assert list(poll.trustees) == sorted(poll.trustees)
    # The server has opened by itself after the close; alone it is not enough.
    assert await _openings(world) == 1
    assert not round_.opened
    assert await world.advance() == []
    assert (await world.verify()).holds
    assert await ben.open()
    assert await world.advance() == ["count 2026-10", "post 2026-10"]
    result = (await world.round()).result
    assert result is not None
    assert (result.counted, dict(result.totals), result.keep) == (15, {1: 10}, 5)
    assert await world.fund_minor() == FUND_MINOR - 4000
    assert (await world.verify()).holds
    # Who comes after the result is told so, and nothing is logged.
    assert await _refused(world, ann.opening(round_)) == "not-open"
    assert await _openings(world) == 2


@pytest.mark.one_database(ONCE)
async def test_no_key_of_this_server_at_all(host: Host) -> None:
    world = await _world(host)
    ann, ben = await with_trustees(world, 2, server=False, needed=2)
    round_ = await to_the_close(world)
    assert len(round_.vote.poll.trustees) == 2
    assert await _openings(world) == 0
    async with host.database.read() as db:
        box = await boxes.of_month(db, world.circle.id, world.month)
    assert box == BoxKeys(2, 2, 0)
    assert not box.server_opens
    assert await ann.open()
    assert await ben.open()
    await world.advance()
    assert (await world.round()).result is not None
    assert (await world.verify()).holds


@pytest.mark.one_database(ONCE)
async def test_more_than_are_needed_do_no_harm(host: Host) -> None:
    world = await _world(host)
    found = await with_trustees(world, 3, server=False, needed=1)
    await to_the_close(world)
    for one in found:
        assert await one.open()
    await world.advance()
    assert (await world.round()).result is not None
    assert await _openings(world) == 3
    assert (await world.verify()).holds


async def test_too_few_for_seven_days_and_the_money_stays(host: Host) -> None:
    world = await _world(host)
    ann, ben = await with_trustees(world, 2, server=True, needed=3)
    round_ = await to_the_close(world)
    assert await ann.open()
    await world.go(round_.vote.closes_at + WEEK - timedelta(seconds=1))
    assert not (await world.round()).decided
    assert await world.go(round_.vote.closes_at + WEEK) == ["void 2026-10", "post 2026-10"]
    assert (await world.round()).void_reason == "not-opened"
    assert await world.fund_minor() == FUND_MINOR
    assert await _refused(world, ben.opening(round_)) == "not-open"
    assert (await world.verify()).holds
    # The next month begins as if nothing had been.
    await world.go(world.at_month("2026-11").take_from)
    assert world.month == "2026-11"


async def test_bent_openings(host: Host) -> None:
    world = await _world(host)
    ann, ben = await with_trustees(world, 2, server=True, needed=3)
    await world.begin()
    round_ = await world.round()
    assert await _refused(world, ann.opening(round_)) == "not-open"
    await to_the_close(world)
    poll, number = round_.vote.poll_hash, ann.number(round_)
    secret = ann.keys[round_.vote.poll.trustees[number - 1]].secret
    for bent, code in (
        (Opening(poll, number, TrusteeKey.generate().secret).text(), "bad-secret"),
        (Opening(poll, ben.number(round_), secret).text(), "bad-secret"),
        (Opening(poll, 9, secret).text(), "bad-secret"),
        (Opening(round_.nominate.poll_hash, number, secret).text(), "unknown-poll"),
        (ann.opening(round_) + b"\n", "malformed"),
        (b"", "malformed"),
    ):
        assert await _refused(world, bent) == code, bent
    assert await ann.open()
    assert not await ann.open()
    # The same key can be spelled in 32 ways; the verifier wants each trustee once.
    spelled = Opening(poll, number, bytes([secret[0] ^ 1]) + secret[1:]).text()
    assert opening.opening_fits(round_.vote.poll, Opening.parse(spelled))
    assert not await _post(world, spelled)
    assert await _openings(world) == 2
    assert await ben.open()
    await world.advance()
    assert (await world.round()).result is not None
    assert (await world.verify()).holds


async def test_who_opens_while_it_is_counted_is_counted_with(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A lower number that comes in between would be used by everybody who counts again."""
    world = await _world(host)
    found = await with_trustees(world, 3, server=False, needed=2)
    round_ = await to_the_close(world)
    late, *early = sorted(found, key=lambda one: one.number(round_))
    for one in early:
        await one.open()
    real = asyncio.to_thread
    met = []

    async def slowly(work: Any, *arguments: Any, **named: Any) -> Any:
        if work is count.tally_up and not met:
            met.append(await late.open())
        return await real(work, *arguments, **named)

    monkeypatch.setattr(asyncio, "to_thread", slowly)
    assert await world.advance() == []
    assert met == [True]
    assert await world.advance() == ["count 2026-10", "post 2026-10"]
    assert (await world.verify()).holds


async def test_what_machines_are_told(host: Host, app: Litestar) -> None:
    """The addresses of a trustee: who may, and the contract's numbers for the rest."""
    world = await _world(host)
    ann, ben = await with_trustees(world, 2, server=True, needed=3, keys=1)
    base = world.circle.path
    opening_at = f"{base}/rounds/2026-10/vote/opening"
    fresh = b64(TrusteeKey.generate().public)
    async with browser_of(app, host, world.circle, "Ann") as anns:

        async def keys_in(body: str) -> int:
            return (await anns.post(f"{base}/in/trustee/keys", content=body)).status_code

        assert await keys_in(f"{fresh}\n") == 204
        assert await keys_in(f"{fresh}\n") == 204
        assert [await keys_in(body) for body in ("", "nonsense", f"{fresh}A")] == [400, 400, 400]
        assert await keys_in(b64(bytes(32))) == 409
        typed = await anns.post(f"{base}/in/trustee", data={"keys": "nonsense"})
        assert (typed.status_code, "These are no keys" in typed.text) == (422, True)
        typed = await anns.post(f"{base}/in/trustee", data={"keys": fresh})
        assert typed.status_code == 303
    async with browser_of(app, host, world.circle, "Dora") as doras:
        answer = await doras.post(f"{base}/in/trustee/keys", content=fresh)
        assert (answer.status_code, answer.json()["code"]) == (403, "not-trustee")
        assert (await doras.get(f"{base}/in/steward/trustees")).status_code == 403
    round_ = await world.begin()
    async with browser_of(app, host) as anyone:

        async def post(text: bytes) -> tuple[int, str]:
            answer = await anyone.post(opening_at, content=text)
            return answer.status_code, answer.json()["code"] if answer.content else ""

        mine = [one for one in (ann, ben) if one.number(round_)][-1]
        assert await post(mine.opening(round_)) == (409, "not-open")
        await to_the_close(world)
        wrong = Opening(round_.vote.poll_hash, 1, TrusteeKey.generate().secret).text()
        assert await post(wrong) == (422, "bad-secret")
        other = Opening(bytes(32), 1, TrusteeKey.generate().secret).text()
        assert await post(other) == (404, "unknown-poll")
        assert await post(b"nonsense") == (400, "malformed")
        assert await post(mine.opening(round_)) == (204, "")
        assert await post(mine.opening(round_)) == (204, "")
    assert await _openings(world) == 2


@pytest.mark.one_database(ONCE)
async def test_lost_keys_are_taken_back_and_may_be_found_again(host: Host, app: Litestar) -> None:
    world = await _world(host)
    (ann,) = await with_trustees(world, 1, server=True, needed=2, keys=3)
    async with browser_of(app, host, world.circle, "Ann") as anns:
        page = await anns.get(f"{world.circle.path}/in/trustee")
        assert "Three of yours wait for months to come." in page.text
        lost = await anns.post(f"{world.circle.path}/in/trustee/lost")
        assert lost.status_code == 303
        own = (await anns.get(f"{world.circle.path}/in/you/data.json")).json()
        assert own["keys_to_the_box"] == {"holds_one": True, "waiting": []}
        again = b64(next(iter(ann.keys)))
        answer = await anns.post(f"{world.circle.path}/in/trustee/keys", content=again)
        assert answer.status_code == 204
        own = (await anns.get(f"{world.circle.path}/in/you/data.json")).json()
        assert own["keys_to_the_box"] == {"holds_one": True, "waiting": [again]}


@pytest.mark.one_database(ONCE)
@pytest.mark.parametrize(
    ("server", "needed", "words"),
    [
        (True, 2, "This machine holds one of them, so it cannot look inside alone."),
        (True, 1, "this server could read votes early"),
        (False, 2, "this machine holds none of them"),
        (None, 1, "It holds the only key"),
    ],
)
async def test_every_page_says_who_could_look_early(
    host: Host, app: Litestar, server: bool | None, needed: int, words: str
) -> None:
    world = await _world(host)
    if server is None:
        words = "This machine holds the only key to the box."
    else:
        await with_trustees(world, 2, server=server, needed=needed)
    await world.begin()
    await world.go(max(world.at.nominating_opens, world.clock.round_now()))
    await world.members[0].nominate("Soup kitchen", Ask(4000))
    await world.go(world.at.nominating_closes + calendar.GRACE)
    await world.go(world.at.voting_opens)
    base = world.circle.path
    async with browser_of(app, host, world.circle, "Dora") as doras:
        for path in ("/in/ballot", "/in/trustee", "/secrecy", "/rounds/2026-10/"):
            answer = await doras.get(base + path, follow_redirects=True)
            assert answer.status_code == 200
            assert words in answer.text, path


@pytest.mark.parametrize(("named", "reason"), [(True, "few-voters"), (False, "no-candidates")])
async def test_what_stays_shut_is_opened_by_nobody(host: Host, named: bool, reason: str) -> None:
    world = await _world(host)
    ann, _ = await with_trustees(world, 2, server=True, needed=2)
    round_ = await to_the_close(world, voters=2, named=named)
    assert round_.void_reason == reason
    assert await _refused(world, ann.opening(round_)) == "not-open"
    assert await _openings(world) == 0
    assert (await world.verify()).holds


# Keys for coming rounds


async def test_one_key_is_used_by_each_round_and_the_last_is_told(host: Host) -> None:
    world = await _world(host)
    ann, ben = await with_trustees(world, 2, server=False, needed=2, keys=2)
    await to_the_close(world)
    assert await _told(world, ann) == ["trustee-chosen"]
    async with host.database.read() as db:
        assert await trustees.waiting(db, world.circle.id) == {ann.id: 1, ben.id: 1}
    first = (await world.round()).vote.poll.trustees
    for one in (ann, ben):
        await one.open()
    await world.advance()
    await world.go(world.at_month("2026-11").take_from)
    second = (await world.round()).vote.poll.trustees
    assert not set(first) & set(second)
    assert set(first) | set(second) == {*ann.keys, *ben.keys}
    assert await _told(world, ann) == ["trustee-chosen", "trustee-last-key"]
    await to_the_close(world)
    for one in (ann, ben):
        await one.open()
    await world.advance()
    assert (await world.verify()).holds
    # With no key left the third round waits, in words, and begins as soon as they are there.
    await world.go(world.at_month("2026-12").take_from)
    assert world.month == "2026-11"
    async with host.database.read() as db:
        lacking = await announce.missing(db, host.settings, world.circle, "2026-12")
    assert lacking is not None
    assert "two keys, and none of them" in lacking.words()
    with pytest.raises(NotYetError, match="two keys"):
        await announce.start(host, world.circle, "2026-12")
    await ann.hand_in()
    await world.advance()
    assert world.month == "2026-11"
    await ben.hand_in()
    await world.advance()
    assert world.month == "2026-12"


@pytest.mark.one_database(ONCE)
async def test_who_has_no_key_is_left_out_and_it_is_pinned_up(host: Host) -> None:
    world = await _world(host)
    ann, ben = [Trustee(world, client) for client in world.members[:2]]
    await choose(world, [ann, ben], server=True, needed=2)
    await ann.hand_in()
    await to_the_close(world)
    round_ = await world.round()
    assert (len(round_.vote.poll.trustees), round_.vote.poll.threshold) == (2, 2)
    assert ben.number(round_) == 0
    assert "trustees-fewer" in await _pinned(world)
    assert await ann.open()
    await world.advance()
    assert (await world.verify()).holds


async def test_keys_that_cannot_be_used_are_refused_whole(host: Host) -> None:
    world = await _world(host)
    (ann,) = await with_trustees(world, 1, server=True, needed=2)
    stranger = Trustee(world, world.members[2])
    with pytest.raises(NoTrusteeError):
        await stranger.hand_in()
    good = TrusteeKey.generate().public
    for bad in (
        bytes(32),
        b"\1" + bytes(31),
        (2**255 - 19).to_bytes(32, "little"),
        good[:31] + bytes([good[31] | 0x80]),
        bytes.fromhex("e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800"),
    ):
        with pytest.raises(KeyRefusedError) as refused:
            async with host.database.begin() as db:
                await trustees.hand_in(db, world.circle.id, ann.id, [good, bad])
        assert refused.value.code == "key-bad"
    round_ = await world.begin()
    # The own one of this vote, and this server's: both stand in the record for everyone to copy.
    for used in round_.vote.poll.trustees:
        with pytest.raises(KeyRefusedError) as refused:
            async with host.database.begin() as db:
                await trustees.hand_in(db, world.circle.id, ann.id, [used])
        assert refused.value.code == "key-used"
    with pytest.raises(KeyRefusedError) as enough:
        await ann.hand_in(trustees.KEYS_WAITING_MAX)
    assert enough.value.code == "keys-enough"


@pytest.mark.one_database(ONCE)
async def test_the_same_keys_may_be_handed_in_again_after_a_lost_answer(host: Host) -> None:
    world = await _world(host)
    (ann,) = await with_trustees(world, 1, server=True, needed=2, keys=3)
    async with host.database.begin() as db:
        assert await trustees.hand_in(db, world.circle.id, ann.id, list(ann.keys)) == 3


@pytest.mark.one_database(ONCE)
@pytest.mark.parametrize(
    ("people", "server", "needed"), [(0, False, 1), (2, True, 4), (2, True, 0), (10, False, 2)]
)
async def test_what_no_box_can_be(host: Host, people: int, server: bool, needed: int) -> None:
    world = await _world(host, members=10)
    found = [Trustee(world, client) for client in world.members[:people]]
    with pytest.raises(PlanError):
        await choose(world, found, server=server, needed=needed)
    async with host.database.read() as db:
        assert await trustees.plan(db, world.circle.id) == Plan(frozenset(), True, 1)


async def test_deciding_is_pinned_up_and_saying_it_again_changes_nothing(host: Host) -> None:
    world = await _world(host)
    ann = Trustee(world, world.members[0])
    assert await choose(world, [ann], server=True, needed=2)
    assert not await choose(world, [ann], server=True, needed=2)
    assert await _pinned(world) == ["trustees-changed"]
    gone = Trustee(world, MemberClient(replace(world.steward, id=bytes(16)), world))
    with pytest.raises(PlanError):
        await choose(world, [ann, gone], server=True, needed=2)


async def test_who_leaves_can_still_open_the_running_vote_and_none_after(host: Host) -> None:
    world = await _world(host)
    ann, ben = await with_trustees(world, 2, server=False, needed=2, keys=3)
    round_ = await to_the_close(world)
    async with host.database.begin() as db:
        await trustees.forget(db, world.circle, ben.id, world.clock.round_now())
    async with host.database.read() as db:
        poll = round_.vote.poll_hash
        assert await trustees.own_key(db, world.circle.id, poll, ann.id) in ann.keys
        assert await trustees.own_key(db, world.circle.id, poll, ben.id) is None
        assert await trustees.keys_of(db, world.circle.id, ben.id) == []
        assert (await trustees.ready(db, world.circle.id)).here == 1
    assert "trustee-left" in await _pinned(world)
    assert await ann.open()
    assert await ben.open()
    await world.advance()
    assert (await world.round()).result is not None
    # One key is left and two are needed: no weaker round begins by itself.
    await world.go(world.at_month("2026-11").take_from)
    assert world.month == "2026-10"
    await choose(world, [ann], server=True, needed=2)
    await world.advance()
    assert world.month == "2026-11"


async def test_where_the_servers_own_key_is_broken_the_others_open(host: Host) -> None:
    world = await _world(host)
    found = await with_trustees(world, 2, server=True, needed=2)
    await world.begin()
    async with host.database.begin() as db:
        broken = update(SecretRow).where(SecretRow.kind == keys.TRUSTEE)
        await db.execute(broken.values(sealed=bytes(72)))
    await to_the_close(world)
    assert await _openings(world) == 0
    for one in found:
        assert await one.open()
    await world.advance()
    assert (await world.round()).result is not None
    async with host.database.read() as db:
        assert await db.scalar(select(func.count()).select_from(SecretRow)) == 0
    assert (await world.verify()).holds


@pytest.mark.one_database(ONCE)
@pytest.mark.parametrize(("members", "offered"), [(4, False), (5, True)])
async def test_from_five_on_a_stewards_key_is_offered_until_somebody_decides(
    host: Host, app: Litestar, members: int, offered: bool
) -> None:
    world = await _world(host, members)
    path = f"{world.circle.path}/in/steward"
    async with browser_of(app, host, world.circle, "Ann") as anns:
        assert ("This machine holds the only key." in (await anns.get(path)).text) == offered
        page = (await anns.get(f"{path}/trustees")).text
        assert (
            f'name="needed" type="number" autocomplete="off" value="{2 if offered else 1}"' in page
        )
        named = f"who-{world.steward.id.hex()}"
        assert (f'name="{named}" value="on" checked' in page) == offered
        refused = await anns.post(f"{path}/trustees", data={"server": "on", "needed": "2"})
        assert (refused.status_code, "No more keys can be needed" in refused.text) == (422, True)
        done = await anns.post(f"{path}/trustees", data={"server": "on", "needed": "1"})
        assert done.status_code == 303
        # To leave it to this machine is a decision too: seen by all, and nothing is offered again.
        assert "This machine holds the only key." not in (await anns.get(path)).text
        assert (
            "from the next round on this machine alone"
            in (await anns.get(f"{world.circle.path}/in/people")).text
        )
    assert await _pinned(world) == ["trustees-changed"]
