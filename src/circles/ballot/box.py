"""The box: takes ballots and nominations from nobody in particular (docs/protocol.md, 3, 4, 7).

    receipt, created = await box.cast(host, slug, month, purpose, body)

A message is checked outside the database, then put in under a shared lock on its poll, together
with others that wait (`together`); closing takes the same lock alone (`sequencer.shut`), so that
after the flip nothing comes in. The receipt is signed when the row is durable, and the same bytes
always get the same receipt.
"""

from __future__ import annotations

from datetime import datetime
from weakref import WeakKeyDictionary

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from circles.ballot import together
from circles.ballot.errors import BoxStateError, CastRefusedError
from circles.ballot.phase import poll_of, refusal
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
from circles.ballot.tables import Poll
from circles.circle.circles import Circle
from circles.db import Database
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


async def cast(host: Host, slug: str, month: str, purpose: str, body: bytes) -> tuple[bytes, bool]:
    """Put a message into the box: the receipt (a signed note), and whether it was new.

    Raises CastRefusedError with the contract's code; OutcomeUnknownError when the commit was not
    answered (send the same bytes again); LogBehindError when the log refuses to sign.
    """
    _check_length(purpose, body)
    polls = _open.setdefault(host.database, {})
    poll = polls.get((slug, month, purpose))
    if poll is None or refusal(poll, host.clock.round_now()) is not None:
        poll = await _find(host, slug, month, purpose)
        _parse(purpose, body)
        _refuse(poll, host.clock.round_now())
        polls[slug, month, purpose] = poll
    given = _check(poll, body)
    put = await together.put_in(host, poll.poll_hash, given)
    if put.kept is None:
        polls.pop((slug, month, purpose), None)
        _refuse(put.poll, put.at)
        raise CastRefusedError(
            "seq-exhausted", _("Twenty messages with this key are in the box. No more are taken.")
        )
    receipt = messages.Receipt(poll.poll_hash, given.leaf)
    return put.signer.sign(receipt.text()), put.kept


# Polls as they were when they last took something. What may change about them is looked at again
# under the lock (`together`), so one that is out of date costs a second look, never an answer.
_open: WeakKeyDictionary[Database, dict[tuple[str, str, str], Poll]] = WeakKeyDictionary()


def _check_length(purpose: str, body: bytes) -> None:
    nominating = purpose == messages.NOMINATE
    if len(body) > (checks.NOMINATION_POST_BYTES_MAX if nominating else POSTED_BYTES_MAX):
        raise CastRefusedError("too-long", _("This is longer than any message. Nothing was kept."))


async def _find(host: Host, slug: str, month: str, purpose: str) -> Poll:
    async with host.database.read() as db:
        found = await db.scalar(
            select(Poll).where(Poll.slug == slug, Poll.month == month, Poll.purpose == purpose)
        )
        if found is None:
            raise CastRefusedError("unknown-poll", _("There is no such poll here."))
        db.expunge(found)  # It is looked at after this snapshot has ended.
        return found


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


def _refuse(poll: Poll, now: datetime) -> None:
    why = refusal(poll, now)
    if why is not None:
        raise why


def _check(poll: Poll, body: bytes) -> together.Cast:
    """All that needs no database: poll, slate, tokens, signature, the words' hash."""
    record = poll_of(poll.poll_text)
    try:
        if poll.purpose == messages.NOMINATE:
            text, words = checks.split_nomination_post(body)
            nomination = checks.check_nomination(record, text, words)
            return together.Cast(leaf_hash(text), nomination.key, text, words)
        if poll.slate_text is None:
            raise CastRefusedError("not-open", _("There is nothing to vote on here, now."))
        ballot = checks.check_ballot(record, leaf_hash(poll.slate_text), body)
    except checks.BallotError as error:
        _parse(poll.purpose, body)  # What is no message at all is told so in the reader's words.
        raise CastRefusedError(error.code, str(error)) from error
    return together.Cast(leaf_hash(body), ballot.key, body, None)
