"""All pages of the members' room."""

from __future__ import annotations

from typing import Any

from circles.members import join_pages, own_pages, signin_pages, way_back_pages

routes: list[Any] = [
    *signin_pages.routes,
    *join_pages.routes,
    *way_back_pages.routes,
    *own_pages.routes,
]
