"""Every record and message of the contract, as frozen dataclasses (docs/protocol.md, 3).

    from circles.protocol.messages import Poll, parse

    poll = Poll.parse(data)      # exactly this type, or MalformedError
    message = parse(data)        # whichever type the first line names, or MalformedError
    poll.text()                  # the exact bytes; Poll.parse(poll.text()) == poll
    poll.record_id()             # its leaf hash, 32 bytes: how other records name it

Logged by the server: Poll, Event, Slate, Close, Opening, Result, Void, Seal, Payout, Rotation.
Posted without sign-in, logged at the close: Ballot, Nomination (with its Ask).
Exchanged, never logged: Roll, Take, Taken, Takes, Credential, Receipt (the text of the note).
Inside a sealed ballot: Choice.

Ids, hashes, keys, signatures are raw `bytes` (16, 32, 32, 64; RSA values 384, big endian),
amounts `int` minor units, times aware `datetime` in UTC, repeated lines tuples. Lists numbered
1, 2, ... (issuers, trustees, candidates, prefixes, tokens, shares, blinded, signed) hold number
n at index n - 1. Building a value that has no spelling raises `MalformedError` at `text()`.
"""

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import ClassVar, Self

from circles.protocol import spelling
from circles.protocol import text as t
from circles.protocol.message import Message, write_numbered
from circles.protocol.poll_records import (
    CANDIDATES_MAX,
    ISSUERS_MAX,
    NO_RULE,
    NOMINATE,
    OMIT_REASONS,
    SLOTS_MAX,
    TRUSTEES_MAX,
    VOTE,
    Close,
    Event,
    Poll,
    Slate,
)
from circles.protocol.records import (
    BALLOT_VOID_REASONS,
    ROUND_VOID_REASONS,
    Opening,
    Payout,
    Result,
    Rotation,
    Seal,
    Void,
)
from circles.protocol.text import MalformedError

__all__ = [
    "BALLOT_VOID_REASONS",
    "CANDIDATES_MAX",
    "LOGGED",
    "NOMINATE",
    "NO_RULE",
    "OMIT_REASONS",
    "ROUND_VOID_REASONS",
    "SEQ_MAX",
    "VOTE",
    "Ask",
    "Ballot",
    "Choice",
    "Close",
    "Credential",
    "Event",
    "MalformedError",
    "Message",
    "Nomination",
    "Opening",
    "Payout",
    "Poll",
    "Receipt",
    "Result",
    "Roll",
    "Rotation",
    "Seal",
    "Slate",
    "Take",
    "Taken",
    "Takes",
    "Void",
    "parse",
    "parse_entry",
    "sealed_part",
    "signed_part",
]

SEQ_MAX = 20
SHARE_BYTES = 80
BODY_BYTES = 272


def signed_part(data: bytes) -> bytes:
    """All lines above the last one: what the `sig` of a ballot or nomination covers."""
    return data[: data.rindex(b"\n", 0, len(data) - 1) + 1]


def sealed_part(data: bytes) -> bytes:
    """All lines of a ballot up to and including `commit`: what its body is bound to."""
    return data[: data.index(b"\n", data.index(b"\ncommit ") + 1) + 1]


def _write_tokens(prefixes: tuple[bytes, ...], tokens: tuple[bytes, ...]) -> Iterator[str]:
    if len(prefixes) != len(tokens):
        raise MalformedError("each issuer's prefix goes with its token")
    texts = [t.b64(prefix, t.HASH_BYTES) for prefix in prefixes]
    yield from write_numbered("prefix", texts, ISSUERS_MAX, 1)
    yield from write_numbered("token", [t.rsa_b64(x) for x in tokens], ISSUERS_MAX, 1)


def _read_prefixes(lines: t.Lines) -> tuple[bytes, ...]:
    return tuple(t.read_b64(x, t.HASH_BYTES) for x in lines.numbered("prefix", ISSUERS_MAX, 1))


def _read_rsa(lines: t.Lines, name: str) -> tuple[bytes, ...]:
    return tuple(t.read_b64(x, t.RSA_BYTES) for x in lines.numbered(name, ISSUERS_MAX, 1))


@dataclass(frozen=True, slots=True)
class Ballot(Message):
    """A sealed choice, signed by a ballot key that the issuers signed blindly.

    `shares` are 80 bytes (HPKE enc || ct) for each trustee, `body` is 272 bytes (AES-256-GCM).
    """

    kind: ClassVar[str] = "circles/ballot/v1"

    poll: bytes
    slate: bytes
    key: bytes
    prefixes: tuple[bytes, ...]
    tokens: tuple[bytes, ...]
    seq: int
    commit: bytes
    shares: tuple[bytes, ...]
    body: bytes
    sig: bytes

    def _write(self) -> Iterator[str]:
        yield f"poll {t.b64(self.poll, t.HASH_BYTES)}"
        yield f"slate {t.b64(self.slate, t.HASH_BYTES)}"
        yield f"key {t.b64(self.key, t.HASH_BYTES)}"
        yield from _write_tokens(self.prefixes, self.tokens)
        yield f"seq {t.integer(self.seq, 1, SEQ_MAX)}"
        yield f"commit {t.b64(self.commit, t.HASH_BYTES)}"
        shares = [t.b64(share, SHARE_BYTES) for share in self.shares]
        yield from write_numbered("share", shares, TRUSTEES_MAX, 1)
        yield f"body {t.b64(self.body, BODY_BYTES)}"
        yield f"sig {t.b64(self.sig, t.SIG_BYTES)}"

    @classmethod
    def _match(cls, data: bytes) -> Self | None:
        issuers, trustees = data.count(b"\ntoken "), data.count(b"\nshare ")
        if not (
            len(data) <= cls.bytes_max
            and 1 <= issuers <= ISSUERS_MAX
            and 1 <= trustees <= TRUSTEES_MAX
        ):
            return None
        pattern = spelling.ballot_pattern(
            cls.kind, issuers, trustees, SEQ_MAX, SHARE_BYTES, BODY_BYTES
        )
        found = pattern.fullmatch(data)
        if found is None:
            return None
        texts = found.groups()
        at = 3 + 2 * issuers
        before, after = spelling.decoded(texts[:at]), spelling.decoded(texts[at + 1 :])
        tokens = before[3 + issuers :]
        if not all(any(token) for token in tokens):
            return None
        poll, slate, key = before[:3]
        commit, *shares, body, sig = after
        return cls(
            poll, slate, key, before[3 : 3 + issuers], tokens, int(texts[at]), commit,
            tuple(shares), body, sig,
        )  # fmt: skip

    @classmethod
    def _read(cls, lines: t.Lines) -> Self:
        return cls(
            poll=t.read_b64(lines.value("poll"), t.HASH_BYTES),
            slate=t.read_b64(lines.value("slate"), t.HASH_BYTES),
            key=t.read_b64(lines.value("key"), t.HASH_BYTES),
            prefixes=_read_prefixes(lines),
            tokens=_read_rsa(lines, "token"),
            seq=t.uninteger(lines.value("seq"), 1, SEQ_MAX),
            commit=t.read_b64(lines.value("commit"), t.HASH_BYTES),
            shares=tuple(
                t.read_b64(share, SHARE_BYTES) for share in lines.numbered("share", TRUSTEES_MAX, 1)
            ),
            body=t.read_b64(lines.value("body"), BODY_BYTES),
            sig=t.read_b64(lines.value("sig"), t.SIG_BYTES),
        )


@dataclass(frozen=True, slots=True)
class Ask:
    """What a nomination asks for, in minor units above 0.

    `amount_minor` None is "any amount", then perhaps with a `ceiling_minor` and always with
    `part`: a part is fine. A fixed amount has no ceiling.
    """

    amount_minor: int | None
    ceiling_minor: int | None = None
    part: bool = False

    def text(self) -> str:
        """The three values of the `ask` line."""
        part = "part" if self.part else "whole"
        ceiling = "-" if self.ceiling_minor is None else t.integer(self.ceiling_minor, 1)
        if self.amount_minor is None:
            if not self.part:
                raise MalformedError("any amount cannot be all or nothing")
            return f"any {ceiling} part"
        if self.ceiling_minor is not None:
            raise MalformedError("a fixed amount has no ceiling")
        return f"{t.integer(self.amount_minor, 1)} - {part}"

    @classmethod
    def of(cls, amount: str, ceiling: str, part: str) -> Self:
        """The ask of the three values of its line."""
        return cls(
            amount_minor=None if amount == "any" else t.uninteger(amount, 1),
            ceiling_minor=None if ceiling == "-" else t.uninteger(ceiling, 1),
            part=t.one_of(part, ("whole", "part")) == "part",
        )


@dataclass(frozen=True, slots=True)
class Nomination(Message):
    """Somebody proposes a recipient; the words are a document outside the log, named by `doc`."""

    kind: ClassVar[str] = "circles/nomination/v1"

    poll: bytes
    key: bytes
    prefixes: tuple[bytes, ...]
    tokens: tuple[bytes, ...]
    seq: int
    ask: Ask
    doc: bytes
    sig: bytes

    def _write(self) -> Iterator[str]:
        yield f"poll {t.b64(self.poll, t.HASH_BYTES)}"
        yield f"key {t.b64(self.key, t.HASH_BYTES)}"
        yield from _write_tokens(self.prefixes, self.tokens)
        yield f"seq {t.integer(self.seq, 1, SEQ_MAX)}"
        yield f"ask {self.ask.text()}"
        yield f"doc {t.b64(self.doc, t.HASH_BYTES)}"
        yield f"sig {t.b64(self.sig, t.SIG_BYTES)}"

    @classmethod
    def _read(cls, lines: t.Lines) -> Self:
        return cls(
            poll=t.read_b64(lines.value("poll"), t.HASH_BYTES),
            key=t.read_b64(lines.value("key"), t.HASH_BYTES),
            prefixes=_read_prefixes(lines),
            tokens=_read_rsa(lines, "token"),
            seq=t.uninteger(lines.value("seq"), 1, SEQ_MAX),
            ask=Ask.of(*lines.values("ask", 3)),
            doc=t.read_b64(lines.value("doc"), t.HASH_BYTES),
            sig=t.read_b64(lines.value("sig"), t.SIG_BYTES),
        )


@dataclass(frozen=True, slots=True)
class Roll(Message):
    """Who may take in a poll, by ids made for it alone. `Roll.of` sorts them."""

    kind: ClassVar[str] = "circles/roll/v1"
    bytes_max: ClassVar[int] = t.FILE_BYTES_MAX

    salt: bytes
    members: tuple[bytes, ...]

    @classmethod
    def of(cls, salt: bytes, members: Iterable[bytes]) -> Self:
        """A roll with its members in the order of their texts."""
        return cls(salt, tuple(sorted(members, key=t.b64)))

    def _write(self) -> Iterator[str]:
        yield f"salt {t.b64(self.salt, t.ID_BYTES)}"
        members = [t.b64(member, t.ID_BYTES) for member in self.members]
        t.ascending(members)
        yield from (f"member {member}" for member in members)

    @classmethod
    def _read(cls, lines: t.Lines) -> Self:
        return cls(
            salt=t.read_b64(lines.value("salt"), t.ID_BYTES),
            members=tuple(t.read_b64(row[0], t.ID_BYTES) for row in lines.repeated("member", 1)),
        )


@dataclass(frozen=True, slots=True)
class Take(Message):
    """A member asks for a blind signature under each issuer, for one slot of one poll."""

    kind: ClassVar[str] = "circles/take/v1"

    poll: bytes
    member: bytes
    slot: int
    blinded: tuple[bytes, ...]

    def _write(self) -> Iterator[str]:
        yield f"poll {t.b64(self.poll, t.HASH_BYTES)}"
        yield f"member {t.b64(self.member, t.ID_BYTES)}"
        yield f"slot {t.integer(self.slot, 0, SLOTS_MAX - 1)}"
        yield from write_numbered("blinded", [t.rsa_b64(x) for x in self.blinded], ISSUERS_MAX, 1)

    @classmethod
    def _read(cls, lines: t.Lines) -> Self:
        return cls(
            poll=t.read_b64(lines.value("poll"), t.HASH_BYTES),
            member=t.read_b64(lines.value("member"), t.ID_BYTES),
            slot=t.uninteger(lines.value("slot"), 0, SLOTS_MAX - 1),
            blinded=_read_rsa(lines, "blinded"),
        )


@dataclass(frozen=True, slots=True)
class Taken(Message):
    """The answer to a take, named by the take's leaf hash: one blind signature an issuer."""

    kind: ClassVar[str] = "circles/taken/v1"

    take: bytes
    signed: tuple[bytes, ...]

    def _write(self) -> Iterator[str]:
        yield f"take {t.b64(self.take, t.HASH_BYTES)}"
        yield from write_numbered("signed", [t.rsa_b64(x) for x in self.signed], ISSUERS_MAX, 1)

    @classmethod
    def _read(cls, lines: t.Lines) -> Self:
        return cls(
            take=t.read_b64(lines.value("take"), t.HASH_BYTES),
            signed=_read_rsa(lines, "signed"),
        )


@dataclass(frozen=True, slots=True)
class Takes(Message):
    """All takes of a poll, for its members. `Takes.of` sorts them."""

    kind: ClassVar[str] = "circles/takes/v1"
    bytes_max: ClassVar[int] = t.FILE_BYTES_MAX

    poll: bytes
    takes: tuple[Take, ...]

    @classmethod
    def of(cls, poll: bytes, takes: Iterable[Take]) -> Self:
        """The takes by member (as text), slot, then their line."""
        return cls(poll, tuple(sorted(takes, key=_take_order)))

    def _write(self) -> Iterator[str]:
        yield f"poll {t.b64(self.poll, t.HASH_BYTES)}"
        orders = [_take_order(take) for take in self.takes]
        if any(after <= before for before, after in itertools.pairwise(orders)):
            raise MalformedError("takes are not sorted by member, slot and line, each once")
        yield from (f"take {line}" for _, _, line in orders)

    @classmethod
    def _read(cls, lines: t.Lines) -> Self:
        return cls(
            poll=t.read_b64(lines.value("poll"), t.HASH_BYTES),
            takes=tuple(Take.parse(t.read_b64(row[0])) for row in lines.repeated("take", 1)),
        )


def _take_order(take: Take) -> tuple[str, int, str]:
    return t.b64(take.member), take.slot, t.b64(take.text())


@dataclass(frozen=True, slots=True)
class Credential(Message):
    """What is blindly signed: a ballot key, for one poll."""

    kind: ClassVar[str] = "circles/credential/v1"

    poll: bytes
    key: bytes

    def _write(self) -> Iterator[str]:
        yield f"poll {t.b64(self.poll, t.HASH_BYTES)}"
        yield f"key {t.b64(self.key, t.HASH_BYTES)}"

    @classmethod
    def _read(cls, lines: t.Lines) -> Self:
        return cls(
            poll=t.read_b64(lines.value("poll"), t.HASH_BYTES),
            key=t.read_b64(lines.value("key"), t.HASH_BYTES),
        )


@dataclass(frozen=True, slots=True)
class Receipt(Message):
    """The log key's promise that a cast ballot will be in the log: the text of a signed note."""

    kind: ClassVar[str] = "circles/receipt/v1"

    poll: bytes
    leaf: bytes

    def _write(self) -> Iterator[str]:
        yield f"poll {t.b64(self.poll, t.HASH_BYTES)}"
        yield f"leaf {t.b64(self.leaf, t.HASH_BYTES)}"

    @classmethod
    def _read(cls, lines: t.Lines) -> Self:
        return cls(
            poll=t.read_b64(lines.value("poll"), t.HASH_BYTES),
            leaf=t.read_b64(lines.value("leaf"), t.HASH_BYTES),
        )


@dataclass(frozen=True, slots=True)
class Choice(Message):
    """The filled-in ticks: candidate numbers ascending, and whether `keep` is ticked too.

    Neither is a blank ballot.
    """

    kind: ClassVar[str] = "circles/choice/v1"

    nonce: bytes
    ticks: tuple[int, ...] = ()
    keep: bool = False

    def _write(self) -> Iterator[str]:
        yield f"nonce {t.b64(self.nonce, t.ID_BYTES)}"
        t.ascending_numbers(self.ticks)
        yield from (f"tick {t.integer(number, 1, CANDIDATES_MAX)}" for number in self.ticks)
        if self.keep:
            yield "tick keep"

    @classmethod
    def _read(cls, lines: t.Lines) -> Self:
        nonce = t.read_b64(lines.value("nonce"), t.ID_BYTES)
        ticks = [row[0] for row in lines.repeated("tick", 1)]
        keep = bool(ticks) and ticks[-1] == "keep"
        numbers = ticks[:-1] if keep else ticks
        return cls(nonce, tuple(t.uninteger(number) for number in numbers), keep)


_LOGGED_BY_SERVER: tuple[type[Message], ...] = (
    Poll,
    Event,
    Slate,
    Close,
    Opening,
    Result,
    Void,
    Seal,
    Payout,
    Rotation,
)
LOGGED: tuple[type[Message], ...] = (*_LOGGED_BY_SERVER, Ballot, Nomination)
_EXCHANGED: tuple[type[Message], ...] = (Roll, Take, Taken, Takes, Credential, Receipt, Choice)
_LOGGED_KINDS = {message.kind.encode(): message for message in LOGGED}
_KINDS = _LOGGED_KINDS | {message.kind.encode(): message for message in _EXCHANGED}


def _parse_kind(data: bytes, kinds: dict[bytes, type[Message]]) -> Message:
    kind = kinds.get(data.partition(b"\n")[0])
    if kind is None:
        raise MalformedError("the first line names no message that belongs here")
    return kind.parse(data)


def parse(data: bytes) -> Message:
    """The message of these bytes, of whichever type its first line names."""
    return _parse_kind(data, _KINDS)


def parse_entry(data: bytes) -> Message:
    """The record of a log entry: only the logged types are accepted."""
    return _parse_kind(data, _LOGGED_KINDS)
