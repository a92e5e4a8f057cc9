"""What the matcher is told: the lines that wait, and everything the rooms know that could explain
them. Gathered in one look, so that the page and the booking judge by the same."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from circles.circle.calendar import month_of
from circles.circle.circles import Circle
from circles.dues.dues import local_day
from circles.host import Host
from circles.ledger import books, chart, payers, payouts
from circles.ledger.bank import lines, matches
from circles.ledger.bank.lines import BankLine
from circles.ledger.bank.words import LineWords
from circles.ledger.books import Transfer
from circles.ledger.matching.propose import propose
from circles.ledger.matching.values import (
    Arrived,
    Booked,
    Known,
    Payment,
    Person,
    Proposal,
    Seen,
    Way,
)
from circles.ledger.payouts import Payout
from circles.ledger.statements.model import Detail
from circles.members import people, pledges
from circles.protocol.text import b64

_MEMBERS = "Liabilities:Members:"
# A payout may come back, and a contribution bounce, this long after.
_BACK = timedelta(days=75)
_AHEAD = timedelta(days=31)
_MANY = 200
_CHARS_A_LINE = 500
# Of each text of a line as much is read. No bank lets a payer write that much; a made-up file may.
_CHARS_READ = 4000
ATTEMPTS_MAX = 100


@dataclass(frozen=True)
class Waiting:
    """A line that nothing explains yet, and what it most likely is."""

    line: BankLine
    proposal: Proposal


@dataclass(frozen=True)
class Sitting:
    """All that waits, with what the proposals refer to."""

    waiting: tuple[Waiting, ...]
    payouts: dict[bytes, Payout]
    typed: dict[bytes, Transfer]
    came: dict[bytes, Transfer]

    def of(self, line_id: bytes) -> Waiting | None:
        """One line, if it waits."""
        return next((one for one in self.waiting if one.line.id == line_id), None)


async def sitting(db: AsyncSession, host: Host, circle: Circle, now: datetime) -> Sitting:
    """The lines that wait, the oldest first, each with its proposal."""
    found = await lines.waiting(db, host.vault, circle.id)
    on_way = await payouts.since(db, circle.id, now - _BACK)
    typed = await matches.untied_transfers(db, circle.id, local_day(circle, now) + _AHEAD)
    came = await _came(db, host, circle, found)
    links = await payers.known(db, host.vault, circle.id, _payers_of(found))
    here, former = await _people(db, circle, now)
    known = Known(
        people=here,
        former=former,
        payers={payer.encode(): numbers for payer, numbers in links.items()},
        ways=tuple([await _way(db, host, circle, payout) for payout in on_way]),
        untied=tuple([await _booked(db, circle, transfer) for transfer in typed]),
        arrived=tuple(arrived for arrived, _transfer in came),
        cash_minor=await books.balance(db, circle.id, chart.CASH),
    )
    seen = [seen_of(line) for line in found]
    # A year of lines at once takes a while, and so does a great batch: others are served meanwhile.
    work = asyncio.to_thread(propose, seen, known) if _is_much(seen) else None
    proposals = propose(seen, known) if work is None else await work
    return Sitting(
        waiting=tuple(Waiting(line, p) for line, p in zip(found, proposals, strict=True)),
        payouts={payout.id: payout for payout in on_way},
        typed={transfer.id: transfer for transfer in typed},
        came={transfer.id: transfer for _arrived, transfer in came},
    )


def _is_much(seen: Sequence[Seen]) -> bool:
    """Whether looking at all of it takes long."""
    payments = [payment for one in seen for payment in (one.payment, *one.details)]
    chars = sum(len(payment.text or "") for payment in payments)
    return len(payments) + chars // _CHARS_A_LINE > _MANY


def seen_of(line: BankLine) -> Seen:
    """A stored line as the matcher takes it; its account is never more than a key to look up."""
    words = line.words or LineWords()
    payment = _payment(line.amount_minor, words)
    details = tuple(_payment(detail.amount_minor, detail) for detail in words.details)
    return Seen(line.id, line.booked_on, payment, _read(words.bank_kind), details)


def _read(text: str | None) -> str | None:
    return text[:_CHARS_READ] if text else text


def _payment(amount_minor: int, words: LineWords | Detail) -> Payment:
    account, name = payers.account_of(words), payers.name_of(words)
    return Payment(
        amount_minor,
        _read(words.counterparty),
        words.counterparty_iban,
        _read(words.reference),
        _read(words.text),
        _read(words.end_to_end),
        payer=account.encode() if account else None,
        payer_name=name.encode() if name else None,
    )


def _payers_of(found: Iterable[BankLine]) -> set[str]:
    told: set[str] = set()
    for line in found:
        if line.words is not None:
            told |= _payers(line.words)
            for detail in line.words.details:
                told |= _payers(detail)
    return told


def _payers(words: LineWords | Detail) -> set[str]:
    return {told for told in (payers.account_of(words), payers.name_of(words)) if told}


async def _people(
    db: AsyncSession, circle: Circle, now: datetime
) -> tuple[tuple[Person, ...], dict[str, int]]:
    """Who is here, with what waits of theirs; and who has left and has money here still."""
    members = await people.every(db, circle.id)
    held = {
        code.removeprefix(_MEMBERS): amount
        for code, amount in (await books.balances(db, circle.id)).items()
        if code.startswith(_MEMBERS)
    }
    due: dict[str, int] = {}
    for one in await pledges.waiting(db, circle.id):
        due[one.book_number] = due.get(one.book_number, 0) + one.amount_minor
    month = month_of(now, circle.zone)
    usual = {n: amount for _id, n, amount in await pledges.due_amounts(db, circle.id, month)}
    here = {member.book_number for member in members}
    people_here = tuple(
        Person(
            number=(number := member.book_number),
            handle=member.handle,
            # What was paid ahead or in part is not waited for any more.
            due_minor=max(due.get(number, 0) - held.get(number, 0), 0),
            usual_minor=usual.get(number, 0),
            held_minor=held.get(number, 0),
        )
        for member in members
    )
    return people_here, {number: amount for number, amount in held.items() if number not in here}


async def _way(db: AsyncSession, host: Host, circle: Circle, payout: Payout) -> Way:
    payee = await payouts.payee_of(db, host.vault, circle.id, payout.id)
    return Way(
        id=payout.id,
        amount_minor=payout.amount_minor,
        state=payout.state if payout.way == "bank" else "cash",
        reference=payout.reference,
        name=payee.name if payee else "",
        iban=payee.iban if payee else "",
    )


async def _booked(db: AsyncSession, circle: Circle, transfer: Transfer) -> Booked:
    """A transfer that no line is tied to. What it was may stand in the one booked with it."""
    kind, about = transfer.kind, transfer
    if kind == "payout_settled":
        steps = await books.booked_with(db, circle.id, transfer)
        refund = next((step for step in steps if step.kind == "refund"), None)
        kind, about = ("refund", refund) if refund is not None else ("payout", transfer)
    return Booked(
        transfer.id,
        transfer.effective_on,
        matches.bank_minor(transfer),
        kind,
        number_of(about),
    )


def number_of(transfer: Transfer) -> str | None:
    """The member whose money it is, if it is one's."""
    for code in (transfer.credit, transfer.debit):
        if code.startswith(_MEMBERS):
            return code.removeprefix(_MEMBERS)
    return None


async def _came(
    db: AsyncSession, host: Host, circle: Circle, found: list[BankLine]
) -> list[tuple[Arrived, Transfer]]:
    """Contributions that came in by a line, if some waiting line took money away since."""
    out = [line.booked_on for line in found if line.amount_minor < 0]
    if not out:
        return []
    before = await lines.between(db, host.vault, circle.id, min(out) - _BACK, max(out))
    by_id = {line.id: line for line in before}
    came: list[tuple[Arrived, Transfer]] = []
    for match in await matches.live(db, circle.id):
        line = by_id.get(match.line_ids[0]) if match.line_ids else None
        if line is None or line.amount_minor < 0:
            continue
        for transfer_id in match.transfer_ids:
            transfer = await books.transfer(db, circle.id, transfer_id)
            number = number_of(transfer)
            if transfer.kind != "contribution" or number is None:
                continue
            if not await has_bounced(db, circle, transfer.id):
                came.append((_arrived(line, transfer, number), transfer))
    return came


def _arrived(line: BankLine, transfer: Transfer, number: str) -> Arrived:
    payer = payers.account_of(line.words)
    return Arrived(
        transfer.id,
        line.booked_on,
        transfer.amount_minor,
        number,
        payer.encode() if payer else None,
    )


async def has_bounced(db: AsyncSession, circle: Circle, transfer_id: bytes) -> bool:
    """Whether a line that stands says that the bank took this contribution back."""
    for attempt in range(1, ATTEMPTS_MAX):
        found = await books.by_ref(db, circle.id, bounced_ref(transfer_id, attempt))
        if found is None:
            return False
        if not await books.is_reversed(db, circle.id, found.id):
            return True
    return True


def bounced_ref(transfer_id: bytes, attempt: int) -> str:
    """The business reference under which a contribution is taken back: once."""
    return f"bounced:{b64(transfer_id)}" + (f":{attempt}" if attempt > 1 else "")


def open_day(line: BankLine, closed_through: date | None) -> date:
    """The day under which a line is booked: its own, or the first one that is not closed."""
    if closed_through is not None and line.booked_on <= closed_through:
        return closed_through + timedelta(days=1)
    return line.booked_on


def line_ref(line: BankLine, part: int, attempt: int) -> str:
    """The business reference of one part of a line: booked once, and once more after an undoing."""
    return f"line:{b64(line.key)}:{part}" + (f":{attempt}" if attempt > 1 else "")
