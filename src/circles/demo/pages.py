"""The demo's own page: where its clock stands, and buttons that move it. No served host has it."""

from __future__ import annotations

from typing import Any, Final

from litestar import Request, Response, get, post

from circles.demo import moving, story
from circles.demo.row import Row
from circles.web import forms
from circles.web.render import page, see_other

PATH: Final = "/demo"
_KEY_CHARS_MAX = 10


@get(PATH)
async def look(request: Request[Any, Any, Any]) -> Response[bytes]:
    """Where we are, what lies ahead, and who one can be."""
    row: Row = request.app.state.row
    round_ = await row.round()
    people = [
        {"part": part, "handle": name, "passphrase": story.PASSPHRASES[name]}
        for part, name in (
            ("member", story.VISITOR),
            ("treasurer", story.TREASURER),
            ("steward", story.STEWARD),
        )
    ]
    context = {
        "now": row.clock.round_now(),
        "round": round_,
        "stops": moving.stops(row, round_),
        "people": people,
    }
    return page(request, "demo/demo.html", context, circle=row.circle)


@post(f"{PATH}/move")
async def move(request: Request[Any, Any, Any]) -> Response[bytes]:
    """Move the clock to one of the stops; a stop that lies behind us is no stop any more."""
    form = await forms.read(request)
    key = form.text("to", max_chars=_KEY_CHARS_MAX)
    await moving.move(request.app.state.row, key)
    return see_other(PATH)


routes: list[Any] = [look, move]
