"""Values that no page of ours sends: refused in words on both databases, never an error of ours."""

from __future__ import annotations

from urllib.parse import quote

import httpx
from litestar import Litestar

from circles.host import Host
from circles.members import people, sessions
from tests.neighbours import circle_of
from tests.web.visitors import TREASURER, Village, key_of, parameters_of, routes_of, village

STRANGE = (
    "99999999999999999999",
    "-1",
    "0",
    "a" * 300,
    "2026-13",
    "0000-00",
    "9999-12",
    "f" * 32,
    "Ç🙂",
    "'",
    "2026-10\n",
)


async def test_strange_values_in_addresses_are_refused_in_words(app: Litestar, host: Host) -> None:
    here = await village(host)
    officer = here.people[TREASURER]
    async with host.database.begin() as db:
        await people.set_role(db, officer.circle_id, officer.id, "steward", holds=True)
        token = await sessions.begin(db, officer.id, host.clock.now())
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    cookie = {"cookie": f"circles={token}"}
    async with httpx.AsyncClient(
        transport=transport, base_url=host.settings.url, headers=cookie
    ) as client:
        broken = [
            (path, answer.status_code)
            for path in strange_paths(app, here)
            if (answer := await client.get(path)).status_code >= 500
        ]
    assert broken == []


def strange_paths(app: Litestar, here: Village) -> list[str]:
    """Each address that can be looked at, with one value of it at a time made strange."""
    paths = set()
    for method, template in routes_of(app):
        if method != "GET" or template.startswith("/static/"):
            continue
        for key in (key_of(template, name) for name in parameters_of(template)):
            value = here.values[key]
            for strange in STRANGE:
                here.values[key] = quote(strange)
                paths.add(here.path(template))
            here.values[key] = value
    return sorted(paths)


async def test_strange_names_at_the_door_are_nobody(app: Litestar, host: Host) -> None:
    circle = await circle_of(host)
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url=host.settings.url) as client:
        for handle in ("a\0b", "\0", "ß" * 200, "ΐ" * 200, "\u2028", "a" * 15000):
            answer = await client.post(
                f"{circle.path}/api/session", json={"handle": handle, "passphrase": "none\0"}
            )
            assert answer.status_code in {400, 401}, handle
