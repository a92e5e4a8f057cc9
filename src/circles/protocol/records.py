"""The records after a close: opening, result, void, seal, payout; and a rotation of the log key.

Ids, hashes, keys and signatures are raw bytes, amounts whole minor units, days dates.
docs/protocol.md, 3, shows every text.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import ClassVar, Self

from circles.protocol import text as t
from circles.protocol.message import Message
from circles.protocol.poll_records import CANDIDATES_MAX, TRUSTEES_MAX

BALLOT_VOID_REASONS = ("share", "commit", "body", "choice")
ROUND_VOID_REASONS = ("few-voters", "not-opened", "no-candidates")


@dataclass(frozen=True, slots=True)
class Opening(Message):
    """A trustee's private X25519 key, published after the close."""

    kind: ClassVar[str] = "circles/opening/v1"

    poll: bytes
    trustee: int
    secret: bytes

    def _write(self) -> Iterator[str]:
        yield f"poll {t.b64(self.poll, t.HASH_BYTES)}"
        yield f"trustee {t.integer(self.trustee, 1, TRUSTEES_MAX)}"
        yield f"secret {t.b64(self.secret, t.HASH_BYTES)}"

    @classmethod
    def _read(cls, lines: t.Lines) -> Self:
        return cls(
            poll=t.read_b64(lines.value("poll"), t.HASH_BYTES),
            trustee=t.uninteger(lines.value("trustee"), 1, TRUSTEES_MAX),
            secret=t.read_b64(lines.value("secret"), t.HASH_BYTES),
        )


@dataclass(frozen=True, slots=True)
class Result(Message):
    """A vote's count: totals and awards as (candidate number, ticks or minor units).

    `counted` keys' ballots opened, blank ones included; `voids` are (ballot leaf, reason).
    """

    kind: ClassVar[str] = "circles/result/v1"
    bytes_max: ClassVar[int] = t.ENTRY_BYTES_MAX

    poll: bytes
    counted: int
    voids: tuple[tuple[bytes, str], ...]
    totals: tuple[tuple[int, int], ...]
    keep: int
    awards: tuple[tuple[int, int], ...]
    carried_minor: int

    def _write(self) -> Iterator[str]:
        yield f"poll {t.b64(self.poll, t.HASH_BYTES)}"
        yield f"counted {t.integer(self.counted)}"
        voids = [(t.b64(leaf, t.HASH_BYTES), reason) for leaf, reason in self.voids]
        t.ascending(leaf for leaf, _ in voids)
        for leaf, reason in voids:
            yield f"void {leaf} {t.one_of(reason, BALLOT_VOID_REASONS)}"
        t.ascending_numbers(number for number, _ in self.totals)
        for number, ticks in self.totals:
            yield f"total {t.integer(number, 1, CANDIDATES_MAX)} {t.integer(ticks)}"
        yield f"total keep {t.integer(self.keep)}"
        t.ascending_numbers(number for number, _ in self.awards)
        for number, amount in self.awards:
            yield f"award {t.integer(number, 1, CANDIDATES_MAX)} {t.integer(amount, 1)}"
        yield f"carried {t.integer(self.carried_minor)}"

    @classmethod
    def _read(cls, lines: t.Lines) -> Self:
        poll = t.read_b64(lines.value("poll"), t.HASH_BYTES)
        counted = t.uninteger(lines.value("counted"))
        voids = tuple(
            (t.read_b64(leaf, t.HASH_BYTES), reason) for leaf, reason in lines.repeated("void", 2)
        )
        *totals, last = lines.repeated("total", 2) or [["", ""]]
        if last[0] != "keep":
            raise t.MalformedError("the last total is not that of keep")
        return cls(
            poll=poll,
            counted=counted,
            voids=voids,
            totals=tuple((t.uninteger(number), t.uninteger(n)) for number, n in totals),
            keep=t.uninteger(last[1]),
            awards=tuple(
                (t.uninteger(number), t.uninteger(n)) for number, n in lines.repeated("award", 2)
            ),
            carried_minor=t.uninteger(lines.value("carried")),
        )


@dataclass(frozen=True, slots=True)
class Void(Message):
    """Instead of a result: nothing was decided, the fund carries over."""

    kind: ClassVar[str] = "circles/void/v1"
    bytes_max: ClassVar[int] = t.ENTRY_BYTES_MAX

    poll: bytes
    reason: str

    def _write(self) -> Iterator[str]:
        yield f"poll {t.b64(self.poll, t.HASH_BYTES)}"
        yield f"reason {t.one_of(self.reason, ROUND_VOID_REASONS)}"

    @classmethod
    def _read(cls, lines: t.Lines) -> Self:
        return cls(poll=t.read_b64(lines.value("poll"), t.HASH_BYTES), reason=lines.value("reason"))


@dataclass(frozen=True, slots=True)
class Seal(Message):
    """The state of the books: how many transfers, the hash of their chain, the fund."""

    kind: ClassVar[str] = "circles/seal/v1"
    bytes_max: ClassVar[int] = t.ENTRY_BYTES_MAX

    circle: bytes
    month: str
    transfers: int
    head: bytes
    fund_minor: int
    currency: str

    def _write(self) -> Iterator[str]:
        yield f"circle {t.b64(self.circle, t.ID_BYTES)}"
        yield f"month {t.month(self.month)}"
        yield f"transfers {t.integer(self.transfers)}"
        yield f"head {t.b64(self.head, t.HASH_BYTES)}"
        yield f"fund {t.integer(self.fund_minor)} {t.currency(self.currency)}"

    @classmethod
    def _read(cls, lines: t.Lines) -> Self:
        circle = t.read_b64(lines.value("circle"), t.ID_BYTES)
        month = lines.value("month")
        transfers = t.uninteger(lines.value("transfers"))
        head = t.read_b64(lines.value("head"), t.HASH_BYTES)
        fund, currency = lines.values("fund", 2)
        return cls(circle, month, transfers, head, t.uninteger(fund), currency)


@dataclass(frozen=True, slots=True)
class Payout(Message):
    """An award, or a part of one, was paid on that day; `ledger` names the seal after it."""

    kind: ClassVar[str] = "circles/payout/v1"
    bytes_max: ClassVar[int] = t.ENTRY_BYTES_MAX

    poll: bytes
    candidate: int
    amount_minor: int
    day: date
    ledger: bytes

    def _write(self) -> Iterator[str]:
        yield f"poll {t.b64(self.poll, t.HASH_BYTES)}"
        yield f"candidate {t.integer(self.candidate, 1, CANDIDATES_MAX)}"
        yield f"amount {t.integer(self.amount_minor, 1)}"
        yield f"day {t.day(self.day)}"
        yield f"ledger {t.b64(self.ledger, t.HASH_BYTES)}"

    @classmethod
    def _read(cls, lines: t.Lines) -> Self:
        return cls(
            poll=t.read_b64(lines.value("poll"), t.HASH_BYTES),
            candidate=t.uninteger(lines.value("candidate")),
            amount_minor=t.uninteger(lines.value("amount")),
            day=t.unday(lines.value("day")),
            ledger=t.read_b64(lines.value("ledger"), t.HASH_BYTES),
        )


@dataclass(frozen=True, slots=True)
class Rotation(Message):
    """The log goes over from one log key to another; both sign all lines above their own."""

    kind: ClassVar[str] = "circles/rotation/v1"
    bytes_max: ClassVar[int] = t.ENTRY_BYTES_MAX

    old: bytes
    new: bytes
    sig_old: bytes
    sig_new: bytes

    def text_for_old(self) -> bytes:
        """What the old key signs."""
        return b"".join(self.text().splitlines(keepends=True)[:3])

    def text_for_new(self) -> bytes:
        """What the new key signs: the old key's signature included."""
        return b"".join(self.text().splitlines(keepends=True)[:4])

    def _write(self) -> Iterator[str]:
        yield f"old {t.b64(self.old, t.HASH_BYTES)}"
        yield f"new {t.b64(self.new, t.HASH_BYTES)}"
        yield f"sig-old {t.b64(self.sig_old, t.SIG_BYTES)}"
        yield f"sig-new {t.b64(self.sig_new, t.SIG_BYTES)}"

    @classmethod
    def _read(cls, lines: t.Lines) -> Self:
        return cls(
            old=t.read_b64(lines.value("old"), t.HASH_BYTES),
            new=t.read_b64(lines.value("new"), t.HASH_BYTES),
            sig_old=t.read_b64(lines.value("sig-old"), t.SIG_BYTES),
            sig_new=t.read_b64(lines.value("sig-new"), t.SIG_BYTES),
        )
