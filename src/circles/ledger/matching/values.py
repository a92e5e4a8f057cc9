"""What the matcher is told, and what it answers. All values are frozen; amounts are minor units.

Tiers: A, a valid reference names one member, and nothing speaks against it; B, as sure, by other
means (an account that paid for exactly this member before, and the amount fits); C, likely, a
person should look; D, nothing is known. Where two answers are possible the tier is C or D, and the
answers stand beside each other as choices.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Literal

Tier = Literal["A", "B", "C", "D"]
TIERS: tuple[Tier, ...] = ("A", "B", "C", "D")
PartKind = Literal[
    "contribution",
    "gift",
    "interest",
    "deposit",
    "suspense",
    "contribution_returned",
    "payout_returned",
    "fee",
    "refund",
    "returned",
    "payout",
    "tie",
]


@dataclass(frozen=True, slots=True)
class Payment:
    """What the bank says of one payment; positive when money came in.

    `payer` and `payer_name` stand for the other side's account and name: keyed hashes that only
    whoever holds the key can make, so that learned links tell nothing to others.
    """

    amount_minor: int
    counterparty: str | None = None
    iban: str | None = None
    reference: str | None = None
    text: str | None = None
    end_to_end: str | None = None
    payer: bytes | None = None
    payer_name: bytes | None = None


@dataclass(frozen=True, slots=True)
class Seen:
    """One line. `kind` is the bank's word for it; `details` the payments of a batch."""

    id: bytes
    booked_on: date
    payment: Payment
    kind: str | None = None
    details: tuple[Payment, ...] = ()


@dataclass(frozen=True, slots=True)
class Person:
    """A member: their number, what they are called, what waits, what they usually give, and what
    they have paid in that has not moved on."""

    number: str
    handle: str
    due_minor: int = 0
    usual_minor: int = 0
    held_minor: int = 0


@dataclass(frozen=True, slots=True)
class Way:
    """A payout on its way: `state` is "confirmed", "sent", "settled" (lately) as in the books."""

    id: bytes
    amount_minor: int
    state: str
    reference: str = ""
    name: str = ""
    iban: str = ""


@dataclass(frozen=True, slots=True)
class Booked:
    """A transfer on the bank account that no line is tied to: typed by hand, or not presented yet.

    `amount_minor` is signed as on a statement. `number` is the member's, if it is about one.
    """

    id: bytes
    on: date
    amount_minor: int
    kind: str
    number: str | None = None


@dataclass(frozen=True, slots=True)
class Arrived:
    """A contribution that came in by a line, and could bounce."""

    transfer_id: bytes
    on: date
    amount_minor: int
    number: str
    payer: bytes | None = None


@dataclass(frozen=True, slots=True)
class Known:
    """Everything the matcher may use. `former` are the numbers of who has left, with what is still
    theirs; `payers` says for whom an account, or a name, was confirmed to have paid."""

    people: tuple[Person, ...] = ()
    former: Mapping[str, int] = field(default_factory=dict)
    payers: Mapping[bytes, frozenset[str]] = field(default_factory=dict)
    ways: tuple[Way, ...] = ()
    untied: tuple[Booked, ...] = ()
    arrived: tuple[Arrived, ...] = ()
    cash_minor: int = 0


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of a line: what it was, how much of it (above 0), whose, and what it refers to (a
    payout, or the transfer that is meant)."""

    kind: PartKind
    amount_minor: int
    number: str | None = None
    target: bytes | None = None


@dataclass(frozen=True, slots=True)
class Reason:
    """Why, as a code and what is to be said with it; the words are made by the page."""

    code: str
    values: tuple[tuple[str, str | int], ...] = ()


@dataclass(frozen=True, slots=True)
class Choice:
    """One possible answer: its parts add up to the line."""

    parts: tuple[Part, ...]
    reason: Reason


@dataclass(frozen=True, slots=True)
class Proposal:
    """What a line most likely was. With tier A or B there is exactly one choice; with none the
    `reason` says what was found, if anything."""

    line_id: bytes
    tier: Tier
    choices: tuple[Choice, ...] = ()
    reason: Reason = Reason("nothing")

    @property
    def only(self) -> Choice | None:
        """The one answer, if there is no other."""
        return self.choices[0] if len(self.choices) == 1 else None

    @property
    def is_certain(self) -> bool:
        """Whether a treasurer may confirm it together with others."""
        return self.tier in ("A", "B") and self.only is not None


def because(code: str, **values: str | int) -> Reason:
    """A reason with what is to be said."""
    return Reason(code, tuple(sorted(values.items())))


def one(
    kind: PartKind,
    amount_minor: int,
    reason: Reason,
    *,
    number: str | None = None,
    target: bytes | None = None,
) -> Choice:
    """A choice of a single part, whatever the sign of the line."""
    return Choice((Part(kind, abs(amount_minor), number, target),), reason)
