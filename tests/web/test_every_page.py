"""Every page that the application has, asked for by an officer in a lively circle.

The list comes from the application itself, so a page added tomorrow is looked at tomorrow: every
word marked for translation, nothing inline, one headline, every field with its label.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser

import httpx
import pytest
from litestar import Litestar
from litestar.routes import HTTPRoute

from circles.circle.circles import Circle
from circles.clock import MovableClock
from circles.host import Host
from circles.protocol.messages import Ask
from circles.web import guard, i18n
from tests.neighbours import browser_of
from tests.trustees import Trustee, choose
from tests.world import KEEP, World

FILLED = {
    "slug": "maple-row",
    "month": "2026-10",
    "purpose": "vote",
    "candidate": "1",
    "code": "A" * 22,
}
_VOID = {"meta", "link", "input", "br", "hr", "img", "path", "circle", "line"}
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


def _pages(app: Litestar) -> Iterator[str]:
    """The paths of all pages, their parameters filled in as far as we can guess."""
    for route in app.routes:
        if not isinstance(route, HTTPRoute) or "GET" not in route.methods:
            continue
        (handler,) = [h for h in route.route_handlers if "GET" in h.http_methods]
        if handler.opt.get("machine") or handler.opt.get("public"):
            continue
        yield re.sub(
            r"\{(\w+)(?::\w+)?\}", lambda m: FILLED.get(m.group(1), "1"), route.path_format
        )


@pytest.fixture
async def lively(host: Host, clock: MovableClock) -> World:
    """One month counted, the next one at its vote."""
    del clock
    world = await World.found(host, members=4)
    ann, ben, *_others = world.members
    await world.play_month(
        nominations=[(ann, "Soup kitchen", Ask(1500)), (ben, "Boots", Ask(9000))],
        votes={who: ["Soup kitchen", "Boots", KEEP] for who in world.members},
    )
    trustee = Trustee(world, ann)
    await choose(world, [trustee], server=True, needed=2)
    await trustee.hand_in(3)
    await world.go(world.at_month("2026-11").nominating_opens)
    await ben.nominate("Books", Ask(500))
    await world.go(world.at.nominating_closes)
    await world.go(world.at.voting_opens)
    return world


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
    for word in [circle.name, circle.purpose, circle.norms, *known]:
        text = text.replace(word, " ")
    return " ".join(re.findall(r"[^\W\d_]{2,}", text))


def _data() -> list[str]:
    """Names of months, days and units in the circle's language: Babel's words, not ours."""
    from babel import Locale

    locale = Locale.parse("en_GB")
    # The letters of an account number and of a reference are no words either.
    words = ["euros", "Euros", "euro", "DE89", "RF"]
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


@pytest.mark.one_database("the words of a page depend on no database")
async def test_every_page_can_be_translated_and_is_well_built(
    app: Litestar, host: Host, lively: World
) -> None:
    paths = list(_pages(app))
    known = [m.handle for m in lively.members] + ["Soup kitchen", "Boots", "Books", *_data()]
    known += [lively.steward.book_number, host.settings.url]
    async with browser_of(app, host, lively.circle, "Ann") as ann:
        with i18n.pseudo():
            pages = await _read(ann, paths)
    assert len(pages) >= 15
    assert _unmarked(pages, lively.circle, known) == {}
    assert "\n".join(fault for path, seen in pages.items() for fault in _faults(path, seen)) == ""
