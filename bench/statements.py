"""How fast bank files are read, per entry, against the libraries that others use.

    python bench/statements.py --peers PYTHON     # an environment with ofxtools, mt-940 and pycamt

Both read the same file of 5,000 entries from memory, in turns, because a machine's speed varies
more from minute to minute than they differ. The peers run in an environment of their own: they are
no dependencies, and some of their licences are not ours. Goals: OFX 3 x ofxtools, MT940 1 x
mt-940, CAMT 10 x pycamt.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

from circles.ledger.statements import reading

sys.path.insert(0, str(Path(__file__).parents[1]))
from tests.statements import writers

ENTRIES = 5000
TURNS = 5
GOALS = {"ofx": ("ofxtools", 3.0), "mt940": ("mt-940", 1.0), "camt": ("pycamt", 10.0)}

# Run by the peers' Python: reads a file so many times, prints entries and seconds of each.
PEER = """
import io, json, sys, time
kind, path = sys.argv[1:]
data = open(path, "rb").read()
def ofx():
    from ofxtools.Parser import OFXTree
    def read():
        tree = OFXTree()
        tree.parse(io.BytesIO(data))
        return sum(len(s.transactions) for s in tree.convert().statements)
    return read
def mt940():
    import mt940
    return lambda: len(mt940.parse(data.decode()))
def camt():
    from pycamt.parser import Camt053Parser
    return lambda: len(list(Camt053Parser(data).get_transactions()))
read = {"ofx": ofx, "mt940": mt940, "camt": camt}[kind]()
started = time.process_time()
found = read()
print(json.dumps([found, time.process_time() - started]))
"""


def made(kind: str) -> bytes:
    """A month of one account, every line another."""
    first = date(2026, 11, 1)
    rows = tuple(
        writers.Row(
            first + timedelta(days=i * 30 // ENTRIES), 1000 + i, f"Member {i}", f"M{i:04}", f"B{i}"
        )
        for i in range(ENTRIES)
    )
    sheet = writers.Sheet("DE89370400440532013000", "EUR", 10000, rows)
    write: dict[str, Callable[[writers.Sheet], str]] = {
        "ofx": writers.ofx_sgml,
        "mt940": writers.mt940,
        "camt": writers.camt053,
    }
    return write[kind](sheet).encode()


def ours(data: bytes) -> float:
    """Seconds of processor time."""
    started = time.process_time()
    found = reading.read(data)
    spent = time.process_time() - started
    assert not found.problems, found.problems
    assert sum(len(statement.lines) for statement in found.statements) == ENTRIES
    return spent


def theirs(python: str, kind: str, path: Path) -> float:
    told = subprocess.run(
        [python, "-c", PEER, kind, str(path)], check=True, capture_output=True, text=True
    )
    found, spent = json.loads(told.stdout.splitlines()[-1])
    assert found == ENTRIES, found
    return float(spent)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--peers", required=True, metavar="PYTHON", help="a Python with the peers")
    parser.add_argument("--turns", type=int, default=TURNS)
    asked = parser.parse_args()
    missed = 0
    with tempfile.TemporaryDirectory(prefix="circles-bench-") as folder:
        for kind, (peer, goal) in GOALS.items():
            data, path = made(kind), Path(folder) / kind
            path.write_bytes(data)
            pairs = [(ours(data), theirs(asked.peers, kind, path)) for _ in range(asked.turns)]
            mine, other = (statistics.median(side) for side in zip(*pairs, strict=True))
            ratio = statistics.median(b / a for a, b in pairs)
            print(
                f"{kind:6} {ENTRIES / mine:8.0f} entries/s, {peer:8} {ENTRIES / other:8.0f}: "
                f"{ratio:5.1f} x (goal {goal:g})"
            )
            missed += ratio < goal
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
