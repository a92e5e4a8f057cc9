"""The real server: uvicorn with h11, deadlines, and nothing written about visitors.

uvicorn alone never closes a connection that sends nothing, half a header or half a body; a few
thousand of them hold a small machine. `Deadlines` bounds each wait from its beginning, so that one
byte a minute buys no more time.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

import h11
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from circles.settings import Settings

HEAD_BYTES_MAX = 16 * 1024


@dataclass(frozen=True)
class Deadlines:
    """Seconds: with nothing sent, for a whole header, for a whole body, to drain what is unwanted
    after an answer was given early (closing at once could destroy the answer), and with a reader
    who takes nothing of an answer that waits."""

    idle_s: float = 10
    head_s: float = 10
    body_s: float = 30
    drain_s: float = 2
    stall_s: float = 30


class PunctualProtocol(H11Protocol):
    """One connection that does not wait for ever."""

    deadlines = Deadlines()
    _timer: asyncio.TimerHandle | None = None
    _waits_for = ""
    _stalled: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # uvicorn's own narrowing
        """A new connection: something must come soon."""
        super().connection_made(transport)
        self._arm("idle", self.deadlines.idle_s)

    def data_received(self, data: bytes) -> None:
        """Bytes came: whatever is unfinished now has its own deadline, set once."""
        super().data_received(data)
        self._watch()

    def on_response_complete(self) -> None:
        """The answer is out: what is still being sent is not waited for long."""
        super().on_response_complete()
        if self.conn.their_state is h11.SEND_BODY:
            self._disarm()
            self._arm("drain", self.deadlines.drain_s)
        else:
            self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        """It is gone: no timer may outlive it."""
        self._disarm()
        self._unstall()
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        """The reader does not keep up: it must take something before long, again and again."""
        super().pause_writing()
        self._unstall()
        self._watch_reader()

    def _watch_reader(self) -> None:
        waiting = self.transport.get_write_buffer_size()
        self._stalled = self.loop.call_later(self.deadlines.stall_s, self._look_again, waiting)

    def _look_again(self, waited: int) -> None:
        if self.transport.get_write_buffer_size() < waited:
            self._watch_reader()
        else:
            # Not close: that would wait for the reader to take the rest.
            self.transport.abort()

    def resume_writing(self) -> None:
        """The reader takes it."""
        self._unstall()
        super().resume_writing()

    def _unstall(self) -> None:
        if self._stalled is not None:
            self._stalled.cancel()
        self._stalled = None

    def _watch(self) -> None:
        state = self.conn.their_state
        if self._waits_for == "drain":
            return
        if state is h11.SEND_BODY:
            self._arm("body", self.deadlines.body_s)
        elif state is h11.IDLE and self.conn.trailing_data[0]:
            self._arm("head", self.deadlines.head_s)
        else:
            # Either the request is whole, or uvicorn's own keep-alive timer runs.
            self._disarm()

    def _arm(self, waits_for: str, seconds: float) -> None:
        if self._waits_for == waits_for:
            return
        self._disarm()
        self._waits_for = waits_for
        self._timer = self.loop.call_later(seconds, self._too_late)

    def _disarm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer, self._waits_for = None, ""

    def _too_late(self) -> None:
        self._timer = None
        if not self.transport.is_closing():
            self.transport.close()


def protocol(deadlines: Deadlines) -> type[PunctualProtocol]:
    """The protocol with these deadlines."""
    return type("Protocol", (PunctualProtocol,), {"deadlines": deadlines})


def configure(app: Any, settings: Settings, deadlines: Deadlines | None = None) -> uvicorn.Config:
    """How we run uvicorn: no access log, no server header, no proxy headers believed."""
    waits = deadlines or Deadlines()
    return uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        http=protocol(waits),
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        h11_max_incomplete_event_size=HEAD_BYTES_MAX,
        timeout_keep_alive=max(int(waits.idle_s), 1),
        timeout_graceful_shutdown=10,
    )
