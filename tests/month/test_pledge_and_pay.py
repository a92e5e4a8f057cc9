"""Pledging and paying in, as one member sees it."""

from __future__ import annotations

import json
import re
from datetime import timedelta

import pytest
from litestar import Litestar

from circles.circle import iban, reference
from circles.circle.circles import Circle
from circles.clock import MovableClock
from circles.dues import dues
from circles.errors import ConflictError
from circles.host import Host
from circles.ledger import books, chart
from circles.ledger.books import NewTransfer
from circles.members import notices, people, pledges
from circles.members.people import LastStewardError, Member
from circles.month.pay import Standing, standing
from tests.neighbours import browser_of, circle_of, invitation_path, member_of

MONTH = "2026-10"


async def _circle(host: Host, **changes: object) -> Circle:
    circle = await circle_of(host, **changes)
    async with host.database.begin() as db:
        await books.open_book(db, circle.id, circle.currency, host.clock.now())
    return circle


async def _contribute(host: Host, circle: Circle, member: Member, amount_minor: int) -> None:
    """Money arrives from a member, as the treasurer records it."""
    now = host.clock.round_now()
    came = NewTransfer(
        kind="contribution",
        debit=chart.bank(),
        credit=chart.member(member.book_number),
        amount_minor=amount_minor,
        effective_on=dues.local_day(circle, now),
        actor=7,
    )
    async with host.database.begin() as db:
        await books.record(db, circle.id, [came], key=None, now=now)
        await dues.settle(db, circle, now)


async def _standing(host: Host, circle: Circle, member: Member) -> Standing:
    async with host.database.read() as db:
        return await standing(db, circle, member, host.clock.round_now())


async def test_the_page_says_where_how_much_and_under_which_reference(
    app: Litestar, host: Host
) -> None:
    circle = await _circle(host)
    wren = await member_of(host, circle, "wren", pledge_minor=1000)
    await member_of(host, circle, "otto", pledge_minor=1234)
    async with browser_of(app, host, circle, "wren") as client:
        text = (await client.get("/c/maple-row/in/pay")).text
    assert "10 euros for October." in text
    for words in ("Maple Row Circle", "DE89 3704 0044 0532 0130 00", "10.00\u00a0euros"):
        assert words in text
    ref = reference.of(wren.book_number)
    assert reference.shown(ref) in text
    assert reference.book_number_in(ref) == wren.book_number
    assert '<svg role="img" aria-label="Code for your bank’s app' in text
    assert "style=" not in text
    assert "12.34" not in text


async def test_no_code_where_banks_read_none(app: Litestar, host: Host) -> None:
    dollars = await _circle(host, currency="USD", name="Dollar Street")
    await member_of(host, dollars, "wren", pledge_minor=1000)
    cash = await _circle(
        host, name="Cash Lane", pay_iban="", pay_holder="", pay_words="To Otto, on Fridays."
    )
    await member_of(host, cash, "wren", pledge_minor=1000)
    async with browser_of(app, host, dollars, "wren") as client:
        text = (await client.get("/c/dollar-street/in/pay")).text
        assert "DE89 3704" in text
        assert "Code for your bank" not in text
    async with browser_of(app, host, cash, "wren") as client:
        text = (await client.get("/c/cash-lane/in/pay")).text
        assert "To Otto, on Fridays." in text
        assert "IBAN" not in text


async def test_a_month_from_pledge_to_fund(app: Litestar, host: Host) -> None:
    circle = await _circle(host)
    wren = await member_of(host, circle, "wren", pledge_minor=1000)
    await dues.raise_dues(host, circle, MONTH)
    await _contribute(host, circle, wren, 400)
    stands = await _standing(host, circle, wren)
    assert (stands.month, stands.to_pay_minor, stands.is_in) == (MONTH, 600, False)
    await _contribute(host, circle, wren, 900)
    stands = await _standing(host, circle, wren)
    assert (stands.to_pay_minor, stands.is_in, stands.held_minor) == (0, True, 300)
    assert not stands.can_skip
    async with host.database.read() as db:
        assert await books.fund_minor(db, circle.id) == 1000
    async with browser_of(app, host, circle, "wren") as client:
        text = (await client.get("/c/maple-row/in/pay")).text
        assert "October is in. Thank you." in text
        assert "3.00\u00a0euros of it waits" in text
        assert "Skip October" not in text
        late = await client.post("/c/maple-row/in/pledge/skip", data={"month": MONTH})
        assert late.status_code == 409


async def test_another_amount_counts_from_the_next_due_on(app: Litestar, host: Host) -> None:
    circle = await _circle(host)
    wren = await member_of(host, circle, "wren", pledge_minor=500)
    await dues.raise_dues(host, circle, MONTH)
    async with browser_of(app, host, circle, "wren") as client:
        assert "From November on" in (await client.get("/c/maple-row/in/pledge")).text
        changed = await client.post("/c/maple-row/in/pledge", data={"pledge": "1000"})
        assert changed.status_code == 303
        assert "10 euros a month." in (await client.get("/c/maple-row/in/pledge")).text
    async with host.database.begin() as db:
        assert [due.amount_minor for due in await pledges.waiting(db, circle.id)] == [500]
        assert await pledges.due_amounts(db, circle.id, "2026-11") == [
            (wren.id, wren.book_number, 1000)
        ]
        await pledges.raise_dues(db, circle.id, MONTH)
        assert [due.amount_minor for due in await pledges.waiting(db, circle.id)] == [500]


async def test_what_is_no_amount_is_said_and_nothing_changes(app: Litestar, host: Host) -> None:
    circle = await _circle(host)
    wren = await member_of(host, circle, "wren", pledge_minor=500)
    async with browser_of(app, host, circle, "wren") as client:
        for other in ("0", "-5", "1e30", "NaN", "", "50.01", "5.001", "five", "1" * 40):
            data = {"pledge": "other", "other": other}
            answer = await client.post("/c/maple-row/in/pledge", data=data)
            assert answer.status_code == 422, other
            assert 'id="other-trouble"' in answer.text, other
        good = await client.post(
            "/c/maple-row/in/pledge", data={"pledge": "other", "other": "5,50"}
        )
        assert good.status_code == 303
    async with host.database.read() as db:
        assert (await pledges.of(db, wren.id)).amount_minor == 550


async def test_one_amount_picked_and_another_written_is_asked_about(
    app: Litestar, host: Host
) -> None:
    circle = await _circle(host)
    wren = await member_of(host, circle, "wren", pledge_minor=1200)
    async with browser_of(app, host, circle, "wren") as client:
        for other in ("7", "five"):
            data = {"pledge": "500", "other": other}
            answer = await client.post("/c/maple-row/in/pledge", data=data)
            assert answer.status_code == 422, other
            assert "You picked one amount and wrote another." in answer.text
        # What stood in the box before, and the same amount again, are no other amount.
        for other in ("12", "5", ""):
            data = {"pledge": "500", "other": other}
            assert (await client.post("/c/maple-row/in/pledge", data=data)).status_code == 303
            async with host.database.begin() as db:
                assert (await pledges.of(db, wren.id)).amount_minor == 500
                await pledges.change(db, circle, wren.id, 1200, host.clock.now())


async def test_pause_and_take_up_again(app: Litestar, host: Host) -> None:
    circle = await _circle(host)
    wren = await member_of(host, circle, "wren", pledge_minor=500)
    async with browser_of(app, host, circle, "wren") as client:
        await client.post("/c/maple-row/in/pledge/pause")
        assert "Your pledge rests." in (await client.get("/c/maple-row/in/pledge")).text
        assert await dues.raise_dues(host, circle, MONTH) == 0
        await client.post("/c/maple-row/in/pledge/resume")
        assert await dues.raise_dues(host, circle, "2026-11") == 1
    async with host.database.read() as db:
        assert await pledges.of(db, wren.id) == pledges.Pledge(500, False, frozenset())


async def test_skip_and_think_again(app: Litestar, host: Host) -> None:
    circle = await _circle(host)
    wren = await member_of(host, circle, "wren", pledge_minor=500)
    await dues.raise_dues(host, circle, MONTH)
    async with browser_of(app, host, circle, "wren") as client:
        skipped = await client.post("/c/maple-row/in/pledge/skip", data={"month": MONTH})
        assert skipped.status_code == 303
        text = (await client.get("/c/maple-row/in/pay")).text
        assert "You leave out October." in text
        # What arrives meanwhile is kept, and moves once the month counts again.
        await _contribute(host, circle, wren, 500)
        async with host.database.read() as db:
            assert await books.fund_minor(db, circle.id) == 0
        again = await client.post("/c/maple-row/in/pledge/unskip", data={"month": MONTH})
        assert again.status_code == 303
        other = await client.post("/c/maple-row/in/pledge/skip", data={"month": "2027-01"})
        assert other.status_code == 409
    async with host.database.read() as db:
        assert await books.fund_minor(db, circle.id) == 500


async def test_a_month_that_did_not_arrive_reads_skipped(app: Litestar, host: Host) -> None:
    circle = await _circle(host)
    wren = await member_of(host, circle, "wren", pledge_minor=500)
    await dues.raise_dues(host, circle, MONTH)
    await dues.raise_dues(host, circle, "2026-11")
    async with host.database.read() as db:
        states = [(due.month, due.state) for due in await pledges.dues_of(db, wren.id)]
    assert states == [(MONTH, "dropped"), ("2026-11", "waiting")]
    async with browser_of(app, host, circle, "wren") as client:
        text = (await client.get("/c/maple-row/in/pay")).text
    assert re.search(r"October 2026</th><td>skipped", text)
    with pytest.raises(ConflictError):
        async with host.database.begin() as db:
            await pledges.mark_moved(
                db, (await pledges.waiting(db, circle.id))[0].id, host.clock.now()
            )
            await pledges.skip(db, wren.id, "2026-11")


# ------------------------------------------------------------------ data and leaving


async def test_own_data_is_complete_and_says_what_it_cannot_hold(app: Litestar, host: Host) -> None:
    circle = await _circle(host)
    wren = await member_of(host, circle, "wren", "steward", pledge_minor=500)
    await member_of(host, circle, "otto", pledge_minor=777)
    await invitation_path(host, circle, wren)
    await dues.raise_dues(host, circle, MONTH)
    await _contribute(host, circle, wren, 500)
    async with host.database.begin() as db:
        await notices.tell(db, wren.id, "role-given", {"role": "steward"}, host.clock.now())
    async with browser_of(app, host, circle, "wren") as client:
        answer = await client.get("/c/maple-row/in/you/data.json")
    assert answer.headers["content-type"].startswith("application/json")
    assert "attachment" in answer.headers["content-disposition"]
    data = json.loads(answer.content)
    assert data["account"]["book_number"] == wren.book_number
    assert data["account"]["actor"] == wren.actor
    assert data["pledge"]["months"][0]["state"] == "moved"
    assert [line["amount_minor"] for line in data["books"]] == [500, -500]
    assert len(data["signed_in"]) == len(data["invitations_you_made"]) == 1
    assert data["words_for_you"][0]["kind"] == "role-given"
    assert any("ballots" in words for words in data["not_in_here"])
    assert b"argon2id$" not in answer.content
    assert b"otto" not in answer.content
    assert b"777" not in answer.content


async def test_leaving_gives_the_rest_to_the_fund(app: Litestar, host: Host) -> None:
    circle = await _circle(host)
    wren = await member_of(host, circle, "wren", pledge_minor=500)
    marisol = await member_of(host, circle, "Marisol", "steward")
    async with host.database.begin() as db:
        await notices.pin(db, circle.id, "joined", {"who_id": wren.id.hex()}, host.clock.now())
    await dues.raise_dues(host, circle, MONTH)
    await _contribute(host, circle, wren, 800)
    async with browser_of(app, host, circle, "wren") as client:
        page = await client.get("/c/maple-row/in/you/leave")
        assert "3.00\u00a0euros of yours was not used yet" in page.text
        unsaid = await client.post("/c/maple-row/in/you/leave")
        assert unsaid.status_code == 422
        gone = await client.post("/c/maple-row/in/you/leave", data={"rest": "give"})
        assert gone.status_code == 200
        assert "You have left." in gone.text
        assert "Max-Age=0" in gone.headers["set-cookie"]
        assert (await client.get("/c/maple-row/in/you")).status_code == 303
    async with host.database.read() as db:
        assert [one.handle for one in await people.every(db, circle.id)] == ["Marisol"]
        assert await books.fund_minor(db, circle.id) == 800
        assert len(await books.statement_of(db, circle.id, wren.book_number)) == 3
        pinned = await notices.pinned(db, circle.id)
        assert {n.kind: n.values for n in pinned} == {"left": {}, "joined": {"who": ""}}
        assert await notices.told(db, marisol.id) == []
        assert await pledges.waiting(db, circle.id) == []


async def test_leaving_asks_the_rest_back(app: Litestar, host: Host) -> None:
    circle = await _circle(host)
    wren = await member_of(host, circle, "wren")
    otto = await member_of(host, circle, "otto", "treasurer")
    await member_of(host, circle, "Marisol", "steward")
    await _contribute(host, circle, wren, 800)
    async with browser_of(app, host, circle, "wren") as client:
        silent = await client.post("/c/maple-row/in/you/leave", data={"rest": "refund"})
        assert silent.status_code == 422
        data = {"rest": "refund", "reach": "ring at number 7"}
        assert (await client.post("/c/maple-row/in/you/leave", data=data)).status_code == 200
    async with host.database.read() as db:
        assert await books.member_minor(db, circle.id, wren.book_number) == 800
        told = await notices.told(db, otto.id)
    assert told[0].values == {
        "number": wren.book_number,
        "amount_minor": "800",
        "reach": "ring at number 7",
    }
    async with browser_of(app, host, circle, "otto") as client:
        text = (await client.get("/c/maple-row/in/told")).text
    assert "8.00\u00a0euros" in text
    assert "ring at number 7" in text


async def test_a_circle_is_never_left_without_a_steward(app: Litestar, host: Host) -> None:
    circle = await _circle(host)
    marisol = await member_of(host, circle, "Marisol", "steward")
    wren = await member_of(host, circle, "wren")
    async with browser_of(app, host, circle, "Marisol") as client:
        assert "You are the only steward" in (await client.get("/c/maple-row/in/you/leave")).text
        refused = await client.post("/c/maple-row/in/you/leave")
        assert refused.status_code == 422
        assert (await client.get("/c/maple-row/api/session")).status_code == 200
    async with host.database.begin() as db:
        with pytest.raises(LastStewardError):
            await people.set_role(db, circle.id, marisol.id, "steward", holds=False)
        assert await people.set_role(db, circle.id, wren.id, "steward", holds=True)
        await people.leave(db, circle.id, marisol.id)


def test_references_and_accounts() -> None:
    assert reference.of("M0007") == "RF95M0007"
    assert reference.shown("RF95M0007") == "RF95 M000 7"
    assert reference.book_number_in(" rf95 m000 7") == "M0007"
    for wrong in ("RF95M0008", "RF59M0007", "M0007", "RF", "RF95", "RF95M00é7"):
        assert reference.book_number_in(wrong) is None
    assert iban.parse("gb82 west 1234 5698 7654 32") == "GB82WEST12345698765432"
    for wrong in ("GB82WEST12345698765431", "GB82", "", "82GBWEST12345698765432", "DE١٢"):
        with pytest.raises(iban.IbanError):
            iban.parse(wrong)


async def test_pledges_run_on_the_circles_clock(host: Host, clock: MovableClock) -> None:
    circle = await _circle(host)
    wren = await member_of(host, circle, "wren", pledge_minor=500)
    clock.set_round(clock.now() + timedelta(days=31))
    assert (await _standing(host, circle, wren)).month == "2026-11"
