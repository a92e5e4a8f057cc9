"""What may stand in a page that votes: one module of the release, one block of data, and no way
for anything else to run or to send. Read with the standard library's parser.

A browser reads some bytes otherwise than that parser: where a comment ends, what stands in a title.
So that nothing hides there, each `<` of a page must be that of a tag that was judged; a release's
pages have no other.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from html.parser import HTMLParser

_SCRIPT_ADDRESS = re.compile(r"/static/(?P<tree>[0-9a-f]{16})/(?P<path>(?:[\w-]+/)*[\w-]+\.js)")
_STYLE_ADDRESS = re.compile(r"/static/[0-9a-f]{16}/(?:style\.css|mark\.svg)")
# A scheme that is no plain address: javascript:, data:, blob: and their kind.
_RUNS = re.compile(r"[\s\x00-\x1f]*(?!https?:)[a-z][a-z\s]*:", re.IGNORECASE)
_NEVER = frozenset({"base", "iframe", "frame", "object", "embed", "applet", "portal", "math"})
_SENDS = frozenset({"srcdoc", "formaction", "formmethod", "formtarget", "form", "ping"})
_ADDRESSES = frozenset({"href", "src", "action", "formaction", "xlink:href", "data"})


@dataclass
class Served:
    """The scripts a page names, and what has no business in it."""

    scripts: list[str] = field(default_factory=list)
    trees: set[str] = field(default_factory=set)
    wrong: list[str] = field(default_factory=list)
    booth: bool = False


class _Reader(HTMLParser):
    def __init__(self, sign_out: str) -> None:
        super().__init__()
        self.served = Served()
        self._sign_out = sign_out
        self.tags = 0

    def handle_decl(self, decl: str) -> None:
        """The first line of a page, and nothing else of the kind."""
        if decl.lower() == "doctype html" and self.getpos() == (1, 0):
            self.tags += 1

    def handle_endtag(self, tag: str) -> None:
        """Judged with what it ends."""
        self.tags += 1

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """One element without an end of its own."""
        self.handle_starttag(tag, attrs)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Judge one element."""
        self.tags += 1
        given = {name: value or "" for name, value in attrs}
        if len(given) != len(attrs):
            self._wrong(f"<{tag}> names an attribute twice")
        if tag in _NEVER:
            self._wrong(f"there is a <{tag}>")
        self._attributes(tag, given)
        if tag == "script":
            self._script(given)
        elif tag == "link":
            self._link(given)
        elif tag == "meta" and "http-equiv" in given:
            self._wrong(f"a <meta> sets {given['http-equiv']}")
        elif tag == "form":
            self._form(given)
        self.served.booth |= "data-part" in given

    def _wrong(self, what: str) -> None:
        self.served.wrong.append(what)

    def _attributes(self, tag: str, given: dict[str, str]) -> None:
        for name, value in given.items():
            if name.startswith("on") or name in _SENDS:
                self._wrong(f"<{tag}> has {name}")
            elif name in _ADDRESSES and _RUNS.match(value):
                self._wrong(f"<{tag}> leads to {value[:40]}")

    def _script(self, given: dict[str, str]) -> None:
        if given == {"type": "application/json", "id": "booth"}:
            return
        found = _SCRIPT_ADDRESS.fullmatch(given.get("src", ""))
        if found is None or given.get("type") != "module" or set(given) != {"type", "src"}:
            said = given.get("src") or "one that stands in the page itself"
            self._wrong(f"there is a script of its own: {said}")
            return
        self.served.trees.add(found["tree"])
        self.served.scripts.append(found["path"])

    def _form(self, given: dict[str, str]) -> None:
        """Signing out is sent; all else is for the script alone, also where that does not run."""
        if given.get("action") == self._sign_out:
            return
        if "action" in given or given.get("method") != "dialog":
            self._wrong(f"a form sends to {given.get('action', 'its own page')}")

    def _link(self, given: dict[str, str]) -> None:
        fine = given.get("rel") in ("stylesheet", "icon")
        if not fine or not _STYLE_ADDRESS.fullmatch(given.get("href", "")):
            self._wrong(f"a <link> brings in {given.get('href', 'something')}")


def read(html: bytes, sign_out: str) -> Served:
    """What the page names and does; `sign_out` is where its only form may send."""
    reader = _Reader(sign_out)
    text = html.decode("utf-8", "replace")
    reader.feed(text)
    reader.close()
    if text.count("<") != reader.tags:
        reader.served.wrong.append("there is something in it that can be read in two ways")
    return reader.served
