"""Check this month yourself: the whole verification in the visitor's browser, and its documents.

Blind to cookies. The page reads without script too: then it says how to check with the command.
"""

from __future__ import annotations

from typing import Any

from litestar import Request, Response, get
from litestar.di import NamedDependency
from litestar.params import FromPath

from circles.circle.circles import Circle
from circles.errors import MissingError
from circles.host import Host
from circles.protocol.text import HASH_BYTES, MalformedError, b64, unb64
from circles.public import shelf, texts
from circles.public.shelf import Shelf
from circles.web import i18n
from circles.web.i18n import gettext as _
from circles.web.render import html


@get("/c/{slug:str}/rounds/{month:str}/check")
async def check_page(
    request: Request[Any, Any, Any],
    host: NamedDependency[Host],
    circle: NamedDependency[Circle],
    month: FromPath[str],
) -> Response[bytes]:
    """The button, what it looks at, and the command that does the same."""
    async with host.database.read() as db:
        documents = sorted(b64(found) for found in await texts.documents(db, circle.id))
    return await shelf.page(
        request, host, circle, lambda stands: _check_html(host, circle, stands, month, documents)
    )


def _check_html(
    host: Host, circle: Circle, stands: Shelf, month: str, documents: list[str]
) -> bytes:
    found = stands.record.of(month)
    with i18n.speaking(circle):
        if found is None:
            raise MissingError(_("There is no such month here. The months are all in one place."))
        address = f"{host.settings.url}{circle.path}"
        data = {"base": circle.path, "address": address, "month": month, "documents": documents}
        context = {"here": "round", "month": found, "address": address, "data": data}
        return html("public/check.html", context, circle=circle)


@get("/c/{slug:str}/documents/{name:str}", opt={"anyone": True, "machine": True})
async def document(
    host: NamedDependency[Host], circle: NamedDependency[Circle], name: FromPath[str]
) -> Response[bytes]:
    """A nomination's own words (salt, then text), where the recipient agreed to it."""
    try:
        wanted = unb64(name, HASH_BYTES)
    except MalformedError:
        wanted = b""
    async with host.database.read() as db:
        found = (await texts.documents(db, circle.id)).get(wanted)
    if found is None:
        raise MissingError(_("There is no such document, or it was taken down."))
    headers = {"Cache-Control": "public, no-cache"}
    return Response(found, headers=headers, media_type="application/octet-stream")


routes = [check_page, document]
