"""What makes a line the same line when it comes again in another file.

The key hashes what the bank itself says of a line, in its account, and how many lines just like
it came before it on that day: so true twins stay two, the same file changes nothing, and of files
that overlap the larger count of twins holds. The bank's own id is one input and never the key
alone, because banks use one id for several lines.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator

from circles.ledger.statements.model import StatementLine

_TAG = "circles/statement-line/v1"


def likeness(account: str, line: StatementLine) -> bytes:
    """32 bytes that are equal for lines that nobody could tell apart."""
    parts = (
        _TAG,
        _plain(account),
        line.booked_on.isoformat(),
        str(line.amount_minor),
        line.currency or "",
        _plain(line.bank_ref),
        _plain(line.reference),
        _plain(line.end_to_end),
        _plain(line.counterparty),
        _plain(line.counterparty_iban or line.counterparty_account),
        _plain(line.text),
    )
    return hashlib.sha256("\x00".join(parts).encode("utf-8", "replace")).digest()


def line_key(like: bytes, occurrence: int) -> bytes:
    """The key of the n-th (from 1) of lines that are alike."""
    return hashlib.sha256(like + occurrence.to_bytes(4, "big")).digest()


def keyed(
    account: str, lines: Iterable[StatementLine]
) -> Iterator[tuple[bytes, int, StatementLine]]:
    """(key, occurrence, line) for each line of one account in one file, in its order."""
    seen: Counter[bytes] = Counter()
    for line in lines:
        like = likeness(account, line)
        seen[like] += 1
        yield line_key(like, seen[like]), seen[like], line


def _plain(text: str | None) -> str:
    return " ".join(text.split()).replace("\x00", "") if text else ""
