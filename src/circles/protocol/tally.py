"""Counting: one message a key, then one tick a tick."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol, TypeVar

from circles.protocol.messages import Poll


class Keyed(Protocol):
    """A ballot or a nomination, or what is kept of one: its ballot key and sequence number."""

    @property
    def key(self) -> bytes:
        """The ballot key."""

    @property
    def seq(self) -> int:
        """1 to 20; the highest of a key counts."""


class Ticked(Protocol):
    """An opened ballot, or what is kept of one."""

    @property
    def ticks(self) -> tuple[int, ...]:
        """Candidate numbers, none twice."""

    @property
    def keep(self) -> int:
        """Ticks for "keep it for next month"."""


_Cast = TypeVar("_Cast", bound=Keyed)


def counted(messages: Mapping[bytes, _Cast]) -> dict[bytes, _Cast]:
    """Of messages by leaf hash, the one of each key that counts: highest seq, then smallest leaf.

    The others never count, even where that one turns out void. Sorted by leaf hash.
    """
    best: dict[bytes, bytes] = {}
    for leaf in sorted(messages):
        message = messages[leaf]
        held = best.get(message.key)
        if held is None or message.seq > messages[held].seq:
            best[message.key] = leaf
    return {leaf: messages[leaf] for leaf in sorted(best.values())}


@dataclass(frozen=True, slots=True)
class Totals:
    """Ticks of candidate 1, 2, ... in that order, and of `keep`."""

    candidates: tuple[int, ...]
    keep: int

    @property
    def ticks(self) -> int:
        """All ticks, those of `keep` too."""
        return sum(self.candidates) + self.keep


def count_ticks(candidates: int, choices: Iterable[Ticked]) -> Totals:
    """The totals of opened choices, each already known to name only candidates on the slate."""
    totals = [0] * candidates
    keep = 0
    for choice in choices:
        for number in choice.ticks:
            totals[number - 1] += 1
        keep += choice.keep
    return Totals(tuple(totals), keep)


def few_voters(poll: Poll, voters: int, keys: int, reissued: int) -> bool:
    """Whether a vote must stay shut, so that one person's ballots are never opened alone."""
    return voters < poll.min_voters or keys <= poll.slots * (poll.min_voters - 1) + reissued
