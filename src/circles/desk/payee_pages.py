"""Other details for a payment after its proposal, and who is close to whoever gets it."""

from __future__ import annotations

from typing import Any

from litestar import Response, get, post
from litestar.params import FromPath

from circles.desk import closing, payees
from circles.desk.fields import id_of
from circles.desk.payment_pages import payment_context
from circles.desk.visit import TheVisit
from circles.errors import CirclesError
from circles.ledger import payee_changes, payouts
from circles.members import guards, notices, people
from circles.web.i18n import gettext as _

_GUARDS = [guards.treasurer]
_PAYMENT = "/c/{slug:str}/in/desk/payments/{payment:str}"
_SECOND = "/c/{slug:str}/in/payouts/{payment:str}"


@get(f"{_PAYMENT}/payee", guards=_GUARDS)
async def change_page(visit: TheVisit, payment: FromPath[str]) -> Response[bytes]:
    """What stands, to be changed."""
    form = visit.blank(recipient=payees.NOBODY)
    context = await payment_context(visit, payment, form)
    payout, payee = context["payout"], context["payee"]
    if payee is not None:
        member = next(
            (m for m in context["names"].members if m.actor == payout.recipient_actor), None
        )
        form = visit.blank(
            payee=payee.name,
            iban=context["account"],
            words=payee.words,
            way=payee.way,
            recipient=payees.picked_before(payee, member, context["names"]),
        )
        context["form"] = form
    context["people"] = payees.options(context["names"], form)
    return visit.page("desk/payee.html", context)


@post(f"{_PAYMENT}/payee", guards=_GUARDS)
async def ask_change(visit: TheVisit, payment: FromPath[str]) -> Response[bytes]:
    """Ask for a second name under other details; pinned up for all, without whom."""
    form, host, circle, member = await visit.form(), visit.host, visit.circle, visit.member
    context = await payment_context(visit, payment, form)
    typed = payees.read(form, context["names"])
    context["people"] = payees.options(context["names"], form)
    if typed is None:
        return visit.page("desk/payee.html", context, 422)
    if typed.payee == context["payee"] and typed.recipient_actor == (
        context["payout"].recipient_actor
    ):
        form.trouble.add("form", _("That is what stands here already. Nothing was changed."))
        return visit.page("desk/payee.html", context, 422)
    try:
        async with host.database.begin() as db:
            asking = await closing.keeper(db, circle, member.id)
            await payee_changes.ask(
                db,
                host.vault,
                circle.id,
                id_of(payment),
                typed.payee,
                recipient_actor=typed.recipient_actor,
                actor=asking.actor,
                frozen_until=asking.payouts_frozen_until,
                now=host.clock.now(),
            )
            values = {
                "by_id": member.id.hex(),
                "amount_minor": str(context["payout"].amount_minor),
            }
            await notices.pin(db, circle.id, "payee-asked", values, visit.now)
    except CirclesError as error:
        return visit.refused("desk/payee.html", context, error)
    return visit.go(f"/desk/payments/{payment}")


@post(f"{_PAYMENT}/payee/drop", guards=_GUARDS)
async def drop_change(visit: TheVisit, payment: FromPath[str]) -> Response[bytes]:
    """No change after all."""
    async with visit.host.database.begin() as db:
        await payee_changes.drop(db, visit.circle.id, id_of(payment), now=visit.host.clock.now())
    return visit.go(f"/desk/payments/{payment}")


@post(f"{_SECOND}/payee")
async def confirm_change(visit: TheVisit, payment: FromPath[str]) -> Response[bytes]:
    """The second name under the change that the page showed."""
    form, host, circle = await visit.form(), visit.host, visit.circle
    payout_id, change_id = id_of(payment), id_of(form.value("change"))
    async with host.database.begin() as db:
        payout = await payouts.get(db, circle.id, payout_id, lock=True)
        asking = await people.get(db, circle.id, visit.member.id)
        waited = await payee_changes.waiting(db, payout_id) is not None
        await payee_changes.confirm(
            db,
            host.vault,
            circle.id,
            payout_id,
            change_id,
            actor=asking.actor,
            frozen_until=asking.payouts_frozen_until,
            now=host.clock.now(),
            at=visit.now,
        )
        if waited:
            values = {"by_id": asking.id.hex(), "amount_minor": str(payout.amount_minor)}
            await notices.pin(db, circle.id, "payee-changed", values, visit.now)
    return visit.go(f"/payouts/{payment}")


@post(f"{_SECOND}/close")
async def i_am_close(visit: TheVisit, payment: FromPath[str]) -> Response[bytes]:
    """It is for me, or for somebody close to me: another one shall confirm."""
    async with visit.host.database.begin() as db:
        await payee_changes.say_close(
            db,
            visit.circle.id,
            id_of(payment),
            visit.member.actor,
            said_by=visit.member.actor,
            now=visit.host.clock.now(),
        )
    return visit.go(f"/payouts/{payment}")


@post(f"{_PAYMENT}/close", guards=_GUARDS)
async def they_are_close(visit: TheVisit, payment: FromPath[str]) -> Response[bytes]:
    """One of us is close to whoever gets it, says the treasurer."""
    form, circle = await visit.form(), visit.circle
    context = await payment_context(visit, payment, form)
    by_id = {member.id.hex(): member for member in context["names"].members}
    who = form.choice("who", list(by_id))
    if form.trouble:
        return visit.page("desk/payment.html", context, 422)
    try:
        async with visit.host.database.begin() as db:
            await payee_changes.say_close(
                db,
                circle.id,
                id_of(payment),
                by_id[who].actor,
                said_by=visit.member.actor,
                now=visit.host.clock.now(),
            )
    except CirclesError as error:
        return visit.refused("desk/payment.html", context, error)
    return visit.go(f"/desk/payments/{payment}")


routes: list[Any] = [
    change_page,
    ask_change,
    drop_change,
    confirm_change,
    i_am_close,
    they_are_close,
]
