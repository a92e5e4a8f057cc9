"""Another account to pay in to: what is asked for, for every one of us, and the second person."""

from __future__ import annotations

from typing import Any

from litestar import Request, Response, get, post

from circles.circle import iban, pay_changes
from circles.circle.provide import TheCircle, TheHost
from circles.errors import ForbiddenError, MissingError
from circles.members import notices, people
from circles.members.signin import TheMember
from circles.web import forms
from circles.web.i18n import gettext as _
from circles.web.render import page, see_other

_HERE = "/c/{slug:str}/in/pay-change"


@get(_HERE)
async def pay_change_page(
    request: Request[Any, Any, Any], circle: TheCircle, member: TheMember, host: TheHost
) -> Response[bytes]:
    """What stands, and what is asked for instead."""
    async with host.database.read() as db:
        change = await pay_changes.on_its_way(db, circle.id)
        names = {one.actor: one.handle for one in await people.every(db, circle.id)}
    context = {
        "change": change,
        "asker": names.get(change.asker_actor, _("somebody who has left")) if change else "",
        "stands": iban.grouped(circle.pay_iban),
        "asked": iban.grouped(change.iban) if change else "",
        "mine": change is not None and change.asker_actor == member.actor,
        "frozen": not member.may_confirm_payouts(host.clock.now()),
    }
    return page(request, "steward/pay_change.html", context, circle=circle, member=member)


def _id(text: str) -> bytes:
    try:
        return bytes.fromhex(text)
    except ValueError as error:
        raise MissingError(_("This change is over. Look at how one pays in.")) from error


@post(_HERE)
async def confirm_pay_change(
    request: Request[Any, Any, Any], circle: TheCircle, member: TheMember, host: TheHost
) -> Response[bytes]:
    """The second person, who is one of us at this very moment."""
    change_id = _id((await forms.read(request)).value("change"))
    async with host.database.begin() as db:
        await pay_changes.on_its_way(db, circle.id, lock=True)
        asking = await people.get(db, circle.id, member.id)
        if not asking.may_confirm_payouts(host.clock.now()):
            raise ForbiddenError(
                _(
                    "You came in, or back in, a few days ago. Until a week has passed, "
                    "another one of us confirms."
                )
            )
        now = host.clock.round_now()
        if await pay_changes.confirm(db, circle.id, change_id, actor=asking.actor, at=now):
            values = {"by_id": asking.id.hex()}
            await notices.pin(db, circle.id, "pay-confirmed", values, now)
    return see_other(f"{circle.path}/in/pay-change")


@post(f"{_HERE}/stop")
async def stop_pay_change(
    request: Request[Any, Any, Any], circle: TheCircle, member: TheMember, host: TheHost
) -> Response[bytes]:
    """Any of us may stop it, before all eyes: then it stays as it was."""
    change_id = _id((await forms.read(request)).value("change"))
    now = host.clock.round_now()
    async with host.database.begin() as db:
        await pay_changes.drop(db, circle.id, change_id, at=now)
        await notices.pin(db, circle.id, "pay-stopped", {"by_id": member.id.hex()}, now)
    return see_other(f"{circle.path}/in/pay-change")


routes: list[Any] = [pay_change_page, confirm_pay_change, stop_pay_change]
