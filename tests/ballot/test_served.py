"""Casting against the real server: a body that is far too long, or never ends, is cut off."""

from __future__ import annotations

import asyncio
import json
from urllib.parse import urlsplit

import pytest

from circles.clock import MovableClock
from circles.protocol.messages import VOTE
from tests.ballot import polls
from tests.ballot.polls import MONTH, NOON
from tests.conftest import Served

HUNDRED_MB = 100 * 1024 * 1024
PIECE = 64 * 1024


@pytest.fixture(autouse=True)
def _at_noon(clock: MovableClock) -> None:
    clock.set_round(NOON)


async def _post(served: Served, head: str, *, chunked: bool) -> tuple[bytes, int]:
    """What the server answers, and how much was sent when the answer came."""
    at = urlsplit(served.url)
    reader, writer = await asyncio.open_connection(at.hostname, at.port)
    writer.write(
        f"POST /cast/maple-row/{MONTH}/{VOTE} HTTP/1.1\r\nHost: {at.netloc}\r\n"
        f"Content-Type: text/plain\r\n{head}\r\n\r\n".encode()
    )
    answer = asyncio.create_task(reader.readuntil(b"\r\n\r\n"))
    sent = 0
    try:
        while sent < HUNDRED_MB and not answer.done():
            piece = b"a" * PIECE
            writer.write(b"%x\r\n%b\r\n" % (PIECE, piece) if chunked else piece)
            await writer.drain()
            sent += PIECE
    except ConnectionError:
        pass  # Cut off: the answer came before.
    try:
        return await answer + await reader.read(), sent
    finally:
        writer.close()


@pytest.mark.parametrize(
    ("head", "chunked"),
    [(f"Content-Length: {HUNDRED_MB}", False), ("Transfer-Encoding: chunked", True)],
)
async def test_a_hundred_megabytes(served: Served, head: str, *, chunked: bool) -> None:
    poll = await polls.opened(served.host, VOTE)
    answer, sent = await _post(served, head, chunked=chunked)
    top, _, body = answer.partition(b"\r\n\r\n")
    assert top.startswith(b"HTTP/1.1 413")
    assert b"access-control-allow-origin: *" in top.lower()
    assert json.loads(body)["code"] == "too-long"
    assert sent < HUNDRED_MB / 10
    # The next one is served as ever.
    whole = poll.ballot()
    good, _ = await _post_whole(served, whole)
    assert good.startswith(b"HTTP/1.1 201")


async def _post_whole(served: Served, body: bytes) -> tuple[bytes, int]:
    at = urlsplit(served.url)
    reader, writer = await asyncio.open_connection(at.hostname, at.port)
    writer.write(
        f"POST /cast/maple-row/{MONTH}/{VOTE} HTTP/1.1\r\nHost: {at.netloc}\r\n"
        f"Connection: close\r\nContent-Length: {len(body)}\r\n\r\n".encode()
        + body
    )
    answer = await reader.read()
    writer.close()
    return answer, len(body)
