"""Whether the books keep their pace: several writers at once, and very many transfers.

    python bench/ledger_scale.py [--transfers 1000000]      # a PostgreSQL of its own, and SQLite
    python bench/ledger_scale.py --quick                    # does it run at all

*Writers*: four processes post, one transfer per commit, each on a book of its own in one
PostgreSQL, against one process alone, in turns. Goal: at least 1.5 times as many in all.
*Size*: reading a balance and posting (one per commit) in books of N transfers against the same in
books of 10,000, in turns; both are filled through `books.record`. Goal: at least 0.8.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from bench.ledger_posting import DAY, NOW, Post, make_database, ours, rate
from circles import migrate
from circles.db import Database
from circles.ledger import books, chart
from circles.ledger.books import NewTransfer
from tests import postgres

SMALL = 10_000
FILL_ROWS = 2000
CIRCLE = bytes(range(16))


async def write(url: str, commits: int) -> None:
    """A child: say when ready, wait for the word, post, and say how many a second that were."""
    database = Database(url)
    post = await ours(database)
    await rate(post, 1, 10)
    print("ready", flush=True)
    await asyncio.to_thread(sys.stdin.readline)
    print(await rate(post, 1, commits), flush=True)
    await database.close()


def writers(url: str, count: int, commits: int) -> float:
    """Transfers a second of so many processes together, from the first word to the last answer."""
    words = [sys.executable, __file__, "--write", json.dumps([url, commits])]
    children = [
        subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for _ in range(count)
    ]
    for child in children:
        assert child.stdout is not None
        assert child.stdout.readline() == "ready\n"
    start = time.perf_counter()
    for child in children:
        assert child.stdin is not None
        child.stdin.write("go\n")
        child.stdin.flush()
    for child in children:
        assert child.stdout is not None
        float(child.stdout.readline())
    took = time.perf_counter() - start
    for child in children:
        child.communicate()
    return count * commits / took


async def filled(database: Database, transfers: int) -> Post:
    """A book of so many transfers over forty members; what posts one more."""
    await migrate.upgrade(database)
    async with database.begin() as db:
        await books.open_book(db, CIRCLE, "EUR", NOW)
    number = [0]

    async def post(rows: int) -> None:
        new = []
        for _ in range(rows):
            number[0] += 1
            member = chart.member(f"M{1000 + number[0] % 40}")
            new.append(NewTransfer("contribution", chart.MAIN_BANK, member, 1000, DAY, 7))
        async with database.begin() as db:
            await books.record(db, CIRCLE, new, key=None, now=NOW)

    while number[0] < transfers:
        await post(min(FILL_ROWS, transfers - number[0]))
    return post


async def reads(database: Database, times: int) -> float:
    """Balances a second."""
    start = time.perf_counter()
    for n in range(times):
        async with database.read() as db:
            await books.balance(db, CIRCLE, chart.member(f"M{1000 + n % 40}"))
    return times / (time.perf_counter() - start)


async def size(small_url: str, large_url: str, transfers: int, turns: int, each: int) -> str:
    small, large = Database(small_url), Database(large_url)
    posts = [await filled(small, min(SMALL, transfers)), await filled(large, transfers)]
    posted, read = [], []
    for turn in range(turns + 1):
        rates = [await rate(post, 1, each) for post in posts]
        looks = [await reads(database, each) for database in (small, large)]
        if turn:  # The first warms up what a host would have warm.
            posted.append(rates[1] / rates[0])
            read.append(looks[1] / looks[0])
    for database in (small, large):
        await database.close()
    return (
        f"{large.dialect}: {transfers:,} transfers against {min(SMALL, transfers):,}: posting "
        f"{statistics.median(posted):.2f}, a balance {statistics.median(read):.2f}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--transfers", type=int, default=1_000_000)
    parser.add_argument("--quick", action="store_true", help="few of everything")
    parser.add_argument("--write", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.write:
        asyncio.run(write(*json.loads(options.write)))
        return
    commits, turns, each = (20, 1, 5) if options.quick else (400, 5, 100)
    transfers = 3000 if options.quick else options.transfers
    with postgres.server(durable=True) as server:
        url = asyncio.run(make_database(server, "bench_writers"))
        database = Database(url)
        asyncio.run(migrate.upgrade(database))
        pairs = [(writers(url, 1, commits), writers(url, 4, commits)) for _ in range(turns)]
        one, four = (statistics.median(side) for side in zip(*pairs, strict=True))
        ratio = statistics.median(b / a for a, b in pairs)
        print(f"postgresql: one writer {one:,.0f}/s, four on four books {four:,.0f}/s: {ratio:.2f}")
        urls = [asyncio.run(make_database(server, name)) for name in ("bench_small", "bench_large")]
        print(asyncio.run(size(urls[0], urls[1], transfers, turns, each)))
    with tempfile.TemporaryDirectory() as folder:
        lite = [f"sqlite+aiosqlite:///{Path(folder) / name}.sqlite3" for name in ("small", "large")]
        print(asyncio.run(size(lite[0], lite[1], transfers, turns, each)))


if __name__ == "__main__":
    main()
