"""A steward at work: what they may do, that all can see it, and what they may not."""

from __future__ import annotations

import asyncio
import re
from datetime import timedelta

import httpx
from litestar import Litestar

from circles.circle import circles, founding, pay_changes
from circles.circle.circles import Circle
from circles.clock import MovableClock
from circles.closing.advance import advance
from circles.host import Host
from circles.ledger import books
from circles.members import notices, people, roll
from circles.members.people import Member
from circles.protocol.ballot import begin_take
from circles.rounds import rounds, taking
from circles.rounds.rounds import Round
from tests.neighbours import browser_of, circle_of, member_of
from tests.steward.test_founding import filled

NEW = {"passphrase": "four new words here", "pledge": "500", "norms": "on"}


async def _founded(host: Host, **changes: object) -> tuple[Circle, Member, Member]:
    circle = await circle_of(host, **changes)
    async with host.database.begin() as db:
        await books.open_book(db, circle.id, circle.currency, host.clock.now())
    marisol = await member_of(host, circle, "Marisol", "steward")
    return circle, marisol, await member_of(host, circle, "wren")


async def _pinned(host: Host, circle: Circle) -> list[tuple[str, dict[str, str]]]:
    async with host.database.read() as db:
        return [(n.kind, n.values) for n in await notices.pinned(db, circle.id)]


async def test_invite_at_a_table_and_take_it_back(app: Litestar, host: Host) -> None:
    circle, _marisol, _wren = await _founded(host)
    async with browser_of(app, host, circle, "Marisol") as steward:
        made = await steward.post("/c/maple-row/in/steward/invitations")
        assert made.status_code == 303
        shown = await steward.get(made.headers["location"])
        link = re.search(r"//127\.0\.0\.1:8000(/c/maple-row/join/[\w-]{27})<", shown.text)
        assert link is not None
        assert '<svg role="img" aria-label="Code that opens the invitation' in shown.text
        assert "style=" not in shown.text
        assert "open until" in (await steward.get("/c/maple-row/in/steward")).text
        async with browser_of(app, host) as guest:
            joined = await guest.post(link[1], data={"handle": "otto", **NEW})
            assert joined.status_code == 303
        assert "Somebody came in." in (await steward.get(made.headers["location"])).text
        late = await steward.post(f"{made.headers['location']}/revoke")
        assert late.status_code == 409
        second = (await steward.post("/c/maple-row/in/steward/invitations")).headers["location"]
        assert (await steward.post(f"{second}/revoke")).status_code == 303
        assert "taken back" in (await steward.get(second)).text


async def test_a_full_circle_invites_nobody(app: Litestar, host: Host) -> None:
    circle, _marisol, _wren = await _founded(host, cap=3)
    await member_of(host, circle, "otto")
    async with browser_of(app, host, circle, "Marisol") as steward:
        assert (await steward.post("/c/maple-row/in/steward/invitations")).status_code == 409
        assert "Every chair is taken" in (await steward.get("/c/maple-row/in/steward")).text


STEWARDS_ONLY = (
    ("GET", ""),
    ("POST", "/begin"),
    ("POST", "/invitations"),
    ("GET", "/invitations/{id}"),
    ("POST", "/invitations/{id}/revoke"),
    ("GET", "/people/{id}"),
    ("POST", "/people/{id}/role"),
    ("POST", "/people/{id}/way-back"),
    ("POST", "/people/{id}/reissue"),
    ("POST", "/people/{id}/remove"),
    ("GET", "/ways-back/{id}"),
    ("GET", "/dates"),
    ("POST", "/dates"),
    ("GET", "/settings"),
    ("POST", "/settings/words"),
    ("POST", "/settings/pay"),
    ("POST", "/settings/rules"),
    ("POST", "/settings/rule"),
)


async def test_only_a_steward_of_this_circle(app: Litestar, host: Host) -> None:
    circle, marisol, _wren = await _founded(host)
    elm = await circle_of(host, name="Elm Street")
    await member_of(host, elm, "Marisol", "steward", "treasurer")
    await member_of(host, circle, "otto", "treasurer")
    async with (
        browser_of(app, host) as nobody,
        browser_of(app, host, circle, "wren") as member,
        browser_of(app, host, circle, "otto") as treasurer,
        browser_of(app, host, elm, "Marisol") as other,
    ):
        for cookie in list(other.cookies.jar):
            other.cookies.set(cookie.name, cookie.value or "", path="/c/maple-row")
        for method, path in STEWARDS_ONLY:
            url = "/c/maple-row/in/steward" + path.format(id=marisol.id.hex())
            data = {"role": "steward", "do": "take"} if method == "POST" else None
            for visitor in (nobody, other):
                answer = await visitor.request(method, url, data=data)
                assert answer.status_code == (303 if method == "GET" else 401), (method, url)
            for visitor in (member, treasurer):
                answer = await visitor.request(method, url, data=data)
                assert answer.status_code == 403, (method, url)
    assert await _pinned(host, circle) == []


async def test_a_steward_reaches_into_no_other_circle(app: Litestar, host: Host) -> None:
    circle, _marisol, _wren = await _founded(host)
    elm = await circle_of(host, name="Elm Street")
    stranger = await member_of(host, elm, "stranger")
    async with browser_of(app, host, circle, "Marisol") as steward:
        person = f"/c/maple-row/in/steward/people/{stranger.id.hex()}"
        assert (await steward.get(person)).status_code == 404
        for act, data in (
            ("role", {"role": "treasurer", "do": "give"}),
            ("way-back", {}),
            ("remove", {}),
            ("reissue", {"purpose": "vote"}),
        ):
            assert (await steward.post(f"{person}/{act}", data=data)).status_code == 404, act
        for odd in ("zz", "00" * 15, "AB" * 16):
            assert (await steward.get(f"/c/maple-row/in/steward/people/{odd}")).status_code == 404
    async with host.database.read() as db:
        assert len(await people.every(db, elm.id)) == 1


async def test_roles_are_given_and_taken_before_all_eyes(app: Litestar, host: Host) -> None:
    circle, marisol, wren = await _founded(host)
    async with (
        browser_of(app, host, circle, "Marisol") as steward,
        browser_of(app, host, circle, "wren") as member,
    ):
        url = f"/c/maple-row/in/steward/people/{wren.id.hex()}/role"
        assert (await member.get("/c/maple-row/in/steward")).status_code == 403
        await steward.post(url, data={"role": "steward", "do": "give"})
        assert (await member.get("/c/maple-row/in/steward")).status_code == 200
        told = (await member.get("/c/maple-row/in/told")).text
        assert "Marisol has made you steward" in told
        # The new one may take it from the old one: at once.
        old = f"/c/maple-row/in/steward/people/{marisol.id.hex()}/role"
        await member.post(old, data={"role": "steward", "do": "take"})
        assert (await steward.get("/c/maple-row/in/steward")).status_code == 403
        # And nobody may leave the circle without one.
        last = await member.post(url, data={"role": "steward", "do": "take"})
        assert last.status_code == 409
        odd = await member.post(url, data={"role": "admin", "do": "give"})
        assert odd.status_code == 400
    kinds = {kind for kind, _values in await _pinned(host, circle)}
    assert kinds == {"role-taken", "role-given"}


async def test_two_stewards_cannot_take_it_from_each_other_at_once(
    app: Litestar, host: Host
) -> None:
    circle, marisol, _wren = await _founded(host)
    otto = await member_of(host, circle, "otto", "steward")
    async with (
        browser_of(app, host, circle, "Marisol") as one,
        browser_of(app, host, circle, "otto") as two,
    ):
        base, data = "/c/maple-row/in/steward/people/", {"role": "steward", "do": "take"}
        answers = await asyncio.gather(
            one.post(f"{base}{otto.id.hex()}/role", data=data),
            two.post(f"{base}{marisol.id.hex()}/role", data=data),
        )
    assert sorted(answer.status_code for answer in answers) in ([303, 403], [303, 409])
    async with host.database.read() as db:
        stewards = [one for one in await people.every(db, circle.id) if one.is_steward]
    assert len(stewards) == 1


async def test_a_way_back_is_for_somebody_else_and_shown_to_its_giver_only(
    app: Litestar, host: Host
) -> None:
    circle, marisol, wren = await _founded(host)
    await member_of(host, circle, "otto", "steward")
    async with (
        browser_of(app, host, circle, "Marisol") as steward,
        browser_of(app, host, circle, "otto") as other,
    ):
        base = "/c/maple-row/in/steward/people/"
        own = await steward.post(f"{base}{marisol.id.hex()}/way-back")
        assert own.status_code == 409
        given = await steward.post(f"{base}{wren.id.hex()}/way-back")
        assert given.status_code == 303
        shown = await steward.get(given.headers["location"])
        assert re.search(r"/c/maple-row/way-back/[A-Za-z0-9_-]{27}<", shown.text)
        assert (await other.get(given.headers["location"])).status_code == 409
    assert await _pinned(host, circle) == [("way-back-given", {"by": "Marisol", "who": "wren"})]


async def test_taking_somebody_off_the_list(app: Litestar, host: Host) -> None:
    circle, marisol, wren = await _founded(host)
    async with (
        browser_of(app, host, circle, "Marisol") as steward,
        browser_of(app, host, circle, "wren") as member,
    ):
        base = "/c/maple-row/in/steward/people/"
        assert (await steward.post(f"{base}{marisol.id.hex()}/remove")).status_code == 409
        assert (await steward.post(f"{base}{wren.id.hex()}/remove")).status_code == 303
        assert (await member.get("/c/maple-row/api/session")).status_code == 401
    assert await _pinned(host, circle) == [("removed", {"by": "Marisol"})]


async def test_words_and_ways_to_pay_change_before_all_eyes(app: Litestar, host: Host) -> None:
    circle, _marisol, _wren = await _founded(host)
    base = "/c/maple-row/in/steward/settings"
    async with browser_of(app, host, circle, "Marisol") as steward:
        assert "DE89 3704" in (await steward.get(base)).text
        bad = await steward.post(f"{base}/pay", data={"holder": "X", "iban": "DE00"})
        assert bad.status_code == 422
        assert "That is no IBAN" in bad.text
        pay = {"holder": "Otto", "iban": "GB82WEST12345698765432", "pay_words": ""}
        asked = await steward.post(f"{base}/pay", data=pay)
        assert asked.headers["location"] == "/c/maple-row/in/pay-change"
        # One at a time, and other words for cash alone wait for nobody.
        assert (await steward.post(f"{base}/pay", data=pay)).status_code == 409
        words = {"purpose": "We help.", "norms": "Be kind.\r\nKeep it here."}
        assert (await steward.post(f"{base}/words", data=words)).status_code == 303
        # The same again is no change, and pins nothing.
        await steward.post(f"{base}/words", data=words)
    async with host.database.read() as db:
        now = await circles.by_slug(db, "maple-row")
    assert now.pay_iban.startswith("DE89")
    assert (now.purpose, now.norms) == ("We help.", "Be kind.\nKeep it here.")
    assert sorted(kind for kind, _values in await _pinned(host, circle)) == [
        "pay-asked",
        "words-changed",
    ]


async def test_another_account_needs_a_second_person_and_a_day(app: Litestar, host: Host) -> None:
    circle, _marisol, _wren = await _founded(host)
    at, settings = "/c/maple-row/in/pay-change", "/c/maple-row/in/steward/settings/pay"
    pay = {"holder": "Otto", "iban": "GB82WEST12345698765432", "pay_words": ""}
    clock = host.clock
    assert isinstance(clock, MovableClock)
    async with (
        browser_of(app, host, circle, "Marisol") as steward,
        browser_of(app, host, circle, "wren") as wren,
    ):
        await steward.post(settings, data=pay)
        (change,) = set(re.findall(r'name="change" value="(\w+)"', (await wren.get(at)).text))
        assert "GB82 WEST" in (await wren.get(at)).text
        said = {"change": change}
        assert (await steward.post(at, data=said)).status_code == 403
        for _ in range(2):
            assert (await wren.post(at, data=said)).status_code == 303
        await advance(host, circle.id)
        assert "will change" in (await steward.get(at)).text
        async with host.database.read() as db:
            assert (await circles.by_slug(db, "maple-row")).pay_iban.startswith("DE89")
        clock.set_round(clock.round_now() + pay_changes.WAIT)
        for _ in range(2):
            await advance(host, circle.id)
        async with host.database.read() as db:
            now = await circles.by_slug(db, "maple-row")
        assert (now.pay_holder, now.pay_iban) == ("Otto", "GB82WEST12345698765432")
        assert (await wren.post(at, data=said)).status_code == 404
        # Any of us can stop one.
        await steward.post(settings, data={**pay, "holder": "Ottilie"})
        (change,) = set(re.findall(r'name="change" value="(\w+)"', (await wren.get(at)).text))
        assert (await wren.post(f"{at}/stop", data={"change": change})).status_code == 303
        assert (await wren.post(f"{at}/stop", data={"change": "zz"})).status_code == 404
        assert "No other account" in (await wren.get(at)).text
    kinds = [kind for kind, _values in await _pinned(host, circle)]
    assert sorted(kinds) == [
        "pay-asked", "pay-asked", "pay-confirmed", "pay-in-force", "pay-stopped",
    ]  # fmt: skip


async def test_rules_change_for_the_rounds_to_come(app: Litestar, host: Host) -> None:
    async with browser_of(app, host) as steward:
        circle = await _begun(app, host, steward)
        before = await _round(host, circle)
        base = "/c/maple-row/in/steward/settings"
        shown = (await steward.get(base)).text
        rules = shown[shown.index('id="rules"') :]
        values = dict(
            re.findall(r'name="((?:hour-|cap|ceiling)[a-z_]*)"[^>]* value="([^"]*)"', rules)
        )
        days = re.findall(
            r'<select id="(day-[a-z_]+)".*?<option value="([^"]*)" selected', rules, re.DOTALL
        )
        values |= dict(days)
        assert len(values) == 2 + 7 + 7
        for change, words in (
            ({"cap": "2"}, "from 3 to 50"),
            ({"ceiling": "0"}, "amount"),
            ({"day-voting_closes": "day 2"}, "would come before"),
            ({"hour-voting_closes": "8 pm"}, "a time such as 20:00"),
        ):
            wrong = await steward.post(f"{base}/rules", data={**values, **change})
            assert wrong.status_code == 422, change
            assert words in wrong.text, change
        same = await steward.post(f"{base}/rules", data=values)
        assert same.status_code == 303
        assert "rules-changed" not in dict(await _pinned(host, circle))
        new = {**values, "cap": "30", "ceiling": "20.00", "day-voting_closes": "day 24"}
        assert (await steward.post(f"{base}/rules", data=new)).status_code == 303
    async with host.database.read() as db:
        now = await circles.by_slug(db, "maple-row")
    assert (now.cap, now.pledge_ceiling_minor) == (30, 2000)
    assert "voting_closes: day 24 20:00" in now.calendar.to_text()
    assert (await _round(host, circle)).dates == before.dates
    assert dict(await _pinned(host, circle))["rules-changed"] == {"by": "Marisol"}


async def _begun(app: Litestar, host: Host, steward: httpx.AsyncClient) -> Circle:
    """A circle founded through its link, with two more in it, whose first round runs."""
    path = (await founding.new_link(host)).removeprefix(host.settings.url)
    await steward.post(path, data=filled(handle="Marisol"))
    async with host.database.read() as db:
        circle = await circles.by_slug(db, "maple-row")
    for handle in ("wren", "otto"):
        await member_of(host, circle, handle)
    assert "Ready to begin." in (await steward.get("/c/maple-row/in/steward")).text
    begun = await steward.post("/c/maple-row/in/steward/begin")
    assert begun.status_code == 303, begun.text
    return circle


async def _round(host: Host, circle: Circle) -> Round:
    async with host.database.read() as db:
        round_ = await rounds.current(db, circle, host.clock.round_now())
    assert round_ is not None
    return round_


async def test_the_first_round_begins_and_its_dates_move(app: Litestar, host: Host) -> None:
    async with browser_of(app, host) as steward:
        circle = await _begun(app, host, steward)
        before = await _round(host, circle)
        assert before.month == "2026-10"
        url = "/c/maple-row/in/steward/dates"
        shown = (await steward.get(url)).text
        assert "nominating_opens" not in shown
        values = dict(re.findall(r'name="((?:day|hour)-[a-z_]+)"[^>]* value="([^"]*)"', shown))
        assert values["day-voting_closes"] == "2026-10-23"
        assert values["hour-voting_closes"] == "20:00"
        for change, words in (
            ({"day-voting_closes": "2020-01-01"}, "Only dates that lie ahead"),
            ({"day-voting_closes": "2026-10-05"}, "one after the other"),
            ({"day-voting_closes": "2026-02-30"}, "a day that exists"),
            ({"hour-voting_closes": "25:00"}, "a time such as"),
        ):
            wrong = await steward.post(url, data={**values, **change})
            assert wrong.status_code == 422, change
            assert words in wrong.text, change
        moved = await steward.post(url, data={**values, "day-voting_closes": "2026-10-24"})
        assert moved.status_code == 303, moved.text
    after = await _round(host, circle)
    assert after.dates.voting_closes - before.dates.voting_closes == timedelta(days=1)
    assert after.vote.closes_at == after.dates.voting_closes
    assert after.nominate.closes_at == before.nominate.closes_at
    pinned = dict(await _pinned(host, circle))
    assert pinned["dates-moved"]["by"] == "Marisol"
    assert "24 October" in pinned["dates-moved"]["to"]
    assert pinned["round-started"] == {"month": "2026-10"}


async def test_ticks_are_collected_anew_before_all_eyes(app: Litestar, host: Host) -> None:
    async with browser_of(app, host) as steward:
        circle = await _begun(app, host, steward)
        async with host.database.read() as db:
            wren = await people.by_handle(db, circle.id, "wren")
        assert wren is not None
        person = f"/c/maple-row/in/steward/people/{wren.id.hex()}"
        assert "Lost ticks" in (await steward.get(person)).text
        unused = await steward.post(f"{person}/reissue", data={"purpose": "vote"})
        assert unused.status_code == 409
        vote = (await _round(host, circle)).vote
        async with host.database.read() as db:
            line = await roll.line(db, vote.poll_hash, wren.id)
        assert line is not None
        body = begin_take(vote.poll).take(line, 0).text()
        await taking.take(host, circle, "2026-10", "vote", wren, body)
        again = await steward.post(f"{person}/reissue", data={"purpose": "vote"})
        assert again.status_code == 303, again.text
        odd = await steward.post(f"{person}/reissue", data={"purpose": "everything"})
        assert odd.status_code == 409
    assert dict(await _pinned(host, circle))["reissued"] == {"by": "Marisol", "who": "wren"}


async def test_too_few_for_a_round_is_said(app: Litestar, host: Host) -> None:
    circle, _marisol, _wren = await _founded(host)
    async with browser_of(app, host, circle, "Marisol") as steward:
        text = (await steward.get("/c/maple-row/in/steward")).text
        assert "A round needs at least 3 of us. So far we are 2." in text
        refused = await steward.post("/c/maple-row/in/steward/begin")
        assert refused.status_code == 409
        assert (await steward.get("/c/maple-row/in/steward/dates")).status_code == 409


async def test_the_rule_is_changed_or_tried_and_pinned_up(app: Litestar, host: Host) -> None:
    circle, marisol, _wren = await _founded(host)
    by = {"by_id": marisol.id.hex()}
    async with browser_of(app, host, circle, "Marisol") as steward:
        page = (await steward.get("/c/maple-row/in/steward/settings")).text
        for words in (
            "Requests are paid in order of ticks",
            "The fund is divided by ticks",
            "gets what it asked, or the whole fund",
            "Everyone holds an equal share.",
            "whole ballots are published without names",
            "may get nothing, month after month",
        ):
            assert words in page, words
        url = "/c/maple-row/in/steward/settings/rule"
        assert (await steward.post(url, data={"rule": "ranking/1"})).status_code == 422
        tried = await steward.post(url, data={"rule": "split/1", "trial": "on"})
        assert tried.status_code == 303
        async with host.database.read() as db:
            now = await circles.by_id(db, circle.id)
        assert (now.rule, now.trial_rule) == ("most-ticks/1", "split/1")
        people_page = (await steward.get(tried.headers["location"])).text
        assert "split by ticks, for the next round only. Then it is most ticks first again." in (
            people_page
        )
        assert (await steward.post(url, data={"rule": "one-winner/1"})).status_code == 303
        async with host.database.read() as db:
            now = await circles.by_id(db, circle.id)
        assert (now.rule, now.trial_rule) == ("one-winner/1", "")
        # Nothing changes, nothing is pinned.
        await steward.post(url, data={"rule": "one-winner/1"})
    found = await _pinned(host, circle)
    ours = [one for one in found if one[0].startswith("rule-")]
    assert sorted(kind for kind, _ in ours) == ["rule-changed", "rule-trial"]
    for _kind, values in ours:
        assert values["by"] == "Marisol" if "by" in values else values["by_id"] == by["by_id"]
