"""What the numbers in the books are called on the desk: members, officers, requests."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from string import ascii_uppercase

from sqlalchemy.ext.asyncio import AsyncSession

from circles.ledger.books import JournalLine
from circles.members import people
from circles.members.people import Member
from circles.rounds import requests
from circles.web.i18n import gettext as _

_MEMBERS = "Liabilities:Members:"
_AWARDS = "Liabilities:Awards:"


@dataclass(frozen=True)
class Names:
    """Handles by book number and by actor; who has left is a number."""

    members: tuple[Member, ...]
    requests: Mapping[tuple[str, int], str]

    def number(self, book_number: str) -> str:
        """`wren`, or `M1234 (has left)`."""
        for member in self.members:
            if member.book_number == book_number:
                return member.handle
        return _("%(number)s (has left)") % {"number": book_number}

    def actor(self, actor: int | None) -> str:
        """Who acts, by their random number."""
        for member in self.members:
            if member.actor == actor:
                return member.handle
        return _("somebody who has left")

    def owner(self, code: str) -> str:
        """Of a member's account in the books."""
        return self.number(code.removeprefix(_MEMBERS))

    def request(self, month: str, candidate: int) -> str:
        """What a request is called: its first line, or its letter."""
        letter = ascii_uppercase[(candidate - 1) % len(ascii_uppercase)]
        return self.requests.get((month, candidate)) or _("Request %(letter)s") % {"letter": letter}

    def award(self, code: str) -> str:
        """Of an award's account in the books."""
        month, _dash, candidate = code.removeprefix(_AWARDS).rpartition("-")
        return self.request(month, int(candidate))


def months_in(codes: Iterable[str]) -> set[str]:
    """The months whose awards are among these accounts."""
    return {
        code.removeprefix(_AWARDS).rpartition("-")[0] for code in codes if code.startswith(_AWARDS)
    }


async def names_of(db: AsyncSession, circle_id: bytes, months: Iterable[str] = ()) -> Names:
    """Everybody in a circle, and the requests of these months."""
    members = await people.every(db, circle_id)
    return Names(tuple(members), await requests.recipients(db, circle_id, months))


async def names_for(db: AsyncSession, circle_id: bytes, lines: Iterable[JournalLine]) -> Names:
    """Whatever these lines of the books speak of."""
    codes = {code for line in lines for code in (line.transfer.debit, line.transfer.credit)}
    return await names_of(db, circle_id, months_in(codes))
