"""The bank's own words for a line: personal, so they are sealed, and go when their time has come.

What stays of a line binds itself: `likeness` and `bound` are keyed hashes, which nobody without the
host's key can guess at, or make fit after changing a figure.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields
from datetime import date
from typing import Any

from circles.ledger.statements import keys
from circles.ledger.statements.model import Detail, StatementLine
from circles.ledger.transfer import jcs
from circles.protocol.text import b64
from circles.vault import Vault

_LIKENESS = "ledger/bank-likeness"
_BOUND = "ledger/bank-bound"


@dataclass(frozen=True, slots=True)
class LineWords:
    """What the bank wrote beside a line; `details` are the parts of a batch."""

    currency: str | None = None
    counterparty: str | None = None
    counterparty_iban: str | None = None
    counterparty_account: str | None = None
    reference: str | None = None
    text: str | None = None
    end_to_end: str | None = None
    bank_ref: str | None = None
    bank_kind: str | None = None
    details: tuple[Detail, ...] = ()

    @classmethod
    def of(cls, line: StatementLine) -> LineWords:
        """The words of a line that was read."""
        return cls(
            currency=line.currency,
            counterparty=line.counterparty,
            counterparty_iban=line.counterparty_iban,
            counterparty_account=line.counterparty_account,
            reference=line.reference,
            text=line.text,
            end_to_end=line.end_to_end,
            bank_ref=line.bank_ref,
            bank_kind=line.bank_kind,
            details=line.details,
        )

    @classmethod
    def from_json(cls, text: str | bytes) -> LineWords:
        """As `to_json` wrote it."""
        given: dict[str, Any] = json.loads(text)
        details = tuple(Detail(**detail) for detail in given.pop("details", ()))
        return cls(**given, details=details)

    def to_json(self) -> str:
        """Only what is there."""
        told: dict[str, Any] = {name: v for name in _TEXTS if (v := getattr(self, name))}
        if self.details:
            told["details"] = [asdict(detail) for detail in self.details]
        return json.dumps(told, ensure_ascii=False)

    def line(self, booked_on: date, value_on: date | None, amount_minor: int) -> StatementLine:
        """The line as it was read, for those who read references out of it."""
        return StatementLine(
            booked_on=booked_on,
            value_on=value_on,
            amount_minor=amount_minor,
            currency=self.currency,
            counterparty=self.counterparty,
            counterparty_iban=self.counterparty_iban,
            reference=self.reference,
            text=self.text,
            bank_ref=self.bank_ref,
            end_to_end=self.end_to_end,
            counterparty_account=self.counterparty_account,
            bank_kind=self.bank_kind,
            details=self.details,
        )


_TEXTS = tuple(field.name for field in fields(LineWords) if field.name != "details")


def likeness(vault: Vault, line: StatementLine) -> bytes:
    """Equal for lines that nobody could tell apart; tells nothing without the host's key."""
    return vault.mac(_LIKENESS, keys.likeness("", line))


def line_key(account_id: bytes, like: bytes, occurrence: int) -> bytes:
    """What makes it the same line when it comes again: its account, its likeness, its number."""
    return keys.line_key(account_id + like, occurrence)


def seal(vault: Vault, line_id: bytes, words: LineWords | str) -> bytes:
    """Sealed for this line alone."""
    text = words if isinstance(words, str) else words.to_json()
    return vault.seal(_purpose(line_id), text.encode("utf-8", "replace"))


def opened(vault: Vault, line_id: bytes, sealed: bytes | None) -> LineWords | None:
    """The words, or None once they were erased. VaultError if they are another line's."""
    return None if sealed is None else LineWords.from_json(vault.open(_purpose(line_id), sealed))


def _purpose(line_id: bytes) -> str:
    return f"ledger/bank-line/{b64(line_id)}"


def bound(vault: Vault, values: dict[str, Any]) -> bytes:
    """A keyed hash over a row's columns (all but `bound` and the sealed words)."""
    plain: dict[str, str | int | None] = {}
    for name, value in values.items():
        if isinstance(value, bytes):
            plain[name] = b64(value)
        elif isinstance(value, date):
            plain[name] = value.isoformat()
        else:
            plain[name] = value
    return vault.mac(_BOUND, jcs(plain))
