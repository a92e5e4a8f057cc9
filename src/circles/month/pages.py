"""The member's month, and the months before it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from litestar import Request, Response, get
from litestar.di import NamedDependency

from circles import closing
from circles.circle.circles import Circle
from circles.host import Host
from circles.members.people import Member
from circles.month import facts as month_facts
from circles.month import story, words
from circles.month.kept import kept_page
from circles.rounds import requests, rounds
from circles.rounds.rounds import Round
from circles.web.render import page


@get("/c/{slug:str}/in")
async def month_page(
    request: Request[Any, Any, Any],
    host: NamedDependency[Host],
    circle: NamedDependency[Circle],
    member: NamedDependency[Member],
) -> Response[bytes]:
    """Where we are, what is mine to do now, what comes next."""
    async with host.database.read() as db:
        facts = await month_facts.read(db, host, circle, member)
    if facts.is_due:
        closing.tick_soon(host)
    context = {"here": "month", "facts": facts, "story": story.tell(facts)}
    return page(request, "month/month.html", context, circle=circle, member=member)


@get("/c/{slug:str}/in/months")
async def months_page(
    request: Request[Any, Any, Any],
    host: NamedDependency[Host],
    circle: NamedDependency[Circle],
    member: NamedDependency[Member],
) -> Response[bytes]:
    """Every month that was counted, the newest first."""
    async with host.database.read() as db:
        past = await rounds.past(db, circle.id)
        names = await requests.recipients(db, circle.id, {over.month for over in past})
    context = {"here": "months", "months": [_told(over, names) for over in past]}
    return page(request, "month/months.html", context, circle=circle, member=member)


def _told(over: Round, names: Mapping[tuple[str, int], str]) -> dict[str, Any]:
    """A decided month as the list tells it."""
    result, close = over.result, over.vote.close
    return {
        "month": over.month,
        "headline": story.outcome(over),
        "fund_minor": (close.fund_minor or 0) if close else 0,
        "given_minor": sum(amount for _number, amount in result.awards) if result else 0,
        "helped": [
            (names.get((over.month, number), ""), amount)
            for number, amount in (result.awards if result else ())
        ],
        "counted": result is not None,
    }


routes: list[Any] = [month_page, months_page, kept_page, *words.routes]
