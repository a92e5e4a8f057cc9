"""One function that does whatever is due in a circle, and may be killed anywhere.

Each step is a transaction of its own that first looks whether it is still to be taken; what the
floor outside the database and the published files lack after a crash is mended at the next run.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime

import structlog

from circles import log
from circles.ballot import box
from circles.circle import circles, pay_changes
from circles.circle.circles import Circle
from circles.closing import close, count, post
from circles.dues import dues
from circles.host import Host
from circles.log import floor
from circles.members import notices, pledges
from circles.protocol.messages import NOMINATE, VOTE
from circles.rounds import announce, rounds, schedule, slate
from circles.rounds.announce import NotYetError
from circles.rounds.rounds import Round

_log = structlog.get_logger("circles")


@dataclass(frozen=True)
class Step:
    """A step of a month: whether it is due as the round looks, and what then takes it.

    `is_due` only saves a transaction; `take` locks, looks again and says whether it did anything.
    """

    name: str
    is_due: Callable[[Round, datetime], bool]
    take: Callable[[Host, Circle, str], Awaitable[bool]]


def _shut(purpose: str) -> Step:
    def is_due(round_: Round, now: datetime) -> bool:
        return close.is_due(round_, purpose, now)

    async def take(host: Host, circle: Circle, month: str) -> bool:
        return await close.shut(host, circle, month, purpose)

    return Step(f"shut-{purpose}", is_due, take)


def _close(purpose: str) -> Step:
    def is_due(round_: Round, _now: datetime) -> bool:
        return round_.of(purpose).shut and round_.of(purpose).close_text is None

    async def take(host: Host, circle: Circle, month: str) -> bool:
        return await close.record(host, circle, month, purpose)

    return Step(f"close-{purpose}", is_due, take)


def _is_undecided(round_: Round, _now: datetime) -> bool:
    return round_.vote.close_text is not None and not round_.decided


# In the order of a month. A step that leaves something in the log signs it, and the floor is raised
# before the next one begins: an opening follows the checkpoint that holds the close.
STEPS = (
    Step("scripts", lambda r, _: schedule.runs_other_scripts(r), schedule.note_new_scripts),
    _shut(NOMINATE),
    _close(NOMINATE),
    Step("slate", slate.is_due, slate.log_slate),
    _shut(VOTE),
    _close(VOTE),
    Step("destroy-keys", lambda r, _: bool(close.with_keys(r)), close.destroy_keys),
    Step("void", lambda r, now: count.void_reason(r, now) is not None, count.void),
    Step("open", lambda r, now: _is_undecided(r, now) and not r.opened, count.open_own),
    Step("count", lambda r, now: _is_undecided(r, now) and r.opened, count.count),
    Step("post", lambda r, _: r.decided and not r.posted, post.post),
)


async def advance(host: Host, circle_id: bytes) -> list[str]:
    """Do everything that is due in a circle, in order; the names of the steps that were taken.

    Safe to run again after a crash at any point, and to run twice at once.
    """
    async with host.database.read() as db:
        circle = await circles.by_id(db, circle_id)
        signed = await log.newest(db, circle_id)
        open_rounds = await rounds.unfinished(db, circle_id)
    if signed is not None:
        await floor.raise_to(host, circle_id)
    taken: list[str] = []
    for round_ in open_rounds:
        taken += [f"{name} {round_.month}" for name in await _month(host, circle, round_.month)]
    # What the staging rows of a closed poll left in files; if a reader is in the way, next time.
    await box.scrub(host, circle_id)
    if await post.seal_month(host, circle):
        await floor.raise_to(host, circle_id)
        taken.append("seal-month")
    if await _announce(host, circle):
        taken.append("announce")
    if await _raise_dues(host, circle):
        taken.append("dues")
    if await _settle(host, circle):
        taken.append("settle")
    if await _pay_change(host, circle):
        taken.append("pay-change")
    return taken


async def _month(host: Host, circle: Circle, month: str) -> list[str]:
    """What is due in one month, step by step; the names of those that were taken."""
    taken = []
    for step in STEPS:
        async with host.database.read() as db:
            round_ = await rounds.by_month(db, circle.id, month)
        if not step.is_due(round_, host.clock.round_now()):
            continue
        if await step.take(host, circle, month):
            await floor.raise_to(host, circle.id)
            taken.append(step.name)
            _log.info("step", circle=circle.slug, month=month, step=step.name)
    return taken


async def _announce(host: Host, circle: Circle) -> bool:
    """Begin the round whose date has come, if nothing is missing for it."""
    now = host.clock.round_now()
    async with host.database.read() as db:
        month = await announce.due_month(db, circle, now)
        if month is None or await announce.missing(db, host.settings, circle, month) is not None:
            return False
    try:
        await announce.start(host, circle, month)
    except NotYetError:
        return False  # Somebody left between the look and the lock.
    await floor.raise_to(host, circle.id)
    return True


async def _raise_dues(host: Host, circle: Circle) -> bool:
    """Once for each round, at its start: what was pledged becomes due."""
    async with host.database.read() as db:
        round_ = await rounds.current(db, circle, host.clock.round_now())
        if round_ is None or await post.is_done(db, circle.id, f"dues:{round_.month}"):
            return False
    await dues.raise_dues(host, circle, round_.month)
    async with host.database.begin() as db:
        return await post.claim(db, circle.id, f"dues:{round_.month}")


async def _pay_change(host: Host, circle: Circle) -> bool:
    """Another account to pay in to, confirmed a day ago, holds from now on; pinned up."""
    now = host.clock.round_now()
    async with host.database.read() as db:
        change = await pay_changes.on_its_way(db, circle.id)
    if change is None or change.holds_from is None or now < change.holds_from:
        return False
    async with host.database.begin() as db:
        done = await pay_changes.put_in_force(db, circle.id, now)
        if done:
            await notices.pin(db, circle.id, "pay-in-force", {}, now)
    return done


async def _settle(host: Host, circle: Circle) -> int:
    """Dues that wait, moved where money has come for them; how many."""
    async with host.database.read() as db:
        if not await pledges.waiting(db, circle.id):
            return 0
    async with host.database.begin() as db:
        return await dues.settle(db, circle, host.clock.round_now())
