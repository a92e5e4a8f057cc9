"""What the page of the bank's lines shows: what waits in its groups, what is put aside and since
when, what was said lately, what was learned."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Literal

from sqlalchemy.ext.asyncio import AsyncSession

from circles.circle.circles import Circle
from circles.desk import match_words, matching
from circles.desk.lines import words as line_words
from circles.desk.match_words import ShownLine
from circles.desk.matching import Sitting, Waiting
from circles.desk.names import Names, months_in, names_of
from circles.dues.dues import local_day
from circles.host import Host
from circles.ledger import books, payers, suspense
from circles.ledger.bank import lines, matches
from circles.ledger.bank.lines import BankLine
from circles.ledger.bank.matches import Match
from circles.ledger.transfer import Transfer
from circles.web.i18n import gettext as _
from circles.web.i18n import ngettext

GROUP_SHOWN = 100
_LATELY_SHOWN = 12
_WEEK_DAYS = 7
Group = Literal["certain", "likely", "open"]


@dataclass(frozen=True)
class Aside:
    """Money that was put aside: its line in the books, and for how long."""

    line: ShownLine
    transfer: str
    age: str


@dataclass(frozen=True)
class Said:
    """A line that is explained: what it was said to be."""

    line: ShownLine
    what: tuple[str, ...]
    how: str


@dataclass(frozen=True)
class Learned:
    """How many accounts paid for a member before, and since when we know."""

    who: str
    number: str
    count: int
    newest: date


@dataclass(frozen=True)
class Desk:
    """Everything on the page. `more` is how many of a group are not shown yet."""

    certain: tuple[ShownLine, ...]
    likely: tuple[ShownLine, ...]
    open: tuple[ShownLine, ...]
    more: int
    waits: int
    aside: tuple[Aside, ...]
    lately: tuple[Said, ...]
    learned: tuple[Learned, ...]
    by_itself: bool


def group_of(one: Waiting) -> Group:
    """Certain: together with others. Likely: one click. Open: a person decides."""
    if one.proposal.is_certain:
        return "certain"
    return "likely" if one.proposal.tier == "C" and one.proposal.only else "open"


async def desk(db: AsyncSession, host: Host, circle: Circle, now: datetime) -> Desk:
    """The page as of this moment."""
    found = await matching.sitting(db, host, circle, now)
    live = await matches.live(db, circle.id)
    names = await names_for(db, circle, found, live[-_LATELY_SHOWN:])
    groups: dict[Group, list[ShownLine]] = {"certain": [], "likely": [], "open": []}
    for one in found.waiting:
        groups[group_of(one)].append(match_words.shown(one, found, names))
    shown = {name: tuple(group[:GROUP_SHOWN]) for name, group in groups.items()}
    return Desk(
        certain=shown["certain"],
        likely=shown["likely"],
        open=shown["open"],
        more=sum(len(group) - len(shown[name]) for name, group in groups.items()),
        waits=len(found.waiting),
        aside=await _aside(db, host, circle, live, local_day(circle, now)),
        lately=tuple(
            [
                await said(db, host, circle, match, names)
                for match in live[: -_LATELY_SHOWN - 1 : -1]
            ]
        ),
        learned=await _learned(db, circle, names),
        by_itself=await payers.books_by_itself(db, circle.id),
    )


async def names_for(
    db: AsyncSession, circle: Circle, found: Sitting, said_lately: list[Match]
) -> Names:
    """Whatever is spoken of."""
    months = {payout.month for payout in found.payouts.values()}
    for match in said_lately:
        for transfer_id in match.transfer_ids:
            transfer = await books.transfer(db, circle.id, transfer_id)
            months |= months_in((transfer.debit, transfer.credit))
    return await names_of(db, circle.id, months)


async def _aside(
    db: AsyncSession, host: Host, circle: Circle, live: list[Match], today: date
) -> tuple[Aside, ...]:
    waiting = await suspense.waiting(db, circle.id)
    line_of = {t: match.line_ids[0] for match in live if match.line_ids for t in match.transfer_ids}
    ids = [line_of[entry.transfer.id] for entry in waiting if entry.transfer.id in line_of]
    by_id = {line.id: line for line in await lines.some(db, host.vault, circle.id, ids)}
    found = []
    for entry in waiting:
        transfer = entry.transfer
        line = by_id.get(line_of.get(transfer.id, b""))
        shown = (
            of_line(line)
            if line is not None
            else ShownLine(
                "", transfer.effective_on, entry.note or _("Typed by hand"), "", 0, typed=True
            )
        )
        found.append(
            Aside(
                replace(shown, amount_minor=transfer.amount_minor),
                transfer.id.hex(),
                age(transfer.effective_on, today),
            )
        )
    return tuple(found)


def of_line(line: BankLine) -> ShownLine:
    """A line without proposals."""
    return ShownLine(
        line.id.hex(),
        line.booked_on,
        match_words.who_of(line),
        match_words.bank_words(line),
        line.amount_minor,
    )


def age(since: date, today: date) -> str:
    """How long something waits, in days or weeks."""
    days = max((today - since).days, 0)
    if days == 0:
        return _("since today")
    if days < 2 * _WEEK_DAYS:
        return ngettext("for one day", "for %(n)s days", days) % {"n": days}
    weeks = days // _WEEK_DAYS
    return ngettext("for one week", "for %(n)s weeks", weeks) % {"n": weeks}


async def said(db: AsyncSession, host: Host, circle: Circle, match: Match, names: Names) -> Said:
    """What a match says, for the list and for the line's own page."""
    found = await lines.some(db, host.vault, circle.id, match.line_ids)
    transfers = [await books.transfer(db, circle.id, one) for one in match.transfer_ids]
    transfers.sort(key=lambda transfer: transfer.seq)
    line = of_line(found[0]) if found else ShownLine("", match.at.date(), "", "", 0)
    return Said(
        replace(line, amount_minor=match.amount_minor),
        tuple([line_words(await _telling(db, circle, one), names) for one in transfers]),
        match_words.said_of(match, transfers, names),
    )


async def _telling(db: AsyncSession, circle: Circle, transfer: Transfer) -> Transfer:
    """Of money given back, the step that says to whom."""
    if transfer.kind != "payout_settled":
        return transfer
    together = await books.booked_with(db, circle.id, transfer)
    return next((one for one in together if one.kind == "refund"), transfer)


async def _learned(db: AsyncSession, circle: Circle, names: Names) -> tuple[Learned, ...]:
    by_number: dict[str, list[date]] = {}
    for link in await payers.links(db, circle.id):
        by_number.setdefault(link.number, []).append(link.learned_on)
    found = [
        Learned(names.number(number), number, len(days), max(days))
        for number, days in by_number.items()
    ]
    return tuple(sorted(found, key=lambda one: one.who))
