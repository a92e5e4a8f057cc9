"""Campaigns: what the suite samples, run whole.

    python -m tests.campaigns kills [word ...]
    python -m tests.campaigns calls [word ...]
    python -m tests.campaigns fuzz-statements --seconds 600
    python -m tests.campaigns fuzz-protocol --seconds 600 [--corpus FOLDER]
    python -m tests.campaigns parser-twins [--corpus FOLDER]
    python -m tests.campaigns linkage --rounds 300
    python -m tests.campaigns verify-twins [word ...]
    python -m tests.campaigns demo-year

kills: SIGKILL at every point of every scenario whose name holds one of the words (all, if none is
given), on SQLite and PostgreSQL. Each line of CAMPAIGNS names a module with `build` (the starting
state), `AT` (the time that stands still there) and `CHECKS` (scenario -> check).

calls: the same at every system call that changes a file, those inside SQLite too (SQLite only).

fuzz-statements: the readers of bank files, coverage-guided (tests/statements/fuzzing.py).

fuzz-protocol: every parser of `circles.protocol`, the same way (tests/protocol/fuzzing.py); what it
learns stays in the folder, from which the next run goes on.

parser-twins: 300,000 texts gone astray (or what a fuzzer learned) through both parsers, Python's
and the browser's: both must accept the same.

linkage: so many rounds on SQLite under every strategy that guesses who cast what
(tests/linkage); none may be farther from chance than five standard deviations.

verify-twins: every bent month of the verifier's own tests (whose name holds a word), through the
Python verifier and through the browser's in Chromium: both must fail the same checks.

demo-year: twelve months of the demo lived through by the real code, its books in every format read
by hledger, ledger and bean-check, and compared with the screen account by account.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import importlib
import sys
import tempfile
import time
from pathlib import Path

from tests import faults, postgres

CAMPAIGNS = (
    "tests.storage.killing",
    "tests.closing.killing",
    "tests.closing.opening_scenarios",
    "tests.desk.killing",
)


def kills(words: list[str], *, calls: bool) -> int:
    """How many points were killed at; an AssertionError at the first broken promise."""
    total = 0
    with postgres.server() as url, faults.Kills() as running:
        for name in CAMPAIGNS:
            module = importlib.import_module(name)
            for kind, server in (("sqlite", None), ("postgresql", url))[: 1 if calls else 2]:
                with tempfile.TemporaryDirectory(prefix="circles-kills-") as scratch:
                    grounds = faults.Grounds(Path(scratch), server, module.AT)
                    grounds.build(module.build)
                    for scenario, check in module.CHECKS.items():
                        if words and not any(word in scenario for word in words):
                            continue
                        total += _one(running, grounds, scenario, check, kind, calls=calls)
    return total


def _one(
    running: faults.Kills,
    grounds: faults.Grounds,
    scenario: str,
    check: faults.Check,
    kind: str,
    *,
    calls: bool,
) -> int:
    started, count = time.monotonic(), 0
    for killed in running.each_point(scenario, grounds, calls=calls):
        asyncio.run(check(killed))
        count += 1
    spent = time.monotonic() - started
    print(f"{kind} {scenario}: killed at each of {count} points, {spent:.0f} s", flush=True)
    return count


def verify_twins(words: list[str]) -> int:
    """How many bent months both verifiers agree on; an AssertionError if one is left."""
    from tests.protocol.test_verify_mutants import MUTANTS
    from tests.script import conftest, verify_twins

    asked = [
        (name, make)
        for name, make, _ in MUTANTS
        if not words or any(word in name for word in words)
    ]
    chromium = conftest.Chromium()
    differ: list[str] = []
    try:
        with conftest.serving_files() as files:
            modules = conftest.Modules(chromium, f"{files}/empty")
            for name, make in asked:
                if found := verify_twins.difference(modules, make()):
                    differ.append(f"{name}: {found}")
                    print(differ[-1], flush=True)
    finally:
        chromium.stop()
    assert not differ, f"the verifiers differ on {len(differ)} of {len(asked)} months"
    return len(asked)


def parser_twins(corpus: Path | None) -> int:
    """How many texts both parsers agree on; an AssertionError if they differ on one."""
    from tests.protocol import fuzzing
    from tests.script import conftest, test_parser_twins

    asked = test_parser_twins.learned(corpus) if corpus else fuzzing.sample(1, 300_000)
    chromium = conftest.Chromium()
    try:
        with conftest.serving_files() as files:
            modules = conftest.Modules(chromium, f"{files}/empty")
            differ = test_parser_twins.differences(modules, asked)
    finally:
        chromium.stop()
    assert not differ, f"{len(differ)} texts divide the parsers, one is {differ[0]}"
    return sum(name in test_parser_twins.TWINS for name, _ in asked)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.campaigns", description=__doc__)
    known = [
        "kills", "calls", "fuzz-statements", "fuzz-protocol", "parser-twins", "linkage",
        "demo-year",
        "verify-twins",
    ]  # fmt: skip
    parser.add_argument("campaign", choices=known)
    parser.add_argument("words", nargs="*")
    parser.add_argument("--seconds", type=int, default=60, help="how long to fuzz")
    parser.add_argument("--rounds", type=int, default=300, help="how many to play")
    parser.add_argument("--seed", type=int, help="the seed that a run printed")
    parser.add_argument("--corpus", type=Path, help="where a fuzzer keeps what it learns")
    asked = parser.parse_args()
    if asked.campaign == "fuzz-protocol":
        from tests.protocol import fuzzing as parsers

        corpus = asked.corpus or Path(tempfile.mkdtemp(prefix="circles-fuzz-"))
        sys.exit(parsers.hunt(asked.seconds, corpus))
    if asked.campaign == "fuzz-statements":
        from tests.statements import fuzzing

        sys.exit(fuzzing.hunt(asked.seconds))
    if asked.campaign == "linkage":
        from tests.linkage import campaign

        sys.exit(campaign.run(asked.rounds, asked.seed))
    if asked.campaign == "parser-twins":
        print(f"both parsers agree on {parser_twins(asked.corpus)} texts")
        return
    if asked.campaign == "demo-year":
        from tests.demo import year

        started = time.monotonic()
        with tempfile.TemporaryDirectory(prefix="circles-year-") as folder:
            accounts = asyncio.run(year.whole(Path(folder)))
        spent = time.monotonic() - started
        print(f"a year of the demo: {accounts} accounts agree everywhere, {spent:.0f} s")
        return
    with contextlib.suppress(KeyboardInterrupt):
        if asked.campaign == "verify-twins":
            print(f"both verifiers agree on {verify_twins(asked.words)} bent months")
            return
        total = kills(asked.words, calls=asked.campaign == "calls")
        print(f"{total} kills, every promise kept")


if __name__ == "__main__":
    main()
