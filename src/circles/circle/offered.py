"""What the founding form offers: money, languages, time zones, days of a month, each in words."""

from __future__ import annotations

from datetime import time
from functools import cache
from zoneinfo import available_timezones

from babel import Locale, UnknownLocaleError
from babel.core import get_global
from babel.numbers import get_currency_name, list_currencies

from circles.circle.calendar import NTH, WEEKDAYS, Moment
from circles.web.i18n import gettext as _
from circles.web.i18n import number, spoken

# Offered first; the others follow by name. Whoever needs one that is not here may still ask for it.
_MONEY = (
    "EUR USD GBP CHF SEK NOK DKK ISK PLN CZK HUF RON TRY UAH CAD AUD NZD JPY KRW CNY INR IDR "
    "PHP BRL MXN ARS COP CLP PEN ZAR KES NGN GHS MAD TND EGP ILS AED"
)
_TONGUES = (
    "en_GB en_US en_IE en_CA en_AU en_NZ en_ZA en_IN de_DE de_AT de_CH fr_FR fr_BE fr_CH fr_CA "
    "nl_NL nl_BE it_IT es_ES es_MX es_AR pt_PT pt_BR ca_ES da_DK sv_SE nb_NO fi_FI is_IS et_EE "
    "lv_LV lt_LT pl_PL cs_CZ sk_SK sl_SI hr_HR hu_HU ro_RO bg_BG el_GR tr_TR uk_UA ga_IE cy_GB "
    "ja_JP ko_KR zh_Hans_CN hi_IN id_ID sw_KE"
)
_REGIONS = {
    "Africa",
    "America",
    "Antarctica",
    "Arctic",
    "Asia",
    "Atlantic",
    "Australia",
    "Europe",
    "Indian",
    "Pacific",
}


def currencies() -> list[tuple[str, str]]:
    """(code, `Euro (EUR)`) in the reader's language."""
    known = list_currencies()
    return [
        (code, f"{get_currency_name(code, locale=spoken().locale)} ({code})")
        for code in _MONEY.split()
        if code in known
    ]


@cache
def locales() -> list[tuple[str, str]]:
    """(identifier, its name in itself), such as (`de_AT`, `Deutsch (Österreich)`)."""
    found = []
    for name in _TONGUES.split():
        try:
            found.append((name, str(Locale.parse(name).display_name or name)))
        except UnknownLocaleError:
            continue
    return found


@cache
def zones() -> list[tuple[str, str]]:
    """(IANA name, the same with spaces), by name; names that only point elsewhere are left out."""
    aliases = set(get_global("zone_aliases"))
    names = {
        name
        for name in available_timezones()
        if name.partition("/")[0] in _REGIONS and name not in aliases
    }
    return [(name, name.replace("_", " ").replace("/", " / ")) for name in sorted(names)] + [
        ("UTC", "UTC")
    ]


def days() -> list[tuple[str, str]]:
    """Every day that a date of the calendar may fall on: its text without the time, and words."""
    found = [(f"day {n}", _("day %(n)s of the month") % {"n": number(n)}) for n in range(1, 32)]
    found.append(("day last", _("the last day of the month")))
    names = Locale.parse(spoken().locale).days["format"]["wide"]
    for nth, words in _nths():
        for index, weekday in enumerate(WEEKDAYS):
            values = {"nth": words, "weekday": names[index]}
            found.append((f"{nth} {weekday}", _("the %(nth)s %(weekday)s") % values))
    return found


def _nths() -> list[tuple[str, str]]:
    words = {
        "first": _("first"),
        "second": _("second"),
        "third": _("third"),
        "fourth": _("fourth"),
        "last": _("last"),
    }
    return [(nth, words[nth]) for nth in NTH]


def day_text(moment: Moment) -> str:
    """The day part of a moment's text: `day 1`, `second sunday`."""
    return moment.to_text().removesuffix(" next").rpartition(" ")[0]


def moment_words(moment: Moment) -> str:
    """`the second Sunday, 20:00`, in the reader's language."""
    day = dict(days())[day_text(moment)]
    if moment.at == time(0, 0) and not moment.next_month:
        return day
    values = {"day": day, "hour": f"{moment.at:%H:%M}"}
    if moment.next_month:
        return _("%(day)s after, %(hour)s") % values
    return _("%(day)s, %(hour)s") % values
