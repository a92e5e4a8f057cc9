"""The box: takes ballots and nominations from nobody in particular (docs/protocol.md, 3, 4, 7).

    receipt, created = await box.cast(host, slug, month, purpose, body)

A message is checked outside the database, then put in under a shared lock on its poll; closing
takes the same lock alone (`sequencer.shut`), so that after the flip nothing comes in. The receipt
is signed when the row is durable, and the same bytes always get the same receipt.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession

from circles import log
from circles.ballot.errors import BoxStateError, CastRefusedError
from circles.ballot.sequencer import (
    Nominated,
    Published,
    document,
    drop_staged,
    erase_document,
    nominations,
    publish,
    scrub,
    shut,
)
from circles.ballot.tables import Poll, Staged, StagedDocument
from circles.circle.circles import Circle
from circles.errors import MissingError
from circles.host import Host
from circles.protocol import ballot as checks
from circles.protocol import messages
from circles.protocol.merkle import leaf as leaf_hash
from circles.protocol.text import POSTED_BYTES_MAX
from circles.web.i18n import gettext as _

__all__ = [
    "CastRefusedError",
    "Nominated",
    "Published",
    "cast",
    "document",
    "drop_staged",
    "erase_document",
    "nominations",
    "open_poll",
    "publish",
    "reschedule",
    "scrub",
    "set_slate",
    "shut",
]

GRACE = timedelta(seconds=120)
MESSAGES_PER_KEY_MAX = 20


async def open_poll(db: AsyncSession, circle: Circle, month: str, poll_text: bytes) -> bytes:
    """Let the box know a poll that was just announced; its hash. The same poll again is no-op."""
    poll = messages.Poll.parse(poll_text)
    poll_hash = poll.record_id()
    if await db.get(Poll, poll_hash) is None:
        db.add(
            Poll(
                poll_hash=poll_hash,
                circle_id=circle.id,
                slug=circle.slug,
                month=month,
                purpose=poll.purpose,
                poll_text=poll_text,
                opens_at=poll.opens_at,
                closes_at=poll.closes_at,
                state="open",
            )
        )
        await db.flush()
    return poll_hash


async def set_slate(db: AsyncSession, poll_hash: bytes, slate_text: bytes) -> None:
    """From now on the vote is about this slate, which was just logged. It can be set once."""
    messages.Slate.parse(slate_text)
    poll = await _locked(db, poll_hash)
    if poll.slate_text not in {None, slate_text}:
        raise BoxStateError(_("This vote has its slate already. It cannot be changed."))
    await db.execute(update(Poll).where(Poll.poll_hash == poll_hash).values(slate_text=slate_text))


async def reschedule(
    db: AsyncSession, poll_hash: bytes, opens_at: datetime, closes_at: datetime
) -> None:
    """The poll's times were moved, by an event in the log."""
    poll = await _locked(db, poll_hash)
    if poll.state != "open":
        raise BoxStateError(_("This poll is closed. Its dates cannot be moved any more."))
    await db.execute(
        update(Poll)
        .where(Poll.poll_hash == poll_hash)
        .values(opens_at=opens_at, closes_at=closes_at)
    )


async def _locked(db: AsyncSession, poll_hash: bytes) -> Poll:
    found = await db.scalar(select(Poll).where(Poll.poll_hash == poll_hash).with_for_update())
    if found is None:
        raise MissingError(_("The box does not know this poll."), code="unknown-poll")
    return found


# Casting


@dataclass(frozen=True, slots=True)
class _Cast:
    """A message that holds, with its words if it is a nomination."""

    leaf: bytes
    key: bytes
    message: bytes
    document: checks.Document | None


async def cast(host: Host, slug: str, month: str, purpose: str, body: bytes) -> tuple[bytes, bool]:
    """Put a message into the box: the receipt (a signed note), and whether it was new.

    Raises CastRefusedError with the contract's code; OutcomeUnknownError when the commit was not
    answered (send the same bytes again); LogBehindError when the log refuses to sign.
    """
    _check_length(purpose, body)
    async with host.database.read() as db:
        poll = await _find(db, slug, month, purpose)
    _parse(purpose, body)
    _check_phase(poll, host.clock.round_now())
    given = _check(poll, body)
    async with host.database.begin() as db:
        # The lock comes before the clock: whoever waited for a close is told "closed".
        poll = await _share(db, poll.poll_hash)
        _check_phase(poll, host.clock.round_now())
        signer = await log.receipt_signer(db, host, poll.circle_id)
        created = await _put_in(db, host.database.dialect, poll.poll_hash, given)
    receipt = messages.Receipt(poll.poll_hash, given.leaf)
    return signer.sign(receipt.text()), created


def _check_length(purpose: str, body: bytes) -> None:
    nominating = purpose == messages.NOMINATE
    if len(body) > (checks.NOMINATION_POST_BYTES_MAX if nominating else POSTED_BYTES_MAX):
        raise CastRefusedError("too-long", _("This is longer than any message. Nothing was kept."))


async def _find(db: AsyncSession, slug: str, month: str, purpose: str) -> Poll:
    found = await db.scalar(
        select(Poll).where(Poll.slug == slug, Poll.month == month, Poll.purpose == purpose)
    )
    if found is None:
        raise CastRefusedError("unknown-poll", _("There is no such poll here."))
    db.expunge(found)  # It is looked at after this snapshot has ended.
    return found


async def _share(db: AsyncSession, poll_hash: bytes) -> Poll:
    query = select(Poll).where(Poll.poll_hash == poll_hash).with_for_update(read=True)
    return (await db.scalars(query)).one()


def _parse(purpose: str, body: bytes) -> None:
    """Refuse what is no message at all before saying anything about the poll."""
    try:
        if purpose == messages.NOMINATE:
            text, _words = checks.split_nomination_post(body)
            _check_length(messages.VOTE, text)
            messages.Nomination.parse(text)
        else:
            messages.Ballot.parse(body)
    except checks.BallotError as error:
        raise CastRefusedError(error.code, str(error)) from error
    except messages.MalformedError as error:
        why = _("This is no message of the contract: %(why)s") % {"why": error}
        raise CastRefusedError("malformed", why) from error


def _check_phase(poll: Poll, now: datetime) -> None:
    if poll.state != "open" or now > poll.closes_at + GRACE:
        raise CastRefusedError("closed", _("The box is closed. Nothing more is taken."))
    if now < poll.opens_at:
        raise CastRefusedError(
            "not-open", _("The box is not open yet. Keep this and send it then.")
        )
    if poll.purpose == messages.VOTE and (
        poll.slate_text is None or not messages.Slate.parse(poll.slate_text).candidates
    ):
        raise CastRefusedError("not-open", _("There is nothing to vote on here, now."))


def _check(poll: Poll, body: bytes) -> _Cast:
    """All that needs no database: poll, slate, tokens, signature, the words' hash."""
    record = messages.Poll.parse(poll.poll_text)
    try:
        if poll.purpose == messages.NOMINATE:
            text, words = checks.split_nomination_post(body)
            nomination = checks.check_nomination(record, text, words)
            return _Cast(leaf_hash(text), nomination.key, text, words)
        if poll.slate_text is None:
            raise CastRefusedError("not-open", _("There is nothing to vote on here, now."))
        ballot = checks.check_ballot(record, leaf_hash(poll.slate_text), body)
    except checks.BallotError as error:
        raise CastRefusedError(error.code, str(error)) from error
    return _Cast(leaf_hash(body), ballot.key, body, None)


async def _put_in(db: AsyncSession, dialect: str, poll_hash: bytes, given: _Cast) -> bool:
    """Whether the row is new. The poll is share-locked; here messages of one key take turns."""
    if dialect == "postgresql":
        turn = int.from_bytes(given.key[:8], "big", signed=True)
        await db.execute(select(func.pg_advisory_xact_lock(turn)))
    if await db.scalar(select(Staged.leaf).where(Staged.leaf == given.leaf)) is not None:
        return False
    there = await db.scalar(
        select(func.count()).where(Staged.poll_hash == poll_hash, Staged.key == given.key)
    )
    if (there or 0) >= MESSAGES_PER_KEY_MAX:
        raise CastRefusedError(
            "seq-exhausted", _("Twenty messages with this key are in the box. No more are taken.")
        )
    await db.execute(
        insert(Staged).values(
            leaf=given.leaf, poll_hash=poll_hash, key=given.key, message=given.message
        )
    )
    if given.document is not None:
        await _put_words(db, dialect, poll_hash, given.document)
    return True


async def _put_words(
    db: AsyncSession, dialect: str, poll_hash: bytes, words: checks.Document
) -> None:
    """The same words may come again, with a changed request or another key: one copy is enough."""
    row = {
        "doc_hash": words.hash(),
        "poll_hash": poll_hash,
        "salt": words.salt,
        "text": words.text,
    }
    make = postgresql.insert if dialect == "postgresql" else sqlite.insert
    await db.execute(make(StagedDocument).values(row).on_conflict_do_nothing())
