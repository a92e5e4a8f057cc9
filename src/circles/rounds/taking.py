"""Collecting: a take by who is signed in, from the request to the answer.

Request and answer are stored in one transaction; the floor outside the database is raised before
the answer leaves. A take that a steward allowed anew is an event in the log, in that transaction.
"""

from __future__ import annotations

from circles import log
from circles.circle.circles import Circle
from circles.host import Host
from circles.log import floor
from circles.members import issuer
from circles.members.people import Member
from circles.rounds import progress, schedule


async def take(
    host: Host, circle: Circle, month: str, purpose: str, member: Member, body: bytes
) -> bytes:
    """The answer (`circles/taken/v1`) to a take posted by a member. TakeRefusedError, MissingError.

    The same bytes get the same answer; on OutcomeUnknownError they are to be sent again.
    """
    async with host.database.begin() as db:
        poll_hash = await progress.lock_poll(db, circle.id, month, purpose)
        answer = await issuer.take(db, host, poll_hash, member.id, body, host.clock.round_now())
        if answer.reissued is not None:
            await schedule.log_reissue(db, circle.id, poll_hash, answer.reissued)
            await log.sign(db, host.vault, circle.id, host)
    await floor.raise_takes(host, circle.id, poll_hash, answer.count)
    if answer.reissued is not None:
        await floor.raise_to(host, circle.id)
    return answer.taken
