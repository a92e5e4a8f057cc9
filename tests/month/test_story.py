"""The month's words: a headline for every state, one task at most, and never a word of blame."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from circles.circle.boxes import SERVER_ALONE, BoxKeys
from circles.month import story
from circles.rounds.phases import Phase
from circles.rounds.rounds import Round
from circles.rounds.standing import Standing
from circles.web import i18n
from tests.month import told
from tests.month.told import DATES

HOUR = timedelta(hours=1)
AT = {
    Phase.COLLECT: DATES.take_from + HOUR,
    Phase.NOMINATE: DATES.nominating_opens + HOUR,
    Phase.TALK: DATES.nominating_closes + HOUR,
    Phase.VOTE: DATES.voting_opens + HOUR,
    Phase.COUNT: DATES.voting_closes + HOUR / 60,
    Phase.PAY: DATES.voting_closes + 2 * HOUR,
    Phase.THANK: DATES.thanks_from + HOUR,
}


def _tell(now: datetime, found: Round | None, **other: object) -> story.Story:
    facts = told.facts(now, found, **other)
    with i18n.speaking(facts.circle):
        return story.tell(facts)


@pytest.mark.parametrize(
    ("step", "found", "headline"),
    [
        (Phase.COLLECT, told.a_round(), "Your ticks are here."),
        (Phase.NOMINATE, told.a_round(), "Whom shall we help?"),
        (Phase.TALK, told.a_round(), "Three requests. Read them."),
        (Phase.VOTE, told.a_round(slate=True), "It is time to vote."),
        (Phase.COUNT, told.a_round(slate=True), "The box is being opened."),
        (Phase.PAY, told.a_round(result=True), "December helped two."),
        (Phase.THANK, told.a_round(result=True), "December helped two."),
        (Phase.PAY, told.a_round(result=True, awards=False), "December kept it all."),
        (Phase.PAY, told.a_round(void="few-voters"), "The box stayed shut."),
        (Phase.PAY, told.a_round(void="not-opened"), "The box stayed shut."),
        (Phase.PAY, told.a_round(void="no-candidates"), "December kept it all."),
    ],
)
def test_the_headline_says_how_things_stand(step: Phase, found: Round, headline: str) -> None:
    now = _tell(AT[step], found)
    expected = headline
    if headline == "December helped two." and found.result is not None:
        expected = f"December helped {i18n.words(len(found.result.awards))}."
    assert now.headline == expected
    here = [s for s in now.steps if s.state == "here"]
    assert [s.name.lower() for s in here] == [step.value]
    assert [s.state for s in now.steps] == sorted(
        (s.state for s in now.steps), key=["done", "here", ""].index
    )
    assert len(now.steps) == 7


@pytest.mark.parametrize(
    ("step", "other", "path"),
    [
        (Phase.COLLECT, {"collected": 0}, "/in/collect"),
        (Phase.COLLECT, {}, ""),
        (Phase.NOMINATE, {}, "/in/nominate"),
        (Phase.NOMINATE, {"named_with": 0}, "/in/collect"),
        (Phase.TALK, {}, "/in/slate"),
        (Phase.TALK, {"collected": 0}, "/in/collect"),
        (Phase.VOTE, {}, "/in/ballot"),
        (Phase.VOTE, {"collected": 0}, "/in/collect"),
        (Phase.VOTE, {"on_roll": False, "collected": 0}, "/in/pledge"),
        (Phase.COUNT, {}, ""),
        (Phase.PAY, {}, "/in/check/2026-12"),
        (Phase.PAY, {"collected": 0}, "/rounds/2026-12/"),
        (Phase.PAY, {"to_confirm": 2}, "/in/payouts"),
    ],
)
def test_what_is_mine_to_do_now(step: Phase, other: dict[str, object], path: str) -> None:
    over = step in {Phase.PAY, Phase.THANK}
    found = told.a_round(slate=step in {Phase.VOTE, Phase.COUNT}, result=over)
    task = _tell(AT[step], found, **other).task
    assert task is not None
    assert task.path == (f"/c/maple-row{path}" if path else "")
    assert bool(task.button) == bool(path)


@pytest.mark.parametrize("mine", [True, False])
def test_a_box_that_waits_for_keys_says_how_many_and_hurries_nobody(mine: bool) -> None:
    found = told.a_round(slate=True)
    own = bytes(32) if mine else None
    box = Standing(found, BoxKeys(3, 2, 1), "waiting", 1, own, done=False)
    now = _tell(AT[Phase.COUNT], found, box=box)
    assert now.headline == "The box is closed, and waits for its keys."
    assert now.lead.startswith("We wait for one of two keys. Without it nothing is counted, and on")
    assert now.task is not None
    assert now.task.path == ("/c/maple-row/in/trustee" if mine else "")
    alone = _tell(AT[Phase.COUNT], found, box=replace(box, box=SERVER_ALONE))
    assert alone.headline == "The box is being opened."
    void = _tell(AT[Phase.PAY], told.a_round(void="not-opened"))
    assert void.lead.startswith("Too few keys were turned within seven days")


def test_nothing_to_vote_on_asks_for_nothing() -> None:
    now = _tell(AT[Phase.VOTE], told.a_round(), requests=0)
    assert now.headline == "There is nothing to vote on."
    assert now.task is None


def test_before_the_first_month_the_page_says_what_is_missing() -> None:
    one = _tell(AT[Phase.COLLECT], None, members=2)
    assert one.headline == "A clean sheet."
    assert one.lead == "One more neighbour, and the first month can begin."
    assert one.steps == ()
    steward = _tell(AT[Phase.COLLECT], None, members=1, member=told.member("steward"))
    assert steward.lead.startswith("Two more neighbours")
    assert steward.task is not None
    assert steward.task.path == "/c/maple-row/in/steward"
    ready = _tell(AT[Phase.COLLECT], None, members=3, member=told.member("steward"))
    assert ready.task is not None
    assert ready.task.button == "Begin the first month"


def test_money_and_days_are_told_in_the_circles_way() -> None:
    vote = _tell(AT[Phase.VOTE], told.a_round(slate=True))
    assert (
        vote.lead
        == "Three requests are on the ballot. The box closes on Wednesday 23 December, 20:00."
    )
    found = told.a_round(void="few-voters")
    over = _tell(AT[Phase.PAY], found)
    close = found.vote.close
    assert close is not None
    with i18n.speaking(told.circle()):
        fund = i18n.money_unit(close.fund_minor or 0)
    assert over.lead.endswith(f"All {fund} stays for January.")
    whens = [s.when for s in vote.steps]
    assert whens[0] == "from 1 December"
    assert whens[3] == "18 to 23 December, 20:00"


def test_the_days_draw_today_and_every_step() -> None:
    vote = _tell(AT[Phase.VOTE], told.a_round(slate=True))
    drawn = str(vote.days)
    assert 'aria-label="31 days. Today is 18 December: vote."' in drawn
    assert ">vote</text>" in drawn
    assert drawn.count('stroke-width="16"') == 1


@pytest.mark.parametrize("step", list(Phase))
def test_no_word_of_blame_or_hurry(step: Phase) -> None:
    for other in ({}, {"collected": 0, "named_with": 0}, {"on_roll": False}):
        over = step in {Phase.PAY, Phase.THANK}
        found = told.a_round(slate=step in {Phase.VOTE, Phase.COUNT}, result=over)
        now = _tell(AT[step], found, **other)
        said = " ".join(
            [now.headline, now.lead, *(s.text for s in now.steps)]
            + ([now.task.text, now.task.soft] if now.task else [])
        )
        assert "!" not in said
        assert not re.search(
            r"\b(must|overdue|only \d+ days|hurry|failed to|still have not)\b", said
        )


@pytest.mark.parametrize("step", list(Phase))
def test_every_word_is_marked_for_translation(step: Phase) -> None:
    over = step in {Phase.PAY, Phase.THANK}
    found = told.a_round(slate=step in {Phase.VOTE, Phase.COUNT}, result=over)
    facts = told.facts(AT[step], found, treasurer="")
    with i18n.speaking(facts.circle), i18n.pseudo():
        now = story.tell(facts)
    said = [now.headline, now.lead, *(s.text for s in now.steps), *(s.name for s in now.steps)]
    said += [s.link for s in now.steps if s.link]
    if now.task:
        said += [t for t in (now.task.text, now.task.button, now.task.soft) if t]
    for text in said:
        assert text.startswith(i18n.PSEUDO_OPEN), text
