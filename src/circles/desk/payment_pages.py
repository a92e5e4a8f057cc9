"""Paying awards: the treasurer proposes and pays, another one of us confirms."""

from __future__ import annotations

from typing import Any

from litestar import Response, get, post
from litestar.params import FromPath

from circles.circle.iban import grouped
from circles.desk import closing, payees, settling
from circles.desk.fields import id_of, read_day
from circles.desk.names import names_of
from circles.desk.visit import TheVisit, Visit
from circles.errors import CirclesError, MissingError
from circles.ledger import payee_changes, payouts
from circles.members import guards, notices, people
from circles.web.forms import Form
from circles.web.i18n import gettext as _

_GUARDS = [guards.treasurer]


# ------------------------------------------------------------------ proposing


async def _propose_context(visit: Visit, month: str, candidate: int, form: Form) -> dict[str, Any]:
    circle = visit.circle
    async with visit.host.database.read() as db:
        names = await names_of(db, circle.id, [month])
        awards = await payouts.unpaid(db, circle.id)
        begun = await payouts.open_for(db, circle.id)
    award = next((a for a in awards if (a.month, a.candidate) == (month, candidate)), None)
    running = next((p for p in begun if (p.month, p.candidate) == (month, candidate)), None)
    if award is None and running is None:
        raise MissingError(_("There is nothing to pay for this request. Look at the desk again."))
    return {
        "form": form,
        "what": names.request(month, candidate),
        "amount": award.amount_minor if award else running.amount_minor if running else 0,
        "running": running,
        "names": names,
        "people": payees.options(names, form),
        "here": "desk",
    }


@get("/c/{slug:str}/in/desk/pay/{month:str}/{candidate:int}", guards=_GUARDS)
async def propose_page(
    visit: TheVisit, month: FromPath[str], candidate: FromPath[int]
) -> Response[bytes]:
    """Whom to pay, and how."""
    form = visit.blank(recipient=payees.NOBODY)
    context = await _propose_context(visit, month, candidate, form)
    if context["running"] is not None:
        return visit.go(f"/desk/payments/{context['running'].id.hex()}")
    return visit.page("desk/propose.html", context)


@post("/c/{slug:str}/in/desk/pay/{month:str}/{candidate:int}", guards=_GUARDS)
async def propose(
    visit: TheVisit, month: FromPath[str], candidate: FromPath[int]
) -> Response[bytes]:
    """Ask for the second name; pinned up for all, without whom."""
    form, host, circle, member = await visit.form(), visit.host, visit.circle, visit.member
    context = await _propose_context(visit, month, candidate, form)
    typed = payees.read(form, context["names"])
    if typed is None:
        context["people"] = payees.options(context["names"], form)
        return visit.page("desk/propose.html", context, 422)
    try:
        async with host.database.begin() as db:
            asking = await closing.keeper(db, circle, member.id)
            payout = await payouts.propose(
                db,
                host.vault,
                circle.id,
                month,
                candidate,
                typed.payee,
                proposer_actor=asking.actor,
                recipient_actor=typed.recipient_actor,
                close_actors=typed.close_actors,
                frozen_until=asking.payouts_frozen_until,
                now=host.clock.now(),
                at=visit.now,
            )
            if context["running"] is None:
                values = {"by_id": member.id.hex(), "amount_minor": str(payout.amount_minor)}
                await notices.pin(db, circle.id, "payment-proposed", values, visit.now)
    except CirclesError as error:
        return visit.refused("desk/propose.html", context, error)
    return visit.go(f"/desk/payments/{payout.id.hex()}")


# ------------------------------------------------------------------ one payment


async def payment_context(visit: Visit, payment: str, form: Form) -> dict[str, Any]:
    """What the pages of one payment show; details of payees to officers alone."""
    host, circle, member = visit.host, visit.circle, visit.member
    payout_id = id_of(payment)
    async with host.database.read() as db:
        payout = await payouts.get(db, circle.id, payout_id)
        names = await names_of(db, circle.id, [payout.month])
        payee = asked = None
        change = await payee_changes.waiting(db, payout_id)
        if visit.is_officer:
            payee = await payouts.payee_of(db, host.vault, circle.id, payout_id)
            asked = await payee_changes.asked_payee(db, host.vault, change) if change else None
        changes = await payee_changes.of_payout(db, payout_id)
        close = await payouts.close_to(db, payout_id)
    is_close = member.actor in close
    free = member.actor not in {payout.recipient_actor, *close}
    return {
        "form": form,
        "payout": payout,
        "what": names.request(payout.month, payout.candidate),
        "names": names,
        "payee": payee,
        "account": grouped(payee.iban) if payee else "",
        "reference": grouped(payout.reference),
        "asked": asked,
        "asked_account": grouped(asked.iban) if asked else "",
        "change": change,
        "changes": changes,
        "close": close,
        "is_close": is_close,
        "waits_until": payout.pay_from
        if payout.pay_from is not None and visit.now < payout.pay_from
        else None,
        "officer": visit.is_officer,
        "may_confirm": payout.may_confirm(member.actor) and not is_close and change is None,
        "may_change": change is not None
        and free
        and member.actor not in {change.asker_actor, change.recipient_actor},
        "frozen": not member.may_confirm_payouts(host.clock.now()),
        "here": "desk",
    }


@get("/c/{slug:str}/in/desk/payments/{payment:str}", guards=_GUARDS)
async def payment_page(visit: TheVisit, payment: FromPath[str]) -> Response[bytes]:
    """Where it is, and its next step."""
    context = await payment_context(visit, payment, visit.blank())
    return visit.page("desk/payment.html", context)


_STEPS = ("sent", "settled", "returned", "withdrawn")


@post([f"/c/{{slug:str}}/in/desk/payments/{{payment:str}}/{s}" for s in _STEPS], guards=_GUARDS)
async def payment_step(visit: TheVisit, payment: FromPath[str]) -> Response[bytes]:
    """`sent`, `settled`, `returned` with a day; `withdrawn` without."""
    form, host, circle, member = await visit.form(), visit.host, visit.circle, visit.member
    step = visit.request.url.path.rpartition("/")[2]
    context = await payment_context(visit, payment, form)
    now, payout_id = visit.now, id_of(payment)
    on = read_day(form, circle, now) if step != "withdrawn" else now.date()
    template = "desk/returned.html" if step == "returned" else "desk/payment.html"
    if form.trouble:
        return visit.page(template, context, 422)
    try:
        if step == "settled":
            await settling.settle(host, circle, member, payout_id, on)
        elif step in {"sent", "returned"}:
            mark = payouts.mark_sent if step == "sent" else payouts.mark_returned
            async with host.database.begin() as db:
                await closing.keeper(db, circle, member.id)
                await mark(db, circle.id, payout_id, actor=member.actor, on=on, now=now)
        else:
            async with host.database.begin() as db:
                await closing.keeper(db, circle, member.id)
                await payouts.withdraw(db, circle.id, payout_id, now=now)
    except CirclesError as error:
        return visit.refused(template, context, error)
    return visit.go(f"/desk/payments/{payment}")


@get("/c/{slug:str}/in/desk/payments/{payment:str}/returned", guards=_GUARDS)
async def returned_page(visit: TheVisit, payment: FromPath[str]) -> Response[bytes]:
    """What it means that money came back, before it is booked."""
    context = await payment_context(visit, payment, visit.blank())
    return visit.page("desk/returned.html", context)


# ------------------------------------------------------------------ the second name


@get("/c/{slug:str}/in/payouts")
async def payouts_page(visit: TheVisit) -> Response[bytes]:
    """Payments under way, for every one of us: what, how much, who proposed."""
    circle, member = visit.circle, visit.member
    async with visit.host.database.read() as db:
        found = await payouts.open_for(db, circle.id)
        names = await names_of(db, circle.id, {payout.month for payout in found})
        mine = {one.id: await payee_changes.may_sign(db, one, member.actor) for one in found}
        changes = {payout.id: await payee_changes.waiting(db, payout.id) for payout in found}
    rows = [
        {
            "payout": payout,
            "what": names.request(payout.month, payout.candidate),
            "proposer": names.actor(payout.proposer_actor),
            "mine": mine[payout.id],
            "changes": changes[payout.id] is not None,
        }
        for payout in found
    ]
    frozen = not member.may_confirm_payouts(visit.host.clock.now())
    return visit.page("desk/payouts.html", {"rows": rows, "frozen": frozen})


@get("/c/{slug:str}/in/payouts/{payment:str}")
async def confirm_page(visit: TheVisit, payment: FromPath[str]) -> Response[bytes]:
    """One payment, and the question."""
    context = await payment_context(visit, payment, Form())
    context["here"] = ""
    return visit.page("desk/confirm.html", context)


@post("/c/{slug:str}/in/payouts/{payment:str}")
async def confirm(visit: TheVisit, payment: FromPath[str]) -> Response[bytes]:
    """The second name: of somebody who is one of us at this very moment."""
    circle, payout_id = visit.circle, id_of(payment)
    async with visit.host.database.begin() as db:
        # The payment is locked first: whoever waited for it may have left, or been given a way
        # back, since the request began.
        await payouts.get(db, circle.id, payout_id, lock=True)
        asking = await people.get(db, circle.id, visit.member.id)
        await payouts.confirm(
            db,
            circle.id,
            payout_id,
            actor=asking.actor,
            frozen_until=asking.payouts_frozen_until,
            now=visit.host.clock.now(),
            at=visit.now,
        )
    return visit.go(f"/payouts/{payment}")


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
