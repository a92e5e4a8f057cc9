"""Coming back in with a link from a steward: a new passphrase, and a fresh start everywhere."""

from __future__ import annotations

from typing import Any

from litestar import Request, Response, get, post
from litestar.params import FromPath

from circles.circle.circles import Circle
from circles.circle.provide import TheCircle, TheHost
from circles.members import passphrase as passphrases
from circles.members import sessions, way_back
from circles.members.join_pages import read_new_passphrase
from circles.members.signin_pages import signed_in
from circles.members.way_back import WayBack, WayBackError
from circles.web import forms
from circles.web.forms import Form
from circles.web.render import page


def _page(
    request: Request[Any, Any, Any], circle: Circle, code: str, way: WayBack, form: Form
) -> Response[bytes]:
    context = {"form": form, "code": code, "handle": way.member.handle, "until": way.expires_at}
    status = 422 if form.trouble else 200
    return page(request, "members/way_back.html", context, circle=circle, status=status)


def _over(request: Request[Any, Any, Any], circle: Circle) -> Response[bytes]:
    return page(request, "members/way_back_over.html", circle=circle, status=410)


@get("/c/{slug:str}/way-back/{code:str}")
async def way_back_page(
    request: Request[Any, Any, Any], circle: TheCircle, host: TheHost, code: FromPath[str]
) -> Response[bytes]:
    """The form; looking uses nothing up."""
    try:
        async with host.database.read() as db:
            way = await way_back.by_code(db, circle, code, host.clock.now())
    except WayBackError:
        return _over(request, circle)
    return _page(request, circle, code, way, Form())


@post("/c/{slug:str}/way-back/{code:str}")
async def come_back(
    request: Request[Any, Any, Any], circle: TheCircle, host: TheHost, code: FromPath[str]
) -> Response[bytes]:
    """Set the passphrase, end all sessions, begin one here."""
    form = await forms.read(request)
    try:
        async with host.database.read() as db:
            way = await way_back.by_code(db, circle, code, host.clock.now())
        passphrase = read_new_passphrase(form, [way.member.handle, circle.name, circle.slug])
        if form.trouble:
            return _page(request, circle, code, way, form)
        passphrase_hash = await passphrases.hash_of(passphrase)
        now = host.clock.now()
        async with host.database.begin() as db:
            member = await way_back.use(
                db, circle, code, passphrase_hash, now=now, round_now=host.clock.round_now()
            )
            token = await sessions.begin(db, member.id, now)
    except WayBackError:
        return _over(request, circle)
    return signed_in(host, circle, token, f"{circle.path}/in/told")


routes: list[Any] = [way_back_page, come_back]
