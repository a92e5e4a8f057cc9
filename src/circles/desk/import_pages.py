"""The bank's file, brought in: chosen, looked at before anything is kept, kept, and taken back."""

from __future__ import annotations

from typing import Any, Final

from litestar import Response, get, post
from litestar.params import FromPath

from circles.desk import importing, match_booking
from circles.desk.fields import id_of
from circles.desk.importing import FILE_BYTES_MAX, Asked
from circles.desk.names import Names, names_of
from circles.desk.visit import TheVisit, Visit
from circles.errors import CirclesError, ConflictError, InvalidError, MissingError
from circles.ledger.bank import imports, lines
from circles.ledger.bank.imports import Kept
from circles.members import guards
from circles.web import uploads
from circles.web.errors import status_of
from circles.web.forms import Form
from circles.web.i18n import gettext as _

_GUARDS: Final = [guards.treasurer]
# Read to its end and let go, so that a browser in the middle of sending hears the answer.
_BODY_BYTES_MAX: Final = 64 << 20
_FILES_SHOWN: Final = 12
_COUNT_CHARS: Final = 6


def _at(file: str) -> str:
    return f"/desk/import/{file}"


def _count(text: str) -> int:
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= _COUNT_CHARS else 0


def _who(names: Names, kept: Kept) -> str:
    # Whoever runs the machine is nobody of the circle.
    return names.actor(kept.actor) if kept.actor else _("the command line")


async def _chooser(visit: Visit, form: Form, status: int = 200) -> Response[bytes]:
    async with visit.host.database.read() as db:
        names = await names_of(db, visit.circle.id)
        kept = await imports.every(db, visit.circle.id, limit=_FILES_SHOWN)
    context = {
        "form": form,
        "files": [(one, _who(names, one)) for one in kept],
        "megabytes": FILE_BYTES_MAX >> 20,
        "here": "desk",
    }
    return visit.page("desk/import.html", context, status)


@get("/c/{slug:str}/in/desk/import", guards=_GUARDS)
async def import_page(visit: TheVisit) -> Response[bytes]:
    """Choose a file; below, what came before."""
    return await _chooser(visit, Form())


@post("/c/{slug:str}/in/desk/import", guards=_GUARDS, opt={"body_bytes_max": _BODY_BYTES_MAX})
async def take_file(visit: TheVisit) -> Response[bytes]:
    """Let it wait for its preview."""
    try:
        upload = await uploads.read(visit.request, field="file", bytes_max=FILE_BYTES_MAX)
    except InvalidError as error:
        form = Form()
        form.trouble.add("file", str(error))
        return await _chooser(visit, form, status=status_of(error))
    form = upload.form
    if upload.too_long:
        values = {"mb": FILE_BYTES_MAX >> 20, "slug": visit.circle.slug}
        form.trouble.add(
            "file",
            _(
                "This file is over %(mb)s MB, more than a page can look through. Ask your bank for "
                "a shorter time. Or whoever runs this machine brings in files of any size with: "
                "circles ledger import %(slug)s FILE"
            )
            % values,
        )
    elif not upload.data:
        form.trouble.add("file", _("Please choose a file that is not empty."))
    if form.trouble:
        return await _chooser(visit, form, status=422)
    file_id = await importing.put(visit.host, visit.circle, visit.member, upload.data)
    return visit.go(_at(file_id.hex()))


@get("/c/{slug:str}/in/desk/import/{file:str}", guards=_GUARDS)
async def file_page(visit: TheVisit, file: FromPath[str]) -> Response[bytes]:
    """What it brought, once it was brought in; before that, what it would bring."""
    file_id = id_of(file)
    async with visit.host.database.read() as db:
        kept = await imports.kept(db, visit.circle.id, file_id)
        names = await names_of(db, visit.circle.id)
    if kept is not None:
        return await _result(visit, kept, names)
    data = await _waiting(visit, file_id)
    said = Form(dict(visit.request.query_params.items()))
    return await _preview(visit, file, data, said)


async def _waiting(visit: Visit, file_id: bytes) -> bytes:
    data = await importing.waiting(visit.host, visit.circle, visit.member, file_id)
    if data is None:
        raise MissingError(
            _(
                "This file is not here any more. A file waits for one hour; nothing of it was "
                "kept. Choose it again at the desk, under “Bring in a file from the bank”."
            )
        )
    return data


async def _preview(
    visit: Visit, file: str, data: bytes, form: Form, status: int = 200
) -> Response[bytes]:
    asked = Asked.of(form)
    preview = await importing.preview(visit.host, visit.circle, data, asked)
    if preview.trouble:
        form.trouble.add("columns", preview.trouble)
    context = {"form": form, "preview": preview, "asked": asked, "file": file, "here": "desk"}
    return visit.page("desk/import_file.html", context, status)


async def _result(
    visit: Visit, kept: Kept, names: Names, error: CirclesError | None = None
) -> Response[bytes]:
    async with visit.host.database.read() as db:
        waits, _minor = await lines.count_waiting(db, visit.circle.id)
    form = Form()
    if error is not None:
        form.trouble.add("form", str(error))
    context = {
        "form": form,
        "kept": kept,
        "who": _who(names, kept),
        "waits": waits,
        "by_itself": _count(visit.request.query_params.get("booked", "")),
        "here": "desk",
    }
    status = 200 if error is None else status_of(error)
    return visit.page("desk/import_kept.html", context, status)


@post("/c/{slug:str}/in/desk/import/{file:str}", guards=_GUARDS)
async def keep_file(visit: TheVisit, file: FromPath[str]) -> Response[bytes]:
    """Bring it in. Pressed twice it is one import."""
    file_id = id_of(file)
    form = await visit.form()
    async with visit.host.database.read() as db:
        before = await imports.kept(db, visit.circle.id, file_id)
    if before is None:
        data = await _waiting(visit, file_id)
        try:
            asked = Asked.of(form)
            kept = await importing.keep(
                visit.host, visit.circle, visit.member, file_id, data, asked
            )
        except InvalidError as error:
            form.trouble.add("whose" if error.code == "whose" else "form", str(error))
            return await _preview(visit, file, data, form, status=422)
        if not kept.statements and False in asked.accounts.values():
            # All of it is left out. Looked at anew, the page would only ask again.
            return await _preview(visit, file, data, form)
        booked = await match_booking.confirm_by_itself(visit.host, visit.circle)
        if booked:
            return visit.go(f"{_at(file)}?booked={booked}")
    return visit.go(_at(file))


@post("/c/{slug:str}/in/desk/import/{file:str}/drop", guards=_GUARDS)
async def drop_file(visit: TheVisit, file: FromPath[str]) -> Response[bytes]:
    """Throw away a file that waits; what was brought in stays."""
    await importing.drop(visit.host, visit.circle, visit.member, id_of(file))
    return visit.go("/desk/import")


@post("/c/{slug:str}/in/desk/import/{file:str}/withdraw", guards=_GUARDS)
async def withdraw_file(visit: TheVisit, file: FromPath[str]) -> Response[bytes]:
    """It was read wrongly: its lines count no more."""
    file_id, now = id_of(file), visit.host.clock.now()
    try:
        async with visit.host.database.begin() as db:
            await imports.withdraw(db, visit.circle.id, file_id, actor=visit.member.actor, now=now)
    except ConflictError as error:
        async with visit.host.database.read() as db:
            kept = await imports.kept(db, visit.circle.id, file_id)
            names = await names_of(db, visit.circle.id)
        if kept is None:
            raise
        return await _result(visit, kept, names, error)
    return visit.go(_at(file))


routes: list[Any] = [import_page, take_file, file_page, keep_file, drop_file, withdraw_file]
