"""What must hold after a kill of each scenario, and what the kills begin with."""

from __future__ import annotations

from pathlib import Path

from circles import log
from circles.log import floor, published
from circles.protocol.checkpoint import VerifierKey, open_checkpoint, open_receipt
from circles.protocol.merkle import Tree
from circles.protocol.messages import NOMINATE, VOTE
from circles.protocol.text import unb64
from tests import faults
from tests.ballot.polls import CIRCLE_ID, NOON
from tests.storage import scenarios
from tests.storage.scenarios import build

__all__ = ["AT", "CHECKS", "build"]

AT = NOON


async def check_casts(killed: faults.Killed) -> None:
    """A receipt that was given is the one that is given again; each message is there once."""
    assert set(killed.said) <= set(killed.said_again), killed.point
    assert len(killed.said_again) == 2 * scenarios.BALLOTS
    async with faults.opened(killed.place) as host, host.database.read() as db:
        key = VerifierKey.parse(await log.verifier_key(db, CIRCLE_ID))
        rows = await db.execute(scenarios.staged())
    promised = {open_receipt(unb64(line.split()[2]), [key]).leaf for line in killed.said_again}
    assert sorted(promised) == sorted(row[0] for row in rows), killed.point


async def check_closes(killed: faults.Killed) -> None:
    """Whoever got a receipt stands in the log; nothing stands there twice; nothing is left over."""
    async with faults.opened(killed.place) as host, host.database.read() as db:
        key = VerifierKey.parse(await log.verifier_key(db, CIRCLE_ID))
        entries = await log.entries(db, CIRCLE_ID)
        await log.check_whole(db, host, CIRCLE_ID)
        assert (await db.execute(scenarios.staged())).all() == []
    leaves = [entry.leaf for entry in entries]
    assert len(set(leaves)) == len(leaves), killed.point
    for line in killed.said + killed.said_again:
        purpose, number, told = line.split(maxsplit=2)
        assert purpose in {NOMINATE, VOTE}
        if number != "published" and told != "closed":
            assert open_receipt(unb64(told), [key]).leaf in leaves, killed.point
    numbers = {line for line in killed.said if "published" in line}
    assert numbers <= set(killed.said_again), killed.point


async def check_signs(killed: faults.Killed) -> None:
    """No size has two roots; every checkpoint shown is a beginning of the last; files are whole."""
    async with faults.opened(killed.place) as host:
        signed = await floor.raise_to(host, CIRCLE_ID)
        async with host.database.read() as db:
            key = VerifierKey.parse(await log.verifier_key(db, CIRCLE_ID))
            tree = Tree(entry.leaf for entry in await log.entries(db, CIRCLE_ID))
            await log.check_whole(db, host, CIRCLE_ID)
        files = await published.render(host, CIRCLE_ID, signed)
        place = published.folder(host.settings, "maple-row")
    for line in killed.said + killed.said_again:
        size, note = line.split()
        shown = open_checkpoint(unb64(note), [key])
        assert (shown.size, shown.root) == (int(size), tree.root(int(size))), killed.point
    assert _files(place) == files, killed.point


def _files(place: Path) -> dict[str, bytes]:
    return {
        path.relative_to(place).as_posix(): path.read_bytes()
        for path in place.rglob("*")
        if path.is_file()
    }


CHECKS: dict[str, faults.Check] = {
    "tests.storage.scenarios:casts": check_casts,
    "tests.storage.scenarios:closes": check_closes,
    "tests.storage.scenarios:signs": check_signs,
}
