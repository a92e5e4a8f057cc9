"""The labelled payments as the matcher takes them, and how its answers are judged."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from circles.ledger.matching.propose import propose
from circles.ledger.matching.values import (
    Arrived,
    Booked,
    Choice,
    Known,
    Payment,
    Person,
    Proposal,
    Seen,
    Way,
)

FILE = Path(__file__).parent.parent / "vectors" / "payments.json"
Json = dict[str, Any]
# (kind, whose or what it refers to, amount), sorted
Parts = tuple[tuple[str, str, int], ...]


def token(text: str | None) -> bytes | None:
    """Stands for the keyed hash: here anybody may compute it."""
    return hashlib.sha256(text.encode()).digest() if text else None


def _payment(of: Json) -> Payment:
    said = ("amount_minor", "counterparty", "iban", "reference", "text", "end_to_end")
    return Payment(**{name: of.get(name) for name in said}, payer=token(of.get("iban")),
                   payer_name=token(of.get("counterparty")))  # fmt: skip


def _id(text: str) -> bytes:
    return text.encode()


@dataclass(frozen=True)
class Labelled:
    """One line, and what it truly is (None: nobody can know)."""

    what: str
    seen: Seen
    truth: Parts | None


@dataclass(frozen=True)
class Month:
    """A statement, and what was known when it came."""

    known: Known
    lines: tuple[Labelled, ...]


def months() -> Iterator[Month]:
    """All of the file."""
    data = json.loads(FILE.read_text("utf-8"))
    people = tuple(
        Person(p["number"], p["handle"], p["usual_minor"], p["usual_minor"]) for p in data["people"]
    )
    payers = {token(iban) or b"": frozenset(numbers) for iban, numbers in data["payers"]}
    for n, month in enumerate(data["months"]):
        first = date.fromisoformat(month["month"] + "-01")
        former = dict.fromkeys(data["former"], 0) | month["former_held"]
        known = Known(
            people=people,
            former=former,
            payers=payers,
            ways=tuple(Way(**{**way, "id": _id(way["id"])}) for way in month["ways"]),
            untied=tuple(
                Booked(_id(b["id"]), first.replace(day=b["on"]), b["amount_minor"], b["kind"],
                       b["number"])
                for b in month["untied"]
            ),
            arrived=tuple(
                Arrived(_id(a["id"]), first - timedelta(a["days_before"]), a["amount_minor"],
                        a["number"], token(a["iban"]))
                for a in month["arrived"]
            ),
            cash_minor=month["cash_minor"],
        )  # fmt: skip
        lines = tuple(_labelled(f"{n}-{i}", first, of) for i, of in enumerate(month["lines"]))
        yield Month(known, lines)


def _labelled(key: str, first: date, of: Json) -> Labelled:
    details = tuple(_payment(d) for d in of.get("details", ()))
    seen = Seen(_id(key), first.replace(day=of["on"]), _payment(of), of.get("kind"), details)
    truth = None
    if of["truth"] is not None:
        truth = tuple(sorted((kind, whose or "", amount) for kind, whose, amount in of["truth"]))
    return Labelled(of["as"], seen, truth)


def parts_of(choice: Choice) -> Parts:
    """A choice in the words of the labels."""
    return tuple(
        sorted(
            (p.kind, p.target.decode() if p.target else p.number or "", p.amount_minor)
            for p in choice.parts
        )
    )


@dataclass
class Judged:
    """What came out, by tier and by what the lines are examples of."""

    lines: int = 0
    tiers: Counter[str] = field(default_factory=Counter)
    right: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    knowable: Counter[str] = field(default_factory=Counter)
    first: Counter[str] = field(default_factory=Counter)
    among: Counter[str] = field(default_factory=Counter)

    def add(self, line: Labelled, proposal: Proposal) -> None:
        self.lines += 1
        self.tiers[proposal.tier] += 1
        offered = [parts_of(choice) for choice in proposal.choices]
        is_right = offered[:1] == [line.truth]
        if proposal.is_certain:
            self.right[proposal.tier] += is_right
            if not is_right:
                self.wrong.append(f"{line.what}: {line.seen} -> {proposal}")
        if line.truth is not None:
            self.knowable[line.what] += 1
            self.first[line.what] += is_right
            self.among[line.what] += line.truth in offered

    def told(self) -> str:
        """The figures, to be read."""
        knowable = sum(self.knowable.values())
        certain = self.tiers["A"] + self.tiers["B"]
        tiers = ", ".join(f"{tier} {self.tiers[tier]}" for tier in "ABCD")
        first, offered = sum(self.first.values()), sum(self.among.values())
        recall = f"first {first} ({self.recall_first:.1%}), offered {offered} ({self.recall:.1%})"
        rows = [
            f"{self.lines} lines: tier {tiers}",
            f"certain (A, B): {certain}, wrong: {len(self.wrong)}",
            f"of {knowable} that can be known: proposed {recall}",
        ]
        rows += [
            f"  {what}: {self.first[what]} first, {self.among[what]} offered, of {n}"
            for what, n in sorted(self.knowable.items())
        ]
        return "\n".join(rows)

    @property
    def recall(self) -> float:
        return sum(self.among.values()) / sum(self.knowable.values())

    @property
    def recall_first(self) -> float:
        return sum(self.first.values()) / sum(self.knowable.values())


def judge() -> Judged:
    """Every month through the matcher."""
    judged = Judged()
    for month in months():
        proposals = propose([line.seen for line in month.lines], month.known)
        for line, proposal in zip(month.lines, proposals, strict=True):
            assert proposal.line_id == line.seen.id
            judged.add(line, proposal)
    return judged
