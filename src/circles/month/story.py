"""How things stand, in the program's own words: headline, what follows, what is yours to do now.

Pure: facts in, words out, in the language spoken now. A headline says how things stand, never what
the page is called; there is one task at most, and it never says who has not done what.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from markupsafe import Markup

from circles.circle.boxes import OPENED_WITHIN
from circles.month import steps
from circles.month.facts import Facts
from circles.month.steps import Step
from circles.rounds.phases import Phase
from circles.rounds.rounds import Round
from circles.web import i18n
from circles.web.i18n import gettext as _
from circles.web.i18n import ngettext


@dataclass(frozen=True)
class Task:
    """The one thing to do now: what, a button and where it leads, and that it may be left."""

    text: str
    button: str = ""
    path: str = ""
    soft: str = ""


class Now(NamedTuple):
    """How things stand, what follows, and what is the reader's to do."""

    headline: str
    lead: str
    task: Task | None


@dataclass(frozen=True)
class Story:
    """What the page tells."""

    headline: str
    lead: str
    task: Task | None
    steps: tuple[Step, ...]
    days: Markup | None


def tell(facts: Facts) -> Story:
    """The whole page's words for these facts."""
    found, step = facts.round, facts.phase
    if found is None or step is None:
        return _before_the_first(facts)
    now = _NOW[step](facts, found)
    late = not facts.on_roll and step not in {Phase.COUNT, Phase.PAY, Phase.THANK}
    return Story(
        headline=now.headline,
        lead=now.lead,
        task=_late_task(facts, found) if late else now.task,
        steps=steps.steps(facts, found, step),
        days=steps.days(facts, found, step),
    )


# ------------------------------------------------------------------ before the first round


def _before_the_first(facts: Facts) -> Story:
    begins = facts.first_begins
    if facts.lacking and not facts.missing:
        lead = facts.lacking
    elif facts.missing:
        lead = ngettext(
            "One more neighbour, and the first month can begin.",
            "%(n)s more neighbours, and the first month can begin.",
            facts.missing,
        ) % {"n": i18n.opening_words(facts.missing)}
    elif begins is not None and begins > facts.now:
        lead = _("Our first month begins on %(when)s.") % {"when": i18n.moment(begins)}
    elif begins is not None:
        lead = _("Our first month begins in a moment. Load this page again.")
    else:
        lead = _("Enough neighbours are here. A steward can let the first month begin.")
    return Story(_("A clean sheet."), lead, _first_task(facts), (), None)


def _first_task(facts: Facts) -> Task:
    path = facts.circle.path
    if facts.member.is_steward and (facts.missing or facts.first_month is None):
        return Task(
            _("Invite neighbours: three are enough to begin, seven make it lively."),
            _("Invite a neighbour") if facts.missing else _("Begin the first month"),
            f"{path}/in/steward",
        )
    return Task(
        _("Nothing for now. Say what you would like to put in each month, if you like."),
        _("Your pledge"),
        f"{path}/in/pledge",
    )


# ------------------------------------------------------------------ the steps of a round


def _collecting(facts: Facts, found: Round) -> Now:
    dates, month = found.dates, i18n.month_name(found.month)
    if facts.now < dates.take_from:
        lead = _("Ticks can be collected from %(when)s on.") % {
            "when": i18n.moment(dates.take_from)
        }
        return Now(_("%(month)s begins soon.") % {"month": month}, lead, None)
    lead = _("Naming whom to help begins on %(when)s.") % {
        "when": i18n.moment(dates.nominating_opens)
    }
    task = None if facts.collected else _collect_task(facts)
    return Now(_("Your ticks are here."), lead, task or _waiting_task())


def _nominating(facts: Facts, found: Round) -> Now:
    lead = _("You can name somebody until %(when)s, and nobody is told that it was you.") % {
        "when": i18n.moment(found.dates.nominating_closes)
    }
    task = Task(
        _(
            "Name one person or place within ten minutes’ walk, and ask them first. "
            "Your words are read by members; your name is not with them."
        ),
        _("Name somebody"),
        f"{facts.circle.path}/in/nominate",
        _("Nobody to name? That is fine. You will vote all the same."),
    )
    ready = facts.collected and facts.named_with
    return Now(_("Whom shall we help?"), lead, task if ready else _collect_task(facts))


def _talking(facts: Facts, found: Round) -> Now:
    lead = _("Voting begins on %(when)s.") % {"when": i18n.moment(found.dates.voting_opens)}
    if not facts.requests and found.nominate.close_text is None:
        again = _("In a few minutes it stands here what is asked for. Load this page again.")
        return Now(_("Naming has ended."), again, None if facts.collected else _collect_task(facts))
    if not facts.requests:
        return Now(_("Nobody was named."), lead, None if facts.collected else _collect_task(facts))
    headline = ngettext("One request. Read it.", "%(n)s requests. Read them.", facts.requests)
    read = Task(
        _("Read what is asked for, before you vote on it."),
        _("Read the requests"),
        f"{facts.circle.path}/in/slate",
    )
    return Now(
        headline % {"n": i18n.opening_words(facts.requests)},
        lead,
        read if facts.collected else _collect_task(facts),
    )


def _voting(facts: Facts, found: Round) -> Now:
    if not facts.requests:
        lead = _("No request came in, so the whole fund stays for next month.")
        return Now(_("There is nothing to vote on."), lead, None)
    lead = ngettext(
        "One request is on the ballot. The box closes on %(when)s.",
        "%(n)s requests are on the ballot. The box closes on %(when)s.",
        facts.requests,
    ) % {
        "n": i18n.opening_words(facts.requests),
        "when": i18n.moment(found.dates.voting_closes),
    }
    task = _vote_task(facts) if facts.collected else _collect_task(facts)
    return Now(_("It is time to vote."), lead, task)


def _counting(facts: Facts, found: Round) -> Now:
    if facts.waits_for_keys:
        return _waiting_for_keys(facts, found)
    lead = _("This takes a few minutes. Everyone can count along afterwards.")
    task = Task(_("Nothing. Your ballot is in the box, if you put one there."))
    if not facts.requests:
        return Now(_("The month is being closed."), lead, None)
    return Now(_("The box is being opened."), lead, task)


def _waiting_for_keys(facts: Facts, found: Round) -> Now:
    """Nobody is named, and nobody hurried: it waits, and then the money stays."""
    box = facts.box
    if box is None:
        raise ValueError("there is no box to wait for")
    lead = ngettext(
        "We wait for %(n)s of %(needed)s keys. Without it nothing is counted, and on %(when)s "
        "the month ends; then all the money stays.",
        "We wait for %(n)s of %(needed)s keys. Without them nothing is counted, and on %(when)s "
        "the month ends; then all the money stays.",
        box.missing,
    ) % {
        "n": i18n.words(box.missing),
        "needed": i18n.words(box.box.needed),
        "when": i18n.moment(found.vote.closes_at + OPENED_WITHIN),
    }
    task = Task(_("Nothing. Your ballot is in the box, if you put one there."))
    if box.to_open:
        task = Task(
            _(
                "Your key to the box is one of those that can open it now. "
                "You need this browser, or the file or sheet you kept."
            ),
            _("Open the box"),
            f"{facts.circle.path}/in/trustee",
            _("If you cannot, others may be enough, and no money is lost."),
        )
    return Now(_("The box is closed, and waits for its keys."), lead, task)


def _over(facts: Facts, found: Round) -> Now:
    return Now(outcome(found), _outcome_lead(facts, found), _over_task(facts, found))


_NOW: dict[Phase, Callable[[Facts, Round], Now]] = {
    Phase.COLLECT: _collecting,
    Phase.NOMINATE: _nominating,
    Phase.TALK: _talking,
    Phase.VOTE: _voting,
    Phase.COUNT: _counting,
    Phase.PAY: _over,
    Phase.THANK: _over,
}


def outcome(found: Round) -> str:
    """How a month went, in one sentence."""
    month, result = i18n.month_name(found.month), found.result
    if result is None and found.void_reason != "no-candidates":
        return _("The box stayed shut.")
    if result is None or not result.awards:
        return _("%(month)s kept it all.") % {"month": month}
    return _("%(month)s helped %(n)s.") % {"month": month, "n": i18n.words(len(result.awards))}


def _outcome_lead(facts: Facts, found: Round) -> str:
    """Where the money of a decided month goes."""
    result, close = found.result, found.vote.close
    fund = (close.fund_minor or 0) if close else 0
    values = {"fund": i18n.money_unit(fund), "next": i18n.month_name(facts.next_month)}
    if result is None and found.void_reason == "few-voters":
        words = _(
            "Too few took part to keep a secret, so nobody opened the box. "
            "All %(fund)s stays for %(next)s."
        )
        return words % values
    if result is None and found.void_reason == "not-opened":
        words = _(
            "Too few keys were turned within seven days, so the box stays shut for good. "
            "All %(fund)s stays for %(next)s."
        )
        return words % values
    if result is None or not result.awards:
        return _("All %(fund)s stays for %(next)s.") % values
    values["given"] = i18n.money(sum(amount for _number, amount in result.awards))
    values["left"] = i18n.money(result.carried_minor)
    words = _("%(given)s of the %(fund)s go to help. %(left)s stays for %(next)s.")
    return words % values


# ------------------------------------------------------------------ what is yours to do now


def _late_task(facts: Facts, found: Round) -> Task:
    """For whoever joined while this round was running."""
    values = {
        "month": i18n.month_name(found.month),
        "next": i18n.month_name(max(facts.member.votes_from, facts.next_month)),
    }
    words = _("You came after %(month)s had begun, so you vote from %(next)s on. Look around.")
    return Task(words % values, _("Your pledge"), f"{facts.circle.path}/in/pledge")


def _waiting_task() -> Task:
    return Task(_("Nothing for now. Your ticks are collected, and they wait on your phone."))


def _collect_task(facts: Facts) -> Task:
    return Task(
        _(
            "Collect your ticks, on the phone with which you will vote. It takes a minute. "
            "The earlier, the better your vote is hidden."
        ),
        _("Collect your ticks"),
        f"{facts.circle.path}/in/collect",
        _("Collecting says nothing about voting. You may still leave it."),
    )


def _vote_task(facts: Facts) -> Task:
    n = facts.circle.vote_slots
    words = ngettext(
        "Give your one tick. It is ready on the phone with which you collected it. "
        "It takes about two minutes. It carries no name.",
        "Give your %(n)s ticks. They are ready on the phone with which you collected them. "
        "It takes about two minutes. They carry no name.",
        n,
    )
    return Task(
        words % {"n": i18n.words(n)},
        _("Open your ballot"),
        f"{facts.circle.path}/in/ballot",
        _(
            "Given already, or not this month? That is fine. "
            "Nobody is told who voted and who did not, so this stands here either way."
        ),
    )


def _over_task(facts: Facts, found: Round) -> Task | None:
    path = facts.circle.path
    if facts.to_confirm:
        words = ngettext(
            "One payment waits for a second name. It can be yours.",
            "%(n)s payments wait for a second name. It can be yours.",
            facts.to_confirm,
        )
        return Task(
            words % {"n": i18n.opening_words(facts.to_confirm)},
            _("Look at the payments"),
            f"{path}/in/payouts",
        )
    if found.result is None:
        return None
    if not facts.collected:
        return Task(
            _("See how everybody’s ticks were counted."),
            _("See the count"),
            f"{path}/rounds/{found.month}/",
        )
    return Task(
        _("See your own ballot among all the others, and that it was counted as you gave it."),
        _("Find your ballot"),
        f"{path}/in/check/{found.month}",
    )
