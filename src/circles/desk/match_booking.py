"""A person says what a line of the bank was, and it is booked: one transaction, one entry, one tie.

Said twice it counts once; said otherwise the second time it is refused in words. Each part has its
own business reference, so that nothing is booked twice whatever happens in between.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import cast

from sqlalchemy.ext.asyncio import AsyncSession

from circles.circle.circles import Circle
from circles.desk import match_undo, matching, settling
from circles.desk.matching import ATTEMPTS_MAX, Waiting
from circles.dues import dues
from circles.dues.dues import local_day
from circles.errors import ConflictError, InvalidError, MissingError
from circles.host import Host
from circles.ledger import books, chart, payers, payouts
from circles.ledger.bank import lines, matches
from circles.ledger.bank.lines import BankLine
from circles.ledger.bank.matches import TiedAlreadyError
from circles.ledger.books import NewTransfer, NotCoveredError
from circles.ledger.matching.values import Choice, Part, PartKind
from circles.ledger.periods import closed_through
from circles.log import floor
from circles.members import people
from circles.members.people import Member
from circles.web.i18n import gettext as _

IN_KINDS = (
    "contribution", "suspense", "gift", "interest", "deposit", "payout_returned",
    "contribution_returned", "tie",
)  # fmt: skip
OUT_KINDS = ("payout", "fee", "refund", "returned", "tie")
ALONE = frozenset({"tie", "payout", "payout_returned", "returned"})
# A batch may hold many payments.
PARTS_MAX = 200
_SAID = re.compile(r"([0-9]{1,15}):(M[0-9]{4,9})?:([0-9a-f]{32})?", re.ASCII)
BY_HAND, BY_ITSELF = "hand", "auto"


@dataclass(frozen=True)
class Answer:
    """What a line was, said by somebody; `tier` and `reason` as proposed, or "hand"."""

    parts: tuple[Part, ...]
    tier: str = BY_HAND
    reason: str = BY_HAND


@dataclass(frozen=True)
class Confirmed:
    """What came of confirming many: booked, not as it was shown any more, refused with words."""

    booked: int
    changed: int
    refused: tuple[tuple[BankLine, str], ...]


# ------------------------------------------------------------------ what a form says


def written(parts: Sequence[Part]) -> str:
    """Parts as a field of a form: `contribution:1000:M1234:` and so on."""
    return "|".join(
        f"{p.kind}:{p.amount_minor}:{p.number or ''}:{p.target.hex() if p.target else ''}"
        for p in parts
    )


def parsed(field: str) -> tuple[Part, ...]:
    """Parts of a form's field; InvalidError for what no page of ours wrote."""
    parts = []
    for said in field.split("|"):
        kind, _c, rest = said.partition(":")
        found = _SAID.fullmatch(rest)
        if found is None or kind not in {*IN_KINDS, *OUT_KINDS}:
            raise InvalidError(_("A line cannot be that. Look at the list again."))
        amount, number, target = found.groups()
        parts.append(
            Part(
                cast("PartKind", kind),
                int(amount),
                number or None,
                bytes.fromhex(target) if target else None,
            )
        )
    return tuple(parts)


def answer_of(waiting: Waiting, field: str) -> Answer:
    """One of the proposed answers, by its field; InvalidError when it is none (any more)."""
    for choice in waiting.proposal.choices:
        if written(choice.parts) == field:
            return Answer(choice.parts, waiting.proposal.tier, choice.reason.code)
    raise ConflictError(_("This proposal is not as it was. Look at the line again."))


# ------------------------------------------------------------------ confirming


async def confirm(
    host: Host, circle: Circle, officer: Member, line_id: bytes, answer: Answer
) -> bool:
    """Book it. False if just that was said before: then nothing happens."""
    now = host.clock.round_now()
    async with host.database.begin() as db:
        await books.lock(db, circle.id)
        line = await lines.get(db, host.vault, circle.id, line_id)
        booking = _Booking(db, host, circle, officer.actor, now)
        fresh = await booking.book(line, answer)
        await dues.settle(db, circle, now)
    await booking.raise_floor()
    return fresh


async def confirm_shown(
    host: Host, circle: Circle, officer: Member, line_id: bytes, field: str
) -> bool:
    """Book one of the answers that the page showed."""
    now = host.clock.round_now()
    async with host.database.begin() as db:
        await books.lock(db, circle.id)
        line = await lines.get(db, host.vault, circle.id, line_id)
        booking = _Booking(db, host, circle, officer.actor, now)
        if await matches.of_line(db, circle.id, line_id) is not None:
            await booking.is_said(line, parsed(field))
            return False
        found = (await matching.sitting(db, host, circle, now)).of(line_id)
        if found is None:
            raise ConflictError(_("This line does not wait any more. Look at the list again."))
        await booking.book(line, answer_of(found, field))
        await dues.settle(db, circle, now)
    await booking.raise_floor()
    return True


async def confirm_certain(
    host: Host, circle: Circle, officer: Member, shown: Mapping[bytes, str]
) -> Confirmed:
    """Book all of these that are still as they were shown, and certain."""
    now = host.clock.round_now()
    async with host.database.begin() as db:
        await books.lock(db, circle.id)
        found = await matching.sitting(db, host, circle, now)
        as_shown = [
            (one, choice)
            for one in found.waiting
            if (choice := _certain(one)) is not None
            and shown.get(one.line.id) == written(choice.parts)
        ]
        booking = _Booking(db, host, circle, officer.actor, now)
        done = await _all(booking, as_shown, None)
        waits = {one.line.id for one in found.waiting}
        changed = sum(key in waits for key in shown) - len(as_shown)
    await booking.raise_floor()
    return Confirmed(done.booked, changed, done.refused)


async def confirm_by_itself(host: Host, circle: Circle) -> int:
    """After an import, if the circle allows it: a member's own reference, with nothing against it,
    is booked without a click. Never a line that a person took out of a match. How many were."""
    now = host.clock.round_now()
    async with host.database.begin() as db:
        if not await payers.books_by_itself(db, circle.id):
            return 0
        await books.lock(db, circle.id)
        found = await matching.sitting(db, host, circle, now)
        left_alone = await matches.undone_lines(db, circle.id)
        sure = [
            (one, choice)
            for one in found.waiting
            if one.proposal.tier == "A"
            and one.line.id not in left_alone
            and (choice := _certain(one)) is not None
            and all(part.kind == "contribution" for part in choice.parts)
        ]
        done = await _all(_Booking(db, host, circle, 0, now), sure, BY_ITSELF)
    return done.booked


def _certain(one: Waiting) -> Choice | None:
    return one.proposal.only if one.proposal.is_certain else None


async def _all(
    booking: _Booking, chosen: Sequence[tuple[Waiting, Choice]], tier: str | None
) -> Confirmed:
    refused: list[tuple[BankLine, str]] = []
    booked = 0
    for one, choice in chosen:
        answer = Answer(choice.parts, tier or one.proposal.tier, choice.reason.code)
        try:
            async with booking.db.begin_nested():
                booked += await booking.book(one.line, answer)
        except (ConflictError, InvalidError, MissingError) as error:
            refused.append((one.line, str(error)))
    await dues.settle(booking.db, booking.circle, booking.now)
    return Confirmed(booked, 0, tuple(refused))


# ------------------------------------------------------------------ one line


class _Booking:
    """Booking lines in one transaction that holds the book's lock."""

    def __init__(
        self, db: AsyncSession, host: Host, circle: Circle, actor: int, now: datetime
    ) -> None:
        self.db, self.host, self.circle = db, host, circle
        self.actor, self.now = actor, now
        # Whether the public record was written to: its floor must follow the commit.
        self.has_told = False

    async def book(self, line: BankLine, answer: Answer) -> bool:
        """Book and tie one line; False if it was said before, in the same words."""
        db, circle = self.db, self.circle
        if await matches.of_line(db, circle.id, line.id) is not None:
            return not await self.is_said(line, answer.parts)
        check(line, answer.parts)
        await self._known(answer.parts)
        on = matching.open_day(line, await closed_through(db, circle.id))
        tied = await self._transfers(line, answer.parts, on)
        await matches.tie(
            db,
            circle.id,
            [line.id],
            tied,
            tier=answer.tier,
            reason=answer.reason,
            actor=self.actor,
            now=self.now,
        )
        if answer.tier != BY_ITSELF:
            await self._learn(line, tied)
        return True

    async def raise_floor(self) -> None:
        """After the commit: nobody is shown a record that the floor does not know."""
        if self.has_told:
            await floor.raise_to(self.host, self.circle.id)

    async def is_said(self, line: BankLine, parts: Sequence[Part]) -> bool:
        """Whether the line is explained in just these words; TiedAlreadyError if in others."""
        match = await matches.of_line(self.db, self.circle.id, line.id)
        if match is None:
            return False
        left = list(parts)
        for transfer_id in match.transfer_ids:
            transfer = await books.transfer(self.db, self.circle.id, transfer_id)
            ref = match_undo.with_ref(transfer.business_ref or "")
            about = await books.by_ref(self.db, self.circle.id, ref) or transfer
            same = [part for part in left if _is(part, transfer, matching.number_of(about))]
            if not same:
                break
            left.remove(same[0])
        else:
            if not left:
                return True
        raise TiedAlreadyError(
            _("Something else was said of this line meanwhile. Look at the list again.")
        )

    async def _known(self, parts: Sequence[Part]) -> None:
        """Whoever is named is one of us, and what bounced is a contribution of that amount."""
        here = {m.book_number for m in await people.every(self.db, self.circle.id)}
        for part in parts:
            if part.kind == "contribution" and part.number not in here:
                raise ConflictError(_("That member is not here any more. Look at the line again."))
            if part.kind == "returned" and part.target is not None:
                came = await books.transfer(self.db, self.circle.id, part.target)
                if came.kind != "contribution":
                    raise InvalidError(_("Only what a member paid in can be taken back like that."))
                _same_amount(came.amount_minor, part)

    async def _transfers(self, line: BankLine, parts: Sequence[Part], on: date) -> list[bytes]:
        """What is tied to the line: booked now, or there already."""
        first = parts[0]
        if first.kind == "tie":
            return [first.target] if first.target else []
        if first.kind == "payout":
            return [await self._settled(first, on)]
        if first.kind == "payout_returned":
            return [await self._returned(first, on)]
        new: list[NewTransfer] = []
        for number, part in enumerate(parts, start=1):
            new += await self._new(part, await self._free(line, number, part), on)
        entry = await books.record(self.db, self.circle.id, new, key=None, now=self.now)
        if first.kind == "returned":
            await self._make_good(entry.transfers[0], first, on)
        return [t.id for t in entry.transfers if chart.MAIN_BANK in (t.debit, t.credit)]

    async def _free(self, line: BankLine, number: int, part: Part) -> str:
        """The part's reference; the next one if it was booked before and undone."""
        for attempt in range(1, ATTEMPTS_MAX):
            bounced = part.kind == "returned" and part.target is not None
            ref = (
                matching.bounced_ref(part.target or b"", attempt)
                if bounced
                else matching.line_ref(line, number, attempt)
            )
            found = await books.by_ref(self.db, self.circle.id, ref)
            if found is None:
                return ref
            if bounced and not await books.is_reversed(self.db, self.circle.id, found.id):
                raise ConflictError(_("The bank took this payment back already, by another line."))
        raise ConflictError(_("This line was booked and undone too often. Write it down by hand."))

    async def _new(self, part: Part, ref: str, on: date) -> list[NewTransfer]:
        bank, amount = chart.MAIN_BANK, part.amount_minor
        if part.kind == "refund":
            member = chart.member(part.number or "")
            return [
                self._one("refund", member, chart.TRANSIT, amount, on, match_undo.with_ref(ref)),
                self._one("payout_settled", chart.TRANSIT, bank, amount, on, ref),
            ]
        if part.kind == "fee":
            held = await books.fund_minor(self.db, self.circle.id)
            payer = chart.FUND if held >= amount else chart.RETURNED
            return [self._one("fee", payer, bank, amount, on, ref)]
        kind, debit, credit = {
            "contribution": ("contribution", bank, chart.member(part.number or "M0000")),
            "suspense": ("contribution_unidentified", bank, chart.SUSPENSE),
            "gift": ("gift", bank, chart.FUND),
            "interest": ("interest", bank, chart.FUND),
            "deposit": ("deposit", bank, chart.CASH),
            "contribution_returned": ("contribution_returned", bank, chart.RETURNED),
            "returned": ("returned", chart.RETURNED, bank),
        }[part.kind]
        return [self._one(kind, debit, credit, amount, on, ref)]

    def _one(
        self, kind: str, debit: str, credit: str, amount: int, on: date, ref: str
    ) -> NewTransfer:
        return NewTransfer(
            kind=kind,
            debit=debit,
            credit=credit,
            amount_minor=amount,
            effective_on=on,
            actor=self.actor,
            business_ref=ref,
        )

    async def _make_good(self, taken: books.Transfer, part: Part, on: date) -> None:
        """What the bank took back is taken from the member, as far as it is theirs: what moved to
        the fund comes back first, if the fund still holds it. The rest stays owed to us."""
        number = part.number
        if number is None and part.target is not None:
            number = matching.number_of(await books.transfer(self.db, self.circle.id, part.target))
        if number is None:
            return
        account = chart.member(number)
        try:
            async with self.db.begin_nested():
                await dues.fetch_back(
                    self.db, self.circle, account, part.amount_minor, actor=self.actor, now=self.now
                )
        except NotCoveredError:
            pass
        held = await books.balance(self.db, self.circle.id, account)
        amount = min(held, part.amount_minor)
        if amount > 0:
            ref = match_undo.with_ref(taken.business_ref or "")
            new = self._one("offset", account, chart.RETURNED, amount, on, ref)
            await books.record(self.db, self.circle.id, [new], key=None, now=self.now)

    async def _settled(self, part: Part, on: date) -> bytes:
        payout = await payouts.get(self.db, self.circle.id, part.target or b"", lock=True)
        _same_amount(payout.amount_minor, part)
        if payout.state == "confirmed":
            await payouts.mark_sent(
                self.db, self.circle.id, payout.id, actor=self.actor, on=on, now=self.now
            )
        self.has_told = True
        await settling.settle_in(self.db, self.host, self.circle, self.actor, payout.id, on)
        return await self._step(payout.id, "settled")

    async def _returned(self, part: Part, on: date) -> bytes:
        payout = await payouts.get(self.db, self.circle.id, part.target or b"", lock=True)
        _same_amount(payout.amount_minor, part)
        if payout.state == "sent":
            raise ConflictError(
                _("The line with which this payment left comes first. Then this one.")
            )
        await payouts.mark_returned(
            self.db, self.circle.id, payout.id, actor=self.actor, on=on, now=self.now
        )
        return await self._step(payout.id, "returned")

    async def _step(self, payout_id: bytes, step: str) -> bytes:
        found = await books.by_ref(self.db, self.circle.id, payouts.ref(payout_id, step))
        if found is None:
            raise ConflictError(_("This payment is at another step by now. Open it anew."))
        return found.id

    async def _learn(self, line: BankLine, tied: Sequence[bytes]) -> None:
        booked = [await books.transfer(self.db, self.circle.id, one) for one in tied]
        on = local_day(self.circle, self.now)
        for payer, number in match_undo.pairs(line, booked):
            await payers.learn(
                self.db,
                self.host.vault,
                self.circle.id,
                number,
                payer,
                actor=self.actor,
                on=on,
            )


def _is(part: Part, transfer: books.Transfer, number: str | None) -> bool:
    """Whether a tied transfer is what this part says."""
    if part.kind == "tie":
        return part.target == transfer.id
    kind = {"suspense": "contribution_unidentified", "payout": "payout_settled",
            "refund": "payout_settled"}.get(part.kind, part.kind)  # fmt: skip
    if kind != transfer.kind or part.amount_minor != transfer.amount_minor:
        return False
    if part.kind in ("payout", "payout_returned"):
        step = "settled" if part.kind == "payout" else "returned"
        return transfer.business_ref == payouts.ref(part.target or b"", step)
    return part.kind not in ("contribution", "refund") or part.number == number


def _same_amount(amount_minor: int, part: Part) -> None:
    if amount_minor != part.amount_minor:
        raise InvalidError(_("The line and the payment differ in their amounts."))


def check(line: BankLine, parts: Sequence[Part]) -> None:
    """InvalidError unless these parts make up the line, and may."""
    allowed = IN_KINDS if line.amount_minor > 0 else OUT_KINDS
    kinds = [part.kind for part in parts]
    if not parts or len(parts) > PARTS_MAX or any(kind not in allowed for kind in kinds):
        raise InvalidError(_("A line cannot be that. Look at the list again."))
    if len(parts) > 1 and ALONE.intersection(kinds):
        raise InvalidError(_("That goes for a whole line only."))
    if any(part.amount_minor <= 0 for part in parts):
        raise InvalidError(_("Each part is more than nothing."))
    if sum(part.amount_minor for part in parts) != abs(line.amount_minor):
        raise InvalidError(_("The parts do not come to what the bank says."))
    for part in parts:
        if part.kind in ("contribution", "refund") and not part.number:
            raise InvalidError(_("Please say whose it is."))
        if part.kind in ("tie", "payout", "payout_returned") and part.target is None:
            raise InvalidError(_("Please say which one is meant."))
