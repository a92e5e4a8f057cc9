"""How long `circles ledger verify` takes for N transfers, beside hledger and bean-check.

    python bench/ledger_verify.py [--transfers 100000] [--rounds 3]

One book, filled through `books.record`; hledger reads our hledger export with `check --strict`,
bean-check our beancount export. All are whole processes, processor seconds and peak memory, in
turns. Ours recomputes every hash, floor and balance from the database, which the others' formats do
not have; they parse text, which ours need not. A program that is not installed is left out. Goals:
at most 0.3 of hledger's time and 0.15 of bean-check's; memory that does not grow with N.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).parent.parent))

from circles import migrate
from circles.clock import MovableClock
from circles.db import Database
from circles.host import Host
from circles.ledger import books, chart
from circles.ledger.books import NewTransfer
from circles.ledger.export import export
from circles.ledger.verify import verify_books
from circles.settings import Settings
from circles.vault import Vault

NOW = datetime(2026, 10, 1, 8, 0, tzinfo=UTC)
CIRCLE = bytes(range(16))
ENTRY = 500


def some(count: int, start: int) -> list[NewTransfer]:
    """Contributions of forty members, pledged at once, over some years."""
    made = []
    for n in range(start, start + count):
        day = date(2020, 1, 1) + timedelta(days=n // 50)
        member = chart.member(f"M{1000 + n // 2 % 40}")
        if n % 2 == 0:
            made.append(NewTransfer("contribution", chart.MAIN_BANK, member, 1000, day, 7))
        else:
            made.append(NewTransfer("pledge", member, chart.FUND, 1000, day, 7))
    return made


async def fill(url: str, transfers: int, folder: Path) -> dict[str, Path]:
    """A database with that many, and its exports."""
    database = Database(url)
    await migrate.upgrade(database)
    async with database.begin() as db:
        await books.open_book(db, CIRCLE, "EUR", NOW)
    for start in range(0, transfers, ENTRY):
        async with database.begin() as db:
            new = some(min(ENTRY, transfers - start), start)
            await books.record(db, CIRCLE, new, key=None, now=NOW)
    files = {}
    for name in ("hledger", "beancount"):
        files[name] = folder / f"books.{name}"
        with files[name].open("w", encoding="utf-8") as out:
            async with database.read() as db:
                await export(db, CIRCLE, "Bench", name, None, out.write, lambda *_: None)
    await database.close()
    return files


def run_verify(url: str) -> None:
    """The child: verify, and complain of anything found."""

    async def whole() -> None:
        data = Path(url.partition(":///")[2]).parent
        settings = Settings(data=data, database_url=url, url="http://localhost:8000", port=8000)
        vault = Vault.at(data / "secret.key")
        host = Host(settings, Database(url), MovableClock(NOW), vault)
        problems = await verify_books(host, lambda _checked, _total: None)
        await host.close()
        if problems:
            raise SystemExit(str(problems[:3]))

    asyncio.run(whole())


def timed(command: list[str]) -> tuple[float, float]:
    """Processor seconds of a process, and its peak memory in MiB."""
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _pid, status, used = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode != 0:
        raise RuntimeError(f"{command[0]} ended with {child.returncode}")
    return used.ru_utime + used.ru_stime, used.ru_maxrss / 1024


def commands(url: str, files: dict[str, Path]) -> dict[str, list[str]]:
    """What there is to run."""
    found = {"ours": [sys.executable, __file__, "--verify", url]}
    hledger = shutil.which("hledger")
    if hledger:
        found["hledger"] = [hledger, "-f", str(files["hledger"]), "check", "--strict"]
    bean = shutil.which("bean-check") or str(Path(sys.executable).parent / "bean-check")
    if Path(bean).exists():
        found["bean-check"] = [bean, "--no-cache", str(files["beancount"])]
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--transfers", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--verify", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.verify:
        run_verify(options.verify)
        return
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        url = f"sqlite+aiosqlite:///{folder / 'bench.sqlite3'}"
        start = time.perf_counter()
        files = asyncio.run(fill(url, options.transfers, folder))
        print(f"filled in {time.perf_counter() - start:.0f} s", file=sys.stderr)
        programs = commands(url, files)
        rounds = [
            {name: timed(command) for name, command in programs.items()}
            for _ in range(options.rounds)
        ]
        result: dict[str, float] = {"transfers": options.transfers}
        for name in programs:
            result[f"{name}_s"] = round(median(r[name][0] for r in rounds), 2)
            result[f"{name}_mib"] = round(max(r[name][1] for r in rounds))
            if name != "ours":
                ratio = median(r["ours"][0] / r[name][0] for r in rounds)
                result[f"to_{name}"] = round(ratio, 3)
        print(json.dumps(result))


if __name__ == "__main__":
    main()
