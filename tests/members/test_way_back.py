"""A lost passphrase: one link, face to face, and everybody can see that it was given."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from litestar import Litestar
from sqlalchemy import text

from circles.circle.circles import Circle
from circles.clock import MovableClock
from circles.host import Host
from circles.members import notices, passphrase, people, sessions, signin, way_back
from circles.members.people import Member, NoSuchMemberError
from circles.members.signin import WrongPassphraseError
from circles.members.way_back import WayBackError
from tests.neighbours import PASSPHRASE, browser_of, circle_of, member_of

NEW = "quite another set of words"


async def _given(host: Host, circle: Circle, steward: Member, member: Member) -> str:
    async with host.database.begin() as db:
        given = await way_back.give(db, host, circle, steward, member.id)
    return way_back.link(host, circle, given).removeprefix(host.settings.url)


async def _pair(host: Host) -> tuple[Circle, Member, Member]:
    circle = await circle_of(host)
    marisol = await member_of(host, circle, "Marisol", "steward")
    return circle, marisol, await member_of(host, circle, "wren")


async def test_the_whole_way_back(app: Litestar, host: Host, clock: MovableClock) -> None:
    circle, marisol, wren = await _pair(host)
    async with (
        browser_of(app, host, circle, "wren") as stolen,
        browser_of(app, host, circle, "Marisol") as steward,
    ):
        path = await _given(host, circle, marisol, wren)
        assert (await stolen.get("/c/maple-row/api/session")).status_code == 200
        async with browser_of(app, host) as back:
            shown = await back.get(path)
            assert "Welcome back, wren" in shown.text
            weak = await back.post(path, data={"passphrase": "wren wren wren"})
            assert weak.status_code == 422
            answer = await back.post(path, data={"passphrase": NEW})
            assert answer.status_code == 303
            assert answer.headers["location"] == "/c/maple-row/in/told"
            told = await back.get("/c/maple-row/in/told")
            assert "set anew with a link" in told.text
            again = await back.post(path, data={"passphrase": "and a third set of words"})
            assert again.status_code == 410
        assert (await stolen.get("/c/maple-row/api/session")).status_code == 401
        seen = (await steward.get("/c/maple-row/in/people")).text
        assert "Marisol gave wren a way back in" in seen
        assert "wren has come back in" in seen
    with pytest.raises(WrongPassphraseError):
        await signin.sign_in(host, circle, "wren", PASSPHRASE)
    member, _token = await signin.sign_in(host, circle, "wren", NEW)
    assert not member.may_confirm_payouts(clock.now())
    assert not member.may_confirm_payouts(clock.now() + timedelta(days=6, hours=23))
    assert member.may_confirm_payouts(clock.now() + timedelta(days=7))


async def test_the_member_is_told_at_the_next_sign_in_even_if_it_was_not_used(
    app: Litestar, host: Host
) -> None:
    circle, marisol, wren = await _pair(host)
    await _given(host, circle, marisol, wren)
    async with browser_of(app, host) as client:
        answer = await client.post(
            "/c/maple-row/sign-in", data={"handle": "wren", "passphrase": PASSPHRASE}
        )
        assert answer.headers["location"] == "/c/maple-row/in/told"
        assert "If you did not ask for it" in (await client.get("/c/maple-row/in/told")).text


async def test_it_ends_after_ten_minutes_and_with_a_newer_one(
    app: Litestar, host: Host, clock: MovableClock
) -> None:
    circle, marisol, wren = await _pair(host)
    first = await _given(host, circle, marisol, wren)
    second = await _given(host, circle, marisol, wren)
    async with browser_of(app, host) as client:
        assert (await client.get(first)).status_code == 410
        assert (await client.get(second)).status_code == 200
        clock.pass_real(timedelta(minutes=10))
        for answer in (
            await client.get(second),
            await client.post(second, data={"passphrase": NEW}),
        ):
            assert answer.status_code == 410
            assert "Nothing was changed" in answer.text


async def test_of_two_at_the_same_moment_one_wins(app: Litestar, host: Host) -> None:
    circle, marisol, wren = await _pair(host)
    path = await _given(host, circle, marisol, wren)
    async with browser_of(app, host) as one, browser_of(app, host) as two:
        answers = await asyncio.gather(
            one.post(path, data={"passphrase": NEW}),
            two.post(path, data={"passphrase": NEW + " more"}),
        )
    assert sorted(answer.status_code for answer in answers) == [303, 410]


async def test_circles_are_apart(host: Host, clock: MovableClock) -> None:
    circle, marisol, wren = await _pair(host)
    elm = await circle_of(host, name="Elm Street")
    code = (await _given(host, circle, marisol, wren)).rpartition("/")[2]
    async with host.database.begin() as db:
        with pytest.raises(WayBackError):
            await way_back.use(db, elm, code, "hash", now=clock.now(), round_now=clock.round_now())
        with pytest.raises(NoSuchMemberError):
            await way_back.give(db, host, elm, marisol, wren.id)
    async with host.database.read() as db:
        rows = (await db.execute(text("SELECT * FROM members_way_back"))).all()
    assert code not in repr(rows)


async def test_who_left_has_no_way_back_and_no_name_on_the_board(host: Host) -> None:
    circle, marisol, wren = await _pair(host)
    path = await _given(host, circle, marisol, wren)
    async with host.database.begin() as db:
        await people.leave(db, circle.id, wren.id)
    async with host.database.begin() as db:
        with pytest.raises(WayBackError):
            await way_back.by_code(db, circle, path.rpartition("/")[2], host.clock.now())
        pinned = await notices.pinned(db, circle.id)
    assert [(n.kind, n.values) for n in pinned] == [
        ("way-back-given", {"by": "Marisol", "who": ""})
    ]


async def test_a_sign_in_under_way_with_the_old_one_does_not_slip_through(
    host: Host, clock: MovableClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    circle, marisol, wren = await _pair(host)
    code = (await _given(host, circle, marisol, wren)).rpartition("/")[2]
    fresh = await passphrase.hash_of(NEW)
    really = passphrase.matches

    async def slow(kept_hash: str | None, typed: str) -> bool:
        """The real check, and a way back used before its answer is acted on."""
        matched = await really(kept_hash, typed)
        async with host.database.begin() as db:
            await way_back.use(
                db, circle, code, fresh, now=clock.now(), round_now=clock.round_now()
            )
        return matched

    monkeypatch.setattr(passphrase, "matches", slow)
    with pytest.raises(WrongPassphraseError, match="changed just now"):
        await signin.sign_in(host, circle, "wren", PASSPHRASE)
    async with host.database.read() as db:
        assert await sessions.of(db, wren.id, "", clock.now()) == []
