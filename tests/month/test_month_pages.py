"""The member's month as a page: who may see it, and what it never shows."""

from __future__ import annotations

from datetime import timedelta

from litestar import Litestar

from circles import closing, log
from circles.circle.circles import Circle
from circles.clock import MovableClock
from circles.host import Host
from circles.ledger import books
from circles.log import floor
from circles.members import notices
from circles.rounds import announce, rounds
from tests.neighbours import browser_of, circle_of, member_of


async def test_a_new_circle_says_what_is_missing(app: Litestar, host: Host) -> None:
    circle = await circle_of(host)
    steward = await member_of(host, circle, "marisol", "steward", "treasurer", pledge_minor=1000)
    async with host.database.begin() as db:
        await books.open_book(db, circle.id, circle.currency, host.clock.now())
        await notices.pin(
            db, circle.id, "founded", {"by_id": steward.id.hex()}, host.clock.round_now()
        )
    async with browser_of(app, host, circle, "marisol") as marisol:
        text = (await marisol.get("/c/maple-row/in/")).text
        assert "A clean sheet." in text
        assert "Two more neighbours, and the first month can begin." in text
        assert 'href="/c/maple-row/in/steward"' in text
        assert 'href="/c/maple-row/in/desk"' in text
        assert "10 euros a month." in text
        assert "marisol founded the circle." in text
        assert "0.00" in text
        months = await marisol.get("/c/maple-row/in/months")
        assert "No month is over yet." in months.text
        assert months.headers["cache-control"] == "no-store"


async def test_offices_are_shown_to_those_who_hold_them(app: Litestar, host: Host) -> None:
    circle = await circle_of(host)
    await member_of(host, circle, "marisol", "steward")
    await member_of(host, circle, "wren")
    async with browser_of(app, host, circle, "wren") as wren:
        text = (await wren.get("/c/maple-row/in/")).text
        assert "Your offices" not in text
        assert "None for now. You nominate and vote like everybody." in text


async def test_strangers_are_led_to_the_door(app: Litestar, host: Host) -> None:
    circle = await circle_of(host)
    await member_of(host, circle, "marisol", "steward")
    async with browser_of(app, host) as stranger:
        for path in ("/c/maple-row/in/", "/c/maple-row/in/months"):
            answer = await stranger.get(path)
            assert answer.status_code == 303
            assert answer.headers["location"].startswith("/c/maple-row/sign-in?then=")


async def _with_a_round(host: Host) -> Circle:
    circle = await circle_of(host)
    for name in ("marisol", "otto", "wren", "ines"):
        await member_of(host, circle, name, *(["steward"] if name == "marisol" else []))
    async with host.database.begin() as db:
        await log.found(db, host.vault, circle.id, circle.log_origin)
        await log.sign(db, host.vault, circle.id, host)
        await books.open_book(db, circle.id, circle.currency, host.clock.now())
        await announce.begin(db, circle, host.clock.round_now())
    await floor.raise_to(host, circle.id)
    await closing.advance(host, circle.id)
    return circle


async def test_a_month_in_which_nobody_is_named(
    app: Litestar, host: Host, clock: MovableClock
) -> None:
    """From the first day to the end, as one member sees it; the clock alone moves things on."""
    circle = await _with_a_round(host)
    async with host.database.read() as db:
        found = await rounds.current(db, circle, host.clock.round_now())
    assert found is not None
    async with browser_of(app, host, circle, "wren") as wren:

        async def sees(text: str) -> str:
            page = (await wren.get("/c/maple-row/in/")).text
            assert text in page
            return page

        page = await sees("Whom shall we help?")
        assert 'href="/c/maple-row/in/collect"' in page
        assert page.count('aria-current="step"') == 1
        clock.set_round(found.nominate.closes_at + timedelta(minutes=1))
        await sees("Naming has ended.")
        assert "Nobody was named." not in await sees("In a few minutes it stands here")
        clock.set_round(found.nominate.closes_at + timedelta(minutes=5))
        await closing.advance(host, circle.id)
        await sees("Nobody was named.")
        clock.set_round(found.vote.opens_at + timedelta(minutes=5))
        await closing.advance(host, circle.id)
        await sees("There is nothing to vote on.")
        clock.set_round(found.vote.closes_at + timedelta(minutes=5))
        await closing.advance(host, circle.id)
        await sees("October kept it all.")
        months = (await wren.get("/c/maple-row/in/months")).text
        assert "One month so far." in months
        public = (await wren.get("/c/maple-row/rounds/2026-10/")).text
        assert "October kept it all." in public
        assert "Nobody was on the ballot" in public
        clock.set_round(found.vote.closes_at + timedelta(days=9))
        assert "We kept it" in (await wren.get("/c/maple-row/")).text


async def test_who_came_late_reads_from_when_on_they_vote(app: Litestar, host: Host) -> None:
    circle = await _with_a_round(host)
    await member_of(host, circle, "bea")
    async with browser_of(app, host, circle, "bea") as bea:
        page = (await bea.get("/c/maple-row/in/")).text
        assert "so you vote from November on" in page
        assert "/in/collect" not in page
