"""A circle with its treasurer at the desk, and neighbours at their phones."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any

import httpx
from litestar import Litestar

from circles.host import Host
from circles.members import passphrase
from tests.maple_row import Neighbours, neighbours
from tests.neighbours import PASSPHRASE, browser_of

IBAN = "DE89 3704 0044 0532 0130 00"
_stored: list[str] = []


async def stored() -> str:
    """The hash of PASSPHRASE, made once a run: it is slow on purpose."""
    if not _stored:
        _stored.append(await passphrase.hash_of(PASSPHRASE))
    return _stored[0]


@cache
def _tags() -> re.Pattern[str]:
    return re.compile(r"<[^>]+>")


def words(html: str) -> str:
    """The page as somebody reads it: text alone, spaces tidied."""
    body = html.partition("<main")[2].partition("</main>")[0]
    return " ".join(_tags().sub(" ", body).split())


@dataclass
class Desk:
    """Somebody's browser, at a path of the circle."""

    row: Neighbours
    client: httpx.AsyncClient

    @property
    def base(self) -> str:
        return self.row.circle.path + "/in"

    async def look(self, path: str, status: int = 200) -> str:
        answer = await self.client.get(self.base + path)
        assert answer.status_code == status, f"{path}: {answer.status_code} {words(answer.text)}"
        return answer.text

    async def send(self, path: str, status: int = 303, **fields: str) -> httpx.Response:
        answer = await self.client.post(self.base + path, data=fields)
        assert answer.status_code == status, f"{path}: {answer.status_code} {words(answer.text)}"
        return answer

    async def fill(self, path: str, status: int = 303, **fields: str) -> httpx.Response:
        """Open the form, keep what stands in it, change these fields, send it."""
        html = await self.look(path)
        found = dict(re.findall(r'<input[^>]* name="(key)" value="([^"]*)"', html))
        return await self.send(path, status, **{**found, **fields})

    def id_of(self, name: str) -> str:
        return self.row.members[name].id.hex()


async def maple_row(host: Host) -> Neighbours:
    return await neighbours(host, stored=await stored())


@asynccontextmanager
async def desk_of(app: Litestar, row: Neighbours, name: str = "marisol") -> AsyncIterator[Desk]:
    """That neighbour, signed in."""
    async with browser_of(app, row.host, row.circle, name) as client:
        yield Desk(row, client)


def line(**changes: Any) -> dict[str, str]:
    """What the form for money that came in is sent with."""
    return {"amount": "10", "whose": "unknown", "way": "bank", "on": "2026-10-01", **changes}
