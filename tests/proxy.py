"""A TCP proxy before PostgreSQL that loses what matters: the answer to COMMIT, or COMMIT itself.

    async with proxy.before(database_url) as lossy:
        host = ... Database(lossy.url)
        lossy.lose = "answer"      # the server commits, nobody hears of it, the line goes dead
        lossy.lose = "question"    # COMMIT never arrives
        lossy.lose = "voice"       # the server commits, and the line stays open and silent
        lossy.lose = None          # as it should be

One loss, then it goes back to None by itself; `lossy.lost` counts them.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Literal

from sqlalchemy import make_url

Loss = Literal["answer", "question", "voice"]


class Lossy:
    """The proxy, while it runs."""

    def __init__(self, url: str) -> None:
        self._to = make_url(url)
        self.url = ""
        self.lose: Loss | None = None
        self.lost = 0
        self._silenced = asyncio.Event()

    async def _open(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        socket_dir = self._to.query.get("host")
        port = int(self._to.port or 5432)
        if isinstance(socket_dir, str) and socket_dir.startswith("/"):
            return await asyncio.open_unix_connection(f"{socket_dir}/.s.PGSQL.{port}")
        return await asyncio.open_connection(self._to.host or "127.0.0.1", port)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One client, until either side goes away or something is lost."""
        from_server, to_server = await self._open()
        back = asyncio.create_task(_copy(from_server, writer))
        try:
            await self._forward(reader, to_server, back, from_server)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            back.cancel()
            for end in (writer, to_server):
                end.close()

    async def _forward(
        self,
        reader: asyncio.StreamReader,
        to_server: asyncio.StreamWriter,
        back: asyncio.Task[None],
        from_server: asyncio.StreamReader,
    ) -> None:
        first = await reader.readexactly(4)  # The start has no type before its length.
        to_server.write(first + await reader.readexactly(int.from_bytes(first, "big") - 4))
        while True:
            head = await reader.readexactly(5)
            body = await reader.readexactly(int.from_bytes(head[1:], "big") - 4)
            commit = head[:1] == b"Q" and body.upper().startswith(b"COMMIT")
            loss = self.lose if commit else None
            if loss is None:
                to_server.write(head + body)
                await to_server.drain()
                continue
            self.lose, self.lost = None, self.lost + 1
            if loss == "question":
                return
            back.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await back
            to_server.write(head + body)
            await _ready(from_server)
            if loss == "voice":
                await reader.read()  # Say nothing until the client gives up.
            return


async def _ready(from_server: asyncio.StreamReader) -> None:
    """Wait until the server has done what it was asked (ReadyForQuery)."""
    while True:
        head = await from_server.readexactly(5)
        await from_server.readexactly(int.from_bytes(head[1:], "big") - 4)
        if head[:1] == b"Z":
            return


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
        writer.close()


@asynccontextmanager
async def before(url: str) -> AsyncIterator[Lossy]:
    """A proxy before the PostgreSQL at this SQLAlchemy URL; `.url` leads through it."""
    lossy = Lossy(url)
    server = await asyncio.start_server(lossy.serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    through = make_url(url).set(host="127.0.0.1", port=port, query={"ssl": "disable"})
    lossy.url = through.render_as_string(hide_password=False)
    try:
        yield lossy
    finally:
        server.close()
