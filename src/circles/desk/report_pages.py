"""What the treasurer shows others: receipts and payments, members' statements, files to take."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator
from typing import IO, Any, Final

from litestar import Request, Response, get
from litestar.params import FromPath
from litestar.response import Stream

from circles.circle.circles import Circle
from circles.circle.provide import TheCircle, TheHost
from circles.desk.names import names_of
from circles.dues.dues import local_day
from circles.errors import InvalidError, MissingError
from circles.host import Host
from circles.ledger import books, periods
from circles.ledger.export import FORMATS, Format, Period, export
from circles.ledger.report import begins_on, receipts_and_payments
from circles.members import guards
from circles.members.signin import TheMember
from circles.month.statement import statement_page
from circles.web.i18n import gettext as _
from circles.web.render import page

_GUARDS: Final = [guards.treasurer]
_NUMBER: Final = re.compile(r"M[0-9]{4,9}", re.ASCII)
_IN_MEMORY_BYTES: Final = 1 << 20
_CHUNK_BYTES: Final = 1 << 16
# The ending of the file and its media type.
_FILES: Final[dict[Format, tuple[str, str]]] = {
    "beancount": ("beancount", "text/plain; charset=utf-8"),
    "hledger": ("hledger.journal", "text/plain; charset=utf-8"),
    "ledger": ("ledger.journal", "text/plain; charset=utf-8"),
    "csv": ("csv", "text/csv; header=present; charset=utf-8"),
    "jsonl": ("jsonl", "application/jsonl"),
}


def _period(request: Request[Any, Any, Any]) -> Period | None:
    """The period of the address; MissingError when it is none."""
    asked = request.query_params.get("period", "")
    try:
        return Period.parse(asked) if asked else None
    except InvalidError as error:
        raise MissingError(_("There is nothing at this address. Go back to the desk.")) from error


@get("/c/{slug:str}/in/desk/report", guards=_GUARDS)
async def report_page(
    request: Request[Any, Any, Any], circle: TheCircle, member: TheMember, host: TheHost
) -> Response[bytes]:
    """Receipts and payments of a month or a year; of this month when nothing is asked for."""
    today = local_day(circle, host.clock.round_now())
    period = _period(request) or Period.parse(today.isoformat()[:7])
    async with host.database.read() as db:
        report = await receipts_and_payments(db, circle.id, period)
        names = await names_of(db, circle.id)
        closed = await periods.closes(db, circle.id)
        begins = await begins_on(db, circle.id)
    context = {
        "report": report,
        "closed": [one for one in reversed(closed) if one.month.startswith(period.name)],
        "names": names,
        "year": period.name[:4],
        "is_month": len(period.name) > len("2026"),
        "running": period.first <= today <= period.last,
        # Before the first line there is nothing to page back to.
        "earlier": period.before() if begins is not None and begins < period.first else None,
        "later": period.after() if period.last < today else None,
        "today": today,
        "members": names.members,
        "formats": FORMATS,
        "here": "desk",
    }
    return page(request, "desk/report.html", context, circle=circle, member=member)


@get("/c/{slug:str}/in/desk/members/{number:str}", guards=_GUARDS)
async def member_page(
    request: Request[Any, Any, Any],
    circle: TheCircle,
    member: TheMember,
    host: TheHost,
    number: FromPath[str],
) -> Response[bytes]:
    """A member's lines, by book number; of those who left too, as long as the books stand."""
    lines: list[books.StatementLine] = []
    async with host.database.read() as db:
        names = await names_of(db, circle.id)
        if _NUMBER.fullmatch(number):
            lines = await books.statement_of(db, circle.id, number)
    if not lines and number not in {one.book_number for one in names.members}:
        raise MissingError(_("There is nothing at this address. Go back to the desk."))
    return statement_page(
        request, circle, member, number=number, whose=names.number(number), lines=lines
    )


@get("/c/{slug:str}/in/desk/export/{kind:str}", guards=_GUARDS)
async def export_file(
    request: Request[Any, Any, Any], circle: TheCircle, host: TheHost, kind: FromPath[str]
) -> Stream:
    """The books as a file to keep.

    Written whole before the first byte leaves: a slow reader must not hold the database's snapshot
    open, because nothing can be wiped from the box meanwhile.
    """
    return await file_of(host, circle, kind, _period(request))


async def file_of(
    host: Host, circle: Circle, kind: str, period: Period | None, *, notes: bool = True
) -> Stream:
    """The books, or a period of them, as a download; MissingError for no format of ours."""
    form = next((name for name in FORMATS if name == kind), None)
    if form is None:
        raise MissingError(_("There is nothing at this address. Go back to the desk."))
    # Beside the database, where only the program may look, and without a name.
    file = tempfile.SpooledTemporaryFile(  # noqa: SIM115 - the answer closes it
        _IN_MEMORY_BYTES, dir=str(host.settings.data)
    )
    try:
        async with host.database.read() as db:
            await export(
                db,
                circle.id,
                circle.name,
                form,
                period,
                lambda text: file.write(text.encode()),
                lambda _written, _total: None,
                notes=notes,
            )
    except BaseException:
        file.close()
        raise
    ending, media_type = _FILES[form]
    return Stream(
        _chunks(file),
        media_type=media_type,
        headers={
            "Content-Disposition": f'attachment; filename="{_name(circle, period)}.{ending}"',
            "Cache-Control": "no-store",
        },
    )


def _name(circle: Circle, period: Period | None) -> str:
    return f"{circle.slug}-books" + (f"-{period.name}" if period else "")


def _chunks(file: IO[bytes]) -> Iterator[bytes]:
    with file:
        file.seek(0)
        while chunk := file.read(_CHUNK_BYTES):
            yield chunk


routes: list[Any] = [report_page, member_page, export_file]
