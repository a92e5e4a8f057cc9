"""The form by which a person says what a line was when none of the proposals is right."""

from __future__ import annotations

from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from circles.circle.circles import Circle
from circles.desk import match_booking
from circles.desk.fields import ID_HEX
from circles.desk.lines import words as line_words
from circles.desk.match_booking import Answer
from circles.desk.match_words import ShownLine
from circles.desk.matching import Sitting
from circles.desk.names import Names
from circles.ledger import books, chart
from circles.ledger.bank import matches
from circles.ledger.bank.lines import BankLine
from circles.ledger.matching.values import Part, PartKind
from circles.web import i18n
from circles.web.forms import Form
from circles.web.i18n import gettext as _

ROWS = 4
_MEMBERS = "Liabilities:Members:"
Options = list[tuple[str, str]]


def filled(line: ShownLine) -> Form:
    """To begin with: the proposal, if there is just one. Between two a person picks."""
    return Form({"as": line.choices[0].field} if len(line.choices) == 1 else {})


def kinds(is_in: bool) -> list[tuple[PartKind, str, str]]:
    """(kind, words, hint) of what a line can be, besides the proposals."""
    if is_in:
        return [
            ("contribution", _("From one of us, or several"), _("Say below who, and how much.")),
            ("suspense", _("Not known yet, put aside"), _("It waits until somebody knows.")),
            ("gift", _("A gift from outside"), _("It goes to the fund.")),
            ("interest", _("Interest"), ""),
            ("deposit", _("Our own cash, brought to the bank"), ""),
            ("payout_returned", _("A payment of ours that came back"), _("Say below which.")),
            ("contribution_returned", _("Paid again after the bank took it back"), ""),
            ("tie", _("It is in the books already"), _("Say below which line.")),
        ]
    return [
        ("payout", _("A payment of ours"), _("Say below which.")),
        ("fee", _("A bank fee"), _("The fund pays it, now or when it can.")),
        ("refund", _("Given back to one of us"), _("Say below to whom: only what is theirs.")),
        ("returned", _("The bank took a payment back"), _("Say below which, if you know.")),
        ("tie", _("It is in the books already"), _("Say below which line.")),
    ]


async def options(
    db: AsyncSession, circle: Circle, found: Sitting, line: BankLine, names: Names
) -> dict[str, Any]:
    """What the form's lists hold for this line."""
    is_in = line.amount_minor > 0
    people: Options = [(member.book_number, member.handle) for member in names.members]
    if not is_in:
        held = await books.balances(db, circle.id)
        people = [
            (code.removeprefix(_MEMBERS), names.owner(code))
            for code, amount in held.items()
            if code.startswith(_MEMBERS) and amount >= -line.amount_minor
        ]
    same = abs(line.amount_minor)
    states = ("settled",) if is_in else ("confirmed", "sent")
    ways: Options = [
        (payout.id.hex(), names.request(payout.month, payout.candidate))
        for payout in found.payouts.values()
        if payout.state in states and payout.way == "bank" and payout.amount_minor == same
    ]
    typed: Options = [
        (transfer.id.hex(), f"{i18n.day(transfer.effective_on)}: {line_words(transfer, names)}")
        for transfer in found.typed.values()
        if matches.bank_minor(transfer) == line.amount_minor
    ]
    came: Options = [
        (transfer.id.hex(), f"{i18n.day(transfer.effective_on)}: {line_words(transfer, names)}")
        for transfer in found.came.values()
        if not is_in and transfer.amount_minor == same
    ]
    lists = {"payout": ways, "tie": typed, "came": came}
    owed = await books.balance(db, circle.id, chart.RETURNED)
    again = [("", "")] if owed > 0 else []
    wanting = {
        "contribution_returned": again,
        "payout": ways,
        "payout_returned": ways,
        "tie": typed,
        "refund": people,
    }
    return {
        "kinds": [one for one in kinds(is_in) if wanting.get(one[0], True)],
        "people": [("", _("Please pick")), *people],
        "lists": {name: [("", _("Please pick")), *found] for name, found in lists.items() if found},
        "rows": range(1, ROWS + 1) if is_in else range(1, 2),
        "is_in": is_in,
    }


def named_apart(form: Form) -> bool:
    """Whether somebody is named in the lists though the answer that is picked needs no name: one of
    the two was not meant."""
    if form.value("as") in ("contribution", "refund"):
        return False
    found = any(form.value(f"whose_{n}") for n in range(1, ROWS + 1))
    if found:
        form.trouble.add(
            "as",
            _("You named somebody below. Pick “one of us” here, or take the name below away."),
        )
    return found


def answer_of(form: Form, line: BankLine) -> Answer | None:
    """What the form says; None when there was trouble, which stands in the form."""
    is_in = line.amount_minor > 0
    if named_apart(form):
        return None
    kind = form.choice("as", [one[0] for one in kinds(is_in)])
    amount = abs(line.amount_minor)
    if not kind:
        return None
    if kind == "contribution":
        parts = _shares(form, amount)
    elif kind == "refund":
        parts = [Part("refund", amount, _number(form, "whose_1"))]
    elif kind in ("payout", "payout_returned", "tie", "returned"):
        parts = [_about(form, kind, amount)]
    else:
        parts = [Part(_kind(kind), amount)]
    return None if form.trouble else Answer(tuple(parts), match_booking.BY_HAND, "hand")


def _kind(text: str) -> PartKind:
    return next(one[0] for is_in in (True, False) for one in kinds(is_in) if one[0] == text)


def _about(form: Form, kind: str, amount: int) -> Part:
    name = {"tie": "tie", "returned": "came"}.get(kind, "payout")
    value = form.value(name)
    if kind != "returned" and not ID_HEX.fullmatch(value):
        form.trouble.add(name, _("Please pick one of these."))
    target = bytes.fromhex(value) if ID_HEX.fullmatch(value) else None
    return Part(_kind(kind), amount, None, target)


def _number(form: Form, name: str) -> str:
    value = form.value(name)
    if not (value[:1] == "M" and value[1:].isascii() and value[1:].isdecimal()):
        form.trouble.add(name, _("Please pick one of these."))
        return ""
    return value


def _shares(form: Form, amount: int) -> list[Part]:
    """One member for all of it, or several with their amounts."""
    named = [n for n in range(1, ROWS + 1) if form.value(f"whose_{n}")]
    if not named:
        form.trouble.add("whose_1", _("Please say whose it is."))
        return []
    if len(named) == 1 and not form.value(f"amount_{named[0]}").strip():
        return [Part("contribution", amount, _number(form, f"whose_{named[0]}"))]
    parts = [
        Part("contribution", form.amount(f"amount_{n}"), _number(form, f"whose_{n}")) for n in named
    ]
    total = sum(part.amount_minor for part in parts)
    if not form.trouble and total != amount:
        form.trouble.add(
            f"amount_{named[-1]}",
            _("Together that is %(total)s, and the bank says %(amount)s.")
            % {"total": i18n.money(total), "amount": i18n.money(amount)},
        )
    return parts
