"""Paying awards: the treasurer proposes and pays, another one of us confirms."""

from __future__ import annotations

from typing import Any

from litestar import Request, Response, get, post
from litestar.params import FromPath

from circles.circle.circles import Circle
from circles.circle.iban import IbanError, grouped
from circles.circle.provide import TheCircle, TheHost
from circles.desk import settling
from circles.desk.fields import blank, id_of, read_day, refused
from circles.desk.names import names_of
from circles.errors import CirclesError, InvalidError, MissingError
from circles.host import Host
from circles.ledger import payouts
from circles.ledger.payouts import PAYEE_NAME_CHARS_MAX, PAYEE_WORDS_CHARS_MAX, Payee
from circles.members import guards, notices, people
from circles.members.people import Member
from circles.members.signin import TheMember
from circles.web import forms
from circles.web.forms import Form
from circles.web.i18n import gettext as _
from circles.web.render import page, see_other

_GUARDS = [guards.treasurer]
_NOBODY = "nobody"
_IBAN_CHARS_MAX = 60


# ------------------------------------------------------------------ proposing


async def _propose_context(
    host: Host, circle: Circle, month: str, candidate: int, form: Form
) -> dict[str, Any]:
    async with host.database.read() as db:
        names = await names_of(db, circle.id, [month])
        awards = await payouts.unpaid(db, circle.id)
        begun = await payouts.open_for(db, circle.id)
    award = next((a for a in awards if (a.month, a.candidate) == (month, candidate)), None)
    running = next((p for p in begun if (p.month, p.candidate) == (month, candidate)), None)
    if award is None and running is None:
        raise MissingError(_("There is nothing to pay for this request. Look at the desk again."))
    people = [(m.id.hex(), m.handle) for m in names.members]
    return {
        "form": form,
        "what": names.request(month, candidate),
        "amount": award.amount_minor if award else running.amount_minor if running else 0,
        "running": running,
        "people": [(_NOBODY, _("No, somebody else")), *people],
        "members": {m.id.hex(): m for m in names.members},
        "here": "desk",
    }


@get("/c/{slug:str}/in/desk/pay/{month:str}/{candidate:int}", guards=_GUARDS)
async def propose_page(
    request: Request[Any, Any, Any],
    circle: TheCircle,
    member: TheMember,
    host: TheHost,
    month: FromPath[str],
    candidate: FromPath[int],
) -> Response[bytes]:
    """Whom to pay, and how."""
    form = blank(circle, host.clock.round_now(), recipient=_NOBODY)
    context = await _propose_context(host, circle, month, candidate, form)
    if context["running"] is not None:
        return see_other(f"{circle.path}/in/desk/payments/{context['running'].id.hex()}")
    return page(request, "desk/propose.html", context, circle=circle, member=member)


def _read_payee(form: Form) -> Payee | None:
    """The payee that was typed; None when there was trouble, which the form then tells."""
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


@post("/c/{slug:str}/in/desk/pay/{month:str}/{candidate:int}", guards=_GUARDS)
async def propose(
    request: Request[Any, Any, Any],
    circle: TheCircle,
    member: TheMember,
    host: TheHost,
    month: FromPath[str],
    candidate: FromPath[int],
) -> Response[bytes]:
    """Ask for the second name; pinned up for all, without whom."""
    form = await forms.read(request)
    context = await _propose_context(host, circle, month, candidate, form)
    payee = _read_payee(form)
    recipient = form.choice("recipient", [value for value, _label in context["people"]])
    if payee is None or form.trouble:
        return page(request, "desk/propose.html", context, circle=circle, member=member, status=422)
    one_of_us = context["members"].get(recipient)
    try:
        async with host.database.begin() as db:
            payout = await payouts.propose(
                db,
                host.vault,
                circle.id,
                month,
                candidate,
                payee,
                proposer_actor=member.actor,
                recipient_actor=one_of_us.actor if one_of_us else None,
                frozen_until=member.payouts_frozen_until,
                now=host.clock.now(),
            )
            if context["running"] is None:
                values = {"by_id": member.id.hex(), "amount_minor": str(payout.amount_minor)}
                await notices.pin(db, circle.id, "payment-proposed", values, host.clock.round_now())
    except CirclesError as error:
        return refused(request, "desk/propose.html", context, error, circle=circle, member=member)
    return see_other(f"{circle.path}/in/desk/payments/{payout.id.hex()}")


# ------------------------------------------------------------------ one payment


async def _payment_context(
    host: Host, circle: Circle, payment: str, member: Member, form: Form
) -> dict[str, Any]:
    payout_id = id_of(payment)
    officer = member.is_treasurer or member.is_steward
    async with host.database.read() as db:
        payout = await payouts.get(db, circle.id, payout_id)
        names = await names_of(db, circle.id, [payout.month])
        payee = await payouts.payee_of(db, host.vault, circle.id, payout_id) if officer else None
    confirmer = payout.confirmer_actor
    return {
        "form": form,
        "payout": payout,
        "what": names.request(payout.month, payout.candidate),
        "proposer": names.actor(payout.proposer_actor),
        "confirmer": names.actor(confirmer) if confirmer is not None else "",
        "recipient": names.actor(payout.recipient_actor)
        if payout.recipient_actor is not None
        else "",
        "payee": payee,
        "account": grouped(payee.iban) if payee else "",
        "officer": officer,
        "may_confirm": payout.may_confirm(member.actor),
        "frozen": not member.may_confirm_payouts(host.clock.now()),
        "here": "desk",
    }


@get("/c/{slug:str}/in/desk/payments/{payment:str}", guards=_GUARDS)
async def payment_page(
    request: Request[Any, Any, Any],
    circle: TheCircle,
    member: TheMember,
    host: TheHost,
    payment: FromPath[str],
) -> Response[bytes]:
    """Where it is, and its next step."""
    form = blank(circle, host.clock.round_now())
    context = await _payment_context(host, circle, payment, member, form)
    return page(request, "desk/payment.html", context, circle=circle, member=member)


_STEPS = ("sent", "settled", "returned", "withdrawn")


@post([f"/c/{{slug:str}}/in/desk/payments/{{payment:str}}/{s}" for s in _STEPS], guards=_GUARDS)
async def payment_step(
    request: Request[Any, Any, Any],
    circle: TheCircle,
    member: TheMember,
    host: TheHost,
    payment: FromPath[str],
) -> Response[bytes]:
    """`sent`, `settled`, `returned` with a day; `withdrawn` without."""
    form = await forms.read(request)
    step = request.url.path.rpartition("/")[2]
    context = await _payment_context(host, circle, payment, member, form)
    now, payout_id = host.clock.round_now(), id_of(payment)
    on = read_day(form, circle, now) if step != "withdrawn" else now.date()
    template = "desk/returned.html" if step == "returned" else "desk/payment.html"
    if form.trouble:
        return page(request, template, context, circle=circle, member=member, status=422)
    try:
        if step == "settled":
            await settling.settle(host, circle, member, payout_id, on)
        elif step in {"sent", "returned"}:
            mark = payouts.mark_sent if step == "sent" else payouts.mark_returned
            async with host.database.begin() as db:
                await mark(db, circle.id, payout_id, actor=member.actor, on=on, now=now)
        else:
            async with host.database.begin() as db:
                await payouts.withdraw(db, circle.id, payout_id, now=now)
    except CirclesError as error:
        return refused(request, template, context, error, circle=circle, member=member)
    return see_other(f"{circle.path}/in/desk/payments/{payment}")


@get("/c/{slug:str}/in/desk/payments/{payment:str}/returned", guards=_GUARDS)
async def returned_page(
    request: Request[Any, Any, Any],
    circle: TheCircle,
    member: TheMember,
    host: TheHost,
    payment: FromPath[str],
) -> Response[bytes]:
    """What it means that money came back, before it is booked."""
    form = blank(circle, host.clock.round_now())
    context = await _payment_context(host, circle, payment, member, form)
    return page(request, "desk/returned.html", context, circle=circle, member=member)


# ------------------------------------------------------------------ the second name


@get("/c/{slug:str}/in/payouts")
async def payouts_page(
    request: Request[Any, Any, Any], circle: TheCircle, member: TheMember, host: TheHost
) -> Response[bytes]:
    """Payments under way, for every one of us: what, how much, who proposed."""
    async with host.database.read() as db:
        found = await payouts.open_for(db, circle.id)
        names = await names_of(db, circle.id, {payout.month for payout in found})
    rows = [
        {
            "payout": payout,
            "what": names.request(payout.month, payout.candidate),
            "proposer": names.actor(payout.proposer_actor),
            "mine": payout.may_confirm(member.actor),
        }
        for payout in found
    ]
    context = {"rows": rows, "frozen": not member.may_confirm_payouts(host.clock.now())}
    return page(request, "desk/payouts.html", context, circle=circle, member=member)


@get("/c/{slug:str}/in/payouts/{payment:str}")
async def confirm_page(
    request: Request[Any, Any, Any],
    circle: TheCircle,
    member: TheMember,
    host: TheHost,
    payment: FromPath[str],
) -> Response[bytes]:
    """One payment, and the question."""
    context = await _payment_context(host, circle, payment, member, Form())
    context["here"] = ""
    return page(request, "desk/confirm.html", context, circle=circle, member=member)


@post("/c/{slug:str}/in/payouts/{payment:str}")
async def confirm(
    circle: TheCircle, member: TheMember, host: TheHost, payment: FromPath[str]
) -> Response[bytes]:
    """The second name: of somebody who is one of us at this very moment."""
    now, payout_id = host.clock.now(), id_of(payment)
    async with host.database.begin() as db:
        # The payment is locked first: whoever waited for it may have left, or been given a way
        # back, since the request began.
        await payouts.get(db, circle.id, payout_id, lock=True)
        asking = await people.get(db, circle.id, member.id)
        await payouts.confirm(
            db,
            circle.id,
            payout_id,
            actor=asking.actor,
            frozen_until=asking.payouts_frozen_until,
            now=now,
        )
    return see_other(f"{circle.path}/in/payouts/{payment}")


routes: list[Any] = [
    propose_page,
    propose,
    payment_page,
    payment_step,
    returned_page,
    payouts_page,
    confirm_page,
    confirm,
]
