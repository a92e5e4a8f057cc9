"""JSON lines with hashes: each line can be recomputed by whoever knows SHA-256 and RFC 8785.

    {"book": {...}, "format": "circles/ledger-export/v1", "hash": "..."}
    {"hash": "...", "note": {"salt": "...", "text": "..."}, "prev_hash": "...", "record": {...}}
    {"balances": {...}, "head": "...", "transfers": 12}

`note` is null where there is none, or none any more. All bytes in base64url without padding, as in
the log. With `||` for one behind the other:
first line:  hash = SHA-256("circles/ledger-book/v1" || 0x00 || JCS(book))
each other:  hash = SHA-256("circles/ledger/v1" || 0x00 || prev_hash || JCS(record)),
             record.note = SHA-256("circles/ledger-note/v1" || 0x00 || book id || salt || text)
and prev_hash is the hash of the line before, unless the file holds one period only. `balances` are
debits minus credits at the end, in minor units.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from circles.ledger.export.values import Booked, BookValues
from circles.ledger.transfer import genesis, header_of, record_of
from circles.protocol.text import b64

FORMAT = "circles/ledger-export/v1"


class JsonLines:
    """See `values.Writer`."""

    def __init__(self, book: BookValues) -> None:
        self._book = book
        header = (
            book.book_id,
            book.circle_id,
            book.currency,
            book.minor_digits,
            book.opened_at,
        )
        self._header = header_of(*header)
        self._head = genesis(*header)
        self._transfers = 0

    def begin(self) -> Iterator[str]:
        first: dict[str, Any] = {
            "format": FORMAT,
            "book": self._header,
            "hash": b64(self._head),
        }
        period = self._book.period
        if period is not None:
            first["period"] = period.name
            first["balances_before"] = {c: s.before for c, s in self._book.accounts.items()}
        yield _line(first)

    def line(self, booked: Booked) -> str:
        one = booked.transfer
        note = None
        if booked.note is not None and booked.note_salt is not None:
            note = {"salt": b64(booked.note_salt), "text": booked.note}
        self._head = one.hash
        self._transfers += 1
        return _line(
            {
                "record": record_of(one),
                "prev_hash": b64(one.prev_hash),
                "hash": b64(one.hash),
                "note": note,
            }
        )

    def end(self) -> Iterator[str]:
        yield _line(
            {
                "transfers": self._transfers,
                "head": b64(self._head),
                "balances": {c: s.after for c, s in self._book.accounts.items()},
            }
        )


def _line(value: dict[str, Any]) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True) + "\n"
