"""The real programs that read our exports, and what they say."""

from __future__ import annotations

import csv
import os
import shutil
import subprocess
import sys
from decimal import Decimal
from pathlib import Path


def program(name: str) -> str:
    """Where it is; a failure that names it where it is not."""
    beside = Path(sys.executable).with_name(name)
    found = str(beside) if beside.exists() else shutil.which(name)
    assert found is not None, (
        f"the program {name} is missing. On Debian: apt-get install {name}; bean-check comes with "
        "the development requirements. Or leave it out by name: see `dev.py test --help`"
    )
    return found


def run(name: str, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [program(name), *words],
        env={**os.environ, "LC_ALL": "C.UTF-8", "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


CHECKS = {
    "hledger": ("hledger", "check", "--strict", "-f"),
    "ledger": ("ledger", "--strict", "--pedantic", "--args-only", "balance", "-f"),
    "beancount": ("bean-check", "--no-cache"),
}


def complaints(to: str, path: Path) -> str:
    """What the program of that format finds wrong; nothing if nothing is."""
    said = run(*CHECKS[to], str(path))
    if said.returncode == 0 and "Warning" not in said.stderr:
        return ""
    return said.stderr + said.stdout


def hledger_balances(path: Path) -> dict[str, Decimal]:
    said = run("hledger", "balance", "--flat", "--no-total", "-E", "-O", "csv", "-f", str(path))
    assert said.returncode == 0, said.stderr
    rows = list(csv.reader(said.stdout.splitlines()))[1:]
    return {account: Decimal(amount.split()[0]) for account, amount in rows}


def ledger_balances(path: Path) -> dict[str, Decimal]:
    form = "%(account)\t%(quantity(scrub(display_total)))\n"
    said = run(
        "ledger", "--args-only", "balance", "--flat", "--no-total", "-E", "--balance-format", form,
        "-f", str(path),
    )  # fmt: skip
    assert said.returncode == 0, said.stderr
    rows = [line.split("\t") for line in said.stdout.splitlines() if line]
    return {account: Decimal(amount) for account, amount in rows}
