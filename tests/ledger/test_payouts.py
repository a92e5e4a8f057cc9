"""Two names under every payment, and the books say where the money is."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta

import pytest

from circles.circle import reference
from circles.circle.iban import IbanError
from circles.clock import MovableClock
from circles.errors import InvalidError, MissingError
from circles.host import Host
from circles.ledger import books, chart, payouts, retention
from circles.ledger.payouts import ConfirmForbiddenError, Payee, Payout, PayoutStateError
from circles.ledger.statements.references import in_text
from circles.ledger.verify import verify_books
from tests.ledger.ledgers import NOW, new_book
from tests.ledger.tampering import burglar

MONTH = "2026-10"
DAY = date(2026, 10, 26)
TREASURER, SECOND, RECIPIENT = 11, 22, 33
PAYEE = payouts.checked_payee("Schuhhaus  Lang ", "DE89 3704 0044 0532 0130 00", "boots for two")
CASH = payouts.checked_payee("Ann", "", "in an envelope")
AWARD = chart.award(MONTH, 1)


async def awarded(host: Host, amount: int = 6000) -> bytes:
    circle_id = await new_book(host.database)
    both = [
        books.NewTransfer("opening", chart.MAIN_BANK, chart.FUND, amount, DAY),
        books.NewTransfer("gift", chart.CASH, chart.FUND, amount, DAY),
    ]
    async with host.database.begin() as db:
        await books.record(db, circle_id, both, key="opening", now=NOW)
        await books.reserve_fund(db, circle_id, MONTH, 0, NOW)
        await books.allocate(db, circle_id, MONTH, {1: amount}, amount, 0, NOW)
    return circle_id


async def propose(host: Host, circle_id: bytes, payee: Payee = PAYEE) -> Payout:
    async with host.database.begin() as db:
        return await payouts.propose(
            db,
            host.vault,
            circle_id,
            MONTH,
            1,
            payee,
            proposer_actor=TREASURER,
            recipient_actor=RECIPIENT,
            now=NOW,
        )


async def confirm(host: Host, circle_id: bytes, payout: Payout, actor: int = SECOND) -> Payout:
    async with host.database.begin() as db:
        return await payouts.confirm(
            db, circle_id, payout.id, actor=actor, frozen_until=None, now=NOW
        )


async def step(host: Host, circle_id: bytes, payout: Payout, name: str) -> Payout:
    async with host.database.begin() as db:
        if name == "withdraw":
            return await payouts.withdraw(db, circle_id, payout.id, now=NOW)
        mark = getattr(payouts, f"mark_{name}")
        done: Payout = await mark(db, circle_id, payout.id, actor=TREASURER, on=DAY, now=NOW)
        return done


async def stands(host: Host, circle_id: bytes) -> dict[str, int]:
    names = {"award": AWARD, "transit": chart.TRANSIT, "bank": chart.MAIN_BANK, "cash": chart.CASH}
    async with host.database.read() as db:
        return {name: await books.balance(db, circle_id, code) for name, code in names.items()}


async def sound(host: Host) -> bool:
    return await verify_books(host, lambda _checked, _total: None) == []


async def test_a_reference_is_found_again_in_a_banks_words(host: Host) -> None:
    payout = await propose(host, await awarded(host))
    assert re.fullmatch(r"RF\d\dP[A-Z2-7]{8}", payout.reference)
    typed = " ".join(reference.shown(payout.reference).lower())
    # Shorter or longer pieces may fit by chance; they are no payment's.
    assert payout.reference in list(in_text(f"SEPA CREDIT {typed} shoes"))
    assert len(payout.reference) <= 35


async def test_from_proposal_to_the_bank(host: Host) -> None:
    circle_id = await awarded(host)
    async with host.database.read() as db:
        assert await payouts.unpaid(db, circle_id) == [payouts.Award(MONTH, 1, 6000)]
    payout = await propose(host, circle_id)
    assert (payout.state, payout.amount_minor, payout.way) == ("proposed", 6000, "bank")
    async with host.database.read() as db:
        assert await payouts.unpaid(db, circle_id) == []
        assert await payouts.payee_of(db, host.vault, circle_id, payout.id) == PAYEE
    payout = await confirm(host, circle_id, payout)
    assert (payout.state, payout.confirmer_actor) == ("confirmed", SECOND)
    assert (await stands(host, circle_id))["award"] == 6000
    payout = await step(host, circle_id, payout, "sent")
    assert await stands(host, circle_id) == {
        "award": 0,
        "transit": 6000,
        "bank": 6000,
        "cash": 6000,
    }
    payout = await step(host, circle_id, payout, "settled")
    assert await stands(host, circle_id) == {"award": 0, "transit": 0, "bank": 0, "cash": 6000}
    assert (payout.state, payout.sent_on, payout.settled_on) == ("settled", DAY, DAY)
    assert await sound(host)


async def test_cash_is_handed_over_in_one_step(host: Host) -> None:
    circle_id = await awarded(host)
    payout = await confirm(host, circle_id, await propose(host, circle_id, CASH))
    payout = await step(host, circle_id, payout, "settled")
    assert (payout.state, payout.way) == ("settled", "cash")
    assert await stands(host, circle_id) == {"award": 0, "transit": 0, "bank": 6000, "cash": 0}
    assert await sound(host)


@pytest.mark.parametrize("back", ["sent", "settled"])
async def test_money_that_comes_back_can_be_paid_again(host: Host, back: str) -> None:
    circle_id = await awarded(host)
    payout = await confirm(host, circle_id, await propose(host, circle_id))
    for name in ("sent", "settled")[: 1 if back == "sent" else 2]:
        payout = await step(host, circle_id, payout, name)
    payout = await step(host, circle_id, payout, "returned")
    assert await stands(host, circle_id) == {
        "award": 6000,
        "transit": 0,
        "bank": 6000,
        "cash": 6000,
    }
    again = await propose(host, circle_id)
    assert again.id != payout.id
    assert await sound(host)


@pytest.mark.parametrize(
    ("actor", "words"), [(TREASURER, "You proposed"), (RECIPIENT, "is for you")]
)
async def test_neither_proposer_nor_recipient_confirms(host: Host, actor: int, words: str) -> None:
    circle_id = await awarded(host)
    payout = await propose(host, circle_id)
    assert not payout.may_confirm(actor)
    with pytest.raises(ConfirmForbiddenError, match=words):
        await confirm(host, circle_id, payout, actor)
    # Nor does the database let them, whoever asks.
    async with burglar(host.database.url) as thief:
        with pytest.raises(Exception, match="ledger_payout_two_people"):
            await thief.run(f"UPDATE ledger_payout SET confirmer_actor = {actor}")


async def test_a_freshly_reset_account_waits_a_week(host: Host) -> None:
    circle_id = await awarded(host)
    payout = await propose(host, circle_id)
    until = NOW + timedelta(days=7)
    with pytest.raises(ConfirmForbiddenError, match="a week"):
        async with host.database.begin() as db:
            await payouts.confirm(
                db, circle_id, payout.id, actor=SECOND, frozen_until=until, now=NOW
            )
    async with host.database.begin() as db:
        done = await payouts.confirm(
            db, circle_id, payout.id, actor=SECOND, frozen_until=until, now=until
        )
    assert done.state == "confirmed"


async def test_a_freshly_reset_account_proposes_nothing_either(host: Host) -> None:
    """Else who gave the way back could use it to propose, and confirm under their own name."""
    circle_id = await awarded(host)
    until = NOW + timedelta(days=7)

    async def ask(now: datetime) -> Payout:
        async with host.database.begin() as db:
            return await payouts.propose(
                db,
                host.vault,
                circle_id,
                MONTH,
                1,
                PAYEE,
                proposer_actor=TREASURER,
                recipient_actor=None,
                frozen_until=until,
                now=now,
            )

    with pytest.raises(ConfirmForbiddenError, match="a week"):
        await ask(NOW)
    assert (await ask(until)).state == "proposed"


async def test_a_proposal_for_another_recipient_is_another_proposal(host: Host) -> None:
    """Answered as the earlier one, the new recipient could confirm what is for them."""
    circle_id = await awarded(host)
    await propose(host, circle_id)
    with pytest.raises(PayoutStateError):
        async with host.database.begin() as db:
            await payouts.propose(
                db,
                host.vault,
                circle_id,
                MONTH,
                1,
                PAYEE,
                proposer_actor=TREASURER,
                recipient_actor=SECOND,
                now=NOW,
            )


async def test_no_step_is_left_out_and_each_is_done_once(host: Host) -> None:
    circle_id = await awarded(host)
    payout = await propose(host, circle_id)
    assert (await propose(host, circle_id)).id == payout.id
    with pytest.raises(PayoutStateError):
        await propose(host, circle_id, CASH)
    for name in ("sent", "settled", "returned"):
        with pytest.raises(PayoutStateError):
            await step(host, circle_id, payout, name)
    await confirm(host, circle_id, payout)
    await confirm(host, circle_id, payout)
    with pytest.raises(PayoutStateError):
        await confirm(host, circle_id, payout, actor=44)
    with pytest.raises(PayoutStateError):
        await step(host, circle_id, payout, "settled")
    for _ in range(2):
        await step(host, circle_id, payout, "sent")
    with pytest.raises(PayoutStateError):
        await step(host, circle_id, payout, "withdraw")
    for _ in range(2):
        await step(host, circle_id, payout, "settled")
    with pytest.raises(books.NotCoveredError):
        await propose(host, circle_id)
    assert await sound(host)


async def test_a_withdrawn_payment_moved_nothing(host: Host) -> None:
    circle_id = await awarded(host)
    payout = await confirm(host, circle_id, await propose(host, circle_id))
    assert (await step(host, circle_id, payout, "withdraw")).state == "withdrawn"
    assert (await stands(host, circle_id))["award"] == 6000
    assert (await propose(host, circle_id, CASH)).state == "proposed"
    assert await sound(host)


async def test_whom_we_paid_is_forgotten_after_a_while(host: Host) -> None:
    circle_id = await awarded(host)
    payout = await confirm(host, circle_id, await propose(host, circle_id))
    async with host.database.begin() as db:
        assert await payouts.erase_payees(db, NOW + timedelta(days=900)) == 0
    for name in ("sent", "settled"):
        await step(host, circle_id, payout, name)
    for days, erased in ((29, 0), (31, 1), (32, 0)):
        async with host.database.begin() as db:
            assert await payouts.erase_payees(db, NOW + timedelta(days=days)) == erased
    async with host.database.read() as db:
        assert await payouts.payee_of(db, host.vault, circle_id, payout.id) is None
        assert not (await payouts.get(db, circle_id, payout.id)).has_payee
    assert await sound(host)


async def test_the_clock_forgets_payees_and_notes(host: Host, clock: MovableClock) -> None:
    circle_id = await awarded(host)
    noted = books.NewTransfer("gift", chart.CASH, chart.FUND, 5, DAY, note="from aunt Ida")
    async with host.database.begin() as db:
        entry = await books.record(db, circle_id, [noted], key="noted", now=NOW)
    payout = await confirm(host, circle_id, await propose(host, circle_id))
    for name in ("sent", "settled"):
        payout = await step(host, circle_id, payout, name)

    async def kept() -> tuple[bool, bool]:
        async with host.database.read() as db:
            (line,) = await books.journal(
                db, circle_id, limit=1, before_seq=entry.transfers[0].seq + 1
            )
            return (await payouts.get(db, circle_id, payout.id)).has_payee, line.note is not None

    for days, expected in (
        (29, (True, True)),
        (2, (False, True)),
        (369, (False, True)),
        (2, (False, False)),
    ):
        clock.pass_real(timedelta(days=days))
        await retention.tick(host)
        assert await kept() == expected
    assert await sound(host)


async def test_the_payee_is_not_readable_in_the_database(host: Host) -> None:
    circle_id = await awarded(host)
    await propose(host, circle_id)
    async with burglar(host.database.url) as thief:
        ((sealed,),) = await thief.run("SELECT payee_sealed FROM ledger_payout")
    assert b"Lang" not in sealed
    assert b"DE89" not in sealed


async def test_a_payout_of_another_circle_is_not_here(host: Host) -> None:
    ours, theirs = await awarded(host), await awarded(host)
    payout = await propose(host, ours)
    for act in (confirm(host, theirs, payout), step(host, theirs, payout, "withdraw")):
        with pytest.raises(MissingError):
            await act
    async with host.database.read() as db:
        with pytest.raises(MissingError):
            await payouts.payee_of(db, host.vault, theirs, payout.id)


@pytest.mark.parametrize(
    ("column", "value"),
    [("state", "'settled'"), ("amount_minor", "5999"), ("candidate", "2"), ("way", "'cash'")],
)
async def test_an_altered_payout_is_named(host: Host, column: str, value: str) -> None:
    circle_id = await awarded(host)
    payout = await confirm(host, circle_id, await propose(host, circle_id))
    payout = await step(host, circle_id, payout, "sent")
    if column == "way":
        await step(host, circle_id, payout, "settled")
    async with burglar(host.database.url) as thief:
        await thief.switch_guards_off()
        await thief.run(f"UPDATE ledger_payout SET {column} = {value}")
    found = await verify_books(host, lambda _checked, _total: None)
    assert "payout" in {problem.check for problem in found}


@pytest.mark.parametrize("account", ["DE89 3704 0044 0532 0130 01", "DE8937", "not an account"])
def test_a_slip_in_an_account_number_is_found(account: str) -> None:
    with pytest.raises(IbanError):
        payouts.checked_payee("Ann", account, "")


@pytest.mark.parametrize("name", ["", "  ", "x" * 141])
def test_a_payee_has_a_name(name: str) -> None:
    with pytest.raises(InvalidError):
        payouts.checked_payee(name, "", "cash")
