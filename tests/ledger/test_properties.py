"""Whatever is asked in whatever order: sums are the fold, floors hold, the chain is whole.

A model in plain integers says beforehand what must be kept and what refused.
"""

from __future__ import annotations

import hashlib
import itertools
from dataclasses import dataclass, field, replace
from datetime import UTC, date
from secrets import token_bytes
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from circles.db import Database
from circles.errors import CirclesError
from circles.host import Host
from circles.ledger import booking, books, cash_counts, chart
from circles.ledger.books import NewTransfer
from circles.ledger.transfer import Transfer, chain_hash, chained, jcs, record_of
from circles.ledger.verify import verify_books
from tests.ledger.ledgers import NOW, new_book

DAY = date(2026, 10, 2)
_ACCOUNTS = {
    "bank": (chart.MAIN_BANK,),
    "cash": (chart.CASH,),
    "returned": (chart.RETURNED,),
    "member": (chart.member("M0001"), chart.member("M0002")),
    "suspense": (chart.SUSPENSE,),
    "award": (chart.award("2026-10", 1), chart.award("2026-10", 2)),
    "transit": (chart.TRANSIT,),
    "round": (chart.round_of("2026-10"),),
    "fund": (chart.FUND,),
}
_PAIRS = sorted(
    (kind, debit, credit)
    for kind, debits, credits_ in chart.KINDS
    for debit in _ACCOUNTS[debits]
    for credit in _ACCOUNTS[credits_]
)
_amounts = st.integers(1, 12) | st.integers(1, 10**15 - 1)
_transfers = st.builds(
    lambda pair, amount: NewTransfer(*pair, amount, DAY), st.sampled_from(_PAIRS), _amounts
)
_steps = st.lists(
    st.lists(_transfers, min_size=1, max_size=3) | st.integers(0, 30), min_size=1, max_size=20
)


@dataclass
class Model:
    """Signed sums (credits - debits) and what may still be reversed."""

    net: dict[str, int] = field(default_factory=dict)

    def allows(self, transfers: list[NewTransfer]) -> bool:
        """Take all of them, or none; each step must hold."""
        trial = dict(self.net)
        for transfer in transfers:
            trial[transfer.debit] = trial.get(transfer.debit, 0) - transfer.amount_minor
            trial[transfer.credit] = trial.get(transfer.credit, 0) + transfer.amount_minor
            for code in (transfer.debit, transfer.credit):
                floor = chart.floor_of(code)
                if (floor == "credit" and trial[code] < 0) or (
                    floor == "debit" and trial[code] > 0
                ):
                    return False
        self.net = trial
        return True


async def kept(database: Database, circle_id: bytes, asked: Any) -> list[books.Transfer]:
    """What was booked: nothing if it was refused."""
    try:
        async with database.begin() as db:
            if isinstance(asked, books.Transfer):
                entry = await books.reverse(db, circle_id, asked.id, actor=1, now=NOW)
            else:
                entry = await books.record(db, circle_id, asked, key=None, now=NOW)
    except CirclesError:
        return []
    return list(entry.transfers)


@settings(
    max_examples=50,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(steps=_steps)
async def test_the_books_do_what_the_model_says(host: Host, steps: list[Any]) -> None:
    circle_id = await new_book(host.database)
    model, booked, undone = Model(), list[books.Transfer](), set[bytes]()
    for step in steps:
        if isinstance(step, int):
            if step >= len(booked):
                continue
            target = booked[step]
            mirror = NewTransfer("x", target.credit, target.debit, target.amount_minor, DAY)
            allowed = target.kind != "reversal" and target.id not in undone
            allowed = allowed and model.allows([mirror])
            done = await kept(host.database, circle_id, target)
            undone |= {target.id} if done else set()
        else:
            allowed = model.allows(step)
            done = await kept(host.database, circle_id, step)
        assert bool(done) is allowed
        booked += done
    async with host.database.read() as db:
        balances = await books.balances(db, circle_id)
    assets = {code for code in balances if code.startswith("Assets:")}
    signed = {c: -b if c in assets else b for c, b in balances.items() if b}
    assert signed == {c: n for c, n in model.net.items() if n}
    assert sum(signed.values()) == 0
    assert [t.seq for t in booked] == list(range(1, len(booked) + 1))
    assert all(t.hash == chain_hash(t) for t in booked)
    assert all(b.prev_hash == a.hash for a, b in itertools.pairwise(booked))


async def test_all_of_those_books_verify(host: Host) -> None:
    """One larger book in the end, in one look: every pair of the allow-list once, where covered."""
    circle_id = await new_book(host.database)
    for round_of_pairs in range(3):
        for kind, debit, credit in _PAIRS:
            amount = 50 if kind in {"opening", "gift", "reserve"} else 3 + round_of_pairs
            new = NewTransfer(kind, debit, credit, amount, DAY)
            if kind in cash_counts.KINDS:  # These bear the name of whoever counted second.
                new = replace(new, actor=1, business_ref=cash_counts.ref_of(token_bytes(16), 2))
            await kept(host.database, circle_id, [new])
    async with host.database.read() as db:
        booked = {line.transfer.kind for line in await books.journal(db, circle_id, limit=500)}
    assert booked == {kind for kind, _, _ in chart.KINDS}
    assert await verify_books(host, lambda _checked, _total: None) == []


_id16, _hash32 = st.binary(min_size=16, max_size=16), st.binary(min_size=32, max_size=32)
_ascii = st.text(st.characters(max_codepoint=0x7F))
_any_transfer = st.builds(
    Transfer,
    id=_id16,
    book_id=_id16,
    seq=st.integers(1, 10**15 - 1),
    entry_id=_id16,
    kind=_ascii,
    debit=_ascii,
    credit=_ascii,
    amount_minor=st.integers(1, 10**15 - 1),
    effective_on=st.dates(),
    recorded_at=st.datetimes(timezones=st.just(UTC)),
    reverses=st.none() | _id16,
    actor=st.integers(0, 2**63 - 1),
    note_hash=st.none() | _hash32,
    business_ref=st.none() | _ascii,
    salt=_id16,
    prev_hash=_hash32,
    hash=_hash32,
)


def quick(transfer: Transfer) -> bytes:
    """The hash that is made without a record."""
    *recorded, prev_hash, _stored = (getattr(transfer, name) for name in booking.STORED)
    return chained(prev_hash, tuple(recorded))


@given(_any_transfer)
def test_the_quick_hash_is_the_one_that_the_record_says(transfer: Transfer) -> None:
    plain = hashlib.sha256(b"circles/ledger/v1\0" + transfer.prev_hash + jcs(record_of(transfer)))
    assert quick(transfer) == chain_hash(transfer) == plain.digest()
    stored = replace(
        transfer,
        effective_on=transfer.effective_on.isoformat(),
        recorded_at=f"{transfer.recorded_at.replace(tzinfo=None)}",
    )
    assert quick(stored) == quick(transfer)


_any_bytes = st.binary(max_size=40)


@given(_any_transfer, _any_bytes, _any_bytes)
def test_no_other_columns_have_the_quick_hash_of_a_transfer(
    transfer: Transfer, other_id: bytes, other_salt: bytes
) -> None:
    """Where one value ends and the next begins is hashed too, and so is what kind it is of."""
    own = transfer.id + b"\0\0" + transfer.salt
    shifted = [(own[:n], own[n + 2 :]) for n in range(len(own)) if own[n : n + 2] == b"\0\0"]
    for id_, salt in [(other_id, other_salt), *shifted]:
        bent = replace(transfer, id=id_, salt=salt)
        try:
            same = quick(bent) == quick(transfer)
        except ValueError:
            same = False
        assert same == (bent == transfer)
    for kind in (str, float):
        with pytest.raises(ValueError, match="format code"):
            quick(replace(transfer, amount_minor=kind(transfer.amount_minor)))
