"""How long a decision takes, as a ratio to pabutools on the same instance, in one run.

    python bench/allocation.py --pabutools OTHER/bin/python [--rounds 5] [--large]

pabutools (GPL-3.0-or-later) is never a dependency of ours: OTHER is a Python of its own into which
it was installed. It reads the same instances from a file, times its Method of Equal Shares with
cost satisfaction, exact fractions, and answers with seconds and with what it selected, which must
be the same. Prints JSON. The goals: a ratio of at most 0.35 at 20 x 10, 0.20 at 1,000 x 50, 0.12 at
10,000 x 100 (`--large`); and a month of 50 x 15 with its working in at most 10 ms.
"""

import argparse
import json
import random
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from circles.protocol.allocation import FairShares, MostTicks, OneWinner, Split
from circles.protocol.messages import Ask
from circles.protocol.rules.base import by_number
from circles.protocol.tally import count_ticks

SIZES = {"20x10": (20, 10), "1000x50": (1000, 50)}
LARGE = {"10000x100": (10_000, 100)}
GOALS = {"20x10": 0.35, "1000x50": 0.20, "10000x100": 0.12}
MONTH = (50, 15)
MONTH_SECONDS = 0.010

OTHERS = """
import json, sys, time
from statistics import median
from pabutools.election import ApprovalBallot, ApprovalProfile, Cost_Sat, Instance, Project
import pabutools.fractions
pabutools.fractions.FRACTION = "gmpy2"
from pabutools.rules import method_of_equal_shares
found = {}
for name, made in json.load(open(sys.argv[1])).items():
    projects = [Project(f"{i:04d}", cost) for i, cost in enumerate(made["costs"], start=1)]
    instance = Instance(projects, budget_limit=made["fund"])
    profile = ApprovalProfile(
        [ApprovalBallot(projects[n - 1] for n in ballot) for ballot in made["ballots"]],
        instance=instance,
    )
    seconds = []
    for _ in range(int(sys.argv[2])):
        begun = time.process_time()
        chosen = method_of_equal_shares(instance, profile, sat_class=Cost_Sat)
        seconds.append(time.process_time() - begun)
    found[name] = [median(seconds), sorted(int(p.name) for p in chosen)]
print(json.dumps(found))
"""


@dataclass(frozen=True)
class Whole:
    """An opened ballot."""

    ticks: tuple[int, ...]
    keep: bool = False


def made_up(voters: int, requests: int, seed: int) -> dict[str, Any]:
    """A fund of 7.00 each, requests of 10 to 80 % of it, two groups with their own requests."""
    chance = random.Random(seed)
    fund = 700 * voters
    costs = [max(1, fund * chance.randrange(10, 81) // 100 // 500 * 500) for _ in range(requests)]
    ballots = []
    for voter in range(voters):
        likely = [0.6 if (n + voter) % 2 else 0.15 for n in range(requests)]
        ballots.append([n for n in range(1, requests + 1) if chance.random() < likely[n - 1]])
    return {"fund": fund, "costs": costs, "ballots": ballots}


def ours(made: dict[str, Any], rounds: int) -> tuple[float, list[int]]:
    """Median seconds of a decision with its working, and what was bought."""
    asks = [Ask(cost) for cost in made["costs"]]
    ballots = [Whole(tuple(ballot)) for ballot in made["ballots"]]
    rule = FairShares("none", 0, 1, 0)
    seconds, bought = [], []
    for _ in range(rounds):
        begun = time.process_time()
        totals = count_ticks(len(asks), ballots)
        found = rule.allocate(made["fund"], asks, totals, ballots, by_number)
        seconds.append(time.process_time() - begun)
        bought = [number for number, _ in found.awards]
    return median(seconds), bought


def month_seconds(rounds: int) -> float:
    """The slowest rule of the four on a month of 50 x 15, with its working."""
    made = made_up(*MONTH, seed=7)
    asks = [Ask(cost, part=True) for cost in made["costs"]]
    ballots = [Whole(tuple(ballot)) for ballot in made["ballots"]]
    slowest = 0.0
    for _ in range(rounds):
        for rule in (MostTicks(500, 4), Split(500, 4), OneWinner(500, 4)):
            begun = time.process_time()
            rule.allocate(made["fund"], asks, count_ticks(len(asks), ballots))
            slowest = max(slowest, time.process_time() - begun)
    return max(slowest, ours(made, rounds)[0])


def main() -> int:
    """Measure and print; 1 where a goal is missed or a selection differs."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--pabutools", required=True, help="a Python that has pabutools")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--large", action="store_true", help="10,000 x 100 as well: a minute")
    given = parser.parse_args()
    sizes = {**SIZES, **(LARGE if given.large else {})}
    made = {name: made_up(*size, seed=11) for name, size in sizes.items()}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "instances.json"
        path.write_text(json.dumps(made))
        command = [given.pabutools, "-c", OTHERS, str(path), str(given.rounds)]
        theirs = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    report: dict[str, Any] = {"month 50x15 with working, ms": round(1e3 * month_seconds(9), 2)}
    good = report["month 50x15 with working, ms"] <= 1e3 * MONTH_SECONDS
    for name, instance in made.items():
        seconds, bought = ours(instance, given.rounds)
        their_seconds, chosen = theirs[name]
        ratio = seconds / their_seconds
        same = bought == chosen
        good = good and same and ratio <= GOALS[name]
        report[name] = {
            "ours, ms": round(1e3 * seconds, 3),
            "pabutools, ms": round(1e3 * their_seconds, 3),
            "ratio": round(ratio, 3),
            "goal": GOALS[name],
            "bought": len(bought),
            "the same": same,
        }
    print(json.dumps(report, indent=1))
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
