"""The benches run, at their smallest. What they measure then means nothing."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent


def ran(name: str, *arguments: str) -> str:
    """What a bench prints."""
    command = [sys.executable, str(ROOT / "bench" / name), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_blind_signing() -> None:
    found = json.loads(ran("blind_signing.py", "--signatures", "2", "--rounds", "1"))
    assert found["ours_ms"] > 0


def test_verifying_ballots() -> None:
    found = json.loads(ran("verify_speed.py", "--ballots", "20", "--rounds", "1"))
    assert found["ballots"] == 21
    assert found["command_s"] > 0


def test_posting(tmp_path: Path) -> None:
    url = f"sqlite+aiosqlite:///{tmp_path / 'bench.sqlite3'}"
    assert "to the driver" in ran("ledger_posting.py", "--quick", "--database", url)


def test_verifying_books() -> None:
    found = json.loads(ran("ledger_verify.py", "--transfers", "200", "--rounds", "1"))
    assert found["ours_s"] > 0
