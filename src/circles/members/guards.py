"""Guards: only for members, only for the treasurer, only for a steward, of the circle in the path.

Roles are read with each request, so taking one away works at once.
"""

from __future__ import annotations

from typing import Any

from litestar.connection import ASGIConnection
from litestar.handlers.base import BaseRouteHandler

from circles.errors import ForbiddenError
from circles.members.signin import needed_member
from circles.web.i18n import gettext as _

_Connection = ASGIConnection[Any, Any, Any, Any]


async def member(connection: _Connection, _handler: BaseRouteHandler) -> None:
    """SignInNeededError for anybody else."""
    await needed_member(connection)


async def treasurer(connection: _Connection, _handler: BaseRouteHandler) -> None:
    """ForbiddenError for members who do not keep the books."""
    if not (await needed_member(connection)).is_treasurer:
        raise ForbiddenError(_("Only who keeps the books may do this. Ask them."))


async def officer(connection: _Connection, _handler: BaseRouteHandler) -> None:
    """ForbiddenError for members who hold no office."""
    member = await needed_member(connection)
    if not (member.is_treasurer or member.is_steward):
        raise ForbiddenError(_("Only a treasurer or a steward may do this. Ask one of them."))


async def steward(connection: _Connection, _handler: BaseRouteHandler) -> None:
    """ForbiddenError for members who are no steward."""
    if not (await needed_member(connection)).is_steward:
        raise ForbiddenError(_("Only a steward of this circle may do this. Ask one."))
