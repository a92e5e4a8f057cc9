"""A month of a circle, as a value: its dates, its two polls, and what has been logged of it.

round = await rounds.current(db, circle, host.clock.round_now())
phases.phase(round, now)
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from circles.circle.calendar import GRACE, RoundDates
from circles.circle.circles import Circle
from circles.errors import MissingError
from circles.protocol.messages import NOMINATE, VOTE, Close, Poll, Result, Slate, Void
from circles.protocol.text import HASH_BYTES
from circles.rounds.tables import PollRow, RoundRow

PURPOSES = (NOMINATE, VOTE)


@dataclass(frozen=True)
class PollState:
    """A poll of a round: the record, and the dates as events have left them."""

    poll_hash: bytes
    purpose: str
    text: bytes
    take_from: datetime
    opens_at: datetime
    closes_at: datetime
    clients: tuple[bytes, ...]
    reissued: int
    shut: bool
    close_text: bytes | None
    keys_destroyed: bool

    @property
    def poll(self) -> Poll:
        """The poll record."""
        return Poll.parse(self.text)

    @property
    def close(self) -> Close | None:
        """The close record, once it is logged."""
        return Close.parse(self.close_text) if self.close_text else None


@dataclass(frozen=True)
class Round:
    """A round. `slate_text`, `result_text`, `void_text` are None until logged.

    `posted` says that the books hold what the result (or the void) decided.
    """

    circle_id: bytes
    month: str
    dates: RoundDates
    nominate: PollState
    vote: PollState
    slate_text: bytes | None
    opened: bool
    result_text: bytes | None
    void_text: bytes | None
    posted: bool

    def of(self, purpose: str) -> PollState:
        """The poll of a purpose, `nominate` or `vote`; MissingError for any other word."""
        if purpose not in PURPOSES:
            raise MissingError("There is no such poll.", code="unknown-poll")
        return self.nominate if purpose == NOMINATE else self.vote

    @property
    def slate(self) -> Slate | None:
        """What is voted on, in draw order, once it is logged."""
        return Slate.parse(self.slate_text) if self.slate_text else None

    @property
    def result(self) -> Result | None:
        """The count, once it is logged."""
        return Result.parse(self.result_text) if self.result_text else None

    @property
    def void_reason(self) -> str | None:
        """`few-voters`, `not-opened`, `no-candidates`, or None."""
        return Void.parse(self.void_text).reason if self.void_text else None

    @property
    def decided(self) -> bool:
        """Whether a result or a void stands in the log."""
        return self.result_text is not None or self.void_text is not None


async def current(db: AsyncSession, circle: Circle, now: datetime) -> Round | None:
    """The newest round that was announced, running or over; None before the first.

    `now` is not needed to find it, but every caller has to hold one to read its phase.
    """
    del now
    row = (
        await db.execute(
            select(RoundRow)
            .where(RoundRow.circle_id == circle.id)
            .order_by(RoundRow.month.desc())
            .limit(1)
        )
    ).scalar_one_or_none()
    return await _value(db, row) if row else None


async def by_month(db: AsyncSession, circle_id: bytes, month: str) -> Round:
    """The round of a month (yyyy-mm); MissingError where there was none."""
    row = await db.get(RoundRow, (circle_id, month), populate_existing=True)
    if row is None:
        raise MissingError("There was no round in that month.", code="unknown-poll")
    return await _value(db, row)


async def past(db: AsyncSession, circle_id: bytes) -> list[Round]:
    """All rounds that are decided, the newest first."""
    return [round_ for round_ in await every(db, circle_id) if round_.decided]


async def every(db: AsyncSession, circle_id: bytes) -> list[Round]:
    """All rounds of a circle, the newest first."""
    rows = (
        (
            await db.execute(
                select(RoundRow)
                .where(RoundRow.circle_id == circle_id)
                .order_by(RoundRow.month.desc())
            )
        )
        .scalars()
        .all()
    )
    return [await _value(db, row) for row in rows]


async def _value(db: AsyncSession, row: RoundRow) -> Round:
    found = await db.execute(
        select(PollRow)
        .where(PollRow.circle_id == row.circle_id, PollRow.month == row.month)
        .execution_options(populate_existing=True)
    )
    polls = {poll.purpose: _poll_state(poll) for poll in found.scalars()}
    return Round(
        circle_id=row.circle_id,
        month=row.month,
        dates=_dates(row),
        nominate=polls[NOMINATE],
        vote=polls[VOTE],
        slate_text=row.slate,
        opened=row.opened,
        result_text=row.result,
        void_text=row.void,
        posted=row.posted,
    )


def _dates(row: RoundRow) -> RoundDates:
    return RoundDates(
        take_from=row.take_from,
        nominating_opens=row.nominating_opens,
        nominating_closes=row.nominating_closes,
        voting_opens=row.voting_opens,
        voting_closes=row.voting_closes,
        count_at=row.voting_closes + GRACE,
        pay_until=row.pay_until,
        thanks_from=row.thanks_from,
    )


def _poll_state(row: PollRow) -> PollState:
    return PollState(
        poll_hash=row.poll_hash,
        purpose=row.purpose,
        text=row.text,
        take_from=row.take_from,
        opens_at=row.opens_at,
        closes_at=row.closes_at,
        clients=split_hashes(row.clients),
        reissued=row.reissued,
        shut=row.shut,
        close_text=row.close,
        keys_destroyed=row.keys_destroyed,
    )


def split_hashes(data: bytes) -> tuple[bytes, ...]:
    """Hashes that stand one behind the other."""
    return tuple(data[at : at + HASH_BYTES] for at in range(0, len(data), HASH_BYTES))


async def unfinished(db: AsyncSession, circle_id: bytes) -> list[Round]:
    """Rounds in which something is left to be done by the clock, the oldest first."""
    rows = await db.scalars(
        select(RoundRow)
        .where(RoundRow.circle_id == circle_id, RoundRow.posted.is_(False))
        .order_by(RoundRow.month)
    )
    return [await _value(db, row) for row in rows.all()]
