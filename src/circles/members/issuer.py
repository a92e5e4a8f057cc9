"""The issuer of credentials: signs what it cannot see, for whoever stands on the roll.

Each poll has an RSA-3072 key of its own. A member posts a blinded value for one of their slots;
request and answer are kept together, so that the same bytes always get the same answer and other
bytes for a used slot get none. The private half is destroyed at the close (docs/protocol.md, 4).

    key = await issuer.new_key()                              # outside any transaction
    await issuer.open_poll(db, vault, poll_text, key)         # with the poll's announcement
    answer = await issuer.take(db, host, poll_hash, member_id, body, now)
    await floor.raise_takes(host, circle_id, poll_hash, answer.count)    # after the commit
    await issuer.shut(db, poll_hash, real_now)                # the close: no take after this
    file = await issuer.takes_file(db, poll_hash)
    await issuer.destroy_key(db, poll_hash)
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, delete, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from circles.errors import CirclesError, ConflictError, MissingError
from circles.host import Host
from circles.log import floor
from circles.members.roll_tables import (
    IssuerKeyRow,
    IssuerPollRow,
    ReissueRow,
    RollLineRow,
    RollRow,
    TakeRow,
)
from circles.protocol.blind import BlindingError, IssuerKey
from circles.protocol.merkle import leaf
from circles.protocol.messages import MalformedError, Poll, Take, Taken, Takes
from circles.vault import Vault
from circles.web.i18n import gettext as _

# What may stay of a poll's takes, its roll and who stood on which line, after its close.
KEPT_DAYS = 90
_PURPOSE = "issuer-key"


class TakeRefusedError(CirclesError):
    """A take that gets no answer; `code` is the contract's word for why (docs/protocol.md, 5)."""


@dataclass(frozen=True)
class Answer:
    """What a take gets. `fresh` is False for bytes seen before.

    `count` is how many takes the poll has with it: what its floor is raised to before answering.
    `reissued` is the poll's number of re-issued credentials where this take raised it, else None.
    """

    taken: bytes
    fresh: bool
    count: int
    reissued: int | None = None


@dataclass(frozen=True)
class TakesFile:
    """All takes of a poll as its close record counts them."""

    text: bytes
    count: int
    reissued: int
    voters: int

    @property
    def leaf(self) -> bytes:
        """How the close record names the file."""
        return leaf(self.text)


async def new_key() -> IssuerKey:
    """A fresh key; some 0.1 to 1 s in a thread, so never inside a transaction."""
    return await asyncio.to_thread(IssuerKey.generate)


async def open_poll(db: AsyncSession, vault: Vault, poll_text: bytes, key: IssuerKey) -> None:
    """Begin to issue for a poll that is being announced in this very transaction."""
    poll, poll_hash = Poll.parse(poll_text), leaf(poll_text)
    if poll.issuers != (key.n,):
        raise ValueError("the poll record names another issuer key")
    db.add(
        IssuerPollRow(
            poll_hash=poll_hash,
            circle_id=poll.circle,
            slots=poll.slots,
            take_from=poll.take_from,
            closes_at=poll.closes_at,
        )
    )
    db.add(IssuerKeyRow(poll_hash=poll_hash, sealed=vault.seal(_PURPOSE, key.to_bytes())))
    await db.flush()


async def reschedule(
    db: AsyncSession, poll_hash: bytes, take_from: datetime, closes_at: datetime
) -> None:
    """A poll's dates were moved (an event in the log says so)."""
    poll = await _locked(db, poll_hash)
    poll.take_from, poll.closes_at = take_from, closes_at
    await db.flush()


async def take(
    db: AsyncSession, host: Host, poll_hash: bytes, member_id: bytes, body: bytes, now: datetime
) -> Answer:
    """Answer a take of the poll `poll_hash` by the member who is signed in.

    `now` is the circle's time. Raises TakeRefusedError with code `malformed`, `unknown-poll`,
    `not-on-roll`, `not-open`, `closed`, `slot-used` or `bad-blinded`, and LogBehindError where
    this database has forgotten takes that were answered; nothing is kept then.
    """
    # One at a time for each poll: two of a slot at the same moment queue here and one wins, and
    # the count below holds until it is written.
    poll = await _locked(db, poll_hash)
    request = _parsed(body, poll)
    line = await _own_line(db, poll_hash, member_id, request)
    before = await count(db, poll_hash)
    await floor.check(db, host, poll.circle_id)
    floor.check_takes(host, poll.circle_id, poll_hash, before)
    earlier = await _takes_of_slot(db, poll_hash, line, request.slot)
    for row in earlier:
        if row.take == body:
            return Answer(row.taken, fresh=False, count=before)
    _check_open(poll, now)
    if len(earlier) > await _allowed(db, poll_hash, line, request.slot):
        raise TakeRefusedError(
            _("These ticks were collected before, on another phone. They wait there."),
            code="slot-used",
        )
    taken = await _sign(db, host.vault, poll_hash, request)
    db.add(
        TakeRow(
            poll_hash=poll_hash,
            line=line,
            slot=request.slot,
            number=len(earlier),
            take=body,
            taken=taken,
        )
    )
    await db.flush()
    anew = await reissued(db, poll_hash) if earlier else None
    return Answer(taken, fresh=True, count=before + 1, reissued=anew)


def _parsed(body: bytes, poll: IssuerPollRow) -> Take:
    try:
        request = Take.parse(body)
    except MalformedError as error:
        raise TakeRefusedError(_("This is no take. Nothing was kept."), code="malformed") from error
    if request.poll != poll.poll_hash:
        raise TakeRefusedError(_("This take is for another poll."), code="unknown-poll")
    if request.slot >= poll.slots or len(request.blinded) != 1:
        raise TakeRefusedError(_("This poll has fewer slots or issuers."), code="malformed")
    return request


async def _own_line(db: AsyncSession, poll_hash: bytes, member_id: bytes, request: Take) -> bytes:
    """The member's line on the roll, which must be the one that the take names."""
    line = await _line(db, poll_hash, member_id)
    if line is None or line != request.member:
        raise TakeRefusedError(
            _(
                "Only who is on this poll's roll can collect here, and only for themselves. "
                "Whoever joined during a round votes from the next one on."
            ),
            code="not-on-roll",
        )
    return line


async def _line(db: AsyncSession, poll_hash: bytes, member_id: bytes) -> bytes | None:
    row = await db.get(RollLineRow, (poll_hash, member_id))
    return row.line if row else None


def _check_open(poll: IssuerPollRow, now: datetime) -> None:
    if poll.shut_at is not None or now >= poll.closes_at:
        raise TakeRefusedError(_("Collecting has ended for this poll."), code="closed")
    if now < poll.take_from:
        raise TakeRefusedError(_("Collecting has not begun for this poll."), code="not-open")


async def _sign(db: AsyncSession, vault: Vault, poll_hash: bytes, request: Take) -> bytes:
    stored = await db.get(IssuerKeyRow, poll_hash)
    if stored is None:
        raise TakeRefusedError(_("Collecting has ended for this poll."), code="closed")
    key = IssuerKey.from_bytes(vault.open(_PURPOSE, stored.sealed))
    try:
        signed = await asyncio.to_thread(key.sign_blinded, request.blinded[0])
    except BlindingError as error:
        raise TakeRefusedError(
            _("This cannot be signed. Start collecting anew."), code="bad-blinded"
        ) from error
    return Taken(request.record_id(), (signed,)).text()


async def _takes_of_slot(
    db: AsyncSession, poll_hash: bytes, line: bytes, slot: int
) -> Sequence[TakeRow]:
    found = await db.execute(
        select(TakeRow).where(*_slot(TakeRow, poll_hash, line, slot)).order_by(TakeRow.number)
    )
    return found.scalars().all()


async def _allowed(db: AsyncSession, poll_hash: bytes, line: bytes, slot: int) -> int:
    row = await db.get(ReissueRow, (poll_hash, line, slot))
    return row.allowed if row else 0


def _slot(
    table: type[TakeRow | ReissueRow], poll_hash: bytes, line: bytes, slot: int
) -> tuple[ColumnElement[bool], ...]:
    return (table.poll_hash == poll_hash, table.line == line, table.slot == slot)


async def allow_reissue(db: AsyncSession, poll_hash: bytes, member_id: bytes) -> int:
    """Let a member take each used slot of a poll once more; how many slots that are.

    A permission that was not used yet is not given twice. ConflictError if nothing was taken, or
    nothing is left to allow; the caller pins up a notice for all.
    """
    poll = await _locked(db, poll_hash)
    if poll.shut_at is not None:
        raise ConflictError(_("This poll is closed; nothing can be collected anew."), code="closed")
    line = await _line(db, poll_hash, member_id)
    if line is None:
        raise ConflictError(_("This member is not on the poll's roll."), code="not-on-roll")
    allowed = 0
    for slot in range(poll.slots):
        row = await db.get(ReissueRow, (poll_hash, line, slot))
        if len(await _takes_of_slot(db, poll_hash, line, slot)) <= (row.allowed if row else 0):
            continue
        if row is None:
            row = ReissueRow(poll_hash=poll_hash, line=line, slot=slot, allowed=0)
            db.add(row)
        row.allowed += 1
        allowed += 1
    if not allowed:
        raise ConflictError(
            _("There is nothing to give anew: this member can still collect."), code="nothing-used"
        )
    await db.flush()
    return allowed


async def slots_taken(db: AsyncSession, poll_hash: bytes, member_id: bytes) -> frozenset[int]:
    """Which slots a member has used: for their own page, and for reminders, for nobody else."""
    found = await db.execute(
        select(TakeRow.slot)
        .join(
            RollLineRow,
            (RollLineRow.poll_hash == TakeRow.poll_hash) & (RollLineRow.line == TakeRow.line),
        )
        .where(TakeRow.poll_hash == poll_hash, RollLineRow.member_id == member_id)
    )
    return frozenset(found.scalars())


async def open_slots(db: AsyncSession, poll_hash: bytes, member_id: bytes) -> list[int]:
    """The slots in which a member can still take, re-issues included; [] if not on the roll.

    Says nothing about dates: whether the poll takes now is in its record and events.
    """
    poll = await db.get(IssuerPollRow, poll_hash)
    line = await db.get(RollLineRow, (poll_hash, member_id))
    if poll is None or line is None or poll.shut_at is not None:
        return []
    return [
        slot
        for slot in range(poll.slots)
        if len(await _takes_of_slot(db, poll_hash, line.line, slot))
        <= await _allowed(db, poll_hash, line.line, slot)
    ]


async def reissued(db: AsyncSession, poll_hash: bytes) -> int:
    """Credentials issued anew so far: takes beyond the first of a member and slot."""
    return (
        await db.execute(
            select(func.count()).where(TakeRow.poll_hash == poll_hash, TakeRow.number > 0)
        )
    ).scalar_one()


async def count(db: AsyncSession, poll_hash: bytes) -> int:
    """How many takes there are: for the floor file, and for the close."""
    return (
        await db.execute(
            select(func.count()).select_from(TakeRow).where(TakeRow.poll_hash == poll_hash)
        )
    ).scalar_one()


async def shut(db: AsyncSession, poll_hash: bytes, at: datetime) -> None:
    """No take is answered after this commits, but those answered before. `at` is real time."""
    poll = await _locked(db, poll_hash)
    if poll.shut_at is None:
        poll.shut_at = at
        await db.flush()


async def takes_file(db: AsyncSession, poll_hash: bytes) -> TakesFile:
    """The takes of a poll, sorted as the contract says. Final once the poll is shut."""
    found = await db.execute(select(TakeRow.take).where(TakeRow.poll_hash == poll_hash))
    takes = [Take.parse(text) for text in found.scalars()]
    slots = {(take.member, take.slot) for take in takes}
    return TakesFile(
        text=Takes.of(poll_hash, takes).text(),
        count=len(takes),
        reissued=len(takes) - len(slots),
        voters=len({member for member, _ in slots}),
    )


async def is_kept(db: AsyncSession, poll_hash: bytes) -> bool:
    """Whether roll and takes are still here, and not yet erased."""
    return await db.get(IssuerPollRow, poll_hash) is not None


async def destroy_key(db: AsyncSession, poll_hash: bytes) -> None:
    """Nothing can be signed for this poll any more. Safe to repeat."""
    await db.execute(delete(IssuerKeyRow).where(IssuerKeyRow.poll_hash == poll_hash))


async def erase(db: AsyncSession, before: datetime) -> list[tuple[bytes, bytes]]:
    """Delete takes, roll and lines of polls shut before a real time: their (circle, poll hash)."""
    old = [
        (circle_id, poll_hash)
        for circle_id, poll_hash in await db.execute(
            select(IssuerPollRow.circle_id, IssuerPollRow.poll_hash).where(
                IssuerPollRow.shut_at < before
            )
        )
    ]
    hashes = [poll_hash for _circle, poll_hash in old]
    for table in (TakeRow, ReissueRow, RollLineRow, RollRow, IssuerKeyRow, IssuerPollRow):
        await db.execute(delete(table).where(table.poll_hash.in_(hashes)))
    return old


async def _locked(db: AsyncSession, poll_hash: bytes) -> IssuerPollRow:
    """The issuer's row of a poll, held until the transaction ends."""
    found = (
        await db.execute(
            select(IssuerPollRow)
            .where(IssuerPollRow.poll_hash == poll_hash)
            .with_for_update()
            .execution_options(populate_existing=True)
        )
    ).scalar_one_or_none()
    if found is None:
        raise MissingError(_("There is no such poll."), code="unknown-poll")
    return found
