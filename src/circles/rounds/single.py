"""The ballot page in one file: every script of it inside, so that it works from a disk.

Made of the served modules and a template when it is first asked for; the same bytes on every host
that runs this release, in the same language: what a circle is called, its month and its requests
are not in it. Its SHA-256 stands in each poll record, beside those of the single scripts.
"""

from __future__ import annotations

import re
from base64 import b64encode
from dataclasses import dataclass
from functools import cache
from hashlib import sha256

from markupsafe import Markup

from circles.rounds.form_words import open_words
from circles.web import i18n, static
from circles.web.render import environment

ENTRY = "ballot/single-page.js"
_TICKS_SPELLED = 15
_BALLOTS_MOST = 5
_IMPORT = re.compile(
    r'^import\s+(?:\{(?P<names>[^}]*)\}|\* as (?P<whole>\w+))\s+from\s+"\./(?P<path>[\w-]+\.js)";$',
    re.MULTILINE,
)
_EXPORT = re.compile(
    r"^export (?P<what>(?:async )?function\*?|class|const) (?P<name>\w+)", re.MULTILINE
)
_REEXPORT = re.compile(r"^export \{(?P<names>[^}]*)\};$", re.MULTILINE)


class BundleError(Exception):
    """A module is written in a way that the single file cannot take in. Name it and mend it."""


@dataclass(frozen=True)
class Language:
    """What the file speaks: words of a language, and no zone and no currency of anybody."""

    locale: str
    zone: str = "UTC"
    currency: str = "EUR"


def languages() -> tuple[str, ...]:
    """Those that there are words in; English stands in the code itself."""
    known = (p.parent.parent.name for p in i18n.LOCALE_DIR.glob("*/LC_MESSAGES/messages.mo"))
    return tuple(sorted({"en", *(name.partition("_")[0] for name in known)}))


def language_of(locale: str) -> str:
    """Which of the languages a circle's pages speak."""
    wanted = locale.replace("-", "_").partition("_")[0]
    return wanted if wanted in languages() else "en"


def _name(path: str) -> str:
    return "$" + re.sub(r"\W", "_", path.removesuffix(".js"))


def _names(text: str) -> list[tuple[str, str]]:
    """`a, b as c` as pairs of what it is called there and here."""
    found = []
    for part in filter(None, (piece.strip() for piece in text.split(","))):
        there, _, here = part.partition(" as ")
        found.append((there, here or there))
    return found


def _imported(found: re.Match[str]) -> str:
    source = _name(found["path"])
    if found["whole"]:
        return f"const {found['whole']} = {source};"
    names = ", ".join(there if there == here else f"{there}: {here}"
                      for there, here in _names(found["names"]))  # fmt: skip
    return f"const {{ {names} }} = {source};"


def _wrapped(path: str, text: str, *, last: bool) -> str:
    """A module as a function's scope; the last one may wait for things."""
    names = [found["name"] for found in _EXPORT.finditer(text)]
    for found in _REEXPORT.finditer(text):
        names += [here for _, here in _names(found["names"])]
    body = _REEXPORT.sub("", _EXPORT.sub(r"\g<what> \g<name>", _IMPORT.sub(_imported, text)))
    if re.search(r"^(?:import|export)\b", body, re.MULTILINE) or "</script" in body:
        raise BundleError(f"{path} cannot stand in one file")
    if last:
        return f"// ---- {path}\n(async () => {{\n{body}}})();\n"
    given = ", ".join(names)
    return f"// ---- {path}\nconst {_name(path)} = (() => {{\n{body}return {{ {given} }};\n}})();\n"


def bundle(entry: str = ENTRY) -> str:
    """The module and all that it imports, each before those that need it, as one script."""
    folder = entry.rpartition("/")[0]
    files = static.tree().files
    done: dict[str, str] = {}
    open_: list[str] = []

    def add(name: str) -> None:
        if name in done:
            return
        if name in open_:
            raise BundleError(f"{' -> '.join([*open_, name])} is a circle of imports")
        open_.append(name)
        text = files[f"{folder}/{name}"].body.decode()
        for found in _IMPORT.finditer(text):
            add(found["path"])
        done[name] = _wrapped(name, text, last=len(open_) == 1)
        open_.pop()

    add(entry.rpartition("/")[2])
    return '"use strict";\n' + "".join(done.values())


def _digest(text: str) -> str:
    return f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'"


@dataclass(frozen=True)
class SingleFile:
    """The file, and the policy that is sent with it where it is opened at the host."""

    body: bytes
    policy: str


def _policy(script: str, style: str, connect: str) -> str:
    return "; ".join(
        (
            "default-src 'none'",
            f"script-src {_digest(script)}",
            f"style-src {_digest(style)}",
            "img-src data: blob:",
            f"connect-src {connect}",
            "form-action 'none'",
            "base-uri 'none'",
        )
    )


@cache
def file(language: str) -> SingleFile:
    """The file in one of `languages()`."""
    script = bundle()
    style = static.tree().files["style.css"].body.decode()
    context = {
        "script": Markup(script),  # noqa: S704  # our own modules, as served
        "style": Markup(style),  # noqa: S704  # our own stylesheet, as served
        # From a disk it casts wherever the circle is; nothing else is allowed there either.
        "policy": _policy(script, style, "https: http:"),
    }
    with i18n.speaking(Language(language)) as tongue:
        words = open_words(_TICKS_SPELLED, _BALLOTS_MOST)
        template = environment().get_template("ballot/single.html")
        body = template.render({**context, "words": words, "tongue": tongue}).encode()
    served = _policy(script, style, "'self'") + "; frame-ancestors 'none'"
    return SingleFile(body, served)


@cache
def hashes() -> tuple[bytes, ...]:
    """SHA-256 of the file in each language."""
    return tuple(sha256(file(language).body).digest() for language in languages())
