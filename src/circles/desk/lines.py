"""A line of the books in words that a treasurer would use."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from circles.desk.names import Names
from circles.ledger import chart
from circles.ledger.books import JournalLine, Transfer
from circles.web.i18n import gettext as _
from circles.web.i18n import month_name

# What the treasurer typed in, and may therefore have typed wrong. All else belongs to a round, a
# pledge or a payment, and is undone there.
UNDOABLE = frozenset(
    {
        "opening",
        "contribution",
        "contribution_unidentified",
        "identify",
        "gift",
        "deposit",
        "fee",
        "interest",
        "refund",
    }
)
# These may have moved on to the fund since.
MOVES_ON = frozenset({"contribution", "identify"})


def may_move_on(transfer: Transfer) -> bool:
    """Whether this is a member's money that a month may have taken to the fund since."""
    return transfer.kind in MOVES_ON or (
        transfer.kind == "opening" and transfer.credit.startswith("Liabilities:Members:")
    )


@dataclass(frozen=True)
class Line:
    """One line as the desk shows it. `amount_minor` is negative when money left us; `moves` is
    false for lines in which no money came or went."""

    id: str
    seq: int
    on: date
    what: str
    amount_minor: int
    moves: bool
    way: str
    note: str | None
    undone: bool
    may_undo: bool


def line_of(entry: JournalLine, names: Names) -> Line:
    """The line of one transfer."""
    transfer = entry.transfer
    comes = _held(transfer.debit) and not _held(transfer.credit)
    goes = _held(transfer.credit) and not _held(transfer.debit)
    return Line(
        id=transfer.id.hex(),
        seq=transfer.seq,
        on=transfer.effective_on,
        what=words(transfer, names),
        amount_minor=-transfer.amount_minor if goes else transfer.amount_minor,
        moves=comes or goes,
        way=_way(transfer),
        note=entry.note,
        undone=entry.reversed_by is not None,
        may_undo=transfer.kind in UNDOABLE and entry.reversed_by is None,
    )


def _held(code: str) -> bool:
    """Whether money in this account can be touched: what is owed to us cannot."""
    return code == chart.CASH or code.startswith("Assets:Bank:")


def _way(transfer: Transfer) -> str:
    if chart.CASH in {transfer.debit, transfer.credit}:
        return _("cash")
    return _("bank") if chart.MAIN_BANK in {transfer.debit, transfer.credit} else ""


def words(transfer: Transfer, names: Names) -> str:
    """What happened, in a few words."""
    if transfer.kind == chart.REVERSAL:
        return _reversal(transfer, names)
    return _plain(transfer) or _of_a_member(transfer, names) or _of_a_round(transfer, names)


def _plain(transfer: Transfer) -> str:
    returned = chart.RETURNED in {transfer.debit, transfer.credit}
    fee = _("Bank fee, the fund pays later") if transfer.debit == chart.RETURNED else _("Bank fee")
    return {
        "opening": _("What we began with"),
        "contribution_unidentified": _("Paid in, we do not know by whom"),
        "gift": _("A gift"),
        "deposit": _("Cash brought to the bank"),
        "fee": _("Bank fee of before, now paid by the fund")
        if returned and transfer.credit == chart.RETURNED
        else fee,
        "interest": _("Interest"),
        "cash_missing": _("Missing from the tin, two of us counted"),
        "cash_found": _("More in the tin than the books said, two of us counted"),
        "returned": _("Taken back by the bank"),
        "contribution_returned": _("Paid again after the bank took it back"),
    }.get(transfer.kind, "")


def _of_a_member(transfer: Transfer, names: Names) -> str:
    account = transfer.credit if transfer.kind in MOVES_ON | {"withdraw"} else transfer.debit
    if not account.startswith("Liabilities:Members:"):
        return ""
    who = {"who": names.owner(account)}
    return {
        "contribution": _("%(who)s paid in"),
        "identify": _("Found its owner: %(who)s"),
        "pledge": _("%(who)s’s month moved to the fund"),
        "withdraw": _("Given back from the fund to %(who)s"),
        "refund": _("Given back to %(who)s"),
        "offset": _("%(who)s made good what the bank took back"),
    }[transfer.kind] % who


def _of_a_round(transfer: Transfer, names: Names) -> str:
    account = transfer.credit if transfer.kind in {"allocate", "payout_returned"} else ""
    account = account or transfer.debit
    if account == chart.TRANSIT:
        return _("Arrived at the other end")
    if account.startswith("Liabilities:Awards:"):
        what = {"what": names.award(account)}
        return {
            "allocate": _("Given by the vote: %(what)s"),
            "payout_sent": _("On its way: %(what)s"),
            "payout_returned": _("Came back: %(what)s"),
            "release": _("Not needed after all: %(what)s"),
        }[transfer.kind] % what
    if transfer.kind == "reserve":
        month = transfer.credit.rpartition(":")[2]
        return _("The fund, set aside for the vote of %(month)s") % {"month": month_name(month)}
    month = transfer.debit.rpartition(":")[2]
    return _("Not given in %(month)s, back in the fund") % {"month": month_name(month)}


def _reversal(transfer: Transfer, names: Names) -> str:
    """A mirror: the account with a name in it says most."""
    for code in (transfer.debit, transfer.credit):
        if code.startswith("Liabilities:Members:"):
            return _("Undone, for %(who)s") % {"who": names.owner(code)}
        if code.startswith("Liabilities:Awards:"):
            return _("Undone, for %(what)s") % {"what": names.award(code)}
    return _("Undone")
