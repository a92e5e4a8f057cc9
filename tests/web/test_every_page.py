"""Every page that the application has, asked for by those who may see it in a lively circle.

The list comes from the access table, which holds every route of the application, so a page added
tomorrow is looked at tomorrow: really shown, every word marked for translation, nothing inline,
one headline, every field with its label, and no link or form that leads nowhere.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Final

import httpx
import pytest
from litestar import Litestar

from circles.circle import offered
from circles.circle.circles import Circle
from circles.host import Host
from circles.web import guard, i18n
from tests.neighbours import browser_of
from tests.web.pages import FILES, is_file, pages, who
from tests.web.test_access import ROWS, ask
from tests.web.visitors import STEWARD, TREASURER, Village, routes_of, village

_VOID = {"meta", "link", "input", "br", "hr", "img", "path", "circle", "line"}
# What people and banks wrote in the village.
_OTHERS_WORDS: Final = (
    *("Elm Bank", "Elm Court", "In an envelope", "DE02", "no reference", "for whom"),
    *("Wieviel", "Von wem", "Am", "Bank", "CREDIT"),
)
_SPOKEN = ("aria-label", "alt", "title", "placeholder")


@dataclass
class Seen:
    """What a page says, and how it is built."""

    words: list[str] = field(default_factory=list)
    spoken: list[str] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)
    labelled: set[str] = field(default_factory=set)
    fields: list[dict[str, str | None]] = field(default_factory=list)
    tags: list[tuple[str, dict[str, str | None]]] = field(default_factory=list)
    ways: list[tuple[str, dict[str, str | None]]] = field(default_factory=list)


class _Reader(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.seen, self._open, self._hidden = Seen(), list[str](), list[bool]()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        # What a script will show later, and what stands in a template, is not on the page yet.
        away = "hidden" in given or tag in {"template", "noscript"} or self._hidden[-1:] == [True]
        if tag not in _VOID:
            self._open.append(tag)
            self._hidden.append(away)
        if not away:
            self.seen.tags.append((tag, given))
        if tag in {"a", "form", "link"}:
            self.seen.ways.append((tag, given))
        self.seen.spoken += [given[name] or "" for name in _SPOKEN if name in given]
        if given.get("id"):
            self.seen.ids.append(str(given["id"]))
        if tag == "label" and given.get("for"):
            self.seen.labelled.add(str(given["for"]))
        shown = not away and given.get("type") != "hidden" and "aria-hidden" not in given
        if tag in {"input", "select", "textarea"} and shown:
            self.seen.fields.append({**given, "in label": str("label" in self._open)})

    def handle_endtag(self, tag: str) -> None:
        if tag in self._open:
            while self._open:
                self._hidden.pop()
                if self._open.pop() == tag:
                    return

    def handle_data(self, data: str) -> None:
        if not {"script", "code"} & set(self._open) and data.strip():
            self.seen.words.append(data)


async def _read(client: httpx.AsyncClient, paths: list[str]) -> dict[str, Seen]:
    found = {}
    for path in paths:
        answer = await client.get(path)
        assert answer.status_code < 500, path
        assert answer.headers["content-security-policy"] == guard.CSP
        if answer.headers.get("content-type", "").startswith("text/html") and answer.text:
            found[path] = _Reader(answer.text).seen
    return found


_NESTED = re.compile(
    f"{i18n.PSEUDO_OPEN}[^{i18n.PSEUDO_OPEN}{i18n.PSEUDO_CLOSE}]*{i18n.PSEUDO_CLOSE}"
)


def _left(text: str, circle: Circle, known: list[str]) -> str:
    """What of a text was neither marked for translation nor is data, a name, a date or a sum."""
    while True:
        shorter = _NESTED.sub(" ", text)
        if shorter == text:
            break
        text = shorter
    for word in [circle.pay_holder, circle.name, circle.purpose, circle.norms, *known]:
        text = text.replace(word, " ")
    return " ".join(re.findall(r"[^\W\d_]{2,}", text))


def _links_to_show(tour: Tour, host: Host) -> list[str]:
    """Addresses to hand over, whole, in their pieces, and the host's own."""
    url, circle = host.settings.url, tour.here.world.circle
    codes = {key: value for key, value in tour.here.values.items() if key.startswith("code of ")}
    paths = [f"{url}{circle.path}/{key[8:]}/{code}" for key, code in codes.items()]
    return [*paths, *codes.values(), url]


def _data() -> list[str]:
    """Names of months, days, units, currencies and places: Babel's words, not ours."""
    from babel import Locale

    locale = Locale.parse("en_GB")
    # The letters of an account number and of a reference are no words either.
    words = ["euros", "Euros", "euro", "DE89", "RF"]
    for choices in (offered.currencies(), offered.zones(), offered.locales()):
        words += [word for _value, word in choices]
    for width in ("wide", "abbreviated"):
        words += [*locale.months["format"][width].values(), *locale.days["format"][width].values()]
    return sorted(words, key=len, reverse=True)


def _unmarked(pages: dict[str, Seen], circle: Circle, known: list[str]) -> dict[str, list[str]]:
    """Words by path that no translator would ever see."""
    # A marked text may hold tags, its brackets in different pieces: look at all of them at once.
    left = {
        path: [_left(text, circle, known) for text in ["\n".join(seen.words), *seen.spoken]]
        for path, seen in pages.items()
    }
    return {path: [w for w in words if w] for path, words in left.items() if any(words)}


def _faults(path: str, seen: Seen) -> list[str]:
    """What is wrong with how a page is built."""
    names = [tag for tag, _given in seen.tags]
    wrong = [f"{n} headlines" for n in [names.count("h1")] if n != 1]
    wrong += [f"id {i} twice" for i in set(seen.ids) if seen.ids.count(i) > 1]
    wrong += [f"no {tag}" for tag in ("main", "title", "footer") if tag not in names]
    wrong += [
        f"<{tag} {name}>"
        for tag, given in seen.tags
        for name in given
        if name == "style" or name.startswith("on")
    ]
    wrong += [
        f"field {given.get('name')} has no label"
        for given in seen.fields
        if given["in label"] == "False"
        and given.get("id") not in seen.labelled
        and not given.get("aria-label")
        and not given.get("aria-labelledby")
    ]
    filled = [
        given
        for tag, given in seen.tags
        if tag in {"a", "button"} and (given.get("class") or "").split() == ["button"]
    ]
    wrong += [f"{len(filled)} filled buttons"] if len(filled) > 1 else []
    return [f"{path}: {fault}" for fault in wrong]


@dataclass
class Tour:
    """Every page as whoever may see it: its answer, by path."""

    here: Village
    answers: dict[str, httpx.Response]

    @property
    def seen(self) -> dict[str, Seen]:
        """How each is built."""
        return {path: _Reader(answer.text).seen for path, answer in self.answers.items()}


async def _tour(app: Litestar, host: Host) -> Tour:
    """Walk through all of them, in a language in which each marked word stands in brackets."""
    here = await village(host)
    paths = [(who(row), here.path(row.path)) for row in pages()] + list(here.more)
    answers = {}
    for visitor in (None, STEWARD, TREASURER):
        async with browser_of(app, host) as client:
            if visitor is not None:
                token = await here.cookie(visitor)
                assert token is not None
                client.cookies.set("circles", token, path=here.world.circle.path)
            with i18n.pseudo():
                for path in (path for whose, path in paths if whose == visitor):
                    answers[path] = await client.get(path)
    return Tour(here, answers)


@pytest.fixture
async def tour(app: Litestar, host: Host) -> Tour:
    return await _tour(app, host)


_NO_DATABASE: Final = "what a page is and says depends on no database"


@pytest.mark.one_database(_NO_DATABASE)
async def test_every_page_of_the_table_is_really_looked_at(
    app: Litestar, host: Host, tour: Tour
) -> None:
    """No page is in the lists by a refusal, or by being sent to another; no page is left out as a
    file. So whoever adds a page gives the village what it shows."""
    wrong = [
        f"{path}: {answer.status_code} {answer.headers.get('content-type')}"
        for path, answer in tour.answers.items()
        if answer.status_code != 200 or not answer.headers["content-type"].startswith("text/html")
    ]
    assert wrong == []
    files = [row for row in ROWS if row.method == "GET" and is_file(row)]
    for row in files:
        token = await tour.here.cookie(who(row) or STEWARD)
        answer = await ask(app, tour.here, row, token)
        html = answer.headers.get("content-type", "").startswith("text/html")
        assert not (html and answer.status_code == 200), row.path
    assert {end for end in FILES if any(row.path.endswith(end) for row in files)} == set(FILES)


@pytest.mark.one_database(_NO_DATABASE)
async def test_every_page_can_be_translated_and_is_well_built(host: Host, tour: Tour) -> None:
    world = tour.here.world
    known = [m.handle for m in world.members] + ["Soup kitchen", "Boots", "Books", *_data()]
    known += [*_OTHERS_WORDS, world.steward.book_number, *_links_to_show(tour, host)]
    # The ballot in one file is the same for every circle: it has a test of its own.
    seen = {path: one for path, one in tour.seen.items() if not path.endswith("/ballot.html")}
    assert all(answer.headers["content-security-policy"] for answer in tour.answers.values())
    assert _unmarked(seen, world.circle, known) == {}
    assert "\n".join(fault for path, one in seen.items() for fault in _faults(path, one)) == ""


@pytest.mark.one_database(_NO_DATABASE)
async def test_every_link_and_every_form_leads_somewhere(
    app: Litestar, host: Host, tour: Tour
) -> None:
    """Each address on a page is one that the application answers, to that method."""
    patterns = [(method, _matcher(path)) for method, path in routes_of(app)]
    lost = []
    for path, seen in tour.seen.items():
        for method, address in _ways_on(seen, path):
            inside = address.removeprefix(host.settings.url)
            if not inside.startswith("/") or method == "DIALOG":
                continue
            if not any(m == method and pattern.fullmatch(inside) for m, pattern in patterns):
                lost.append(f"{path}: {method} {inside}")
    assert lost == []


def _matcher(template: str) -> re.Pattern[str]:
    parts = re.split(r"(\{\w+\})", template)
    ends = {"{path}": ".+", "{rest}": ".+"}
    found = "".join(ends.get(p, "[^/]+") if p.startswith("{") else re.escape(p) for p in parts)
    return re.compile(found.rstrip("/") + "/?")


def _ways_on(seen: Seen, path: str) -> Iterator[tuple[str, str]]:
    """(method, address) of every link and form of a page; hidden ones too."""
    for tag, given in seen.ways:
        if tag == "form":
            method = (given.get("method") or "get").upper()
            yield method, (given.get("action") or path).partition("?")[0]
        else:
            yield "GET", re.split("[?#]", given.get("href") or "")[0]
