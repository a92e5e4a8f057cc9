"""Step 2: every entry in turn. What belongs together is gathered by poll for the later steps.

The check of a single nomination or ballot (step 4) is made here too, while its bytes are at hand.
"""

from dataclasses import dataclass, field
from datetime import datetime

from circles.protocol import ballot as ballots
from circles.protocol import signature
from circles.protocol.messages import (
    NOMINATE,
    VOTE,
    Ask,
    Ballot,
    Close,
    Event,
    MalformedError,
    Message,
    Nomination,
    Opening,
    Payout,
    Poll,
    Result,
    Rotation,
    Seal,
    Slate,
    Void,
    parse_entry,
    signed_part,
)
from circles.protocol.verify.report import Report

KEPT_BALLOTS_MAX = 4096


@dataclass(frozen=True, slots=True)
class Cast:
    """What is kept of a nomination or ballot in the log."""

    index: int
    leaf: bytes
    key: bytes
    seq: int
    ask: Ask | None = None


@dataclass(slots=True)
class PollState:
    """A poll record and all that follows it in the log, each with its entry's index."""

    index: int
    leaf: bytes
    poll: Poll
    events: list[Event] = field(default_factory=list)
    cast: list[Cast] = field(default_factory=list)
    close: tuple[int, Close] | None = None
    slate: tuple[int, Slate] | None = None
    slate_leaf: bytes = b""
    openings: list[tuple[int, Opening]] = field(default_factory=list)
    result: tuple[int, Result] | None = None
    void: tuple[int, Void] | None = None
    ballots: dict[bytes, Ballot] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """How problems name this poll."""
        return f"round {self.poll.month} {self.poll.purpose}"

    @property
    def reissued(self) -> int:
        """Credentials issued anew, by the last event."""
        return self.events[-1].reissued if self.events else 0

    @property
    def times(self) -> tuple[datetime, datetime, datetime]:
        """take-from, opens and closes, by the last event."""
        last = self.events[-1] if self.events else self.poll
        return last.take_from, last.opens_at, last.closes_at

    @property
    def keys(self) -> int:
        """Distinct ballot keys."""
        return len({cast.key for cast in self.cast})


@dataclass(slots=True)
class Walk:
    """The walk over the entries, and what it gathered."""

    report: Report
    polls: dict[bytes, PollState] = field(default_factory=dict)
    rounds: dict[str, dict[str, PollState]] = field(default_factory=dict)
    seals: dict[bytes, tuple[int, Seal]] = field(default_factory=dict)
    payouts: list[tuple[int, Payout]] = field(default_factory=list)
    rotations: list[tuple[int, Rotation]] = field(default_factory=list)
    _circle: bytes | None = None
    _issuers: set[bytes] = field(default_factory=set)
    _trustees: set[bytes] = field(default_factory=set)
    _seen: set[bytes] = field(default_factory=set)

    def entry(self, index: int, leaf: bytes, data: bytes) -> None:
        """Look at one entry."""
        try:
            message = parse_entry(data)
        except MalformedError as error:
            self.report.fail("2.parse", f"entry {index}", f"it is not a record: {error}")
            return
        if not isinstance(message, Event):
            if leaf in self._seen:
                self.report.fail("2.once", f"entry {index}", "this record stands here twice")
                return
            self._seen.add(leaf)
        if isinstance(message, Ballot | Nomination):
            self._cast(index, leaf, data, message)
        else:
            self._record(index, leaf, message)

    def finish(self) -> None:
        """What can be said only at the end: both purposes, and their times side by side."""
        for month, purposes in self.rounds.items():
            where = f"round {month}"
            if not self.report.expect(
                len(purposes) == 2,  # noqa: PLR2004  # nominate and vote
                "2.round",
                where,
                "a round has a nominating poll and a vote",
            ):
                continue
            self.report.expect(
                purposes[NOMINATE].times[2] <= purposes[VOTE].times[1],
                "2.times",
                where,
                "nominating closes after voting opens",
            )

    def clients(self) -> list[bytes]:
        """All hashes of served scripts, in the order of their first mention."""
        found: dict[bytes, None] = {}
        for state in self.polls.values():
            lists = [state.poll.clients, *(event.clients for event in state.events)]
            found.update(dict.fromkeys(client for clients in lists for client in clients))
        return list(found)

    def _record(self, index: int, leaf: bytes, message: Message) -> None:
        match message:
            case Poll():
                self._poll(index, leaf, message)
            case Seal():
                self._one_circle(index, message.circle)
                self.seals[leaf] = (index, message)
            case Rotation():
                self.rotations.append((index, message))
            case Event():
                self._event(index, message)
            case Close():
                self._close(index, message)
            case Slate() | Opening() | Result() | Void() | Payout():
                self._of_vote(index, leaf, message)

    def _one_circle(self, index: int, circle: bytes) -> None:
        if self._circle is None:
            self._circle = circle
        same = circle == self._circle
        self.report.expect(same, "2.circle", f"entry {index}", "it is of another circle")

    def _poll(self, index: int, leaf: bytes, poll: Poll) -> None:
        where = f"entry {index}"
        expect = self.report.expect
        self._one_circle(index, poll.circle)
        state = self.polls[leaf] = PollState(index, leaf, poll)
        purposes = self.rounds.setdefault(poll.month, {})
        first = purposes.setdefault(poll.purpose, state) is state
        expect(first, "2.round", where, "this round already has a poll of that purpose")
        for n in poll.issuers:
            sound = n[0] >= 0x80 and n[-1] % 2 == 1  # noqa: PLR2004  # 3072 bits, odd
            expect(sound, "2.issuer", where, "an issuer key is not an odd number of 3072 bits")
            expect(n not in self._issuers, "2.issuer", where, "an issuer key is not fresh")
            self._issuers.add(n)
        for key in poll.trustees:
            expect(key not in self._trustees, "2.trustee", where, "a trustee key is not fresh")
            self._trustees.add(key)
        expect(
            poll.threshold <= len(poll.trustees),
            "2.trustee",
            where,
            "more trustees are needed than there are",
        )
        self._times_in_order(where, state)

    def _times_in_order(self, where: str, state: PollState) -> None:
        take_from, opens_at, closes_at = state.times
        self.report.expect(
            take_from <= opens_at < closes_at,
            "2.times",
            where,
            "take-from, opens and closes are not in order",
        )

    def _state(self, index: int, poll: bytes, purpose: str | None) -> PollState | None:
        state = self.polls.get(poll)
        where = f"entry {index}"
        if state is None:
            self.report.fail("2.follows", where, "it names no poll that stands before it")
            return None
        if purpose is not None and state.poll.purpose != purpose:
            self.report.fail(
                "2.purpose", where, f"it does not belong to a {state.poll.purpose} poll"
            )
            return None
        return state

    def _event(self, index: int, event: Event) -> None:
        state = self._state(index, event.poll, None)
        if state is None:
            return
        where = f"entry {index}"
        self.report.expect(
            state.close is None, "2.event", where, "nothing changes after a poll's close"
        )
        self.report.expect(
            event.reissued >= state.reissued, "2.event", where, "fewer are re-issued than before"
        )
        state.events.append(event)
        self._times_in_order(where, state)

    def _close(self, index: int, close: Close) -> None:
        state = self._state(index, close.poll, None)
        if state is None:
            return
        where = f"entry {index}"
        if state.close is not None:
            self.report.fail("2.close", where, "this poll was closed before")
            return
        self.report.expect(
            (close.fund_minor is not None) == (state.poll.purpose == VOTE),
            "2.close",
            where,
            "a vote's close names the fund and its seal, a nominating one does not",
        )
        state.close = (index, close)

    def _of_vote(
        self, index: int, leaf: bytes, message: Slate | Opening | Result | Void | Payout
    ) -> None:
        state = self._state(index, message.poll, VOTE)
        if state is None:
            return
        where = f"entry {index}"
        match message:
            case Slate():
                if self.report.expect(
                    state.slate is None, "3.slate", where, "this vote has a slate already"
                ):
                    state.slate, state.slate_leaf = (index, message), leaf
            case Opening():
                state.openings.append((index, message))
            case Result():
                if self._first_ending(where, state):
                    state.result = (index, message)
            case Void():
                if self._first_ending(where, state):
                    state.void = (index, message)
            case Payout():
                self.payouts.append((index, message))

    def _first_ending(self, where: str, state: PollState) -> bool:
        first = state.result is None and state.void is None
        return self.report.expect(
            first, "6.ending", where, "this vote has a result or a void already"
        )

    def _cast(self, index: int, leaf: bytes, data: bytes, message: Ballot | Nomination) -> None:
        where = f"entry {index}"
        purpose = VOTE if isinstance(message, Ballot) else NOMINATE
        state = self._state(index, message.poll, purpose)
        if state is None:
            return
        ask = None
        if isinstance(message, Ballot):
            self._check_sealed(where, state, message)
            if len(state.cast) < KEPT_BALLOTS_MAX:
                state.ballots[leaf] = message
        else:
            ask = message.ask
        self.report.expect(
            ballots.tokens_hold(state.poll, message),
            "4.token",
            where,
            "its ballot key was not signed by the issuers for this poll",
        )
        self.report.expect(
            signature.verify(message.key, signed_part(data), message.sig),
            "4.signature",
            where,
            "it is not signed by its ballot key",
        )
        state.cast.append(Cast(index, leaf, message.key, message.seq, ask))

    def _check_sealed(self, where: str, state: PollState, ballot: Ballot) -> None:
        self.report.expect(
            state.slate is not None and ballot.slate == state.slate_leaf,
            "4.slate",
            where,
            "it is not for this vote's slate",
        )
        self.report.expect(
            len(ballot.shares) == len(state.poll.trustees),
            "4.share",
            where,
            "it has not one share for each trustee",
        )
