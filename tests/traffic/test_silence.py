"""Before the close nothing that leaves the server varies with what was cast: no page, file, header.

Every route that can be asked for is asked for by every kind of visitor, before and after the whole
circle has cast, twice; the two answers are the same bytes. A route that is added later is asked for
as well, because the list is the application's own.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

import httpx
from litestar import Litestar

from circles.host import Host
from circles.protocol.messages import VOTE
from tests.conftest import visitor
from tests.web.visitors import ANONYMOUS, MEMBER, STEWARD, TREASURER, Village, routes_of, village
from tests.world import KEEP

ASKING = (ANONYMOUS, MEMBER, TREASURER, STEWARD)
_OWN = {"date"}
_FRESH = re.compile(rb"[0-9A-Za-z_-]{16,}")


@dataclass(frozen=True)
class Answer:
    """An answer as it goes over the line."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes


async def _crawl(
    app: Litestar, place: Village, cookies: dict[str, str | None]
) -> dict[tuple[str, str], Answer]:
    found = {}
    paths = sorted(place.path(path) for method, path in routes_of(app) if method == "GET")
    for who, cookie in cookies.items():
        async with visitor(app, place.world.host.settings.url) as client:
            if cookie is not None:
                client.cookies.set("circles", cookie, path=place.world.circle.path)
            for path in paths:
                answer = await client.get(path, headers={"Accept-Encoding": "identity"})
                found[who, path] = _as_sent(answer)
    return found


def _as_sent(answer: httpx.Response) -> Answer:
    headers = tuple((n, v) for n, v in answer.headers.multi_items() if n not in _OWN)
    return Answer(answer.status_code, headers, answer.content)


def _masked(answer: Answer) -> Answer:
    return replace(answer, body=_FRESH.sub(b"#", answer.body))


async def test_nothing_that_leaves_the_server_tells_of_a_cast(app: Litestar, host: Host) -> None:
    place = await village(host)
    world = place.world
    staying = [who for who in world.members if who.handle != world.members[3].handle]
    for who in staying:
        await who.take(VOTE)
    cookies = {who: await place.cookie(who) for who in ASKING}
    first = await _crawl(app, place, cookies)
    before = await _crawl(app, place, cookies)
    for ticks in ([1, KEEP], [KEEP, KEEP, 1]):
        for who in staying:
            await who.vote(ticks)
    after = await _crawl(app, place, cookies)
    assert len(before) > 4 * 40
    # A few forms carry a fresh number each time; there only that may differ.
    own = {which for which in before if before[which] != first[which]}
    assert len(own) < 10, own
    for which, answer in before.items():
        if which in own:
            assert _masked(answer) == _masked(after[which]), which
        else:
            assert answer == after[which], which
    assert sum(answer.status == 200 for answer in before.values()) > 60


async def test_what_did_tell_would_be_noticed(app: Litestar, host: Host) -> None:
    """The same look, over something that the close does change."""
    place = await village(host)
    cookies = {ANONYMOUS: None}
    before = await _crawl(app, place, cookies)
    await place.world.go(place.world.at.count_at)
    after = await _crawl(app, place, cookies)
    changed = {path for (_, path), answer in before.items() if after[ANONYMOUS, path] != answer}
    assert f"{place.world.circle.path}/archive.zip" in changed
