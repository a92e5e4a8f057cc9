"""Where money goes is not changed by one person, nor in a moment, nor by who is close to it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from circles.host import Host
from circles.ledger import payee_changes, payouts
from circles.ledger.payee_changes import PayeeChange
from circles.ledger.payouts import ConfirmForbiddenError, Payee, Payout, PayoutStateError
from tests.ledger.ledgers import NOW
from tests.ledger.tampering import burglar
from tests.ledger.test_payouts import (
    DAY,
    MONTH,
    PAYEE,
    RECIPIENT,
    SECOND,
    TREASURER,
    awarded,
    confirm,
    propose,
    sound,
    step,
)

OTHER = payouts.checked_payee("Schuhhaus Lang", "DE02 1203 0000 0000 2020 51", "boots for two")
THIRD, FOURTH = 44, 55
LATER = NOW + payouts.WAIT


async def ask(
    host: Host, circle_id: bytes, payout: Payout, payee: Payee = OTHER, **changes: Any
) -> PayeeChange:
    values = {"recipient_actor": RECIPIENT, "actor": TREASURER, "frozen_until": None, **changes}
    async with host.database.begin() as db:
        return await payee_changes.ask(
            db, host.vault, circle_id, payout.id, payee, now=NOW, **values
        )


async def agree(
    host: Host, circle_id: bytes, change: PayeeChange, actor: int = SECOND, **changes: Any
) -> PayeeChange:
    values = {"frozen_until": None, "now": NOW, "at": NOW, **changes}
    async with host.database.begin() as db:
        return await payee_changes.confirm(
            db, host.vault, circle_id, change.payout_id, change.id, actor=actor, **values
        )


async def say(host: Host, circle_id: bytes, payout: Payout, actor: int, by: int) -> None:
    async with host.database.begin() as db:
        await payee_changes.say_close(db, circle_id, payout.id, actor, said_by=by, now=NOW)


async def again(host: Host, circle_id: bytes, payout: Payout) -> Payout:
    async with host.database.read() as db:
        return await payouts.get(db, circle_id, payout.id)


async def payee_of(host: Host, circle_id: bytes, payout: Payout) -> Payee | None:
    async with host.database.read() as db:
        return await payouts.payee_of(db, host.vault, circle_id, payout.id)


async def test_two_people_and_a_day(host: Host) -> None:
    circle_id = await awarded(host)
    payout = await confirm(host, circle_id, await propose(host, circle_id))
    change = await ask(host, circle_id, payout)
    assert await payee_of(host, circle_id, payout) == PAYEE
    # While it waits nothing goes out, and no second change is asked for.
    with pytest.raises(PayoutStateError, match="decided first"):
        await step(host, circle_id, payout, "sent")
    with pytest.raises(PayoutStateError, match="waits already"):
        await ask(host, circle_id, payout)
    with pytest.raises(ConfirmForbiddenError, match="You asked"):
        await agree(host, circle_id, change, TREASURER)
    with pytest.raises(ConfirmForbiddenError, match="for you"):
        await agree(host, circle_id, change, RECIPIENT)
    with pytest.raises(ConfirmForbiddenError, match="a week has passed"):
        await agree(host, circle_id, change, frozen_until=NOW + timedelta(days=1))
    for _ in range(2):
        done = await agree(host, circle_id, change)
    assert (done.asker_actor, done.confirmer_actor) == (TREASURER, SECOND)
    assert await payee_of(host, circle_id, payout) == OTHER
    payout = await again(host, circle_id, payout)
    assert (payout.state, payout.pay_from) == ("confirmed", LATER)
    with pytest.raises(PayoutStateError, match="waits for a day"):
        await step(host, circle_id, payout, "sent")
    async with host.database.begin() as db:
        await payouts.mark_sent(db, circle_id, payout.id, actor=TREASURER, on=DAY, now=LATER)
    assert (await again(host, circle_id, payout)).state == "sent"
    with pytest.raises(PayoutStateError):
        await ask(host, circle_id, payout)
    assert await sound(host)


async def test_cash_waits_as_well(host: Host) -> None:
    circle_id = await awarded(host)
    payout = await confirm(host, circle_id, await propose(host, circle_id))
    cash = payouts.checked_payee("Lang", "", "in an envelope")
    await agree(host, circle_id, await ask(host, circle_id, payout, cash))
    with pytest.raises(PayoutStateError, match="waits for a day"):
        await step(host, circle_id, payout, "settled")
    assert (await again(host, circle_id, payout)).way == "cash"


async def test_a_change_is_dropped(host: Host) -> None:
    circle_id = await awarded(host)
    payout = await propose(host, circle_id)
    change = await ask(host, circle_id, payout)
    with pytest.raises(PayoutStateError, match="decided first"):
        await confirm(host, circle_id, payout)
    for _ in range(2):
        async with host.database.begin() as db:
            await payee_changes.drop(db, circle_id, payout.id, now=NOW)
    with pytest.raises(PayoutStateError, match="meanwhile"):
        await agree(host, circle_id, change)
    assert (await confirm(host, circle_id, payout)).pay_from is None
    assert await payee_of(host, circle_id, payout) == PAYEE
    await step(host, circle_id, payout, "sent")


async def test_taking_back_is_no_way_around_the_day(host: Host) -> None:
    circle_id = await awarded(host)
    payout = await confirm(host, circle_id, await propose(host, circle_id))
    await ask(host, circle_id, payout)
    await step(host, circle_id, payout, "withdraw")
    async with host.database.read() as db:
        (change,) = await payee_changes.of_payout(db, payout.id)
        assert change.dropped_at is not None
        assert await payee_changes.asked_payee(db, host.vault, change) is None
    # The same details as before go at once, others wait from the second name on.
    same = await confirm(host, circle_id, await propose(host, circle_id))
    assert same.pay_from is None
    await step(host, circle_id, same, "withdraw")
    other = await confirm(host, circle_id, await propose(host, circle_id, OTHER))
    assert other.pay_from == LATER
    with pytest.raises(PayoutStateError, match="waits for a day"):
        await step(host, circle_id, other, "sent")


async def test_who_confirmed_does_not_become_the_recipient(host: Host) -> None:
    circle_id = await awarded(host)
    payout = await confirm(host, circle_id, await propose(host, circle_id))
    with pytest.raises(ConfirmForbiddenError, match="anew"):
        await ask(host, circle_id, payout, recipient_actor=SECOND)
    change = await ask(host, circle_id, payout, recipient_actor=THIRD)
    with pytest.raises(ConfirmForbiddenError, match="for you"):
        await agree(host, circle_id, change, THIRD)


async def test_who_is_close_is_no_second_name(host: Host) -> None:
    circle_id = await awarded(host)
    async with host.database.begin() as db:
        payout = await payouts.propose(
            db, host.vault, circle_id, MONTH, 1, PAYEE, proposer_actor=TREASURER,
            recipient_actor=None, close_actors=[THIRD, TREASURER], now=NOW,
        )  # fmt: skip
        assert await payouts.close_to(db, payout.id) == {THIRD: TREASURER}
    await say(host, circle_id, payout, FOURTH, FOURTH)
    for actor in (THIRD, FOURTH):
        with pytest.raises(ConfirmForbiddenError, match="close to"):
            await confirm(host, circle_id, payout, actor)
    change = await ask(host, circle_id, payout, recipient_actor=None)
    with pytest.raises(ConfirmForbiddenError, match="close to"):
        await agree(host, circle_id, change, FOURTH)
    await agree(host, circle_id, change)
    # Said of the second name, it takes that name away.
    await confirm(host, circle_id, payout)
    for _ in range(2):
        await say(host, circle_id, payout, SECOND, TREASURER)
    payout = await again(host, circle_id, payout)
    assert (payout.state, payout.confirmer_actor) == ("proposed", None)
    await confirm(host, circle_id, payout, 66)
    assert await sound(host)


async def test_taking_back_is_no_way_around_what_was_said(host: Host) -> None:
    """Proposed again to the same account, it has the same people close to it, and the recipient;
    to another one, others wait for a day."""
    circle_id = await awarded(host)
    first = await propose(host, circle_id)
    await say(host, circle_id, first, THIRD, THIRD)
    await step(host, circle_id, first, "withdraw")

    async def anew(payee: Payee) -> Payout:
        async with host.database.begin() as db:
            return await payouts.propose(
                db, host.vault, circle_id, MONTH, 1, payee, proposer_actor=TREASURER,
                recipient_actor=None, now=NOW,
            )  # fmt: skip

    second = await anew(PAYEE)
    async with host.database.read() as db:
        assert await payouts.close_to(db, second.id) == {THIRD: THIRD, RECIPIENT: TREASURER}
    for actor in (THIRD, RECIPIENT):
        with pytest.raises(ConfirmForbiddenError, match="close to"):
            await confirm(host, circle_id, second, actor)
    await step(host, circle_id, second, "withdraw")
    other = await anew(OTHER)
    assert (await confirm(host, circle_id, other, THIRD)).pay_from == LATER
    assert await sound(host)


async def test_the_database_keeps_it_too(host: Host) -> None:
    circle_id = await awarded(host)
    payout = await propose(host, circle_id)
    await say(host, circle_id, payout, THIRD, THIRD)
    change = await ask(host, circle_id, payout)
    await agree(host, circle_id, change)
    for sql in (
        "UPDATE ledger_payout SET confirmer_actor = 44 WHERE id = :id",
        "UPDATE ledger_payee_change SET asker_actor = 9 WHERE payout_id = :id",
        "UPDATE ledger_payee_change SET dropped_at = confirmed_at WHERE payout_id = :id",
        "DELETE FROM ledger_payee_change WHERE payout_id = :id",
        "DELETE FROM ledger_payout_close WHERE payout_id = :id",
        "UPDATE ledger_payout_close SET actor = 9 WHERE payout_id = :id",
    ):
        with pytest.raises(DBAPIError, match=r"ledger|constraint"):
            async with host.database.begin() as db:
                await db.execute(text(sql), {"id": payout.id})


async def test_no_account_stands_readable_in_the_database(host: Host) -> None:
    circle_id = await awarded(host)
    payout = await propose(host, circle_id)
    await ask(host, circle_id, payout)
    async with burglar(host.database.url) as thief:
        rows = await thief.run("SELECT payee_sealed FROM ledger_payee_change")
    assert b"DE02" not in bytes(rows[0][0])
    assert b"Lang" not in bytes(rows[0][0])
