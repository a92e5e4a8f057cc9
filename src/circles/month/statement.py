"""A member's own lines in the books: for their own eyes, and the treasurer's."""

from __future__ import annotations

from typing import Any

from litestar import Request, Response, get

from circles.circle import reference
from circles.circle.circles import Circle
from circles.circle.provide import TheCircle, TheHost
from circles.ledger import books
from circles.ledger.books import StatementLine
from circles.members.people import Member
from circles.members.signin import TheMember
from circles.web.render import page


def statement_page(
    request: Request[Any, Any, Any],
    circle: Circle,
    member: Member,
    *,
    number: str,
    whose: str,
    lines: list[StatementLine],
) -> Response[bytes]:
    """The page; `whose` is a handle, or empty for one's own. The newest line first."""
    context = {
        "whose": whose,
        "reference": reference.shown(reference.of(number)),
        "lines": lines[::-1],
        "held": lines[-1].balance_minor if lines else 0,
        "here": "desk" if whose else "pay",
    }
    return page(request, "month/statement.html", context, circle=circle, member=member)


@get("/c/{slug:str}/in/you/statement")
async def own_statement(
    request: Request[Any, Any, Any], circle: TheCircle, member: TheMember, host: TheHost
) -> Response[bytes]:
    """All of one's own lines."""
    async with host.database.read() as db:
        lines = await books.statement_of(db, circle.id, member.book_number)
    return statement_page(request, circle, member, number=member.book_number, whose="", lines=lines)


routes: list[Any] = [own_statement]
