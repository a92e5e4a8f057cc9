"""What may be killed anywhere: casting, closing the box, signing and writing the log's files."""

from __future__ import annotations

import json
from pathlib import Path

from sqlalchemy import Select, select

from circles import log
from circles.ballot import box
from circles.ballot.tables import Staged
from circles.host import Host
from circles.log import floor
from circles.protocol.messages import NOMINATE, VOTE
from circles.protocol.text import b64, unb64
from tests import faults
from tests.ballot import polls
from tests.ballot.polls import CIRCLE_ID, MONTH

BALLOTS = 4


def kept(place: faults.Place, name: str) -> list[str]:
    """What stands in the clients' file under a name."""
    found: list[str] = json.loads((Path(place.data) / "clients.json").read_text())[name]
    return found


def bodies(place: faults.Place, purpose: str) -> list[bytes]:
    """What the members' clients keep until they have a receipt."""
    return [unb64(body) for body in kept(place, purpose)]


def staged() -> Select[bytes]:
    """The leaf hashes in the box."""
    return select(Staged.leaf)


async def build(host: Host) -> None:
    """Two open polls, and ballots ready to be cast."""
    ready: dict[str, list[str]] = {}
    for purpose in (NOMINATE, VOTE):
        poll = await polls.opened(host, purpose)
        who = polls.credential(poll.poll)
        made = [poll.body(who, 1), poll.body(who, 2)]
        made += [poll.body() for _ in range(BALLOTS - 2)]
        ready[purpose] = [b64(body) for body in made]
        ready[f"{purpose}-poll"] = [b64(poll.poll_hash)]
    (host.settings.data / "clients.json").write_text(json.dumps(ready))


async def casts(place: faults.Place, say: faults.Say) -> None:
    """Every client sends what it keeps and says its receipt."""
    async with faults.opened(place) as host:
        for purpose in (NOMINATE, VOTE):
            for number, body in enumerate(bodies(place, purpose)):
                receipt, _ = await box.cast(host, "maple-row", MONTH, purpose, body)
                say(f"{purpose} {number} {b64(receipt)}")


async def closes(place: faults.Place, say: faults.Say) -> None:
    """The casts, then the box's part of a close of both polls, each step its own transaction."""
    async with faults.opened(place) as host:
        for purpose in (NOMINATE, VOTE):
            (poll_hash,) = bodies(place, f"{purpose}-poll")
            for number, body in enumerate(bodies(place, purpose)):
                try:
                    receipt, _ = await box.cast(host, "maple-row", MONTH, purpose, body)
                except box.CastRefusedError as refused:
                    say(f"{purpose} {number} {refused.code}")
                else:
                    say(f"{purpose} {number} {b64(receipt)}")
            published = await polls.close(host, poll_hash)
            say(f"{purpose} published {published}")


async def signs(place: faults.Place, say: faults.Say) -> None:
    """Grow the log to 5, 6, 7 and 8 entries, a checkpoint each, shown when its floor stands."""
    async with faults.opened(place) as host:
        for size in (5, 6, 7, 8):
            async with host.database.begin() as db:
                have = await log.size(db, CIRCLE_ID)
                if have < size:
                    await log.append(
                        db,
                        CIRCLE_ID,
                        [polls.poll_record(VOTE, polls.circle(), f"2030-{size:02d}").text()],
                    )
                await log.sign(db, host.vault, CIRCLE_ID, host)
            signed = await floor.raise_to(host, CIRCLE_ID)
            say(f"{signed.size} {b64(signed.note)}")
