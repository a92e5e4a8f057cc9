"""Kill a child at every commit, sync and rename; the points are found by the run itself.

A *scenario* is `async def name(place: Place, say: Say) -> None`: it opens its own host, does
something that the product must survive, and says what it was promised (`say("receipt ...")`, at
once on a pipe: what was said before the kill was really told to somebody). It must be fit to be run
again where it was killed: that is what a restarted server and a client that resends do.

    with faults.Kills() as kills:
        for killed in kills.each_point("tests.storage.scenarios:casts", grounds, sample=3, seed=1):
            asyncio.run(check(killed))

The child is forked from a warm process (no threads there, all imports done), so that one kill
costs some tens of milliseconds. It counts *points*: before and after each `Database` commit, each
`os.fsync`, `os.replace`, `os.rename` and `os.unlink`; at point N it sends itself SIGKILL.

With `calls=True` the points are system calls instead: each write, sync, truncation, rename and
unlink of a file, those inside SQLite too, which the kernel holds up until we have counted it
(tests/seccomp.py, Linux only).
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import json
import os
import random
import select
import shutil
import signal
import socket
import subprocess
import sys
import threading
import traceback
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Self

import asyncpg

from circles import migrate
from circles.clock import MovableClock
from circles.db import Database
from circles.host import Host
from circles.settings import Settings
from circles.vault import Vault
from tests import seccomp

Say = Callable[[str], None]
Scenario = Callable[["Place", Say], Coroutine[Any, Any, None]]
_ROOT = Path(__file__).parent.parent


@dataclass(frozen=True)
class Place:
    """Where a scenario runs: a data directory, a database, and the time that stands still there."""

    data: str
    database_url: str
    at: str

    def host(self) -> Host:
        """A host over this place; close its database in the end."""
        settings = Settings(Path(self.data), self.database_url, "http://127.0.0.1:8000")
        clock = MovableClock(datetime.fromisoformat(self.at), frozen=True)
        vault = Vault.at(Path(self.data) / "secret.key")
        return Host(settings, Database(self.database_url), clock, vault)


@contextlib.asynccontextmanager
async def opened(place: Place) -> Any:
    """The host of a place, closed in the end."""
    host = place.host()
    try:
        yield host
    finally:
        await host.database.close()


class Grounds:
    """A starting state, made once and copied for each run; `kind` is sqlite or postgresql."""

    def __init__(self, folder: Path, server_url: str | None, at: datetime) -> None:
        self._folder = folder
        self._server = server_url
        self._name = f"circles_ground_{random.SystemRandom().randrange(10**9)}"
        self._at = at.isoformat()
        self._copies = 0

    def _place(self, name: str) -> Place:
        data = self._folder / name
        if self._server is None:
            return Place(str(data), f"sqlite+aiosqlite:///{data / 'circles.sqlite3'}", self._at)
        head, _, options = self._server.partition("?")
        url = head.rpartition("/")[0] + "/" + name + ("?" + options if options else "")
        url = url.replace("postgresql://", "postgresql+asyncpg://", 1)
        return Place(str(data), url, self._at)

    def build(self, build: Callable[[Host], Awaitable[None]]) -> None:
        """Make the starting state with the real code."""
        place = self._place(self._name)
        Path(place.data).mkdir(mode=0o700, parents=True)
        asyncio.run(self._build(place, build))

    async def _build(self, place: Place, build: Callable[[Host], Awaitable[None]]) -> None:
        await self._command(f"CREATE DATABASE {self._name}")
        async with opened(place) as host:
            await migrate.upgrade(host.database)
            await build(host)

    def copy(self) -> Place:
        """A fresh copy of the starting state."""
        self._copies += 1
        name = f"{self._name}_{self._copies}"
        shutil.copytree(self._folder / self._name, self._folder / name)
        asyncio.run(self._command(f"CREATE DATABASE {name} TEMPLATE {self._name}"))
        return self._place(name)

    def drop(self, place: Place) -> None:
        """Throw a copy away."""
        name = Path(place.data).name
        shutil.rmtree(place.data)
        asyncio.run(self._command(f"DROP DATABASE {name} WITH (FORCE)"))

    async def _command(self, sql: str) -> None:
        if self._server is None:
            return
        connection = await asyncpg.connect(self._server)
        try:
            await connection.execute(sql)
        finally:
            await connection.close()


@dataclass(frozen=True)
class Ran:
    """How one child ended: what it said, how many points it passed, whether it was killed."""

    said: list[str]
    points: int
    killed: bool


@dataclass(frozen=True)
class Killed:
    """A child killed at `point`, and the same scenario run again to its end in the same place."""

    place: Place
    point: int
    said: list[str]
    said_again: list[str]


Check = Callable[[Killed], Coroutine[Any, Any, None]]


class Kills:
    """The warm process that forks the children. A context manager."""

    def __enter__(self) -> Self:
        self._warm = subprocess.Popen(
            [sys.executable, "-m", "tests.faults"],
            cwd=_ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        return self

    def __exit__(self, *_: object) -> None:
        assert self._warm.stdin is not None
        assert self._warm.stdout is not None
        self._warm.stdin.close()
        self._warm.wait(timeout=30)
        self._warm.stdout.close()

    def run(self, scenario: str, place: Place, kill_at: int = 0, *, calls: bool = False) -> Ran:
        """Run `module:function` in a child; with `kill_at`, only up to that point."""
        assert self._warm.stdin is not None
        assert self._warm.stdout is not None
        order = {"scenario": scenario, "place": asdict(place), "kill_at": kill_at}
        order["calls"] = calls
        self._warm.stdin.write(json.dumps(order) + "\n")
        self._warm.stdin.flush()
        answer = json.loads(self._warm.stdout.readline())
        ran = Ran(answer["said"], answer["points"], answer["status"] == -signal.SIGKILL)
        if not ran.killed and answer["status"] != 0:
            raise AssertionError(f"{scenario} failed by itself:\n{answer['error']}")
        return ran

    def each_point(
        self,
        scenario: str,
        grounds: Grounds,
        *,
        sample: int | None = None,
        seed: int = 0,
        calls: bool = False,
    ) -> Iterator[Killed]:
        """Kill at every point there is, or at so many of them drawn by the seed; then go on.

        Each place is thrown away when the next is asked for.
        """
        place = grounds.copy()
        total = self.run(scenario, place, calls=calls).points
        grounds.drop(place)
        assert total, f"{scenario} passes no point: there is nothing to kill at"
        points = list(range(1, total + 1))
        if sample is not None and sample < total:
            points = sorted(random.Random(seed).sample(points, sample))
        for point in points:
            place = grounds.copy()
            first = self.run(scenario, place, point, calls=calls)
            again = self.run(scenario, place)
            yield Killed(place, point, first.said, again.said)
            grounds.drop(place)


# In the child


class _Counter:
    """Counts points, and dies at the one that was ordered."""

    def __init__(self, kill_at: int) -> None:
        self.passed = 0
        self._kill_at = kill_at
        self._lock = threading.Lock()

    def point(self) -> None:
        with self._lock:
            self.passed += 1
            if self.passed == self._kill_at:
                os.kill(os.getpid(), signal.SIGKILL)

    def around(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*args: Any, **kwargs: Any) -> Any:
            self.point()
            result = call(*args, **kwargs)
            self.point()
            return result

        return counted

    def install(self) -> None:
        commit = Database._commit

        async def counted(self_: Database, db: Any) -> None:
            self.point()
            await commit(self_, db)
            self.point()

        Database._commit = counted  # type: ignore[method-assign]  # the child lives for one run
        for name in ("fsync", "replace", "rename", "unlink"):
            setattr(os, name, self.around(getattr(os, name)))


def _load(name: str) -> Scenario:
    module, _, function = name.partition(":")
    found: Scenario = getattr(importlib.import_module(module), function)
    return found


def _child(
    order: dict[str, Any], scenario: Scenario, out: int, hand_over: socket.socket | None
) -> None:
    # What the product prints would mix with our answers to the parent.
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    counter = _Counter(0 if hand_over else order["kill_at"])
    status = 0

    def tell(kind: str, line: object) -> None:
        os.write(out, (json.dumps([kind, line]) + "\n").encode())

    try:
        if hand_over is None:
            counter.install()
        else:
            socket.send_fds(hand_over, [b"l"], [seccomp.trap()])
        asyncio.run(scenario(Place(**order["place"]), lambda line: tell("said", line)))
    except BaseException:  # whatever it was, the parent must hear of it
        tell("error", traceback.format_exc())
        status = 1
    tell("points", counter.passed)
    os._exit(status)


def _count_calls(ours: socket.socket, pid: int, kill_at: int) -> int:
    """How many calls on files the child made; at the one that was ordered it is killed instead."""
    _, handed, _, _ = socket.recv_fds(ours, 1, 1)
    if not handed:
        return 0  # It could not be arranged; the child has said why.
    listener, watch, count = handed[0], select.poll(), 0
    watch.register(listener, select.POLLIN)
    while not watch.poll()[0][1] & (select.POLLHUP | select.POLLERR):
        call = seccomp.waiting(listener)
        if call is None:
            continue
        count += call.on_file
        if call.on_file and count == kill_at:
            os.kill(pid, signal.SIGKILL)
            break
        seccomp.go(listener, call)
    os.close(listener)
    return count


def _serve() -> None:
    for line in sys.stdin:
        order = json.loads(line)
        scenario = _load(order["scenario"])
        inward, outward = os.pipe()
        ours, theirs = socket.socketpair()
        pid = os.fork()
        if pid == 0:
            os.close(inward)
            _child(order, scenario, outward, theirs if order["calls"] else None)
        os.close(outward)
        theirs.close()
        counted = _count_calls(ours, pid, order["kill_at"]) if order["calls"] else None
        ours.close()
        with os.fdopen(inward) as pipe:
            lines = [json.loads(text) for text in pipe]
        _, status = os.waitpid(pid, 0)
        passed = next((value for kind, value in lines if kind == "points"), 0)
        answer = {
            "said": [value for kind, value in lines if kind == "said"],
            "points": passed if counted is None else counted,
            "error": next((value for kind, value in lines if kind == "error"), ""),
            "status": os.waitstatus_to_exitcode(status),
        }
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    _serve()
