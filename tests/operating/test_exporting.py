"""`circles ledger export`, as a person types it."""

from __future__ import annotations

import asyncio
import json
import subprocess
from pathlib import Path

import pytest

from circles.host import Host
from tests.operating.test_cli import CIRCLES, run
from tests.world import World


async def export(host: Host, *words: str) -> subprocess.CompletedProcess[str]:
    """The command over the data and the database of this host."""
    url = host.settings.database_url
    return await asyncio.to_thread(
        run, "ledger", "export", *words, data=host.settings.data, CIRCLES_DATABASE_URL=url
    )


def left_over(folder: Path) -> list[Path]:
    return list(folder.glob("*.part"))


async def test_the_books_go_to_standard_output_or_to_a_file(host: Host, tmp_path: Path) -> None:
    world = await World.found(host, members=1, fund_minor=1250)
    slug = ("--circle", world.circle.slug)
    shown = await export(host, *slug, "--format", "jsonl")
    assert shown.returncode == 0, shown.stderr
    first, gift, last = map(json.loads, shown.stdout.splitlines())
    assert gift["prev_hash"] == first["hash"]
    assert last["balances"] == {"Assets:Cash": 1250, "Equity:Fund": -1250}
    out = tmp_path / "books.csv"
    kept = await export(host, *slug, "--format", "csv", "--out", str(out), "--period", "2026-10")
    assert (kept.returncode, kept.stdout) == (0, f"Written: {out}, 1 transfers.\n"), kept.stderr
    assert b",12.50,EUR," in out.read_bytes()
    assert out.read_bytes().count(b"\r\n") == out.read_bytes().count(b"\n") == 2
    assert out.stat().st_mode & 0o777 == 0o600
    assert await asyncio.to_thread(left_over, tmp_path) == []


@pytest.mark.one_database("what is refused here never reads the books")
async def test_what_cannot_be_is_said_in_words(host: Host, tmp_path: Path) -> None:
    world = await World.found(host, members=1)
    circle = ("--circle", world.circle.slug, "--format", "csv")
    for code, words, said in (
        (1, ("--circle", "nowhere", "--format", "csv"), "no circle"),
        (2, (*circle, "--period", "2026-13"), "Write 2026-10 or 2026"),
        (2, ("--circle", world.circle.slug, "--format", "pdf"), "beancount"),
        (1, (*circle, "--out", str(tmp_path / "no" / "where.csv")), "could not be written"),
        (1, (*circle, "--out", str(tmp_path)), "could not be written"),
    ):
        answer = await export(host, *words)
        assert answer.returncode == code, (words, answer.stderr)
        assert said in answer.stderr
        assert "Traceback" not in answer.stderr


@pytest.mark.one_database("the pipe is the same with both")
async def test_a_reader_that_stops_is_no_crash(host: Host) -> None:
    world = await World.found(host, members=1, fund_minor=1)
    command = [CIRCLES, "ledger", "export", "--circle", world.circle.slug, "--format", "csv"]
    settings = {
        "CIRCLES_DATA": str(host.settings.data),
        "CIRCLES_DATABASE_URL": host.settings.database_url,
    }
    running = await asyncio.create_subprocess_exec(
        *command, env=settings, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    assert running.stdout is not None
    running.stdout._transport.close()  # type: ignore[attr-defined]  # as `head` does
    _out, said = await running.communicate()
    assert running.returncode == 1
    assert b"stopped before its end" in said
    assert b"Traceback" not in said
