"""When nobody knows whether a commit happened, nobody says "not saved": send the same again.

A disk whose syncs fail under SQLite, and a line to PostgreSQL that loses COMMIT or its answer.
"""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import httpx
import pytest
from sqlalchemy import func, select

from circles import db as database_module
from circles.app import create_app
from circles.ballot import box
from circles.ballot.tables import Staged
from circles.clock import MovableClock
from circles.db import Database
from circles.host import Host
from circles.log import floor
from circles.protocol.messages import NOMINATE, VOTE
from circles.protocol.text import unb64
from tests import faults, proxy
from tests.ballot import polls
from tests.ballot.polls import MONTH, NOON
from tests.conftest import visitor
from tests.storage import scenarios


def _says_send_again(status: int, body: bytes) -> None:
    problem = json.loads(body)
    assert (status, problem["code"]) == (503, "outcome-unknown")
    assert "same" in problem["detail"]
    for lie in ("not saved", "not kept", "Nothing was kept", "failed"):
        assert lie not in problem["detail"]


def test_a_failing_sync_is_answered_send_the_same_again(tmp_path: Path) -> None:
    grounds = faults.Grounds(tmp_path, None, NOON)
    grounds.build(scenarios.build)
    place = grounds.copy()
    with faults.Kills() as child:
        ran = child.run("tests.storage.bad_syncs:casts_then_the_disk_fails", place)
    answers = [line.split() for line in ran.said]
    assert len(answers) == scenarios.BALLOTS
    assert answers[0][1] == "201"
    for _, status, body in answers[1:]:
        _says_send_again(int(status), unb64(body))
    asyncio.run(_send_all_again(place, unb64(answers[0][2])))


async def _send_all_again(place: faults.Place, first_receipt: bytes) -> None:
    """The process is gone, the disk is good again: the same bytes have one effect each."""
    async with faults.opened(place) as host:
        receipts = []
        for _ in range(2):
            for body in scenarios.bodies(place, VOTE):
                receipt, _created = await box.cast(host, "maple-row", MONTH, VOTE, body)
                receipts.append(receipt)
        async with host.database.read() as db:
            count = await db.scalar(select(func.count()).select_from(Staged))
        assert count == scenarios.BALLOTS
        assert receipts[0] == first_receipt
        assert receipts[: scenarios.BALLOTS] == receipts[scenarios.BALLOTS :]


@pytest.mark.pg
@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
@pytest.mark.parametrize("purpose", [VOTE, NOMINATE])
@pytest.mark.parametrize("loss", ["answer", "question", "voice"])
async def test_a_lost_commit_is_answered_send_the_same_again(
    host: Host,
    clock: MovableClock,
    loss: proxy.Loss,
    purpose: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock.set_round(NOON)
    monkeypatch.setattr(database_module, "COMMAND_TIMEOUT_S", 1)
    poll = await polls.opened(host, purpose)
    async with proxy.before(host.database.url) as lossy:
        far = Host(host.settings, Database(lossy.url), host.clock, host.vault)
        async with visitor(create_app(far), host.settings.url) as client:
            await _try(client, far, lossy, loss, purpose, poll)
        await far.database.close()


async def _try(
    client: httpx.AsyncClient,
    host: Host,
    lossy: proxy.Lossy,
    loss: proxy.Loss,
    purpose: str,
    poll: polls.Opened,
) -> None:
    path, body = f"/cast/maple-row/{MONTH}/{purpose}", poll.body()
    assert (await client.post(path, content=poll.body())).status_code == 201
    lossy.lose = loss
    unknown = await client.post(path, content=body)
    _says_send_again(unknown.status_code, unknown.content)
    assert lossy.lost == 1
    again = await client.post(path, content=body)
    assert again.status_code == (201 if loss == "question" else 200)
    assert (await client.post(path, content=body)).content == again.content
    async with host.database.read() as db:
        assert await db.scalar(select(func.count()).select_from(Staged)) == 2


@pytest.mark.pg
@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
@pytest.mark.parametrize("loss", ["answer", "question"])
async def test_a_close_whose_commit_was_lost_goes_on(
    host: Host, clock: MovableClock, loss: proxy.Loss
) -> None:
    clock.set_round(NOON)
    poll = await polls.opened(host, VOTE)
    await box.cast(host, "maple-row", MONTH, VOTE, poll.ballot())
    async with proxy.before(host.database.url) as lossy:
        far = Host(host.settings, Database(lossy.url), host.clock, host.vault)
        for _ in range(2):
            lossy.lose = loss
            with pytest.raises(Exception, match="Send the same again"):
                await polls.close(far, poll.poll_hash)
        published = await polls.close(far, poll.poll_hash)
        await far.database.close()
    assert published.count == 1
    assert (await floor.raise_to(host, poll.circle.id)).size == 3
