"""Money that went out: a payout, a fee, money given back, a payment that bounced. What is none of
these must be named by a person."""

from __future__ import annotations

from datetime import timedelta

from circles.ledger.matching import evidence, kinds
from circles.ledger.matching.evidence import Evidence
from circles.ledger.matching.names import is_named
from circles.ledger.matching.state import State
from circles.ledger.matching.values import (
    Arrived,
    Choice,
    Payment,
    Proposal,
    Seen,
    Tier,
    Way,
    because,
    one,
)

# A direct debit may be sent back for eight weeks, one without a mandate longer.
_BOUNCES = timedelta(days=70)


def propose(seen: Seen, state: State) -> Proposal:
    """For one line of money out."""
    payment = seen.payment
    ev = evidence.of(payment, state.known)
    found = (
        _by_payout(seen, payment, state)
        or _by_bounce(seen, payment, ev, state)
        or _by_fee(seen, payment, ev, state)
        or _by_refund(seen, payment, ev, state)
        or Proposal(seen.id, "D")
    )
    return _or_typed(seen, found, state)


# ------------------------------------------------------------------ payouts


def _by_payout(seen: Seen, payment: Payment, state: State) -> Proposal | None:
    amount = -payment.amount_minor
    open_ways = state.ways(lambda way: way.state in ("confirmed", "sent"))
    named = [w for w in open_ways if w.reference and evidence.says(payment, w.reference)]
    if len(named) == 1 and named[0].amount_minor != amount:
        return Proposal(seen.id, "D", (), because("payout-other-amount"))
    same = [way for way in open_ways if way.amount_minor == amount]
    for ways, code, tier in (
        ([w for w in same if w in named], "payout-reference", "A"),
        ([w for w in same if w.iban and w.iban == payment.iban], "payout-account", "B"),
        (_called(same, payment), "payout-name", "C"),
        ([w for w in same if _may_be(w, payment)], "payout-amount", "C"),
    ):
        if ways:
            return _settles(seen, payment, ways, code, tier)
    return None


def _called(ways: list[Way], payment: Payment) -> list[Way]:
    names = [w for w in ways if w.name and _may_be(w, payment)]
    return [w for w in names if is_named(w.name, payment.counterparty)]


def _may_be(way: Way, payment: Payment) -> bool:
    """Not if it went to another account than ours was to go to."""
    return way.state == "sent" and not (way.iban and payment.iban and way.iban != payment.iban)


def _settles(seen: Seen, payment: Payment, ways: list[Way], code: str, tier: str) -> Proposal:
    choices = tuple(
        one("payout", payment.amount_minor, because(code), target=way.id) for way in ways
    )
    elsewhere = any(w.iban and payment.iban and w.iban != payment.iban for w in ways)
    unsent = any(way.state != "sent" for way in ways)
    if len(ways) > 1 or elsewhere:
        sure: Tier = "C"
    else:
        sure = "B" if tier == "A" and unsent else _tier(tier)
    return Proposal(seen.id, sure, choices, because(code))


def _tier(text: str) -> Tier:
    return "A" if text == "A" else "B" if text == "B" else "C"


# ------------------------------------------------------------------ bounced


def _by_bounce(seen: Seen, payment: Payment, ev: Evidence, state: State) -> Proposal | None:
    """A payment of a member that their bank took back, with the one that it was."""
    told, worded = kinds.told(seen), kinds.worded(seen)
    if "returned" not in told | worded:
        return None
    numbers = set(ev.references) | set(ev.numbers) | set(ev.slips)
    before = [
        came
        for came in state.known.arrived
        if came.amount_minor == -payment.amount_minor
        and timedelta() <= seen.booked_on - came.on <= _BOUNCES
        and not state.is_used(came.transfer_id)
    ]
    sure = [c for c in before if c.number in numbers or _same_payer(c, payment)]
    likely = sure or [c for c in before if not numbers and not _is_anothers(c, payment, ev)]
    newest = _newest_of_each(likely)
    if not newest:
        return None
    code = "bounced" if sure else "bounced-amount"
    choices = tuple(
        one(
            "returned",
            payment.amount_minor,
            because(code, number=came.number, on=came.on.isoformat()),
            number=came.number,
            target=came.transfer_id,
        )
        for came in newest
    )
    fee = None if sure else _by_fee(seen, payment, ev, state)
    if fee is not None:
        # What a bank asks for a payment that bounced may be as much as somebody's pledge.
        return Proposal(seen.id, "C", (*fee.choices, *choices), because("fee-or-bounced"))
    certain = bool(sure) and len(newest) == 1 and "returned" in told
    return Proposal(seen.id, "B" if certain else "C", choices, choices[0].reason)


def _same_payer(came: Arrived, payment: Payment) -> bool:
    return came.payer is not None and came.payer == payment.payer


def _is_anothers(came: Arrived, payment: Payment, ev: Evidence) -> bool:
    """The line names another member, or goes to another account than this payment came from."""
    named = {*ev.named, *ev.payer_named}
    elsewhere = None not in (came.payer, payment.payer) and came.payer != payment.payer
    return elsewhere or bool(named and came.number not in named)


def _newest_of_each(found: list[Arrived]) -> list[Arrived]:
    """A member may have paid the same twice: the later one is taken back."""
    newest: dict[str, Arrived] = {}
    for came in sorted(found, key=lambda c: c.on):
        newest[came.number] = came
    return list(newest.values())


# ------------------------------------------------------------------ fees, and money given back


def _by_fee(seen: Seen, payment: Payment, ev: Evidence, state: State) -> Proposal | None:
    told, worded = kinds.told(seen), kinds.worded(seen)
    of_bank = payment.iban is None and payment.payer is None
    if not of_bank or not ({"fee", "interest"} & (told | worded)):
        return None
    if (ev.references or ev.numbers) and "returned" not in told | worded:
        return None
    choice = one("fee", payment.amount_minor, because("fee"))
    sure = (
        "fee" in told
        and not (ev.references or ev.numbers)
        and payment.payer_name is None
        and not state.ways(lambda way: way.amount_minor == -payment.amount_minor)
    )
    return Proposal(seen.id, "B" if sure else "C", (choice,), choice.reason)


def _by_refund(seen: Seen, payment: Payment, ev: Evidence, state: State) -> Proposal | None:
    """Given back to a member, here or gone: no more than is theirs."""
    amount = -payment.amount_minor
    found: dict[str, str] = {}
    for numbers, code in (
        (ev.references, "refund-reference"),
        (ev.former, "refund-former"),
        (ev.numbers, "refund-number"),
        (tuple(sorted(ev.payers)), "refund-payer"),
        (ev.payer_named, "refund-name"),
    ):
        for number in numbers:
            if state.held(number) >= amount:
                found.setdefault(number, code)
    choices: tuple[Choice, ...] = tuple(
        one("refund", amount, because(code, number=number), number=number)
        for number, code in found.items()
    )
    return Proposal(seen.id, "C", choices, choices[0].reason) if choices else None


def _or_typed(seen: Seen, found: Proposal, state: State) -> Proposal:
    """It may stand in the books already: typed by hand, or said to have arrived."""
    typed = state.typed(seen.payment.amount_minor, seen.booked_on)
    if not typed:
        return found
    only = found.only
    if only is not None and only.parts[0].kind == "payout" and found.is_certain:
        return found
    ties = tuple(
        one(
            "tie",
            seen.payment.amount_minor,
            because("typed-before", on=booked.on.isoformat()),
            target=booked.id,
        )
        for booked in typed
    )
    fits = only is not None and any(
        booked.kind == only.parts[0].kind and booked.number == only.parts[0].number
        for booked in typed
    )
    if len(typed) == 1 and (fits or not found.choices):
        tier: Tier = "B" if fits and found.is_certain else "C"
        return Proposal(seen.id, tier, ties, ties[0].reason)
    return Proposal(seen.id, "C", (*ties, *found.choices), because("typed-before"))
