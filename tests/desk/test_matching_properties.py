"""Whatever is confirmed, undone, brought in again and confirmed anew: the books balance, each line
is explained once at most, and bank and books agree but for what waits."""

from __future__ import annotations

from collections import Counter
from contextlib import suppress

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from circles.desk import booking, match_booking, match_undo
from circles.errors import ConflictError
from circles.host import Host
from circles.ledger import books, chart
from circles.ledger.bank import matches
from circles.ledger.matching.values import Part
from circles.ledger.statements.model import StatementLine
from circles.ledger.verify import verify_books
from tests.desk.test_matching import OLD_IBAN, Bench
from tests.ledger.banks import bring, line, waiting

NAMES = ("bea", "jonas", "ines")
# (what, which, how): bring a few lines, confirm what is certain, say one by hand, undo one.
STEPS = st.lists(
    st.tuples(
        st.sampled_from(
            ["bring", "certain", "say", "say", "undo", "undo", "books_page", "itself", "typed"]
        ),
        st.integers(0, 7),
        st.integers(0, 5),
    ),
    min_size=4,
    max_size=14,
)


class Sequence:
    """One history of a desk."""

    def __init__(self, bench: Bench) -> None:
        self.bench, self.host, self.circle = bench, bench.host, bench.circle
        refs = {name: bench.ref(name) for name in NAMES}
        self.file: list[StatementLine] = [
            line(1, 1000, text=refs["bea"], counterparty_iban=OLD_IBAN),
            line(1, 1000, text=refs["bea"], counterparty_iban=OLD_IBAN),
            line(2, 1500, text=f"{refs['jonas']} {refs['ines']}"),
            line(3, 700, "Somebody"),
            line(4, -30, "", bank_kind="FEE"),
            line(5, 40, "", bank_kind="INT"),
            line(6, -1000, "B", counterparty_iban=OLD_IBAN, bank_kind="PMNT/RCDT/RRTN"),
            line(7, -500, text=refs["ines"]),
        ]

    async def step(self, what: str, which: int, how: int) -> None:
        with suppress(ConflictError):
            await getattr(self, what)(which, how)

    async def bring(self, which: int, how: int) -> None:
        await bring(self.host, self.circle.id, self.file[which : which + how + 1])

    async def certain(self, _which: int, _how: int) -> None:
        await self.bench.certain()

    async def itself(self, _which: int, _how: int) -> None:
        await match_booking.confirm_by_itself(self.host, self.circle)

    async def say(self, which: int, how: int) -> None:
        found = await waiting(self.host, self.circle.id)
        if not found:
            return
        one = found[which % len(found)]
        amount = abs(one.amount_minor)
        number = self.bench.row.members[NAMES[how % 3]].book_number
        coming = [
            (Part("contribution", amount, number),), (Part("suspense", amount),),
            (Part("gift", amount),), (Part("gift", 1), Part("contribution", amount - 1, number)),
            (Part("deposit", amount),), (Part("contribution_returned", amount),),
        ]  # fmt: skip
        going = [
            (Part("fee", amount),),
            (Part("refund", amount, number),),
            (Part("returned", amount),),
        ]
        parts = coming[how] if one.amount_minor > 0 else going[how % 3]
        await self.bench.say(one.id, *parts)

    async def undo(self, which: int, _how: int) -> None:
        live = await self.bench.live()
        if live:
            line_id = live[which % len(live)].line_ids[0]
            await match_undo.undo(self.host, self.circle, self.bench.row.marisol, line_id)

    async def books_page(self, which: int, _how: int) -> None:
        live = await self.bench.live()
        if live:
            transfer_id = live[which % len(live)].transfer_ids[-1]
            await booking.undo(self.host, self.circle, self.bench.row.marisol, transfer_id, None)

    async def typed(self, which: int, how: int) -> None:
        await self.bench.row.pay_in(NAMES[how % 3], (1000, 700, 40)[which % 3])

    async def holds(self) -> None:
        async with self.host.database.read() as db:
            live = await matches.live(db, self.circle.id)
            bank = await books.balance(db, self.circle.id, chart.MAIN_BANK)
            untied = await matches.untied_transfers(db, self.circle.id, self.bench.row.now.date())
        tied = Counter(line_id for match in live for line_id in match.line_ids)
        assert not tied or max(tied.values()) == 1
        transfers = Counter(one for match in live for one in match.transfer_ids)
        assert not transfers or max(transfers.values()) == 1
        loose = sum(matches.bank_minor(transfer) for transfer in untied)
        assert bank == sum(match.amount_minor for match in live) + loose
        assert await verify_books(self.host, lambda _checked, _total: None) == []


@settings(
    max_examples=10,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(steps=STEPS)
async def test_any_order_of_saying_and_undoing(
    host: Host, steps: list[tuple[str, int, int]]
) -> None:
    history = Sequence(await Bench.of(host))
    await history.bring(0, 5)
    for what, which, how in steps:
        await history.step(what, which, how)
    await history.holds()
