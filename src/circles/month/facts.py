"""What the member's month is told from: values out of several rooms, read in one snapshot."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from circles.circle.boxes import OPENED_WITHIN
from circles.circle.calendar import GRACE, dates, month_after, month_of
from circles.circle.circles import Circle
from circles.host import Host
from circles.ledger import books, payee_changes, payouts
from circles.members import issuer, notices, people, pledges, roll
from circles.members.notices import Notice
from circles.members.people import Member
from circles.members.pledges import Due, Pledge
from circles.rounds import announce, rounds, slate
from circles.rounds.phases import Phase, phase
from circles.rounds.rounds import Round
from circles.rounds.standing import Standing, standing


@dataclass(frozen=True)
class Facts:
    """One member's view of the circle now. Amounts in minor units; `now` is the circle's time.

    `collected` are slots used in the vote's poll, `named_with` in the nominating one. `requests` is
    how many stand on the (draft) ballot. `fund_minor` holds what is reserved for the count, too.
    `fund_before_minor` is what the month before left, None for the first month. `lacking` says in
    words what keeps the next round from beginning; `first_month` is None until a steward began.
    """

    circle: Circle
    member: Member
    now: datetime
    members: int
    round: Round | None
    on_roll: bool
    collected: int
    named_with: int
    requests: int
    pledge: Pledge
    due: Due | None
    fund_minor: int
    fund_before_minor: int | None
    before_month: str | None
    treasurer: str
    told: int
    pinned: tuple[Notice, ...]
    to_confirm: int
    lacking: str
    first_month: str | None
    box: Standing | None

    @property
    def is_due(self) -> bool:
        """Whether the clock has work to do that this page waits for."""
        found = self.round
        if found is None:
            begins = self.first_begins
            return begins is not None and begins <= self.now and not self.lacking
        if found.decided:
            return False
        nominated = found.nominate.close_text is not None
        named_out = not nominated and self.now >= found.nominate.closes_at + GRACE
        slated = found.slate_text is not None
        return named_out or (not slated and self.now >= found.vote.opens_at) or self._counts

    @property
    def _counts(self) -> bool:
        if self.round is None or self.now < self.round.dates.count_at:
            return False
        return not self.waits_for_keys or self.now >= self._void_at

    @property
    def waits_for_keys(self) -> bool:
        """Whether the box is closed and too few keys were turned so far, none of them our own."""
        box = self.box
        return box is not None and box.state == "waiting" and not box.box.server_opens

    @property
    def _void_at(self) -> datetime:
        """When a vote that too few have opened is over without a count."""
        if self.round is None:
            raise ValueError("there is no round")
        return self.round.vote.closes_at + OPENED_WITHIN

    @property
    def phase(self) -> Phase | None:
        """The step of the month; None before the first round."""
        return phase(self.round, self.now) if self.round else None

    @property
    def missing(self) -> int:
        """How many more neighbours a round needs."""
        return max(self.circle.min_voters - self.members, 0)

    @property
    def first_begins(self) -> datetime | None:
        """When the first round begins; None until a steward has said so."""
        if self.first_month is None:
            return None
        return dates(self.circle.calendar, self.first_month, self.circle.zone).take_from

    @property
    def next_month(self) -> str:
        """The month after this round's, or the next one of the calendar."""
        if self.round is not None:
            return month_after(self.round.month)
        return month_after(month_of(self.now, self.circle.zone))


async def read(db: AsyncSession, host: Host, circle: Circle, member: Member) -> Facts:
    """Everything the page tells, as it stands now."""
    now = host.clock.round_now()
    found = await rounds.current(db, circle, now)
    everyone = await people.every(db, circle.id)
    before = [r for r in await rounds.past(db, circle.id) if found and r.month < found.month]
    dues = await pledges.dues_of(db, member.id)
    on_roll, collected, named_with = await _own(db, found, member)
    first = await announce.begins_with(db, circle)
    return Facts(
        circle=circle,
        member=member,
        now=now,
        members=len(everyone),
        round=found,
        on_roll=on_roll,
        collected=collected,
        named_with=named_with,
        requests=await _requests(db, found),
        pledge=await pledges.of(db, member.id),
        due=next((d for d in dues if found and d.month == found.month), None),
        fund_minor=await _fund(db, circle, found),
        fund_before_minor=_left_by(before[0]) if before else None,
        before_month=before[0].month if before else None,
        treasurer=next((m.handle for m in everyone if m.is_treasurer), ""),
        told=len(await notices.told(db, member.id)),
        pinned=tuple(await notices.pinned(db, circle.id, limit=5)),
        to_confirm=await _to_confirm(db, host, circle, member),
        lacking=await _lacking(db, host, circle, found, first),
        first_month=first,
        box=await standing(db, circle, found, member) if found else None,
    )


async def _own(db: AsyncSession, found: Round | None, member: Member) -> tuple[bool, int, int]:
    """On the roll or not, slots used in the vote and in nominating."""
    if found is None:
        return False, 0, 0
    line = await roll.line(db, found.vote.poll_hash, member.id)
    collected = await issuer.slots_taken(db, found.vote.poll_hash, member.id)
    named_with = await issuer.slots_taken(db, found.nominate.poll_hash, member.id)
    return line is not None, len(collected), len(named_with)


async def _requests(db: AsyncSession, found: Round | None) -> int:
    """How many requests there are, as far as anybody may know."""
    if found is None:
        return 0
    if found.slate is not None:
        return len(found.slate.candidates)
    drafts = await slate.draft(db, found)
    return sum(1 for one in drafts if one.omission is None or one.omission.confirmed_by is None)


async def _lacking(
    db: AsyncSession, host: Host, circle: Circle, found: Round | None, first: str | None
) -> str:
    """What keeps a round from beginning that could begin by its dates; empty if nothing does."""
    now = host.clock.round_now()
    due = await announce.due_month(db, circle, now)
    if due is None and found is None:
        due = first or month_of(now, circle.zone)
    if due is None:
        return ""
    missing = await announce.missing(db, host.settings, circle, due)
    return missing.words() if missing else ""


async def _fund(db: AsyncSession, circle: Circle, found: Round | None) -> int:
    if not await books.has_book(db, circle.id):
        return 0
    free = await books.fund_minor(db, circle.id)
    if found is None or found.decided:
        return free
    return free + await books.reserved_minor(db, circle.id, found.month)


def _left_by(over: Round) -> int:
    """What a month left in the fund: the rest, or all of it when nothing was decided."""
    result, close = over.result, over.vote.close
    if result is not None:
        return result.carried_minor
    return (close.fund_minor or 0) if close else 0


async def _to_confirm(db: AsyncSession, host: Host, circle: Circle, member: Member) -> int:
    """Payments that wait for a second name, and may have this member's."""
    if not member.may_confirm_payouts(host.clock.now()):
        return 0
    mine = [
        payout
        for payout in await payouts.open_for(db, circle.id)
        if await payee_changes.may_sign(db, payout, member.actor)
    ]
    return len(mine)
