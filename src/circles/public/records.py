"""The published record of a circle, read month by month for the pages.

Input is nothing but the entries of the log: the same bytes that anyone downloads. Amounts are minor
units. The working is computed again here by the rule of the poll record, and never read from any
table of ours; where it differs from the logged result the page says so.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date

from circles.protocol import allocation, seal, tally
from circles.protocol.allocation import Allocation, Row
from circles.protocol.messages import (
    NOMINATE,
    Ask,
    Ballot,
    Choice,
    Close,
    Event,
    Message,
    Nomination,
    Opening,
    Payout,
    Poll,
    Result,
    Seal,
    Slate,
    Void,
    parse_entry,
)
from circles.protocol.tally import Totals

_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def letter(number: int) -> str:
    """Candidates by the order drawn: A, B, C, and by number beyond Z."""
    return _LETTERS[number - 1] if number <= len(_LETTERS) else str(number)


@dataclass(frozen=True)
class Request:
    """One request on the ballot, as the public sees it: a letter, what it asked, what it got."""

    number: int
    ask: Ask
    row: Row | None
    paid_on: date | None

    @property
    def letter(self) -> str:
        return letter(self.number)

    @property
    def ticks(self) -> int:
        return self.row.ticks if self.row else 0

    @property
    def paid_minor(self) -> int:
        return self.row.paid_minor if self.row else 0


@dataclass(frozen=True)
class Month:
    """One round out of the log. `working` is empty until the result is there.

    `came_in_minor` is what the fund grew by since the month before left it; `holds` is False when
    our own working differs from the logged result, which the page must not hide. `opened` is how
    many keys were published in time.
    """

    month: str
    vote: Poll
    nominate: Poll | None
    slate: Slate | None = None
    nominated: Close | None = None
    close: Close | None = None
    result: Result | None = None
    void: Void | None = None
    requests: tuple[Request, ...] = ()
    allocation: Allocation | None = None
    first_entry: int = 0
    last_entry: int = 0
    before_minor: int = 0
    holds: bool = True
    choices: tuple[Choice, ...] = ()
    opened: int = 0

    @property
    def over(self) -> bool:
        """Whether the month has its result, or will never have one."""
        return self.result is not None or self.void is not None

    @property
    def fund_minor(self) -> int:
        return (self.close.fund_minor or 0) if self.close else 0

    @property
    def awarded_minor(self) -> int:
        return sum(amount for _number, amount in self.result.awards) if self.result else 0

    @property
    def carried_minor(self) -> int:
        return self.result.carried_minor if self.result else self.fund_minor

    @property
    def came_in_minor(self) -> int:
        return self.fund_minor - self.before_minor if self.close else 0

    @property
    def awards(self) -> list[Request]:
        """What was paid, in the order in which the rule paid it."""
        return [r for r in self.in_order if r.paid_minor]

    @property
    def in_order(self) -> list[Request]:
        """All requests in the order in which the rule looked at them."""
        return sorted(self.requests, key=lambda r: (r.row.place if r.row else 0, r.number))

    @property
    def ticks(self) -> int:
        return self.allocation.all_ticks if self.allocation else 0

    @property
    def keep(self) -> int:
        return self.allocation.keep if self.allocation else 0


@dataclass
class _Open:
    """A month while its entries are being read."""

    month: str
    polls: dict[str, Poll] = field(default_factory=dict)
    hashes: dict[bytes, str] = field(default_factory=dict)
    slate: Slate | None = None
    closes: dict[str, Close] = field(default_factory=dict)
    result: Result | None = None
    void: Void | None = None
    nominations: dict[bytes, Nomination] = field(default_factory=dict)
    ballots: dict[bytes, Ballot] = field(default_factory=dict)
    secrets: dict[int, bytes] = field(default_factory=dict)
    payouts: dict[int, date] = field(default_factory=dict)
    first: int = 0
    last: int = 0


@dataclass(frozen=True)
class Record:
    """The whole of a circle's published months, oldest first, and the last seal of the books."""

    months: tuple[Month, ...]
    seal: Seal | None
    entries: int

    @property
    def finished(self) -> list[Month]:
        """The months with a result or none for ever, oldest first."""
        return [month for month in self.months if month.over]

    def of(self, month: str) -> Month | None:
        """The month `yyyy-mm`, if it was ever announced."""
        return next((m for m in self.months if m.month == month), None)


def read(entries: Sequence[bytes]) -> Record:
    """Everything the pages show, out of the log's entries."""
    return collect([parse_entry(entry) for entry in entries])


def collect(messages: Iterable[Message]) -> Record:
    """The same, out of entries that were parsed before."""
    opened: dict[str, _Open] = {}
    by_poll: dict[bytes, _Open] = {}
    seal: Seal | None = None
    count = 0
    for index, message in enumerate(messages):
        count = index + 1
        if isinstance(message, Poll):
            month = opened.setdefault(message.month, _Open(message.month, first=index))
            month.polls[message.purpose] = message
            month.hashes[message.record_id()] = message.purpose
            by_poll[message.record_id()] = month
        elif isinstance(message, Seal):
            seal = message
        _take(by_poll, message, index)
    months: list[Month] = []
    before = 0
    for name in sorted(opened):
        made = _month(opened[name], before)
        if made is not None:
            months.append(made)
            before = made.carried_minor if made.over else before
    return Record(tuple(months), seal, count)


def _take(by_poll: dict[bytes, _Open], message: Message, index: int) -> None:
    poll = getattr(message, "poll", None)
    month = by_poll.get(message.record_id() if isinstance(message, Poll) else poll or b"")
    if month is None:
        return
    if not isinstance(message, Payout):
        month.last = index
    if isinstance(message, Event):
        _reschedule(month, message)
    elif isinstance(message, Slate):
        month.slate = message
    elif isinstance(message, Ballot | Nomination | Opening):
        _take_cast(month, message)
    elif isinstance(message, Close):
        month.closes[month.hashes[message.poll]] = message
    elif isinstance(message, Result):
        month.result = message
    elif isinstance(message, Void):
        month.void = message
    elif isinstance(message, Payout):
        month.payouts[message.candidate] = message.day


def _take_cast(month: _Open, message: Ballot | Nomination | Opening) -> None:
    """What was cast, and the secrets that open it; one after the result opened nothing."""
    if isinstance(message, Ballot):
        month.ballots[message.record_id()] = message
    elif isinstance(message, Nomination):
        month.nominations[message.record_id()] = message
    elif month.result is None:
        month.secrets.setdefault(message.trustee, message.secret)


def _reschedule(month: _Open, event: Event) -> None:
    """Dates as they are from the event on; who wants the old ones finds both in the log."""
    purpose = month.hashes[event.poll]
    month.polls[purpose] = replace(
        month.polls[purpose],
        take_from=event.take_from,
        opens_at=event.opens_at,
        closes_at=event.closes_at,
    )


def _month(read_so_far: _Open, before_minor: int) -> Month | None:
    vote = read_so_far.polls.get("vote")
    if vote is None:
        return None
    choices = _choices(read_so_far, vote)
    working, holds = _allocate(read_so_far, vote, choices)
    rows = {row.number: row for row in working.working} if working else {}
    leaves = read_so_far.slate.candidates if read_so_far.slate else ()
    return Month(
        month=read_so_far.month,
        vote=vote,
        nominate=read_so_far.polls.get(NOMINATE),
        slate=read_so_far.slate,
        nominated=read_so_far.closes.get(NOMINATE),
        close=read_so_far.closes.get("vote"),
        result=read_so_far.result,
        void=read_so_far.void,
        requests=tuple(
            Request(
                number,
                read_so_far.nominations[leaf].ask,
                rows.get(number),
                read_so_far.payouts.get(number),
            )
            for number, leaf in enumerate(leaves, start=1)
            if leaf in read_so_far.nominations
        ),
        allocation=working,
        first_entry=read_so_far.first,
        last_entry=read_so_far.last,
        before_minor=before_minor,
        holds=holds,
        choices=tuple(choices or ()),
        opened=len(read_so_far.secrets),
    )


def _allocate(
    month: _Open, vote: Poll, choices: list[Choice] | None
) -> tuple[Allocation | None, bool]:
    """The working, and whether it says the same as the logged result."""
    close, result, slate = month.closes.get("vote"), month.result, month.slate
    if close is None or result is None or slate is None or close.fund_minor is None:
        return None, True
    asks = [month.nominations[leaf].ask for leaf in slate.candidates if leaf in month.nominations]
    totals = Totals(tuple(n for _number, n in result.totals), result.keep)
    try:
        made = allocation.allocate(vote.rule, vote.params, close.fund_minor, asks, totals, choices)
    except allocation.RuleError:
        return None, False
    same = made.awards == result.awards and made.carried_minor == result.carried_minor
    return made, same


def _choices(month: _Open, vote: Poll) -> list[Choice] | None:
    """Whole ballots, opened again with the published secrets, where the rule needs them."""
    slate = month.slate
    if vote.rule != allocation.FairShares.name or month.result is None or slate is None:
        return None
    if len(month.secrets) < vote.threshold:
        return None
    opener = seal.Opener.of(vote, slate, month.secrets)
    opened = (opener.open(ballot) for ballot in tally.counted(month.ballots).values())
    return [choice for choice in opened if isinstance(choice, Choice)]
