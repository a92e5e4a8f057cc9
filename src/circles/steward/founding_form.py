"""The founding form, read: every field checked, all trouble said at once."""

from __future__ import annotations

from dataclasses import dataclass, fields

from circles.circle import iban, offered, plain
from circles.circle.calendar import DEFAULT, Calendar, CalendarError, Moment
from circles.circle.circles import CAP_DEFAULT, CAP_MIN, HUES, RULES, NewCircle
from circles.settings import Settings
from circles.web.forms import Form
from circles.web.i18n import gettext as _
from circles.web.i18n import month_name, speaking

NAME_CHARS_MAX = 60
PURPOSE_CHARS_MAX = 600
NORMS_CHARS_MAX = 1200
HOLDER_CHARS_MAX = 70
PAY_WORDS_CHARS_MAX = 400
_CEILING_UNITS_DEFAULT, _LEAST_UNITS_DEFAULT = "50", "5"
MOMENTS = tuple(field.name for field in fields(Calendar))


@dataclass(frozen=True)
class _Place:
    """What the form has said so far about money, language and zone."""

    locale: str
    zone: str
    currency: str


def default_norms() -> str:
    """What most circles ask of each other."""
    return "\n".join(
        (
            _("We do not ask who nominated, who voted or who paid."),
            _("We ask the person first, before we nominate them."),
            _("Nobody has to explain a month without paying."),
            _("What is said among us stays among us."),
        )
    )


def empty(settings: Settings) -> Form:
    """The form as it first appears."""
    values = {
        "currency": "EUR",
        "zone": "Europe/Berlin",
        "locale": "en_GB",
        "hue": "fern",
        "cap": str(min(CAP_DEFAULT, settings.cap_max)),
        "rule": RULES[0],
        "norms": default_norms(),
        "calendar": "usual",
        "ceiling": _CEILING_UNITS_DEFAULT,
        "least": _LEAST_UNITS_DEFAULT,
    }
    return Form({**values, **calendar_values(DEFAULT)})


def read(form: Form, settings: Settings) -> NewCircle | None:
    """The circle that is meant; None, and trouble in the form, if something is not right."""
    currency = form.choice("currency", [code for code, _words in offered.currencies()]) or "EUR"
    locale = form.choice("locale", [name for name, _words in offered.locales()]) or "en_GB"
    zone = form.choice("zone", [name for name, _words in offered.zones()]) or "UTC"
    name = form.text("name", max_chars=NAME_CHARS_MAX)
    if name and not plain.is_visible(name):
        form.trouble.add("name", _("Please write a name that we can read."))
    holder, account, words = read_pay(form)
    with speaking(_Place(locale, zone, currency)):
        ceiling_minor = form.amount("ceiling", currency=currency)
        least_minor = form.amount("least", currency=currency, least_minor=0)
    new = NewCircle(
        name=_line(form, "name", name, NAME_CHARS_MAX),
        purpose=form.lines("purpose", max_chars=PURPOSE_CHARS_MAX),
        norms=form.lines("norms", max_chars=NORMS_CHARS_MAX),
        currency=currency,
        zone=zone,
        locale=locale,
        hue=form.choice("hue", HUES),
        cap=form.number("cap", least=CAP_MIN, most=settings.cap_max),
        calendar=_calendar(form, zone),
        rule=form.choice("rule", RULES),
        least_minor=least_minor,
        pay_holder=holder,
        pay_iban=account,
        pay_words=words,
        pledge_ceiling_minor=ceiling_minor,
    )
    return None if form.trouble else new


def read_pay(form: Form) -> tuple[str, str, str]:
    """(holder, IBAN, words for cash): an account with its holder, or words, or both."""
    holder = form.text("holder", max_chars=HOLDER_CHARS_MAX, required=False)
    holder = _line(form, "holder", holder, HOLDER_CHARS_MAX)
    words = form.lines("pay_words", max_chars=PAY_WORDS_CHARS_MAX, required=False)
    typed = form.text("iban", max_chars=60, required=False)
    account = ""
    if typed:
        try:
            account = iban.parse(typed)
        except iban.IbanError as error:
            form.trouble.add("iban", str(error))
        if not holder:
            form.trouble.add("holder", _("Whose account is it? Banks ask for the name."))
    elif not words:
        form.trouble.add(
            "iban", _("Say how one pays in: an account, or words about cash further down.")
        )
    return holder, account, words


def _line(form: Form, name: str, text: str, chars_max: int) -> str:
    try:
        return plain.line(text, chars_max=chars_max)
    except plain.PlainTextError as error:
        form.trouble.add(name, str(error))
        return ""


def calendar_values(calendar: Calendar) -> dict[str, str]:
    """The fields of a calendar's seven dates, filled."""
    values = {}
    for name in MOMENTS:
        moment: Moment = getattr(calendar, name)
        values[f"day-{name}"] = offered.day_text(moment)
        values[f"hour-{name}"] = f"{moment.at:%H:%M}"
        if moment.next_month:
            values[f"next-{name}"] = "on"
    return values


def _calendar(form: Form, zone: str) -> Calendar:
    """The usual one, or one made of seven days and times; DEFAULT where there was trouble."""
    if form.choice("calendar", ("usual", "own")) != "own":
        return DEFAULT
    return read_own_calendar(form, zone)


def read_own_calendar(form: Form, zone: str) -> Calendar:
    """A calendar made of seven days and times; DEFAULT where there was trouble."""
    moments = {}
    for name in MOMENTS:
        day, hour = form.value(f"day-{name}"), form.value(f"hour-{name}").strip()[:5]
        later = " next" if form.checked(f"next-{name}") else ""
        try:
            moments[name] = Moment.from_text(f"{day} {hour}{later}")
        except CalendarError:
            form.trouble.add(f"hour-{name}", _("Please pick a day, and a time such as 20:00."))
    if len(moments) != len(MOMENTS):
        return DEFAULT
    calendar = Calendar(**moments)
    for earlier, later_name, month in calendar.clashes(zone):
        values = {
            "later": step_words(later_name),
            "earlier": step_words(earlier),
            "month": month_name(month, year=True),
        }
        form.trouble.add(
            f"hour-{later_name}" if later_name in MOMENTS else "calendar",
            _("In %(month)s “%(later)s” would come before “%(earlier)s”.") % values,
        )
    return calendar


def step_words(name: str) -> str:
    """What a date of the calendar is called on pages."""
    return {
        "take_from": _("Collecting ticks begins"),
        "nominating_opens": _("Nominating begins"),
        "nominating_closes": _("Nominating ends"),
        "voting_opens": _("Voting begins"),
        "voting_closes": _("Voting ends"),
        "pay_until": _("The last day of paying"),
        "thanks_from": _("Thanks begin"),
        "next_take_from": _("The next round begins"),
    }[name]


def inks() -> list[tuple[str, str]]:
    """(name in the stylesheet, name on the page) of the eight inks."""
    words = {
        "honey": _("Honey"),
        "olive": _("Olive"),
        "fern": _("Fern"),
        "lagoon": _("Lagoon"),
        "harbour": _("Harbour"),
        "cornflower": _("Cornflower"),
        "iris": _("Iris"),
        "mulberry": _("Mulberry"),
    }
    return [(hue, words[hue]) for hue in HUES]


def usual_moments() -> dict[str, Moment]:
    """The dates of the calendar that fits most, by name."""
    return {name: getattr(DEFAULT, name) for name in MOMENTS}
