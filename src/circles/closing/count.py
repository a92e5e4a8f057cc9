"""Opening and counting (docs/protocol.md, 4.5), or finding that the box stays shut.

What is counted is read from the log, exactly as anyone can read it, and by the same code that the
verifier runs.
"""

from __future__ import annotations

import asyncio
from datetime import datetime

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from circles import log
from circles.circle import boxes
from circles.circle.circles import Circle
from circles.host import Host
from circles.protocol import allocation, tally
from circles.protocol.merkle import leaf
from circles.protocol.messages import Ask, Ballot, Choice, Nomination, Result, Void
from circles.protocol.seal import Opener
from circles.protocol.text import b64
from circles.rounds import keys, opening, progress, rounds
from circles.rounds.rounds import Round
from circles.vault import VaultError

_log = structlog.get_logger("circles")


async def open_own(host: Host, circle: Circle, month: str) -> bool:
    """This server publishes its secret, once a checkpoint holds the close. False if not due."""
    async with host.database.read() as db:
        round_ = await rounds.by_month(db, circle.id, month)
        if round_.vote.close_text is None or round_.opened or round_.decided:
            return False
        if opening.void_ground(round_) is not None:
            return False
        try:
            text = await opening.own_opening(db, host, round_)
        except VaultError as error:
            # Put back within seven days, the right secret.key still opens the box.
            _log.warning("trustee-key", circle=circle.slug, month=month, message=str(error))
            return False
    return text is not None and await opening.log_opening(host, circle, month, text)


def void_reason(round_: Round, now: datetime) -> str | None:
    """Why a closed vote that is not decided decides nothing; None while it may still be counted."""
    if round_.vote.close_text is None or round_.decided:
        return None
    ground = opening.void_ground(round_)
    if ground is None and not round_.opened and now >= round_.vote.closes_at + boxes.OPENED_WITHIN:
        return opening.NOT_OPENED
    return ground


async def void(host: Host, circle: Circle, month: str) -> bool:
    """Log that nothing was decided, and why, if that is so. The fund carries over."""
    async with host.database.begin() as db:
        round_ = await progress.lock(db, circle.id, month)
        reason = void_reason(round_, host.clock.round_now())
        if reason is None:
            return False
        text = Void(round_.vote.poll_hash, reason).text()
        await log.append(db, circle.id, [text])
        await progress.set_void(db, round_, text)
        # What stays shut must stay shut for us too.
        await keys.drop(db, round_.vote.poll_hash, keys.TRUSTEE)
        await log.sign(db, host.vault, circle.id, host)
    return True


async def count(host: Host, circle: Circle, month: str) -> bool:
    """Count an opened vote and log the result, with a checkpoint. False if there is none to count,
    or if another trustee opened while it was counted: the next try counts with that one.

    Counting takes time, so it happens outside the transaction: it reads nothing but the log, in
    which what it reads can no longer change.
    """
    async with host.database.read() as db:
        round_ = await rounds.by_month(db, circle.id, month)
        if not round_.opened or round_.decided:
            return False
        facts = await _facts(db, round_)
    ballots, secrets, asks = facts
    result = await asyncio.to_thread(tally_up, round_, ballots, secrets, asks)
    async with host.database.begin() as db:
        if (await progress.lock(db, circle.id, month)).decided:
            return False
        if await opening.secrets_of(db, round_) != secrets:
            # One more opened meanwhile, perhaps with a lower number: count with that one.
            return False
        text = result.text()
        await log.append(db, circle.id, [text])
        await progress.set_result(db, round_, text)
        # Others have opened without us: what was not needed is never shown.
        await keys.drop(db, round_.vote.poll_hash, keys.TRUSTEE)
        await log.sign(db, host.vault, circle.id, host)
    return True


async def _facts(
    db: AsyncSession, round_: Round
) -> tuple[dict[bytes, bytes], dict[int, bytes], list[Ask]]:
    """From the log: ballots by leaf hash, trustees' secrets, and what each candidate asks for."""
    close, slate = round_.vote.close, round_.slate
    if close is None or slate is None:
        raise ValueError("only a vote that is closed can be counted")
    ballots = await log.entries(db, round_.circle_id, close.first, close.ballots)
    secrets = await opening.secrets_of(db, round_)
    asks = [await _ask(db, round_.circle_id, candidate) for candidate in slate.candidates]
    return {entry.leaf: entry.data for entry in ballots}, secrets, asks


async def _ask(db: AsyncSession, circle_id: bytes, nomination: bytes) -> Ask:
    index = await log.index_of(db, circle_id, nomination)
    if index is None:
        raise ValueError("a candidate's nomination is not in the log")
    (entry,) = await log.entries(db, circle_id, index, 1)
    return Nomination.parse(entry.data).ask


def tally_up(
    round_: Round, ballots: dict[bytes, bytes], secrets: dict[int, bytes], asks: list[Ask]
) -> Result:
    """The result record of a vote: pure, and slow in the number of ballots."""
    poll, slate, close = round_.vote.poll, round_.slate, round_.vote.close
    if slate is None or close is None or close.fund_minor is None:
        raise ValueError("only a vote that is closed can be counted")
    opener = Opener.of(poll, slate, secrets)
    counted = tally.counted({key: Ballot.parse(data) for key, data in ballots.items()})
    opened = {key: opener.open(ballot, ballots[key]) for key, ballot in counted.items()}
    choices = [choice for choice in opened.values() if isinstance(choice, Choice)]
    voids = {key: reason for key, reason in opened.items() if isinstance(reason, str)}
    totals = tally.count_ticks(len(slate.candidates), choices)
    decided = allocation.allocate(poll.rule, poll.params, close.fund_minor, asks, totals, choices)
    return Result(
        poll=leaf(round_.vote.text),
        counted=len(choices),
        voids=tuple(sorted(voids.items(), key=lambda pair: b64(pair[0]))),
        totals=tuple(enumerate(totals.candidates, start=1)),
        keep=totals.keep,
        awards=decided.awards,
        carried_minor=decided.carried_minor,
    )
