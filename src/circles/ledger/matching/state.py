"""What earlier lines of the same batch already account for: a due is covered once, a typed line
tied once, a payout settled once."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta

from circles.ledger.matching.values import Booked, Choice, Known, Person, Proposal, Way

NEAR = timedelta(days=5)
# Sent on Friday, on the statement after a long weekend; typed when it was sent.
NEAR_SENT = timedelta(days=12)


class State:
    """Consumed while proposals are made, in the order of the lines."""

    def __init__(self, known: Known) -> None:
        self.known = known
        self.people: dict[str, Person] = {person.number: person for person in known.people}
        self._due = {person.number: person.due_minor for person in known.people}
        self._held = {person.number: person.held_minor for person in known.people} | dict(
            known.former
        )
        self._came: dict[tuple[str, str], int] = {}
        self._used: set[bytes] = set()

    def copy(self) -> State:
        """The same, to try something on."""
        other = State(self.known)
        other._due, other._held = dict(self._due), dict(self._held)
        other._came, other._used = dict(self._came), set(self._used)
        return other

    def due(self, number: str) -> int:
        """What of a member's due no line before this one covers."""
        return max(self._due.get(number, 0), 0)

    def held(self, number: str) -> int:
        """What a member, here or not, has paid in that has not moved on."""
        return self._held.get(number, 0)

    def usual(self, number: str) -> int:
        """What they give each month."""
        person = self.people.get(number)
        return person.usual_minor if person else 0

    def fits(self, number: str, amount_minor: int, on: date) -> bool:
        """Whether this is just what that member's payment would come to: the due, or the usual
        amount while nothing came from them in this month."""
        if self.due(number):
            return amount_minor == self.due(number)
        return amount_minor == self.usual(number) and self.is_awaited(number, on)

    def is_awaited(self, number: str, on: date) -> bool:
        """Whether something waits to be paid by them: a due, or the month's usual amount."""
        if self.due(number):
            return True
        return self.usual(number) > 0 and not self._came.get((number, on.isoformat()[:7]))

    def typed(self, amount_minor: int, on: date) -> list[Booked]:
        """Lines of the books that this one may be: same amount, near day, the nearest first."""
        found = [
            booked
            for booked in self.known.untied
            if booked.amount_minor == amount_minor
            and booked.id not in self._used
            and abs(booked.on - on) <= (NEAR_SENT if amount_minor < 0 else NEAR)
        ]
        return sorted(found, key=lambda booked: (abs(booked.on - on), booked.on))

    def ways(self, which: Callable[[Way], bool]) -> list[Way]:
        """Payouts that no line before this one settles."""
        return [way for way in self.known.ways if way.id not in self._used and which(way)]

    def is_used(self, target: bytes) -> bool:
        """Whether a line before this one refers to it."""
        return target in self._used

    def take(self, proposal: Proposal, on: date) -> None:
        """Count the answer of a line as given, if there is only one."""
        if proposal.only is not None:
            self._take(proposal.only, on)

    def _take(self, choice: Choice, on: date) -> None:
        for part in choice.parts:
            if part.target is not None:
                self._used.add(part.target)
            if part.number is None:
                continue
            if part.kind == "contribution":
                due = self.due(part.number)
                self._due[part.number] = due - part.amount_minor
                self._came[part.number, on.isoformat()[:7]] = part.amount_minor
            elif part.kind == "refund":
                self._held[part.number] = self.held(part.number) - part.amount_minor
