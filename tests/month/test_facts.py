"""What the month page counts for a member."""

from __future__ import annotations

from circles.host import Host
from circles.ledger import payee_changes, payouts
from circles.ledger.payouts import Payee
from circles.month import facts
from tests.maple_row import neighbours


async def test_only_who_may_be_the_second_name_is_asked_for_it(host: Host) -> None:
    row = await neighbours(host)
    await row.award("2026-10", {1: 3000})
    async with host.database.begin() as db:
        payout = await payouts.propose(
            db,
            host.vault,
            row.circle.id,
            "2026-10",
            1,
            Payee("Shop", "DE89370400440532013000", "Shoes"),
            proposer_actor=row.marisol.actor,
            recipient_actor=row.bea.actor,
            now=row.now,
        )
        await payee_changes.say_close(
            db, row.circle.id, payout.id, row.ines.actor, said_by=row.ines.actor, now=row.now
        )
    async with host.database.read() as db:
        asked = {
            name: await facts._to_confirm(db, host, row.circle, member)
            for name, member in row.members.items()
        }
    assert asked == {"marisol": 0, "wren": 1, "bea": 0, "tomasz": 1, "ines": 0, "jonas": 1}
