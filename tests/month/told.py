"""Facts for the month's words: a round out of published records, seen at any moment of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from circles.circle.calendar import DEFAULT, RoundDates, dates
from circles.circle.circles import Circle
from circles.members.people import Member
from circles.members.pledges import NO_PLEDGE
from circles.month.facts import Facts
from circles.protocol.messages import Close, Poll, Result, Slate, Void, parse_entry
from circles.rounds.rounds import PollState, Round
from tests.public import published

MONTH = "2026-12"
ZONE = "Europe/Berlin"
DATES = dates(DEFAULT, MONTH, ZONE)


def circle() -> Circle:
    """Maple Row, as a value."""
    new = published.new_circle()
    values = {name: getattr(new, name) for name in new.__dataclass_fields__}
    return Circle(
        id=b"c" * 16,
        slug="maple-row",
        vote_slots=3,
        nominate_slots=2,
        min_voters=3,
        log_origin="127.0.0.1:8000/c/maple-row",
        founded_at=datetime(2026, 4, 1, tzinfo=UTC),
        **values,
    )


def member(*roles: str) -> Member:
    """One of us."""
    return Member(
        id=b"m" * 16,
        circle_id=b"c" * 16,
        handle="wren",
        roles=frozenset({"member", *roles}),
        book_number="M1234",
        actor=7,
        joined_at=datetime(2026, 5, 1, tzinfo=UTC),
        votes_from="2026-05",
        payouts_frozen_until=None,
    )


def a_round(
    *, slate: bool = False, result: bool = False, void: str = "", awards: bool = True
) -> Round:
    """December, with as much of its records as there is by then."""
    messages = [parse_entry(entry) for entry in published.entries()]
    polls = {m.purpose: m for m in messages if isinstance(m, Poll)}
    closes = {m.poll: m for m in messages if isinstance(m, Close)}
    (slated,) = [m for m in messages if isinstance(m, Slate)]
    (counted,) = [m for m in messages if isinstance(m, Result)]
    if not awards:
        counted = replace(
            counted,
            awards=(),
            carried_minor=counted.carried_minor + sum(a for _, a in counted.awards),
        )
    over = result or bool(void)
    return Round(
        circle_id=b"c" * 16,
        month=MONTH,
        dates=DATES,
        nominate=_state(polls["nominate"], DATES, closes if slate or over else {}),
        vote=_state(polls["vote"], DATES, closes if over else {}),
        slate_text=slated.text() if slate or over else None,
        opened=over,
        result_text=counted.text() if result else None,
        void_text=Void(counted.poll, void).text() if void else None,
        posted=over,
    )


def _state(poll: Poll, at: RoundDates, closes: dict[bytes, Close]) -> PollState:
    close = closes.get(poll.record_id())
    vote = poll.purpose == "vote"
    return PollState(
        poll_hash=poll.record_id(),
        purpose=poll.purpose,
        text=poll.text(),
        take_from=at.take_from,
        opens_at=at.voting_opens if vote else at.nominating_opens,
        closes_at=at.voting_closes if vote else at.nominating_closes,
        clients=poll.clients,
        reissued=0,
        shut=close is not None,
        close_text=close.text() if close else None,
        keys_destroyed=close is not None,
    )


def facts(now: datetime, found: Round | None, **other: object) -> Facts:
    """What a member of five sees; `other` changes it."""
    base = Facts(
        circle=circle(),
        member=member(),
        now=now,
        members=5,
        round=found,
        on_roll=True,
        collected=3,
        named_with=2,
        requests=3,
        pledge=NO_PLEDGE,
        due=None,
        fund_minor=13500,
        fund_before_minor=5000,
        before_month="2026-11",
        treasurer="otto",
        told=0,
        pinned=(),
        to_confirm=0,
        lacking="",
        first_month=MONTH if found else None,
        box=None,
    )
    return replace(base, **other)  # type: ignore[arg-type] -- a test may change any
