"""Build the demo's circle, say how to sign in, and serve it on loopback."""

from __future__ import annotations

import asyncio
import logging
import signal
import socket
import sys
import tempfile
import time
from datetime import timedelta
from pathlib import Path

import structlog
import uvicorn
from litestar import Litestar

from circles import migrate
from circles.app import create_app
from circles.circle import calendar
from circles.clock import MovableClock
from circles.demo import pages, row, story
from circles.demo.row import Row, Say
from circles.errors import SettingsError
from circles.host import Host
from circles.settings import DEMO_MARK, Settings
from circles.web import serve as web_serve

_LOOPBACK = "127.0.0.1"


def main(*, port: int, data: Path | None) -> int:
    """Build and serve until a signal says stop; without `data`, all of it is gone afterwards."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    if data is not None:
        _refuse_what_is_there(data)
    signal.signal(signal.SIGTERM, _end)
    with _listen(port) as listener, tempfile.TemporaryDirectory(prefix="circles-demo-") as scratch:
        home = Path(scratch) if data is None else data.absolute()
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        (home / DEMO_MARK).touch()
        asyncio.run(_demo(listener, home))
    return 0


def _end(_number: int, _frame: object) -> None:
    """Told to stop: leave the usual way, so that the folder is taken away behind us.

    The server ends itself first and then passes the signal on to whoever was there before it.
    """
    raise SystemExit(0)


def _listen(port: int) -> socket.socket:
    """Take the port before the work begins, so that nobody waits for a refusal."""
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((_LOOPBACK, port))
    except (OSError, OverflowError) as error:
        listener.close()
        raise SettingsError(
            f"Port {port} cannot be used here ({error}). Try another: --port {port % 60000 + 1}"
        ) from error
    return listener


def _refuse_what_is_there(data: Path) -> None:
    """A demo is built from nothing: it never touches what somebody else keeps."""
    if data.exists() and (not data.is_dir() or any(data.iterdir())):
        raise SettingsError(f"{data} is not empty. Name a folder that the demo can make.")


async def _demo(listener: socket.socket, data: Path) -> None:
    port = listener.getsockname()[1]
    settings = Settings(
        data=data,
        database_url=f"sqlite+aiosqlite:///{data / 'circles.sqlite3'}",
        url=f"http://{_LOOPBACK}:{port}",
        port=port,
        demo=True,
    )
    clock = MovableClock()
    host = Host.open(settings, clock)
    try:
        await migrate.upgrade(host.database, host.vault)
        app = application(host)
        built = await build(host, app, clock, _progress())
        try:
            _tell(settings, built)
            server = uvicorn.Server(web_serve.configure(app, settings))
            await server.serve(sockets=[listener])
        finally:
            await built.close()
    finally:
        await host.close()


def application(host: Host) -> Litestar:
    """The real application, with one page more."""
    return create_app(host, ticking=True, also=pages.routes)


async def build(host: Host, app: Litestar, clock: MovableClock, say: Say) -> Row:
    """Three finished months, and the present one with its box open."""
    present = calendar.month_of(clock.now(), story.CIRCLE.zone)
    months = [present]
    for _ in story.PAST:
        months.insert(0, calendar.month_before(months[0]))
    first = calendar.dates(story.CIRCLE.calendar, months[0], story.CIRCLE.zone)
    clock.set_round(first.nominating_opens - timedelta(hours=1))
    say("Twelve neighbours move into Maple Row")
    built = await Row.settle(host, app, clock)
    app.state.row = built
    await built.begin()
    for label, month in zip(months, story.PAST, strict=False):
        await row.play(built, month, label, say)
    await row.open_round(built, present, say)
    return built


def _progress() -> Say:
    started = time.monotonic()

    def say(line: str) -> None:
        _out(f"  {time.monotonic() - started:4.0f} s  {line}")

    return say


def _tell(settings: Settings, built: Row) -> None:
    base = f"{settings.url}/c/{built.circle.slug}"
    _out("")
    _out(f"Maple Row is at    {base}/")
    _out(f"Members sign in at {base}/sign-in")
    for role, name in (
        ("a member", story.VISITOR),
        ("the treasurer", story.TREASURER),
        ("the steward", story.STEWARD),
    ):
        _out(f"  as {role:14} {name:8} {story.PASSPHRASES[name]}")
    _out(f"Move its clock at  {settings.url}{pages.PATH}")
    _out(f"Check its record   circles verify {base}")
    _out("Stop it with Ctrl-C; it was only a demo, and nothing of it is kept.")


def _out(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()
