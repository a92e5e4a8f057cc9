"""The books passed on: proposed, taken over, the roles changed with it, and kept for ever."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator

import pytest
from litestar import Litestar

from circles.host import Host
from circles.ledger import handovers
from circles.ledger.verify import verify_books
from circles.members import notices, people
from tests.desk.desk import Desk, desk_of, line, maple_row, words
from tests.maple_row import Neighbours


@pytest.fixture
async def row(host: Host) -> Neighbours:
    return await maple_row(host)


@pytest.fixture
async def marisol(app: Litestar, row: Neighbours) -> AsyncIterator[Desk]:
    async with desk_of(app, row) as desk:
        yield desk


async def asked(bea: Desk) -> dict[str, str]:
    """What the taker's page would send."""
    html = await bea.look("/handover")
    return dict(re.findall(r'name="(handover|seen)" value="([^"]+)"', html))


async def keepers(row: Neighbours) -> set[str]:
    async with row.host.database.read() as db:
        return {m.handle for m in await people.every(db, row.circle.id) if m.is_treasurer}


async def test_asked_and_taken_over(
    marisol: Desk, bea: Desk, row: Neighbours, host: Host, app: Litestar
) -> None:
    await row.award("2026-10", {1: 6000}, 500)
    await marisol.fill("/desk/money-in", **line(amount="7"))
    page = words(await marisol.look("/desk/handover"))
    assert "At the bank, by the books 72.00" in page
    assert "Request A 60.00 Not asked for yet" in page
    await marisol.send("/desk/handover", 422, taker="")
    await marisol.send("/desk/handover", taker=marisol.id_of("bea"))
    assert "bea is asked to take over." in words(await marisol.look("/desk/handover"))
    assert "Nobody asks you" not in words(await bea.look("/handover"))
    # Others learn that it is so from the pinboard, and no figures.
    async with desk_of(app, row, "tomasz") as tomasz:
        shown = words(await tomasz.look("/handover"))
        assert "Nobody asks you" in shown
        assert "72.00" not in shown
        await tomasz.send("/handover", 409, **await asked(bea))
    answer = await asked(bea)
    await bea.send("/handover", **answer)
    assert await keepers(row) == {"bea"}
    await marisol.look("/desk", 403)
    await bea.look("/desk")
    await bea.send("/handover", **answer)
    async with host.database.read() as db:
        (one,) = await handovers.every(db, row.circle.id)
        kinds = {notice.kind for notice in await notices.pinned(db, row.circle.id)}
        told = {w.kind for w in await notices.told(db, row.marisol.id)}
    assert (one.bank_minor, one.cash_minor, one.transfers) == (7200, 0, 5)
    assert {"handover-proposed", "handover"} <= kinds
    assert told == {"handover"}
    assert "marisol handed the books over to bea, with 5 lines" in words(await bea.look("/closes"))
    assert await verify_books(host, lambda _checked, _total: None) == []


async def test_what_was_not_seen_is_not_taken_over(
    marisol: Desk, bea: Desk, row: Neighbours
) -> None:
    await marisol.send("/desk/handover", taker=marisol.id_of("bea"))
    answer = await asked(bea)
    await marisol.fill("/desk/money-in", **line(amount="7"))
    refused = await bea.send("/handover", 409, **answer)
    assert "Something was booked while you read" in words(refused.text)
    assert await keepers(row) == {"marisol"}
    await bea.send("/handover", 400, handover=answer["handover"])
    await bea.send("/handover", **await asked(bea))
    assert await keepers(row) == {"bea"}


async def test_not_after_all(marisol: Desk, bea: Desk, row: Neighbours, app: Litestar) -> None:
    await marisol.send("/desk/handover", taker=marisol.id_of("bea"))
    answer = await asked(bea)
    async with desk_of(app, row, "tomasz") as tomasz:
        await tomasz.send("/handover/withdraw", 403, handover=answer["handover"])
    await bea.send("/handover/withdraw", handover=answer["handover"])
    await bea.send("/handover/withdraw", handover=answer["handover"])
    await bea.send("/handover", 409, **answer)
    assert await keepers(row) == {"marisol"}
    await bea.look("/desk/handover", 403)


async def test_a_role_taken_meanwhile_is_not_passed_on(
    marisol: Desk, bea: Desk, row: Neighbours, host: Host
) -> None:
    await marisol.send("/desk/handover", taker=marisol.id_of("bea"))
    answer = await asked(bea)
    async with host.database.begin() as db:
        await people.set_role(db, row.circle.id, row.marisol.id, "treasurer", holds=False)
    refused = await bea.send("/handover", 409, **answer)
    assert "does not keep the books any more" in words(refused.text)
    assert await keepers(row) == set()
