"""Agreed words for awards: an officer writes down what a recipient wants everyone to read.

Nothing of a nomination is taken over by itself: its words were for members. Whoever was helped says
which name and story may stand in public, and whether the nomination's own words may stand in the
archive beside them; all of it can be taken back at any time.
"""

from __future__ import annotations

import re
from typing import Any

from litestar import Request, Response, get, post
from litestar.connection import ASGIConnection
from litestar.di import NamedDependency
from litestar.handlers import BaseRouteHandler
from litestar.params import FromPath

from circles.circle.circles import Circle
from circles.errors import ForbiddenError, MissingError
from circles.host import Host
from circles.members.people import Member
from circles.members.signin import needed_member
from circles.protocol.text import HASH_BYTES
from circles.public import shelf, texts
from circles.public.records import Month
from circles.public.records import Request as Asked
from circles.public.texts import NAME_CHARS_MAX, STORY_CHARS_MAX, THANKS_CHARS_MAX, PublicText
from circles.rounds import requests, rounds, slate
from circles.web import forms
from circles.web.forms import Form
from circles.web.i18n import gettext as _
from circles.web.render import page, see_other

_MONTH = re.compile(r"[0-9]{4}-[0-9]{2}")


async def officer(
    connection: ASGIConnection[Any, Any, Any, Any], _handler: BaseRouteHandler
) -> None:
    """A treasurer or a steward; ForbiddenError for other members."""
    member = await needed_member(connection)
    if not (member.is_treasurer or member.is_steward):
        raise ForbiddenError(
            _("Agreed words are written down by a treasurer or a steward. Ask one of them.")
        )


@get("/c/{slug:str}/in/desk/words", guards=[officer])
async def words_page(
    request: Request[Any, Any, Any],
    host: NamedDependency[Host],
    circle: NamedDependency[Circle],
    member: NamedDependency[Member],
) -> Response[bytes]:
    """Every award, and the words that stand there for everyone."""
    stands = await shelf.look(host, circle)
    awards = [
        (month, award, stands.texts.get((month.month, award.number)))
        for month in reversed(stands.record.finished)
        for award in month.awards
    ]
    async with host.database.read() as db:
        # How members called them, so that officers know whom they are writing about.
        asked = await requests.recipients(db, circle.id, {m.month for m, _award, _text in awards})
    waiting = sum(1 for _month, _award, text in awards if text is None)
    context = {"here": "desk", "awards": awards, "waiting": waiting, "asked": asked}
    return page(request, "month/words.html", context, circle=circle, member=member)


@get("/c/{slug:str}/in/desk/words/{month:str}/{candidate:str}", guards=[officer])
async def word_page(
    request: Request[Any, Any, Any],
    host: NamedDependency[Host],
    circle: NamedDependency[Circle],
    member: NamedDependency[Member],
    month: FromPath[str],
    candidate: FromPath[str],
) -> Response[bytes]:
    """The form for one award, with the words that stand there now."""
    found, award, text = await _award(host, circle, month, candidate)
    own = await _own_words(host, circle, found, award)
    async with host.database.read() as db:
        shared = await texts.shared(db, circle.id, found.month, award.number)
    form = Form(name=text.name, story=text.story, thanks=text.thanks) if text else Form()
    if shared:
        form = Form({name: form.value(name) for name in form.names()}, own="on")
    return _form_page(request, circle, member, found, award, form, own, stands=text is not None)


@post("/c/{slug:str}/in/desk/words/{month:str}/{candidate:str}", guards=[officer])
async def write_word(
    request: Request[Any, Any, Any],
    host: NamedDependency[Host],
    circle: NamedDependency[Circle],
    member: NamedDependency[Member],
    month: FromPath[str],
    candidate: FromPath[str],
) -> Response[bytes]:
    """Put the agreed words up for everyone."""
    found, award, text = await _award(host, circle, month, candidate)
    own = await _own_words(host, circle, found, award)
    form = await forms.read(request)
    new = PublicText(
        name=form.text("name", max_chars=NAME_CHARS_MAX),
        story=form.lines("story", max_chars=STORY_CHARS_MAX, required=False),
        thanks=form.lines("thanks", max_chars=THANKS_CHARS_MAX, required=False),
    )
    if not form.checked("agreed"):
        form.trouble.add("agreed", _("Please ask them first, then tick this."))
    if form.trouble:
        stands = text is not None
        return _form_page(
            request, circle, member, found, award, form, own, stands=stands, status=422
        )
    kept = own if form.checked("own") else None
    async with host.database.begin() as db:
        await texts.write(db, circle.id, found.month, award.number, new, host.clock.now(), own=kept)
    return see_other(f"{circle.path}/in/desk/words")


@post("/c/{slug:str}/in/desk/words/{month:str}/{candidate:str}/erase", guards=[officer])
async def erase_word(
    host: NamedDependency[Host],
    circle: NamedDependency[Circle],
    member: NamedDependency[Member],
    month: FromPath[str],
    candidate: FromPath[str],
) -> Response[bytes]:
    """Take the words away again."""
    del member
    found, award, _text = await _award(host, circle, month, candidate)
    async with host.database.begin() as db:
        await texts.erase(db, circle.id, found.month, award.number)
    return see_other(f"{circle.path}/in/desk/words")


async def _award(
    host: Host, circle: Circle, month: str, candidate: str
) -> tuple[Month, Asked, PublicText | None]:
    """The award of that month and number; MissingError for a request that was not paid, too."""
    stands = await shelf.look(host, circle)
    found = stands.record.of(month) if _MONTH.fullmatch(month) else None
    if found is not None and found.over:
        for award in found.awards:
            if str(award.number) == candidate:
                return found, award, stands.texts.get((month, award.number))
    raise MissingError(_("There is no such award. The awards are all in one list."))


async def _own_words(host: Host, circle: Circle, found: Month, award: Asked) -> bytes | None:
    """What the nomination itself said (salt || text), while members can still read it."""
    async with host.database.read() as db:
        try:
            round_ = await rounds.by_month(db, circle.id, found.month)
        except MissingError:
            return None
        return await slate.words_of(db, round_, award.number)


def _form_page(
    request: Request[Any, Any, Any],
    circle: Circle,
    member: Member,
    found: Month,
    award: Asked,
    form: Form,
    own: bytes | None,
    *,
    stands: bool,
    status: int = 200,
) -> Response[bytes]:
    context = {
        "here": "desk",
        "month": found,
        "award": award,
        "form": form,
        "stands": stands,
        "own": own[HASH_BYTES:].decode() if own is not None else "",
        "most": {"name": NAME_CHARS_MAX, "story": STORY_CHARS_MAX, "thanks": THANKS_CHARS_MAX},
    }
    return page(request, "month/word.html", context, circle=circle, member=member, status=status)


routes: list[Any] = [words_page, word_page, write_word, erase_word]
