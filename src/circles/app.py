"""Put the rooms together: one Litestar application over one host."""

from __future__ import annotations

import asyncio
import importlib
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any

import structlog
import uvicorn
from litestar import Litestar, Request
from litestar.di import Provide

from circles import closing, migrate
from circles.circle.provide import Speaking, provide_circle
from circles.clock import Clock
from circles.desk.visit import provide_visit
from circles.host import Host
from circles.members.signin import provide_member
from circles.settings import Settings
from circles.web import errors, guard, logs
from circles.web import serve as web_serve
from circles.web.static import routes as static_routes

# Each room adds its own line when its pages land: the module that exports `routes`.
PAGES: tuple[str, ...] = (
    "circles.ballot.pages",
    "circles.rounds.booth",
    "circles.rounds.single_page",
    "circles.public.pages",
    "circles.public.files",
    "circles.public.check_pages",
    "circles.members.pages",
    "circles.month.pages",
    "circles.rounds.pages",
    "circles.rounds.slate_page",
    "circles.rounds.trustee_pages",
    "circles.month.pay",
    "circles.month.pledge",
    "circles.month.statement",
    "circles.month.own_data",
    "circles.month.leave",
    "circles.desk.pages",
    "circles.steward.pages",
)
# Modules with `async tick(host)`: what has to happen without anybody asking.
TICKS: tuple[str, ...] = (
    "circles.archive",
    "circles.closing",
    "circles.members.retention",
    "circles.ledger.retention",
)
TICK_S = 20
_log = structlog.get_logger("circles")


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


@asynccontextmanager
async def tick_while_running(app: Litestar) -> AsyncIterator[None]:
    """While the application runs, do every twenty seconds what is due in any circle.

    At the end what is being done is waited for: a transaction cut off in the middle would leave a
    connection and its thread behind.
    """
    stop = asyncio.Event()
    task = asyncio.create_task(_tick_until(stop, app.state.host))
    try:
        yield
    finally:
        stop.set()
        await task
        await closing.rest(app.state.host)


async def _tick_until(stop: asyncio.Event, host: Host) -> None:
    while not stop.is_set():
        for module in TICKS:
            try:
                await importlib.import_module(module).tick(host)
            except Exception:
                # Whatever this room met, the others and the next tick must come.
                _log.exception("tick", room=module)
        with suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), TICK_S)


async def tick(host: Host) -> None:
    """What is due now."""
    for module in TICKS:
        await importlib.import_module(module).tick(host)


def create_app(
    host: Host | Settings, *, ticking: bool = False, also: Sequence[Any] = ()
) -> Litestar:
    """The application; with settings alone it opens the host itself and closes it at the end.

    With `ticking` its lifespan also runs what is due; tests and the demo advance rounds themselves.
    `also`: handlers that a served host never has (the demo's page).
    """
    logs.configure()
    opened = Host.open(host) if isinstance(host, Settings) else host
    app = Litestar(
        route_handlers=[*routes(), *also],
        dependencies={
            "host": Provide(provide_host),
            "circle": Provide(provide_circle),
            "member": Provide(provide_member),
            "visit": Provide(provide_visit),
        },
        exception_handlers=errors.handlers,
        middleware=[guard.RouteGuard, Speaking],
        lifespan=[tick_while_running] if ticking else [],
        on_shutdown=[opened.close] if isinstance(host, Settings) else [],
        openapi_config=None,
        logging_config=None,
        request_max_body_size=None,
    )
    app.state.host = opened
    app.asgi_handler = guard.Gate(app.asgi_handler, opened.settings, app)
    return app


async def run(
    settings: Settings,
    *,
    clock: Clock | None = None,
    deadlines: web_serve.Deadlines | None = None,
    sockets: Sequence[socket.socket] | None = None,
    ready: Callable[[Host], Awaitable[None]] | None = None,
    stop: asyncio.Event | None = None,
) -> None:
    """Migrate, serve until a signal or `stop` says so, let go of everything.

    `ready` runs once the database is at this version and before the first request is taken: the
    place for a first-run link or the demo's story.
    """
    host = Host.open(settings, clock)
    try:
        await migrate.upgrade(host.database, host.vault)
        if ready is not None:
            await ready(host)
        app = create_app(host, ticking=True)
        server = uvicorn.Server(web_serve.configure(app, settings, deadlines))
        _log.info("serving", url=settings.url)
        watching = asyncio.create_task(_stop_with(server, stop)) if stop else None
        await server.serve(sockets=list(sockets) if sockets is not None else None)
        if watching is not None:
            watching.cancel()
    finally:
        await host.close()


async def _stop_with(server: uvicorn.Server, stop: asyncio.Event) -> None:
    await stop.wait()
    server.should_exit = True


def serve(settings: Settings, *, clock: Clock | None = None) -> None:
    """Serve in this process until a signal says stop."""
    asyncio.run(run(settings, clock=clock))
