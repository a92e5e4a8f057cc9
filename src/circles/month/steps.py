"""The seven steps of a month in words, and the month as a row of days. Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from markupsafe import Markup

from circles.month.facts import Facts
from circles.rounds.phases import ORDER, Phase
from circles.rounds.rounds import Round
from circles.web import drawings, i18n
from circles.web.i18n import gettext as _
from circles.web.i18n import ngettext

DAYS_MAX = 62


@dataclass(frozen=True)
class Step:
    """One of the seven steps; `state` is `done`, `here` or "" for what comes."""

    name: str
    when: str
    text: str
    state: str
    path: str = ""
    link: str = ""


def steps(facts: Facts, found: Round, here: Phase) -> tuple[Step, ...]:
    """All seven, with the one that is now."""
    return tuple(_step(facts, found, step, here) for step in ORDER)


def _step(facts: Facts, found: Round, step: Phase, here: Phase) -> Step:
    at, now = ORDER.index(step), ORDER.index(here)
    state = "here" if at == now else "done" if at < now else ""
    name, when = _name(step), _when(found, step)
    text, path, link = _step_text(facts, found, step, state)
    return Step(name, when, text, state, path, link)


def _name(step: Phase) -> str:
    return {
        Phase.COLLECT: _("Collect"),
        Phase.NOMINATE: _("Nominate"),
        Phase.TALK: _("Talk"),
        Phase.VOTE: _("Vote"),
        Phase.COUNT: _("Count"),
        Phase.PAY: _("Pay"),
        Phase.THANK: _("Thank"),
    }[step]


def _when(found: Round, step: Phase) -> str:
    d = found.dates
    said: dict[Phase, Callable[[], str]] = {
        Phase.COLLECT: lambda: _("from %(day)s") % {"day": i18n.day(d.take_from)},
        Phase.NOMINATE: lambda: i18n.when(d.nominating_opens, d.nominating_closes),
        Phase.TALK: lambda: i18n.days_between(d.nominating_closes, d.voting_opens),
        Phase.VOTE: lambda: i18n.when(d.voting_opens, d.voting_closes),
        Phase.COUNT: lambda: i18n.moment(d.voting_closes),
        Phase.PAY: lambda: _("until %(day)s") % {"day": i18n.day(d.pay_until)},
        Phase.THANK: lambda: _("from %(day)s") % {"day": i18n.day(d.thanks_from)},
    }
    return said[step]()


def _step_text(facts: Facts, found: Round, step: Phase, state: str) -> tuple[str, str, str]:
    """What is said under a step; a path and the words of its link, or two empty texts."""
    done = state == "done"
    said: dict[Phase, Callable[[], tuple[str, str, str]]] = {
        Phase.COLLECT: lambda: _collect_text(facts),
        Phase.NOMINATE: lambda: (_nominate_text(facts, done), "", ""),
        Phase.TALK: lambda: _talk_text(facts, state),
        Phase.VOTE: lambda: (_vote_text(done), "", ""),
        Phase.COUNT: lambda: _count_text(facts, found, done),
        Phase.PAY: lambda: (_pay_text(facts), "", ""),
        Phase.THANK: lambda: (_thank_text(), "", ""),
    }
    return said[step]()


def _collect_text(facts: Facts) -> tuple[str, str, str]:
    n = facts.collected
    if n:
        words = ngettext("You collected your one tick.", "You collected your %(n)s ticks.", n)
        return words % {"n": i18n.words(n)}, "", ""
    if not facts.on_roll:
        return _("You were not here yet when this month began."), "", ""
    return (
        _("Take your ticks to your phone. They wait there until you vote."),
        f"{facts.circle.path}/in/collect",
        _("Collect"),
    )


def _nominate_text(facts: Facts, done: bool) -> str:
    if not done:
        return _("Say whom the fund should help, without your name.")
    if not facts.requests and facts.round and facts.round.nominate.close_text is None:
        return _("Naming has ended.")
    if not facts.requests:
        return _("No request came in.")
    return ngettext(
        "One request came in, without a name.",
        "%(n)s requests came in, without names.",
        facts.requests,
    ) % {"n": i18n.opening_words(facts.requests)}


def _talk_text(facts: Facts, state: str) -> tuple[str, str, str]:
    words = _("Talk it over, at a table or on the stairs. This page has no place for it yet.")
    if state == "" or not facts.requests:
        return words, "", ""
    return words, f"{facts.circle.path}/in/slate", _("What is asked for")


def _vote_text(done: bool) -> str:
    if done:
        return _("The box is closed.")
    return _("Change your mind as often as you like until the box closes. The last one counts.")


def _count_text(facts: Facts, found: Round, done: bool) -> tuple[str, str, str]:
    if done:
        path = f"{facts.circle.path}/rounds/{found.month}/"
        return _("Everyone can count along."), path, _("See the count")
    words = _("The box is opened and everyone can count along. You can find your own ballot there.")
    return words, "", ""


def _pay_text(facts: Facts) -> str:
    who = facts.treasurer or _("The treasurer")
    return _("%(who)s pays. A second person signs each payment.") % {"who": who}


def _thank_text() -> str:
    return _("Whoever was helped may say a word to all of us. The desk writes it down.")


# ------------------------------------------------------------------ the days


def days(facts: Facts, found: Round, here: Phase) -> Markup:
    """The month as one dot a day, the steps below; longer than a calendar month if they are."""
    d = found.dates
    first = min(i18n.local(d.take_from).date(), date.fromisoformat(found.month + "-01"))
    last = max(_month_end(found.month), i18n.local(d.thanks_from).date() + timedelta(days=2))
    count = min((last - first).days + 1, DAYS_MAX)

    def at(moment: datetime) -> int:
        return min(max((i18n.local(moment).date() - first).days, 0), count - 1)

    talk_from, pay_from = at(d.nominating_closes) + 1, at(d.voting_closes) + 1
    spans = [
        _span(Phase.COLLECT, at(d.take_from), at(d.nominating_opens) - 1, here),
        _span(Phase.NOMINATE, at(d.nominating_opens), at(d.nominating_closes), here),
        _span(Phase.TALK, talk_from, at(d.voting_opens) - 1, here),
        _span(Phase.VOTE, at(d.voting_opens), at(d.voting_closes), here),
        _span(Phase.PAY, pay_from, at(d.thanks_from) - 1, here),
        _span(Phase.THANK, at(d.thanks_from), count - 1, here),
    ]
    today = (i18n.local(facts.now).date() - first).days
    label = _("%(n)s days. Today is %(day)s: %(step)s.") % {
        "n": count,
        "day": i18n.day(facts.now),
        "step": _name(here).lower(),
    }
    drawn = [span for span in spans if span is not None]
    return drawings.days(count, today if 0 <= today < count else None, drawn, label)


def _span(step: Phase, first: int, last: int, here: Phase) -> drawings.Span | None:
    if last < first:
        return None
    marked = here is step or (here is Phase.COUNT and step is Phase.VOTE)
    return drawings.Span(_name(step).lower(), first, last, here=marked)


def _month_end(month: str) -> date:
    first = date.fromisoformat(month + "-01")
    return (first + timedelta(days=31)).replace(day=1) - timedelta(days=1)
