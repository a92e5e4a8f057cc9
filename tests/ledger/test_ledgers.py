"""The books, told as ledgers. Each docstring is one; `ledgers.py` says how to read it."""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable

from circles.host import Host
from tests.ledger.ledgers import Player, play

Test = Callable[[Player], Awaitable[None]]


def ledger(test: Test) -> Callable[[Host], Awaitable[None]]:
    """The test's docstring is a ledger: it is played, then the test looks at what came of it."""

    async def run(host: Host) -> None:
        await test(await play(host, test.__doc__ or ""))

    functools.update_wrapper(run, test)
    del run.__wrapped__  # type: ignore[attr-defined]  # or pytest asks for the test's arguments
    return run


@ledger
async def test_a_month(player: Player) -> None:
    """
    1 Oct   opening        30.00   Bank -> Fund
    2 Oct   contribution   10.00   Bank -> M0001
    2 Oct   contribution   20.00   Bank -> M0002
    3 Oct   contribution    5.00   Cash -> M0003
    5 Oct   pledge         10.00   M0001 -> Fund
    5 Oct   pledge         10.00   M0002 -> Fund
    5 Oct   pledge          5.00   M0003 -> Fund
    = Fund 55.00, M0001 0.00, M0002 10.00, M0003 0.00, Bank 60.00, Cash 5.00
    22 Oct  reserve        55.00   Fund -> Round 2026-10
    23 Oct  allocate       40.00   Round 2026-10 -> Award 2026-10-1
    23 Oct  carry          15.00   Round 2026-10 -> Fund
    25 Oct  payout_sent    40.00   Award 2026-10-1 -> Transit
    26 Oct  payout_settled 40.00   Transit -> Bank
    = Fund 15.00, Round 2026-10 0.00, Award 2026-10-1 0.00, Transit 0.00, Bank 20.00
    """
    assert [t.seq for t in player.kept] == list(range(1, 13))


@ledger
async def test_the_fund_never_goes_below_nothing(player: Player) -> None:
    """
    1 Oct   opening        30.00   Bank -> Fund
    2 Oct   fee            30.01   Fund -> Bank         ! not covered
    2 Oct   reserve        30.01   Fund -> Round 2026-10  ! not covered
    2 Oct   fee            30.00   Fund -> Bank
    3 Oct   fee             0.01   Fund -> Bank         ! not covered
    = Fund 0.00, Bank 0.00
    """
    assert len(player.kept) == 2


@ledger
async def test_what_the_bank_did_can_always_be_booked(player: Player) -> None:
    """
    1 Oct   fee             7.50   Returned -> Bank
    1 Oct   returned       10.00   Returned -> Bank
    = Bank -17.50, Returned 17.50, Fund 0.00
    2 Oct   fee             7.50   Fund -> Returned     ! not covered
    3 Oct   gift            8.00   Bank -> Fund
    3 Oct   fee             7.50   Fund -> Returned
    4 Oct   contribution_returned  10.00   Bank -> Returned
    = Fund 0.50, Returned 0.00, Bank 0.50
    """
    assert len(player.kept) == 5


@ledger
async def test_a_cash_tin_holds_no_less_than_nothing(player: Player) -> None:
    """
    1 Oct   contribution   10.00   Cash -> M0001
    2 Oct   deposit        10.01   Bank -> Cash         ! not covered
    2 Oct   deposit        10.00   Bank -> Cash
    = Cash 0.00, Bank 10.00
    """
    assert len(player.kept) == 2


@ledger
async def test_money_nobody_claimed_finds_its_owner(player: Player) -> None:
    """
    1 Oct   contribution_unidentified  5.00   Bank -> Suspense
    2 Oct   identify        5.01   Suspense -> M0003    ! not covered
    2 Oct   identify        5.00   Suspense -> M0003
    = Suspense 0.00, M0003 5.00
    3 Oct   contribution_unidentified  6.00   Bank -> Suspense
    4 Oct   gift            6.00   Suspense -> Fund
    = Suspense 0.00, Fund 6.00
    """
    assert len(player.kept) == 4


@ledger
async def test_a_reversal_mirrors_once_and_never_a_reversal(player: Player) -> None:
    """
    1 Oct   contribution   10.00   Bank -> M0001
    2 Oct   reversal of 1
    3 Oct   reversal of 1                               ! booked already
    3 Oct   reversal of 2                               ! booked already
    = M0001 0.00, Bank 0.00
    4 Oct   contribution   10.00   Bank -> M0002
    5 Oct   pledge         10.00   M0002 -> Fund
    6 Oct   reversal of 3                               ! not covered
    7 Oct   reversal of 4
    7 Oct   reversal of 3
    = M0002 0.00, Fund 0.00, Bank 0.00
    """
    assert [t.kind for t in player.kept].count("reversal") == 3


@ledger
async def test_what_is_closed_stays_closed(player: Player) -> None:
    """
    30 Sep  contribution   10.00   Bank -> M0001
    close 30 Sep
    30 Sep  contribution    5.00   Bank -> M0001        ! closed
    30 Sep  reversal of 1                               ! closed
    close 30 Sep
    close 29 Sep                                        ! closed
    1 Oct   contribution    5.00   Bank -> M0001
    1 Oct   reversal of 1
    close 31 Oct
    31 Oct  contribution    5.00   Bank -> M0001        ! closed
    1 Nov   contribution    5.00   Bank -> M0001
    = M0001 10.00
    """
    assert len(player.kept) == 4


@ledger
async def test_each_kind_has_its_accounts(player: Player) -> None:
    """
    1 Oct   opening        90.00   Bank -> Fund
    1 Oct   pledge          5.00   Fund -> M0001        ! never booked so
    1 Oct   withdraw        5.00   Fund -> M0001
    1 Oct   contribution    5.00   M0001 -> Bank        ! never booked so
    1 Oct   payout_sent     5.00   Fund -> Transit      ! never booked so
    1 Oct   present         5.00   Bank -> Fund         ! never booked so
    1 Oct   gift            0.00   Bank -> Fund         ! never booked so
    = Fund 85.00, M0001 5.00
    """
    assert len(player.kept) == 2


@ledger
async def test_a_payment_that_comes_back_is_no_reversal(player: Player) -> None:
    """
    1 Oct   opening        60.00   Bank -> Fund
    2 Oct   reserve        60.00   Fund -> Round 2026-10
    3 Oct   allocate       60.00   Round 2026-10 -> Award 2026-10-1
    4 Oct   payout_sent    60.00   Award 2026-10-1 -> Transit
    5 Oct   payout_settled 60.00   Transit -> Bank
    9 Oct   payout_returned 60.00  Bank -> Award 2026-10-1
    = Award 2026-10-1 60.00, Bank 60.00, Transit 0.00
    10 Oct  release        60.00   Award 2026-10-1 -> Fund
    = Award 2026-10-1 0.00, Fund 60.00
    """
    assert len(player.kept) == 7
