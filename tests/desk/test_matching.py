"""Lines of the bank become lines of the books: once, whole, and back again."""

from __future__ import annotations

import asyncio
import time
from datetime import timedelta
from typing import Any

import pytest

from circles.circle import reference
from circles.desk import booking, match_booking, match_undo, matching
from circles.desk.match_booking import Answer
from circles.dues import dues, parting
from circles.errors import ConflictError, InvalidError
from circles.host import Host
from circles.ledger import books, chart, payers, payouts
from circles.ledger.bank import matches
from circles.ledger.bank.matches import TiedAlreadyError
from circles.ledger.matching.values import Part
from circles.ledger.statements.model import Detail, StatementLine
from circles.ledger.verify import verify_books
from tests.desk.desk import maple_row
from tests.desk.test_payments import counted
from tests.ledger.banks import bring, line, waiting
from tests.maple_row import Neighbours

MONTH = "2026-10"
OLD_IBAN, NEW_IBAN = "FR7630006000011234567890189", "NL91ABNA0417164300"


class Bench:
    """A treasurer's table: lines laid on it, and what is said of them."""

    def __init__(self, row: Neighbours) -> None:
        self.row, self.host, self.circle = row, row.host, row.circle

    @classmethod
    async def of(cls, host: Host, *, dues_of: str = MONTH) -> Bench:
        row = await maple_row(host)
        await dues.raise_dues(host, row.circle, dues_of)
        return cls(row)

    def ref(self, name: str) -> str:
        return reference.of(self.row.members[name].book_number)

    async def lay(self, *found: StatementLine) -> None:
        await bring(self.host, self.circle.id, found)

    async def sitting(self) -> matching.Sitting:
        async with self.host.database.read() as db:
            return await matching.sitting(db, self.host, self.circle, self.row.now)

    async def the_line(self) -> matching.Waiting:
        (one,) = (await self.sitting()).waiting
        return one

    async def say(self, line_id: bytes, *parts: Part, **more: Any) -> bool:
        answer = Answer(parts, **more)
        return await match_booking.confirm(
            self.host, self.circle, self.row.marisol, line_id, answer
        )

    async def certain(self) -> match_booking.Confirmed:
        shown = {
            one.line.id: match_booking.written(one.proposal.only.parts)
            for one in (await self.sitting()).waiting
            if one.proposal.only is not None and one.proposal.is_certain
        }
        return await match_booking.confirm_certain(self.host, self.circle, self.row.marisol, shown)

    async def undo(self, line_id: bytes) -> bool:
        return await match_undo.undo(self.host, self.circle, self.row.marisol, line_id)

    def part(self, name: str, amount: int = 1000) -> Part:
        return Part("contribution", amount, self.row.members[name].book_number)

    async def live(self) -> list[matches.Match]:
        async with self.host.database.read() as db:
            return await matches.live(db, self.circle.id)

    async def links(self) -> list[payers.Link]:
        async with self.host.database.read() as db:
            return await payers.links(db, self.circle.id)

    async def is_sound(self) -> bool:
        return await verify_books(self.host, lambda _checked, _total: None) == []


@pytest.fixture
async def bench(host: Host) -> Bench:
    return await Bench.of(host)


async def test_certain_ones_are_booked_at_once_and_once(bench: Bench) -> None:
    await bench.lay(
        line(1, 1000, text=bench.ref("bea").lower()),
        line(1, 600, text="to " + bench.ref("jonas")),
        line(2, 400, text=bench.ref("jonas")),
        line(2, 777, text="who knows"),
    )
    done = await bench.certain()
    assert (done.booked, done.changed, done.refused) == (3, 0, ())
    assert await bench.row.holds(chart.FUND) == 2000
    assert await bench.row.holds(chart.MAIN_BANK) == 2000
    assert len(await waiting(bench.host, bench.circle.id)) == 1
    assert (await bench.certain()).booked == 0
    assert {match.tier for match in await bench.live()} == {"A"}
    assert await bench.is_sound()


async def test_a_stale_page_books_nothing_twice(bench: Bench) -> None:
    await bench.lay(line(1, 1000, text=bench.ref("bea")))
    one = await bench.the_line()
    assert one.proposal.only is not None
    field = match_booking.written(one.proposal.only.parts)
    for expected in (True, False, False):
        fresh = await match_booking.confirm_shown(
            bench.host, bench.circle, bench.row.marisol, one.line.id, field
        )
        assert fresh is expected
    assert not await bench.say(one.line.id, bench.part("bea"))
    with pytest.raises(TiedAlreadyError, match="Something else was said"):
        await bench.say(one.line.id, bench.part("jonas"))
    shown = {one.line.id: field}
    again = await match_booking.confirm_certain(bench.host, bench.circle, bench.row.marisol, shown)
    assert (again.booked, again.changed) == (0, 0)
    assert await bench.row.holds(chart.MAIN_BANK) == 1000


async def test_two_treasurers_at_once_book_it_once(bench: Bench) -> None:
    await bench.lay(line(1, 1000, text=bench.ref("bea")), line(2, 500, text="x"))
    first, second = (await bench.sitting()).waiting
    answers = await asyncio.gather(
        *(bench.say(first.line.id, bench.part("bea")) for _ in range(3)),
        bench.say(second.line.id, Part("gift", 500)),
        bench.say(second.line.id, Part("suspense", 500)),
        return_exceptions=True,
    )
    assert sorted(map(str, answers[:3])) == ["False", "False", "True"]
    assert [isinstance(answer, TiedAlreadyError) for answer in answers[3:]].count(True) == 1
    assert await bench.row.holds(chart.MAIN_BANK) == 1500
    assert await bench.is_sound()


async def test_a_batch_of_many(bench: Bench) -> None:
    details = tuple(Detail(100, f"N{n}", None, bench.ref("bea")) for n in range(40))
    await bench.lay(line(1, 4000, who="", details=details))  # type: ignore[arg-type]  # no text
    assert (await bench.certain()).booked == 1
    assert await bench.row.holds(chart.MAIN_BANK) == 4000


async def test_one_line_for_two_and_its_undoing(bench: Bench) -> None:
    await bench.lay(line(3, 2000, counterparty_iban=OLD_IBAN))
    one = await bench.the_line()
    assert await bench.say(one.line.id, bench.part("bea"), bench.part("jonas"))
    assert await bench.row.holds(chart.FUND) == 2000
    assert [link.number for link in await bench.links()] == sorted(
        bench.row.members[name].book_number for name in ("bea", "jonas")
    )
    assert await bench.undo(one.line.id)
    assert not await bench.undo(one.line.id)
    assert (await bench.row.holds(chart.FUND), await bench.row.holds(chart.MAIN_BANK)) == (0, 0)
    assert await bench.links() == []
    assert (await bench.the_line()).line.id == one.line.id
    assert await bench.say(one.line.id, bench.part("ines", 1500), Part("gift", 500))
    assert await bench.row.holds(chart.FUND) == 1500
    assert await bench.is_sound()


async def test_an_account_is_learned_by_confirming_alone(bench: Bench) -> None:
    await bench.lay(line(1, 1000, who="B. Smith", counterparty_iban=OLD_IBAN))
    one = await bench.the_line()
    assert one.proposal.tier == "D"
    await bench.say(one.line.id, bench.part("bea"))
    await dues.raise_dues(bench.host, bench.circle, "2026-11")
    await bench.lay(line(29, 1000, who="B. Smith", counterparty_iban=OLD_IBAN))
    later = await bench.the_line()
    assert (later.proposal.tier, later.proposal.reason.code) == ("B", "payer-amount")
    async with bench.host.database.begin() as db:
        await parting.part(
            db, bench.circle, bench.row.bea, give=True, reach="", round_now=bench.row.now,
            at=bench.host.clock.now(),
        )  # fmt: skip
    assert await bench.links() == []
    assert (await bench.the_line()).proposal.tier == "D"


async def test_what_is_learned_cannot_be_read_without_the_key(bench: Bench) -> None:
    await bench.lay(line(1, 1000, counterparty_iban=OLD_IBAN))
    await bench.say((await bench.the_line()).line.id, bench.part("bea"))
    (link,) = await bench.links()
    number = bench.row.bea.book_number
    payer = f"account:{OLD_IBAN}"
    assert payers.mark(bench.host.vault, bench.circle.id, number, payer) == link.mark
    other = payers.mark(bench.host.vault, bench.circle.id, bench.row.ines.book_number, payer)
    assert other != link.mark


async def test_typed_before_is_tied_and_not_booked_again(bench: Bench) -> None:
    typed = await bench.row.pay_in("bea", 1000)
    await bench.lay(line(1, 1000, text=bench.ref("bea")))
    one = await bench.the_line()
    assert one.proposal.only is not None
    assert one.proposal.only.parts == (Part("tie", 1000, None, typed.id),)
    assert (await bench.certain()).booked == 1
    assert await bench.row.holds(chart.MAIN_BANK) == 1000
    await bench.undo(one.line.id)
    assert await bench.row.holds(chart.MAIN_BANK) == 1000
    assert (await bench.the_line()).proposal.is_certain


async def test_undo_in_the_books_unties_too(bench: Bench) -> None:
    await bench.lay(line(1, 2000, text="x"), line(2, 1000, text="y"))
    first, second = (await bench.sitting()).waiting
    await bench.say(first.line.id, bench.part("bea"), bench.part("jonas"))
    typed = await bench.row.pay_in("ines", 1000)
    await bench.say(second.line.id, Part("tie", 1000, None, typed.id))
    (match,) = [m for m in await bench.live() if m.line_ids == (first.line.id,)]
    for transfer_id in (match.transfer_ids[1], typed.id):
        await booking.undo(bench.host, bench.circle, bench.row.marisol, transfer_id, None)
    assert await bench.live() == []
    assert await bench.row.holds(chart.MAIN_BANK) == 0
    assert len((await bench.sitting()).waiting) == 2
    assert await bench.is_sound()


async def test_suspense_and_its_owner(bench: Bench) -> None:
    await bench.lay(line(1, 1000, text="x"))
    one = await bench.the_line()
    await bench.say(one.line.id, Part("suspense", 1000))
    assert await bench.row.holds(chart.SUSPENSE) == 1000
    (match,) = await bench.live()
    number = bench.row.bea.book_number
    await booking.claim(bench.host, bench.circle, bench.row.marisol, match.transfer_ids[0],
                        number, bench.row.now.date(), None)  # fmt: skip
    with pytest.raises(match_undo.NotUndoneError, match="found an owner"):
        await bench.undo(one.line.id)
    assert len(await bench.live()) == 1
    assert [link.number for link in await bench.links()] == [number]
    async with bench.host.database.read() as db:
        found = await books.journal(db, bench.circle.id, limit=5, kinds=("identify",))
    await booking.undo(bench.host, bench.circle, bench.row.marisol, found[0].transfer.id, None)
    assert await bench.links() == []
    assert await bench.undo(one.line.id)
    assert await bench.is_sound()


async def test_fees_interest_and_money_given_back(bench: Bench) -> None:
    await bench.lay(
        line(1, 2500, text=bench.ref("bea")), line(1, 40, who="", bank_kind="INT"),
        line(2, -30, who="", bank_kind="FEE"), line(2, -1500, text=bench.ref("bea")),
    )  # fmt: skip
    assert (await bench.certain()).booked == 3
    assert await bench.row.holds(chart.FUND) == 1010
    one = await bench.the_line()
    assert one.proposal.only is not None
    refund = one.proposal.only.parts
    assert refund == (Part("refund", 1500, bench.row.bea.book_number),)
    assert await bench.say(one.line.id, *refund)
    assert not await bench.say(one.line.id, *refund)
    assert (await bench.row.member_holds("bea"), await bench.row.holds(chart.TRANSIT)) == (0, 0)
    assert await bench.undo(one.line.id)
    assert (await bench.row.member_holds("bea"), await bench.row.holds(chart.TRANSIT)) == (1500, 0)
    assert await bench.is_sound()


async def test_a_payment_that_bounced(bench: Bench) -> None:
    await bench.lay(line(1, 1000, text=bench.ref("bea"), counterparty_iban=OLD_IBAN))
    await bench.certain()
    back = line(20, -1000, counterparty_iban=OLD_IBAN, bank_kind="PMNT/RCDT/RRTN")
    await bench.lay(back)
    one = await bench.the_line()
    assert one.proposal.only is not None
    assert one.proposal.only.parts[0].kind == "returned"
    assert (await bench.certain()).booked == 1
    assert await bench.row.holds(chart.FUND) == 0
    assert await bench.row.holds(chart.MAIN_BANK) == 0
    assert await bench.row.holds(chart.RETURNED) == 0
    assert await bench.undo(one.line.id)
    assert await bench.row.holds(chart.FUND) == 1000
    assert (await bench.certain()).booked == 1
    assert await bench.is_sound()


async def test_a_bounce_that_the_fund_cannot_make_good_is_still_taken_down(bench: Bench) -> None:
    await bench.lay(line(1, 1000, text=bench.ref("bea"), counterparty_iban=OLD_IBAN))
    await bench.certain()
    async with bench.host.database.begin() as db:
        await books.reserve_fund(db, bench.circle.id, MONTH, 0, bench.row.now)
    await bench.lay(line(20, -1000, counterparty_iban=OLD_IBAN, bank_kind="PMNT/RCDT/RRTN"))
    one = await bench.the_line()
    assert (await bench.certain()).booked == 1
    assert await bench.row.holds(chart.RETURNED) == 1000
    await bench.lay(line(25, 1000, text="here it is again"))
    again = await bench.the_line()
    await bench.say(again.line.id, Part("contribution_returned", 1000))
    assert await bench.row.holds(chart.RETURNED) == 0
    assert await bench.undo(one.line.id)
    assert await bench.is_sound()


@pytest.mark.parametrize(
    "parts",
    [
        (), (Part("fee", 1000),), (Part("contribution", 1000),), (Part("gift", 999),),
        (Part("gift", 0), Part("gift", 1000)), (Part("gift", -500), Part("gift", 1500)),
        (Part("tie", 1000),), (Part("tie", 500, None, b"x" * 16), Part("gift", 500)),
    ],
)  # fmt: skip
async def test_a_line_is_not_just_anything(bench: Bench, parts: tuple[Part, ...]) -> None:
    await bench.lay(line(1, 1000, text="x"))
    one = await bench.the_line()
    with pytest.raises(InvalidError):
        await bench.say(one.line.id, *parts)
    assert await bench.live() == []
    assert await bench.row.holds(chart.MAIN_BANK) == 0


async def test_a_batch_and_who_paid_in_it(bench: Bench) -> None:
    details = (
        Detail(1000, "B. Smith", OLD_IBAN, bench.ref("bea")),
        Detail(1000, "J. Jones", NEW_IBAN, None, bench.ref("jonas")),
    )
    await bench.lay(line(1, 2000, who="", details=details))  # type: ignore[arg-type]  # no text
    assert (await bench.certain()).booked == 1
    assert await bench.row.holds(chart.FUND) == 2000
    numbers = {link.number for link in await bench.links()}
    assert numbers == {bench.row.bea.book_number, bench.row.jonas.book_number}


async def by_itself(bench: Bench) -> int:
    return await match_booking.confirm_by_itself(bench.host, bench.circle)


async def test_by_itself_only_where_it_may_and_never_what_was_undone(bench: Bench) -> None:
    await bench.lay(
        line(1, 1000, text=bench.ref("bea"), counterparty_iban=OLD_IBAN),
        line(2, 40, who="", bank_kind="INT"),
    )
    assert await by_itself(bench) == 0
    async with bench.host.database.begin() as db:
        await payers.let_it_book(
            db, bench.circle.id, on=True, actor=bench.row.marisol.actor, now=bench.row.now
        )
    assert await by_itself(bench) == 1
    (match,) = await bench.live()
    assert (match.tier, match.actor) == ("auto", 0)
    assert await bench.links() == []
    await bench.undo(match.line_ids[0])
    assert await by_itself(bench) == 0
    assert (await bench.certain()).booked == 2


async def test_the_same_member_twice_in_a_day_is_two(bench: Bench) -> None:
    twin = line(1, 1000, text=bench.ref("bea"), reference=bench.ref("bea"))
    await bench.lay(twin, twin)
    assert (await bench.certain()).booked == 2
    assert (await bench.row.holds(chart.FUND), await bench.row.member_holds("bea")) == (1000, 1000)


async def test_a_payout_is_settled_by_its_line_and_told_to_the_log(host: Host) -> None:
    world = await counted(host)
    circle, ann, ben = world.circle, world.steward, world.members[1].member
    async with host.database.begin() as db:
        payee = payouts.checked_payee("Soup kitchen", OLD_IBAN, "")
        made = await payouts.propose(
            db, host.vault, circle.id, world.month, 1, payee,
            proposer_actor=ann.actor, recipient_actor=None, now=host.clock.round_now(),
        )  # fmt: skip
        await payouts.confirm(
            db, circle.id, made.id, actor=ben.actor, frozen_until=None, now=host.clock.round_now()
        )
    said = made.reference
    booked = host.clock.round_now().date()
    out = StatementLine(booked, None, -made.amount_minor, "EUR", text=said, counterparty="SOUP")
    await bring(host, circle.id, [out])

    async def only_one() -> matching.Waiting:
        async with host.database.read() as db:
            found = await matching.sitting(db, host, circle, host.clock.round_now())
        (one,) = found.waiting
        return one

    one = await only_one()
    assert (one.proposal.tier, one.proposal.reason.code) == ("B", "payout-reference")
    assert one.proposal.only is not None
    field = match_booking.written(one.proposal.only.parts)
    before = (await world.records()).count("payout")
    for fresh in (True, False):
        assert fresh is await match_booking.confirm_shown(host, circle, ann, one.line.id, field)
    assert (await world.records()).count("payout") == before + 1
    async with host.database.read() as db:
        assert (await payouts.get(db, circle.id, made.id)).state == "settled"
        assert await books.balance(db, circle.id, chart.TRANSIT) == 0

    back = StatementLine(booked, None, made.amount_minor, "EUR", text=f"RETOURE AC04 {said}")
    await bring(host, circle.id, [back])
    returned = await only_one()
    assert (returned.proposal.tier, returned.proposal.reason.code) == ("B", "payout-back-reference")
    assert returned.proposal.only is not None
    await match_booking.confirm(
        host, circle, ann, returned.line.id, Answer(returned.proposal.only.parts)
    )
    async with host.database.read() as db:
        assert (await payouts.get(db, circle.id, made.id)).state == "returned"
    await match_undo.undo(host, circle, ann, returned.line.id)
    async with host.database.read() as db:
        assert (await payouts.get(db, circle.id, made.id)).state == "returned"
    assert (await only_one()).line.id == returned.line.id
    assert await verify_books(host, lambda _checked, _total: None) == []
    assert (await world.verify()).holds


async def test_a_line_can_be_undone_only_while_its_money_is_there(bench: Bench) -> None:
    await bench.lay(line(1, 1000, text=bench.ref("bea")))
    await bench.certain()
    async with bench.host.database.begin() as db:
        await books.reserve_fund(db, bench.circle.id, MONTH, 0, bench.row.now)
    (match,) = await bench.live()
    with pytest.raises(ConflictError, match="set aside for a vote"):
        await bench.undo(match.line_ids[0])
    assert len(await bench.live()) == 1


async def test_a_closed_month_stays_and_late_lines_are_booked_after_it(bench: Bench) -> None:
    await bench.lay(line(1, 1000, text=bench.ref("bea")))
    await bench.certain()
    last = bench.row.now.date()
    async with bench.host.database.begin() as db:
        await books.close_through(db, bench.circle.id, last, actor=0, now=bench.row.now)
    (match,) = await bench.live()
    with pytest.raises(ConflictError, match="closed month"):
        await bench.undo(match.line_ids[0])
    await bench.lay(line(1, 500, text=bench.ref("jonas")))
    assert (await bench.certain()).booked == 1
    async with bench.host.database.read() as db:
        newest = (await books.journal(db, bench.circle.id, limit=1))[0].transfer
    assert newest.effective_on == last + timedelta(days=1)
    assert await bench.is_sound()


async def test_undone_in_the_books_a_closed_line_teaches_no_more(bench: Bench) -> None:
    await bench.lay(line(1, 2000, who="B. Smith", counterparty_iban=OLD_IBAN))
    await bench.say((await bench.the_line()).line.id, bench.part("bea"), bench.part("jonas"))
    assert len(await bench.links()) == 2
    last = bench.row.now.date()
    async with bench.host.database.begin() as db:
        await books.close_through(db, bench.circle.id, last, actor=0, now=bench.row.now)
    (match,) = await bench.live()
    for gone in (1, 0):
        await booking.undo(
            bench.host, bench.circle, bench.row.marisol, match.transfer_ids[gone], None
        )
        assert len(await bench.links()) == gone
    assert [m.id for m in await bench.live()] == [match.id]
    assert await bench.is_sound()


@pytest.mark.one_database("what is read of a line is looked at")
async def test_a_text_longer_than_any_bank_takes_is_read_in_its_beginning(host: Host) -> None:
    """Made to be looked at for ever: the desk of every circle on the host would wait for it."""
    bench = await Bench.of(host)
    endless = "RF99M9999 " * 6500
    await bench.lay(
        line(5, 1000, text=f"{bench.ref('bea')} {endless}"),
        line(6, 1000, text=f"{endless} {bench.ref('ines')}"),
        *[line(day, 1, text=endless) for day in range(7, 27)],
    )
    began = time.perf_counter()
    found = (await bench.sitting()).waiting
    assert time.perf_counter() - began < 5
    assert [one.proposal.choices[0].parts[0].number for one in found[:1]] == [
        bench.row.members["bea"].book_number
    ]
