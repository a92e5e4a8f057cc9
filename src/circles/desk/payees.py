"""Reading whom to pay from a form, and looking whether it is one of us."""

from __future__ import annotations

import re
from dataclasses import dataclass

from circles.circle.iban import IbanError
from circles.desk.names import Names
from circles.errors import InvalidError
from circles.ledger import payouts
from circles.ledger.payouts import PAYEE_NAME_CHARS_MAX, PAYEE_WORDS_CHARS_MAX, Payee
from circles.members.people import Member
from circles.web.forms import Form
from circles.web.i18n import gettext as _

NOBODY, NAMESAKE = "nobody", "namesake"
_IBAN_CHARS_MAX = 60


@dataclass(frozen=True)
class Typed:
    """Whom to pay, which of us it is, and who of us is close to them."""

    payee: Payee
    recipient_actor: int | None
    close_actors: tuple[int, ...]


def options(names: Names, form: Form) -> list[tuple[str, str]]:
    """Who of us gets it. That it is a namesake is offered once it was asked."""
    asked = "recipient" in form.trouble or form.value("recipient") == NAMESAKE
    namesake = [(NAMESAKE, _("No, somebody else of that name"))] if asked else []
    people = [(member.id.hex(), member.handle) for member in names.members]
    return [(NOBODY, _("No, somebody else")), *namesake, *people]


def picked_before(payee: Payee, recipient: Member | None, names: Names) -> str:
    """What was said of a payment's recipient. That it is a namesake only where there is one: it
    answers the question for a name that is typed later, too."""
    if recipient is not None:
        return recipient.id.hex()
    return NAMESAKE if called_so(payee.name, names) else NOBODY


def read(form: Form, names: Names) -> Typed | None:
    """What was typed; None when there was trouble, which the form then tells."""
    payee = _payee(form)
    by_id = {member.id.hex(): member for member in names.members}
    picked = form.choice("recipient", [NOBODY, NAMESAKE, *by_id])
    called = called_so(form.value("payee"), names)
    if picked == NOBODY and called is not None:
        form.trouble.add(
            "recipient",
            _("One of us is called %(name)s. Please say whether it is them.")
            % {"name": called.handle},
        )
    if payee is None or form.trouble:
        return None
    recipient = by_id.get(picked)
    close = [
        by_id[name.removeprefix("close-")].actor
        for name in form.names("close-")
        if name.removeprefix("close-") in by_id
    ]
    return Typed(payee, recipient.actor if recipient else None, tuple(close))


def called_so(name: str, names: Names) -> Member | None:
    """One of us whose handle stands among the words of that name."""
    words = set(re.findall(r"\w+", name.casefold()))
    for member in names.members:
        if set(re.findall(r"\w+", member.handle.casefold())) <= words:
            return member
    return None


def _payee(form: Form) -> Payee | None:
    way = form.choice("way", ("bank", "cash"))
    name = form.text("payee", max_chars=PAYEE_NAME_CHARS_MAX)
    account = form.text("iban", max_chars=_IBAN_CHARS_MAX, required=way == "bank")
    words = form.lines("words", max_chars=PAYEE_WORDS_CHARS_MAX, required=False)
    if form.trouble:
        return None
    try:
        return payouts.checked_payee(name, account if way == "bank" else "", words)
    except IbanError as error:
        form.trouble.add("iban", str(error))
    except InvalidError as error:
        form.trouble.add("payee", str(error))
    return None
