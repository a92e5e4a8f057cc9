"""Showing one period of the books to somebody from outside: a link that reads, and nothing else."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from litestar import Request, Response, get, post
from litestar.params import FromPath
from litestar.response import Stream

from circles.circle.calendar import month_before
from circles.circle.circles import Circle
from circles.circle.provide import TheCircle, TheHost
from circles.desk.fields import id_of
from circles.desk.lines import line_of
from circles.desk.names import Names, names_of
from circles.desk.report_pages import file_of
from circles.dues.dues import local_day
from circles.errors import ConflictError
from circles.host import Host
from circles.ledger import audit_links, periods
from circles.ledger.audit_links import AuditLink
from circles.ledger.books import JournalLine
from circles.ledger.export import FORMATS, Period
from circles.ledger.report import receipts_and_payments
from circles.members import guards, notices
from circles.members.signin import TheMember
from circles.web import forms
from circles.web.forms import Form
from circles.web.i18n import gettext as _
from circles.web.i18n import moment, month_name
from circles.web.render import page, see_other

_GUARDS: Final = [guards.officer]
_MONTHS_OFFERED = 24
_LINES_A_PAGE = 200
_SEQ_DIGITS_MAX = 15
_NOT_FOUND_BY_OTHERS: Final = {"X-Robots-Tag": "noindex, nofollow, noarchive"}


@dataclass(frozen=True)
class Numbers(Names):
    """Nobody is called by a name: for eyes from outside."""

    def number(self, book_number: str) -> str:
        """The number itself."""
        return book_number


_NUMBERS: Final = Numbers((), {})


# ------------------------------------------------------------------ for officers


def _offered(today: date) -> list[tuple[str, str]]:
    """This year and the last, then the months, the newest first."""
    years = [str(today.year - back) for back in range(3)]
    months = [today.isoformat()[:7]]
    while len(months) < _MONTHS_OFFERED:
        months.append(month_before(months[-1]))
    named = [(month, month_name(month, year=True)) for month in months]
    return [*named[:1], *[(year, year) for year in years], *named[1:]]


async def _context(host: Host, circle: Circle, form: Form) -> dict[str, Any]:
    now = host.clock.now()
    async with host.database.read() as db:
        found = await audit_links.every(db, circle.id)
        names = await names_of(db, circle.id)
    return {
        "form": form,
        "open": [link for link in found if link.opens(now)],
        "over": [link for link in found if not link.opens(now)],
        "names": names,
        "offered": _offered(local_day(circle, host.clock.round_now())),
        "days": audit_links.DAYS,
        "here": "desk",
    }


@get("/c/{slug:str}/in/desk/audit", guards=_GUARDS)
async def links_page(
    request: Request[Any, Any, Any], circle: TheCircle, member: TheMember, host: TheHost
) -> Response[bytes]:
    """Links that open something, and a form for one more."""
    form = Form(days=str(audit_links.DAYS_DEFAULT))
    context = await _context(host, circle, form)
    return page(request, "desk/audit_links.html", context, circle=circle, member=member)


@post("/c/{slug:str}/in/desk/audit", guards=_GUARDS)
async def make(
    request: Request[Any, Any, Any], circle: TheCircle, member: TheMember, host: TheHost
) -> Response[bytes]:
    """One more link; pinned up for all."""
    form = await forms.read(request)
    context = await _context(host, circle, form)
    period = form.choice("period", [value for value, _words in context["offered"]])
    days = form.choice("days", [str(number) for number in audit_links.DAYS])
    if form.trouble:
        return page(
            request, "desk/audit_links.html", context, circle=circle, member=member, status=422
        )
    async with host.database.begin() as db:
        made = await audit_links.make(
            db,
            host.vault,
            circle.id,
            period,
            days=int(days),
            actor=member.actor,
            now=host.clock.now(),
        )
        values = {"by_id": member.id.hex(), "period": period, "until": moment(made.expires_at)}
        await notices.pin(db, circle.id, "audit-link", values, host.clock.round_now())
    return see_other(f"{circle.path}/in/desk/audit/{made.id.hex()}")


@get("/c/{slug:str}/in/desk/audit/{link_id:str}", guards=_GUARDS)
async def link_page(
    request: Request[Any, Any, Any],
    circle: TheCircle,
    member: TheMember,
    host: TheHost,
    link_id: FromPath[str],
) -> Response[bytes]:
    """The address to hand over, for the officer who made it."""
    async with host.database.read() as db:
        link = await audit_links.by_id(db, circle.id, id_of(link_id))
    if link.made_actor != member.actor:
        raise ConflictError(_("Another officer made this link, and only they can show it."))
    if not link.opens(host.clock.now()):
        raise ConflictError(_("This link opens nothing any more. Make a new one."))
    code = audit_links.code_of(host.vault, link.id)
    context = {
        "link": link,
        "address": f"{host.settings.url}{circle.path}/audit/{code}",
        "here": "desk",
    }
    return page(request, "desk/audit_link.html", context, circle=circle, member=member)


@post("/c/{slug:str}/in/desk/audit/{link_id:str}/revoke", guards=_GUARDS)
async def revoke(
    circle: TheCircle, member: TheMember, host: TheHost, link_id: FromPath[str]
) -> Response[bytes]:
    """It opens nothing from now on; any officer can do that. Twice is once."""
    async with host.database.begin() as db:
        link = await audit_links.by_id(db, circle.id, id_of(link_id))
        if await audit_links.revoke(db, circle.id, link.id, host.clock.now()):
            values = {"by_id": member.id.hex(), "period": link.period}
            await notices.pin(db, circle.id, "audit-link-revoked", values, host.clock.round_now())
    return see_other(f"{circle.path}/in/desk/audit")


# ------------------------------------------------------------------ for the auditor


async def _opened(host: Host, circle: Circle, code: str) -> AuditLink:
    async with host.database.read() as db:
        return await audit_links.by_code(db, circle.id, code, host.clock.now())


@get("/c/{slug:str}/audit/{code:str}")
async def audit_page(
    request: Request[Any, Any, Any], circle: TheCircle, host: TheHost, code: FromPath[str]
) -> Response[bytes]:
    """One period: report, lines by number, closes, files. No sign-in, and no cookie looked at."""
    link = await _opened(host, circle, code)
    period = Period.parse(link.period)
    asked = request.query_params.get("after", "")
    after = int(asked) if asked.isdecimal() and len(asked) <= _SEQ_DIGITS_MAX else 0
    async with host.database.read() as db:
        report = await receipts_and_payments(db, circle.id, period)
        found = await audit_links.lines(
            db, circle.id, period, after_seq=after, limit=_LINES_A_PAGE + 1
        )
        closed = await periods.closes(db, circle.id)
    shown = found[:_LINES_A_PAGE]
    context = {
        "link": link,
        "report": report,
        "is_month": len(link.period) > len("2026"),
        "after": after,
        "more": shown[-1].seq if len(found) > _LINES_A_PAGE else None,
        "lines": [(one, line_of(JournalLine(one, None, None), _NUMBERS)) for one in shown],
        "closed": [one for one in reversed(closed) if one.month.startswith(link.period)],
        "formats": FORMATS,
        "at": f"{circle.path}/audit/{code}",
        "here": "",
    }
    return page(request, "desk/audit.html", context, circle=circle, headers=_NOT_FOUND_BY_OTHERS)


@get("/c/{slug:str}/audit/{code:str}/{kind:str}")
async def audit_file(
    circle: TheCircle, host: TheHost, code: FromPath[str], kind: FromPath[str]
) -> Stream:
    """The period as a file, without notes: they may name people."""
    link = await _opened(host, circle, code)
    answer = await file_of(host, circle, kind, Period.parse(link.period), notes=False)
    answer.headers.update(_NOT_FOUND_BY_OTHERS)
    return answer


routes: list[Any] = [links_page, make, link_page, revoke, audit_page, audit_file]
