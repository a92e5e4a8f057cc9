"""The circle a request is about, from the path parameter `slug`."""

from __future__ import annotations

from typing import Any

from litestar import Request
from litestar.connection import ASGIConnection

from circles.circle import circles
from circles.circle.circles import Circle
from circles.host import Host

_KEPT = "circles_circle"


async def circle_of(connection: ASGIConnection[Any, Any, Any, Any]) -> Circle:
    """The circle in the path, read once a request; UnknownCircleError."""
    kept: Circle | None = connection.scope["state"].get(_KEPT)
    if kept is None:
        host: Host = connection.app.state.host
        async with host.database.read() as db:
            kept = await circles.by_slug(db, str(connection.path_params["slug"]))
        connection.scope["state"][_KEPT] = kept
    return kept


async def provide_circle(request: Request[Any, Any, Any]) -> Circle:
    """The dependency `circle`."""
    return await circle_of(request)
