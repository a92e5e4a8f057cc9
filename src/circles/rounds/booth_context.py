"""What the booth's pages are made of, as plain values: words stand in the templates.

Pure. `data` of each context is what the page's script gets, as JSON; all of it is public or known
to every member: hashes of records, and the words of requests with their salts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from string import ascii_uppercase
from typing import Any

from circles.circle.boxes import SERVER_ALONE, BoxKeys
from circles.circle.circles import Circle
from circles.money import minor_digits
from circles.protocol.messages import NOMINATE, VOTE, Ask
from circles.protocol.text import b64
from circles.rounds import phases
from circles.rounds.form_words import form_words
from circles.rounds.rounds import Round
from circles.web.i18n import gettext as _


@dataclass(frozen=True)
class Request:
    """A candidate as the ballot shows it. `text` is None when its words were taken down."""

    number: int
    leaf: bytes
    ask: Ask
    salt: bytes | None
    text: str | None

    @classmethod
    def of(
        cls, number: int, leaf: bytes, ask: Ask, salt: bytes | None, document: bytes | None
    ) -> Request:
        """A request of a nomination's parts; its document is UTF-8, as the box has checked."""
        return cls(number, leaf, ask, salt, None if document is None else document.decode("utf-8"))

    @property
    def letter(self) -> str:
        """A to Z, then AA, AB: what a finger points at."""
        rest, last = divmod(self.number - 1, len(ascii_uppercase))
        return (ascii_uppercase[rest - 1] if rest else "") + ascii_uppercase[last]

    @property
    def recipient(self) -> str:
        """The first line of the words."""
        if self.text is None:
            return _("Words that were taken down")
        return self.text.partition("\n")[0].strip()

    @property
    def paragraphs(self) -> list[str]:
        """The other lines, empty ones left out."""
        if self.text is None:
            return []
        return [line.strip() for line in self.text.split("\n")[1:] if line.strip()]


@dataclass(frozen=True)
class Reader:
    """Who looks at the page: their line in each poll, by purpose, None where it is not known.

    `who` is the same for the same member and says nothing else: in a browser that two people share,
    the script tells their credentials apart by it. `fresh` says that whatever a browser remembers
    of a circle at this address was another one: a demo is built anew each time.
    """

    who: str
    lines: Mapping[str, bytes | None]
    fresh: bool = False

    @classmethod
    def of(
        cls, member_id: bytes, lines: Mapping[str, bytes | None], *, fresh: bool = False
    ) -> Reader:
        """The reader of a member's id, which itself stays here."""
        return cls(b64(sha256(b"circles/reader\n" + member_id).digest()), lines, fresh)


def _data(
    circle: Circle, round_: Round, purposes: Sequence[str], page: str, reader: Reader
) -> dict[str, Any]:
    """What every script of the booth needs."""
    lines = {purpose: reader.lines.get(purpose) for purpose in purposes}
    return {
        "who": reader.who,
        "lines": {purpose: line and b64(line) for purpose, line in lines.items()},
        "base": circle.path,
        "scope": f"{circle.path}#{b64(circle.id)}" if reader.fresh else circle.path,
        "cast": f"/cast/{circle.slug}/{round_.month}",
        "month": round_.month,
        "fileName": f"circles-{circle.slug}-{round_.month}.json",
        "path": f"{circle.path}/in/{page}",
        "currency": circle.currency,
        "polls": {purpose: b64(round_.of(purpose).poll_hash) for purpose in purposes},
        "slate": None,
    }


def collect(circle: Circle, round_: Round, now: datetime, reader: Reader) -> dict[str, Any]:
    """The page for collecting, for every poll that still gives credentials."""
    purposes = [p for p in (NOMINATE, VOTE) if phases.can_take(round_, p, now)]
    slots = {purpose: round_.of(purpose).poll.slots for purpose in purposes}
    data = _data(circle, round_, purposes, "collect", reader)
    return {
        "month": round_.month,
        "closes_at": min(round_.of(purpose).closes_at for purpose in purposes),
        "vote_slots": round_.vote.poll.slots,
        "vote_ticks": round_.vote.poll.slots * round_.vote.poll.max_choices,
        "nominate_slots": slots.get(NOMINATE, 0),
        "vote_closes_at": round_.vote.closes_at,
        "papers": form_words(1, round_.vote.poll.slots, 0)["papers"],
        "can_nominate": phases.phase(round_, now) is phases.Phase.NOMINATE,
        "can_vote": phases.can_vote(round_, now),
        "data": {**data, "all": sum(slots.values())},
    }


def nominate(circle: Circle, round_: Round, reader: Reader) -> dict[str, Any]:
    """The page for naming somebody."""
    return {
        "month": round_.month,
        "closes_at": round_.nominate.closes_at,
        "slots": round_.nominate.poll.slots,
        "minor_digits": minor_digits(circle.currency),
        "data": _data(circle, round_, [NOMINATE], "nominate", reader),
    }


def ballot(
    circle: Circle,
    round_: Round,
    requests: Sequence[Request],
    fund_minor: int,
    now: datetime,
    reader: Reader,
    keys: BoxKeys = SERVER_ALONE,
) -> dict[str, Any]:
    """The ballot; the slate must be logged. `keys` are those to its box."""
    poll, slate = round_.vote.poll, round_.slate
    if slate is None:
        raise ValueError("the slate is not logged yet")
    data = _data(circle, round_, [VOTE], "ballot", reader)
    words = [_words(request) for request in requests if request.text is not None]
    return {
        "month": round_.month,
        "closes_at": round_.vote.closes_at,
        "drawn_at": round_.vote.opens_at,
        "ticks": poll.slots * poll.max_choices,
        "most_on_one": poll.slots,
        "ballots": poll.slots,
        "rule": poll.rule,
        "members": poll.members,
        "fund_minor": fund_minor,
        "requests": requests,
        "keys": keys,
        "data": {
            **data,
            "slate": b64(slate.record_id()),
            "documents": words,
            "ticks": poll.slots * poll.max_choices,
            "ballots": poll.slots,
            "closesIn": _seconds_until(round_.vote.closes_at, now),
            "words": form_words(
                poll.slots * poll.max_choices, poll.slots, poll.slots * (len(requests) + 1)
            ),
        },
    }


def _seconds_until(moment: datetime, now: datetime) -> int:
    """Whole seconds until then, for a browser whose own clock may be another one."""
    return int((moment - now).total_seconds())


def _words(request: Request) -> dict[str, Any]:
    """A request's words with their salt, for the script to compare with the public record."""
    return {
        "leaf": b64(request.leaf),
        "salt": b64(request.salt or b""),
        "text": request.text,
        "ask": request.ask.text(),
    }


def check(
    circle: Circle, round_: Round, requests: Sequence[Request], reader: Reader
) -> dict[str, Any]:
    """The page that finds the own ballots after the count."""
    names = {str(request.number): request.recipient for request in requests}
    return {
        "month": round_.month,
        "most": round_.vote.poll.slots * 2,
        "names": {**names, "keep": _("Keep it for next month")},
        "data": _data(circle, round_, [NOMINATE, VOTE], f"check/{round_.month}", reader),
    }
