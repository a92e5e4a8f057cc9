"""Who cast what? Every strategy pairs takes with ballot keys; the measure says what it is worth.

A strategy gives pairs (member, key). Right ones are counted over many rounds and set against what
chance would give, had the members of each round been dealt their ballots anew, each all of theirs:
for the pairs W[member, owner] of a round the number right under such a deal has the mean
sum(W) / M and the variance sum(d^2) / (M - 1), d being W centred by rows and columns (Hoeffding
1951). `score` is the distance from the mean in standard deviations.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import gmpy2  # type: ignore[import-untyped]  # it ships no types

from tests.linkage.watching import Key, Member, Owners, Seen

Pair = tuple[Member, Key]
Strategy = Callable[[Seen], Iterable[Pair]]
_FULL_BITS = 3072 - 64
_WINDOW = 8


def by_rank(take_mark: str, cast_mark: str, *, backwards: bool = False) -> Strategy:
    """The takes in the order of one mark meet the keys in the order of another."""

    def guess(seen: Seen) -> Iterator[Pair]:
        takes = sorted(seen.takes, key=lambda take: _sortable(take.marks[take_mark]))
        casts = sorted(seen.casts, key=lambda cast: _sortable(cast.marks[cast_mark]))
        if backwards:
            casts.reverse()
        for take, cast in zip(takes, casts, strict=False):
            yield take.member, cast.key

    return guess


def _sortable(value: Any) -> tuple[Any, ...]:
    if isinstance(value, tuple):
        return tuple(int(part) for part in value)
    return (value,)


def changed_together(seen: Seen) -> Iterator[Pair]:
    """A row that names a member changed in the very act in which a ballot came."""
    for members, keys in seen.together:
        for member in members:
            yield from ((member, key) for key in keys)


def small_blinding(seen: Seen) -> Iterator[Pair]:
    """Any take fits any token; but a blinding factor that is small gives itself away."""
    for factor, pair in _factors(seen):
        if factor.bit_length() < _FULL_BITS:
            yield pair


def reused_blinding(seen: Seen) -> Iterator[Pair]:
    """One factor between two takes and two tokens: it was used twice."""
    found = list(_factors(seen))
    often = Counter(factor for factor, _ in found)
    yield from (pair for factor, pair in found if often[factor] > 1)


def _factors(seen: Seen) -> Iterator[tuple[Any, Pair]]:
    n = gmpy2.mpz(seen.issuer_n)
    tokens = [(cast.key, gmpy2.invert(gmpy2.mpz(cast.token), n)) for cast in seen.casts]
    for take in seen.takes:
        for key, inverse in tokens:
            yield take.signed * inverse % n, (take.member, key)


def same_bytes(seen: Seen) -> Iterator[Pair]:
    """Eight bytes of a take, or of its answer, that stand in a ballot too."""
    where: dict[bytes, set[Member]] = defaultdict(set)
    for take in seen.takes:
        for mark in ("line", "blinded", "signed", "leaf"):
            for window in _windows(take.marks[mark]):
                where[window].add(take.member)
    for cast in seen.casts:
        for ballot in cast.ballots:
            parts = (ballot.key, *ballot.prefixes, *ballot.tokens, ballot.commit, *ballot.shares,
                     ballot.body, ballot.sig, cast.marks["nonce"])  # fmt: skip
            for window in {window for part in parts for window in _windows(part)}:
                yield from ((member, cast.key) for member in where.get(window, ()))


def _windows(data: bytes) -> Iterator[bytes]:
    return (data[at : at + _WINDOW] for at in range(len(data) - _WINDOW + 1))


SPECIAL: dict[str, Strategy] = {
    "changed together": changed_together,
    "small blinding": small_blinding,
    "reused blinding": reused_blinding,
    "same bytes": same_bytes,
}
# Only who watches while it happens knows in which act something came, and what lay in the box.
LIVE = frozenset({"came", "place", "ctid", "xmin"})


def strategies(seen: Seen, *, live: bool = True) -> dict[str, Strategy]:
    """All of them; without `live`, only those of who comes after the close."""
    takes, casts = seen.takes[0].marks, seen.casts[0].marks
    found: dict[str, Strategy] = dict(SPECIAL) if live else {}
    for take_mark in takes:
        for cast_mark in casts:
            if not live and cast_mark in LIVE:
                continue
            for backwards in (False, True):
                name = f"{take_mark} ~ {'-' if backwards else ''}{cast_mark}"
                found[name] = by_rank(take_mark, cast_mark, backwards=backwards)
    return found


# The measure


@dataclass
class Score:
    """What a strategy is worth over the rounds seen so far."""

    right: int = 0
    guesses: int = 0
    mean: float = 0.0
    variance: float = 0.0

    def add(self, pairs: Iterable[Pair], owners: Owners) -> None:
        """One more round."""
        members = sorted(set(owners.values()))
        number = {member: i for i, member in enumerate(members)}
        size = len(members)
        w = [[0.0] * size for _ in members]
        for member, key in pairs:
            w[number[member]][number[owners[key]]] += 1
        total = sum(map(sum, w))
        rows = [sum(row) / size for row in w]
        columns = [sum(row[i] for row in w) / size for i in range(size)]
        middle = total / size**2
        spread = sum(
            (w[i][j] - rows[i] - columns[j] + middle) ** 2 for i in range(size) for j in range(size)
        )
        self.right += int(sum(w[i][i] for i in range(size)))
        self.guesses += int(total)
        self.mean += total / size
        self.variance += spread / (size - 1)

    @property
    def distance(self) -> float:
        """Standard deviations above (or below) what chance gives; 0 without a guess."""
        return (self.right - self.mean) / self.variance**0.5 if self.variance else 0.0


@dataclass
class Attack:
    """All strategies over many rounds."""

    live: bool = True
    scores: dict[str, Score] = field(default_factory=dict)
    rounds: int = 0

    def add(self, seen: Seen, owners: Owners) -> None:
        """One more round, seen by the attacker; `owners` only to count what was right."""
        self.rounds += 1
        for name, strategy in strategies(seen, live=self.live).items():
            self.scores.setdefault(name, Score()).add(strategy(seen), owners)

    def best(self, count: int = 5) -> Sequence[tuple[str, Score]]:
        """The strategies farthest from chance."""
        return sorted(self.scores.items(), key=lambda one: -abs(one[1].distance))[:count]

    def found(self, limit: float) -> list[str]:
        """Those that are better (or worse) than chance by more than `limit` deviations."""
        return [name for name, score in self.scores.items() if abs(score.distance) > limit]

    def told(self) -> str:
        """The best of them in words."""
        lines = [f"{len(self.scores)} strategies over {self.rounds} rounds; farthest from chance:"]
        for name, score in self.best():
            lines.append(
                f"  {name}: {score.right} of {score.guesses} right, by chance {score.mean:.1f}, "
                f"{score.distance:+.1f} deviations"
            )
        return "\n".join(lines)
