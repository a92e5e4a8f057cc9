"""How to pay in: where to, how much, under which reference, and what arrived. For one member."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from litestar import Request, Response, get
from markupsafe import Markup
from sqlalchemy.ext.asyncio import AsyncSession

from circles.circle import iban, qr, reference
from circles.circle.calendar import month_after, month_of
from circles.circle.circles import Circle
from circles.circle.provide import TheCircle, TheHost
from circles.ledger import books
from circles.ledger.books import StatementLine
from circles.members import first_pledge, people, pledges
from circles.members.people import Member
from circles.members.pledges import DROPPED, MOVED, Due, Pledge
from circles.members.signin import TheMember
from circles.rounds import rounds
from circles.web import i18n
from circles.web.forms import Form
from circles.web.i18n import gettext as _
from circles.web.render import page

_LINES_SHOWN = 24
# What a member sees of the books: money that came in from them, or went back to them.
_ARRIVING = frozenset({"contribution", "identify", "contribution_returned", "refund", "offset"})


@dataclass(frozen=True)
class Standing:
    """A member's month. `month` is the one that a payment made now counts for; `best_by` the close
    of a vote that it would still count for. `held_minor` came in and has not moved to the fund."""

    pledge: Pledge
    month: str
    due: Due | None
    held_minor: int
    best_by: datetime | None
    month_skipped: bool

    @property
    def is_in(self) -> bool:
        """Whether this month's money is in the fund."""
        return self.due is not None and self.due.state == MOVED

    @property
    def to_pay_minor(self) -> int:
        """What is to be paid in now; 0 when nothing is."""
        if self.is_in or self.month_skipped:
            return 0
        due = self.pledge.due_minor(self.month) if self.due is None else self.due.amount_minor
        return max(due - self.held_minor, 0)

    @property
    def can_skip(self) -> bool:
        """Whether this month may still be left out."""
        return not (self.is_in or self.month_skipped) and self.to_pay_minor + self.held_minor > 0

    @property
    def changes_from(self) -> str:
        """The first month that another pledge would count for."""
        return self.month if self.due is None else month_after(self.month)


async def standing(db: AsyncSession, circle: Circle, member: Member, now: datetime) -> Standing:
    """How it stands between a member and the fund; `now` by the circle's clock."""
    round_ = await rounds.current(db, circle, now)
    pledge = await pledges.of(db, member.id)
    dues = {due.month: due for due in await pledges.dues_of(db, member.id)}
    if round_ is None:
        month, best_by = month_of(now, circle.zone), None
    elif now < round_.dates.voting_closes:
        month, best_by = round_.month, round_.dates.voting_closes
    else:
        month, best_by = month_after(round_.month), None
    due = dues.get(month)
    skipped = month in pledge.skipped or (due is not None and due.state == DROPPED)
    held = await books.member_minor(db, circle.id, member.book_number)
    return Standing(pledge, month, due, held, best_by, skipped)


@dataclass(frozen=True)
class Past:
    """A month as its member sees it: `state` is "in", "waiting" or "skipped"."""

    month: str
    amount_minor: int
    state: str


def past_months(dues: list[Due]) -> list[Past]:
    """The member's months, the newest first. What did not arrive reads like what was skipped."""
    words = {MOVED: "in", DROPPED: "skipped"}
    return [
        Past(due.month, due.amount_minor, words.get(due.state, "waiting")) for due in reversed(dues)
    ][:_LINES_SHOWN]


def code_for_bank(circle: Circle, amount_minor: int, ref: str) -> Markup | None:
    """The code that a bank's app reads; euros to an account only."""
    if circle.currency != "EUR" or not circle.pay_iban or amount_minor <= 0:
        return None
    with i18n.speaking(circle):
        label = _("Code for your bank’s app: pays %(amount)s to %(holder)s") % {
            "amount": i18n.money_unit(amount_minor, circle.currency),
            "holder": circle.pay_holder,
        }
    return qr.bank_transfer(
        holder=circle.pay_holder,
        iban=circle.pay_iban,
        amount_minor=amount_minor,
        reference=ref,
        label=label,
    )


def arrived(lines: list[StatementLine]) -> list[StatementLine]:
    """What came in from a member and what went back, the newest first."""
    return [line for line in reversed(lines) if line.kind in _ARRIVING][:_LINES_SHOWN]


@get("/c/{slug:str}/in/pay")
async def pay_page(
    request: Request[Any, Any, Any], circle: TheCircle, member: TheMember, host: TheHost
) -> Response[bytes]:
    """Where and how, skipping, changing, and what arrived."""
    now = host.clock.round_now()
    async with host.database.read() as db:
        stands = await standing(db, circle, member, now)
        lines = await books.statement_of(db, circle.id, member.book_number)
        months = past_months(await pledges.dues_of(db, member.id))
        keepers = [one.handle for one in await people.every(db, circle.id) if one.is_treasurer]
    ref = reference.of(member.book_number)
    context = {
        "stands": stands,
        "iban": iban.grouped(circle.pay_iban),
        "reference": reference.shown(ref),
        "code": code_for_bank(circle, stands.to_pay_minor, ref),
        "form": first_pledge.filled(circle, stands.pledge.amount_minor),
        "usual": first_pledge.usual_minor(circle),
        "arrived": arrived(lines),
        "months": months,
        "keepers": keepers,
        "here": "pay",
    }
    return page(request, "month/pay.html", context, circle=circle, member=member)


def pledge_form(circle: Circle, stands: Standing) -> Form:
    """The form with the present pledge picked."""
    return first_pledge.filled(circle, stands.pledge.amount_minor)


routes: list[Any] = [pay_page]
