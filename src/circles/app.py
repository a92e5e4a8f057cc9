"""Put the rooms together: one Litestar application over one host."""

from __future__ import annotations

import importlib
from typing import Any

from litestar import Litestar, Request
from litestar.di import Provide

from circles.circle.provide import Speaking, provide_circle
from circles.host import Host
from circles.members.signin import provide_member
from circles.settings import Settings
from circles.web import errors, guard
from circles.web.static import routes as static_routes

# Each room adds its own line when its pages land: the module that exports `routes`.
PAGES: tuple[str, ...] = ()


async def provide_host(request: Request[Any, Any, Any]) -> Host:
    """What this process runs on."""
    host: Host = request.app.state.host
    return host


def routes() -> list[Any]:
    """The handlers of every room."""
    found: list[Any] = list(static_routes)
    for module in PAGES:
        found.extend(importlib.import_module(module).routes)
    return found


def create_app(host: Host | Settings) -> Litestar:
    """The application; with settings alone it opens the host itself and closes it at the end."""
    opened = Host.open(host) if isinstance(host, Settings) else host
    app = Litestar(
        route_handlers=routes(),
        dependencies={
            "host": Provide(provide_host),
            "circle": Provide(provide_circle),
            "member": Provide(provide_member),
        },
        exception_handlers=errors.handlers,
        middleware=[guard.RouteGuard, Speaking],
        on_shutdown=[opened.close] if isinstance(host, Settings) else [],
        openapi_config=None,
        logging_config=None,
        request_max_body_size=None,
    )
    app.state.host = opened
    app.asgi_handler = guard.Gate(app.asgi_handler, opened.settings, app)
    return app
