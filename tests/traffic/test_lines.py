"""A cast leaves no line: no log of ours or of a library, at any level, says who, whence, what.

The real server takes casts, good ones, refused ones, and one that fells it. What every logger of
the process was told, down to the last detail, and all files beside the database are looked through
for the address, the agent, the key, the leaf, the path.
"""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path

import httpx
import pytest
from sqlalchemy import text

from circles.ballot import box
from circles.clock import MovableClock
from circles.host import Host
from circles.protocol.merkle import leaf
from circles.protocol.messages import VOTE, Ballot
from circles.protocol.text import b64
from circles.web import logs
from tests.ballot import polls
from tests.ballot.polls import MONTH, NOON
from tests.conftest import Served

AGENT = "PlumPhone/7.3 (very particular)"
ADDRESS = "203.0.113.77"
HEADERS = {
    "User-Agent": AGENT,
    "X-Forwarded-For": ADDRESS,
    "Forwarded": f"for={ADDRESS}",
    "Content-Type": "text/plain",
}


@contextmanager
def every_line() -> Iterator[io.StringIO]:
    """Everything that any logger says, and what is written to stderr and stdout."""
    told, root = io.StringIO(), logging.getLogger()
    handler, level = logging.StreamHandler(told), root.level
    with pytest.MonkeyPatch.context() as patch, redirect_stderr(told), redirect_stdout(told):
        for name in ("httpx", "httpcore"):  # the test's own client
            patch.setattr(logging.getLogger(name), "level", logging.CRITICAL)
        logs.configure()
        root.addHandler(handler)
        root.setLevel(logging.DEBUG)
        try:
            yield told
        finally:
            root.removeHandler(handler)
            root.setLevel(level)


def _spellings(body: bytes) -> list[str]:
    ballot = Ballot.parse(body)
    values = (leaf(body), ballot.key, ballot.commit, ballot.tokens[0], ballot.body, ballot.sig)
    return [
        form for value in values for form in (b64(value)[:24], value.hex()[:24], repr(value)[2:20])
    ]


async def _post(served: Served, body: bytes) -> int:
    async with httpx.AsyncClient(headers=HEADERS) as client:
        answer = await client.post(f"{served.url}/cast/maple-row/{MONTH}/{VOTE}", content=body)
        return answer.status_code


def _quiet(told: str, bodies: list[bytes]) -> None:
    for word in (AGENT, ADDRESS, *(form for body in bodies for form in _spellings(body))):
        assert word not in told, word


async def test_no_line_tells_of_a_cast(
    served: Served, clock: MovableClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock.set_round(NOON)
    poll = await polls.opened(served.host, VOTE)
    good, forged, felled = poll.ballot(), poll.ballot(), poll.ballot()
    with every_line() as lines:
        assert [await _post(served, good) for _ in range(2)] == [201, 200]
        signed = good.rpartition(b"sig ")[0]
        assert await _post(served, signed + b"sig " + forged.rpartition(b"sig ")[2]) == 422
        assert await _post(served, good[:-9]) == 400
    _quiet(lines.getvalue(), [good, forged])
    assert "circles" not in lines.getvalue()
    assert "/cast/" not in lines.getvalue()

    async def fall(*_given: object) -> None:
        raise RuntimeError(f"in the way of {felled!r}")

    monkeypatch.setattr(box.together, "put_in", fall)
    with every_line() as lines:
        assert await _post(served, felled) == 500
    assert "unforeseen" in lines.getvalue()
    assert "RuntimeError" in lines.getvalue()
    _quiet(lines.getvalue(), [good, felled])


async def test_no_file_and_no_table_holds_an_address_or_an_agent(
    served: Served, clock: MovableClock, tmp_path: Path
) -> None:
    clock.set_round(NOON)
    poll = await polls.opened(served.host, VOTE)
    for _ in range(3):
        assert await _post(served, poll.ballot()) == 201
    await _assert_nowhere(served.host, tmp_path)
    await polls.close(served.host, poll.poll_hash)
    await _assert_nowhere(served.host, tmp_path)


def _files(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


async def _assert_nowhere(host: Host, folder: Path) -> None:
    files = _files(folder)
    assert files
    if host.database.dialect == "postgresql":
        files[Path("dump")] = await _dump(host)
    for path, data in files.items():
        for word in (AGENT, ADDRESS, "127.0.0.1:" if "dump" in path.name else AGENT):
            assert word.encode() not in data, path


async def _dump(host: Host) -> bytes:
    """Every row of every table, as text and as its pages on disk."""
    parts = []
    async with host.database.engine.connect() as connection:
        autocommit = await connection.execution_options(isolation_level="AUTOCOMMIT")
        await autocommit.execute(text("CHECKPOINT"))
        sql = "SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename ~ :kinds"
        kinds = {"kinds": "^(ballot|members|rounds)_"}
        for name in list((await autocommit.scalars(text(sql), kinds)).all()):
            rows = await autocommit.execute(text(f"SELECT t::text FROM {name} t"))
            parts += [str(row[0]).encode() for row in rows]
            page = f"SELECT pg_read_binary_file(pg_relation_filepath('{name}'))"
            parts.append(bytes(await autocommit.scalar(text(page)) or b""))
    return b"\n".join(parts)


async def test_sqlite_keeps_its_scratch_in_memory(host: Host) -> None:
    """What it sorts or sets aside while it works is on no disk; PostgreSQL has its own folder."""
    if host.database.dialect == "postgresql":
        async with host.database.read() as db:
            assert await db.scalar(text("SHOW log_temp_files")) == "-1"
            assert await db.scalar(text("SHOW track_commit_timestamp")) == "off"
        return
    async with host.database.read() as db:
        assert await db.scalar(text("PRAGMA temp_store")) == 2
        assert await db.scalar(text("PRAGMA secure_delete")) == 1
