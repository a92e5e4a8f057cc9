"""Keys to the box: who holds them, keys handed in for months to come, and opening after the close.

| path below `/c/<slug>/in/` | who | does |
| --- | --- | --- |
| GET `trustee` | members | who holds the keys; for a trustee: making keys, opening the box |
| POST `trustee` | a trustee | public keys typed or pasted into a field |
| POST `trustee/keys` | a trustee | the same from a program: a key a line, base64url -> 204 |
| POST `trustee/lost` | a trustee | the keys that wait are taken back |

Private halves never come here: the page's script makes and keeps them, or `circles trustee key`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from litestar import Request, Response, get, post
from sqlalchemy.ext.asyncio import AsyncSession

from circles.circle import boxes
from circles.circle.boxes import BoxKeys
from circles.circle.circles import Circle
from circles.circle.provide import TheCircle, TheHost
from circles.errors import InvalidError
from circles.host import Host
from circles.members import people
from circles.members.people import Member
from circles.members.signin import TheMember
from circles.protocol.text import HASH_BYTES, MalformedError, b64, unb64
from circles.rounds import rounds, trustees
from circles.rounds.booth_context import Reader
from circles.rounds.standing import Standing, standing
from circles.rounds.trustees import KEYS_WAITING_MAX, KeyRefusedError, Plan, Ready
from circles.web import forms
from circles.web.forms import Form
from circles.web.i18n import gettext as _
from circles.web.render import page, see_other

# So many are made at once: half a year.
KEYS_EACH = 6
_CHARS_MAX = 1000


@dataclass(frozen=True)
class _Facts:
    """What the page tells."""

    plan: Plan
    names: tuple[str, ...]
    ready: Ready
    waiting: tuple[bytes, ...]
    standing: Standing | None


async def _read(db: AsyncSession, host: Host, circle: Circle, member: Member) -> _Facts:
    plan = await trustees.plan(db, circle.id)
    everyone = await people.every(db, circle.id)
    found = await rounds.current(db, circle, host.clock.round_now())
    return _Facts(
        plan=plan,
        names=tuple(one.handle for one in everyone if one.id in plan.members),
        ready=await trustees.ready(db, circle.id),
        waiting=tuple(await trustees.keys_of(db, circle.id, member.id)),
        standing=await standing(db, circle, found, member) if found else None,
    )


def _data(host: Host, circle: Circle, member: Member, facts: _Facts) -> dict[str, Any]:
    """What the page's script gets: public halves, and where things are."""
    found = facts.standing
    reader = Reader.of(member.id, {}, fresh=host.settings.demo)
    own = found.own if found is not None and found.state != "over" else None
    return {
        "who": reader.who,
        "base": circle.path,
        "scope": f"{circle.path}#{b64(circle.id)}" if reader.fresh else circle.path,
        "month": found.round.month if found else None,
        "path": f"{circle.path}/in/trustee",
        "fileName": f"circles-{circle.slug}-keys.txt",
        "waiting": [b64(public) for public in facts.waiting],
        "room": max(KEYS_WAITING_MAX - len(facts.waiting), 0),
        "each": KEYS_EACH,
        "vote": {"key": b64(own)} if own else None,
    }


async def _page(
    request: Request[Any, Any, Any],
    host: Host,
    circle: Circle,
    member: Member,
    form: Form | None = None,
) -> Response[bytes]:
    async with host.database.read() as db:
        facts = await _read(db, host, circle, member)
    form = form or Form()
    context = {
        "form": form,
        "plan": facts.plan,
        "wanted_keys": BoxKeys(facts.plan.keys, facts.plan.needed, int(facts.plan.server)),
        "each": KEYS_EACH,
        "week": boxes.OPENED_WITHIN,
        "names": facts.names,
        "ready": facts.ready,
        "waiting": len(facts.waiting),
        "most": KEYS_WAITING_MAX,
        "chosen": member.id in facts.plan.members,
        "at": facts.standing,
        "address": f"{host.settings.url}{circle.path}/in/trustee",
        "data": _data(host, circle, member, facts),
        "here": "month",
    }
    return page(
        request,
        "rounds/trustee.html",
        context,
        circle=circle,
        member=member,
        status=422 if form.trouble else 200,
        headers={"Cache-Control": "no-store"},
    )


@get("/c/{slug:str}/in/trustee")
async def trustee_page(
    request: Request[Any, Any, Any], circle: TheCircle, member: TheMember, host: TheHost
) -> Response[bytes]:
    """Who holds keys; a trustee makes them here, and opens the box after the close."""
    return await _page(request, host, circle, member)


def read_keys(text: str) -> list[bytes]:
    """Public keys, one a line, each 43 letters of base64url. InvalidError `malformed`."""
    try:
        found = [unb64(line, HASH_BYTES) for line in text.split()]
    except (MalformedError, ValueError) as error:
        raise InvalidError(_("These are no keys: each is 43 letters, one a line.")) from error
    if not found:
        raise InvalidError(_("There is no key in it."))
    return found


@post("/c/{slug:str}/in/trustee")
async def type_keys(
    request: Request[Any, Any, Any], circle: TheCircle, member: TheMember, host: TheHost
) -> Response[bytes]:
    """Public halves from the command line, pasted; works without script."""
    form = await forms.read(request)
    typed = form.lines("keys", max_chars=_CHARS_MAX)
    if not form.trouble:
        try:
            keys = read_keys(typed)
            async with host.database.begin() as db:
                await trustees.hand_in(db, circle.id, member.id, keys)
        except (InvalidError, KeyRefusedError) as error:
            form.trouble.add("keys", str(error))
    if form.trouble:
        return await _page(request, host, circle, member, form)
    return see_other(f"{circle.path}/in/trustee")


@post("/c/{slug:str}/in/trustee/keys", opt={"machine": True}, status_code=204)
async def hand_in(
    request: Request[Any, Any, Any], circle: TheCircle, member: TheMember, host: TheHost
) -> None:
    """Public halves; 403 `not-trustee`, 400 `malformed`, 409 `key-bad key-used keys-enough`."""
    keys = read_keys((await request.body()).decode("ascii", "replace"))
    async with host.database.begin() as db:
        await trustees.hand_in(db, circle.id, member.id, keys)


@post("/c/{slug:str}/in/trustee/lost")
async def lost(circle: TheCircle, member: TheMember, host: TheHost) -> Response[bytes]:
    """The keys that wait are taken back: nobody has their private halves any more."""
    async with host.database.begin() as db:
        await trustees.drop_waiting(db, circle.id, member.id)
    return see_other(f"{circle.path}/in/trustee")


routes: list[Any] = [trustee_page, type_keys, hand_in, lost]
