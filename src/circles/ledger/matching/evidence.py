"""What a payment says about whom it is from: references, numbers, slips, names.

A reference is ISO 11649: `RF`, two check digits, the book number. It is looked for in what is left
when everything but letters and digits is taken out of a text, because banks break it with spaces,
hyphens and line ends, write it small, and put their own codes before it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from circles.circle import reference
from circles.circle.iban import mod97
from circles.ledger.matching.names import is_named, readings
from circles.ledger.matching.values import Known, Payment

# Letters that are written or read for digits; only ever a slip, never a sure thing.
_MISREAD = str.maketrans("OILSB", "01158")
_RF = re.compile(r"(?=RF(?P<check>[0-9]{2})(?P<number>M[0-9]{3,9}))", re.ASCII)
_RF_MISREAD = re.compile(r"(?=RF([0-9OIL]{2}M[0-9OILSB]{4,9}))", re.ASCII)
_ALONE = re.compile(r"(?<![A-Z0-9])(?:([0-9]{2}) ?)?M[-. ]?([0-9]{4,6})(?![0-9])", re.ASCII)
_NUMBER_CHARS = range(5, 8)
# An account that paid for more than that collects for others, and says nothing about whom.
_PAID_FOR_MAX = 4


@dataclass(frozen=True, slots=True)
class Evidence:
    """Numbers of members, each in the order found. `references` are sure; `slips` are references
    with an error in them, or with digits of something else behind; `numbers` stand alone. `former`
    are numbers of who has left; `foreign` references that are right and nobody's here. `named` are
    members whose handle stands in the text, `payer_named` in the other side's name."""

    references: tuple[str, ...] = ()
    slips: tuple[str, ...] = ()
    numbers: tuple[str, ...] = ()
    former: tuple[str, ...] = ()
    foreign: tuple[str, ...] = ()
    named: tuple[str, ...] = ()
    payer_named: tuple[str, ...] = ()
    payers: frozenset[str] = frozenset()
    name_payers: frozenset[str] = frozenset()


@dataclass
class _Found:
    """One text after another."""

    members: frozenset[str]
    left: frozenset[str]
    references: dict[str, None] = field(default_factory=dict)
    slips: dict[str, None] = field(default_factory=dict)
    numbers: dict[str, None] = field(default_factory=dict)
    former: dict[str, None] = field(default_factory=dict)
    foreign: dict[str, None] = field(default_factory=dict)

    def look(self, text: str) -> None:
        for reading in readings(text):
            plain, ends = _squeezed(reading)
            for begin in _RF.finditer(plain):
                self._reference(begin["check"], begin["number"], begin.start(), ends)
            for begin in _RF_MISREAD.finditer(plain):
                self._misread(begin[1])
        for hit in _ALONE.finditer(text.upper()):
            self._alone(hit[1], "M" + hit[2])

    def _reference(self, check: str, run: str, start: int, ends: frozenset[int]) -> None:
        """`run` is M and all digits after it; the number is a beginning of it."""
        whole: list[str] = []
        glued: list[str] = []
        strange: list[str] = []
        for length in range(_NUMBER_CHARS.start, len(run) + 1):
            number = run[:length]
            ended = length == len(run) or start + 4 + length in ends
            if mod97(number + "RF" + check) != 1:
                if ended and number in self.members:
                    self.slips[number] = None
            elif number in self.members or number in self.left:
                (whole if ended else glued).append(number)
            elif ended and length in _NUMBER_CHARS:
                strange.append(number)
        for number in whole:
            (self.references if number in self.members else self.former)[number] = None
        if not whole:
            self.slips.update(dict.fromkeys(n for n in glued if n in self.members))
            self.foreign.update(dict.fromkeys(strange))
            if not (glued or strange):
                self._near(check, run)

    def _near(self, check: str, run: str) -> None:
        """One digit off, or two swapped: named when only one member's can be meant."""
        written = check + run
        close = [n for n in self.members if is_one_off(written, reference.of(n)[2:])]
        if len(close) == 1:
            self.slips[close[0]] = None

    def _misread(self, run: str) -> None:
        if run[:2].isdecimal() and run[3:].isdecimal():
            return
        for length in range(3 + 4, len(run) + 1):
            head = run[:length]
            digits = head[:2].translate(_MISREAD) + "M" + head[3:].translate(_MISREAD)
            number = digits[2:]
            if number in self.members and mod97(number + "RF" + digits[:2]) == 1:
                self.slips[number] = None

    def _alone(self, check: str | None, number: str) -> None:
        if number in self.members and number not in self.references:
            self.numbers[number] = None
        elif number in self.left and number not in self.references:
            self.former[number] = None
        elif check and mod97(number + "RF" + check) == 1 and number not in self.references:
            self.foreign[number] = None


def of(payment: Payment, known: Known) -> Evidence:
    """All that one payment says."""
    found = _Found(frozenset(p.number for p in known.people), frozenset(known.former))
    for text in _texts(payment):
        found.look(text)
    free = " ".join(t for t in (payment.text, payment.reference) if t)
    members = found.members
    return Evidence(
        references=tuple(found.references),
        slips=tuple(n for n in found.slips if n not in found.references),
        numbers=tuple(n for n in found.numbers if n not in found.references),
        former=tuple(found.former),
        foreign=tuple(n for n in found.foreign if n not in found.references),
        named=tuple(_named(known, free)),
        payer_named=tuple(_named(known, payment.counterparty)),
        payers=_linked(known, payment.payer) & members,
        name_payers=_linked(known, payment.payer_name) & members,
    )


def _texts(payment: Payment) -> Iterator[str]:
    for text in (payment.reference, payment.text, payment.end_to_end, payment.counterparty):
        if text:
            yield text


def _named(known: Known, text: str | None) -> Iterable[str]:
    return [person.number for person in known.people if is_named(person.handle, text)]


def _linked(known: Known, payer: bytes | None) -> frozenset[str]:
    found = known.payers.get(payer, frozenset()) if payer is not None else frozenset()
    return found if len(found) <= _PAID_FOR_MAX else frozenset()


def _squeezed(text: str) -> tuple[str, frozenset[int]]:
    """Letters and digits only, in capitals, and where words ended."""
    pieces = [piece for piece in re.split(r"[^A-Z0-9]+", text.upper()) if piece]
    ends, length = set(), 0
    for piece in pieces:
        length += len(piece)
        ends.add(length)
    return "".join(pieces), frozenset(ends)


def is_one_off(written: str, meant: str) -> bool:
    """Whether one letter was changed, lost, added or swapped with its neighbour."""
    if written == meant or abs(len(written) - len(meant)) > 1:
        return False
    if len(written) == len(meant):
        off = [i for i, (a, b) in enumerate(zip(written, meant, strict=True)) if a != b]
        if len(off) == 1:
            return True
        swapped = len(off) == 2 and off[1] == off[0] + 1  # noqa: PLR2004 - two neighbours
        return swapped and (written[off[0]], written[off[1]]) == (meant[off[1]], meant[off[0]])
    long, short = sorted((written, meant), key=len, reverse=True)
    return any(long[:i] + long[i + 1 :] == short for i in range(len(long)))


def says(payment: Payment, wanted: str) -> bool:
    """Whether a reference of ours (at least 8 letters) stands anywhere, however it is broken."""
    plain = _squeezed(wanted)[0]
    least = 8
    return len(plain) >= least and any(plain in _squeezed(t)[0] for t in _texts(payment))
