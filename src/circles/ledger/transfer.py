"""A transfer: one debit, one credit, one amount. It balances because it cannot do otherwise.

The chain: hash = SHA-256("circles/ledger/v1" || 0x00 || prev_hash || JCS(record)), where the record
is every stored column but the two hashes, with a random salt of 16 bytes. The first transfer's
prev_hash is `genesis`, made the same way from the book's header. JCS is RFC 8785; with ASCII names
and integers below 10^15 compact JSON with sorted keys is already canonical.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import lru_cache
from typing import Any

from circles.protocol.text import ID_BYTES, b64

_CHAIN = b"circles/ledger/v1\x00"
_BOOK = b"circles/ledger-book/v1\x00"
_SEAL = b"circles/ledger-seal/v1\x00"
_PERIOD = b"circles/ledger-period/v1\x00"
_HANDOVER = b"circles/ledger-handover/v1\x00"
_NOTE = b"circles/ledger-note/v1\x00"
_REQUEST = b"circles/ledger-request/v1\x00"

_JCS = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False)

Json = dict[str, str | int | None]


@dataclass(frozen=True, slots=True)
class NewTransfer:
    """What somebody wants booked.

    `actor` is a random number standing for whoever acts (0 = the program). `note` is free text: it
    is kept in an erasable row, and only its salted hash is chained. `business_ref` is unique in a
    book, so that a monthly job may be run again.
    """

    kind: str
    debit: str
    credit: str
    amount_minor: int
    effective_on: date
    actor: int = 0
    business_ref: str | None = None
    note: str | None = None
    reverses: bytes | None = None


@dataclass(frozen=True, slots=True)
class Transfer:
    """One row of the books, as stored. Never changed, never removed."""

    id: bytes
    book_id: bytes
    seq: int
    entry_id: bytes
    kind: str
    debit: str
    credit: str
    amount_minor: int
    effective_on: date
    recorded_at: datetime
    reverses: bytes | None
    actor: int
    note_hash: bytes | None
    business_ref: str | None
    salt: bytes
    prev_hash: bytes
    hash: bytes


@dataclass(frozen=True)
class Entry:
    """Transfers booked together. `created` is false when this very request was answered before."""

    id: bytes
    transfers: tuple[Transfer, ...]
    created: bool


def jcs(value: Json | list[Json]) -> bytes:
    """Canonical JSON (RFC 8785) of ASCII texts and integers."""
    return _JCS.encode(value).encode("ascii")


def time_text(at: datetime) -> str:
    """A time as it stands in a record; fractions, which we never write, would show."""
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def as_time(value: Any) -> datetime:
    """A stored time, whichever database it comes from; ValueError if it is none."""
    at = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)


def as_day(value: Any) -> date:
    """A stored day; ValueError if it is none, or not spelt as days are stored and compared."""
    if isinstance(value, date):
        return value
    day = date.fromisoformat(str(value))
    if day.isoformat() != value:
        raise ValueError(f"{value!r} is no day")
    return day


def _optional(value: bytes | None) -> str | None:
    return None if value is None else b64(value)


def record_of(transfer: Transfer) -> Json:
    """Every stored column but the two hashes. The actor is a text: it may exceed 2^53."""
    return {
        "actor": str(transfer.actor),
        "amount": transfer.amount_minor,
        "book": b64(transfer.book_id),
        "credit": transfer.credit,
        "debit": transfer.debit,
        "effective_on": transfer.effective_on.isoformat(),
        "entry": b64(transfer.entry_id),
        "id": b64(transfer.id),
        "kind": transfer.kind,
        "note": _optional(transfer.note_hash),
        "recorded_at": time_text(transfer.recorded_at),
        "ref": transfer.business_ref,
        "reverses": _optional(transfer.reverses),
        "salt": b64(transfer.salt),
        "seq": transfer.seq,
    }


def chain_hash(transfer: Transfer) -> bytes:
    """What `hash` must be, from the transfer's other columns and its `prev_hash`."""
    record = jcs(record_of(transfer))
    return hashlib.sha256(_CHAIN + transfer.prev_hash + record).digest()


# Every column but the two hashes, in the order of the dataclass; day and time also as they are
# stored where a database has no types for them.
Recorded = tuple[
    bytes, bytes, int, bytes, str, str, str, int, date | str, datetime | str,
    bytes | None, int, bytes | None, str | None, bytes,
]  # fmt: skip
_quoted = json.encoder.encode_basestring
_known_b64 = lru_cache(maxsize=1024)(b64)


# What many transfers share, as it stands in their records.
@lru_cache(maxsize=1024)
def _known_time(stored: datetime | str) -> str:
    return time_text(as_time(stored))


@lru_cache(maxsize=1024)
def _known_day(stored: date | str) -> str:
    return as_day(stored).isoformat()


@lru_cache(maxsize=4096)
def _known_way(kind: str, debit: str, credit: str) -> tuple[str, str]:
    return f'"credit":{_quoted(credit)},"debit":{_quoted(debit)}', f'"kind":{_quoted(kind)}'


def chained(prev_hash: bytes, recorded: Recorded) -> bytes:
    """`chain_hash` of the columns alone, its record written out, because the books are hashed from
    end to end when they are verified. A test holds the two together.

    Raises ValueError or TypeError for what cannot stand in a record.
    """
    (id_, book, seq, entry, kind, debit, credit, amount, on, at,
     reverses, actor, note, ref, salt) = recorded  # fmt: skip
    if len(id_) != ID_BYTES or len(salt) != ID_BYTES:
        raise ValueError("its id or its salt is of another length")
    # One call for both: 16 bytes and two of nothing are 24 letters, of which 22 are theirs.
    own = b64(id_ + b"\0\0" + salt)
    sides, what = _known_way(kind, debit, credit)
    # `:d` takes whole numbers only: no text that looks like one, wherever it was stored.
    record = (
        f'{{"actor":"{actor:d}","amount":{amount:d},"book":"{_known_b64(book)}",{sides},'
        f'"effective_on":"{_known_day(on)}","entry":"{_known_b64(entry)}","id":"{own[:22]}",{what},'
        f'"note":{"null" if note is None else _b64_text(note)},"recorded_at":"{_known_time(at)}",'
        f'"ref":{"null" if ref is None else _quoted(ref)},'
        f'"reverses":{"null" if reverses is None else _b64_text(reverses)},'
        f'"salt":"{own[24:]}","seq":{seq:d}}}'
    )
    return hashlib.sha256(_CHAIN + prev_hash + record.encode("ascii")).digest()


def _b64_text(value: bytes) -> str:
    return f'"{b64(value)}"'


def header_of(
    book_id: bytes, circle_id: bytes, currency: str, minor_digits: int, opened_at: datetime
) -> Json:
    """What a book says of itself, for ever."""
    return {
        "book": b64(book_id),
        "circle": b64(circle_id),
        "currency": currency,
        "minor_digits": minor_digits,
        "opened_at": time_text(opened_at),
    }


def genesis(
    book_id: bytes, circle_id: bytes, currency: str, minor_digits: int, opened_at: datetime
) -> bytes:
    """The head of a book in which nothing is booked yet."""
    header = header_of(book_id, circle_id, currency, minor_digits, opened_at)
    return hashlib.sha256(_BOOK + jcs(header)).digest()


def note_hash(book_id: bytes, salt: bytes, note: str) -> bytes:
    """What is chained in place of a note; without the salt it tells nothing about the words."""
    return hashlib.sha256(_NOTE + book_id + salt + note.encode()).digest()


def seal_hash(seal: Json) -> bytes:
    """Binds one stored seal's columns together."""
    return hashlib.sha256(_SEAL + jcs(seal)).digest()


def period_hash(closed: Json) -> bytes:
    """Binds one closed month's columns together."""
    return hashlib.sha256(_PERIOD + jcs(closed)).digest()


def handover_hash(handover: Json) -> bytes:
    """Binds one accepted hand-over's columns together."""
    return hashlib.sha256(_HANDOVER + jcs(handover)).digest()


def request_hash(
    book_id: bytes, key: str, transfers: tuple[Transfer, ...] | list[NewTransfer]
) -> bytes:
    """What was asked for under an idempotency key, notes left out (they can be erased)."""
    asked: list[Json] = [{"book": b64(book_id), "key": key}]
    asked += [
        {
            "actor": str(t.actor),
            "amount": t.amount_minor,
            "credit": t.credit,
            "debit": t.debit,
            "effective_on": t.effective_on.isoformat(),
            "kind": t.kind,
            "ref": t.business_ref,
            "reverses": _optional(t.reverses),
        }
        for t in transfers
    ]
    return hashlib.sha256(_REQUEST + jcs(asked)).digest()
