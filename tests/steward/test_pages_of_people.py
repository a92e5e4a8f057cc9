"""The pages that no guess reaches: those behind a code or an id, and at the door.

Looked at as `tests/web/test_every_page.py` looks at all others.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta

import httpx
from litestar import Litestar

from circles.circle import circles, founding, offered
from circles.circle.circles import Circle
from circles.clock import MovableClock
from circles.host import Host
from circles.ledger import books
from circles.members import people
from circles.steward import founding_form
from circles.web import guard, i18n
from tests.neighbours import browser_of, circle_of, invitation_path, member_of
from tests.steward.test_founding import PASSPHRASE, filled
from tests.web.test_every_page import _data, _left, _Reader

HANDLES = ("Marisol", "wren", "otto")


@dataclass
class Looked:
    """Answers by what was asked for."""

    circle: Circle
    texts: dict[str, str]


async def _look(client: httpx.AsyncClient, path: str, texts: dict[str, str], **data: str) -> str:
    answer = await (client.post(path, data=data) if data else client.get(path))
    assert answer.headers["content-security-policy"] == guard.CSP
    assert answer.headers["cache-control"] == "no-store"
    texts[f"{len(texts)} {path} {' '.join(data)}"] = answer.text
    return answer.text


async def _walk(app: Litestar, host: Host, clock: MovableClock) -> Looked:
    """From a founding link to somebody who leaves, looking at each page on the way."""
    texts: dict[str, str] = {}
    at, keeping = "/c/maple-row", "/c/maple-row/in/steward"
    async with browser_of(app, host) as marisol, browser_of(app, host) as guest:
        link = (await founding.new_link(host)).removeprefix(host.settings.url)
        await _look(guest, link, texts)
        await _look(guest, link, texts, calendar="own", rule="none")
        assert (await marisol.post(link, data=filled(holder="Marisol"))).status_code == 303
        await _look(guest, link, texts)
        async with host.database.read() as db:
            circle = await circles.by_slug(db, "maple-row")
            steward = (await people.every(db, circle.id))[0]
        await _look(marisol, keeping, texts)
        made = (await marisol.post(f"{keeping}/invitations")).headers["location"]
        await _look(marisol, made, texts)
        join = await invitation_path(host, circle, steward)
        await _look(guest, join, texts)
        await _look(guest, join, texts, handle="Marisol", passphrase="short")
        await marisol.post(f"{made}/revoke")
        await _look(marisol, made, texts)
        wren = await member_of(host, circle, "wren", "treasurer", pledge_minor=500)
        await member_of(host, circle, "otto")
        await marisol.post(f"{keeping}/begin")
        for path in ("", f"/people/{wren.id.hex()}", f"/people/{steward.id.hex()}", "/dates"):
            await _look(marisol, keeping + path, texts)
        await _look(marisol, f"{keeping}/settings/pay", texts, iban="no")
        given = await marisol.post(f"{keeping}/people/{wren.id.hex()}/way-back")
        handed = await _look(marisol, given.headers["location"], texts)
        back = re.search(r"/c/maple-row/way-back/[\w-]{27}", handed)
        assert back is not None
        await _look(guest, back[0], texts)
        await _look(guest, back[0], texts, passphrase="short")
        for path in ("/sign-in", "/way-back/nonsense", "/join/nonsense"):
            await _look(guest, at + path, texts)
        await _look(guest, f"{at}/sign-in", texts, handle="wren", passphrase=PASSPHRASE)
        clock.pass_real(timedelta(hours=3))
        await _look(guest, join, texts)
    async with browser_of(app, host, circle, "wren") as signed_in:
        for path in ("told", "people", "you", "you/passphrase", "you/leave", "pay", "pledge"):
            await _look(signed_in, f"{at}/in/{path}", texts)
        await _look(signed_in, f"{at}/in/pledge", texts, pledge="other", other="NaN")
        await _look(signed_in, f"{at}/in/you/passphrase", texts, old="x")
        await _look(signed_in, f"{at}/in/you/leave", texts, rest="give")
    return Looked(circle, texts)


async def test_they_can_be_translated_and_are_well_built(
    app: Litestar, host: Host, clock: MovableClock
) -> None:
    names = [words for _code, words in [*offered.zones(), *offered.locales()]]
    with i18n.pseudo():
        looked = await _walk(app, host, clock)
        names += [words for _code, words in offered.currencies()]
    circle = looked.circle
    known = [*founding_form.default_norms().split("\n")]
    known += [*circle.norms.split("\n"), *HANDLES, *sorted(names, key=len, reverse=True), *_data()]
    known += [
        str(code) for code in re.findall(r"/(?:join|way-back)/([\w-]{27})", str(looked.texts))
    ]
    left, wrong = {}, []
    for path, text in looked.texts.items():
        seen = _Reader(re.sub(r"https?://[\w.:/-]+", "", text)).seen
        words = _left("\n".join([*seen.words, *seen.spoken]), circle, known)
        if words:
            left[path] = words
        tags = [tag for tag, _given in seen.tags]
        wrong += [f"{path}: no one headline"] if tags.count("h1") != 1 else []
        wrong += [f"{path}: id {i} twice" for i in set(seen.ids) if seen.ids.count(i) > 1]
        wrong += [f"{path}: style" for _tag, given in seen.tags if "style" in given]
        wrong += [
            f"{path}: {given.get('name')} has no label"
            for given in seen.fields
            if given["in label"] == "False" and given.get("id") not in seen.labelled
        ]
    assert wrong == []
    assert left == {}
    assert len(looked.texts) >= 30


async def test_a_page_speaks_the_circles_language(app: Litestar, host: Host) -> None:
    circle = await circle_of(host, locale="de_AT", currency="EUR", name="Ahornweg")
    async with host.database.begin() as db:
        await books.open_book(db, circle.id, circle.currency, host.clock.now())
    await member_of(host, circle, "wren", pledge_minor=750)
    async with browser_of(app, host, circle, "wren") as client:
        answer = await client.get("/c/ahornweg/in/pay")
        assert answer.headers["content-language"] == "de-AT"
        assert "7,50" in answer.text
        assert "Oktober" in answer.text
        typed = {"pledge": "other", "other": "1.000"}
        wrong = await client.post("/c/ahornweg/in/pledge", data=typed)
        assert wrong.status_code == 422
