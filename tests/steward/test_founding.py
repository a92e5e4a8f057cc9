"""Founding a circle, from the printed link to a steward at work."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from litestar import Litestar
from sqlalchemy import text

from circles import log
from circles.circle import circles, founding
from circles.clock import MovableClock
from circles.host import Host
from circles.ledger import books
from circles.members import notices, people
from circles.steward import founding_form
from circles.web.forms import Form
from tests.neighbours import browser_of

PASSPHRASE = "seven plums on a windowsill"


def filled(**changes: str) -> dict[str, str]:
    """The form of Maple Row, as a founder would send it."""
    form = {
        "name": "Maple Row",
        "purpose": "We help somebody nearby every month, without fuss.",
        "norms": "We do not ask who paid.\nWhat is said stays among us.",
        "cap": "20",
        "currency": "EUR",
        "zone": "Europe/Berlin",
        "locale": "en_GB",
        "rule": "most-ticks/1",
        "least": "5",
        "calendar": "usual",
        "holder": "Maple Row Circle",
        "iban": "de89 3704 0044 0532 0130 00",
        "pay_words": "",
        "ceiling": "50",
        "hue": "mulberry",
        "handle": "Marisol",
        "passphrase": PASSPHRASE,
    }
    return {**form, **changes}


async def _path(host: Host) -> str:
    return (await founding.new_link(host)).removeprefix(host.settings.url)


async def test_a_circle_is_founded_whole(app: Litestar, host: Host) -> None:
    path = await _path(host)
    async with browser_of(app, host) as client:
        shown = await client.get(path)
        assert shown.status_code == 200
        assert "Begin a circle." in shown.text
        answer = await client.post(path, data=filled())
        assert answer.status_code == 303, answer.text
        assert answer.headers["location"] == "/c/maple-row/in/steward"
        assert "Path=/c/maple-row;" in answer.headers["set-cookie"]
        assert (await client.get("/c/maple-row/api/session")).json() == {"handle": "Marisol"}
    async with host.database.read() as db:
        circle = await circles.by_slug(db, "maple-row")
        assert circle.log_origin == "127.0.0.1:8000/c/maple-row"
        assert circle.pay_iban == "DE89370400440532013000"
        assert (circle.pledge_ceiling_minor, circle.least_minor) == (5000, 500)
        founder = (await people.every(db, circle.id))[0]
        assert founder.roles == {"member", "treasurer", "steward"}
        assert await books.fund_minor(db, circle.id) == 0
        assert (await log.newest_checkpoint(db, circle.id)).startswith(
            b"127.0.0.1:8000/c/maple-row\n0\n"
        )
        pinned = await notices.pinned(db, circle.id)
    assert [(n.kind, n.values) for n in pinned] == [("founded", {"by": "Marisol"})]


async def test_the_link_works_once_for_a_day_and_only_one_wins(
    app: Litestar, host: Host, clock: MovableClock
) -> None:
    path = await _path(host)
    async with browser_of(app, host) as one, browser_of(app, host) as two:
        answers = await asyncio.gather(
            one.post(path, data=filled()), two.post(path, data=filled(name="Elm Street"))
        )
        assert sorted(answer.status_code for answer in answers) == [303, 410]
        assert (await one.get(path)).status_code == 410
        late = await _path(host)
        clock.pass_real(timedelta(hours=24))
        for answer in (await two.get(late), await two.post(late, data=filled())):
            assert answer.status_code == 410
            assert "found-link" in answer.text
        assert (await two.get("/found/nonsense")).status_code == 410
    async with host.database.read() as db:
        assert await circles.count(db) == 1
        rows = (await db.execute(text("SELECT * FROM circle_founding_code"))).all()
    assert path.rpartition("/")[2] not in repr(rows)


async def test_two_circles_of_one_name_get_two_addresses(app: Litestar, host: Host) -> None:
    for number, slug in enumerate(("maple-row", "maple-row-2", "maple-row-3")):
        async with browser_of(app, host) as client:
            answer = await client.post(await _path(host), data=filled(handle=f"m{number}"))
        assert answer.headers["location"] == f"/c/{slug}/in/steward"


def _read(host: Host, **changes: str) -> tuple[circles.NewCircle | None, dict[str, str]]:
    form = Form({**founding_form.empty(host.settings)._values, **filled(**changes)})
    return founding_form.read(form, host.settings), dict(form.trouble)


async def test_what_is_not_right_is_said_under_its_field(host: Host) -> None:
    for changes, field in (
        ({"name": ""}, "name"),
        ({"name": "Maple\u202eRow"}, "name"),
        ({"name": "x" * 61}, "name"),
        ({"purpose": ""}, "purpose"),
        ({"cap": "2"}, "cap"),
        ({"cap": "51"}, "cap"),
        ({"cap": "1e3"}, "cap"),
        ({"currency": "XXX"}, "currency"),
        ({"zone": "Mars/Olympus"}, "zone"),
        ({"zone": "../etc/passwd"}, "zone"),
        ({"locale": "tlh"}, "locale"),
        ({"rule": "ranking/1"}, "rule"),
        ({"hue": "red"}, "hue"),
        ({"ceiling": "0"}, "ceiling"),
        ({"ceiling": "-5"}, "ceiling"),
        ({"ceiling": "1e30"}, "ceiling"),
        ({"least": "NaN"}, "least"),
        ({"iban": "DE89370400440532013001"}, "iban"),
        ({"iban": "hello"}, "iban"),
        ({"iban": "", "pay_words": ""}, "iban"),
        ({"holder": ""}, "holder"),
        ({"calendar": "own", "hour-voting_opens": "25:00"}, "hour-voting_opens"),
        ({"calendar": "own", "day-voting_closes": "day 2"}, "hour-voting_closes"),
        ({"calendar": "own", "day-voting_opens": "someday"}, "hour-voting_opens"),
    ):
        new, trouble = _read(host, **changes)
        assert new is None, changes
        assert field in trouble, (changes, trouble)


async def test_cash_only_and_an_own_calendar(host: Host) -> None:
    new, trouble = _read(
        host,
        iban="",
        holder="",
        pay_words="To Otto, on Fridays.",
        calendar="own",
        **{"day-voting_closes": "last friday", "hour-voting_closes": "18:30"},
        **{"day-pay_until": "day 7", "next-pay_until": "on"},
        **{"day-thanks_from": "day 8", "next-thanks_from": "on"},
    )
    assert not trouble
    assert new is not None
    assert new.pay_words == "To Otto, on Fridays."
    lines = new.calendar.to_text().split("\n")
    assert "voting_closes: last friday 18:30" in lines
    assert "pay_until: day 7 20:00 next" in lines


async def test_amounts_follow_the_chosen_money_and_language(host: Host) -> None:
    yen, _trouble = _read(host, currency="JPY", locale="ja_JP", ceiling="5000", least="500")
    assert yen is not None
    assert (yen.pledge_ceiling_minor, yen.least_minor) == (5000, 500)
    german, _trouble = _read(host, locale="de_DE", ceiling="1.000,50", least="0")
    assert german is not None
    assert (german.pledge_ceiling_minor, german.least_minor) == (100050, 0)


async def test_a_bad_form_comes_back_filled_and_the_link_stays_good(
    app: Litestar, host: Host
) -> None:
    path = await _path(host)
    async with browser_of(app, host) as client:
        bad = await client.post(path, data=filled(iban="DE00", passphrase="maple row 1"))
        assert bad.status_code == 422
        assert 'value="Marisol"' in bad.text
        assert "2 things are not right yet" in bad.text
        assert "maple row 1" not in bad.text
        assert (await client.post(path, data=filled())).status_code == 303


def test_slugs() -> None:
    for name, slug in (
        ("Maple Row", "maple-row"),
        ("  Ärger & Söhne, Straße 7 ", "arger-sohne-strasse-7"),
        ("小林", "circle"),
        ("---", "circle"),
        ("a" * 80, "a" * 40),
    ):
        assert circles.slug_of(name) == slug
