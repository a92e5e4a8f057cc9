"""`circles allocate`: a rule tried on a file, with its working, for treasurers and researchers.

Nothing of a running circle is touched. Files are read by `circles.instances`; amounts are whole
units of the file, which are minor units in JSON. Exit codes: 0 decided, 1 the file is not right
(every problem is said), 2 misused.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, TextIO

from circles.instances import Instance, InstanceError, plain, read
from circles.protocol.allocation import (
    Allocation,
    FairShares,
    MostTicks,
    OneWinner,
    Row,
    RuleError,
    Split,
)
from circles.protocol.messages import Ask
from circles.protocol.rules.base import Order, by_number, place
from circles.protocol.tally import Totals, count_ticks

NAMES = ("most-ticks", "split", "one-winner", "fair-shares")

Say = Callable[[str], None]


@dataclass(frozen=True)
class Tried:
    """A rule that was asked for, with the name under which a poll record would carry it."""

    rule: MostTicks | Split | OneWinner | FairShares
    order: Order
    part: bool

    def allocate(self, instance: Instance, say: Say) -> tuple[Allocation, Totals]:
        """The awards; candidate n is the n-th id in byte order."""
        asks = [
            Ask(None, None, part=True) if amount is None else Ask(amount, None, part=self.part)
            for amount in instance.requests
        ]
        totals = count_ticks(len(asks), instance.ballots)
        if isinstance(self.rule, FairShares):
            made = self.rule.allocate(
                instance.fund, asks, totals, instance.ballots, self.order, say
            )
        else:
            made = self.rule.allocate(instance.fund, asks, totals, self.order)
        return made, totals


def chosen(given: argparse.Namespace) -> Tried:
    """The rule of the options. Raises `RuleError`, in words."""
    name = given.rule.removesuffix("/1")
    if name not in NAMES:
        raise RuleError(f"--rule {given.rule}: known are {', '.join(NAMES)}")
    for option in ("least", "min_ticks"):
        if not 0 <= getattr(given, option) < 10**15:
            raise RuleError(f"--{option.replace('_', '-')} is a whole number from 0 to 10^15 - 1")
    if name != "fair-shares" and (given.variant != "none" or given.step is not None):
        raise RuleError("--variant and --step belong to --rule fair-shares")
    step = 0
    if given.variant in ("add1", "add1-cent"):
        step = 1 if given.step is None else given.step
        if not 1 <= step < 10**15 or (given.variant == "add1-cent" and step != 1):
            raise RuleError("--step is a whole number from 1 to 10^15 - 1; add1-cent has step 1")
    elif given.step is not None:
        raise RuleError("--step belongs to --variant add1")
    order = by_number if given.ties == "ids" else place
    return Tried(_rule(name, given, step), order, given.part)


def _rule(
    name: str, given: argparse.Namespace, step: int
) -> MostTicks | Split | OneWinner | FairShares:
    if name == "fair-shares":
        completion = given.variant.removesuffix("-cent")
        return FairShares(completion, given.least, given.min_ticks, step)
    if name == "split":
        return Split(given.least, given.min_ticks)
    if name == "one-winner":
        return OneWinner(given.least, given.min_ticks)
    return MostTicks(given.least, given.min_ticks)


def main(given: argparse.Namespace, out: TextIO | None = None) -> int:
    """Read, decide, print."""
    out = out or sys.stdout
    try:
        tried = chosen(given)
    except RuleError as error:
        print(f"circles allocate: {error}", file=sys.stderr)
        return 2
    try:
        instance = read(given.file, stacked=not isinstance(tried.rule, FairShares), say=_say)
    except InstanceError as error:
        for problem in error.problems:
            print(f"{given.file}: {problem}", file=sys.stderr)
        print(f"circles allocate: {error}", file=sys.stderr)
        return 1
    made, totals = tried.allocate(instance, _say)
    if given.json:
        lines = [json.dumps(as_json(instance, tried, made, totals), ensure_ascii=True)]
    else:
        lines = in_words(instance, tried, made)
    signs = out.encoding or "utf-8"
    lines = [line.encode(signs, "backslashreplace").decode(signs) for line in lines]
    try:
        out.writelines(f"{line}\n" for line in lines)
        out.flush()
    except BrokenPipeError:
        # Who reads has seen enough (`| head`). What is left must not be tried again at the exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), out.fileno())
    return 0


def _say(said: str) -> None:
    print(said, file=sys.stderr, flush=True)


# ------------------------------------------------------------------ as JSON


def as_json(instance: Instance, tried: Tried, made: Allocation, totals: Totals) -> dict[str, Any]:
    """`awards`, `carried` and `totals` by id; `working` in the order of the rule."""
    ids = instance.ids
    found: dict[str, Any] = {
        "rule": tried.rule.name,
        "parameters": dict(tried.rule.params()),
        "fund": instance.fund,
        "awards": {ids[number - 1]: amount for number, amount in made.awards},
        "carried": made.carried_minor,
        "totals": dict(zip(ids, totals.candidates, strict=True)),
        "keep": totals.keep,
        "ballots": len(instance.ballots),
        "working": [_row(row, ids) for row in made.working],
    }
    if made.ballots:
        found["share"] = _exact(made.share)
    if made.steps:
        found["steps"] = [
            {
                "what": step.what,
                "id": ids[step.number - 1],
                "pool": step.pool_minor,
                "pool_ticks": step.pool_ticks,
                "paid": step.paid_minor,
            }
            for step in made.steps
        ]
    return found


def _row(row: Row, ids: Sequence[str]) -> dict[str, Any]:
    said: dict[str, Any] = {
        "place": row.place,
        "id": ids[row.number - 1],
        "ticks": row.ticks,
        "asked": "any" if row.ask.amount_minor is None else row.ask.amount_minor,
        "left_before": row.left_before_minor,
        "paid": row.paid_minor,
        "outcome": row.outcome,
    }
    if row.share_minor is not None:
        said["part"] = row.share_minor
    if row.shares:
        said["shares"] = [
            {"ballots": paid.ballots, "each": _exact(paid.each)} for paid in row.shares
        ]
    return said


def _exact(ratio: tuple[int, int]) -> str:
    """A ratio as text, `7` or `25/3`."""
    return str(Fraction(*ratio))


# ------------------------------------------------------------------ in words

_WHY = {
    "paid": "paid",
    "no-tick": "no tick",
    "under-min-ticks": "under the least number of ticks",
    "under-keep": 'fewer ticks than "keep"',
    "does-not-fit": "does not fit into what is left",
    "under-least": "under the smallest payout",
    "part-too-small": "its part is smaller than it asked",
    "not-first": "another one was first",
    "not-covered": "the shares of those who ticked it do not cover it",
}


def in_words(instance: Instance, tried: Tried, made: Allocation) -> list[str]:
    """The same for a reader, as a table and one line for each sharing of a price."""
    values = ", ".join(f"{key} {value}" for key, value in tried.rule.params())
    ballots, ticks = _many(len(instance.ballots), "ballot"), _many(made.all_ticks, "tick")
    lines = [f"{tried.rule.name} ({values})", f"fund {instance.fund}, {ballots}, {ticks}"]
    if made.ballots:
        lines.append(f"each ballot holds {_about(made.share)}")
    ids = [plain(name) for name in instance.ids]
    width = max([len(name) for name in ids], default=2)
    lines.append(f"{'':>5} {'id':<{width}} {'ticks':>7} {'asked':>15} {'left':>15} {'paid':>15}")
    for row in made.working:
        asked = "any" if row.ask.amount_minor is None else str(row.ask.amount_minor)
        lines.append(
            f"{row.place:>5} {ids[row.number - 1]:<{width}} {row.ticks:>7} {asked:>15} "
            f"{row.left_before_minor:>15} {row.paid_minor:>15}  {_WHY[row.outcome]}"
        )
        lines.extend(
            f"{'':>7}{paid.ballots} ballots pay {_about(paid.each)} each"
            if paid.ballots != 1
            else f"{'':>7}1 ballot pays {_about(paid.each)}"
            for paid in row.shares
        )
    lines.extend(
        f"{step.what:>6}: {ids[step.number - 1]}, of {step.pool_minor} for "
        f"{_many(step.pool_ticks, 'tick')}, {step.paid_minor} paid"
        for step in made.steps
    )
    return [*lines, f"carried {made.carried_minor}"]


def _many(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"


def _about(ratio: tuple[int, int]) -> str:
    """A ratio with two digits behind the point, cut, and exactly where that is not all."""
    amount, over = ratio
    hundredths = amount * 100 // over
    cut = f"{hundredths // 100}.{hundredths % 100:02d}"
    return cut if amount * 100 % over == 0 else f"{cut} ({_exact(ratio)})"
