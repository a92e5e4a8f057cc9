"""Money that came in: whose it is."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from circles.ledger.matching import evidence, kinds
from circles.ledger.matching.evidence import Evidence
from circles.ledger.matching.state import State
from circles.ledger.matching.values import (
    Choice,
    Part,
    Payment,
    Proposal,
    Reason,
    Seen,
    Tier,
    because,
    one,
)

# Up to a year paid at once is nothing odd; more is looked at by a person.
_YEAR_MONTHS = 12
_PAIR = 2
_CHOICES_MAX = 6


def propose(seen: Seen, state: State) -> Proposal:
    """For one line of money in."""
    is_batch = len(seen.details) > 1 and _adds_up(seen)
    found = _batch(seen, state) if is_batch else _alone(seen, state)
    return _or_typed(seen, found, state)


def _alone(seen: Seen, state: State) -> Proposal:
    payment = seen.payment
    ev = evidence.of(payment, state.known)
    return (
        _by_references(seen, payment, ev, state)
        or _by_payout(seen, payment, state)
        or _by_bank(seen, payment, ev, state)
        or _by_hints(seen, payment, ev, state)
        or Proposal(seen.id, "D")
    )


def _adds_up(seen: Seen) -> bool:
    amounts = [detail.amount_minor for detail in seen.details]
    return sum(amounts) == seen.payment.amount_minor and min(amounts) > 0


# ------------------------------------------------------------------ references


def _by_references(seen: Seen, payment: Payment, ev: Evidence, state: State) -> Proposal | None:
    if not ev.references:
        return None
    if len(ev.references) > 1:
        return _several(seen, payment, ev, state)
    number, amount = ev.references[0], payment.amount_minor
    by_reference = one("contribution", amount, _of_due(number, amount, state), number=number)
    others = _others(ev, number, payment, state)
    if others or ev.former or ev.foreign:
        more = [_whole(other, amount, "also-named") for other in others]
        if others and (shared := _shares((number, *others), amount, state)) is not None:
            more.append(Choice(shared, because("sum")))
        return Proposal(
            seen.id, "C", (by_reference, *more), because("reference-doubt", number=number)
        )
    if "returned" in kinds.told(seen) | kinds.worded(seen):
        return Proposal(seen.id, "C", (by_reference,), by_reference.reason)
    tier = _sureness(seen, payment, ev, state)
    return Proposal(seen.id, tier, (by_reference,), by_reference.reason)


def _sureness(seen: Seen, payment: Payment, ev: Evidence, state: State) -> Tier:
    """Certain if something of theirs is waited for, or more than words in a text speak for them:
    somebody may write another's reference into a text without meaning it."""
    number, amount = ev.references[0], payment.amount_minor
    in_field = evidence.of(Payment(amount, reference=payment.reference), state.known).references
    backed = number in in_field or number in ev.payers or number in ev.payer_named
    if not (backed or state.is_awaited(number, seen.booked_on)):
        return "C"
    return "A" if _is_ordinary(number, amount, state) else "B"


def _of_due(number: str, amount: int, state: State) -> Reason:
    """The reason in view of what waits: just that, less, more, or nothing waits."""
    due, usual = state.due(number), state.usual(number)
    code = "reference"
    if not due:
        code = "reference-ahead"
    elif amount < due:
        code = "reference-part"
    elif amount > due:
        code = "reference-more"
    elif due < usual:
        code = "reference-rest"
    return because(code, number=number, due=due)


def _is_ordinary(number: str, amount: int, state: State) -> bool:
    usual = max(state.usual(number), state.due(number))
    return 0 < amount <= _YEAR_MONTHS * usual


def _others(ev: Evidence, number: str, payment: Payment, state: State) -> tuple[str, ...]:
    """Members for whom something else in the line speaks."""
    found: dict[str, None] = dict.fromkeys((*ev.slips, *ev.numbers))
    if ev.payers and number not in ev.payers:
        found.update(dict.fromkeys(sorted(ev.payers)))
    if payment.amount_minor > max(state.due(number), state.usual(number)):
        # More than is theirs, and somebody else is spoken of: perhaps it is for both.
        found.update(dict.fromkeys(ev.named))
    found.pop(number, None)
    return tuple(found)


def _several(seen: Seen, payment: Payment, ev: Evidence, state: State) -> Proposal:
    numbers, amount = ev.references, payment.amount_minor
    shares = _shares(numbers, amount, state)
    each = tuple(
        Choice((Part("contribution", amount, n),), _of_due(n, amount, state)) for n in numbers
    )
    if shares is None:
        return Proposal(seen.id, "C", each, because("two-references"))
    split = Choice(shares, because("two-references-sum"))
    clear = not (ev.slips or ev.numbers or ev.former or ev.foreign or ev.payers - set(numbers))
    structured = evidence.of(Payment(amount, reference=payment.reference), state.known).references
    if clear and len(structured) != 1:
        return Proposal(seen.id, "B", (split,), split.reason)
    return Proposal(seen.id, "C", (split, *each), split.reason)


def _whole(number: str, amount: int, code: str) -> Choice:
    return one("contribution", amount, because(code, number=number), number=number)


def _shares(numbers: Iterable[str], amount: int, state: State) -> tuple[Part, ...] | None:
    """Each one's own amount, if together that is the whole."""
    own = [(number, state.due(number) or state.usual(number)) for number in numbers]
    if any(share <= 0 for _number, share in own) or sum(s for _n, s in own) != amount:
        return None
    return tuple(Part("contribution", share, number) for number, share in own)


# ------------------------------------------------------------------ what is from no member


def _by_payout(seen: Seen, payment: Payment, state: State) -> Proposal | None:
    """A payout that came back."""
    amount = payment.amount_minor
    paid = state.ways(lambda w: w.state in ("sent", "settled") and w.amount_minor == amount)
    if any(
        state.is_used(w.id) and w.amount_minor == amount and evidence.says(payment, w.reference)
        for w in state.known.ways
        if w.reference
    ):
        # It went out by an earlier line, which a person has yet to look at.
        return Proposal(seen.id, "D", (), because("payout-back-first"))
    if not paid:
        return None
    named = [w for w in paid if w.reference and evidence.says(payment, w.reference)]
    theirs = [w for w in paid if w.iban and w.iban == payment.iban]
    back = "returned" in kinds.told(seen) | kinds.worded(seen)
    sure = [w for w in named if back or w in theirs]
    if len(sure) == 1:
        reason = because("payout-back-reference")
        return Proposal(
            seen.id, "B", (one("payout_returned", amount, reason, target=sure[0].id),), reason
        )
    likely = named or theirs or (paid if back else [])
    if not likely:
        return None
    code = "payout-back" if back else "payout-back-account"
    choices = tuple(one("payout_returned", amount, because(code), target=way.id) for way in likely)
    return Proposal(seen.id, "C", choices, because(code))


def _by_bank(seen: Seen, payment: Payment, ev: Evidence, state: State) -> Proposal | None:
    """Interest, and cash that we brought there."""
    if _is_somebodys(ev):
        return None
    told, worded, amount = kinds.told(seen), kinds.worded(seen), payment.amount_minor
    if ("interest" in told or "interest" in worded) and payment.iban is None:
        sure = "interest" in told and payment.payer_name is None
        choice = one("interest", amount, because("interest"))
        return Proposal(seen.id, "B" if sure else "C", (choice,), choice.reason)
    brought = "cash" in told | worded and payment.iban is None
    if brought and 0 < amount <= state.known.cash_minor:
        choice = one("deposit", amount, because("cash"))
        return Proposal(seen.id, "C", (choice,), choice.reason)
    return None


def _is_somebodys(ev: Evidence) -> bool:
    return bool(ev.slips or ev.numbers or ev.payers or ev.name_payers or ev.former)


# ------------------------------------------------------------------ hints


def _by_hints(seen: Seen, payment: Payment, ev: Evidence, state: State) -> Proposal | None:
    """No reference that is right: what else there is. One member only, or a choice."""
    amount, on = payment.amount_minor, seen.booked_on
    found = _hinted(ev)
    if not found:
        return _by_words(seen, payment, ev, state)
    if len(found) > 1:
        return _among(seen, payment, ev, found, state)
    ((number, code),) = found.items()
    fits = state.fits(number, amount, on)
    full = f"{code}-amount" if fits else code
    choice = one("contribution", amount, because(full, number=number), number=number)
    back = "returned" in kinds.told(seen) | kinds.worded(seen)
    gift = "gift" in kinds.worded(seen)
    clear = not (ev.slips or ev.former or ev.foreign or back or gift)
    sure = fits and clear and code in ("payer", "number")
    return Proposal(seen.id, "B" if sure else "C", (choice,), choice.reason)


def _hinted(ev: Evidence) -> dict[str, str]:
    """Members for whom something speaks, with the strongest thing that does."""
    found: dict[str, str] = {}
    for numbers, code in (
        (ev.numbers if not ev.slips else (), "number"),
        (ev.slips, "slip"),
        (tuple(sorted(ev.payers)), "payer"),
        (tuple(sorted(ev.name_payers)), "payer-name"),
        (ev.named, "name"),
        (ev.payer_named, "name"),
    ):
        for number in numbers:
            found.setdefault(number, code)
    return found


def _among(
    seen: Seen, payment: Payment, ev: Evidence, found: dict[str, str], state: State
) -> Proposal:
    """Several could be meant. An account for two, and the sum of theirs: likely for both."""
    amount, on = payment.amount_minor, seen.booked_on
    choices = [_whole(number, amount, code) for number, code in found.items()]
    linked = tuple(sorted(ev.payers))
    told = set(ev.slips) | set(ev.numbers) | set(ev.named)
    if len(linked) == _PAIR and told <= set(linked):
        shares = _shares(linked, amount, state)
        if shares is not None:
            split = Choice(shares, because("payer-sum"))
            return Proposal(seen.id, "C", (split,), split.reason)
    named = [n for n in found if n in told]
    if len(named) == 1 and named[0] in ev.payers:
        # An account that pays for several, and the text says for whom this time.
        number = named[0]
        code = "payer-named-amount" if state.fits(number, amount, on) else "payer-named"
        choice = one("contribution", amount, because(code, number=number), number=number)
        return Proposal(seen.id, "C", (choice,), choice.reason)
    shares = _shares(found, amount, state)
    if shares is not None:
        choices.insert(0, Choice(shares, because("sum")))
    return Proposal(seen.id, "C", tuple(choices[:_CHOICES_MAX]), because("several"))


def _by_words(seen: Seen, payment: Payment, ev: Evidence, state: State) -> Proposal | None:
    """Nobody is named: a former member, somebody else's reference, a gift, or the amount alone."""
    amount = payment.amount_minor
    if ev.former:
        return Proposal(seen.id, "D", (), because("former", number=ev.former[0]))
    if ev.foreign:
        return Proposal(seen.id, "D", (), because("foreign", number=ev.foreign[0]))
    if "gift" in kinds.worded(seen):
        choice = one("gift", amount, because("gift"))
        return Proposal(seen.id, "C", (choice,), choice.reason)
    if "returned" in kinds.told(seen) | kinds.worded(seen):
        return None
    waiting = [number for number in state.people if state.due(number) == amount]
    usual = [number for number in state.people if state.usual(number) == amount]
    if len(waiting) == 1 and set(usual) <= set(waiting):
        choice = _whole(waiting[0], amount, "amount")
        return Proposal(seen.id, "C", (choice,), choice.reason)
    return None


# ------------------------------------------------------------------ batches, and typed before


def _batch(seen: Seen, state: State) -> Proposal:
    """The bank booked several payments as one sum: each is looked at by itself."""
    parts: list[Part] = []
    tiers: list[Tier] = []
    within = state.copy()
    for detail in seen.details:
        alone = Seen(seen.id, seen.booked_on, detail, seen.kind)
        found = _alone(alone, within)
        only = found.only
        if only is None or any(part.kind != "contribution" for part in only.parts):
            parts.append(Part("suspense", detail.amount_minor))
            tiers.append("D")
            continue
        within.take(found, seen.booked_on)
        parts += only.parts
        tiers.append(found.tier)
    if set(tiers) == {"D"}:
        return Proposal(seen.id, "D", (), because("batch-nothing", n=len(parts)))
    some = "D" in tiers
    reason = because("batch-some" if some else "batch", n=len(seen.details))
    tier: Tier = "C" if some else max(tiers)
    return Proposal(seen.id, tier, (Choice(tuple(parts), reason),), reason)


def _or_typed(seen: Seen, found: Proposal, state: State) -> Proposal:
    """It may stand in the books already, typed by hand. A line that is surely one member's is none
    that was typed for another."""
    typed = state.typed(seen.payment.amount_minor, seen.booked_on)
    only = found.only
    number = only.parts[0].number if only is not None and len(only.parts) == 1 else None
    same = [b for b in typed if number is not None and b.number == number]
    if same:
        tie = _tie(same[0].id, seen.payment.amount_minor, same[0].on)
        return Proposal(seen.id, "B" if found.is_certain else "C", (tie,), tie.reason)
    if found.is_certain:
        typed = [booked for booked in typed if booked.number is None]
    if not typed:
        return found
    ties = tuple(_tie(b.id, seen.payment.amount_minor, b.on) for b in typed)
    return Proposal(seen.id, "C", (*ties, *found.choices), because("typed-before"))


def _tie(transfer: bytes, amount: int, on: date) -> Choice:
    return one("tie", amount, because("typed-before", on=on.isoformat()), target=transfer)
