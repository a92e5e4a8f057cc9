"""All pages of founding and of keeping a circle."""

from __future__ import annotations

from typing import Any

from circles.steward import (
    founding_pages,
    inviting,
    keeping,
    pay_change_pages,
    person,
    settings_pages,
    trustees,
)

routes: list[Any] = [
    *founding_pages.routes,
    *keeping.routes,
    *inviting.routes,
    *person.routes,
    *settings_pages.routes,
    *pay_change_pages.routes,
    *trustees.routes,
]
