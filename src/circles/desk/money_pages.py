"""Writing down what happened to the money: arrived, found its owner, fees and the like."""

from __future__ import annotations

from typing import Any

from litestar import Request, Response, get, post
from litestar.params import FromPath

from circles.circle.circles import Circle
from circles.circle.provide import TheCircle, TheHost
from circles.desk import booking
from circles.desk.fields import blank, id_of, read_day, read_note, read_typed, refused
from circles.desk.lines import line_of
from circles.desk.names import Names, names_of
from circles.errors import CirclesError
from circles.host import Host
from circles.ledger import books, chart, suspense
from circles.ledger.suspense import ClaimedAlreadyError
from circles.members import guards
from circles.members.signin import TheMember
from circles.web import forms, i18n
from circles.web.forms import Form
from circles.web.i18n import gettext as _
from circles.web.render import page, see_other

_GUARDS = [guards.treasurer]
UNKNOWN, GIFT = "unknown", "gift"
_WAYS = ("bank", "cash")


def _whose(names: Names) -> list[tuple[str, str]]:
    return [(member.id.hex(), member.handle) for member in names.members]


def _number(names: Names, value: str) -> str:
    """The book number of a member that was picked."""
    return next(m.book_number for m in names.members if m.id.hex() == value)


# ------------------------------------------------------------------ money that came in


async def _in_context(host: Host, circle: Circle, form: Form) -> dict[str, Any]:
    async with host.database.read() as db:
        names = await names_of(db, circle.id)
    options = [
        ("", _("Please pick")),
        *_whose(names),
        (UNKNOWN, _("Not known yet, set aside")),
        (GIFT, _("A gift from outside")),
    ]
    return {"form": form, "whose": options, "booked": None, "here": "desk"}


@get("/c/{slug:str}/in/desk/money-in", guards=_GUARDS)
async def money_in_page(
    request: Request[Any, Any, Any], circle: TheCircle, member: TheMember, host: TheHost
) -> Response[bytes]:
    """The form; after one was booked it is here again, with the same day and way."""
    now = host.clock.round_now()
    kept = {n: request.query_params[n] for n in ("on", "way") if n in request.query_params}
    context = await _in_context(host, circle, blank(circle, now, **kept))
    booked = request.query_params.get("booked", "")
    if booked:
        async with host.database.read() as db:
            names = await names_of(db, circle.id)
            entry = await booking.line(db, circle.id, id_of(booked))
            context["moved"] = await booking.moved_on(db, circle.id, entry.transfer)
        context["booked"] = line_of(entry, names)
    return page(request, "desk/money_in.html", context, circle=circle, member=member)


@post("/c/{slug:str}/in/desk/money-in", guards=_GUARDS)
async def money_in(
    request: Request[Any, Any, Any], circle: TheCircle, member: TheMember, host: TheHost
) -> Response[bytes]:
    """Book it, and go back to the form for the next one."""
    form = await forms.read(request)
    context = await _in_context(host, circle, form)
    typed = read_typed(form, circle, host.clock.round_now())
    way = form.choice("way", _WAYS)
    whose = form.choice("whose", [value for value, _label in context["whose"] if value])
    if form.trouble:
        return page(
            request, "desk/money_in.html", context, circle=circle, member=member, status=422
        )
    async with host.database.read() as db:
        names = await names_of(db, circle.id)
    owner = (
        {UNKNOWN: None, GIFT: ""}.get(whose) if whose in {UNKNOWN, GIFT} else _number(names, whose)
    )
    try:
        entry = await booking.money_in(
            host, circle, member, typed, "cash" if way == "cash" else "bank", owner
        )
    except CirclesError as error:
        return refused(request, "desk/money_in.html", context, error, circle=circle, member=member)
    booked = entry.transfers[0].id.hex()
    return see_other(
        f"{circle.path}/in/desk/money-in?booked={booked}&on={typed.on.isoformat()}&way={way}"
    )


# ------------------------------------------------------------------ whose is it?


async def _claim_context(host: Host, circle: Circle, transfer: str, form: Form) -> dict[str, Any]:
    async with host.database.read() as db:
        names = await names_of(db, circle.id)
        found = await booking.line(db, circle.id, id_of(transfer))
        waiting = await suspense.waiting(db, circle.id)
    options = [("", _("Please pick")), *_whose(names), (GIFT, _("A gift from outside"))]
    return {
        "form": form,
        "whose": options,
        "line": line_of(found, names),
        "waits": found.transfer.id in {line.transfer.id for line in waiting},
        "here": "desk",
    }


@get("/c/{slug:str}/in/desk/unclaimed/{transfer:str}", guards=_GUARDS)
async def claim_page(
    request: Request[Any, Any, Any],
    circle: TheCircle,
    member: TheMember,
    host: TheHost,
    transfer: FromPath[str],
) -> Response[bytes]:
    """Whose is it?"""
    form = blank(circle, host.clock.round_now())
    context = await _claim_context(host, circle, transfer, form)
    if not context["waits"]:
        raise ClaimedAlreadyError(_("This money has an owner by now. Look at the desk again."))
    return page(request, "desk/claim.html", context, circle=circle, member=member)


@post("/c/{slug:str}/in/desk/unclaimed/{transfer:str}", guards=_GUARDS)
async def claim(
    request: Request[Any, Any, Any],
    circle: TheCircle,
    member: TheMember,
    host: TheHost,
    transfer: FromPath[str],
) -> Response[bytes]:
    """It is theirs; what it covers moves on to the fund."""
    form = await forms.read(request)
    context = await _claim_context(host, circle, transfer, form)
    on = read_day(form, circle, host.clock.round_now())
    note = read_note(form)
    whose = form.choice("whose", [value for value, _label in context["whose"] if value])
    if form.trouble:
        return page(request, "desk/claim.html", context, circle=circle, member=member, status=422)
    async with host.database.read() as db:
        names = await names_of(db, circle.id)
    owner = None if whose == GIFT else _number(names, whose)
    try:
        await booking.claim(host, circle, member, id_of(transfer), owner, on, note)
    except CirclesError as error:
        return refused(request, "desk/claim.html", context, error, circle=circle, member=member)
    return see_other(f"{circle.path}/in/desk")


# ------------------------------------------------------------------ fees, interest, and the rest


async def _other_context(host: Host, circle: Circle, form: Form) -> dict[str, Any]:
    """Money can be given back to whoever has some in the books, left or not."""
    prefix = "Liabilities:Members:"
    async with host.database.read() as db:
        names = await names_of(db, circle.id)
        held = await books.balances(db, circle.id)
    owners = [
        (code.removeprefix(prefix), names.owner(code))
        for code, amount in held.items()
        if code.startswith(prefix) and amount > 0
    ]
    options = [("", _("Please pick")), *owners]
    return {"form": form, "whose": options, "owners": owners, "here": "desk"}


@get("/c/{slug:str}/in/desk/other", guards=_GUARDS)
async def other_page(
    request: Request[Any, Any, Any], circle: TheCircle, member: TheMember, host: TheHost
) -> Response[bytes]:
    """The form for what a bank does by itself, and what is rare."""
    form = blank(circle, host.clock.round_now(), kind="fee")
    context = await _other_context(host, circle, form)
    return page(request, "desk/other.html", context, circle=circle, member=member)


@post("/c/{slug:str}/in/desk/other", guards=_GUARDS)
async def other(
    request: Request[Any, Any, Any], circle: TheCircle, member: TheMember, host: TheHost
) -> Response[bytes]:
    """Book it."""
    form = await forms.read(request)
    context = await _other_context(host, circle, form)
    typed = read_typed(form, circle, host.clock.round_now())
    kind = form.choice("kind", booking.OTHER_KINDS)
    whose = None
    if kind == "refund":
        whose = form.choice("whose", [number for number, _name in context["owners"]])
    if kind == "fee" and not form.trouble and not form.checked("sure"):
        await _ask_about_a_large_fee(host, circle, form, typed.amount_minor)
    if form.trouble:
        return page(request, "desk/other.html", context, circle=circle, member=member, status=422)
    try:
        await booking.other(host, circle, member, typed, kind, whose)
    except CirclesError as error:
        return refused(request, "desk/other.html", context, error, circle=circle, member=member)
    return see_other(f"{circle.path}/in/desk#books")


async def _ask_about_a_large_fee(host: Host, circle: Circle, form: Form, amount_minor: int) -> None:
    """A fee larger than all that is at the bank is more likely a slip than a fact."""
    async with host.database.read() as db:
        held = await books.balance(db, circle.id, chart.MAIN_BANK)
    if amount_minor > held:
        words = {"held": i18n.money_unit(max(held, 0))}
        form.trouble.add(
            "sure",
            _("That is more than the books have at the bank (%(held)s). Look at the amount again.")
            % words,
        )


@get("/c/{slug:str}/in/desk/fees", guards=_GUARDS)
async def fees_page(
    request: Request[Any, Any, Any], circle: TheCircle, member: TheMember, host: TheHost
) -> Response[bytes]:
    """A fee that the fund still owes."""
    async with host.database.read() as db:
        context = {
            "form": blank(circle, host.clock.round_now()),
            "owed": await booking.waiting_fees_minor(db, circle.id),
            "fund": await books.balance(db, circle.id, chart.FUND),
            "here": "desk",
        }
    return page(request, "desk/fees.html", context, circle=circle, member=member)


@post("/c/{slug:str}/in/desk/fees", guards=_GUARDS)
async def pay_fees(
    request: Request[Any, Any, Any], circle: TheCircle, member: TheMember, host: TheHost
) -> Response[bytes]:
    """Let the fund pay it."""
    on = read_day(blank(circle, host.clock.round_now()), circle, host.clock.round_now())
    await booking.pay_waiting_fees(host, circle, member, on)
    return see_other(f"{circle.path}/in/desk")


routes: list[Any] = [
    money_in_page,
    money_in,
    claim_page,
    claim,
    other_page,
    other,
    fees_page,
    pay_fees,
]
