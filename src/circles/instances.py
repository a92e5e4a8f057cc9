"""Files that `circles allocate` reads: Pabulib `.pb`, and JSON.

JSON: `{"fund": n, "requests": {id: n or "any"}, "ballots": [[id, ...], ...]}`, whole minor units.
The tick "keep" is the wish to keep the fund, unless a request has that id. An id that stands twice
on one ballot is two ticks where ticks may be stacked.

Pabulib: sections META, PROJECTS, VOTES, values parted by `;` (https://pabulib.org/format). Amounts
are whole units of the file; where one has a fraction, all are taken in hundredths. Points of
cumulative votes are ticks where ticks may be stacked; else what a vote lists with a point, a score
or a rank is ticked.

What cannot be read is said whole: every problem with its line or field, not the first.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

AMOUNT_MAX: Final = 10**15 - 1
KEEP: Final = "keep"
_PROGRESS_EVERY = 100_000
_DIGITS_MAX = 16
_FRACTION_DIGITS = 2
_SAID_MAX = 200
_SECTIONS = ("META", "PROJECTS", "VOTES")
_APPROVALS = frozenset({"approval", "choose-1"})
_POINTS = frozenset({"cumulative", "scoring"})
_RANKS = frozenset({"ordinal"})
_AMOUNT = re.compile(r"([0-9]{1,18})(?:[.,]([0-9]{1,18}))?")

Say = Callable[[str], None]


class InstanceError(ValueError):
    """A file that cannot be decided; `problems` has each, with its line or field."""

    def __init__(self, problems: list[str]) -> None:
        """Every problem that was found."""
        count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
        super().__init__(f"{count}; correct the file and try again")
        self.problems = problems


@dataclass(frozen=True, slots=True)
class Ballot:
    """Candidates by number, ascending; more than once only where ticks may be stacked."""

    ticks: tuple[int, ...]
    keep: int = 0


@dataclass(frozen=True)
class Instance:
    """A fund, what is asked of it, and the ballots. `requests[i]` is that of `ids[i]`, None "any".

    Ids stand in byte order: candidate n is the n-th of them.
    """

    fund: int
    ids: tuple[str, ...]
    requests: tuple[int | None, ...]
    ballots: tuple[Ballot, ...]


def read(path: Path, *, stacked: bool, say: Say) -> Instance:
    """The instance of a file. `stacked`: a ballot may tick the same more than once.

    Raises `InstanceError`.
    """
    held = b""
    try:
        held = path.read_bytes()
        text = held.decode("utf-8-sig")
    except OSError as error:
        raise InstanceError([f"cannot be read: {error.strerror or error}"]) from error
    except UnicodeDecodeError as error:
        line = held.count(b"\n", 0, error.start) + 1
        raise InstanceError([f"line {line}: byte {error.start + 1} is not UTF-8"]) from error
    is_json = path.suffix.lower() == ".json" or text.lstrip()[:1] == "{"
    reading = _Reading(stacked, say)
    (_JsonFile if is_json else _PbFile)(reading).read(text)
    return reading.instance()


@dataclass
class _Reading:
    """What has been found so far, whatever the format."""

    stacked: bool
    say: Say
    fund: int | None = None
    asked: dict[str, int | None] = field(default_factory=dict)
    ballots: list[Ballot] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    numbers: dict[str, int] = field(default_factory=dict)

    def bad(self, where: str, what: str) -> None:
        self.problems.append(f"{_short(where)}: {_short(what)}")

    def number_ids(self) -> None:
        ids = sorted(self.asked, key=lambda name: name.encode("utf-8"))
        self.numbers = {name: number for number, name in enumerate(ids, start=1)}

    def told(self) -> None:
        if len(self.ballots) % _PROGRESS_EVERY == 0:
            self.say(f"{len(self.ballots)} ballots read")

    def instance(self) -> Instance:
        if self.problems or self.fund is None:
            raise InstanceError(self.problems)
        ids = tuple(self.numbers)
        requests = tuple(self.asked[name] for name in ids)
        return Instance(self.fund, ids, requests, tuple(self.ballots))


def plain(text: str) -> str:
    """A text of a file as one line of a terminal: what does not print is escaped."""
    if text.isprintable():
        return text
    return "".join(
        sign if sign.isprintable() else sign.encode("unicode_escape").decode() for sign in text
    )


def _short(text: str) -> str:
    said = plain(text)
    return said if len(said) <= _SAID_MAX else f"{said[: _SAID_MAX // 2]}…{said[-_SAID_MAX // 2 :]}"


# ------------------------------------------------------------------ JSON


class _Wrong:
    """A number that is not whole, or longer than any amount."""


def _whole(digits: str) -> int | _Wrong:
    return int(digits) if len(digits) <= _DIGITS_MAX else _Wrong()


def _no_number(_text: str) -> _Wrong:
    return _Wrong()


class _JsonFile:
    """Reads the JSON form into a `_Reading`."""

    def __init__(self, into: _Reading) -> None:
        self.into = into
        self._known: dict[tuple[str, ...], Ballot] = {}

    def read(self, text: str) -> None:
        into = self.into
        try:
            found = json.loads(
                text,
                object_pairs_hook=self._once,
                parse_int=_whole,
                parse_float=_no_number,
                parse_constant=_no_number,
            )
        except json.JSONDecodeError as error:
            into.bad(f"line {error.lineno}, column {error.colno}", f"not JSON: {error.msg}")
            return
        except RecursionError:
            into.bad("the file", "not JSON of this form: nested too deeply")
            return
        if not isinstance(found, dict):
            into.bad("the file", "an object with fund, requests and ballots was expected")
            return
        for key in found.keys() - {"fund", "requests", "ballots"}:
            into.say(f"the field {_short(json.dumps(key))} is not used")
        self._fund(found.get("fund"))
        self._requests(found.get("requests"))
        self._ballots(found.get("ballots"))

    def _once(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key, value in pairs:
            if key in found:
                self.into.bad("the file", f"{json.dumps(key)} stands twice in one object")
            found[key] = value
        return found

    def _fund(self, fund: object) -> None:
        if type(fund) is int and 0 <= fund <= AMOUNT_MAX:
            self.into.fund = fund
        else:
            self.into.bad("fund", "a whole number of minor units, 0 to 10^15 - 1, was expected")

    def _requests(self, requests: object) -> None:
        if not isinstance(requests, dict):
            self.into.bad("requests", "an object of ids with amounts was expected")
            return
        for name, amount in requests.items():
            where = f"requests[{json.dumps(name)}]"
            if not name or not _is_text(name):
                self.into.bad(where, "an id is some characters of text")
            elif amount == "any" and isinstance(amount, str):
                self.into.asked[name] = None
            elif type(amount) is int and 0 < amount <= AMOUNT_MAX:
                self.into.asked[name] = amount
            else:
                self.into.asked[name] = None
                self.into.bad(where, 'minor units, 1 to 10^15 - 1, or "any" was expected')
        self.into.number_ids()

    def _ballots(self, ballots: object) -> None:
        if not isinstance(ballots, list):
            self.into.bad("ballots", "a list of lists of ids was expected")
            return
        for at, ticks in enumerate(ballots):
            if not isinstance(ticks, list):
                self.into.bad(f"ballots[{at}]", "a list of ids was expected")
                continue
            self.into.ballots.append(self._ballot(at, ticks))
            self.into.told()

    def _ballot(self, at: int, ticks: list[Any]) -> Ballot:
        if not all(type(tick) is str for tick in ticks):
            return self._read_ballot(at, ticks)
        key = tuple(ticks)
        known = self._known.get(key)
        if known is None:
            before = len(self.into.problems)
            known = self._read_ballot(at, ticks)
            # A wrong ballot is looked at anew each time, so that each of them is said.
            if len(self.into.problems) == before:
                self._known[key] = known
        return known

    def _read_ballot(self, at: int, ticks: list[Any]) -> Ballot:
        numbers: list[int] = []
        keep = 0
        for position, tick in enumerate(ticks):
            where = f"ballots[{at}][{position}]"
            number = self.into.numbers.get(tick) if isinstance(tick, str) else None
            if number is not None:
                if not self.into.stacked and number in numbers:
                    self.into.bad(where, f"{json.dumps(tick)} stands twice on this ballot")
                numbers.append(number)
            elif tick == KEEP:
                keep += 1
            elif isinstance(tick, str):
                self.into.bad(where, f"{json.dumps(tick)} is not among the requests")
            else:
                self.into.bad(where, "an id was expected")
        return Ballot(tuple(sorted(numbers)), keep if self.into.stacked else min(keep, 1))


def _is_text(name: str) -> bool:
    try:
        name.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


# ------------------------------------------------------------------ Pabulib


class _PbFile:
    """Reads a Pabulib file into a `_Reading`."""

    def __init__(self, into: _Reading) -> None:
        self.into = into
        self.meta: dict[str, str] = {}
        self._amounts: dict[str, str] = {}
        self._known: dict[tuple[str, str], Ballot] = {}
        self._header: list[str] = []
        self._voters: set[str] = set()
        self._seen: list[str] = []

    def read(self, text: str) -> None:
        section = ""
        for line, cells in self._rows(text):
            first = cells[0].strip().upper()
            if first in _SECTIONS and not any(cell.strip() for cell in cells[1:]):
                self._end(section)
                section = first
                self._begin(line, section)
            elif not section:
                self.into.bad(f"line {line}", "META was expected")
                return
            elif not self._header:
                self._header = [cell.strip().lower() for cell in cells]
                self._check_header(line, section)
            elif section == "META":
                self._meta(line, cells)
            elif section == "PROJECTS":
                self._project(line, cells)
            else:
                self._vote(line, cells)
        self._end(section)
        for name in _SECTIONS:
            if name not in self._seen:
                self.into.bad("the file", f"it has no section {name}")
        self._compare_counts()

    def _begin(self, line: int, section: str) -> None:
        if section in self._seen:
            self.into.bad(f"line {line}", f"{section} stands twice")
        elif any(_SECTIONS.index(one) > _SECTIONS.index(section) for one in self._seen):
            self.into.bad(f"line {line}", "the order is META, PROJECTS, VOTES")
        self._seen.append(section)
        self._header = []

    def _rows(self, text: str) -> Iterator[tuple[int, list[str]]]:
        # The longest value there can be is the whole file.
        csv.field_size_limit(max(len(text), 1))
        rows = csv.reader(io.StringIO(text, newline=""), delimiter=";")
        while True:
            try:
                cells = next(rows)
            except StopIteration:
                return
            except csv.Error as error:
                self.into.bad(f"line {rows.line_num}", f"not readable: {error}")
                continue
            if any(cell.strip() for cell in cells):
                yield rows.line_num, cells

    def _check_header(self, line: int, section: str) -> None:
        wanted = {
            "META": ("key", "value"),
            "PROJECTS": ("project_id", "cost"),
            "VOTES": ("voter_id", "vote"),
        }[section]
        for name in wanted:
            if name not in self._header:
                self.into.bad(f"line {line}", f"{section} has no column {name}")

    def _cell(self, cells: list[str], name: str) -> str:
        if name not in self._header:
            return ""
        at = self._header.index(name)
        return cells[at].strip() if at < len(cells) else ""

    def _end(self, section: str) -> None:
        if section == "META":
            kind = self.meta.get("vote_type", "")
            if kind not in _APPROVALS | _POINTS | _RANKS:
                self.into.bad("META, vote_type", f'"{kind}" is not a kind of vote known here')
            elif kind in _POINTS | _RANKS:
                points = kind == "cumulative" and self.into.stacked
                told = "its points are ticks" if points else "what a vote lists is ticked"
                self.into.say(f"votes are {kind}: {told}")
        if section == "PROJECTS":
            self._convert()
            self.into.number_ids()

    def _meta(self, line: int, cells: list[str]) -> None:
        key, value = self._cell(cells, "key").lower(), self._cell(cells, "value")
        if key in self.meta:
            self.into.bad(f"line {line}, {key}", "it stands twice in META")
        self.meta[key] = value
        if key == "budget":
            self._amount(f"line {line}, budget", "", value)

    def _project(self, line: int, cells: list[str]) -> None:
        name = self._cell(cells, "project_id")
        if not name:
            self.into.bad(f"line {line}, project_id", "an id was expected")
        elif name in self._amounts or name in self.into.asked:
            self.into.bad(f"line {line}, project_id", f'"{name}" stands twice')
        else:
            self.into.asked[name] = None
            self._amount(f"line {line}, cost", name, self._cell(cells, "cost"))

    def _amount(self, where: str, name: str, value: str) -> None:
        found = _AMOUNT.fullmatch(value)
        if found is None or (name and not int("".join(found.groups("0")))):
            least = "above 0" if name else "0 or more"
            self.into.bad(where, f'"{value}" is not an amount {least}')
        elif len((found[2] or "").rstrip("0")) > _FRACTION_DIGITS:
            self.into.bad(where, f'"{value}" has more than two digits behind the point')
        else:
            self._amounts[name] = value
            if int(found[1]) > AMOUNT_MAX:
                self.into.bad(where, f'"{value}" is more than 10^15 - 1')

    def _convert(self) -> None:
        """All amounts whole: as they are, or all of them in hundredths."""
        if "META" in self._seen and "budget" not in self.meta:
            self.into.bad("META, budget", "it is missing")
        parts: dict[str, tuple[str, str]] = {}
        for name, value in self._amounts.items():
            found = _AMOUNT.fullmatch(value)
            if found is not None:
                parts[name] = found[1], (found[2] or "").rstrip("0")
        hundredths = any(fraction for _, fraction in parts.values())
        if hundredths:
            self.into.say("amounts have fractions: all are taken in hundredths")
        for name, (whole, fraction) in parts.items():
            amount = (
                int(whole + fraction.ljust(_FRACTION_DIGITS, "0")) if hundredths else int(whole)
            )
            if amount > AMOUNT_MAX and int(whole) <= AMOUNT_MAX:
                self.into.bad(name or "META, budget", "more than 10^15 - 1 hundredths")
            elif name:
                self.into.asked[name] = amount
            else:
                self.into.fund = amount

    def _vote(self, line: int, cells: list[str]) -> None:
        voter = self._cell(cells, "voter_id")
        if voter in self._voters:
            self.into.bad(f"line {line}, voter_id", f'"{voter}" has voted before')
        self._voters.add(voter)
        vote, points = self._cell(cells, "vote"), self._cell(cells, "points")
        ballot = self._known.get((vote, points))
        if ballot is None:
            before = len(self.into.problems)
            ballot = self._ballot(line, vote, points)
            if len(self.into.problems) == before:
                self._known[vote, points] = ballot
        self.into.ballots.append(ballot)
        self.into.told()

    def _ballot(self, line: int, vote: str, points: str) -> Ballot:
        names = [name.strip() for name in vote.split(",")] if vote else []
        given = [point.strip() for point in points.split(",")] if points else []
        kind = self.meta.get("vote_type", "")
        times = self._times(line, kind, names, given)
        numbers: list[int] = []
        for name, many in zip(names, times, strict=True):
            number = self.into.numbers.get(name)
            if number is None and "PROJECTS" not in self._seen:
                continue  # The section is missing or late: that is said, once.
            if number is None:
                self.into.bad(f"line {line}, vote", f'"{name}" is not among the projects')
            elif number in numbers:
                self.into.bad(f"line {line}, vote", f'"{name}" stands twice on this ballot')
            else:
                numbers.extend([number] * many)
        return Ballot(tuple(sorted(numbers)))

    def _times(self, line: int, kind: str, names: list[str], given: list[str]) -> list[int]:
        """How many ticks each name of a vote stands for."""
        if kind not in _POINTS:
            return [1] * len(names)
        if len(given) != len(names):
            self.into.bad(f"line {line}, points", "there is not one for each project of the vote")
            return [0] * len(names)
        times = []
        for point in given:
            if not re.fullmatch(r"[0-9]{1,4}", point):
                self.into.bad(f"line {line}, points", f'"{point}" is not a whole number to 9999')
                times.append(0)
            else:
                stacks = kind == "cumulative" and self.into.stacked
                times.append(int(point) if stacks else min(int(point), 1))
        return times

    def _compare_counts(self) -> None:
        counts = {"num_projects": len(self.into.asked), "num_votes": len(self.into.ballots)}
        for key, count in counts.items():
            said = self.meta.get(key)
            if said is not None and said != str(count):
                self.into.say(f"META, {key}: it says {said}, there are {count}")
