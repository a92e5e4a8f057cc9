"""The draft slate in a browser without script: everybody looks, two leave something out."""

import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import httpx
import pytest
from litestar import Litestar

from circles.circle import calendar
from circles.host import Host
from circles.protocol.messages import Ask
from circles.protocol.text import b64
from tests.neighbours import browser_of
from tests.world import World


@pytest.fixture
async def world(host: Host) -> World:
    return await World.found(host, members=4, fund_minor=5000)


@pytest.fixture
async def browsers(
    app: Litestar, host: Host, world: World
) -> AsyncIterator[dict[str, httpx.AsyncClient]]:
    """Ann is steward; Ben, Cleo, Dora are members."""
    async with AsyncExitStack() as stack:
        yield {
            who.handle: await stack.enter_async_context(
                browser_of(app, host, world.circle, who.handle)
            )
            for who in world.members
        }


def _words(html: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html))


async def test_the_draft_from_nothing_to_the_ballot(
    world: World, browsers: dict[str, httpx.AsyncClient]
) -> None:
    path = f"{world.circle.path}/in/slate"
    ann, ben, cleo = browsers["Ann"], browsers["Ben"], browsers["Cleo"]

    async def page(client: httpx.AsyncClient = ann) -> str:
        answer = await client.get(path)
        assert answer.status_code == 200, answer.text
        return _words(answer.text)

    async def post(client: httpx.AsyncClient, **data: str) -> int:
        return (await client.post(path, data=data)).status_code

    assert "No round has begun yet." in await page()
    assert await post(ann, nomination=b64(bytes(32)), action="confirm") == 400
    await world.begin()
    twin = await world.members[1].nominate("Soup <b>again</b>\nTwice is one too many.", Ask(4000))
    await world.members[2].nominate("Soup kitchen\nFour Saturdays.", Ask(None, 2500, part=True))
    text = await page()
    assert "Nobody knows yet." in text
    assert "Soup" not in text
    await world.go(world.at.nominating_closes + calendar.GRACE)
    text = await page(ben)
    assert "Two requests." in text
    assert "Soup kitchen" in text
    assert "Four Saturdays." in text
    assert "asks 40.00 euros" in text
    assert "any amount up to 25.00 euros" in text
    raw = (await ben.get(path)).text
    assert "Soup &lt;b&gt;again&lt;/b&gt;" in raw
    assert "Propose to leave this off" not in raw

    key = b64(twin)
    assert await post(ben, nomination=key, action="propose", reason="duplicate") == 403
    assert await post(ann, nomination=key, action="propose", reason="ugly") == 422
    assert await post(ann, nomination="nonsense", action="propose", reason="duplicate") == 400
    assert await post(ann, nomination=key, action="burn") == 400
    assert await post(ann, nomination=key, action="propose", reason="duplicate") == 303
    assert "Ann proposes to leave this off the ballot: it is there twice." in await page(cleo)
    assert "I agree, leave it off" not in await page(ann)
    assert await post(ann, nomination=key, action="confirm") == 403
    assert await post(ben, nomination=key, action="confirm") == 303
    text = await page(cleo)
    assert (
        "This will not stand on the ballot: it is there twice. Ann proposed it, Ben agreed." in text
    )
    assert await post(ben, nomination=key, action="withdraw") == 403
    assert await post(ann, nomination=key, action="withdraw") == 303
    assert "will not stand" not in await page()
    assert await post(ann, nomination=key, action="propose", reason="duplicate") == 303
    assert await post(cleo, nomination=key, action="confirm") == 303

    await world.go(world.at.voting_opens)
    assert "The ballot is fixed." in await page()
    assert await post(ann, nomination=key, action="withdraw") == 409
    slate = (await world.round()).slate
    assert slate is not None
    assert slate.omits == ((twin, "duplicate"),)


async def test_a_month_in_which_nobody_was_named(
    world: World, browsers: dict[str, httpx.AsyncClient]
) -> None:
    await world.begin()
    await world.go(world.at.nominating_closes + calendar.GRACE)
    answer = await browsers["Dora"].get(f"{world.circle.path}/in/slate")
    assert "Nobody was named." in _words(answer.text)


async def test_only_for_members(client: httpx.AsyncClient, world: World) -> None:
    path = f"{world.circle.path}/in/slate"
    answer = await client.get(path)
    assert answer.status_code == 303
    assert answer.headers["location"].endswith(f"/sign-in?then={path}")
    assert (await client.post(path, data={"action": "confirm"})).status_code == 401
