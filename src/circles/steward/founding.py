"""Founding a circle: the one act that needs a circle, a first member, a log and a book at once."""

from __future__ import annotations

from dataclasses import dataclass

from circles import log
from circles.circle import circles, founding
from circles.circle.circles import Circle, NewCircle
from circles.host import Host
from circles.ledger import books
from circles.log import floor
from circles.members import notices, people, sessions
from circles.members import passphrase as passphrases
from circles.members.people import Member


@dataclass(frozen=True)
class Founded:
    """The circle, who founded it (steward and treasurer), and the cookie of their first session."""

    circle: Circle
    founder: Member
    token: str


async def found(host: Host, code: str, new: NewCircle, *, handle: str, passphrase: str) -> Founded:
    """Use up a founding code; all of it or nothing.

    `handle` and `passphrase` as `people.clean_handle` and `passphrase.check` accept them. Raises
    FoundingLinkError. The circle's log gets its key and its first, empty checkpoint, its book is
    opened, and the first notice hangs.
    """
    passphrase_hash = await passphrases.hash_of(passphrase)
    now = host.clock.now()
    async with host.database.begin() as db:
        await founding.use_code(db, code, now)
        circle = await circles.found(db, host.settings.host_name, new, now)
        founder = await people.join(
            db,
            circle,
            handle=handle,
            passphrase_hash=passphrase_hash,
            roles=frozenset(people.ROLES),
            round_now=host.clock.round_now(),
            at=now,
        )
        await log.found(db, host.vault, circle.id, circle.log_origin)
        await books.open_book(db, circle.id, circle.currency, now)
        await notices.pin(
            db, circle.id, "founded", {"by_id": founder.id.hex()}, host.clock.round_now()
        )
        await log.sign(db, host.vault, circle.id, host)
        token = await sessions.begin(db, founder.id, now)
    await floor.raise_to(host, circle.id)
    return Founded(circle, founder, token)
