"""The desk itself, and all of its pages."""

from __future__ import annotations

from typing import Any

from litestar import Request, Response, get

from circles.circle.provide import TheCircle, TheHost
from circles.desk import (
    audit_pages,
    books_pages,
    close_pages,
    handover_pages,
    import_pages,
    match_pages,
    money_pages,
    opening_pages,
    pay_list_pages,
    payee_pages,
    payment_pages,
    report_pages,
    tin_pages,
)
from circles.desk.overview import overview
from circles.dues.dues import local_day
from circles.members import guards
from circles.members.signin import TheMember
from circles.web.render import page


@get("/c/{slug:str}/in/desk", guards=[guards.treasurer])
async def desk_page(
    request: Request[Any, Any, Any], circle: TheCircle, member: TheMember, host: TheHost
) -> Response[bytes]:
    """What waits now, in order; where payments are; whether bank and books agree."""
    now = host.clock.round_now()
    async with host.database.read() as db:
        desk = await overview(db, circle, now)
    context = {"desk": desk, "today": local_day(circle, now), "here": "desk"}
    return page(request, "desk/desk.html", context, circle=circle, member=member)


routes: list[Any] = [
    desk_page,
    *money_pages.routes,
    *tin_pages.routes,
    *books_pages.routes,
    *import_pages.routes,
    *match_pages.routes,
    *payment_pages.routes,
    *payee_pages.routes,
    *pay_list_pages.routes,
    *report_pages.routes,
    *close_pages.routes,
    *opening_pages.routes,
    *handover_pages.routes,
    *audit_pages.routes,
]
