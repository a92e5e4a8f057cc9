"""Pages for everyone: the host, a circle, its months. Blind to cookies, readable without script."""

from __future__ import annotations

import re
from typing import Any

from litestar import Request, Response, get
from litestar.di import NamedDependency
from litestar.params import FromPath

from circles.circle import boxes, circles
from circles.circle.boxes import SERVER_ALONE
from circles.circle.circles import Circle
from circles.errors import MissingError
from circles.host import Host
from circles.money import minor_digits
from circles.protocol import allocation
from circles.public import shelf
from circles.public.records import Month, Record, letter
from circles.public.shelf import Shelf
from circles.public.texts import PublicText
from circles.web import drawings, i18n
from circles.web.i18n import gettext as _
from circles.web.render import html, page

# As many columns as a narrow phone shows with words of a readable size; the table has them all.
MONTHS_SHOWN = 6
_MONTH = re.compile(r"[0-9]{4}-(0[1-9]|1[0-2])")


@get("/")
async def host_page(
    request: Request[Any, Any, Any], host: NamedDependency[Host]
) -> Response[bytes]:
    """Which circles live here."""
    async with host.database.read() as db:
        found = await circles.every(db)
    return page(request, "public/host.html", {"found": found})


@get("/c/{slug:str}")
async def circle_page(
    request: Request[Any, Any, Any], host: NamedDependency[Host], circle: NamedDependency[Circle]
) -> Response[bytes]:
    """Where the money went, month by month."""
    return await shelf.page(request, host, circle, lambda s: _circle_html(circle, s))


@get("/c/{slug:str}/rounds/{month:str}")
async def round_page(
    request: Request[Any, Any, Any],
    host: NamedDependency[Host],
    circle: NamedDependency[Circle],
    month: FromPath[str],
) -> Response[bytes]:
    """One month: whom it helped, the ticks, and the working to redo by hand."""
    if not _MONTH.fullmatch(month):
        raise _no_month()
    return await shelf.page(request, host, circle, lambda s: _round_html(host, circle, s, month))


@get("/c/{slug:str}/rounds/{month:str}/sheet")
async def sheet_page(
    request: Request[Any, Any, Any],
    host: NamedDependency[Host],
    circle: NamedDependency[Circle],
    month: FromPath[str],
) -> Response[bytes]:
    """The same month as a sheet of paper: the ticks and the rule, and room for a pencil."""
    if not _MONTH.fullmatch(month):
        raise _no_month()
    template = "public/sheet.html"
    return await shelf.page(
        request, host, circle, lambda s: _round_html(host, circle, s, month, template)
    )


@get("/c/{slug:str}/secrecy")
async def secrecy_page(
    request: Request[Any, Any, Any], host: NamedDependency[Host], circle: NamedDependency[Circle]
) -> Response[bytes]:
    """How the secret ballot works, and what nobody can promise."""
    async with host.database.read() as db:
        keys = await boxes.newest(db, circle.id)
    context = {"address": host.settings.url + circle.path, "keys": keys}
    return page(request, "public/secrecy.html", context, circle=circle)


routes = [host_page, circle_page, round_page, sheet_page, secrecy_page]


def _no_month() -> MissingError:
    return MissingError(_("There is no such month here. The months are all in one place."))


# ------------------------------------------------------------------ the circle


def _circle_html(circle: Circle, stands: Shelf) -> bytes:
    with i18n.speaking(circle):
        context = {
            "here": "all",
            "record": stands.record,
            "months": list(reversed(stands.record.finished)),
            "newest": stands.record.finished[-1] if stands.record.finished else None,
            "open": next((m for m in reversed(stands.record.months) if not m.over), None),
            "members": stands.record.months[-1].vote.members if stands.record.months else 0,
            "came_in": sum(m.came_in_minor for m in stands.record.finished),
            "went_out": sum(m.awarded_minor for m in stands.record.finished),
            "awards_count": sum(len(m.awards) for m in stands.record.finished),
            "text_of": _texts(stands),
            "chart": _chart(circle, stands.record),
        }
        return html("public/circle.html", context, circle=circle)


def _chart(circle: Circle, record: Record) -> dict[str, Any]:
    """The drawing of in and out, and what one dot stands for."""
    months = record.finished[-MONTHS_SHOWN:]
    highest = max((max(m.came_in_minor, m.awarded_minor) for m in months), default=0)
    unit = drawings.chart_unit(highest, 10 ** minor_digits(circle.currency))
    columns = [
        drawings.Column(
            i18n.month_short(m.month),
            max(m.came_in_minor, 0),
            m.awarded_minor,
            i18n.money_short(m.came_in_minor),
            i18n.money_short(m.awarded_minor) if m.awarded_minor else _("none"),
        )
        for m in months
    ]
    gist = "; ".join(
        _("%(month)s: %(in)s in, %(out)s out")
        % {
            "month": i18n.month_name(m.month),
            "in": i18n.money_short(m.came_in_minor),
            "out": i18n.money_short(m.awarded_minor),
        }
        for m in months
    )
    label = _("In and out by month. %(gist)s. The table below has every figure.") % {"gist": gist}
    return {"unit_minor": unit, "drawing": drawings.chart(columns, unit, label)}


def _texts(stands: Shelf) -> Any:
    """The agreed words of an award, or "a neighbour"."""

    def text_of(month: Month, number: int) -> PublicText:
        found = stands.texts.get((month.month, number))
        return found or PublicText(_("A neighbour"))

    return text_of


# ------------------------------------------------------------------ one month


def _round_html(
    host: Host,
    circle: Circle,
    stands: Shelf,
    month: str,
    template: str = "public/round.html",
) -> bytes:
    found = stands.record.of(month)
    sheet = template != "public/round.html"
    with i18n.speaking(circle):
        if found is None or (sheet and found.allocation is None):
            raise _no_month()
        context = {
            "here": "round",
            "month": found,
            "newest": found,
            "next_month": _next(found.month),
            "opened_within": boxes.OPENED_WITHIN,
            "keys": stands.boxes.get(found.month, SERVER_ALONE),
            "address": f"{host.settings.url}/c/{circle.slug}",
            "text_of": _texts(stands),
            "letter": letter,
            "why": _why(circle, found),
            "asked": _asked,
            "params": dict(found.vote.params),
            "unit_minor": _dot(circle, found),
            "strips": _strips(circle, found),
            "rule": found.vote.rule,
            "exact": _exact,
            "digits": minor_digits(circle.currency),
        }
        return html(template, context, circle=circle)


def _next(month: str) -> str:
    year, number = int(month[:4]), int(month[5:])
    return f"{year + number // 12:04d}-{number % 12 + 1:02d}"


def _asked(ask: Any) -> str:
    """What a request asked for, in one cell: enough to redo the working by hand."""
    if ask.amount_minor is not None:
        return i18n.money(ask.amount_minor)
    if ask.ceiling_minor is not None:
        return _("any, up to %(amount)s") % {"amount": i18n.money(ask.ceiling_minor)}
    return _("any amount")


def _exact(ratio: tuple[int, int]) -> str:
    """An exact part of money, cut to the minor unit; `…` where that is not all of it."""
    amount, over = ratio
    return i18n.money(amount // over) + ("" if amount % over == 0 else "…")


def _why(circle: Circle, month: Month) -> dict[int, str]:
    """Why each request was paid or not, in words, by number."""
    params = dict(month.vote.params)
    said: dict[int, str] = {}
    for request in month.requests:
        row = request.row
        if row is None:
            continue
        left = i18n.money(row.left_before_minor)
        said[request.number] = {
            allocation.PAID: _("paid"),
            allocation.NO_TICK: _("no tick"),
            allocation.UNDER_MIN_TICKS: _("under %(n)s ticks") % {"n": params.get("min-ticks")},
            allocation.UNDER_KEEP: _("fewer ticks than “keep it”"),
            allocation.DOES_NOT_FIT: _("does not fit into %(left)s") % {"left": left},
            allocation.PART_TOO_SMALL: _("its part is less than it asked"),
            allocation.NOT_FIRST: _("another one was first"),
            allocation.NOT_COVERED: _("the shares of those who ticked it do not cover it"),
            allocation.UNDER_LEAST: _("its share is under %(least)s")
            % {"least": i18n.money(int(params.get("least", "0")))},
        }[row.outcome]
    return said


def _dot(circle: Circle, month: Month) -> int:
    """What one dot of the fund's strip stands for, so that the whole fund fits into a row."""
    whole = int(10 ** minor_digits(circle.currency))
    return drawings.chart_unit(month.fund_minor, whole)


def _strips(circle: Circle, month: Month) -> dict[int, Any]:
    """The fund before and after each award, in dots; by candidate number, 0 the end.

    Awards that are no whole number of dots are rounded at their edges, so that the strip always
    adds up to the fund; the figures beside it are exact.
    """
    unit, fund = _dot(circle, month), month.fund_minor

    def dots(amount_minor: int) -> int:
        return (2 * amount_minor + unit) // (2 * unit)

    total = dots(fund)
    drawn: dict[int, Any] = {}
    for request in month.awards:
        row = request.row
        if row is not None:
            before, after = total - dots(row.left_before_minor), total - dots(row.left_after_minor)
            drawn[request.number] = drawings.strip(before, after - before, total - after)
    left = dots(month.carried_minor)
    drawn[0] = drawings.strip(total - left, 0, left)
    return drawn
