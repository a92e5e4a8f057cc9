"""What every format is read into.

All values are frozen. Amounts are whole minor units, positive when money came in. Dates are the
bank's own, as written: no zone is applied to them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from circles.ledger.statements.mapping import Mapping

PROBLEMS_MAX = 1000


class UnreadableError(Exception):
    """Reading cannot go on; carries the problem that says why."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.message)
        self.problem = problem


@dataclass(frozen=True, slots=True)
class Problem:
    """Something odd, in plain words. `where` is "Line 14"; `field` a column, tag or element.

    `stops` is false for what a treasurer should know but may import all the same, such as balances
    that do not add up.
    """

    where: str
    field: str
    message: str
    stops: bool = True


@dataclass(frozen=True, slots=True)
class Balance:
    """What the bank says stood there on a day; `on` is None when the file names no day."""

    on: date | None
    amount_minor: int


@dataclass(frozen=True, slots=True)
class Detail:
    """One payment of a batch that the bank booked as one sum."""

    amount_minor: int
    counterparty: str | None = None
    counterparty_iban: str | None = None
    reference: str | None = None
    text: str | None = None
    end_to_end: str | None = None


@dataclass(frozen=True, slots=True)
class StatementLine:
    """One row of a statement.

    `currency` is None where neither file nor reader knows it (two digits are then assumed).
    `reference` is the structured reference, else the payer's own id. `details` add up to
    the amount, or are empty. `bank_kind` is the bank's word for what it was.
    """

    booked_on: date
    value_on: date | None
    amount_minor: int
    currency: str | None
    counterparty: str | None = None
    counterparty_iban: str | None = None
    reference: str | None = None
    text: str | None = None
    bank_ref: str | None = None
    end_to_end: str | None = None
    counterparty_account: str | None = None
    bank_kind: str | None = None
    details: tuple[Detail, ...] = ()


@dataclass(frozen=True, slots=True)
class Pending:
    """A line that the bank expects but has not booked. Never money."""

    line: StatementLine


@dataclass(frozen=True, slots=True)
class Closed:
    """The end of one statement; its lines came before it.

    `kind` is "statement", or "intraday" and "notice", which add details and prove no balance.
    """

    account: str | None
    currency: str | None
    opening: Balance | None = None
    closing: Balance | None = None
    kind: str = "statement"
    id_in_file: str | None = None


Event = StatementLine | Pending | Problem | Closed


@dataclass(frozen=True, slots=True)
class Statement:
    """One account over one stretch of time."""

    account: str | None
    currency: str | None
    opening: Balance | None
    closing: Balance | None
    lines: tuple[StatementLine, ...]
    pending: tuple[StatementLine, ...] = ()
    kind: str = "statement"
    id_in_file: str | None = None


@dataclass(frozen=True, slots=True)
class Reading:
    """A whole file. `mapping` says how a CSV was read, to be shown, corrected and remembered."""

    format: str | None
    statements: tuple[Statement, ...]
    problems: tuple[Problem, ...] = field(default=())
    mapping: Mapping | None = None

    @property
    def importable(self) -> bool:
        """Whether nothing stands against keeping all of it."""
        return bool(self.statements) and not any(problem.stops for problem in self.problems)
