"""A month closed at the desk and on another phone: pages, roles, pinboard, log."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from litestar import Litestar

from circles import log
from circles.ledger import books, periods
from circles.ledger.bank import lines, matches
from circles.ledger.verify import verify_books
from circles.members import notices, people
from circles.protocol.messages import parse_entry
from circles.protocol.records import Seal
from circles.protocol.text import b64
from tests.desk.desk import Desk, desk_of, line, words
from tests.ledger.banks import bring, file_of, statement
from tests.ledger.banks import line as bank_line
from tests.maple_row import Neighbours

NOVEMBER = datetime(2026, 11, 3, 9, 0, tzinfo=UTC)
RECONCILE = "/desk/reconcile"


async def proposed(desk: Desk, month: str = "2026-10") -> str:
    """The proposal's id, as the second person's page sends it."""
    await desk.send(RECONCILE, month=month, bank="30", cash="4")
    async with desk.row.host.database.read() as db:
        waiting = await periods.proposal(db, desk.row.circle.id)
    assert waiting is not None
    return waiting.id.hex()


async def pinned(row: Neighbours) -> list[str]:
    async with row.host.database.read() as db:
        return [notice.kind for notice in await notices.pinned(db, row.circle.id)]


async def seals(row: Neighbours) -> list[Seal]:
    async with row.host.database.read() as db:
        entries = await log.entries(db, row.circle.id)
    found = [parse_entry(entry.data) for entry in entries]
    return [record for record in found if isinstance(record, Seal)]


async def test_from_the_desk_to_the_seal(treasurer: Desk, bea: Desk, row: Neighbours) -> None:
    assert "October 2026 can be closed." in words(await treasurer.look(RECONCILE))
    assert "No month is closed yet." in words(await bea.look("/closes"))
    proposal = await proposed(treasurer)
    assert "waits for a second person" in words(await treasurer.look(RECONCILE))
    page = words(await bea.look("/closes"))
    assert "Do bank and books say the same?" in page
    assert "The books say is at the bank 30.00" in page
    # Not without having looked.
    answer = await bea.send("/closes", 422, proposal=proposal)
    assert "look at the bank’s page first" in words(answer.text)
    await bea.send("/closes", proposal=proposal, looked="on")
    assert "Closed up to October 2026." in words(await bea.look("/closes"))
    assert "marisol and bea" in words(await bea.look("/closes"))
    assert {"month-closed", "close-proposed"} <= set(await pinned(row))
    (seal,) = await seals(row)
    async with row.host.database.read() as db:
        (closed,) = await periods.closes(db, row.circle.id)
        fund = await books.undecided_minor(db, row.circle.id)
    assert (seal.month, seal.transfers, seal.head) == ("2026-10", closed.transfers, closed.head)
    assert seal.fund_minor == fund
    assert f"{seal.transfers} lines, head {b64(seal.head)}" in words(await bea.look("/closes"))
    stored = {row.circle.id: await seals(row)}
    assert await verify_books(row.host, lambda _checked, _total: None, stored) == []
    # Twice is once, and nothing can be booked there any more.
    await bea.send("/closes", proposal=proposal, looked="on")
    assert len(await seals(row)) == 1
    refused = await treasurer.fill("/desk/money-in", 409, **line(amount="1", whose="gift"))
    assert "closed up to 31 October" in words(refused.text)
    shown = words(await treasurer.look(RECONCILE + "?month=2026-10"))
    assert "October 2026 is closed." in shown
    assert "proposed by marisol and confirmed by bea" in shown


async def test_what_is_missing_is_said_at_its_field(treasurer: Desk) -> None:
    answer = await treasurer.send(RECONCILE, 409, month="2026-10", bank="29.99", cash="")
    page = words(answer.text)
    assert "The books say something else" in page
    assert "Please count the tin." in page
    assert 'value="29.99"' in answer.text
    answer = await treasurer.send(RECONCILE, 422, month="2026-10", bank="thirty", cash="4")
    assert "is no amount" in words(answer.text)
    await treasurer.send(RECONCILE, 404, month="October", bank="30", cash="4")
    page = words(await treasurer.look(RECONCILE + "?month=2026-11"))
    assert "Two things stand against closing November 2026." in page
    assert "The month still runs." in page
    assert "Close October 2026" in page


async def test_only_the_treasurer_proposes_and_another_confirms(
    app: Litestar, treasurer: Desk, row: Neighbours, bea: Desk
) -> None:
    await bea.look(RECONCILE, 403)
    await bea.send(RECONCILE, 403, month="2026-10", bank="30", cash="4")
    proposal = await proposed(treasurer)
    answer = await treasurer.send("/closes", 403, proposal=proposal, looked="on")
    assert "Another one of us" in words(answer.text)
    await treasurer.send(RECONCILE + "/alone", 403, proposal=proposal)
    # Somebody with a way back in these days signs nothing.
    async with row.host.database.begin() as db:
        await people.set_role(db, row.circle.id, row.wren.id, "steward", holds=True)
    async with desk_of(app, row, "wren") as wren:
        sent = await wren.send(f"/steward/people/{row.bea.id.hex()}/way-back")
        shown = (await wren.client.get(sent.headers["location"])).text
        link = re.search(r"/way-back/[\w-]+", shown)
        assert link is not None
        used = await wren.client.post(
            row.circle.path + link[0], data={"passphrase": "seven quiet owls by the lake"}
        )
        assert used.status_code == 303
    async with desk_of(app, row, "bea") as back:
        assert "Another one of us looks." in words(await back.look("/closes"))
        answer = await back.send("/closes", 403, proposal=proposal, looked="on")
        assert "back in, a few days ago" in words(answer.text)
    async with desk_of(app, row, "tomasz") as tomasz:
        await tomasz.send("/closes", proposal=proposal, looked="on")


async def test_a_stale_proposal_says_so(treasurer: Desk, bea: Desk) -> None:
    proposal = await proposed(treasurer)
    await treasurer.fill("/desk/money-in", **line(amount="1", whose="gift", on="2026-10-30"))
    assert "It changed since it was proposed." in words(await bea.look("/closes"))
    answer = await bea.send("/closes", 409, proposal=proposal, looked="on")
    assert "nothing was closed" in words(answer.text)
    page = words(await treasurer.look(RECONCILE))
    assert "nobody can confirm it any more" in page
    await treasurer.send(RECONCILE, month="2026-10", bank="31", cash="4")
    assert "Do bank and books say the same?" in words(await bea.look("/closes"))


async def test_what_is_found_later_is_put_right_in_the_open_month(
    treasurer: Desk, bea: Desk, row: Neighbours
) -> None:
    """Bea's money was Tomasz's, and October, with its line of the bank, is closed."""
    host, circle = row.host, row.circle
    await bring(host, circle.id, file_of(statement([bank_line(1, 3000)], opening=0, days=(1, 31))))
    async with host.database.begin() as db:
        (waiting,) = await lines.waiting(db, host.vault, circle.id)
        paid = next(
            one.transfer
            for one in await books.journal(db, circle.id, limit=9)
            if one.transfer.kind == "contribution"
        )
        await matches.tie(
            db, circle.id, [waiting.id], [paid.id], tier="C", reason="t", actor=1, now=row.now
        )
    await treasurer.send(RECONCILE, month="2026-10", cash="4")
    async with host.database.read() as db:
        asked = await periods.proposal(db, circle.id)
    assert asked is not None
    assert asked.figures.source == "files"
    await bea.send("/closes", proposal=asked.id.hex(), looked="on")
    await treasurer.fill(f"/desk/books/{paid.id.hex()}/undo", note="It was Tomasz, on 1 October.")
    right = line(amount="30", whose=treasurer.id_of("tomasz"), on="2026-11-03")
    await treasurer.fill("/desk/money-in", **right)
    assert (await row.member_holds("bea"), await row.member_holds("tomasz")) == (0, 3000)
    async with host.database.read() as db:
        before = await periods.look(db, circle.id, "2026-10")
        now = await periods.look(db, circle.id, "2026-11")
    assert (before.book_minor, before.difference_minor) == (3000, 0)
    assert (now.book_minor, now.untied_transfers.minor, now.difference_minor) == (3000, 0, 0)
    assert await verify_books(host, lambda _checked, _total: None) == []


async def test_a_wrong_line_of_an_open_month_is_undone_in_it(
    treasurer: Desk, bea: Desk, row: Neighbours
) -> None:
    """Found in November while comparing October, which agrees with the bank again."""
    twice = line(amount="7", whose=treasurer.id_of("tomasz"), on="2026-10-04")
    await treasurer.fill("/desk/money-in", **twice)
    async with row.host.database.read() as db:
        entry = (await books.journal(db, row.circle.id, limit=1, kinds=("contribution",)))[0]
    assert "something else" in words(
        (await treasurer.send(RECONCILE, 409, month="2026-10", bank="30", cash="4")).text
    )
    await treasurer.send(f"/desk/books/{entry.transfer.id.hex()}/undo")
    await bea.send("/closes", proposal=await proposed(treasurer), looked="on")
    async with row.host.database.read() as db:
        looked = await periods.look(db, row.circle.id, "2026-10")
    assert looked.book_minor == 3000
    assert await verify_books(row.host, lambda _checked, _total: None) == []


async def test_taken_back(treasurer: Desk, bea: Desk) -> None:
    proposal = await proposed(treasurer)
    await treasurer.send(RECONCILE + "/withdraw", proposal=proposal)
    await treasurer.send(RECONCILE + "/withdraw", proposal=proposal)
    assert "No month is closed yet." in words(await bea.look("/closes"))
    answer = await bea.send("/closes", 409, proposal=proposal, looked="on")
    assert "taken back" in words(answer.text)


async def test_a_circle_of_one_officer_closes_openly_alone(
    treasurer: Desk, row: Neighbours, bea: Desk
) -> None:
    async with row.host.database.begin() as db:
        await people.set_role(db, row.circle.id, row.marisol.id, "steward", holds=True)
        await people.set_role(db, row.circle.id, row.wren.id, "steward", holds=False)
    proposal = await proposed(treasurer)
    assert "the only one here who holds an office" in words(await treasurer.look(RECONCILE))
    await bea.send(RECONCILE + "/alone", 403, proposal=proposal)
    await treasurer.send(RECONCILE + "/alone", proposal=proposal)
    assert "month-closed-alone" in await pinned(row)
    assert "marisol alone, the only officer then" in words(await bea.look("/closes"))
    assert "by marisol alone" in words(await treasurer.look(RECONCILE + "?month=2026-10"))
