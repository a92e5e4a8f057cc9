"""Signing in: what the browser gets, what is stored, what ends it, and who may not."""

from __future__ import annotations

import asyncio
import hashlib
import re
import statistics
import time
from datetime import timedelta

import httpx
import pytest
from litestar import Litestar
from sqlalchemy import func, select, text

from circles.clock import MovableClock
from circles.errors import TooManyError
from circles.host import Host
from circles.members import passphrase, retention, sessions, signin
from circles.members.signin import WrongPassphraseError
from circles.members.signin_pages import own_path
from circles.members.tables import SessionRow
from tests.neighbours import PASSPHRASE, browser_of, circle_of, member_of

pytestmark = pytest.mark.asyncio


async def _sessions(host: Host) -> list[bytes]:
    async with host.database.read() as db:
        return list(await db.scalars(select(SessionRow.token_hash)))


async def test_the_cookie_is_the_circles_own_and_stored_as_a_hash(
    app: Litestar, host: Host
) -> None:
    circle = await circle_of(host)
    await member_of(host, circle, "wren")
    async with browser_of(app, host) as client:
        answer = await client.post(
            "/c/maple-row/sign-in", data={"handle": "WREN", "passphrase": PASSPHRASE}
        )
        assert answer.status_code == 303
        assert answer.headers["location"] == "/c/maple-row/in/"
        cookie = answer.headers["set-cookie"]
        assert cookie.startswith("circles=")
        for part in ("Path=/c/maple-row;", "HttpOnly", "SameSite=lax"):
            assert part in cookie + ";"
        assert "Secure" not in cookie
        token = client.cookies["circles"]
        assert len(token) == 43
        wanted = hashlib.sha256(b"circles/session/v1\n" + token.encode()).digest()
        assert await _sessions(host) == [wanted]
        assert (await client.get("/c/maple-row/in/you")).status_code == 200


async def test_behind_https_the_cookie_is_secure(host: Host) -> None:
    from dataclasses import replace

    circle = await circle_of(host)
    settings = replace(host.settings, url="https://circles.example")
    header = signin.cookie(settings, circle, "x").to_header(header="")
    assert header.startswith("__Secure-circles=x")
    assert "Secure" in header.split("; ")


async def test_nobody_who_is_not_signed_in_gets_a_cookie_or_a_row(
    app: Litestar, host: Host
) -> None:
    await circle_of(host)
    async with browser_of(app, host) as client:
        for path in ("/c/maple-row/sign-in", "/c/maple-row/in/you", "/c/maple-row/api/session"):
            answer = await client.get(path)
            assert "set-cookie" not in answer.headers, path
        wrong = await client.post(
            "/c/maple-row/sign-in", data={"handle": "wren", "passphrase": "nothing at all"}
        )
        assert wrong.status_code == 422
        assert "set-cookie" not in wrong.headers
        assert "set-cookie" not in (await client.post("/c/maple-row/sign-out")).headers
    assert await _sessions(host) == []


async def test_a_client_chosen_cookie_is_never_taken_over(app: Litestar, host: Host) -> None:
    circle = await circle_of(host)
    await member_of(host, circle, "wren")
    async with browser_of(app, host) as client:
        client.cookies.set("circles", "A" * 43, path="/c/maple-row")
        answer = await client.post(
            "/c/maple-row/sign-in", data={"handle": "wren", "passphrase": PASSPHRASE}
        )
        assert answer.status_code == 303
        assert "A" * 43 not in answer.headers["set-cookie"]
    async with browser_of(app, host) as attacker:
        attacker.cookies.set("circles", "A" * 43, path="/c/maple-row")
        assert (await attacker.get("/c/maple-row/api/session")).status_code == 401


async def test_signing_in_again_rotates_and_ends_the_old_id(app: Litestar, host: Host) -> None:
    circle = await circle_of(host)
    await member_of(host, circle, "wren")
    async with browser_of(app, host) as client:
        data = {"handle": "wren", "passphrase": PASSPHRASE}
        await client.post("/c/maple-row/sign-in", data=data)
        old = client.cookies["circles"]
        await client.post("/c/maple-row/sign-in", data={"handle": "wren", "passphrase": PASSPHRASE})
        assert client.cookies["circles"] != old
        assert len(await _sessions(host)) == 1
    async with browser_of(app, host) as thief:
        thief.cookies.set("circles", old, path="/c/maple-row")
        assert (await thief.get("/c/maple-row/api/session")).status_code == 401


async def test_idle_and_absolute_end_on_the_real_clock(
    app: Litestar, host: Host, clock: MovableClock
) -> None:
    circle = await circle_of(host)
    await member_of(host, circle, "wren")
    async with browser_of(app, host, circle, "wren") as client:
        clock.set_round(clock.now() + timedelta(days=4000))
        assert (await client.get("/c/maple-row/api/session")).status_code == 200
        for _visit in range(6):
            clock.pass_real(timedelta(days=29))
            assert (await client.get("/c/maple-row/api/session")).status_code == 200
        clock.pass_real(timedelta(days=7))
        assert (await client.get("/c/maple-row/api/session")).status_code == 401
    async with browser_of(app, host, circle, "wren") as client:
        clock.pass_real(timedelta(days=30))
        assert (await client.get("/c/maple-row/api/session")).status_code == 401
    await retention.tick(host)
    assert await _sessions(host) == []


async def test_looking_writes_nothing(app: Litestar, host: Host, clock: MovableClock) -> None:
    circle = await circle_of(host)
    await member_of(host, circle, "wren")
    async with browser_of(app, host, circle, "wren") as client:
        clock.pass_real(timedelta(hours=23))
        for path in ("you", "people", "told", "you/passphrase"):
            assert (await client.get(f"/c/maple-row/in/{path}")).status_code == 200, path
    async with host.database.read() as db:
        seen = await db.scalar(select(SessionRow.seen_at))
    assert seen == clock.now() - timedelta(hours=23)


async def test_another_circles_session_is_refused(app: Litestar, host: Host) -> None:
    maple = await circle_of(host)
    elm = await circle_of(host, name="Elm Street")
    await member_of(host, maple, "wren", "steward", "treasurer")
    await member_of(host, elm, "wren")
    async with browser_of(app, host, maple, "wren") as client:
        token = client.cookies["circles"]
    async with browser_of(app, host) as client:
        client.cookies.set("circles", token, path="/c/elm-street")
        assert (await client.get("/c/elm-street/api/session")).status_code == 401
        assert (await client.get("/c/elm-street/in/people")).status_code == 303
        assert (await client.get("/c/elm-street/in/steward")).status_code in {303, 404}


async def test_sign_out_ends_it_on_the_server(app: Litestar, host: Host) -> None:
    circle = await circle_of(host)
    await member_of(host, circle, "wren")
    async with browser_of(app, host, circle, "wren") as client:
        token = client.cookies["circles"]
        answer = await client.post("/c/maple-row/sign-out")
        assert answer.status_code == 303
        assert "Max-Age=0" in answer.headers["set-cookie"]
        client.cookies.set("circles", token, path="/c/maple-row")
        assert (await client.get("/c/maple-row/api/session")).status_code == 401
    assert await _sessions(host) == []


FORGED = (
    "https://evil.example/",
    "//evil.example/c/maple-row/in/",
    "/c/maple-row/in/../../evil",
    "/c/maple-row/in//evil.example",
    "/c/maple-row/in/\\evil",
    "/c/elm-street/in/",
    "/c/maple-row/sign-out",
    "javascript:alert(1)",
    "/c/maple-row/in/you\r\nSet-Cookie: a=b",
)


async def test_a_forged_then_leads_to_the_month(app: Litestar, host: Host) -> None:
    circle = await circle_of(host)
    await member_of(host, circle, "wren")
    async with browser_of(app, host) as client:
        for then in FORGED:
            shown = await client.get("/c/maple-row/sign-in", params={"then": then})
            assert 'value="/c/maple-row/in/"' in shown.text, then
            assert own_path(circle, then) == "/c/maple-row/in/", then
        data = {"handle": "wren", "passphrase": PASSPHRASE, "then": FORGED[0]}
        answer = await client.post("/c/maple-row/sign-in", data=data)
        assert answer.headers["location"] == "/c/maple-row/in/"
        again = await client.get("/c/maple-row/sign-in", params={"then": FORGED[1]})
        assert (again.status_code, again.headers["location"]) == (303, "/c/maple-row/in/")


async def test_a_page_for_members_asks_to_sign_in_and_goes_on_there(
    app: Litestar, host: Host
) -> None:
    circle = await circle_of(host)
    await member_of(host, circle, "wren")
    async with browser_of(app, host) as client:
        asked = await client.get("/c/maple-row/in/people")
        assert asked.status_code == 303
        assert asked.headers["location"] == "/c/maple-row/sign-in?then=/c/maple-row/in/people"
        shown = await client.get(asked.headers["location"])
        then = re.search(r'name="then" value="([^"]*)"', shown.text)
        assert then is not None
        answer = await client.post(
            "/c/maple-row/sign-in",
            data={"handle": "wren", "passphrase": PASSPHRASE, "then": then[1]},
        )
        assert answer.headers["location"] == "/c/maple-row/in/people"


async def test_forged_cross_site_posts_are_refused(app: Litestar, host: Host) -> None:
    circle = await circle_of(host)
    await member_of(host, circle, "wren")
    async with browser_of(app, host, circle, "wren") as client:
        for headers in ({"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}):
            for path in ("sign-out", "in/you/sessions/end-others", "sign-in", "api/session"):
                answer = await client.post(f"/c/maple-row/{path}", headers=headers)
                assert answer.status_code == 403, (path, headers)
        assert (await client.get("/c/maple-row/api/session")).status_code == 200


# ------------------------------------------------------------------ for programs


async def test_the_endpoint_for_programs(app: Litestar, host: Host) -> None:
    circle = await circle_of(host)
    await member_of(host, circle, "wren")
    url = "/c/maple-row/api/session"
    async with browser_of(app, host) as client:
        none = await client.get(url)
        assert (none.status_code, none.json()["code"]) == (401, "sign-in")
        wrong = await client.post(url, json={"handle": "wren", "passphrase": "not this one"})
        assert (wrong.status_code, wrong.json()["code"]) == (401, "wrong-passphrase")
        right = await client.post(url, json={"handle": "wren", "passphrase": PASSPHRASE})
        assert (right.status_code, right.content) == (204, b"")
        assert (await client.get(url)).json() == {"handle": "wren"}
        gone = await client.delete(url)
        assert gone.status_code == 204
        assert (await client.get(url)).status_code == 401


NO_SIGN_IN = (
    b"",
    b"[]",
    b"{",
    b'{"handle": "wren"}',
    b'{"handle": "wren", "passphrase": 7}',
    b'{"handle": "wren", "handle": "otto", "passphrase": "x"}',
    b'{"handle": "wren", "passphrase": "x", "role": "steward"}',
    b'{"handle": "wren", "passphrase": "\\ud800"}',
    b"\xff\xfe",
    b"[" * 5000,
)


async def test_the_endpoint_refuses_what_is_no_sign_in(app: Litestar, host: Host) -> None:
    await circle_of(host)
    async with browser_of(app, host) as client:
        for body in NO_SIGN_IN:
            answer = await client.post("/c/maple-row/api/session", content=body)
            assert (answer.status_code, answer.json()["code"]) == (400, "malformed"), body


async def test_a_megabyte_of_passphrase_is_refused_without_a_hash(
    app: Litestar, host: Host
) -> None:
    circle = await circle_of(host)
    await member_of(host, circle, "wren")
    huge = "x" * 1_000_000
    async with browser_of(app, host) as client:
        page = await client.post(
            "/c/maple-row/sign-in", data={"handle": "wren", "passphrase": huge}
        )
        program = await client.post(
            "/c/maple-row/api/session", json={"handle": "wren", "passphrase": huge}
        )
    assert page.status_code == 413
    assert program.status_code == 413
    assert not await passphrase.matches(await passphrase.hash_of(huge[:1024]), huge)


# ------------------------------------------------------------------ guessing


async def test_unknown_and_known_handles_are_answered_alike(app: Litestar, host: Host) -> None:
    circle = await circle_of(host)
    await member_of(host, circle, "wren")
    async with browser_of(app, host) as client:
        texts = []
        for handle in ("wren", "nobo"):
            answer = await client.post(
                "/c/maple-row/sign-in", data={"handle": handle, "passphrase": "a wrong passphrase"}
            )
            assert answer.status_code == 422
            texts.append(answer.text.replace(handle, "…"))
        assert texts[0] == texts[1]


async def test_unknown_and_known_handles_take_the_same_time(host: Host) -> None:
    circle = await circle_of(host)
    await member_of(host, circle, "wren")
    passphrase.dummy_hash()
    took: dict[str, list[float]] = {"wren": [], "nobody": []}
    for _round in range(7):
        for handle, times in took.items():
            begun = time.perf_counter()
            with pytest.raises(WrongPassphraseError):
                await signin.sign_in(host, circle, handle, "a wrong passphrase")
            times.append(time.perf_counter() - begun)
    known, unknown = (statistics.median(times) for times in took.values())
    assert 0.5 < known / unknown < 2.0, (known, unknown)


@pytest.mark.parametrize("handle", ["wren", "nobody"])
async def test_a_guesser_is_slowed_and_the_owner_goes_on(
    app: Litestar, host: Host, clock: MovableClock, handle: str
) -> None:
    circle = await circle_of(host)
    await member_of(host, circle, "wren")
    await member_of(host, circle, "otto")
    async with browser_of(app, host, circle, "wren") as owner:
        results = await asyncio.gather(
            *(signin.sign_in(host, circle, handle, f"guess number {n}") for n in range(14)),
            return_exceptions=True,
        )
        kinds = [type(result) for result in results]
        assert kinds.count(WrongPassphraseError) == 10
        assert kinds.count(TooManyError) == 4
        async with browser_of(app, host) as guesser:
            slowed = await guesser.post(
                "/c/maple-row/sign-in", data={"handle": handle, "passphrase": PASSPHRASE}
            )
            assert slowed.status_code == 429
            assert 1 <= int(slowed.headers["retry-after"]) <= 30
        # The owner's session lives, and changing the passphrase is another action.
        assert (await owner.get("/c/maple-row/api/session")).status_code == 200
        changed = await owner.post(
            "/c/maple-row/in/you/passphrase",
            data={"old": PASSPHRASE, "passphrase": "another set of four words"},
        )
        assert changed.status_code == 303
        # Others are not slowed by it.
        async with browser_of(app, host, circle, "otto"):
            pass
        clock.pass_real(timedelta(seconds=31))
        with pytest.raises(WrongPassphraseError):
            await signin.sign_in(host, circle, handle, "one more guess")


async def test_the_right_passphrase_forgives_earlier_tries(host: Host) -> None:
    circle = await circle_of(host)
    await member_of(host, circle, "wren")
    for tries in (9, 3):
        for _try in range(tries):
            with pytest.raises(WrongPassphraseError):
                await signin.sign_in(host, circle, "wren", "not this one either")
        await signin.sign_in(host, circle, "wren", PASSPHRASE)


# ------------------------------------------------------------------ the own page


async def test_sessions_are_seen_and_ended(app: Litestar, host: Host) -> None:
    circle = await circle_of(host)
    wren = await member_of(host, circle, "wren")
    await member_of(host, circle, "otto")
    async with (
        browser_of(app, host, circle, "wren") as phone,
        browser_of(app, host, circle, "wren") as laptop,
        browser_of(app, host, circle, "otto") as otto,
    ):
        page = (await phone.get("/c/maple-row/in/you")).text
        assert page.count("this browser") == 1
        ends = re.findall(r"/in/you/sessions/([0-9a-f]{32})/end", page)
        assert len(ends) == 1
        foreign = await otto.post(f"/c/maple-row/in/you/sessions/{ends[0]}/end")
        assert foreign.status_code == 404
        assert (await laptop.get("/c/maple-row/api/session")).status_code == 200
        ended = await phone.post(f"/c/maple-row/in/you/sessions/{ends[0]}/end")
        assert ended.status_code == 303
        assert (await laptop.get("/c/maple-row/api/session")).status_code == 401
        assert (await phone.get("/c/maple-row/api/session")).status_code == 200
        assert (await phone.post("/c/maple-row/in/you/sessions/zz/end")).status_code == 404
    async with host.database.read() as db:
        count = await db.scalar(
            select(func.count()).select_from(SessionRow).where(SessionRow.account_id == wren.id)
        )
    assert count == 1


async def test_changing_the_passphrase_asks_the_old_one_and_ends_the_others(
    app: Litestar, host: Host
) -> None:
    circle = await circle_of(host)
    await member_of(host, circle, "wren")
    async with (
        browser_of(app, host, circle, "wren") as phone,
        browser_of(app, host, circle, "wren") as laptop,
    ):
        url, new = "/c/maple-row/in/you/passphrase", "  four new words, spaces kept  "
        wrong = await phone.post(url, data={"old": "not the old one", "passphrase": new})
        assert wrong.status_code == 422
        assert "not your present pass phrase" in wrong.text
        assert "four new words" not in wrong.text
        weak = await phone.post(url, data={"old": PASSPHRASE, "passphrase": "maple row 12"})
        assert weak.status_code == 422
        right = await phone.post(url, data={"old": PASSPHRASE, "passphrase": new})
        assert right.status_code == 303
        assert (await phone.get("/c/maple-row/api/session")).status_code == 200
        assert (await laptop.get("/c/maple-row/api/session")).status_code == 401
        told = await phone.get("/c/maple-row/in/told")
        assert "was changed" in told.text
        until = re.search(r'name="until" value="([^"]*)"', told.text)
        assert until is not None
        await phone.post("/c/maple-row/in/told", data={"until": until[1].replace("&#43;", "+")})
        assert "Nothing new" in (await phone.get("/c/maple-row/in/told")).text
    with pytest.raises(WrongPassphraseError):
        await signin.sign_in(host, circle, "wren", new.strip())
    await signin.sign_in(host, circle, "wren", new)


async def test_no_cookie_stands_in_the_database(app: Litestar, host: Host) -> None:
    circle = await circle_of(host)
    await member_of(host, circle, "wren")
    async with browser_of(app, host, circle, "wren") as client:
        token = client.cookies["circles"]
    async with host.database.read() as db:
        rows = (await db.execute(text("SELECT * FROM members_session"))).all()
    assert token not in repr(rows)
    assert sessions.hash_of(token) in {
        bytes(value) for row in rows for value in row if isinstance(value, bytes)
    }


async def test_a_client_without_origin_may_post(client: httpx.AsyncClient, host: Host) -> None:
    circle = await circle_of(host)
    await member_of(host, circle, "wren")
    answer = await client.post(
        "/c/maple-row/api/session", json={"handle": "wren", "passphrase": PASSPHRASE}
    )
    assert answer.status_code == 204
