"""An end to a request, whatever the other side drips: its greeting, a header, a chunk, its body.

    with Deadline(120) as deadline:
        for handler in deadline.handlers():
            opener.add_handler(handler)

The time that a socket is given bounds each wait alone, and one byte begins it anew. So a timer
shuts the connection down from outside; what waits for it then ends, and `over` says why.
"""

import os
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from urllib.request import BaseHandler


class Deadline:
    """So many seconds from now, for all connections that its handlers open."""

    def __init__(self, seconds: float) -> None:
        self.over = False
        self._lock = threading.Lock()
        self._watched: list[socket.socket] = []
        self._timer = threading.Timer(seconds, self._end)
        self._timer.daemon = True

    def __enter__(self) -> Self:
        self._timer.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()
        with self._lock:
            for watched in self._watched:
                watched.close()
            self._watched.clear()

    def _end(self) -> None:
        with self._lock:
            self.over = True
            for watched in self._watched:
                with suppress(OSError):
                    watched.shutdown(socket.SHUT_RDWR)

    def _watch(self, opened: socket.socket) -> socket.socket:
        # A second handle on the same connection: TLS takes the first one over.
        with self._lock:
            self._watched.append(socket.socket(fileno=os.dup(opened.fileno())))
            if self.over:
                self._watched[-1].shutdown(socket.SHUT_RDWR)
        return opened

    def handlers(self) -> "tuple[BaseHandler, BaseHandler]":
        """What opens http and https for `urllib.request`, under this deadline."""
        # Imported here: a folder or a zip is checked without loading TLS, which takes longest.
        from http.client import HTTPConnection, HTTPSConnection
        from urllib import request as requests

        class Plain(requests.HTTPHandler):
            def http_open(self, req: requests.Request) -> Any:
                return self.do_open(watched(HTTPConnection), req)

        class Secure(requests.HTTPSHandler):
            def https_open(self, req: requests.Request) -> Any:
                return self.do_open(watched(HTTPSConnection), req)

        def watched(kind: type[HTTPConnection]) -> Callable[..., HTTPConnection]:
            def made(host: str, **options: Any) -> HTTPConnection:
                connection = kind(host, **options)
                # Before TLS greets, for a greeting can drip too: the library has no other place.
                create: Any = vars(connection)["_create_connection"]
                opened = {"_create_connection": lambda *a, **k: self._watch(create(*a, **k))}
                vars(connection).update(opened)
                return connection

            return made

        return Plain(), Secure()
