"""Casting while the disk fails: run in a child that does not live on."""

from __future__ import annotations

import os

import httpx

from circles.app import create_app
from circles.protocol.messages import VOTE
from circles.protocol.text import b64
from tests import faults, seccomp
from tests.ballot.polls import MONTH
from tests.storage import scenarios


async def casts_then_the_disk_fails(place: faults.Place, say: faults.Say) -> None:
    """One ballot on a good disk; the next ones, and again, on a bad one. Ends like a crash."""
    async with faults.opened(place) as host:
        transport = httpx.ASGITransport(app=create_app(host))
        async with httpx.AsyncClient(transport=transport, base_url=host.settings.url) as client:
            for number, body in enumerate(scenarios.bodies(place, VOTE)):
                if number == 1:
                    seccomp.break_syncs()
                answer = await client.post(f"/cast/maple-row/{MONTH}/{VOTE}", content=body)
                say(f"{number} {answer.status_code} {b64(answer.content)}")
        os._exit(0)
