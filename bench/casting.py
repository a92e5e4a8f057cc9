"""How many ballots a second the box takes, to a POST that reads the body and does nothing.

    python bench/casting.py               # SQLite, then a PostgreSQL of its own
    python bench/casting.py --quick       # a few casts: does it run at all

The real server (uvicorn, the gate, routing) runs in a process of its own; the reference is one more
handler in the same server, with the same limits, given the same bodies. Casts and references come
in turns, over the same eight kept-open connections. Each ballot has its own key and token, and a
receipt is an answer of 201: its row is durable then (synchronous=FULL, fsync on). Goal: >= 0.30.
`cpu` figures are the server's own processor time a request (Linux), which a busy machine changes
less than it changes the clock on the wall.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent))

import uvicorn
from litestar import Request, Response, post

from bench.ledger_posting import make_database
from circles import migrate
from circles.app import create_app
from circles.clock import MovableClock
from circles.db import Database
from circles.host import Host
from circles.protocol.ballot import NOMINATION_POST_BYTES_MAX
from circles.protocol.messages import VOTE
from circles.settings import Settings
from circles.vault import Vault
from circles.web import serve
from tests import postgres
from tests.ballot import polls

CONNECTIONS = 8
CAST = f"/cast/maple-row/{polls.MONTH}/{VOTE}"
NOTHING = "/cast-nothing"
_OPEN = {"anyone": True, "machine": True, "body_bytes_max": NOMINATION_POST_BYTES_MAX}


@post(NOTHING, opt=_OPEN, include_in_schema=False)
async def nothing(request: Request[Any, Any, Any]) -> Response[bytes]:
    """The reference: as long an answer as a receipt."""
    await request.body()
    return Response(bytes(300), status_code=201, media_type="text/plain")


def settings_of(data: Path, url: str, port: int) -> Settings:
    return Settings(data=data, database_url=url, url=f"http://127.0.0.1:{port}", port=port)


def host_at(settings: Settings) -> Host:
    clock = MovableClock(polls.NOON, frozen=True)
    vault = Vault.at(settings.data / "secret.key")
    return Host(settings, Database(settings.database_url), clock, vault)


async def prepare(settings: Settings, ballots: int) -> list[bytes]:
    """A poll that is open, and ballots fit for it."""
    host = host_at(settings)
    await migrate.upgrade(host.database)
    poll = await polls.opened(host, VOTE)
    made = [poll.ballot() for _ in range(ballots)]
    await host.close()
    return made


def run_server(words: str) -> None:
    """The child: serve until it is ended."""
    data, url, port = json.loads(words)
    settings = settings_of(Path(data), url, port)
    app = create_app(host_at(settings), also=[nothing])
    uvicorn.Server(serve.configure(app, settings)).run()


def cpu_s(pid: int) -> float:
    """Seconds of processor time that a process has used; 0 where the system does not say."""
    try:
        words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


@contextmanager
def serving(settings: Settings) -> Iterator[int]:
    words = json.dumps([str(settings.data), settings.database_url, settings.port])
    child = subprocess.Popen([sys.executable, __file__, "--serve", words])
    try:
        yield child.pid
    finally:
        child.terminate()
        child.wait()


class Wire:
    """One kept-open connection."""

    def __init__(self, port: int) -> None:
        self._port = port

    async def open(self) -> None:
        for _try in range(200):
            try:
                opening = asyncio.open_connection("127.0.0.1", self._port)
                self._reader, self._writer = await opening
            except ConnectionError:
                await asyncio.sleep(0.1)
            else:
                return
        raise RuntimeError("the server did not start")

    async def post(self, path: str, body: bytes) -> float:
        """Seconds until the whole answer was here; anything but 201 is an error."""
        head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{self._port}\r\n"
        start = time.perf_counter()
        self._writer.write(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
        top = await self._reader.readuntil(b"\r\n\r\n")
        length = int(top.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
        answer = await self._reader.readexactly(length)
        if not top.startswith(b"HTTP/1.1 201"):
            raise RuntimeError(top + answer)
        return time.perf_counter() - start

    def close(self) -> None:
        self._writer.close()


async def turn(wires: list[Wire], path: str, bodies: list[bytes]) -> tuple[float, list[float]]:
    """Posts a second over all connections at once, and each one's seconds."""
    waiting, took = list(bodies), []

    async def one(wire: Wire) -> None:
        while waiting:
            took.append(await wire.post(path, waiting.pop()))

    start = time.perf_counter()
    await asyncio.gather(*(one(wire) for wire in wires))
    return len(bodies) / (time.perf_counter() - start), took


async def measure(settings: Settings, pid: int, bodies: list[bytes], turns: int) -> dict[str, Any]:
    wires = [Wire(settings.port) for _ in range(CONNECTIONS)]
    for wire in wires:
        await wire.open()
    each = len(bodies) // (turns + 1)
    await turn(wires, NOTHING, bodies[:each])
    await turn(wires, CAST, bodies[:each])
    rounds, waits, cpu = [], [], [0.0, 0.0]
    for n in range(1, turns + 1):
        part = bodies[n * each : (n + 1) * each]
        before = cpu_s(pid)
        reference, _took = await turn(wires, NOTHING, part)
        between = cpu_s(pid)
        casts, took = await turn(wires, CAST, part)
        cpu = [cpu[0] + between - before, cpu[1] + cpu_s(pid) - between]
        rounds.append((reference, casts))
        waits += took
    for wire in wires:
        wire.close()
    ratios = sorted(casts / reference for reference, casts in rounds)
    waits.sort()
    return {
        "casts": len(waits),
        "nothing_per_s": round(statistics.median(r for r, _c in rounds)),
        "casts_per_s": round(statistics.median(c for _r, c in rounds)),
        "ratio": round(statistics.median(ratios), 2),
        "ratio_low_high": [round(ratios[0], 2), round(ratios[-1], 2)],
        "p50_ms": round(1000 * waits[len(waits) // 2], 1),
        "cpu_us": [round(1e6 * used / len(waits)) for used in cpu],
        "cpu_ratio": round(cpu[0] / cpu[1], 2) if cpu[1] else None,
        "p99_ms": round(1000 * waits[len(waits) * 99 // 100], 1),
    }


def bench(name: str, url: str, folder: Path, each: int, turns: int) -> None:
    data = folder / name
    data.mkdir(mode=0o700)
    settings = settings_of(data, url, random.randrange(20_000, 30_000))
    bodies = asyncio.run(prepare(settings, each * (turns + 1)))
    with serving(settings) as pid:
        print(name, json.dumps(asyncio.run(measure(settings, pid, bodies, turns))))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="a few casts only")
    parser.add_argument("--each", type=int, default=200, help="posts a turn (default 200)")
    parser.add_argument("--serve", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        run_server(options.serve)
        return
    each, turns = (10, 1) if options.quick else (options.each, 5)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        lite = f"sqlite+aiosqlite:///{folder / 'bench.sqlite3'}"
        bench("sqlite", lite, folder, each, turns)
        with postgres.server(durable=True) as server:
            url = asyncio.run(make_database(server, "casting"))
            bench("postgresql", url, folder, each, turns)


if __name__ == "__main__":
    main()
