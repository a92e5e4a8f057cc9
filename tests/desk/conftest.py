"""October at the desk, and two who sit at it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest
from litestar import Litestar

from circles import log
from circles.clock import MovableClock
from circles.host import Host
from tests.desk.desk import Desk, desk_of, line, maple_row
from tests.maple_row import Neighbours


@pytest.fixture
async def row(host: Host, app: Litestar, clock: MovableClock) -> Neighbours:
    """October with 30.00 at the bank and 4.00 in the tin; it is November now."""
    row = await maple_row(host)
    async with host.database.begin() as db:
        await log.found(db, host.vault, row.circle.id, row.circle.log_origin)
    async with desk_of(app, row) as desk:
        await desk.fill("/desk/money-in", **line(amount="30", whose=desk.id_of("bea")))
        await desk.fill("/desk/money-in", **line(amount="4", whose="gift", way="cash"))
    clock.set_round(datetime(2026, 11, 3, 9, 0, tzinfo=UTC))
    return row


@pytest.fixture
async def treasurer(app: Litestar, row: Neighbours) -> AsyncIterator[Desk]:
    async with desk_of(app, row) as desk:
        yield desk


@pytest.fixture
async def bea(app: Litestar, row: Neighbours) -> AsyncIterator[Desk]:
    async with desk_of(app, row, "bea") as desk:
        yield desk
