"""Opening the box: trustees publish their secrets after the close, never before.

The vote is opened when as many secrets as its record asks for stand in the log. Each trustee's
stands there once: whoever posts it again, or another spelling of the same key, changes nothing.
A round that must stay shut has no opening in the log: one in which nobody was on the slate, and one
with so few ballots that they could be one person's (docs/protocol.md, 4).
"""

from __future__ import annotations

from sqlalchemy.ext.asyncio import AsyncSession

from circles import log
from circles.circle import boxes
from circles.circle.circles import Circle
from circles.errors import CirclesError, MissingError
from circles.host import Host
from circles.protocol.merkle import leaf
from circles.protocol.messages import MalformedError, Opening, parse_entry
from circles.protocol.seal import TrusteeKey, opening_fits
from circles.protocol.tally import few_voters
from circles.rounds import keys, progress
from circles.rounds.rounds import Round
from circles.web.i18n import gettext as _

NO_CANDIDATES = "no-candidates"
FEW_VOTERS = "few-voters"
NOT_OPENED = "not-opened"


class OpeningRefusedError(CirclesError):
    """An opening that is not logged; `code` is the contract's word for why."""


def void_ground(round_: Round) -> str | None:
    """Why the box of a closed vote must stay shut: NO_CANDIDATES, FEW_VOTERS, or None."""
    slate, close = round_.slate, round_.vote.close
    if slate is None or close is None:
        raise ValueError("only a vote that is closed can be found void")
    if not slate.candidates:
        return NO_CANDIDATES
    few = few_voters(round_.vote.poll, close.voters, close.keys, close.reissued)
    return FEW_VOTERS if few else None


async def log_opening(host: Host, circle: Circle, month: str, text: bytes) -> bool:
    """Log a trustee's opening of the vote of `month`; False if it stands there already.

    OpeningRefusedError with code `malformed`, `unknown-poll`, `bad-secret` or `not-open`.
    The caller raises the floor afterwards.
    """
    try:
        opening = Opening.parse(text)
    except MalformedError as error:
        raise OpeningRefusedError(_("This is no opening."), code="malformed") from error
    async with host.database.begin() as db:
        round_ = await progress.lock(db, circle.id, month)
        if opening.poll != round_.vote.poll_hash:
            raise OpeningRefusedError(_("This opening is for another poll."), code="unknown-poll")
        if await log.index_of(db, circle.id, leaf(text)) is not None:
            return False
        await _check_time(db, round_)
        poll = round_.vote.poll
        if not opening_fits(poll, opening):
            raise OpeningRefusedError(_("This key does not open this box."), code="bad-secret")
        stand = await secrets_of(db, round_)
        if opening.trustee in stand:
            return False
        await log.append(db, circle.id, [text])
        if len(stand) + 1 >= poll.threshold:
            await progress.set_opened(db, round_)
        await log.sign(db, host.vault, circle.id, host)
        if (await boxes.of_month(db, circle.id, month)).own == opening.trustee:
            await keys.drop(db, opening.poll, keys.TRUSTEE)
    return True


async def secrets_of(db: AsyncSession, round_: Round) -> dict[int, bytes]:
    """The secrets that stand in the log, by trustee, of a vote that is closed and not decided."""
    close, text = round_.vote.close, round_.vote.close_text
    if close is None or text is None:
        return {}
    after = await log.entries(db, round_.circle_id, close.first + close.ballots + 1)
    return {
        message.trustee: message.secret
        for message in (parse_entry(entry.data) for entry in after)
        if isinstance(message, Opening) and message.poll == round_.vote.poll_hash
    }


async def _check_time(db: AsyncSession, round_: Round) -> None:
    """After the checkpoint that holds the close, before a result or void, and only if it may be."""
    early = OpeningRefusedError(_("The box cannot be opened now."), code="not-open")
    if round_.vote.close_text is None or round_.decided or void_ground(round_) is not None:
        raise early
    closed_at = await log.index_of(db, round_.circle_id, leaf(round_.vote.close_text))
    if closed_at is None or await log.first_with(db, round_.circle_id, closed_at) is None:
        raise early


async def own_key(db: AsyncSession, host: Host, poll_hash: bytes) -> TrusteeKey | None:
    """This server's key to a vote; None if it has none, or once its secret is published.

    VaultError where another secret.key sealed it.
    """
    try:
        secret = await keys.get(db, host.vault, poll_hash, keys.TRUSTEE)
    except MissingError:
        return None
    return TrusteeKey.from_secret(secret)


async def own_opening(db: AsyncSession, host: Host, round_: Round) -> bytes | None:
    """This server's opening of a vote; None if it holds no key, or published it."""
    own = await own_key(db, host, round_.vote.poll_hash)
    if own is None:
        return None
    number = round_.vote.poll.trustees.index(own.public) + 1
    return Opening(round_.vote.poll_hash, number, own.secret).text()
