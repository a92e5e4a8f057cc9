"""Casting: without sign-in and without a name (docs/protocol.md, 4.3)."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Sequence

from circles.client.credentials import Cast, CredentialFile, Record
from circles.client.log_view import LogView
from circles.client.options import KEEP, Tick
from circles.client.web import ClientError, NoAnswerError, Web
from circles.protocol.ballot import (
    BallotError,
    Document,
    make_ballot,
    make_nomination,
    new_choice,
    nomination_post,
)
from circles.protocol.merkle import leaf
from circles.protocol.messages import NOMINATE, VOTE, Ask, Poll, Slate
from circles.protocol.text import HASH_BYTES, b64, unb64

TRIES = 3
_PAUSE_SECONDS = 0.4


def usable(file: CredentialFile, poll_id: bytes, poll: Poll) -> list[Record]:
    """The credentials of a poll that can cast; of one line only. Raises ClientError if none."""
    file.expect_same_poll(poll_id, poll.month, poll.purpose)
    records = [record for record in file.of_poll(b64(poll_id)) if record.usable]
    if not records:
        raise ClientError("no-credentials", "the file holds nothing that can be cast here")
    if len({record.member for record in records if record.member}) > 1:
        raise ClientError("line-changed", "the file holds credentials of two members: split it")
    return records


def deal(ticks: Sequence[Tick], count: int, most: int) -> list[list[Tick]]:
    """Ticks dealt to `count` ballots of at most `most`, none twice on one; shuffled."""
    hands: list[list[Tick]] = [[] for _ in range(count)]
    for tick in ticks:
        free = [hand for hand in hands if len(hand) < most and tick not in hand]
        if not free:
            raise ClientError("too-many-ticks", f"{count} ballots cannot carry these ticks")
        min(free, key=len).append(tick)
    secrets.SystemRandom().shuffle(hands)
    return hands


def poll_of(log: LogView, month: str, purpose: str) -> tuple[bytes, Poll]:
    """The poll record, from the log. Raises ClientError `unknown-poll`."""
    found = log.record(f"rounds/{month}/{purpose}/poll", Poll)
    if found is None:
        raise ClientError("unknown-poll", f"{month} is not announced here")
    return found


def slate_of(log: LogView, month: str, poll: bytes) -> tuple[bytes, Slate]:
    """The slate of a vote, from the log. Raises ClientError `not-open`."""
    found = log.record(f"rounds/{month}/vote/slate", Slate)
    if found is None:
        raise ClientError("not-open", "voting has not begun: there is no slate yet")
    if found[1].poll != poll:
        raise ClientError("log-bad", "the slate is of another vote")
    return found


def seal_vote(
    file: CredentialFile, log: LogView, month: str, ticks: Sequence[Tick], before: int = 0
) -> list[Record]:
    """One sealed ballot for each credential, unused ones blank; all kept before any is sent.

    `before`: how many times these were cast from elsewhere, at most; the file knows its own.
    """
    poll_id, poll = poll_of(log, month, VOTE)
    file.expect_same_poll(poll_id, month, VOTE)
    slate_id, slate = slate_of(log, month, poll_id)
    for tick in ticks:
        if tick != KEEP and not (isinstance(tick, int) and 1 <= tick <= len(slate.candidates)):
            raise ClientError("no-candidate", f"there is no candidate {tick} on the slate")
    records = usable(file, poll_id, poll)
    hands = deal(ticks, len(records), poll.max_choices)
    sealed = []
    for record, hand in zip(records, hands, strict=True):
        choice = new_choice([t for t in hand if isinstance(t, int)], keep=KEEP in hand)
        seq = record.next_seq(before)
        text = make_ballot(poll, slate_id, record.credential(), choice, seq).text()
        sealed.append(record.with_cast(Cast(seq, b64(leaf(text)), text.decode("ascii"), None)))
    file.keep(*sealed)
    return sealed


def prepare_nomination(
    file: CredentialFile, log: LogView, month: str, words: str, ask: Ask, slot: int = 0
) -> Record:
    """A nomination by one of the credentials, kept before it is sent."""
    poll_id, poll = poll_of(log, month, NOMINATE)
    chosen = [record for record in usable(file, poll_id, poll) if record.slot == slot]
    if not chosen:
        raise ClientError("no-credentials", f"the file holds no credential of slot {slot}")
    document = Document.of(words)
    try:
        document.check()
    except BallotError as error:
        raise ClientError(error.code, str(error)) from error
    seq = chosen[0].next_seq()
    nomination = make_nomination(poll, chosen[0].credential(), ask, document, seq)
    body = nomination_post(nomination, document).decode("utf-8")
    record = chosen[0].with_cast(Cast(seq, b64(nomination.record_id()), body, None))
    file.keep(record)
    return record


def pending(records: Sequence[Record]) -> list[Record]:
    """Those whose newest cast has no receipt yet."""
    return [r for r in records if r.last is not None and r.last.receipt is None]


def send_all(
    web: Web,
    file: CredentialFile,
    log: LogView,
    records: Sequence[Record],
    wait: Callable[[float], None] = time.sleep,
) -> list[Record]:
    """Send the newest cast of each, in chance's order, until its receipt is here and kept."""
    waiting = list(records)
    secrets.SystemRandom().shuffle(waiting)
    return [_send(web, file, log, record, wait) for record in waiting]


def _send(
    web: Web, file: CredentialFile, log: LogView, record: Record, wait: Callable[[float], None]
) -> Record:
    cast = record.last
    if cast is None or cast.text is None:
        raise ClientError("no-credentials", "there is nothing to send")
    poll, leaf_hash = unb64(record.poll, HASH_BYTES), unb64(cast.leaf, HASH_BYTES)
    for attempt in range(TRIES):
        if attempt:
            wait(_PAUSE_SECONDS * 4 ** (attempt - 1))
        try:
            receipt = web.cast(record.month, record.purpose, cast.text.encode("utf-8"))
            log.check_receipt(receipt, poll, leaf_hash)
        except NoAnswerError:
            continue
        done = record.with_cast(Cast(cast.seq, cast.leaf, None, receipt.decode("utf-8")))
        file.keep(done)
        return done
    raise ClientError(
        "not-sent",
        "no answer came. Nothing is lost: send again (--again), the same bytes go out",
    )
