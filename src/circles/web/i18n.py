"""Words, money and dates in the reader's language and the circle's zone.

What language, currency and zone a page speaks is set once per request (`speaking`) and read by
every gettext call and filter, so that a template never passes them along. The words themselves live
in `circles/locale/<language>/LC_MESSAGES/messages.mo`; English is what stands in the code.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from pathlib import Path
from typing import Protocol
from zoneinfo import ZoneInfo

from babel import Locale, UnknownLocaleError
from babel.dates import format_date, format_skeleton, format_time
from babel.numbers import get_currency_name
from babel.support import NullTranslations, Translations

from circles import money as moneys

LOCALE_DIR = Path(__file__).parent.parent / "locale"
PSEUDO_OPEN, PSEUDO_CLOSE = "\u27e6", "\u27e7"


class Place(Protocol):
    """What of a circle decides how its pages speak."""

    @property
    def locale(self) -> str: ...
    @property
    def zone(self) -> str: ...
    @property
    def currency(self) -> str: ...


@dataclass(frozen=True)
class Tongue:
    """A language (CLDR, such as `en_GB`), a time zone (IANA) and a currency (ISO 4217).

    `pseudo` wraps every translated text in brackets: what stands outside them on a page was never
    marked for translation.
    """

    locale: str = "en_GB"
    zone: str = "UTC"
    currency: str = "EUR"
    pseudo: bool = False

    @property
    def html_lang(self) -> str:
        """The language as HTML and HTTP write it: `en-GB`."""
        return self.locale.replace("_", "-")


_DEFAULT = Tongue()
_SPOKEN: ContextVar[Tongue] = ContextVar("circles_tongue", default=_DEFAULT)
_PSEUDO: ContextVar[bool] = ContextVar("circles_pseudo", default=False)


def spoken() -> Tongue:
    """What the present request speaks."""
    return _SPOKEN.get()


@contextmanager
def speaking(place: Place | None) -> Iterator[Tongue]:
    """Speak as this circle does for the time of the block."""
    tongue = _DEFAULT
    if place is not None:
        tongue = Tongue(_known(place.locale), place.zone, place.currency)
    token = _SPOKEN.set(tongue)
    try:
        yield tongue
    finally:
        _SPOKEN.reset(token)


@contextmanager
def pseudo() -> Iterator[None]:
    """For tests: every translated text in brackets, whatever the language."""
    token = _PSEUDO.set(True)
    try:
        yield
    finally:
        _PSEUDO.reset(token)


@cache
def _known(locale: str) -> str:
    """The locale as Babel spells it; English when it is none."""
    try:
        return str(Locale.parse(locale.replace("-", "_")))
    except (UnknownLocaleError, ValueError):
        return _DEFAULT.locale


@cache
def _translations(locale: str) -> NullTranslations:
    return Translations.load(LOCALE_DIR, [locale, locale.partition("_")[0]])


def _marked(text: str) -> str:
    return f"{PSEUDO_OPEN}{text}{PSEUDO_CLOSE}" if _PSEUDO.get() and text else text


def gettext(message: str) -> str:
    """The message in the language spoken now."""
    return _marked(str(_translations(spoken().locale).gettext(message)))


def ngettext(singular: str, plural: str, n: int) -> str:
    """The message for so many, in the language spoken now."""
    return _marked(str(_translations(spoken().locale).ngettext(singular, plural, n)))


# ------------------------------------------------------------------ money


def money(amount_minor: int, currency: str | None = None) -> str:
    """`135.00`: the unit is named once per block of figures, by the words around it."""
    return moneys.plain(amount_minor, currency or spoken().currency, spoken().locale)


def money_unit(amount_minor: int, currency: str | None = None) -> str:
    """`135.00 euros`."""
    code = currency or spoken().currency
    return f"{money(amount_minor, code)}\u00a0{unit(code, amount_minor)}"


def money_short(amount_minor: int, currency: str | None = None) -> str:
    """`10` when there are no cents, `7.50` when there are: for speech, not for tables."""
    code = currency or spoken().currency
    whole, cents = divmod(amount_minor, 10 ** moneys.minor_digits(code))
    if cents:
        return money(amount_minor, code)
    return number(whole)


def unit(currency: str | None = None, amount_minor: int = 0) -> str:
    """The name of the unit in the plural that the amount asks for: `euros`, `euro`."""
    code = currency or spoken().currency
    name = get_currency_name(
        code, count=moneys.to_decimal(amount_minor, code), locale=spoken().locale
    )
    return str(name)


# ------------------------------------------------------------------ numbers


def number(n: int) -> str:
    """Digits, grouped as the locale does."""
    return moneys.plain(n, "JPY", spoken().locale)


def words(n: int) -> str:
    """`three` up to twelve, digits beyond: what a sentence can carry."""
    _ = gettext
    small = (
        _("none"),
        _("one"),
        _("two"),
        _("three"),
        _("four"),
        _("five"),
        _("six"),
        _("seven"),
        _("eight"),
        _("nine"),
        _("ten"),
        _("eleven"),
        _("twelve"),
    )
    return small[n] if 0 <= n < len(small) else number(n)


def opening_words(n: int) -> str:
    """`Three`: the same at the beginning of a sentence."""
    text = words(n)
    at = 1 if text.startswith(PSEUDO_OPEN) else 0
    return text[:at] + text[at : at + 1].upper() + text[at + 1 :]


# ------------------------------------------------------------------ dates


def local(at: datetime) -> datetime:
    """The same moment on the circle's wall clock."""
    return at.astimezone(ZoneInfo(spoken().zone))


def _as_date(value: date | datetime) -> date:
    return local(value).date() if isinstance(value, datetime) else value


def _skeleton(fields: str, value: date) -> str:
    return str(format_skeleton(fields, value, fuzzy=True, locale=spoken().locale))


def day(value: date | datetime, weekday: bool = False, year: bool = False) -> str:
    """`23 October`, `Friday 23 October`, `23 October 2026`."""
    at, locale = _as_date(value), spoken().locale
    text = str(format_date(at, "long", locale=locale)) if year else _skeleton("MMMMd", at)
    if not weekday:
        return text
    values = {"weekday": format_date(at, "EEEE", locale=locale), "day": text}
    return gettext("%(weekday)s %(day)s") % values


def weekday(value: date | datetime) -> str:
    """`Friday`."""
    return str(format_date(_as_date(value), "EEEE", locale=spoken().locale))


def hour(value: datetime) -> str:
    """`20:00`."""
    return str(format_time(local(value), "short", locale=spoken().locale))


def moment(value: datetime, weekday: bool = True, year: bool = False) -> str:
    """`Friday 23 October, 20:00`, on the circle's wall clock."""
    return f"{day(value, weekday=weekday, year=year)}, {hour(value)}"


def month_name(month: str, year: bool = False) -> str:
    """`October`, or `October 2026`, of `2026-10`."""
    value = date(int(month[:4]), int(month[5:7]), 1)
    if year:
        return _skeleton("yMMMM", value)
    return str(format_date(value, "LLLL", locale=spoken().locale))


def month_short(month: str) -> str:
    """`Oct`, of `2026-10`: for charts."""
    value = date(int(month[:4]), int(month[5:7]), 1)
    return str(format_date(value, "LLL", locale=spoken().locale))


def machine_time(value: date | datetime) -> str:
    """For `<time datetime>`: the day, or the moment in UTC."""
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%dT%H:%M:%SZ")
    return value.isoformat()


def when(start: datetime, end: datetime) -> str:
    """`18 to 23 October, 20:00`: from a day to a moment, the month named once when it can be."""
    first, last = _as_date(start), _as_date(end)
    if first == last:
        return gettext("%(day)s, until %(hour)s") % {"day": day(end), "hour": hour(end)}
    same = (first.year, first.month) == (last.year, last.month)
    begins = str(first.day) if same and _day_leads() else day(first)
    values = {"first": begins, "last": day(last), "hour": hour(end)}
    return gettext("%(first)s to %(last)s, %(hour)s") % values


def days_between(start: datetime, end: datetime) -> str:
    """`24 to 28 October`: whole days, the last one included."""
    first, last = _as_date(start), _as_date(end)
    if first == last:
        return day(first)
    same = (first.year, first.month) == (last.year, last.month)
    begins = str(first.day) if same and _day_leads() else day(first)
    return gettext("%(first)s to %(last)s") % {"first": begins, "last": day(last)}


def _day_leads() -> bool:
    """Whether this locale writes the day before the month, so that `1 to 11 October` reads well."""
    return day(date(2026, 10, 23)).startswith("23")
