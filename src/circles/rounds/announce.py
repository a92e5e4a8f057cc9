"""Announcing a round: two polls with fresh rolls and keys, logged before anything else of it.

A circle's first round begins when its steward says so (`begin`); every later one by itself, at the
date of its calendar (`due_month`, called by the clock). None begins with fewer members than
`min_voters`, nor where the ballot page could not work; `missing` says what is lacking.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, replace
from datetime import datetime
from urllib.parse import urlsplit

from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession

from circles import log
from circles.ballot import box
from circles.circle import calendar, circles
from circles.circle.calendar import RoundDates
from circles.circle.circles import Circle
from circles.errors import ConflictError
from circles.host import Host
from circles.members import issuer, notices, people, roll
from circles.protocol.blind import IssuerKey
from circles.protocol.draw import draw_commit
from circles.protocol.merkle import leaf
from circles.protocol.messages import NO_RULE, NOMINATE, VOTE, Poll
from circles.protocol.seal import TrusteeKey
from circles.protocol.text import HASH_BYTES
from circles.rounds import clients, keys, rounds, ruling, trustees
from circles.rounds.rounds import Round
from circles.rounds.tables import PollRow, RoundRow, SeriesRow
from circles.rounds.trustees import Chosen, Ready
from circles.settings import Settings
from circles.web import i18n
from circles.web.i18n import gettext as _

_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


class NotYetError(ConflictError):
    """A round cannot begin now; the message says what is missing."""

    code = "not-yet"


@dataclass(frozen=True)
class Missing:
    """Why no round can begin: too few members, a ballot page that no browser would run, or fewer
    keys to the box than open it."""

    members: int
    needed: int
    insecure: bool
    keys: Ready

    def words(self) -> str:
        """The same for a reader."""
        if self.insecure:
            return _(
                "The ballot page works over https only. Whoever runs this machine has to set "
                "that up first."
            )
        if self.members < self.needed:
            return _(
                "A round needs at least %(needed)s of us. So far we are %(members)s. "
                "Invite somebody."
            ) % {"needed": self.needed, "members": self.members}
        return _(
            "The box opens with %(needed)s keys, and %(here)s of them can be had for the next "
            "round. Whoever holds one hands it in on the page “Keys to the box”, or a steward "
            "changes who holds them. Until then no round begins."
        ) % {"needed": i18n.words(self.keys.needed), "here": i18n.words(self.keys.here)}

    @property
    def nothing(self) -> bool:
        """Whether a round can begin."""
        return not self.insecure and self.members >= self.needed and self.keys.enough


def booth_works(settings: Settings) -> bool:
    """Whether browsers will have Web Crypto here: https, or this very machine."""
    return settings.secure or urlsplit(settings.url).hostname in _LOOPBACK


async def missing(
    db: AsyncSession, settings: Settings, circle: Circle, month: str
) -> Missing | None:
    """What keeps the round of `month` from beginning; None if nothing does."""
    members = len(await _eligible(db, circle, month))
    ready = await trustees.ready(db, circle.id)
    lacking = Missing(members, circle.min_voters, not booth_works(settings), ready)
    return None if lacking.nothing else lacking


async def _eligible(db: AsyncSession, circle: Circle, month: str) -> list[bytes]:
    everyone = await people.every(db, circle.id)
    return [member.id for member in everyone if member.votes_from <= month]


def month_to_begin(circle: Circle, now: datetime) -> str:
    """The month whose round a steward can let begin now: this one while one can still nominate."""
    month = calendar.month_of(now, circle.zone)
    if calendar.dates(circle.calendar, month, circle.zone).nominating_closes <= now:
        return calendar.month_after(month)
    return month


async def begin(db: AsyncSession, circle: Circle, now: datetime) -> str:
    """The steward says so: the rounds of this circle begin; with which month (yyyy-mm).

    That is the present month while it can still be nominated in, else the next. The clock then
    announces it at its date, or at once. Saying it again changes nothing.
    """
    month = month_to_begin(circle, now)
    insert = postgresql.insert if db.get_bind().dialect.name == "postgresql" else sqlite.insert
    await db.execute(
        insert(SeriesRow)
        .values(circle_id=circle.id, first_month=month)
        .on_conflict_do_nothing(index_elements=["circle_id"])
    )
    row = await db.get(SeriesRow, circle.id)
    return row.first_month if row else month


async def begins_with(db: AsyncSession, circle: Circle) -> str | None:
    """The first month of this circle's rounds; None until the steward has said so."""
    row = await db.get(SeriesRow, circle.id)
    return row.first_month if row else None


async def due_month(db: AsyncSession, circle: Circle, now: datetime) -> str | None:
    """The month whose round should be announced now, or None.

    One at a time: not before the round in hand has counted. A month whose nominating is over
    before its round could begin is left out.
    """
    first = await begins_with(db, circle)
    last = await rounds.current(db, circle, now)
    if first is None or (last is not None and not last.decided):
        return None
    this = calendar.month_of(now, circle.zone)
    for month in (this, calendar.month_before(this)):
        if month < first or (last is not None and month <= last.month):
            continue
        at = calendar.dates(circle.calendar, month, circle.zone)
        if at.take_from <= now < at.nominating_closes:
            return month
    return None


def _not_before(now: datetime, at: RoundDates) -> RoundDates:
    """The dates of a round that begins at `now`: nothing is collected or named before that."""
    start = max(at.take_from, now.replace(microsecond=0))
    return replace(at, take_from=start, nominating_opens=max(at.nominating_opens, start))


@dataclass(frozen=True)
class _Fresh:
    """The secrets of a round that does not exist yet, made outside any transaction."""

    nominate: IssuerKey
    vote: IssuerKey
    trustee: TrusteeKey
    draw_salt: bytes


async def start(host: Host, circle: Circle, month: str, at: RoundDates | None = None) -> Round:
    """Announce the round of `month`: freeze both rolls, make the keys, log both polls.

    `at` are its dates if they are not the calendar's. The caller raises the floor afterwards.
    If the round was announced meanwhile, that one is returned. NotYetError says what is missing.
    """
    now = host.clock.round_now()
    at = _not_before(now, at or calendar.dates(circle.calendar, month, circle.zone))
    if at.clashes() or at.nominating_closes <= now:
        raise NotYetError(_("The dates of this round are in the wrong order, or over."))
    fresh = _Fresh(
        await issuer.new_key(),
        await issuer.new_key(),
        TrusteeKey.generate(),
        secrets.token_bytes(HASH_BYTES),
    )
    async with host.database.begin() as db:
        await begin(db, circle, host.clock.round_now())
        await db.execute(
            select(SeriesRow).where(SeriesRow.circle_id == circle.id).with_for_update()
        )
        if await db.get(RoundRow, (circle.id, month)) is None:
            await _announce(db, host, circle, month, at, fresh)
        return await rounds.by_month(db, circle.id, month)


async def _announce(
    db: AsyncSession, host: Host, circle: Circle, month: str, at: RoundDates, fresh: _Fresh
) -> None:
    # From here on who joins votes from the next month, so that nobody falls between two rolls.
    await people.roll_frozen(db, circle.id, month)
    lacking = await missing(db, host.settings, circle, month)
    if lacking is not None:
        raise NotYetError(lacking.words())
    db.add(_round_row(circle, month, at))
    members = await _eligible(db, circle, month)
    standing = await circles.by_id(db, circle.id)
    chosen = await trustees.choose(db, circle.id, fresh.trustee.public)
    rolls = {NOMINATE: roll.freeze(members), VOTE: roll.freeze(members)}
    polls = {
        NOMINATE: _nominate_poll(circle, month, at, fresh, rolls[NOMINATE]),
        VOTE: _vote_poll(standing, month, at, fresh, rolls[VOTE], chosen),
    }
    issuer_keys = {NOMINATE: fresh.nominate, VOTE: fresh.vote}
    for purpose, poll in polls.items():
        poll_hash, text = poll.record_id(), poll.text()
        db.add(_poll_row(poll))
        await roll.bind(db, poll_hash, circle.id, rolls[purpose])
        await issuer.open_poll(db, host.vault, text, issuer_keys[purpose])
        await box.open_poll(db, circle, month, text)
    vote_hash = polls[VOTE].record_id()
    now = host.clock.round_now()
    await trustees.bind(db, circle, month, vote_hash, chosen, now)
    if chosen.own:
        await keys.keep(db, host.vault, vote_hash, keys.TRUSTEE, fresh.trustee.secret)
    await keys.keep(db, host.vault, vote_hash, keys.DRAW, fresh.draw_salt)
    await notices.pin(db, circle.id, "round-started", {"month": month}, now)
    await _end_trial(db, host, standing, month, polls[VOTE].rule)
    await log.append(db, circle.id, [poll.text() for poll in polls.values()])
    await log.sign(db, host.vault, circle.id, host)


async def _end_trial(db: AsyncSession, host: Host, circle: Circle, month: str, ruled: str) -> None:
    """A trial is for the round that now begins; the one after it has the circle's rule again."""
    chosen = circle.trial_rule or circle.rule
    if circle.trial_rule:
        await circles.change_rule(db, circle.id, rule=circle.rule)
        values = {"month": month, "rule": circle.trial_rule, "after": circle.rule}
        await notices.pin(db, circle.id, "rule-tried", values, host.clock.round_now())
    if ruled != chosen:
        values = {"month": month, "rule": ruled, "chosen": chosen}
        await notices.pin(db, circle.id, "rule-too-few", values, host.clock.round_now())


def _nominate_poll(
    circle: Circle, month: str, at: RoundDates, fresh: _Fresh, frozen: roll.Frozen
) -> Poll:
    return Poll(
        circle=circle.id,
        month=month,
        purpose=NOMINATE,
        roll=leaf(frozen.roll_text),
        members=frozen.members,
        slots=circle.nominate_slots,
        issuers=(fresh.nominate.n,),
        trustees=(),
        threshold=0,
        rule=NO_RULE,
        params=(),
        max_choices=0,
        min_voters=0,
        draw_commit=None,
        take_from=at.take_from,
        opens_at=at.nominating_opens,
        closes_at=at.nominating_closes,
        clients=clients.hashes(),
    )


def _vote_poll(
    circle: Circle,
    month: str,
    at: RoundDates,
    fresh: _Fresh,
    frozen: roll.Frozen,
    chosen: Chosen,
) -> Poll:
    ruled = ruling.of(circle, frozen.members)
    return Poll(
        circle=circle.id,
        month=month,
        purpose=VOTE,
        roll=leaf(frozen.roll_text),
        members=frozen.members,
        slots=ruled.slots,
        issuers=(fresh.vote.n,),
        trustees=chosen.keys,
        threshold=chosen.needed,
        rule=ruled.rule,
        params=ruled.params,
        max_choices=ruled.max_choices,
        min_voters=circle.min_voters,
        draw_commit=draw_commit(fresh.draw_salt),
        take_from=at.take_from,
        opens_at=at.voting_opens,
        closes_at=at.voting_closes,
        clients=clients.hashes(),
    )


def _round_row(circle: Circle, month: str, at: RoundDates) -> RoundRow:
    return RoundRow(
        circle_id=circle.id,
        month=month,
        take_from=at.take_from,
        nominating_opens=at.nominating_opens,
        nominating_closes=at.nominating_closes,
        voting_opens=at.voting_opens,
        voting_closes=at.voting_closes,
        pay_until=at.pay_until,
        thanks_from=at.thanks_from,
    )


def _poll_row(poll: Poll) -> PollRow:
    return PollRow(
        poll_hash=poll.record_id(),
        circle_id=poll.circle,
        month=poll.month,
        purpose=poll.purpose,
        text=poll.text(),
        take_from=poll.take_from,
        opens_at=poll.opens_at,
        closes_at=poll.closes_at,
        clients=b"".join(poll.clients),
    )
