"""Words, money, dates; no plain text in any template; nothing inline, nothing trusted blindly."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime
from io import StringIO
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.frontend import parse_mapping_cfg
from babel.messages.mofile import write_mo
from jinja2 import Environment

from circles.web import i18n, render

SRC = Path(i18n.__file__).parent.parent
TEMPLATES = sorted(render.TEMPLATES_DIR.rglob("*.html"))


@dataclass(frozen=True)
class Row:
    """A circle as the furniture sees it."""

    slug: str = "maple-row"
    name: str = "Maple Row"
    hue: str = "mulberry"
    locale: str = "en_GB"
    zone: str = "Europe/Berlin"
    currency: str = "EUR"


AT = datetime(2026, 10, 23, 18, 0, tzinfo=UTC)


def test_dates_are_told_on_the_circles_wall_clock() -> None:
    with i18n.speaking(Row()):
        assert i18n.moment(AT) == "Friday 23 October, 20:00"
        assert i18n.day(date(2026, 10, 4)) == "4 October"
        assert i18n.day(AT, weekday=True, year=True) == "Friday 23 October 2026"
        assert i18n.month_name("2026-10") == "October"
        assert i18n.month_name("2026-10", year=True) == "October 2026"
        assert i18n.when(datetime(2026, 10, 18, tzinfo=UTC), AT) == "18 to 23 October, 20:00"
        start = datetime(2026, 9, 30, 10, tzinfo=UTC)
        assert i18n.days_between(start, AT) == "30 September to 23 October"
    with i18n.speaking(Row(zone="Pacific/Auckland")):
        assert i18n.moment(AT) == "Saturday 24 October, 07:00"
    with i18n.speaking(Row(locale="de_DE")):
        assert i18n.moment(AT) == "Freitag 23. Oktober, 20:00"
        assert i18n.month_short("2026-10") == "Okt"


def test_money_is_told_as_the_locale_writes_it() -> None:
    with i18n.speaking(Row()):
        assert i18n.money(13500) == "135.00"
        assert i18n.money_unit(13500) == "135.00\u00a0euros"
        assert i18n.money_short(1000) == "10"
        assert i18n.money_short(750) == "7.50"
        assert i18n.unit() == "euros"
    with i18n.speaking(Row(locale="de_DE")):
        assert i18n.money(1234500) == "12.345,00"
    with i18n.speaking(Row(currency="JPY")):
        assert i18n.money(1200) == "1,200"


def test_numbers_up_to_twelve_are_words() -> None:
    assert [i18n.words(n) for n in (0, 3, 12, 13)] == ["none", "three", "twelve", "13"]
    assert i18n.opening_words(3) == "Three"
    with i18n.pseudo():
        assert i18n.opening_words(3) == "\u27e6Three\u27e7"


@pytest.mark.parametrize("locale", ["xx_YY", "", "../../etc", "en-GB"])
def test_an_unknown_locale_falls_back_to_english(locale: str) -> None:
    with i18n.speaking(Row(locale=locale)) as tongue:
        assert tongue.html_lang == "en-GB"


# ------------------------------------------------------------------ the templates themselves

# Signs, and single letters, which name requests on a ballot in every language.
_ALLOWED_ALONE = re.compile(r"^\s*[A-Z]\s*$|^[\s·–,.:;()?!%+=*/→✓−“”-]*$")
_BLOCKS = re.compile(
    r"\{%-?\s*trans\b.*?%\}.*?\{%-?\s*endtrans\s*-?%\}|\{\{.*?\}\}|\{%.*?%\}|\{#.*?#\}", re.DOTALL
)
_TAG = re.compile(r"<[^>]*>", re.DOTALL)
_SPOKEN_ATTRIBUTE = re.compile(r'\b(?:aria-label|alt|title|placeholder)="([^"]*)"')


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda p: str(p.relative_to(render.TEMPLATES_DIR)))
def test_no_template_holds_plain_text(path: Path) -> None:
    """What is no tag and no Jinja is a word that nobody could translate."""
    # What a person types into a computer is the same in every language.
    bare = re.sub(r"<code>.*?</code>", "", _BLOCKS.sub("", path.read_text()))
    bare = re.sub(r'[\w-]+="[^"]*"', "", bare) if path.name == "macros.html" else bare
    left = [t for t in _TAG.sub("\0", bare).split("\0") if not _ALLOWED_ALONE.match(t)]
    assert left == []
    assert [a for a in _SPOKEN_ATTRIBUTE.findall(bare) if not _ALLOWED_ALONE.match(a)] == []


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda p: str(p.relative_to(render.TEMPLATES_DIR)))
def test_no_template_has_anything_inline_or_trusted_blindly(path: Path) -> None:
    text = path.read_text()
    if path.name == "single.html":
        # The ballot page in one file: its policy names what is inside by hash (rounds/single.py).
        for inside in ("<style>{{ style }}</style>", "<script>{{ script }}</script>"):
            assert text.count(inside) == 1
            text = text.replace(inside, "")
    assert not re.search(r"\|\s*safe\b", text)
    assert "autoescape" not in text
    assert not re.search(r"<style\b|\sstyle\s*=|\son[a-z]+\s*=|javascript:", text, re.IGNORECASE)
    for kind, script in re.findall(r"<script\b([^>]*)>(.*?)</script>", text, re.DOTALL):
        # A data block is never run; it holds values that `tojson` escapes.
        data = 'type="application/json"' in kind and re.fullmatch(r"\{\{ \w+\|tojson \}\}", script)
        assert data or script.strip() == ""
    assert not re.search(r'(?:src|href|action)="(?:https?:)?//', text)


def test_every_template_compiles() -> None:
    environment: Environment = render.environment()
    for path in TEMPLATES:
        environment.get_template(path.relative_to(render.TEMPLATES_DIR).as_posix())


def test_the_words_can_be_extracted_for_translators() -> None:
    """Babel finds the marked words of templates and code by the mapping that we ship."""
    text = (SRC / "locale" / "babel.cfg").read_text()
    methods, options = parse_mapping_cfg(StringIO(text))
    found = {str(m[2]) for m in extract_from_dir(SRC, methods, options)}
    assert "Skip to the page" in found
    assert "Please fill this in." in found


def test_pages_speak_the_circles_language_and_escape_its_name() -> None:
    said = {"status": 404, "message": "gone", "title": "There is nothing here.", "wrong": False}
    row = Row(name="<b>Maple</b>", locale="de_DE")
    text = render.html("web/error.html", {"said": said}, circle=row).decode()
    assert '<html lang="de-DE" data-hue="mulberry">' in text
    assert "&lt;b&gt;Maple&lt;/b&gt;" in text
    assert "<b>Maple" not in text


def test_the_masthead_has_at_most_four_links() -> None:
    said = {"status": 404, "message": "gone", "title": "There is nothing here.", "wrong": False}
    for member in (None, object()):
        for here in ("month", "desk", "steward", "all"):
            context = {"said": said, "here": here}
            text = render.html("web/error.html", context, circle=Row(), member=member).decode()
            masthead = text[text.index("<nav") : text.index("</nav>")]
            assert 1 <= masthead.count("<li>") <= 4


def test_a_translators_file_changes_what_pages_say(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A compiled catalogue beside ours is all that a language needs, plurals and pages included."""
    catalogue = Catalog(locale="de_DE")
    catalogue.add("Skip to the page", "Zur Seite")
    catalogue.add(
        ("One thing is not right yet.", "%(n)s things are not right yet."),
        ("Eins stimmt noch nicht.", "%(n)s Dinge stimmen noch nicht."),
    )
    place = tmp_path / "de" / "LC_MESSAGES"
    place.mkdir(parents=True)
    with (place / "messages.mo").open("wb") as file:
        write_mo(file, catalogue)
    monkeypatch.setattr(i18n, "LOCALE_DIR", tmp_path)
    i18n._translations.cache_clear()
    try:
        said = {"status": 404, "message": "weg", "title": "Hier ist nichts.", "wrong": False}
        page = render.html("web/error.html", {"said": said}, circle=Row(locale="de_DE")).decode()
        assert "Zur Seite" in page
        with i18n.speaking(Row(locale="de_DE")):
            one, many = "One thing is not right yet.", "%(n)s things are not right yet."
            assert i18n.ngettext(one, many, 1) == "Eins stimmt noch nicht."
            assert i18n.ngettext(one, many, 3) % {"n": 3} == "3 Dinge stimmen noch nicht."
        with i18n.speaking(Row()):
            assert i18n.gettext("Skip to the page") == "Skip to the page"
    finally:
        i18n._translations.cache_clear()
