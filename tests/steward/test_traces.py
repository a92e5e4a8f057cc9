"""Who left is gone: nothing in the whole database says any more that they were here."""

from __future__ import annotations

from litestar import Litestar
from sqlalchemy import select

from circles import schema
from circles.circle import circles, founding
from circles.host import Host
from circles.ledger import books
from circles.members import people, roll
from circles.protocol.ballot import begin_take
from circles.rounds import rounds, taking
from tests.neighbours import browser_of, invitation_path, member_of
from tests.steward.test_founding import filled


async def _traces(host: Host, *wanted: bytes | str) -> list[str]:
    """Where any of these stands, in any column of any table; texts also inside longer ones."""
    found = []
    async with host.database.read() as db:
        for room, metadata in schema.room_metadata().items():
            for table in metadata.tables.values():
                for row in await db.execute(select(table)):
                    cells = [cell for cell in row if isinstance(cell, bytes | str)]
                    hit = [one for one in wanted for cell in cells if _holds(cell, one)]
                    found += [f"{room}: {table.name}: {one!r}" for one in hit]
    return found


def _holds(cell: bytes | str, wanted: bytes | str) -> bool:
    if isinstance(wanted, bytes):
        return wanted in cell if isinstance(cell, bytes) else wanted.hex() in cell
    return wanted.lower() in cell.lower() if isinstance(cell, str) else wanted.encode() in cell


async def test_who_left_leaves_no_trace_but_a_number(app: Litestar, host: Host) -> None:
    async with browser_of(app, host) as marisol:
        link = (await founding.new_link(host)).removeprefix(host.settings.url)
        assert (await marisol.post(link, data=filled())).status_code == 303
        async with host.database.read() as db:
            circle = await circles.by_slug(db, "maple-row")
            steward = (await people.every(db, circle.id))[0]
        path = await invitation_path(host, circle, steward)
        await member_of(host, circle, "otto")
        async with browser_of(app, host) as leaver:
            new = {"passphrase": "four new words here", "pledge": "500", "norms": "on"}
            joined = await leaver.post(path, data={"handle": "Zebedee", **new})
            assert joined.status_code == 303
            async with host.database.read() as db:
                zebedee = await people.by_handle(db, circle.id, "zebedee")
            assert zebedee is not None
            person = f"/c/maple-row/in/steward/people/{zebedee.id.hex()}"
            await marisol.post(f"{person}/role", data={"role": "steward", "do": "give"})
            await marisol.post(f"{person}/way-back")
            await leaver.post("/c/maple-row/in/steward/invitations")
            await leaver.post("/c/maple-row/in/steward/begin")
            async with host.database.read() as db:
                round_ = await rounds.current(db, circle, host.clock.round_now())
                assert round_ is not None
                line = await roll.line(db, round_.vote.poll_hash, zebedee.id)
            assert line is not None
            body = begin_take(round_.vote.poll).take(line, 0).text()
            await taking.take(host, circle, round_.month, "vote", zebedee, body)
            before = await _traces(host, zebedee.id, "zebedee")
            assert len({trace.split(": ")[1] for trace in before}) >= 7
            left = await leaver.post("/c/maple-row/in/you/leave")
            assert left.status_code == 200, left.text
    assert await _traces(host, zebedee.id, "zebedee", zebedee.book_number) == []
    async with host.database.read() as db:
        # The line itself stays on the roll: the record names the file as it was.
        text = await roll.text(db, round_.vote.poll_hash)
        assert text is not None
        assert await roll.line(db, round_.vote.poll_hash, zebedee.id) is None
        assert await books.fund_minor(db, circle.id) == 0
