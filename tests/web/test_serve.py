"""The real server, spoken to by raw sockets: deadlines, endless bodies, silence."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from litestar import Request, Response, get, post

from circles import app as application
from circles.host import Host
from circles.settings import Settings
from circles.web import serve

DEADLINES = serve.Deadlines(idle_s=0.4, head_s=0.4, body_s=0.6, drain_s=0.3, stall_s=0.5)
SLACK_S = 2.0
# More than the socket buffers of both ends hold.
MUCH_BYTES = 40_000_000


@post("/probe/echo", status_code=200)
async def probe_echo(request: Request[Any, Any, Any]) -> str:
    return str(len(await request.body()))


@get("/probe/much")
async def probe_much() -> Response[bytes]:
    return Response(b"a" * MUCH_BYTES, media_type="application/octet-stream")


@pytest.fixture
async def port(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[int]:
    """The server as we configure it, with short deadlines."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        number = held.getsockname()[1]
        url = f"sqlite+aiosqlite:///{tmp_path / 'unused.sqlite3'}"
        settings = Settings(
            data=tmp_path / "data", database_url=url, url=f"http://127.0.0.1:{number}", port=number
        )
        real = application.routes
        monkeypatch.setattr(application, "routes", lambda: [*real(), probe_echo, probe_much])
        host = Host.open(settings)
        server = uvicorn.Server(serve.configure(application.create_app(host), settings, DEADLINES))
        running = asyncio.create_task(server.serve(sockets=[held]))
        await _listening(server, running)
        yield number
        server.should_exit = True
        await running
        await host.close()


async def _listening(server: uvicorn.Server, running: asyncio.Task[None]) -> None:
    for _ in range(1000):
        if server.started or running.done():
            return
        await asyncio.sleep(0.01)


async def _talk(
    port: int, first: bytes, *, drip: bytes = b"", every_s: float = 0.1
) -> tuple[bytes, float]:
    """Send, perhaps go on dripping, and read until the server closes: answer and seconds."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    began = time.monotonic()

    async def send() -> None:
        writer.write(first)
        while drip:
            await asyncio.sleep(every_s)
            writer.write(drip)
            await writer.drain()

    sending = asyncio.create_task(send())
    try:
        answer = await asyncio.wait_for(_until_closed(reader), timeout=8)
    finally:
        sending.cancel()
        writer.close()
    return answer, time.monotonic() - began


async def _until_closed(reader: asyncio.StreamReader) -> bytes:
    got = bytearray()
    while True:
        try:
            piece = await reader.read(1 << 20)
        except ConnectionResetError:
            return bytes(got)
        if not piece:
            return bytes(got)
        got += piece


def _head(port: int, method: str, path: str, *lines: str) -> bytes:
    head = [f"{method} {path} HTTP/1.1", f"Host: 127.0.0.1:{port}", *lines]
    return "\r\n".join(head).encode() + b"\r\n\r\n"


async def test_a_connection_that_says_nothing_is_closed(port: int) -> None:
    answer, seconds = await _talk(port, b"")
    assert answer == b""
    assert DEADLINES.idle_s <= seconds < DEADLINES.idle_s + SLACK_S


async def test_half_a_header_is_not_waited_for_however_it_drips(port: int) -> None:
    answer, seconds = await _talk(port, b"GET / HTTP/1.1\r\nX-A: ", drip=b"a")
    assert answer == b""
    assert seconds < DEADLINES.head_s + SLACK_S


async def test_half_a_body_is_not_waited_for_however_it_drips(port: int) -> None:
    kind = "Content-Type: application/x-www-form-urlencoded"
    head = _head(port, "POST", "/probe/echo", kind, "Content-Length: 900")
    _answer, seconds = await _talk(port, head + b"a", drip=b"a")
    assert DEADLINES.body_s <= seconds < DEADLINES.body_s + SLACK_S


async def test_a_chunked_body_without_end_is_cut_and_answered(port: int) -> None:
    head = _head(port, "POST", "/probe/echo", "Transfer-Encoding: chunked")
    chunk = b"1000\r\n" + b"a" * 4096 + b"\r\n"
    answer, seconds = await _talk(port, head + chunk, drip=chunk, every_s=0.01)
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert seconds < 1 + SLACK_S


async def test_a_huge_declared_body_is_refused_before_it_comes(port: int) -> None:
    head = _head(port, "POST", "/probe/echo", "Content-Length: 100000000")
    answer, seconds = await _talk(port, head)
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b"Nothing was kept." in answer
    assert seconds < DEADLINES.drain_s + SLACK_S


async def test_a_header_without_end_is_cut(port: int) -> None:
    answer, _seconds = await _talk(port, b"GET / HTTP/1.1\r\nX-A: " + b"a" * 40_000)
    assert answer.startswith(b"HTTP/1.1 400 ")


async def test_a_kept_connection_serves_again_and_is_then_let_go(port: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for _ in range(2):
        kind = "Content-Type: application/x-www-form-urlencoded"
        writer.write(_head(port, "POST", "/probe/echo", kind, "Content-Length: 3") + b"a=b")
        status = await reader.readline()
        assert status == b"HTTP/1.1 200 OK\r\n"
        rest = await reader.readuntil(b"\r\n\r\n")
        assert b"server:" not in rest.lower()
        assert await reader.readexactly(1) == b"3"
        # Longer than a header or body may take: the answered request owes nothing any more.
        await asyncio.sleep(0.2)
    began = time.monotonic()
    assert await asyncio.wait_for(reader.read(), timeout=8) == b""
    assert time.monotonic() - began < 1 + SLACK_S
    writer.close()


async def test_a_head_request_on_the_wire_has_no_body(port: int) -> None:
    answer, _seconds = await _talk(port, _head(port, "HEAD", "/nothing", "Connection: close"))
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 404 ")
    assert body == b""


async def test_a_reader_who_takes_nothing_is_let_go(port: int) -> None:
    with socket.socket() as stubborn:
        stubborn.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        stubborn.connect(("127.0.0.1", port))
        stubborn.sendall(_head(port, "GET", "/probe/much"))
        await asyncio.sleep(DEADLINES.stall_s + SLACK_S)
        stubborn.setblocking(False)
        got = 0
        loop = asyncio.get_running_loop()
        with contextlib.suppress(ConnectionResetError):
            while piece := await asyncio.wait_for(loop.sock_recv(stubborn, 1 << 20), timeout=8):
                got += len(piece)
    assert 0 < got < MUCH_BYTES


async def test_a_reader_who_takes_it_gets_all(port: int) -> None:
    head = _head(port, "GET", "/probe/much", "Connection: close")
    answer, _seconds = await _talk(port, head)
    assert len(answer.partition(b"\r\n\r\n")[2]) == MUCH_BYTES


async def test_two_hosts_in_one_request_are_refused(port: int) -> None:
    head = _head(port, "GET", "/", "Host: evil.example", "Connection: close")
    answer, _seconds = await _talk(port, head)
    assert answer.startswith(b"HTTP/1.1 400 ")


async def test_it_migrates_serves_and_stops(tmp_path: Path) -> None:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        number = held.getsockname()[1]
        settings = Settings(
            data=tmp_path / "data",
            database_url=f"sqlite+aiosqlite:///{tmp_path / 'data' / 'circles.sqlite3'}",
            url=f"http://127.0.0.1:{number}",
            port=number,
        )
        ready = asyncio.Event()

        async def set_up(_host: Host) -> None:
            ready.set()

        stop = asyncio.Event()
        running = asyncio.create_task(
            application.run(settings, sockets=[held], ready=set_up, stop=stop)
        )
        await asyncio.wait_for(ready.wait(), timeout=60)
        answer = b""
        for _try in range(100):
            answer, _s = await _talk(number, _head(number, "GET", "/x", "Connection: close"))
            if answer:
                break
            await asyncio.sleep(0.05)
        assert answer.startswith(b"HTTP/1.1 404 ")
        assert (tmp_path / "data" / "secret.key").stat().st_mode & 0o777 == 0o600
        stop.set()
        await asyncio.wait_for(running, timeout=30)
