"""The page with which a circle begins, at a link for one use."""

from __future__ import annotations

from typing import Any

from litestar import Request, Response, get, post
from litestar.params import FromPath

from circles.circle import founding, offered
from circles.circle.founding import FoundingLinkError
from circles.circle.provide import TheHost
from circles.host import Host
from circles.members import signin
from circles.members.join_pages import read_account
from circles.steward import founding_form
from circles.steward.founding import found
from circles.web import forms
from circles.web.forms import Form
from circles.web.render import page, see_other


def _page(request: Request[Any, Any, Any], host: Host, code: str, form: Form) -> Response[bytes]:
    context = {
        "form": form,
        "code": code,
        "currencies": offered.currencies(),
        "locales": offered.locales(),
        "zones": offered.zones(),
        "days": offered.days(),
        "moments": [(name, founding_form.step_words(name)) for name in founding_form.MOMENTS],
        "usual": {
            name: offered.moment_words(moment)
            for name, moment in founding_form.usual_moments().items()
        },
        "inks": founding_form.inks(),
        "cap_max": host.settings.cap_max,
    }
    status = 422 if form.trouble else 200
    return page(request, "steward/found.html", context, status=status)


def _over(request: Request[Any, Any, Any]) -> Response[bytes]:
    return page(request, "steward/found_over.html", status=410)


@get("/found/{code:str}")
async def found_page(
    request: Request[Any, Any, Any], host: TheHost, code: FromPath[str]
) -> Response[bytes]:
    """The form; looking uses nothing up."""
    try:
        async with host.database.read() as db:
            await founding.check_code(db, code, host.clock.now())
    except FoundingLinkError:
        return _over(request)
    return _page(request, host, code, founding_form.empty(host.settings))


@post("/found/{code:str}")
async def found_circle(
    request: Request[Any, Any, Any], host: TheHost, code: FromPath[str]
) -> Response[bytes]:
    """Found it, and go on signed in, to invite the first neighbours."""
    form = await forms.read(request)
    try:
        async with host.database.read() as db:
            await founding.check_code(db, code, host.clock.now())
        new = founding_form.read(form, host.settings)
        handle, passphrase = read_account(form, None, form.value("name"))
        if new is None or form.trouble:
            return _page(request, host, code, form)
        founded = await found(host, code, new, handle=handle, passphrase=passphrase)
    except FoundingLinkError:
        return _over(request)
    answer = see_other(f"{founded.circle.path}/in/steward")
    answer.set_cookie(signin.cookie(host.settings, founded.circle, founded.token))
    return answer


routes: list[Any] = [found_page, found_circle]
