"""Polls and credentials for tests of the box, with one issuer key for the whole run."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache

from circles import log
from circles.ballot import box
from circles.circle.calendar import DEFAULT
from circles.circle.circles import Circle
from circles.host import Host
from circles.log import floor
from circles.protocol import ballot as making
from circles.protocol.blind import IssuerKey
from circles.protocol.messages import NOMINATE, VOTE, Ask, Poll, Slate
from circles.protocol.seal import TrusteeKey

MONTH = "2026-10"
TAKE_FROM = datetime(2026, 10, 1, tzinfo=UTC)
OPENS = datetime(2026, 10, 5, tzinfo=UTC)
CLOSES = datetime(2026, 10, 10, tzinfo=UTC)
NOON = datetime(2026, 10, 7, 12, tzinfo=UTC)
CIRCLE_ID = bytes(range(16))


@lru_cache(maxsize=2)
def issuer(number: int = 1) -> IssuerKey:
    """An issuer key; making one takes up to a second, so a run makes each once."""
    del number
    return IssuerKey.generate()


@lru_cache(maxsize=1)
def trustee() -> TrusteeKey:
    return TrusteeKey.generate()


def circle(slug: str = "maple-row", circle_id: bytes = CIRCLE_ID) -> Circle:
    return Circle(
        id=circle_id,
        slug=slug,
        name="Maple Row",
        purpose="We look after each other.",
        norms="",
        currency="EUR",
        zone="Europe/Berlin",
        locale="en",
        hue="fern",
        cap=20,
        rule="most-ticks/1",
        least_minor=500,
        vote_slots=3,
        nominate_slots=2,
        min_voters=3,
        calendar=DEFAULT,
        pay_holder="",
        pay_iban="",
        pay_words="",
        pledge_ceiling_minor=0,
        log_origin=f"127.0.0.1:8000/c/{slug}",
        founded_at=TAKE_FROM,
    )


def poll_record(purpose: str, of: Circle, month: str = MONTH, key: IssuerKey | None = None) -> Poll:
    voting = purpose == VOTE
    return Poll(
        circle=of.id,
        month=month,
        purpose=purpose,
        roll=bytes(32),
        members=12,
        slots=of.vote_slots if voting else of.nominate_slots,
        issuers=((key or issuer()).n,),
        trustees=(trustee().public,) if voting else (),
        threshold=1 if voting else 0,
        rule="most-ticks/1" if voting else "none/1",
        params=(("least", "500"), ("min-ticks", "1")) if voting else (),
        max_choices=1 if voting else 0,
        min_voters=3 if voting else 0,
        draw_commit=bytes([7]) * 32 if voting else None,
        take_from=TAKE_FROM,
        opens_at=OPENS,
        closes_at=CLOSES,
    )


def credential(poll: Poll, key: IssuerKey | None = None) -> making.BallotCredential:
    """A credential taken without a roll: the blind signature is real, the taking is skipped."""
    pending = making.begin_take(poll)
    take = pending.take(bytes(16), 0)
    signed = tuple((key or issuer()).sign_blinded(blinded) for blinded in take.blinded)
    return pending.finish(making.Taken(take.record_id(), signed))


@dataclass(frozen=True)
class Opened:
    """A poll in the box, its record logged; of a vote the slate stands too."""

    circle: Circle
    poll: Poll
    poll_hash: bytes
    slate_hash: bytes

    def ballot(
        self, who: making.BallotCredential | None = None, seq: int = 1, tick: int = 1
    ) -> bytes:
        """A ballot fit to be cast."""
        given = who or credential(self.poll)
        choice = making.new_choice([tick])
        return making.make_ballot(self.poll, self.slate_hash, given, choice, seq).text()

    def nomination(
        self,
        who: making.BallotCredential | None = None,
        seq: int = 1,
        words: str = "Anna\nHer roof leaks.\n",
        document: making.Document | None = None,
    ) -> bytes:
        """A nomination with its words, fit to be cast."""
        given = who or credential(self.poll)
        text = document or making.Document.of(words)
        nomination = making.make_nomination(self.poll, given, Ask(5000), text, seq)
        return making.nomination_post(nomination, text)

    def body(self, who: making.BallotCredential | None = None, seq: int = 1) -> bytes:
        """Whichever of the two this poll takes."""
        if self.poll.purpose == NOMINATE:
            return self.nomination(who, seq)
        return self.ballot(who, seq)


async def opened(
    host: Host,
    purpose: str,
    *,
    of: Circle | None = None,
    month: str = MONTH,
    with_slate: bool = True,
    candidates: int = 3,
) -> Opened:
    """Announce a poll in a log of its own circle and let the box know it."""
    home = of or circle()
    poll = poll_record(purpose, home, month)
    slate = Slate(
        poll.record_id(), bytes([9]) * 32, tuple(bytes([n]) * 32 for n in range(candidates))
    )
    async with host.database.begin() as db:
        try:
            await log.verifier_key(db, home.id)
        except log.UnknownLogError:
            await log.found(db, host.vault, home.id, home.log_origin)
        await log.append_once(db, home.id, poll.text())
        await box.open_poll(db, home, month, poll.text())
        if purpose == VOTE and with_slate:
            await log.append_once(db, home.id, slate.text())
            await box.set_slate(db, poll.record_id(), slate.text())
        await log.sign(db, host.vault, home.id, host)
    await floor.raise_to(host, home.id)
    return Opened(home, poll, poll.record_id(), slate.record_id())


async def close(host: Host, poll_hash: bytes, circle_id: bytes = CIRCLE_ID) -> box.Published:
    """Shut, publish, drop, sign, scrub: the box's part of a close."""
    async with host.database.begin() as db:
        await box.shut(db, poll_hash)
    async with host.database.begin() as db:
        published = await box.publish(db, poll_hash)
        await box.drop_staged(db, poll_hash)
        await log.sign(db, host.vault, circle_id, host)
    await floor.raise_to(host, circle_id)
    assert await box.scrub(host, circle_id)
    return published
