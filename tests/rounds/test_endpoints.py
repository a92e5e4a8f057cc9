"""What a member's client and a trustee ask of a round over HTTP (docs/protocol.md, 5)."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace

import httpx
import pytest
from litestar import Litestar

from circles.circle import calendar
from circles.closing import close
from circles.host import Host
from circles.log import floor
from circles.protocol.ballot import begin_take
from circles.protocol.merkle import leaf
from circles.protocol.messages import NOMINATE, VOTE, Ask, Opening, Roll, Takes
from circles.protocol.seal import TrusteeKey
from circles.protocol.text import unb64
from circles.rounds import keys
from tests.neighbours import browser_of
from tests.world import World


@dataclass
class Month:
    """A circle in its month, a member's browser, a newcomer's, and one of nobody."""

    world: World
    ann: httpx.AsyncClient
    zoe: httpx.AsyncClient
    nobody: httpx.AsyncClient

    def path(self, rest: str, month: str = "") -> str:
        return f"{self.world.circle.path}/rounds/{month or self.world.month}/{rest}"


@pytest.fixture
async def month(host: Host, app: Litestar) -> AsyncIterator[Month]:
    world = await World.found(host, members=3, fund_minor=5000)
    await world.begin()
    await world.join("Zoe")
    async with AsyncExitStack() as stack:
        ann, zoe = [
            await stack.enter_async_context(browser_of(app, host, world.circle, handle))
            for handle in ("Ann", "Zoe")
        ]
        nobody = await stack.enter_async_context(browser_of(app, host))
        yield Month(world, ann, zoe, nobody)


def _code(answer: httpx.Response) -> tuple[int, str]:
    assert answer.headers["content-type"].startswith("application/problem+json"), answer.text
    return answer.status_code, answer.json()["code"]


async def test_line_and_roll(month: Month) -> None:
    poll = (await month.world.round()).vote.poll
    answer = await month.ann.get(month.path("vote/line"))
    assert answer.headers["content-type"].startswith("application/json")
    own = unb64(answer.json()["member"])
    roll_file = await month.ann.get(month.path("vote/roll"))
    assert roll_file.headers["content-type"].startswith("text/plain")
    assert leaf(roll_file.content) == poll.roll
    assert own in Roll.parse(roll_file.content).members
    nominate = await month.ann.get(month.path("nominate/line"))
    assert nominate.json()["member"] != answer.json()["member"]
    # The newcomer may read the roll, and stands on none.
    assert (await month.zoe.get(month.path("vote/roll"))).content == roll_file.content
    assert _code(await month.zoe.get(month.path("vote/line"))) == (403, "not-on-roll")


async def test_all_of_it_is_for_members_only(month: Month) -> None:
    for rest in ("vote/line", "vote/roll", "vote/takes"):
        assert _code(await month.nobody.get(month.path(rest))) == (401, "sign-in")
    assert _code(await month.nobody.post(month.path("vote/take"), content=b"x")) == (401, "sign-in")


async def test_unknown_months_and_polls(month: Month) -> None:
    for path in (
        month.path("dance/line"),
        month.path("vote/line", "2031-01"),
        month.path("vote/roll", "nonsense"),
    ):
        assert _code(await month.ann.get(path)) == (404, "unknown-poll")
    assert _code(await month.ann.post(month.path("dance/take"), content=b"")) == (
        404,
        "unknown-poll",
    )


async def test_take(month: Month) -> None:
    poll = (await month.world.round()).vote.poll
    own = unb64((await month.ann.get(month.path("vote/line"))).json()["member"])
    pending = begin_take(poll)
    take = pending.take(own, 0)
    path = month.path("vote/take")
    answer = await month.ann.post(path, content=take.text())
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain")
    again = await month.ann.post(path, content=take.text())
    assert (again.status_code, again.content) == (200, answer.content)
    other = begin_take(poll).take(own, 0)
    assert _code(await month.ann.post(path, content=other.text())) == (409, "slot-used")
    assert _code(await month.zoe.post(path, content=take.text())) == (403, "not-on-roll")
    assert _code(await month.ann.post(path, content=b"\xff\x00")) == (400, "malformed")
    assert _code(await month.ann.post(path, content=take.text()[:-1])) == (400, "malformed")
    nominate = month.path("nominate/take")
    assert _code(await month.ann.post(nominate, content=take.text())) == (404, "unknown-poll")
    large = replace(take, slot=1, blinded=(b"\xff" * 384,))
    assert _code(await month.ann.post(path, content=large.text())) == (422, "bad-blinded")
    huge = await month.ann.post(path, content=b"x" * 100_000)
    assert huge.status_code == 413


async def test_takes_of_another_site_are_refused(month: Month) -> None:
    own = unb64((await month.ann.get(month.path("vote/line"))).json()["member"])
    take = begin_take((await month.world.round()).vote.poll).take(own, 0).text()
    for headers in ({"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}):
        answer = await month.ann.post(month.path("vote/take"), content=take, headers=headers)
        assert _code(answer) == (403, "cross-site")
    assert (await month.ann.post(month.path("vote/take"), content=take)).status_code == 200


async def test_late_and_early_takes(month: Month) -> None:
    world = month.world
    own = unb64((await month.ann.get(month.path("nominate/line"))).json()["member"])
    round_ = await world.round()
    take = begin_take(round_.nominate.poll).take(own, 0).text()
    world.clock.set_round(round_.nominate.take_from - calendar.GRACE)
    assert _code(await month.ann.post(month.path("nominate/take"), content=take)) == (
        409,
        "not-open",
    )
    world.clock.set_round(round_.nominate.closes_at)
    assert _code(await month.ann.post(month.path("nominate/take"), content=take)) == (410, "closed")


async def test_takes_can_be_read_from_the_close_on(month: Month) -> None:
    world = month.world
    await world.members[0].take(NOMINATE)
    assert _code(await month.ann.get(month.path("nominate/takes"))) == (409, "not-open")
    await world.go(world.at.nominating_closes + calendar.GRACE)
    answer = await month.ann.get(month.path("nominate/takes"))
    record = (await world.round()).nominate.close
    assert record is not None
    assert leaf(answer.content) == record.takes
    assert len(Takes.parse(answer.content).takes) == record.take_count == 2


async def test_deleted_after_ninety_days_is_said(month: Month) -> None:
    from circles import closing

    world = month.world
    ann = world.members[0]
    await ann.nominate("Soup kitchen", Ask(4000))
    await world.go(world.at.voting_opens)
    for who in world.members[:3]:
        await who.vote([1])
    await world.go(world.at.count_at)
    from circles.members.issuer import KEPT_DAYS, erase

    assert KEPT_DAYS == 90
    async with world.host.database.begin() as db:
        await erase(db, world.clock.now() + calendar.GRACE)
    for rest in ("vote/line", "vote/roll", "vote/takes"):
        assert _code(await month.ann.get(month.path(rest))) == (410, "gone")
    assert await closing.advance(world.host, world.circle.id) == []


async def test_openings(month: Month) -> None:
    world = month.world
    round_ = await world.round()
    path = month.path("vote/opening")
    async with world.host.database.read() as db:
        secret = await keys.get(db, world.host.vault, round_.vote.poll_hash, keys.TRUSTEE)
    good = Opening(round_.vote.poll_hash, 1, secret).text()
    bad = Opening(round_.vote.poll_hash, 1, TrusteeKey.generate().secret).text()
    assert _code(await month.nobody.post(path, content=good)) == (409, "not-open")
    await world.members[0].nominate("Soup kitchen", Ask(4000))
    await world.go(world.at.voting_opens)
    for who in world.members[:3]:
        await who.vote([1])
    assert _code(await month.nobody.post(path, content=good)) == (409, "not-open")
    world.clock.set_round(world.at.count_at)
    assert await close.shut(world.host, world.circle, world.month, VOTE)
    assert _code(await month.nobody.post(path, content=good)) == (409, "not-open")
    assert await close.record(world.host, world.circle, world.month, VOTE)
    await floor.raise_to(world.host, world.circle.id)
    assert _code(await month.nobody.post(path, content=b"opening")) == (400, "malformed")
    assert _code(await month.nobody.post(path, content=bad)) == (422, "bad-secret")
    second = Opening(round_.vote.poll_hash, 2, secret).text()
    assert _code(await month.nobody.post(path, content=second)) == (422, "bad-secret")
    elsewhere = month.path("nominate/opening")
    assert _code(await month.nobody.post(elsewhere, content=good)) == (404, "unknown-poll")
    for _twice in range(2):
        answer = await month.nobody.post(path, content=good)
        assert (answer.status_code, answer.content) == (204, b"")
        assert "set-cookie" not in answer.headers
    await world.advance()
    assert (await world.round()).result is not None
    assert (await world.verify()).holds
    assert (await world.records()).count("opening") == 1
    assert _code(await month.nobody.post(path, content=bad)) == (409, "not-open")
