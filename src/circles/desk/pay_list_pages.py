"""What may go out now, to be paid by hand or with a file; and saying that the bank was told."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final

from litestar import Response, get, post

from circles.circle.iban import grouped
from circles.desk import closing
from circles.desk.fields import id_of, read_day
from circles.desk.names import names_of
from circles.desk.visit import TheVisit, Visit
from circles.dues.dues import local_day
from circles.errors import CirclesError, InvalidError
from circles.ledger import credit_transfers, payee_changes, payouts
from circles.ledger.credit_transfers import Order, Owner
from circles.ledger.payouts import Payee, Payout
from circles.members import guards
from circles.money import minor_digits
from circles.web.i18n import gettext as _

_GUARDS = [guards.treasurer]
# Banks take orders for a while ahead; further away it is a slip.
_AHEAD_MAX: Final = timedelta(days=60)


@dataclass(frozen=True)
class Ready:
    """A confirmed bank payment whose wait is over."""

    payout: Payout
    payee: Payee
    what: str

    @property
    def order(self) -> Order:
        """As the file says it."""
        payee, payout = self.payee, self.payout
        # What it is for is our affair: the bank reads only the words meant for it.
        return Order(payout.reference, payee.name, payee.iban, payout.amount_minor, payee.words)

    @property
    def account(self) -> str:
        """In fours."""
        return grouped(self.payee.iban)

    @property
    def reference(self) -> str:
        """In fours."""
        return grouped(self.payout.reference)


async def ready(visit: Visit) -> tuple[list[Ready], list[tuple[Payout, str]]]:
    """What may go out now, and (payout, request) of what still waits for its day or a change."""
    circle, host = visit.circle, visit.host
    found: list[Ready] = []
    held: list[tuple[Payout, str]] = []
    async with host.database.read() as db:
        confirmed = [
            p
            for p in await payouts.open_for(db, circle.id)
            if p.state == "confirmed" and p.way == "bank"
        ]
        names = await names_of(db, circle.id, {p.month for p in confirmed})
        for payout in confirmed:
            what = names.request(payout.month, payout.candidate)
            payee = await payouts.payee_of(db, host.vault, circle.id, payout.id)
            waits = payout.pay_from is not None and visit.now < payout.pay_from
            if waits or payee is None or await payee_changes.waiting(db, payout.id) is not None:
                held.append((payout, what))
            else:
                found.append(Ready(payout, payee, what))
    return found, held


async def _context(visit: Visit) -> dict[str, Any]:
    found, held = await ready(visit)
    orders = [one.order for one in found]
    return {
        "form": visit.blank(),
        "ready": found,
        "held": held,
        "total": sum(order.amount_minor for order in orders),
        "changes": credit_transfers.changes(orders),
        "ours": grouped(visit.circle.pay_iban),
        "today": local_day(visit.circle, visit.now),
        "here": "desk",
    }


@get("/c/{slug:str}/in/desk/pay-list", guards=_GUARDS)
async def pay_list_page(visit: TheVisit) -> Response[bytes]:
    """Whom to pay, to which account, how much, and what to write on it."""
    return visit.page("desk/pay_list.html", await _context(visit))


def _day(visit: Visit) -> date:
    """The day that the file asks for; today when none is named."""
    today = local_day(visit.circle, visit.now)
    asked = visit.request.query_params.get("on", "")
    try:
        on = date.fromisoformat(asked) if asked else today
    except ValueError as error:
        raise InvalidError(_("That day does not exist. Go back to the list.")) from error
    if not today <= on <= today + _AHEAD_MAX:
        raise InvalidError(_("A bank pays today or in the next weeks. Go back to the list."))
    return on


@get("/c/{slug:str}/in/desk/pay-list/file", guards=_GUARDS)
async def pay_file(visit: TheVisit) -> Response[bytes]:
    """The same payments and the same day: the same file, byte for byte. Nothing is marked."""
    circle = visit.circle
    found, _held = await ready(visit)
    owner = Owner(circle.pay_holder, circle.pay_iban)
    orders = [one.order for one in found]
    file = credit_transfers.write(
        owner,
        orders,
        currency=circle.currency,
        minor_digits=minor_digits(circle.currency),
        on=_day(visit),
        made_at=max((_made_at(one.payout) for one in found), default=visit.now),
    )
    name = f"{circle.slug}-{credit_transfers.message_id(owner, orders).lower()}.xml"
    return Response(
        file,
        media_type="application/xml",
        headers={
            "Content-Disposition": f'attachment; filename="{name}"',
            "Cache-Control": "no-store",
        },
    )


def _made_at(payout: Payout) -> datetime:
    return payout.confirmed_at or payout.proposed_at


@post("/c/{slug:str}/in/desk/pay-list/sent", guards=_GUARDS)
async def mark_all_sent(visit: TheVisit) -> Response[bytes]:
    """The bank was told to pay those that stood on the page: all of them, or none."""
    form, circle = await visit.form(), visit.circle
    context = await _context(visit)
    context["form"] = form
    on = read_day(form, circle, visit.now)
    asked = [id_of(name.removeprefix("pay-")) for name in form.names("pay-")]
    if not asked:
        form.trouble.add("form", _("No payment was picked. Nothing was changed."))
    if form.trouble:
        return visit.page("desk/pay_list.html", context, 422)
    try:
        async with visit.host.database.begin() as db:
            await closing.keeper(db, circle, visit.member.id)
            for payout_id in asked:
                await payouts.mark_sent(
                    db, circle.id, payout_id, actor=visit.member.actor, on=on, now=visit.now
                )
    except CirclesError as error:
        return visit.refused("desk/pay_list.html", context, error)
    return visit.go("/desk#payments")


routes: list[Any] = [pay_list_page, pay_file, mark_all_sent]
