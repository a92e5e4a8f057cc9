"""The records of a poll on its way: poll, event, slate, close. `records` has those after it.

Ids, hashes, keys and signatures are raw bytes, amounts whole minor units, times aware UTC
datetimes. docs/protocol.md, 3, shows every text.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, Self

from circles.protocol import text as t
from circles.protocol.message import Message, write_numbered

NOMINATE = "nominate"
VOTE = "vote"
PURPOSES = (NOMINATE, VOTE)
OMIT_REASONS = ("duplicate", "withdrawn", "unlawful", "out-of-rules")
SLOTS_MAX = 5
ISSUERS_MAX = 4
TRUSTEES_MAX = 9
TICKS_MAX = 20
CANDIDATES_MAX = 999
NO_RULE = "none/1"

_RULE = re.compile(r"[a-z][a-z0-9-]*/[1-9][0-9]{0,2}")
_PARAMETER = re.compile(r"([a-z][a-z0-9-]*)=([a-z0-9-]+)")


def write_rule_values(params: tuple[tuple[str, str], ...]) -> str:
    """Parameters as `key=value,key=value`, sorted by key; none as `-`."""
    return ",".join(f"{key}={value}" for key, value in params) or "-"


def read_rule_values(text: str) -> tuple[tuple[str, str], ...]:
    """The pairs of `key=value,key=value`, keys ascending strictly."""
    if text == "-":
        return ()
    pairs = []
    for part in text.split(","):
        match = _PARAMETER.fullmatch(part)
        if match is None:
            raise t.MalformedError("a rule's parameters are not key=value,key=value")
        pairs.append((match[1], match[2]))
    t.ascending(key for key, _ in pairs)
    return tuple(pairs)


def _write_times(take_from: datetime, opens_at: datetime, closes_at: datetime) -> Iterator[str]:
    yield f"take-from {t.time(take_from)}"
    yield f"opens {t.time(opens_at)}"
    yield f"closes {t.time(closes_at)}"


def _write_clients(clients: tuple[bytes, ...]) -> Iterator[str]:
    texts = [t.b64(client, t.HASH_BYTES) for client in clients]
    t.ascending(texts)
    yield from (f"client {text}" for text in texts)


def _read_clients(lines: t.Lines) -> tuple[bytes, ...]:
    texts = [row[0] for row in lines.repeated("client", 1)]
    t.ascending(texts)
    return tuple(t.read_b64(text, t.HASH_BYTES) for text in texts)


@dataclass(frozen=True, slots=True)
class Poll(Message):
    """What a poll is: logged before anyone takes, named by its leaf hash ever after.

    `roll` is the leaf hash of the roll file. Nominating has no trustees, threshold 0, rule
    `none/1`, max_choices 0, min_voters 0 and no draw_commit (None).
    """

    kind: ClassVar[str] = "circles/poll/v1"
    bytes_max: ClassVar[int] = t.ENTRY_BYTES_MAX

    circle: bytes
    month: str
    purpose: str
    roll: bytes
    members: int
    slots: int
    issuers: tuple[bytes, ...]
    trustees: tuple[bytes, ...]
    threshold: int
    rule: str
    params: tuple[tuple[str, str], ...]
    max_choices: int
    min_voters: int
    draw_commit: bytes | None
    take_from: datetime
    opens_at: datetime
    closes_at: datetime
    clients: tuple[bytes, ...] = ()

    def _check_purpose(self) -> None:
        vote_lines = (
            bool(self.trustees),
            self.threshold > 0,
            self.rule != NO_RULE,
            self.max_choices > 0,
            self.draw_commit is not None,
        )
        nominating = self.purpose == NOMINATE
        if nominating and (any(vote_lines) or self.params or self.min_voters):
            raise t.MalformedError("a nominating poll has none of a vote's lines")
        if not nominating and not all(vote_lines):
            raise t.MalformedError("a vote has trustees, a threshold, a rule, choices and a draw")

    def _write(self) -> Iterator[str]:
        self._check_purpose()
        if not _RULE.fullmatch(self.rule):
            raise t.MalformedError("a rule is not written name/version")
        params = write_rule_values(self.params)
        read_rule_values(params)
        yield f"circle {t.b64(self.circle, t.ID_BYTES)}"
        yield f"round {t.month(self.month)}"
        yield f"purpose {t.one_of(self.purpose, PURPOSES)}"
        yield f"roll {t.b64(self.roll, t.HASH_BYTES)} {t.integer(self.members)}"
        yield f"slots {t.integer(self.slots, 1, SLOTS_MAX)}"
        yield from write_numbered("issuer", [t.rsa_b64(n) for n in self.issuers], ISSUERS_MAX, 1)
        keys = [t.b64(key, t.HASH_BYTES) for key in self.trustees]
        yield from write_numbered("trustee", keys, TRUSTEES_MAX)
        yield f"threshold {t.integer(self.threshold, 0, TRUSTEES_MAX)}"
        yield f"rule {self.rule} {params}"
        yield f"max-choices {t.integer(self.max_choices, 0, TICKS_MAX)}"
        yield f"min-voters {t.integer(self.min_voters)}"
        commit = "-" if self.draw_commit is None else t.b64(self.draw_commit, t.HASH_BYTES)
        yield f"draw-commit {commit}"
        yield from _write_times(self.take_from, self.opens_at, self.closes_at)
        yield from _write_clients(self.clients)

    @classmethod
    def _read(cls, lines: t.Lines) -> Self:
        circle = t.read_b64(lines.value("circle"), t.ID_BYTES)
        month = t.month(lines.value("round"))
        purpose = lines.value("purpose")
        roll, members = lines.values("roll", 2)
        slots = t.uninteger(lines.value("slots"), 1, SLOTS_MAX)
        issuers = tuple(
            t.read_b64(n, t.RSA_BYTES) for n in lines.numbered("issuer", ISSUERS_MAX, 1)
        )
        keys = tuple(t.read_b64(k, t.HASH_BYTES) for k in lines.numbered("trustee", TRUSTEES_MAX))
        threshold = t.uninteger(lines.value("threshold"), 0, TRUSTEES_MAX)
        rule, params = lines.values("rule", 2)
        max_choices = t.uninteger(lines.value("max-choices"), 0, TICKS_MAX)
        min_voters = t.uninteger(lines.value("min-voters"))
        commit = lines.value("draw-commit")
        return cls(
            circle=circle,
            month=month,
            purpose=purpose,
            roll=t.read_b64(roll, t.HASH_BYTES),
            members=t.uninteger(members),
            slots=slots,
            issuers=issuers,
            trustees=keys,
            threshold=threshold,
            rule=rule,
            params=read_rule_values(params),
            max_choices=max_choices,
            min_voters=min_voters,
            draw_commit=None if commit == "-" else t.read_b64(commit, t.HASH_BYTES),
            take_from=t.untime(lines.value("take-from")),
            opens_at=t.untime(lines.value("opens")),
            closes_at=t.untime(lines.value("closes")),
            clients=_read_clients(lines),
        )


@dataclass(frozen=True, slots=True)
class Event(Message):
    """A change before a poll's close: everything in it holds from now on.

    `reissued` counts the credentials issued anew so far.
    """

    kind: ClassVar[str] = "circles/event/v1"
    bytes_max: ClassVar[int] = t.ENTRY_BYTES_MAX

    poll: bytes
    reissued: int
    take_from: datetime
    opens_at: datetime
    closes_at: datetime
    clients: tuple[bytes, ...] = ()

    def _write(self) -> Iterator[str]:
        yield f"poll {t.b64(self.poll, t.HASH_BYTES)}"
        yield f"reissued {t.integer(self.reissued)}"
        yield from _write_times(self.take_from, self.opens_at, self.closes_at)
        yield from _write_clients(self.clients)

    @classmethod
    def _read(cls, lines: t.Lines) -> Self:
        return cls(
            poll=t.read_b64(lines.value("poll"), t.HASH_BYTES),
            reissued=t.uninteger(lines.value("reissued")),
            take_from=t.untime(lines.value("take-from")),
            opens_at=t.untime(lines.value("opens")),
            closes_at=t.untime(lines.value("closes")),
            clients=_read_clients(lines),
        )


@dataclass(frozen=True, slots=True)
class Slate(Message):
    """What a vote is about: nomination leaves in draw order, and those left out with the reason.

    `poll` is the vote's poll record. The candidate at index i bears number i + 1.
    """

    kind: ClassVar[str] = "circles/slate/v1"
    bytes_max: ClassVar[int] = t.ENTRY_BYTES_MAX

    poll: bytes
    draw_salt: bytes
    candidates: tuple[bytes, ...]
    omits: tuple[tuple[bytes, str], ...] = ()

    def _write(self) -> Iterator[str]:
        yield f"poll {t.b64(self.poll, t.HASH_BYTES)}"
        yield f"draw-salt {t.b64(self.draw_salt, t.HASH_BYTES)}"
        leaves = [t.b64(leaf, t.HASH_BYTES) for leaf in self.candidates]
        yield from write_numbered("candidate", leaves, CANDIDATES_MAX)
        omits = [(t.b64(leaf, t.HASH_BYTES), reason) for leaf, reason in self.omits]
        t.ascending(leaf for leaf, _ in omits)
        for leaf, reason in omits:
            yield f"omit {leaf} {t.one_of(reason, OMIT_REASONS)}"

    @classmethod
    def _read(cls, lines: t.Lines) -> Self:
        return cls(
            poll=t.read_b64(lines.value("poll"), t.HASH_BYTES),
            draw_salt=t.read_b64(lines.value("draw-salt"), t.HASH_BYTES),
            candidates=tuple(
                t.read_b64(leaf, t.HASH_BYTES)
                for leaf in lines.numbered("candidate", CANDIDATES_MAX)
            ),
            omits=tuple(
                (t.read_b64(leaf, t.HASH_BYTES), reason)
                for leaf, reason in lines.repeated("omit", 2)
            ),
        )


@dataclass(frozen=True, slots=True)
class Close(Message):
    """A poll's close: its takes, and where its ballots stand in the log.

    `takes` is the leaf hash of the takes file, `first` the index of the first of `ballots`
    entries. A vote's close also names the fund it decides on and the seal that shows it; a
    nominating one has None there.
    """

    kind: ClassVar[str] = "circles/close/v1"
    bytes_max: ClassVar[int] = t.ENTRY_BYTES_MAX

    poll: bytes
    takes: bytes
    take_count: int
    reissued: int
    voters: int
    first: int
    ballots: int
    keys: int
    fund_minor: int | None = None
    currency: str | None = None
    ledger: bytes | None = None

    def _write(self) -> Iterator[str]:
        takes = t.b64(self.takes, t.HASH_BYTES)
        yield f"poll {t.b64(self.poll, t.HASH_BYTES)}"
        yield f"takes {takes} {t.integer(self.take_count)} {t.integer(self.reissued)}"
        yield f"voters {t.integer(self.voters)}"
        yield f"ballots {t.integer(self.first)} {t.integer(self.ballots)}"
        yield f"keys {t.integer(self.keys)}"
        if self.fund_minor is None or self.currency is None or self.ledger is None:
            if (self.fund_minor, self.currency, self.ledger) != (None, None, None):
                raise t.MalformedError("a close names fund, currency and ledger together, or none")
            return
        yield f"fund {t.integer(self.fund_minor)} {t.currency(self.currency)}"
        yield f"ledger {t.b64(self.ledger, t.HASH_BYTES)}"

    @classmethod
    def _read(cls, lines: t.Lines) -> Self:
        poll = t.read_b64(lines.value("poll"), t.HASH_BYTES)
        takes, take_count, reissued = lines.values("takes", 3)
        voters = t.uninteger(lines.value("voters"))
        first, ballots = lines.values("ballots", 2)
        keys = t.uninteger(lines.value("keys"))
        fund_minor, currency, ledger = None, None, None
        if lines.has("fund"):
            fund, currency = lines.values("fund", 2)
            fund_minor = t.uninteger(fund)
            ledger = t.read_b64(lines.value("ledger"), t.HASH_BYTES)
        return cls(
            poll=poll,
            takes=t.read_b64(takes, t.HASH_BYTES),
            take_count=t.uninteger(take_count),
            reissued=t.uninteger(reissued),
            voters=voters,
            first=t.uninteger(first),
            ballots=t.uninteger(ballots),
            keys=keys,
            fund_minor=fund_minor,
            currency=currency,
            ledger=ledger,
        )
