"""The demo: built once, looked at as a visitor would, and moved on to the next month."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from litestar import Litestar

from circles import migrate
from circles.app import create_app
from circles.circle import calendar
from circles.clock import MovableClock
from circles.demo import moving, pages, serving, story
from circles.demo.client import KEEP, MemberClient
from circles.demo.row import Row
from circles.errors import SettingsError
from circles.host import Host
from circles.ledger import books
from circles.operating import checks
from circles.protocol.archive_source import open_source
from circles.protocol.verify import verify
from circles.rounds import rounds
from circles.settings import DEMO_MARK, Settings
from tests.demo import year

CIRCLES = Path(sys.executable).with_name("circles")


@pytest.fixture(scope="module")
async def demo(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[tuple[Row, Litestar]]:
    """The demo as its command builds it: once, because that takes some seconds."""
    data = tmp_path_factory.mktemp("demo")
    settings = Settings(
        data=data,
        database_url=f"sqlite+aiosqlite:///{data / 'circles.sqlite3'}",
        url="http://127.0.0.1:8000",
        demo=True,
    )
    clock = MovableClock()
    host = Host.open(settings, clock)
    await migrate.upgrade(host.database)
    app = serving.application(host)
    said: list[str] = []
    row = await serving.build(host, app, clock, said.append)
    assert len(said) == 1 + 3 * len(story.PAST) + 1
    yield row, app
    await row.close()
    await host.close()


@pytest.fixture
async def visitor(demo: tuple[Row, Litestar]) -> AsyncIterator[httpx.AsyncClient]:
    """Somebody with a browser, not signed in."""
    row, app = demo
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url=row.host.settings.url) as client:
        yield client


def verify_record(row: Row) -> None:
    report = verify(open_source(str(row.host.settings.data / "public" / row.circle.slug)))
    assert report.holds, report.problems


async def test_three_finished_months_and_an_open_box(demo: tuple[Row, Litestar]) -> None:
    row, _app = demo
    async with row.host.database.read() as db:
        every = (await rounds.every(db, row.circle.id))[::-1]
    assert [bool(r.result_text) for r in every] == [True, True, True, False]
    present = every[-1]
    assert present.month == calendar.month_of(row.clock.now(), row.circle.zone)
    assert present.slate is not None
    assert len(present.slate.candidates) == len(story.PRESENT.requests)
    assert present.vote.opens_at <= row.clock.round_now() < present.vote.closes_at
    verify_record(row)


async def test_its_books_hold(demo: tuple[Row, Litestar]) -> None:
    row, _app = demo
    assert await checks.books(row.host) == []
    assert await checks.documents(row.host) == []


@pytest.mark.hledger
@pytest.mark.ledger
async def test_its_books_as_files_are_what_the_screen_says(
    demo: tuple[Row, Litestar], tmp_path: Path
) -> None:
    """What lived people did, by the whole program, read by the programs that keep books: no account
    differs by a cent, there or on the pages. A whole year of it is a campaign."""
    row, app = demo
    assert await year.check(row, app, tmp_path) > len(story.PAST)


async def test_the_three_can_sign_in_and_see_what_is_theirs(
    demo: tuple[Row, Litestar], visitor: httpx.AsyncClient
) -> None:
    row, _app = demo
    below = f"/c/{row.circle.slug}"
    for name, page in (
        (story.VISITOR, f"{below}/in/"),
        (story.TREASURER, f"{below}/in/desk"),
        (story.STEWARD, f"{below}/in/people"),
    ):
        answer = await visitor.post(
            f"{below}/api/session",
            json={"handle": name, "passphrase": story.PASSPHRASES[name]},
        )
        assert answer.status_code == 204
        assert (await visitor.get(page)).status_code == 200
        await visitor.delete(f"{below}/api/session")


async def test_the_page_tells_the_time_and_the_sign_ins(
    demo: tuple[Row, Litestar], visitor: httpx.AsyncClient
) -> None:
    text = (await visitor.get(pages.PATH)).text
    for name, words in story.PASSPHRASES.items():
        assert name in text
        assert words in text
    assert re.findall(r'name="to" value="(\w+)"', text) == [moving.COUNT, moving.NEXT]


async def test_a_visitor_votes_closes_and_sees_the_result(
    demo: tuple[Row, Litestar], visitor: httpx.AsyncClient
) -> None:
    """The member votes from a browser of their own, and acts for the treasurer, too."""
    row, app = demo
    month = row.present
    transport = httpx.ASGITransport(app=app)
    slug, url = row.circle.slug, row.host.settings.url
    for name in (story.VISITOR, story.TREASURER):
        async with MemberClient(transport, url, slug, name, story.PASSPHRASES[name]) as browser:
            await browser.sign_in()
            await browser.vote(month, [1, 1, KEEP])
    moved = await visitor.post(f"{pages.PATH}/move", data={"to": moving.COUNT})
    assert moved.status_code == 303
    async with row.host.database.read() as db:
        round_ = await rounds.by_month(db, row.circle.id, month)
        reserved = await books.reserved_minor(db, row.circle.id, month)
    assert round_.vote.close is not None
    assert round_.vote.close.voters == len(story.HANDLES)
    assert round_.vote.close.keys == len(story.HANDLES) * round_.vote.poll.slots
    assert round_.result is not None
    assert reserved == 0
    assert f"/c/{slug}/rounds/{month}/" in (await visitor.get(pages.PATH)).text
    verify_record(row)


async def test_the_next_month_is_lived_through_too(
    demo: tuple[Row, Litestar], visitor: httpx.AsyncClient
) -> None:
    row, _app = demo
    for key in (moving.NEXT, moving.TALK, moving.VOTE, moving.COUNT):
        assert (await visitor.post(f"{pages.PATH}/move", data={"to": key})).status_code == 303
    following = calendar.month_after(row.present)
    async with row.host.database.read() as db:
        round_ = await rounds.by_month(db, row.circle.id, following)
    assert round_.result is not None
    assert round_.vote.close is not None
    assert round_.vote.close.voters == len(story.HANDLES) - 1
    verify_record(row)


async def test_a_stop_that_lies_behind_moves_nothing(
    demo: tuple[Row, Litestar], visitor: httpx.AsyncClient
) -> None:
    row, _app = demo
    before = row.clock.round_now() - row.clock.now()
    for key in (moving.VOTE, "yesterday"):
        assert (await visitor.post(f"{pages.PATH}/move", data={"to": key})).status_code == 303
    assert abs(((row.clock.round_now() - row.clock.now()) - before).total_seconds()) < 1


# --- a real host has none of it --------------------------------------------------------------


def paths(app: Litestar) -> set[str]:
    return {route.path for route in app.routes}


async def test_a_served_host_has_no_demo_page(host: Host, client: httpx.AsyncClient) -> None:
    assert pages.PATH in paths(serving.application(host))
    assert not [path for path in paths(create_app(host)) if path.startswith(pages.PATH)]
    assert (await client.get(pages.PATH)).status_code == 404
    assert (await client.post(f"{pages.PATH}/move", data={"to": "next"})).status_code == 404


def test_a_demo_is_never_served_as_a_real_host(tmp_path: Path) -> None:
    (tmp_path / DEMO_MARK).touch()
    result = subprocess.run(
        [CIRCLES, "serve"],
        env={"CIRCLES_DATA": str(tmp_path), "PATH": ""},
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )
    assert result.returncode == 2
    assert "circles demo" in result.stderr
    assert not (tmp_path / "circles.sqlite3").exists()


def test_a_demo_touches_nothing_that_is_there(tmp_path: Path) -> None:
    (tmp_path / "letters.txt").write_text("dear all")
    with pytest.raises(SettingsError, match="not empty"):
        serving.main(port=0, data=tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["letters.txt"]


def test_a_port_in_use_is_said_before_the_work_begins(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(SettingsError, match=str(port)):
            serving.main(port=port, data=tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_the_hands_hold_every_tick_of_the_story() -> None:
    for month in (*story.PAST, story.PRESENT, story.LATER):
        voters = 11 if month in {story.PRESENT, story.LATER} else 12
        dealt = [tick for hand in story.hands(month, voters, 3) for tick in hand]
        assert len(dealt) == voters * 3
        for request in month.requests:
            assert dealt.count(request.name) == request.ticks
        assert dealt.count(story.KEEP) == month.keep


def test_nothing_of_it_is_kept(tmp_path: Path) -> None:
    """Told to stop in the middle of its work, it takes its folder away."""
    with subprocess.Popen(
        [CIRCLES, "demo", "--port", "0"],
        env={**os.environ, "TMPDIR": str(tmp_path)},
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert "move into Maple Row" in process.stdout.readline()
        assert [path.name for path in tmp_path.glob("circles-demo-*")]
        process.terminate()
        assert process.wait(timeout=30) == 0
    assert not list(tmp_path.glob("circles-demo-*"))
