"""Pages that need several rooms: what is kept; the member's month."""

from __future__ import annotations

from typing import Any

from circles.month.kept import kept_page

routes: list[Any] = [kept_page]
