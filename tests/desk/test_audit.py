"""An auditor's link: one period, by number, for a while, and nothing else."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from litestar import Litestar

from circles.clock import MovableClock
from circles.host import Host
from circles.ledger import audit_links, retention
from circles.members import notices
from tests.conftest import visitor
from tests.desk.desk import Desk, desk_of, line, maple_row, words
from tests.maple_row import NAMES, Neighbours
from tests.web.test_every_page import _faults, _Reader

AUDIT = "/desk/audit"


@pytest.fixture
async def row(host: Host, app: Litestar, clock: MovableClock) -> Neighbours:
    """A line in October, with a note that names somebody, and one in November."""
    row = await maple_row(host)
    async with desk_of(app, row) as desk:
        await desk.fill(
            "/desk/money-in",
            **line(amount="30", whose=desk.id_of("bea"), note="from bea's aunt Ida"),
        )
        clock.set_round(datetime(2026, 11, 3, 9, 0, tzinfo=UTC))
        await desk.fill("/desk/money-in", **line(amount="77", whose="gift", on="2026-11-02"))
    return row


@pytest.fixture
async def marisol(app: Litestar, row: Neighbours) -> AsyncIterator[Desk]:
    async with desk_of(app, row) as desk:
        yield desk


@pytest.fixture
async def auditor(app: Litestar, host: Host) -> AsyncIterator[httpx.AsyncClient]:
    async with visitor(app, host.settings.url) as client:
        yield client


async def made(desk: Desk, period: str = "2026-10", days: str = "14") -> str:
    """The path of a fresh link, as its page shows it."""
    sent = await desk.send(AUDIT, period=period, days=days)
    shown = (await desk.client.get(sent.headers["location"])).text
    found = re.search(r"/c/maple-row/audit/[\w-]{27}", shown)
    assert found is not None
    return found[0]


async def test_it_shows_one_period_without_names(
    marisol: Desk, auditor: httpx.AsyncClient, row: Neighbours
) -> None:
    path = await made(marisol)
    answer = await auditor.get(path)
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    assert "noindex" in answer.headers["x-robots-tag"]
    assert "set-cookie" not in answer.headers
    page = words(answer.text)
    assert "October 2026" in page
    assert f"{row.bea.book_number} paid in" in page
    assert "30.00" in page
    assert "77.00" not in page
    assert not [name for name in (*NAMES, "Ida") if re.search(rf"\b{name}\b", answer.text)]
    assert _faults(path, _Reader(answer.text).seen) == []
    assert "/in/desk" not in answer.text


@pytest.mark.parametrize("kind", ["csv", "hledger", "ledger", "beancount", "jsonl"])
async def test_files_of_that_period_without_notes(
    marisol: Desk, auditor: httpx.AsyncClient, kind: str
) -> None:
    answer = await auditor.get(f"{await made(marisol)}/{kind}")
    assert answer.status_code == 200
    assert "no-store" in answer.headers["cache-control"]
    assert "noindex" in answer.headers["x-robots-tag"]
    assert "aunt Ida" not in answer.text
    assert "2026-11-02" not in answer.text
    assert "aunt Ida" in await marisol.look(f"/desk/export/{kind}?period=2026-10")
    if kind == "jsonl":
        assert all(json.loads(one) for one in answer.text.splitlines())


async def test_it_opens_nothing_else(
    marisol: Desk, auditor: httpx.AsyncClient, row: Neighbours
) -> None:
    path = await made(marisol)
    for other in (f"{path}/pdf", path[:-1], f"{path}x", "/c/elsewhere/audit/" + path[-27:]):
        assert (await auditor.get(other)).status_code == 404, other
    # Neither another period of the address nor a cookie widens it.
    answer = await auditor.get(f"{path}/csv?period=2026")
    assert "2026-11-02" not in answer.text
    for page in ("", "/in/desk", "/in/desk/report"):
        assert (await auditor.get(row.circle.path + page, follow_redirects=False)).status_code in {
            200,
            303,
        }
    assert (await auditor.post(path)).status_code == 405


async def test_it_ends(
    marisol: Desk, auditor: httpx.AsyncClient, clock: MovableClock, host: Host, row: Neighbours
) -> None:
    taken, running = await made(marisol), await made(marisol, "2026", "7")
    async with host.database.read() as db:
        newest, first = await audit_links.every(db, row.circle.id)
    link = first if audit_links.code_of(host.vault, first.id) == taken[-27:] else newest
    await marisol.send(f"{AUDIT}/{link.id.hex()}/revoke")
    await marisol.send(f"{AUDIT}/{link.id.hex()}/revoke")
    over = await auditor.get(taken)
    assert over.status_code == 404
    assert "Ask whoever gave it to you" in words(over.text)
    assert (await auditor.get(taken + "/csv")).status_code == 404
    assert (await auditor.get(running)).status_code == 200
    async with host.database.read() as db:
        kinds = [notice.kind for notice in await notices.pinned(db, row.circle.id)]
    assert (kinds.count("audit-link"), kinds.count("audit-link-revoked")) == (2, 1)
    later = clock.now() + timedelta(days=7, seconds=1)
    async with host.database.read() as db:
        with pytest.raises(audit_links.AuditOverError):
            await audit_links.by_code(db, row.circle.id, running[-27:], later)
    async with host.database.begin() as db:
        await audit_links.purge(db, later + audit_links.KEPT)
    async with host.database.read() as db:
        assert await audit_links.every(db, row.circle.id) == []
    assert retention.NOTE_KEPT > audit_links.KEPT


async def test_who_makes_and_shows_it(marisol: Desk, app: Litestar, row: Neighbours) -> None:
    path = await made(marisol)
    async with desk_of(app, row, "wren") as steward:
        page = await steward.look(AUDIT)
        assert "Take it back" in page
        found = re.search(r"audit/([0-9a-f]{32})/revoke", page)
        assert found is not None
        # Only its maker can show it; any officer can take it back.
        await steward.look(f"{AUDIT}/{found[1]}", 409)
        await steward.send(f"{AUDIT}/{found[1]}/revoke")
        await made(steward)
    async with desk_of(app, row, "bea") as bea:
        await bea.look(AUDIT, 403)
        await bea.send(AUDIT, 403, period="2026-10", days="14")
    await marisol.send(AUDIT, 422, period="1999", days="14")
    await marisol.send(AUDIT, 422, period="2026-10", days="9999")
    assert (await marisol.client.get(path)).status_code == 404
    async with row.host.database.read() as db:
        stored = await db.connection()
        rows = (await stored.exec_driver_sql("SELECT * FROM ledger_audit_link")).all()
    assert path[-27:] not in str(rows)
