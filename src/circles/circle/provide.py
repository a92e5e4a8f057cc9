"""The circle a request is about, from the path parameter `slug`; its pages speak as it does."""

from __future__ import annotations

from typing import Any, TypeAlias

from litestar import Request
from litestar.connection import ASGIConnection
from litestar.di import NamedDependency
from litestar.enums import ScopeType
from litestar.types import ASGIApp, Receive, Scope, Send

from circles.circle import circles
from circles.circle.circles import Circle, UnknownCircleError
from circles.host import Host
from circles.web.i18n import speaking

# What a handler writes: `circle: TheCircle, host: TheHost`.
TheCircle: TypeAlias = NamedDependency[Circle]
TheHost: TypeAlias = NamedDependency[Host]

# Error pages look for the circle under this name, too.
_KEPT = "circle"


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


class Speaking:
    """Below `/c/<slug>/` everything speaks the circle's language, money and zone, errors too."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """An unknown slug is left to the handler, which knows how to say so."""
        below_a_circle = scope["path"].startswith("/c/") and "slug" in scope["path_params"]
        if scope["type"] != ScopeType.HTTP or not below_a_circle:
            await self._app(scope, receive, send)
            return
        try:
            circle = await circle_of(ASGIConnection(scope))
        except UnknownCircleError:
            await self._app(scope, receive, send)
            return
        with speaking(circle):
            await self._app(scope, receive, send)
