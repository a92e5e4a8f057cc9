"""Agreed words: written by officers, read by everyone, rubbed out when asked."""

from __future__ import annotations

import pytest
from litestar import Litestar

from circles import log
from circles.circle.circles import Circle
from circles.host import Host
from circles.public import records
from tests.neighbours import browser_of, circle_of, member_of
from tests.public import published

(MONTH,) = records.read(published.entries()).months
AWARD = MONTH.awards[0]
PATH = f"/c/maple-row/in/desk/words/{MONTH.month}/{AWARD.number}"
AGREED = {"name": "Warm boots for two", "story": "For two\r\nchildren.", "thanks": "They fit."}


@pytest.fixture
async def circle(host: Host) -> Circle:
    """A circle with a counted month, a steward, a treasurer and a member."""
    made = await circle_of(host)
    await member_of(host, made, "marisol", "steward")
    await member_of(host, made, "otto", "treasurer")
    await member_of(host, made, "wren")
    async with host.database.begin() as db:
        await log.found(db, host.vault, made.id, made.log_origin)
        await log.append(db, made.id, published.entries())
        await log.sign(db, host.vault, made.id, host)
    return made


@pytest.mark.parametrize("who", ["marisol", "otto"])
async def test_officers_write_and_rub_out(
    app: Litestar, host: Host, circle: Circle, who: str
) -> None:
    async with browser_of(app, host, circle, who) as officer, browser_of(app, host) as anyone:
        listed = (await officer.get("/c/maple-row/in/desk/words")).text
        assert f'href="{PATH}"' in listed
        assert "A neighbour" in listed
        saved = await officer.post(PATH, data={**AGREED, "agreed": "on"})
        assert saved.status_code == 303
        for path in ("/c/maple-row/", f"/c/maple-row/rounds/{MONTH.month}/"):
            text = (await anyone.get(path)).text
            assert "Warm boots for two" in text
            assert "For two children." in text
            assert "They fit." in text
        assert 'value="Warm boots for two"' in (await officer.get(PATH)).text
        assert (await officer.post(f"{PATH}/erase")).status_code == 303
        assert "Warm boots" not in (await anyone.get("/c/maple-row/")).text


async def test_without_agreement_nothing_is_put_up(
    app: Litestar, host: Host, circle: Circle
) -> None:
    async with browser_of(app, host, circle, "otto") as otto:
        answer = await otto.post(PATH, data=AGREED)
        assert answer.status_code == 422
        assert "Please ask them first, then tick this." in answer.text
        assert 'value="Warm boots for two"' in answer.text
        empty = await otto.post(PATH, data={"name": " ", "agreed": "on"})
        assert empty.status_code == 422
        assert 'aria-invalid="true"' in empty.text
        long = await otto.post(PATH, data={"name": "x" * 81, "agreed": "on"})
        assert "Please leave off 1." in long.text
        assert "Warm boots" not in (await otto.get("/c/maple-row/")).text


async def test_members_do_not_write_for_others(app: Litestar, host: Host, circle: Circle) -> None:
    async with browser_of(app, host, circle, "wren") as wren, browser_of(app, host) as stranger:
        for path in ("/c/maple-row/in/desk/words", PATH):
            assert (await wren.get(path)).status_code == 403
            assert (await stranger.get(path)).status_code == 303
        assert (await wren.post(PATH, data={**AGREED, "agreed": "on"})).status_code == 403
        assert (await wren.post(f"{PATH}/erase")).status_code == 403


async def test_only_awards_have_words(app: Litestar, host: Host, circle: Circle) -> None:
    unpaid = [r.number for r in MONTH.requests if not r.paid_minor]
    async with browser_of(app, host, circle, "otto") as otto:
        for month, number in [("2031-01", 1), (MONTH.month, 99), ("x", 1)] + [
            (MONTH.month, n) for n in unpaid
        ]:
            answer = await otto.get(f"/c/maple-row/in/desk/words/{month}/{number}")
            assert answer.status_code == 404
