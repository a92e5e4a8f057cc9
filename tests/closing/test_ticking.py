"""The regular work: all circles, under a lease, and one circle's trouble stops no other."""

import asyncio
from datetime import timedelta

from sqlalchemy import select, update

from circles import app, closing
from circles.circle import calendar
from circles.closing import ticking
from circles.closing.tables import LeaseRow
from circles.host import Host
from circles.log import floor
from circles.protocol.messages import NOMINATE
from tests.world import World


async def test_tick_takes_every_circle_on(host: Host) -> None:
    worlds = [await World.found(host, members=3, name=name) for name in ("Maple Row", "Elm Row")]
    for world in worlds:
        await world.begin()
    worlds[0].clock.set_round(worlds[0].at.nominating_closes + calendar.GRACE)
    # The first circle's floor is missing: it says so and signs nothing; the other goes on.
    floor.path(host.settings, worlds[0].circle.id).unlink()
    await app.tick(host)
    assert (await worlds[0].round()).nominate.close_text is None
    assert (await worlds[1].round()).nominate.close_text is not None
    await floor.accept(host, worlds[0].circle.id)
    await closing.tick(host)
    assert (await worlds[0].round()).nominate.close_text is not None
    for world in worlds:
        assert (await world.verify()).holds


async def test_nobody_ticks_while_another_holds_the_lease(host: Host) -> None:
    world = await World.found(host, members=3)
    await world.begin()
    world.clock.set_round(world.at.nominating_closes + calendar.GRACE)
    async with host.database.begin() as db:
        until = world.clock.now() + timedelta(seconds=1)
        db.add(LeaseRow(name="tick", holder=bytes(16), until=until))
    await closing.tick(host)
    assert (await world.round()).nominate.close_text is None
    # Whoever held it died: from `until` on it is free.
    world.clock.pass_real(timedelta(seconds=1))
    await closing.tick(host)
    assert (await world.round()).nominate.close_text is not None
    async with host.database.read() as db:
        assert (await db.execute(select(LeaseRow))).all() == []


async def test_a_lease_that_is_lost_while_working_is_left_alone(host: Host) -> None:
    await World.found(host, members=3)
    assert await ticking._lease(host)
    async with host.database.begin() as db:
        await db.execute(update(LeaseRow).values(holder=bytes(16)))
    assert not await ticking._lease(host)


async def test_ticks_at_once_do_each_thing_once(host: Host) -> None:
    world = await World.found(host, members=3)
    await world.begin()
    await world.members[0].take(NOMINATE)
    world.clock.set_round(world.at.nominating_closes + calendar.GRACE)
    await asyncio.gather(*(closing.tick(host) for _ in range(4)))
    await closing.tick(host)
    assert (await world.records()).count("close") == 1


async def test_a_page_may_ask_for_a_tick(host: Host) -> None:
    world = await World.found(host, members=3)
    await world.begin()
    world.clock.set_round(world.at.nominating_closes + calendar.GRACE)
    closing.tick_soon(host)
    closing.tick_soon(host)
    await ticking._soon[id(host)]
    assert (await world.records()).count("close") == 1
