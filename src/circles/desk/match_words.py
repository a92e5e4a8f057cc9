"""Proposals in words that a treasurer would use: what a line was, and why we think so."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from circles.desk.match_booking import written
from circles.desk.matching import Sitting, Waiting, number_of
from circles.desk.names import Names
from circles.ledger.bank.lines import BankLine
from circles.ledger.bank.matches import Match
from circles.ledger.books import Transfer
from circles.ledger.matching.values import Choice, Part, Reason
from circles.web import i18n
from circles.web.i18n import gettext as _

# What a great batch says is more than anybody reads, and a made-up file may say anything.
_CHARS_SHOWN, _NAME_CHARS_SHOWN = 4000, 200


@dataclass(frozen=True)
class ShownChoice:
    """One answer as a button: its field, what it says, and why."""

    field: str
    what: str
    why: str


@dataclass(frozen=True)
class ShownLine:
    """A line of the bank on a page; `amount_minor` is signed. `why` speaks when no answer does."""

    id: str
    on: date
    who: str
    bank: str
    amount_minor: int
    choices: tuple[ShownChoice, ...] = ()
    why: str = ""
    typed: bool = False


def shown(one: Waiting, found: Sitting, names: Names) -> ShownLine:
    """A line that waits, with its answers."""
    line = one.line
    choices = tuple(
        ShownChoice(written(choice.parts), what(choice, found, names), why(choice.reason, names))
        for choice in one.proposal.choices
    )
    return ShownLine(
        id=line.id.hex(),
        on=line.booked_on,
        who=who_of(line),
        bank=bank_words(line),
        amount_minor=line.amount_minor,
        choices=choices,
        why=_open_why(one, names),
    )


def _open_why(one: Waiting, names: Names) -> str:
    if one.line.amount_minor < 0 and one.proposal.reason.code == "nothing":
        return _("Nothing in it tells us what it was for.")
    return why(one.proposal.reason, names)


def bank_words(line: BankLine) -> str:
    """What else the bank says: reference and text, each once."""
    words = line.words
    if words is None:
        return _("The bank’s words were rubbed out when their time was over.")
    told = [words.reference, words.text, words.end_to_end]
    told += [t for d in words.details for t in (d.counterparty, d.reference, d.text)]
    found = dict.fromkeys(" ".join(t.split()) for t in told if t)
    return _cut(" · ".join(found), _CHARS_SHOWN) or _("no reference, no words")


def who_of(line: BankLine) -> str:
    """The other side, as the bank names it."""
    name = line.words.counterparty if line.words else None
    return _cut(name or "", _NAME_CHARS_SHOWN) or _("The bank names nobody")


def _cut(text: str, chars_max: int) -> str:
    return text if len(text) <= chars_max else text[:chars_max] + "…"


def what(choice: Choice, found: Sitting, names: Names) -> str:
    """All parts of an answer."""
    if len(choice.parts) == 1:
        return _part(choice.parts[0], found, names)
    each = [
        _("%(what)s: %(amount)s")
        % {"what": _part(part, found, names), "amount": i18n.money(part.amount_minor)}
        for part in choice.parts
    ]
    return "; ".join(each)


def _part(part: Part, found: Sitting, names: Names) -> str:
    who = {"who": names.number(part.number) if part.number else ""}
    if part.kind == "contribution":
        return _("From %(who)s") % who
    if part.kind == "refund":
        return _("Given back to %(who)s") % who
    if part.kind == "returned":
        return _returned(part, found, names)
    if part.kind in ("payout", "payout_returned"):
        payout = found.payouts.get(part.target or b"")
        name = names.request(payout.month, payout.candidate) if payout else ""
        text = _("Paid: %(what)s") if part.kind == "payout" else _("Came back: %(what)s")
        return text % {"what": name}
    if part.kind == "tie":
        return _typed(part, found, names)
    return {
        "gift": _("A gift"),
        "interest": _("Interest"),
        "deposit": _("Our own cash, brought to the bank"),
        "suspense": _("Not known yet, put aside"),
        "contribution_returned": _("Paid again after the bank took it back"),
        "fee": _("A bank fee, paid from the fund"),
    }.get(part.kind, part.kind)


def _typed(part: Part, found: Sitting, names: Names) -> str:
    typed = found.typed.get(part.target or b"")
    day = i18n.day(typed.effective_on) if typed else ""
    number = number_of(typed) if typed else None
    if number is None:
        return _("In the books already, under %(day)s") % {"day": day}
    # Several of one day differ in this alone.
    values = {"who": names.number(number), "day": day}
    return _("In the books already: %(who)s, %(day)s") % values


def _returned(part: Part, found: Sitting, names: Names) -> str:
    came = found.came.get(part.target or b"")
    if came is None or part.number is None:
        return _("The bank took a payment back")
    values = {"who": names.number(part.number), "day": i18n.day(came.effective_on)}
    return _("The bank took back what %(who)s paid on %(day)s") % values


def why(reason: Reason, names: Names) -> str:
    """A reason in a sentence."""
    values = dict(reason.values)
    number = values.get("number")
    due, n = values.get("due"), values.get("n")
    on = values.get("on")
    said = {
        "who": names.number(str(number)) if number else "",
        "number": str(number or ""),
        "due": i18n.money(due) if isinstance(due, int) else "",
        "n": str(n or ""),
        "day": i18n.day(date.fromisoformat(str(on))) if on else "",
    }
    return _why(reason.code) % said


def _why(code: str) -> str:
    return {**_of_references(), **_of_hints(), **_of_the_rest()}.get(code, "")


def _of_references() -> dict[str, str]:
    return {
        "reference": _("The reference is %(who)s’s, and the amount is what waits."),
        "reference-part": _("The reference is %(who)s’s. It is part of the %(due)s that wait."),
        "reference-rest": _("The reference is %(who)s’s, and it is the rest of what waits."),
        "reference-more": _("The reference is %(who)s’s. It is more than the %(due)s that wait."),
        "reference-ahead": _("The reference is %(who)s’s. Nothing waits, so it is for later."),
        "reference-doubt": _(
            "The reference is %(who)s’s, but something else in the line speaks for another."
        ),
        "two-references": _("Two references stand in it, and the amount does not say which."),
        "two-references-sum": _("Both references stand in it, and it is the sum of what waits."),
        "also-named": _("Something else in the line speaks for %(who)s."),
        "slip": _("Nearly %(who)s’s reference: there is a slip in it. Please look."),
        "slip-amount": _("Nearly %(who)s’s reference, with a slip in it. The amount fits."),
        "former": _("The number %(number)s is of somebody who has left."),
        "foreign": _("The reference is right, but nobody’s here: %(number)s."),
    }


def _of_hints() -> dict[str, str]:
    return {
        "number": _("%(who)s’s number stands in it. The amount is another than usual."),
        "number-amount": _("%(who)s’s number stands in it, and the amount is what waits."),
        "payer": _("This account paid for %(who)s before. The amount is another than usual."),
        "payer-amount": _("This account paid for %(who)s before, and the amount is what waits."),
        "payer-sum": _("This account paid for both before, and it is the sum of what waits."),
        "payer-named": _("This account paid for %(who)s before, and names them."),
        "payer-named-amount": _("This account paid for %(who)s before, names them, and it fits."),
        "payer-name": _("Somebody of this name paid for %(who)s before."),
        "payer-name-amount": _("Somebody of this name paid for %(who)s before. The amount fits."),
        "name": _("A name like %(who)s’s stands in it. The amount is another than usual."),
        "name-amount": _("A name like %(who)s’s stands in it, and the amount is what waits."),
        "amount": _("Only %(who)s’s pledge of this amount waits. Please look."),
        "sum": _("It is the sum of what waits of theirs."),
        "several": _("More than one of us could be meant."),
        "batch": _("The bank booked %(n)s payments as one sum, and each says whose it is."),
        "batch-some": _("The bank booked %(n)s payments as one sum. Not all say whose they are."),
        "batch-nothing": _("The bank booked %(n)s payments as one sum, and none says whose it is."),
        "nothing": _("No reference, and nobody has paid from this account before."),
    }


def _of_the_rest() -> dict[str, str]:
    return {
        "typed-before": _("The same amount, typed by hand for %(day)s or near it."),
        "payout-reference": _("Our reference of this payment, and the same amount."),
        "payout-account": _("The same account, and the same amount."),
        "payout-name": _("The same name, and the same amount."),
        "payout-amount": _("The same amount as a payment that we sent."),
        "payout-other-amount": _("Our reference of a payment, but another amount. Please look."),
        "payout-back": _("The bank says it came back, and the amount is a payment’s."),
        "payout-back-reference": _("It came back, with our reference of this payment."),
        "payout-back-first": _(
            "It has our reference of a payment whose own line waits here too. Book that one first."
        ),
        "payout-back-account": _("From where a payment went, with its amount."),
        "bounced": _("The bank says it took back a payment, and this is the one from there."),
        "bounced-amount": _("The bank says it took back a payment of this amount."),
        "fee-or-bounced": _(
            "The bank calls it a fee, and speaks of a payment that it took back. Which is it?"
        ),
        "refund-reference": _("%(who)s’s reference stands in it, and that much is theirs."),
        "refund-former": _("%(who)s’s number stands in it, and that much is theirs."),
        "refund-number": _("%(who)s’s number stands in it, and that much is theirs."),
        "refund-payer": _("To an account that paid for %(who)s before. That much is theirs."),
        "refund-name": _("The name is like %(who)s’s, and that much is theirs."),
        "fee": _("The bank calls it a fee, and nobody else is named."),
        "interest": _("The bank calls it interest."),
        "cash": _("The bank says it was cash, and the tin holds as much."),
        "gift": _("The words say that it is a gift."),
        "hand": _("As you said."),
    }


def said_of(match: Match, transfers: list[Transfer], names: Names) -> str:
    """What a line was said to be, when, by whom."""
    who = _("by itself") if match.tier == "auto" else names.actor(match.actor)
    values = {"who": who, "day": i18n.day(match.at.date())}
    return _("Said on %(day)s, %(who)s") % values
