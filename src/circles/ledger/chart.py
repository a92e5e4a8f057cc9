"""The chart of accounts and what may be booked: codes, classes, floors, kinds.

Account codes and kinds are for ever: they stand in chained records and in exports. The database
keeps its own copy of `KINDS` and enforces it (migrations ledger_0001, ledger_0004,
ledger_0010); `circles ledger verify` compares the two.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final, Literal

from circles.errors import InvalidError
from circles.web.i18n import gettext as _

AccountClass = Literal[
    "bank", "cash", "returned", "member", "suspense", "award", "transit", "round", "fund"
]
Floor = Literal["none", "debit", "credit"]

MAIN_BANK: Final = "Assets:Bank:Main"
CASH: Final = "Assets:Cash"
RETURNED: Final = "Assets:Returned"
SUSPENSE: Final = "Liabilities:Suspense"
TRANSIT: Final = "Liabilities:Transit"
FUND: Final = "Equity:Fund"

# A debit floor means debits >= credits (a cash tin holds no less than nothing); a credit floor the
# reverse. The bank has none: what a bank says happened, happened.
FLOORS: Final[dict[AccountClass, Floor]] = {
    "bank": "none",
    "cash": "debit",
    "returned": "none",
    "member": "credit",
    "suspense": "credit",
    "award": "credit",
    "transit": "credit",
    "round": "credit",
    "fund": "credit",
}

_CLASSES: Final[tuple[tuple[AccountClass, re.Pattern[str]], ...]] = (
    ("bank", re.compile(r"Assets:Bank:[A-Za-z0-9-]{1,32}", re.ASCII)),
    ("cash", re.compile(r"Assets:Cash", re.ASCII)),
    ("returned", re.compile(r"Assets:Returned", re.ASCII)),
    ("member", re.compile(r"Liabilities:Members:M[0-9]{4,9}", re.ASCII)),
    ("suspense", re.compile(r"Liabilities:Suspense", re.ASCII)),
    ("award", re.compile(r"Liabilities:Awards:[0-9]{4}-[0-9]{2}-[1-9][0-9]{0,2}", re.ASCII)),
    ("transit", re.compile(r"Liabilities:Transit", re.ASCII)),
    ("round", re.compile(r"Liabilities:Round:[0-9]{4}-[0-9]{2}", re.ASCII)),
    ("fund", re.compile(r"Equity:Fund", re.ASCII)),
)

REVERSAL: Final = "reversal"

# (kind, class debited, class credited). A reversal is allowed by being the mirror of a transfer.
KINDS: Final[frozenset[tuple[str, AccountClass, AccountClass]]] = frozenset(
    {
        ("opening", "bank", "fund"),
        ("opening", "cash", "fund"),
        # What members had paid ahead before these books began, or nobody has claimed.
        ("opening", "bank", "member"),
        ("opening", "cash", "member"),
        ("opening", "bank", "suspense"),
        ("opening", "cash", "suspense"),
        ("contribution", "bank", "member"),
        ("contribution", "cash", "member"),
        ("contribution_unidentified", "bank", "suspense"),
        ("contribution_unidentified", "cash", "suspense"),
        ("identify", "suspense", "member"),
        ("gift", "bank", "fund"),
        ("gift", "cash", "fund"),
        ("gift", "suspense", "fund"),
        ("deposit", "bank", "cash"),
        ("pledge", "member", "fund"),
        ("reserve", "fund", "round"),
        ("allocate", "round", "award"),
        ("carry", "round", "fund"),
        ("payout_sent", "award", "transit"),
        ("payout_settled", "transit", "bank"),
        ("payout_settled", "transit", "cash"),
        ("payout_returned", "bank", "award"),
        ("payout_returned", "cash", "award"),
        ("returned", "returned", "bank"),
        ("contribution_returned", "bank", "returned"),
        ("withdraw", "fund", "member"),
        ("offset", "member", "returned"),
        ("refund", "member", "transit"),
        ("release", "award", "fund"),
        ("fee", "fund", "bank"),
        # A fee larger than the fund: the fact is kept beside the fund, and taken from it later.
        ("fee", "returned", "bank"),
        ("fee", "fund", "returned"),
        ("interest", "bank", "fund"),
        # What two people counted in the tin otherwise than the books say: the fund's loss or gain.
        ("cash_missing", "fund", "cash"),
        ("cash_found", "cash", "fund"),
    }
)


@lru_cache(maxsize=4096)
def class_of(code: str) -> AccountClass:
    """The class of an account code; InvalidError if no account may have that code."""
    for name, pattern in _CLASSES:
        if pattern.fullmatch(code):
            return name
    raise InvalidError(_("“{code}” is no account of these books.").format(code=code))


def floor_of(code: str) -> Floor:
    """The floor of an account: `credit` = credits >= debits, `debit` the reverse, or `none`."""
    return FLOORS[class_of(code)]


def allows(kind: str, debit: str, credit: str) -> bool:
    """Whether the allow-list has this kind between these two accounts."""
    return (kind, class_of(debit), class_of(credit)) in KINDS


def member(book_number: str) -> str:
    """`M0042` -> the account of what that member paid in and has not pledged yet."""
    return f"Liabilities:Members:{book_number}"


def bank(name: str = "Main") -> str:
    """The account of a bank account, by its name in these books."""
    return f"Assets:Bank:{name}"


def round_of(month: str) -> str:
    """`2026-10` -> what that month's vote decides about, from its close until its count."""
    return f"Liabilities:Round:{month}"


def award(month: str, candidate: int) -> str:
    """What one recipient was given and has not been paid yet."""
    return f"Liabilities:Awards:{month}-{candidate}"
