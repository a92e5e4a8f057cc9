"""What a verification found: every failed check, and the counts a reader wants to see."""

from collections.abc import Callable
from dataclasses import dataclass, field

from circles.protocol.text import b64

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Problem:
    """A check that failed. `check` is `<step of docs/protocol.md 6>.<name>`."""

    check: str
    where: str
    message: str

    def __str__(self) -> str:
        return f"{self.check}: {self.where}: {self.message}"


@dataclass(frozen=True, slots=True)
class PollCounts:
    """The counts of one poll. `takes` and `voters` are None before its close is logged."""

    month: str
    purpose: str
    members: int
    slots: int
    takes: int | None
    voters: int | None
    keys: int
    reissued: int
    ending: str

    def line(self) -> str:
        """N, T, V, R and the gap T - V in one line."""
        name = f"round {self.month} {self.purpose}"
        if self.takes is None:
            return f"{name}: N {self.members}, R {self.reissued}; {self.ending}"
        return (
            f"{name}: N {self.members}, T {self.takes}, V {self.keys}, R {self.reissued}, "
            f"gap T - V {self.takes - self.keys}; {self.ending}"
        )


@dataclass(slots=True)
class Report:
    """The outcome: it holds if `problems` is empty."""

    origin: str = ""
    size: int = 0
    root: bytes = b""
    key: str = ""
    problems: list[Problem] = field(default_factory=list)
    polls: list[PollCounts] = field(default_factory=list)
    clients: list[bytes] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)

    @property
    def holds(self) -> bool:
        """Whether every check held."""
        return not self.problems

    def fail(self, check: str, where: str, message: str) -> None:
        """Note a failed check."""
        self.problems.append(Problem(check, where, message))

    def expect(self, holds: bool, check: str, where: str, message: str) -> bool:
        """Note a failed check unless it holds; the answer is whether it did."""
        if not holds:
            self.fail(check, where, message)
        return holds

    def settle(self) -> None:
        """Put the problems in the order of the steps, each once."""
        unique = dict.fromkeys(self.problems)
        self.problems = sorted(unique, key=lambda problem: problem.check.partition(".")[0])

    def head(self) -> str:
        """Which log this was, at which size and root."""
        return f"{self.origin}: {self.size} entries, root {b64(self.root)}"
