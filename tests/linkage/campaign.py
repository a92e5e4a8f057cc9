"""Many rounds under every strategy: `python -m tests.campaigns linkage --rounds 300 [--seed N]`."""

from __future__ import annotations

import asyncio
import contextlib
import io
import random
import secrets
import tempfile
import time
from pathlib import Path

import pytest

from circles import migrate
from circles.clock import MovableClock
from circles.db import Database
from circles.host import Host
from circles.settings import Settings
from circles.vault import Vault
from tests import issuer_keys
from tests.conftest import START
from tests.linkage.attacking import Attack
from tests.linkage.test_linkage import play
from tests.linkage.watching import Habits

LIMIT = 5.0
# A database of so many months is not what is asked here: each circle lives a year.
MONTHS = 12


async def _year(dice: random.Random, attack: Attack, months: int) -> None:
    with tempfile.TemporaryDirectory(prefix="circles-linkage-") as folder:
        url = f"sqlite+aiosqlite:///{folder}/circles.sqlite3"
        settings = Settings(Path(folder), url, "http://127.0.0.1:8000")
        database = Database(url)
        await migrate.upgrade(database)
        clock = MovableClock(START, frozen=True)
        host = Host(settings, database, clock, Vault.at(Path(folder) / "secret.key"))
        try:
            for seen, owners in await play(host, months, dice, Habits()):
                attack.add(seen, owners)
        finally:
            await host.close()


def run(rounds: int, seed: int | None) -> int:
    """The exit code: 0 if no strategy is beyond the limit."""
    seed = secrets.randbelow(2**32) if seed is None else seed
    print(f"seed {seed}", flush=True)
    dice, attack, started = random.Random(seed), Attack(), time.monotonic()
    with pytest.MonkeyPatch.context() as patch:
        while attack.rounds < rounds:
            issuer_keys.lend(patch)
            with (
                contextlib.redirect_stdout(io.StringIO()),
                contextlib.redirect_stderr(io.StringIO()),
            ):
                asyncio.run(_year(dice, attack, min(MONTHS, rounds - attack.rounds)))
            print(f"{attack.rounds} rounds, {time.monotonic() - started:.0f} s", flush=True)
    print(attack.told())
    found = attack.found(LIMIT)
    print(f"beyond {LIMIT} deviations: {found or 'none'}")
    return 1 if found else 0
