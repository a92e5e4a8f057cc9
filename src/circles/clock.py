"""Two times: the real one, and the circle's own.

Sessions and retention run on the real clock; rounds run on the circle's clock, which tests and the
demo may move forward, so that moving a month signs nobody out.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """Both times are aware and in UTC."""

    def now(self) -> datetime:
        """The real time."""
        ...

    def round_now(self) -> datetime:
        """The time that rounds go by."""
        ...


class RealClock:
    """What a served circle runs on: one time, nobody can move it."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def round_now(self) -> datetime:
        return self.now()


class MovableClock:
    """The real time, and a round time that can be set apart from it.

    `set_round` fixes the offset; the round time then goes on at the real pace. With `frozen`, both
    stand still until moved: what most tests want.
    """

    def __init__(self, start: datetime | None = None, *, frozen: bool = False) -> None:
        self._frozen_at = (start or datetime.now(UTC)) if frozen else None
        self._offset = timedelta()
        if start is not None and not frozen:
            self.set_round(start)

    def now(self) -> datetime:
        return self._frozen_at if self._frozen_at is not None else datetime.now(UTC)

    def round_now(self) -> datetime:
        return self.now() + self._offset

    def set_round(self, at: datetime) -> None:
        """From now on the round time is `at` (aware)."""
        self._offset = at.astimezone(UTC) - self.now()

    def pass_real(self, span: timedelta) -> None:
        """Let the frozen real time go on by `span`; the round time goes with it."""
        if self._frozen_at is None:
            raise ValueError("only a frozen clock can be made to pass")
        self._frozen_at += span
