"""Reading what a browser posted: strict, and with every problem said at once.

A handler reads `form = await forms.read(request)`, asks for its fields by name, and when
`form.trouble` is not empty renders the same page again, filled, with status 422. Nothing here
raises for what a person may simply correct; InvalidError is for what no form of ours can send.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any
from urllib.parse import unquote_to_bytes

from litestar import Request

from circles import money
from circles.errors import InvalidError
from circles.web.i18n import gettext as _
from circles.web.i18n import spoken

FIELDS_MAX = 200
NUMBER_CHARS_MAX = 12
# What turns the direction of writing around: a text must not rearrange the words beside it.
_TURNING = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
# Parts of letters and of emoji, in the scripts that need them.
_JOINERS = frozenset("\u200c\u200d")


def _is_hidden(char: str) -> bool:
    """Whether nobody sees it, so that two names could look alike and be two."""
    return unicodedata.category(char) in {"Cf", "Zl", "Zp"} and char not in _JOINERS


class TypeRefusedError(InvalidError):
    """The body is of a kind that this address does not read."""

    code = "unsupported-type"


class Trouble(dict[str, str]):
    """What is wrong, by field; the first message of a field stands."""

    def add(self, name: str, message: str) -> None:
        """Say what is wrong with a field and what to do about it."""
        self.setdefault(name, message)

    @property
    def first(self) -> str | None:
        """The field that gets the focus."""
        return next(iter(self), None)


class Form:
    """One posted form, or the values a page begins with (`Form(handle="wren")`)."""

    def __init__(self, values: Mapping[str, str] | None = None, /, **named: str) -> None:
        self._values = {**(values or {}), **named}
        self.trouble = Trouble()

    def __contains__(self, name: str) -> bool:
        return name in self._values

    def names(self, prefix: str = "") -> list[str]:
        """The names that were posted, in order; with a prefix only those."""
        return [name for name in self._values if name.startswith(prefix)]

    def value(self, name: str) -> str:
        """As it was typed, to fill the page again."""
        return self._values.get(name, "")

    def text(self, name: str, *, max_chars: int, min_chars: int = 1, required: bool = True) -> str:
        """One line, trimmed, NFC; empty when there was trouble or nothing was asked."""
        return self._text(name, max_chars, min_chars, required, lines=False)

    def lines(self, name: str, *, max_chars: int, min_chars: int = 1, required: bool = True) -> str:
        """Several lines, ended by LF, trimmed, NFC."""
        return self._text(name, max_chars, min_chars, required, lines=True)

    def secret(self, name: str, *, max_chars: int = 1000) -> str:
        """A passphrase: taken exactly as typed, but NFC; never filled in again."""
        text = unicodedata.normalize("NFC", self._values.pop(name, ""))
        if not text:
            self.trouble.add(name, _("Please fill this in."))
        elif len(text) > max_chars:
            self.trouble.add(
                name, _("That is longer than %(n)s letters. Please shorten it.") % {"n": max_chars}
            )
            return ""
        return text

    def _text(self, name: str, max_chars: int, min_chars: int, required: bool, lines: bool) -> str:
        text = self._values.get(name, "").replace("\r\n", "\n").replace("\r", "\n")
        text = unicodedata.normalize("NFC", text).strip()
        allowed = "\n\t" if lines else ""
        if any(unicodedata.category(c) in {"Cc", "Cs"} and c not in allowed for c in text):
            self.trouble.add(name, _("There is a sign in it that cannot be printed."))
            return ""
        if any(c in _TURNING or (not lines and _is_hidden(c)) for c in text):
            self.trouble.add(name, _("There is a hidden character in it. Please type it anew."))
            return ""
        if not text:
            if required:
                self.trouble.add(name, _("Please fill this in."))
            return ""
        if len(text) > max_chars:
            values = {"n": max_chars, "over": len(text) - max_chars}
            self.trouble.add(
                name, _("At most %(n)s letters fit. Please leave off %(over)s.") % values
            )
            return ""
        if len(text) < min_chars:
            self.trouble.add(name, _("Please write at least %(n)s letters.") % {"n": min_chars})
            return ""
        return text

    def choice(self, name: str, options: Sequence[str]) -> str:
        """One of these values; empty when none was picked."""
        value = self._values.get(name, "")
        if value not in options:
            self.trouble.add(name, _("Please pick one of these."))
            return ""
        return value

    def checked(self, name: str) -> bool:
        """Whether a box was ticked."""
        return self._values.get(name, "") not in {"", "0", "off"}

    def number(self, name: str, *, least: int, most: int) -> int:
        """A whole number in a range; `least` when there was trouble."""
        text = self._values.get(name, "").strip()
        whole = text.isascii() and text.isdigit() and len(text) <= NUMBER_CHARS_MAX
        if not whole or not least <= int(text) <= most:
            values = {"least": least, "most": most}
            self.trouble.add(name, _("Please write a number from %(least)s to %(most)s.") % values)
            return least
        return int(text)

    def amount(
        self,
        name: str,
        *,
        currency: str | None = None,
        least_minor: int = 1,
        most_minor: int = money.AMOUNT_MINOR_MAX,
    ) -> int:
        """Minor units of an amount as people write it here; 0 when there was trouble."""
        code, locale = currency or spoken().currency, spoken().locale
        try:
            minor = money.parse(self._values.get(name, ""), code, locale)
        except money.AmountError as error:
            self.trouble.add(name, _(str(error)))
            return 0
        if not least_minor <= minor <= most_minor:
            values = {
                "least": money.plain(least_minor, code, locale),
                "most": money.plain(most_minor, code, locale),
            }
            message = (
                _("Please write an amount from %(least)s to %(most)s.")
                if most_minor < money.AMOUNT_MINOR_MAX
                else _("Please write an amount of at least %(least)s.")
            )
            self.trouble.add(name, message % values)
            return 0
        return minor

    def day(self, name: str) -> date | None:
        """A calendar day (yyyy-mm-dd, what date fields send)."""
        try:
            return date.fromisoformat(self._values.get(name, "").strip())
        except ValueError:
            self.trouble.add(name, _("Please give a day that exists, such as 2026-10-23."))
            return None


async def read(request: Request[Any, Any, Any]) -> Form:
    """The posted form: urlencoded, strict UTF-8, no doubled names, no NUL."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    body = await request.body()
    if kind != "application/x-www-form-urlencoded" and body:
        raise TypeRefusedError(_("This page reads plain forms only. Nothing was kept."))
    return Form(parse(body))


def parse(body: bytes) -> dict[str, str]:
    """Names and values of a urlencoded body; InvalidError for what no browser form sends."""
    values: dict[str, str] = {}
    pairs = body.split(b"&") if body else []
    if len(pairs) > FIELDS_MAX:
        raise InvalidError(_("That form has more fields than any page here. Nothing was kept."))
    for pair in pairs:
        name, _equals, value = pair.partition(b"=")
        key = _decoded(name)
        if key in values:
            raise InvalidError(_("A field came twice. Nothing was kept. Please send it again."))
        values[key] = _decoded(value)
    return values


def _decoded(part: bytes) -> str:
    try:
        text = unquote_to_bytes(part.replace(b"+", b" ")).decode()
    except UnicodeDecodeError as error:
        raise InvalidError(
            _("There are letters in it that cannot be read. Nothing was kept.")
        ) from error
    if "\0" in text:
        raise InvalidError(_("There are letters in it that cannot be read. Nothing was kept."))
    return text
