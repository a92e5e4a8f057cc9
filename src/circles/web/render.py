"""Pages from templates: one Jinja environment, escaping always on, undefined names refused."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Protocol

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from litestar import Request, Response
from litestar.connection import ASGIConnection

from circles.web import drawings, i18n
from circles.web.static import static_url

TEMPLATES_DIR = Path(__file__).parent.parent / "templates"
# The framework adds the charset to every text type by itself.
HTML = "text/html"
HUES = ("honey", "olive", "fern", "lagoon", "harbour", "cornflower", "iris", "mulberry")


class Shown(i18n.Place, Protocol):
    """What of a circle the furniture shows."""

    @property
    def slug(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def hue(self) -> str: ...


@cache
def environment() -> Environment:
    """The one environment; filters and words follow `i18n.speaking`."""
    made = Environment(
        loader=FileSystemLoader(TEMPLATES_DIR),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n", "jinja2.ext.do"],
    )
    made.policies["ext.i18n.trimmed"] = True
    # The stubs of the extension do not know what it installs.
    made.install_gettext_callables(i18n.gettext, i18n.ngettext, newstyle=True)  # type: ignore[attr-defined]
    for name in (
        "money",
        "money_unit",
        "money_short",
        "number",
        "words",
        "opening_words",
        "day",
        "weekday",
        "hour",
        "moment",
        "month_name",
        "month_short",
        "machine_time",
    ):
        made.filters[name] = getattr(i18n, name)
    made.globals.update(
        static_url=static_url,
        unit=i18n.unit,
        when=i18n.when,
        days_between=i18n.days_between,
        draw=drawings,
        hues=HUES,
    )
    return made


def html(
    template: str,
    context: Mapping[str, Any],
    *,
    circle: Shown | None = None,
    member: object | None = None,
) -> bytes:
    """The page as UTF-8, in the circle's language."""
    with i18n.speaking(circle) as tongue:
        text = (
            environment()
            .get_template(template)
            .render({"here": "", **context, "circle": circle, "member": member, "tongue": tongue})
        )
    return text.encode()


def page(
    request: ASGIConnection[Any, Any, Any, Any] | Request[Any, Any, Any],
    template: str,
    context: Mapping[str, Any] | None = None,
    *,
    circle: Shown | None = None,
    member: object | None = None,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
) -> Response[bytes]:
    """A page of a room: `page(request, "month/month.html", {...}, circle=circle, member=member)`.

    Templates get the context, and `circle`, `member`, `tongue`, `here` (which link is this page).
    """
    return Response(
        html(template, context or {}, circle=circle, member=member),
        status_code=status,
        headers={**(headers or {}), "Content-Language": _language(circle)},
        media_type=HTML,
    )


def _language(circle: Shown | None) -> str:
    with i18n.speaking(circle) as tongue:
        return tongue.html_lang


def see_other(path: str) -> Response[bytes]:
    """After a successful POST: 303 to a page of ours."""
    if not path.startswith("/") or path.startswith("//") or "\\" in path:
        raise ValueError("a redirect leads to a path of this host")
    return Response(b"", status_code=303, headers={"Location": path}, media_type=HTML)
