"""A statement while it is read: what every format keeps track of, and the proof at its end."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date

from circles import money
from circles.ledger.statements import values
from circles.ledger.statements.model import (
    Balance,
    Closed,
    Event,
    Pending,
    Problem,
    StatementLine,
)
from circles.web.i18n import gettext as _


def line_number(number: int) -> str:
    """`Line 14`."""
    return _("Line %(n)s") % {"n": number}


def shown(amount_minor: int, currency: str | None) -> str:
    """`-12.50 EUR`."""
    digits = values.digits_of(currency)
    sign, whole = ("-" if amount_minor < 0 else ""), f"{abs(amount_minor):0{digits + 1}}"
    figure = f"{sign}{whole[:-digits]}.{whole[-digits:]}" if digits else f"{sign}{whole}"
    return f"{figure} {currency}" if currency else figure


@dataclass(slots=True)
class Sheet:
    """Adds up what was read of one statement."""

    account: str | None = None
    currency: str | None = None
    opening: Balance | None = None
    closing: Balance | None = None
    kind: str = "statement"
    id_in_file: str | None = None
    where: str = ""
    sum_minor: int = 0
    lines: int = 0
    is_broken: bool = False
    first_on: date | None = None
    out: list[Event] = field(default_factory=list)

    def add(self, line: StatementLine, where: str) -> None:
        """A booked line; one in another currency is kept, and named."""
        if self.currency is None:
            self.currency = line.currency
        elif line.currency != self.currency:
            self.is_broken = True
            self.problem(
                where,
                "currency",
                _("This line is in %(theirs)s, but the account is in %(ours)s.")
                % {"theirs": line.currency or "?", "ours": self.currency},
            )
        self.lines += 1
        self.sum_minor += line.amount_minor
        if self.first_on is None:
            self.first_on = line.booked_on
        self.out.append(line)

    def pend(self, line: StatementLine) -> None:
        """A line that is not booked."""
        self.currency = self.currency or line.currency
        self.out.append(Pending(line))

    def problem(self, where: str, name: str, message: str, *, stops: bool = True) -> None:
        """Something odd; one that stops makes the sum unprovable."""
        if stops:
            self.is_broken = True
        self.out.append(Problem(where, name, message, stops))

    def close(self) -> None:
        """The statement is whole: prove its balances, if it has any."""
        if self.opening is not None and self.closing is not None and not self.is_broken:
            expected = self.opening.amount_minor + self.sum_minor
            missing = self.closing.amount_minor - expected
            if abs(expected) > money.AMOUNT_MINOR_MAX or missing:
                self.problem(self.where, "closing", self._mismatch(expected, missing), stops=False)
        self.out.append(
            Closed(
                self.account, self.currency, self.opening, self.closing, self.kind, self.id_in_file
            )
        )

    def _mismatch(self, expected: int, missing: int) -> str:
        assert self.opening is not None
        assert self.closing is not None
        return _(
            "The balances do not add up: %(opening)s at the start and lines of %(sum)s make "
            "%(expected)s, but the bank says %(closing)s. The difference is %(missing)s."
        ) % {
            "opening": shown(self.opening.amount_minor, self.currency),
            "sum": shown(self.sum_minor, self.currency),
            "expected": shown(expected, self.currency),
            "closing": shown(self.closing.amount_minor, self.currency),
            "missing": shown(missing, self.currency),
        }

    def drain(self) -> list[Event]:
        """What has been found since the last call."""
        out, self.out = self.out, []
        return out
