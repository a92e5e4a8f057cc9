"""How long `circles ledger verify` takes for N transfers, beside hledger and bean-check.

    python bench/ledger_verify.py [--transfers 100000] [--rounds 3]

One book, filled through `books.record`; hledger reads our hledger export with `check --strict`,
bean-check our beancount export. All are whole processes, processor seconds and peak memory, in
turns. Ours recomputes every hash, floor and balance from the database, which the others' formats do
not have; they parse text, which ours need not. A program that is not installed is left out. Goals:
at most 0.3 of hledger's time and 0.15 of bean-check's; memory that does not grow with N: the peak
for a twentieth of it is shown beside.

Beside them, for us alone, books *lived in*: each payment an entry of its own under a key, with a
reference and a note, which the other programs do not check. A fifth of N, and a fiftieth: the
seconds that a transfer more takes must not grow with N.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import shutil
import sys
import tempfile
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).parent.parent))

from bench.processes import taken
from circles import migrate
from circles.db import Database
from circles.ledger import books, chart
from circles.ledger.books import NewTransfer
from circles.ledger.export import export

NOW = datetime(2026, 10, 1, 8, 0, tzinfo=UTC)
CIRCLE = bytes(range(16))
ENTRY = 500
DATABASE = "circles.sqlite3"
OURS = [sys.executable, "-m", "circles", "ledger", "verify"]


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


async def opened(url: str) -> Database:
    """A new database with an empty book."""
    database = Database(url)
    await migrate.upgrade(database)
    async with database.begin() as db:
        await books.open_book(db, CIRCLE, "EUR", NOW)
    return database


async def live_in(url: str, transfers: int) -> None:
    """A database with that many, two by two, as payments come."""
    database = await opened(url)
    for start in range(0, transfers, ENTRY):
        async with database.begin() as db:
            for n in range(start, min(start + ENTRY, transfers), 2):
                paid, pledged = some(2, n)
                paid = replace(paid, note=f"payment {n}", business_ref=f"line:{n}")
                now = NOW + timedelta(seconds=n)
                await books.record(db, CIRCLE, [paid, pledged], key=f"payment:{n}", now=now)
    await database.close()


async def fill(url: str, transfers: int, folder: Path) -> dict[str, Path]:
    """A database with that many, and its exports."""
    database = await opened(url)
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


def commands(files: dict[str, Path]) -> dict[str, list[str]]:
    """What there is to run."""
    found = {"ours": OURS}
    hledger = shutil.which("hledger")
    if hledger:
        found["hledger"] = [hledger, "-f", str(files["hledger"]), "check", "--strict"]
    bean = shutil.which("bean-check") or str(Path(sys.executable).parent / "bean-check")
    if Path(bean).exists():
        found["bean-check"] = [bean, "--no-cache", str(files["beancount"])]
    return found


def data_of(folder: Path) -> tuple[str, dict[str, str]]:
    """A host's data: the URL of its database, and the settings that name it."""
    folder.mkdir()
    settings = {"CIRCLES_DATA": str(folder), "CIRCLES_URL": "http://localhost:8000"}
    return f"sqlite+aiosqlite:///{folder / DATABASE}", settings


def compared(transfers: int, rounds: int, scratch: Path) -> dict[str, float]:
    """Processor seconds, ratios and peaks."""
    url, large = data_of(scratch / "large")
    files = asyncio.run(fill(url, transfers, scratch / "large"))
    url, small = data_of(scratch / "small")
    asyncio.run(fill(url, transfers // 20, scratch / "small"))
    programs = commands(files)
    taken(OURS, large)  # Compiled from here on.
    ran = [{name: taken(words, large) for name, words in programs.items()} for _ in range(rounds)]
    result: dict[str, float] = {"transfers": transfers}
    for name in programs:
        result[f"{name}_s"] = round(median(r[name].processor_s for r in ran), 2)
        result[f"{name}_mib"] = round(max(r[name].peak_mib for r in ran), 1)
        if name != "ours":
            ratio = median(r["ours"].processor_s / r[name].processor_s for r in ran)
            result[f"to_{name}"] = round(ratio, 3)
    result["ours_mib_of_a_twentieth"] = round(taken(OURS, small).peak_mib, 1)
    return result


def lived_in(transfers: int, rounds: int, scratch: Path) -> dict[str, float]:
    """Processor seconds and peaks of ours, for a fifth of that many and for a fiftieth."""
    result: dict[str, float] = {}
    for part in (5, 50):
        url, settings = data_of(scratch / f"lived{part}")
        asyncio.run(live_in(url, transfers // part))
        ran = [taken(OURS, settings) for _ in range(rounds)]
        result[f"lived_in_{transfers // part}_s"] = round(median(r.processor_s for r in ran), 2)
        result[f"lived_in_{transfers // part}_mib"] = round(max(r.peak_mib for r in ran), 1)
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--transfers", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        result = compared(options.transfers, options.rounds, Path(scratch))
        print(json.dumps(result | lived_in(options.transfers, options.rounds, Path(scratch))))


if __name__ == "__main__":
    main()
