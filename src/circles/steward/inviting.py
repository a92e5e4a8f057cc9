"""Inviting: make a link, show it with its code to scan, take it back."""

from __future__ import annotations

from typing import Any

from litestar import Request, Response, get, post
from litestar.params import FromPath

from circles.circle import qr
from circles.circle.provide import TheCircle, TheHost
from circles.errors import ConflictError
from circles.members import guards, invitations, people
from circles.members.people import CircleFullError
from circles.members.signin import TheMember
from circles.steward.ids import row_id
from circles.web.i18n import gettext as _
from circles.web.render import page, see_other


@post("/c/{slug:str}/in/steward/invitations", guards=[guards.steward])
async def invite(circle: TheCircle, member: TheMember, host: TheHost) -> Response[bytes]:
    """Offer a chair, as long as there is one."""
    async with host.database.begin() as db:
        if await people.count(db, circle.id) >= circle.cap:
            raise CircleFullError(
                _("Every chair is taken: the circle agreed on %(n)s.") % {"n": circle.cap}
            )
        invitation = await invitations.invite(db, host, circle.id, member.id)
    return see_other(f"{circle.path}/in/steward/invitations/{invitation.id.hex()}")


@get("/c/{slug:str}/in/steward/invitations/{invitation_id:str}", guards=[guards.steward])
async def invitation_page(
    request: Request[Any, Any, Any],
    circle: TheCircle,
    member: TheMember,
    host: TheHost,
    invitation_id: FromPath[str],
) -> Response[bytes]:
    """The link and its code, to show at a table; while it is open."""
    async with host.database.read() as db:
        invitation = await invitations.by_id(db, circle.id, row_id(invitation_id), host.clock.now())
    context: dict[str, Any] = {"invitation": invitation, "here": "steward"}
    if invitation.state == invitations.OPEN:
        address = invitations.link(host, circle.slug, invitation)
        label = _("Code that opens the invitation on a phone")
        context |= {"link": address, "qr": qr.link(address, label)}
    return page(request, "steward/invitation.html", context, circle=circle, member=member)


@post("/c/{slug:str}/in/steward/invitations/{invitation_id:str}/revoke", guards=[guards.steward])
async def revoke(circle: TheCircle, host: TheHost, invitation_id: FromPath[str]) -> Response[bytes]:
    """Take it back."""
    async with host.database.begin() as db:
        done = await invitations.revoke(db, circle.id, row_id(invitation_id), host.clock.now())
    if not done:
        raise ConflictError(_("This invitation was used or is over already. Nothing was changed."))
    return see_other(f"{circle.path}/in/steward")


routes: list[Any] = [invite, invitation_page, revoke]
