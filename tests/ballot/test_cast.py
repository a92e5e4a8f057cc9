"""Casting, over HTTP: what is taken, what is refused and in which words, and what is never told."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable
from datetime import datetime, timedelta

import httpx
import pytest
from sqlalchemy import func, select

from circles import log
from circles.ballot import box
from circles.ballot.tables import Staged, StagedDocument
from circles.clock import MovableClock
from circles.host import Host
from circles.log import floor
from circles.protocol.checkpoint import VerifierKey, open_receipt
from circles.protocol.merkle import leaf
from circles.protocol.messages import NOMINATE, VOTE
from circles.protocol.text import b64
from tests.ballot import polls
from tests.ballot.polls import CLOSES, MONTH, NOON, OPENS

PURPOSES = [NOMINATE, VOTE]


@pytest.fixture(autouse=True)
def _at_noon(clock: MovableClock) -> None:
    clock.set_round(NOON)


def _path(purpose: str, slug: str = "maple-row", month: str = MONTH) -> str:
    return f"/cast/{slug}/{month}/{purpose}"


async def _count(host: Host) -> int:
    async with host.database.read() as db:
        return await db.scalar(select(func.count()).select_from(Staged)) or 0


def _refused(answer: httpx.Response, status: int, code: str) -> None:
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.headers["content-type"].startswith("application/problem+json")
    assert answer.headers["access-control-allow-origin"] == "*"
    assert answer.json()["status"] == status
    assert len(answer.json()["detail"]) > 10


@pytest.mark.parametrize("purpose", PURPOSES)
async def test_a_message_gets_a_receipt_and_the_same_bytes_the_same(
    host: Host, client: httpx.AsyncClient, purpose: str
) -> None:
    poll = await polls.opened(host, purpose)
    body = poll.body()
    first = await client.post(_path(purpose), content=body)
    again = await client.post(_path(purpose), content=body)
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.content == again.content
    message = body.partition(b"\n\n")[0] + b"\n" if purpose == NOMINATE else body
    async with host.database.read() as db:
        key = VerifierKey.parse(await log.verifier_key(db, poll.circle.id))
    receipt = open_receipt(first.content, [key])
    assert (receipt.poll, receipt.leaf) == (poll.poll_hash, leaf(message))
    assert await _count(host) == 1


@pytest.mark.parametrize("purpose", PURPOSES)
async def test_no_cookie_is_set_or_read_and_any_origin_may_cast(
    host: Host, client: httpx.AsyncClient, purpose: str
) -> None:
    poll = await polls.opened(host, purpose)
    answer = await client.post(
        _path(purpose),
        content=poll.body(),
        headers={
            "Origin": "https://elsewhere.example",
            "Sec-Fetch-Site": "cross-site",
            "Content-Type": "text/plain",
            "Cookie": "circles=abc; __Secure-circles=abc",
        },
    )
    assert answer.status_code == 201
    assert answer.headers["access-control-allow-origin"] == "*"
    assert "set-cookie" not in answer.headers
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"


async def test_answers_are_equal_in_size(host: Host, client: httpx.AsyncClient) -> None:
    """Nothing about a ballot shows in the length of its answer, nor whether it came before."""
    poll = await polls.opened(host, VOTE)
    who = polls.credential(poll.poll)
    bodies = [poll.ballot(who, 1, 1), poll.ballot(who, 2, 3), poll.ballot(), poll.ballot(who, 1, 1)]
    answers = [await client.post(_path(VOTE), content=body) for body in [*bodies, bodies[0]]]
    assert len({len(answer.content) for answer in answers}) == 1
    assert len({tuple(answer.headers) for answer in answers}) == 1


async def test_other_methods_are_answered_plainly(client: httpx.AsyncClient) -> None:
    asked = await client.options(_path(VOTE), headers={"Origin": "https://elsewhere.example"})
    assert asked.status_code == 204
    assert "POST" in asked.headers["allow"]
    assert (await client.get(_path(VOTE))).status_code == 405
    assert "set-cookie" not in asked.headers


# Refusals


SPOILT: tuple[Callable[[bytes], bytes], ...] = (
    lambda body: b"",
    lambda body: b"\n",
    lambda body: b"hello",
    lambda body: body[1:],
    lambda body: body.replace(b"\n", b"\r\n"),
    lambda body: body.replace(b"seq 1", b"seq 01"),
    lambda body: body.replace(b"seq 1", b"seq 0"),
    lambda body: body.replace(b"seq 1", b"seq 21"),
    lambda body: body.replace(b"\nseq", b"\nextra 1\nseq"),
    lambda body: body.replace(b"key ", b"key  "),
    lambda body: body.replace(b"prefix 1", b"prefix 2"),
    lambda body: b"\xff" + body,
)


@pytest.mark.parametrize("purpose", PURPOSES)
async def test_malformed(host: Host, client: httpx.AsyncClient, purpose: str) -> None:
    poll = await polls.opened(host, purpose)
    body = poll.body()
    for spoil in SPOILT:
        _refused(await client.post(_path(purpose), content=spoil(body)), 400, "malformed")
    assert await _count(host) == 0


@pytest.mark.parametrize("purpose", PURPOSES)
async def test_a_flipped_bit_in_any_field_is_refused(
    host: Host, client: httpx.AsyncClient, purpose: str
) -> None:
    """One character of each value, changed to another of its alphabet."""
    poll = await polls.opened(host, purpose)
    body = poll.body()
    signed = body.partition(b"\n\n")[0].splitlines()
    seen = set()
    at = len(signed[0]) + 1
    for line in signed[1:]:
        middle = at + len(line) - 3
        old = body[middle : middle + 1]
        new = b"2" if old.isdigit() and old != b"2" else (b"A" if old != b"A" else b"B")
        spoilt = body[:middle] + new + body[middle + 1 :]
        answer = await client.post(_path(purpose), content=spoilt)
        assert answer.status_code in {400, 404, 409, 422}, line
        seen.add(answer.json()["code"])
        at += len(line) + 1
    assert {"unknown-poll", "token-invalid", "sig-invalid"} <= seen
    assert await _count(host) == 0


async def test_words_that_do_not_match_are_refused(host: Host, client: httpx.AsyncClient) -> None:
    poll = await polls.opened(host, NOMINATE)
    body = poll.nomination(words="Anna\nHer roof.\n")
    path = _path(NOMINATE)
    _refused(await client.post(path, content=body + b"x"), 422, "doc-mismatch")
    other_salt = re.sub(rb"\nsalt .", b"\nsalt " + (b"B" if b"\nsalt A" in body else b"A"), body)
    _refused(await client.post(path, content=other_salt), 422, "doc-mismatch")
    _refused(await client.post(path, content=body.partition(b"\n\n")[0] + b"\n"), 400, "malformed")
    _refused(await client.post(path, content=poll.nomination(words="\nno name")), 400, "malformed")
    assert await _count(host) == 0


@pytest.mark.parametrize("purpose", PURPOSES)
async def test_too_long(host: Host, client: httpx.AsyncClient, purpose: str) -> None:
    poll = await polls.opened(host, purpose)
    longest = 8192 if purpose == VOTE else 8192 + 1 + 5 + 43 + 1 + 4096
    path = _path(purpose)
    _refused(await client.post(path, content=b"a" * (longest + 1)), 413, "too-long")
    _refused(await client.post(path, content=b"a" * longest), 400, "malformed")
    if purpose == NOMINATE:
        words = poll.nomination(words="A\n" + "x" * 4095)
        _refused(await client.post(path, content=words), 413, "too-long")
        fits = await client.post(path, content=poll.nomination(words="A\n" + "x" * 4094))
        assert fits.status_code == 201


async def test_a_hundred_megabytes_are_refused_unread(client: httpx.AsyncClient) -> None:
    """By what it says of its length, and by what comes when it says nothing."""
    said = {"Content-Length": str(100 * 1024 * 1024)}

    async def nothing() -> object:
        raise AssertionError("the body was read")
        yield b""

    async def endless() -> object:
        nonlocal sent
        while True:
            sent += 1
            yield b"a" * 4096

    sent = 0
    _refused(await client.post(_path(VOTE), content=nothing(), headers=said), 413, "too-long")
    _refused(await client.post(_path(VOTE), content=endless()), 413, "too-long")
    assert sent < 10


@pytest.mark.parametrize("purpose", PURPOSES)
async def test_unknown_polls(host: Host, client: httpx.AsyncClient, purpose: str) -> None:
    poll = await polls.opened(host, purpose)
    body = poll.body()
    for path in (
        _path(purpose, slug="elm-row"),
        _path(purpose, month="2026-11"),
        _path("paint"),
        _path(NOMINATE if purpose == VOTE else VOTE),
    ):
        _refused(await client.post(path, content=body), 404, "unknown-poll")


@pytest.mark.parametrize("purpose", PURPOSES)
async def test_a_message_for_another_poll_or_circle_is_refused(
    host: Host, client: httpx.AsyncClient, purpose: str
) -> None:
    here = await polls.opened(host, purpose)
    next_month = await polls.opened(host, purpose, month="2026-11")
    elsewhere = await polls.opened(host, purpose, of=polls.circle("elm-row", bytes([1]) * 16))
    for other in (next_month, elsewhere):
        _refused(await client.post(_path(purpose), content=other.body()), 404, "unknown-poll")
    # A credential of another poll, in a message for this one.
    foreign = polls.credential(next_month.poll)
    _refused(await client.post(_path(purpose), content=here.body(foreign)), 422, "token-invalid")


async def test_another_issuers_credential_is_refused(host: Host, client: httpx.AsyncClient) -> None:
    poll = await polls.opened(host, VOTE)
    stranger = polls.credential(
        polls.poll_record(VOTE, poll.circle, key=polls.issuer(2)), polls.issuer(2)
    )
    _refused(await client.post(_path(VOTE), content=poll.ballot(stranger)), 422, "token-invalid")


async def test_another_slate_is_refused(host: Host, client: httpx.AsyncClient) -> None:
    poll = await polls.opened(host, VOTE)
    other = polls.Opened(poll.circle, poll.poll, poll.poll_hash, bytes(32))
    _refused(await client.post(_path(VOTE), content=other.ballot()), 409, "slate-changed")


@pytest.mark.parametrize("purpose", PURPOSES)
async def test_phases(
    host: Host, client: httpx.AsyncClient, clock: MovableClock, purpose: str
) -> None:
    poll = await polls.opened(host, purpose)
    body, second = poll.body(), timedelta(seconds=1)
    grace = timedelta(seconds=120)

    async def at(moment: datetime, answer: tuple[int, str]) -> None:
        clock.set_round(moment)
        given = await client.post(_path(purpose), content=body)
        if answer[1]:
            _refused(given, *answer)
        else:
            assert given.status_code == answer[0]

    await at(OPENS - second, (409, "not-open"))
    await at(OPENS, (201, ""))
    await at(CLOSES + grace, (200, ""))
    await at(CLOSES + grace + second, (410, "closed"))
    # A clock that jumps back does not reopen what was shut.
    async with host.database.begin() as db:
        await box.shut(db, poll.poll_hash)
    await at(NOON, (410, "closed"))


async def test_a_vote_is_not_open_before_its_slate_nor_with_an_empty_one(
    host: Host, client: httpx.AsyncClient
) -> None:
    early = await polls.opened(host, VOTE, with_slate=False)
    _refused(await client.post(_path(VOTE), content=early.ballot()), 409, "not-open")
    empty = await polls.opened(host, VOTE, month="2026-11", candidates=0)
    path = _path(VOTE, month="2026-11")
    _refused(await client.post(path, content=empty.ballot()), 409, "not-open")


async def test_moved_dates_count(
    host: Host, client: httpx.AsyncClient, clock: MovableClock
) -> None:
    poll = await polls.opened(host, VOTE)
    later = CLOSES + timedelta(days=2)
    clock.set_round(later)
    _refused(await client.post(_path(VOTE), content=poll.ballot()), 410, "closed")
    async with host.database.begin() as db:
        await box.reschedule(db, poll.poll_hash, OPENS, later)
    assert (await client.post(_path(VOTE), content=poll.ballot())).status_code == 201


async def test_twenty_messages_a_key_and_no_more(host: Host, client: httpx.AsyncClient) -> None:
    poll = await polls.opened(host, VOTE)
    who = polls.credential(poll.poll)
    bodies = [poll.ballot(who, 1 + n % 20) for n in range(24)]
    answers = await asyncio.gather(*(client.post(_path(VOTE), content=b) for b in bodies))
    taken = [answer for answer in answers if answer.status_code == 201]
    full = [answer for answer in answers if answer.status_code != 201]
    assert (len(taken), len(full)) == (20, 4)
    for answer in full:
        _refused(answer, 429, "seq-exhausted")
    # What is in the box still gets its receipt.
    kept = bodies[answers.index(taken[0])]
    assert (await client.post(_path(VOTE), content=kept)).status_code == 200
    assert (await client.post(_path(VOTE), content=poll.ballot())).status_code == 201


@pytest.mark.parametrize("purpose", PURPOSES)
async def test_the_same_bytes_at_once_have_one_effect(
    host: Host, client: httpx.AsyncClient, purpose: str
) -> None:
    poll = await polls.opened(host, purpose)
    for body in (poll.body(), poll.body()):
        answers = await asyncio.gather(*(client.post(_path(purpose), content=body) for _ in "1234"))
        assert sorted(answer.status_code for answer in answers) == [200, 200, 200, 201]
        assert len({answer.content for answer in answers}) == 1
    assert await _count(host) == 2


async def test_the_same_words_under_two_keys_at_once(host: Host, client: httpx.AsyncClient) -> None:
    poll = await polls.opened(host, NOMINATE)
    words = polls.making.Document.of("Anna\nHer roof leaks.\n")
    bodies = [poll.nomination(document=words) for _ in range(4)]
    answers = await asyncio.gather(*(client.post(_path(NOMINATE), content=b) for b in bodies))
    assert [answer.status_code for answer in answers] == [201] * 4
    async with host.database.read() as db:
        assert await db.scalar(select(func.count()).select_from(StagedDocument)) == 1


async def test_a_box_whose_log_refuses_to_sign_takes_nothing(
    host: Host, client: httpx.AsyncClient
) -> None:
    poll = await polls.opened(host, VOTE)
    place = floor.path(host.settings, poll.circle.id)
    place.write_bytes(floor.Floor(size=99, root=bytes(32), note="x").text())
    _refused(await client.post(_path(VOTE), content=poll.ballot()), 503, "log-behind")
    assert await _count(host) == 0


async def test_refusals_say_nothing_of_what_is_in_the_box(
    host: Host, client: httpx.AsyncClient
) -> None:
    """The same refusal, word for word, before anything is cast and after."""
    poll = await polls.opened(host, VOTE)
    spoilt = poll.ballot().replace(b"seq 1", b"seq 2")
    before = await client.post(_path(VOTE), content=spoilt)
    for _ in range(3):
        await client.post(_path(VOTE), content=poll.ballot())
    after = await client.post(_path(VOTE), content=spoilt)
    assert before.content == after.content
    assert json.loads(before.content)["code"] == "sig-invalid"
    assert b64(poll.poll_hash) not in before.text
