"""Opening a box as a trustee: look at the public record first, publish the key only then.

Nothing of it needs a sign-in. Twin of `lookBeforeOpening` in static/ballot/trustee.js.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from circles.client.casting import poll_of, slate_of
from circles.client.log_view import LogView
from circles.client.looking import box_of
from circles.client.web import ClientError, Web
from circles.protocol.ballot import BallotError, check_ballot
from circles.protocol.merkle import leaf
from circles.protocol.messages import VOTE, Close, Opening, Poll, Result, Void, parse_entry
from circles.protocol.seal import TrusteeKey, opening_fits
from circles.protocol.tally import few_voters


@dataclass(frozen=True)
class Ready:
    """A box that may be opened: the opening to post, its poll, and where the close stands."""

    opening: Opening
    poll: Poll
    close_index: int


def look(log: LogView, month: str, keys: Mapping[bytes, TrusteeKey]) -> Ready:
    """Whether the box of a month may be opened with one of these keys.

    Raises ClientError `unknown-poll`, `not-your-box`, `not-closed`, `decided`, `no-candidates`,
    `few-voters`, `log-bad` and what reading the log raises.
    """
    poll_id, poll = poll_of(log, month, VOTE)
    own = [number for number, key in enumerate(poll.trustees, 1) if key in keys]
    if not own:
        raise ClientError("not-your-box", f"none of these keys is one of the box of {month}")
    box = box_of(log, poll_id)
    if box.close is None:
        raise ClientError("not-closed", "the box is not closed yet: the key stays here")
    close_index = box.close.first + box.close.ballots
    _check_undecided(log, poll_id, close_index)
    slate_id, slate = slate_of(log, month, poll_id)
    if not slate.candidates:
        raise ClientError("no-candidates", "nobody was named: there is nothing to open")
    _check_enough(log, poll, slate_id, box.close)
    secret = keys[poll.trustees[own[0] - 1]].secret
    return Ready(Opening(poll_id, own[0], secret), poll, close_index)


def _check_undecided(log: LogView, poll_id: bytes, close_index: int) -> None:
    for entry in log.entries(close_index + 1, log.checkpoint.size):
        message = parse_entry(entry)
        if isinstance(message, Result | Void) and message.poll == poll_id:
            raise ClientError("decided", "the month is decided already: the key stays here")


def _check_enough(log: LogView, poll: Poll, slate_id: bytes, close: Close) -> None:
    """Every ballot is sound, and there are enough to hide whose they are."""
    ballots = log.entries(close.first, close.first + close.ballots)
    leaves = [leaf(data) for data in ballots]
    try:
        keys = {check_ballot(poll, slate_id, data).key for data in ballots}
    except BallotError as error:
        raise ClientError("log-bad", f"a ballot in the box is not sound: {error}") from error
    if leaves != sorted(leaves) or len(keys) != close.keys:
        raise ClientError("log-bad", "the ballots are not those that the close record counts")
    if few_voters(poll, close.voters, len(keys), close.reissued):
        raise ClientError("few-voters", "too few ballots to hide whose they are: it stays shut")


def publish(web: Web, log: LogView, month: str, ready: Ready) -> int:
    """Post the opening and find it in the log; at which index. Raises ClientError."""
    web.open_box(month, ready.opening.text())
    log.refresh()
    first = ready.close_index + 1
    for index, entry in enumerate(log.entries(first, log.checkpoint.size), first):
        message = parse_entry(entry)
        # The same key may stand there in another spelling, if it was published from elsewhere.
        if not isinstance(message, Opening) or message.poll != ready.opening.poll:
            continue
        if message.trustee == ready.opening.trustee and opening_fits(ready.poll, message):
            return index
    raise ClientError("answer-bad", "the key was taken, but it does not stand in the log")
