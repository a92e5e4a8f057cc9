"""The member's month as a page: who may see it, and what it never shows."""

from __future__ import annotations

from litestar import Litestar

from circles.host import Host
from circles.ledger import books
from circles.members import notices
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
