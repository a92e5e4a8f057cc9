"""One month of a circle at an honest server, kept at each stage, so that each lie begins anew.

Six members: Ann votes from the command line, Ben in a browser, Cleo and Dora by the protocol alone;
Emil collects and never casts; Finn is away. `Stages.build` lives the month once; `Stages.open`
puts a stage back under the same address, where `liar` may then stand before it.
"""

from __future__ import annotations

import asyncio
import copy
import io
import shutil
import socket
import sqlite3
import sys
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from playwright.async_api import Browser, Page, expect

from circles import cli, verifier
from circles.app import create_app
from circles.clock import MovableClock
from circles.db import Database
from circles.host import Host
from circles.members import roll
from circles.protocol.messages import NOMINATE, VOTE, Ask
from circles.settings import Settings
from circles.vault import Vault
from circles.web import serve
from tests.conftest import START
from tests.dishonest.liar import Liar
from tests.neighbours import PASSPHRASE
from tests.script.test_real_server import press, reads
from tests.world import KEEP, MemberClient, World

MEMBERS = 6
SOUP = "Saturday soup\nVegetables for the big pot.\n"
TIMEOUT_MS = 30_000


@dataclass(frozen=True)
class Said:
    """What a command said, and its exit code."""

    code: int
    text: str

    @property
    def trouble(self) -> str:
        """The code after `circles:`, empty where nothing was refused."""
        lines = [line for line in self.text.splitlines() if line.startswith("circles: ")]
        return lines[-1].split(": ")[1] if lines else ""


@dataclass
class Scene:
    """A stage put back: the server's own things, and the members with theirs."""

    liar: Liar
    world: World
    folder: Path
    browser: Browser
    ben_storage: Any
    # What a lie put in place of the server's own, undone when the scene closes.
    stack: ExitStack = field(default_factory=ExitStack)
    patch: pytest.MonkeyPatch = field(default_factory=pytest.MonkeyPatch)

    @property
    def host(self) -> Host:
        return self.world.host

    @property
    def address(self) -> str:
        return f"{self.host.settings.url}{self.world.circle.path}"

    def member(self, handle: str) -> MemberClient:
        return next(one for one in self.world.members if one.handle == handle)

    # The command line

    async def run(self, command: str, *options: str, who: str = "Ann") -> Said:
        """`circles <command>` with that member's file."""
        file = self.folder / f"{who}.json"
        given = [command, self.address, "--file", str(file), "--month", self.world.month]
        return await _said(cli.main, [*given, *options], PASSPHRASE)

    async def take(self, who: str = "Ann") -> Said:
        return await self.run("take", "--handle", who, who=who)

    async def cast(self, *ticks: str) -> Said:
        options = [part for tick in ticks or ("1", "1", "keep") for part in ("--tick", tick)]
        return await self.run("cast", *options)

    async def kept(self, who: str = "Ann") -> Path:
        """The evidence that member has, with what they are shown of the takes."""
        folder = self.folder / f"kept-{who}"
        await self.run("receipt", "--evidence", str(folder), "--handle", who, who=who)
        return folder

    async def verify(self, evidence: Path | None = None) -> Said:
        """`circles-verify <address>`, as anyone may."""
        given = [self.address, *(["--evidence", str(evidence)] if evidence else [])]
        return await _said(verifier.main, given)

    # The browser

    @asynccontextmanager
    async def page(self, path: str) -> AsyncIterator[Page]:
        """A page of Ben's, with what his browser keeps; afterwards that is kept again."""
        context = await self.browser.new_context(storage_state=self.ben_storage)
        context.set_default_timeout(TIMEOUT_MS)
        page = await context.new_page()
        await page.goto(f"{self.address}{path}")
        yield page
        self.ben_storage = await context.storage_state()
        await context.close()


async def trouble(page: Page) -> str:
    """The codes of the notice that is shown."""
    notice = page.locator("[data-trouble]:not([hidden])").first
    await notice.wait_for(state="visible")
    return await notice.get_attribute("data-trouble") or ""


async def _said(command: Any, arguments: list[str], typed: str = "") -> Said:
    out = io.StringIO()
    before, sys.stdin = sys.stdin, io.StringIO(f"{typed}\n")
    try:
        with redirect_stdout(out), redirect_stderr(out):
            code = await asyncio.to_thread(command, arguments)
    finally:
        sys.stdin = before
    return Said(code, out.getvalue())


@dataclass
class _Kept:
    world: World
    at: datetime
    ben_storage: Any


@dataclass
class Stages:
    """The stages of the month by name, each a folder with database, data and Ann's file."""

    folder: Path
    listener: socket.socket
    liar: Liar
    browser: Browser
    template: Path
    kept: dict[str, _Kept] = field(default_factory=dict)
    _opened: int = 0

    @property
    def port(self) -> int:
        return int(self.listener.getsockname()[1])

    def _host(self, folder: Path, at: datetime) -> Host:
        url = f"sqlite+aiosqlite:///{folder / 'circles.sqlite3'}"
        where = Settings(folder / "data", url, f"http://127.0.0.1:{self.port}", port=self.port)
        clock = MovableClock(at, frozen=True)
        return Host(where, Database(url), clock, Vault.at(folder / "data" / "secret.key"))

    def _keep(self, name: str, scene: Scene) -> None:
        """Put this moment aside."""
        copy_of(scene.folder, self.folder / name)
        world = copy.copy(scene.world)
        world.members = copy.deepcopy([_bare(one) for one in scene.world.members])
        at = scene.world.clock.round_now()
        self.kept[name] = _Kept(world, at, copy.deepcopy(scene.ben_storage))

    @asynccontextmanager
    async def open(self, name: str) -> AsyncIterator[Scene]:
        """That stage again, in a folder of its own, and honest so far."""
        self._opened += 1
        folder = self.folder / f"open-{self._opened}"
        copy_of(self.folder / name, folder)
        kept = self.kept[name]
        host = self._host(folder, kept.at)
        assert isinstance(host.clock, MovableClock)
        world = replace(kept.world, host=host, clock=host.clock, cast=[])
        world.members = copy.deepcopy(kept.world.members)
        for member in world.members:
            member.world = world
        self.liar.honest()
        self.liar.seen.clear()
        self.liar.app = create_app(host)
        scene = Scene(self.liar, world, folder, self.browser, copy.deepcopy(kept.ben_storage))
        try:
            yield scene
        finally:
            scene.patch.undo()
            scene.stack.close()
            await host.close()

    async def build(self) -> None:
        """Live the month once, honestly, and keep its stages."""
        folder = self.folder / "first"
        (folder / "data").mkdir(parents=True, mode=0o700)
        shutil.copy(self.template, folder / "circles.sqlite3")
        host = self._host(folder, START)
        world = await World.found(host, members=MEMBERS, fund_minor=13500)
        self.liar.app = create_app(host)
        scene = Scene(self.liar, world, folder, self.browser, None)
        await self._live(scene)
        await host.close()

    async def _live(self, scene: Scene) -> None:
        world = scene.world
        await _sign_in(scene)
        self._keep("founded", scene)
        await world.begin()
        self._keep("announced", scene)
        assert (await scene.take()).code == 0
        async with scene.page("/in/collect") as page:
            await press(page, "Collect them")
            await reads(page, "All collected.")
        await scene.member("Emil").take(VOTE)
        await world.go((await world.round()).nominate.opens_at)
        (scene.folder / "words.txt").write_text(SOUP)
        named = await scene.run("cast", "--name", str(scene.folder / "words.txt"), "--ask", "4500")
        assert named.code == 0, named
        await scene.member("Cleo").nominate("Warm boots\nFor two.\n", Ask(6000))
        self._keep("named", scene)
        await world.go(world.at.nominating_closes)
        await world.go(world.at.voting_opens)
        for handle in ("Cleo", "Dora"):
            await scene.member(handle).vote([1, 2, KEEP])
        self._keep("voting", scene)
        assert (await scene.cast("1", "1", "keep")).code == 0
        assert (await scene.cast("2", "2", "1")).code == 0
        async with scene.page("/in/ballot") as page:
            await vote(page)
            await reads(page, "Sealed and sent.")
        self._keep("cast", scene)


def copy_of(source: Path, to: Path) -> None:
    """A folder with its database, as if the power had gone: what was written is there."""
    shutil.copytree(source, to, ignore=shutil.ignore_patterns("*.sqlite3*"))
    with sqlite3.connect(source / "circles.sqlite3") as here:
        with sqlite3.connect(to / "circles.sqlite3") as there:
            here.backup(there)
        there.close()
    here.close()


def _bare(member: MemberClient) -> MemberClient:
    """A member without the world they live in."""
    bare = copy.copy(member)
    bare.world = None  # type: ignore[assignment]  # put back when the stage is opened
    return bare


async def _sign_in(scene: Scene) -> None:
    context = await scene.browser.new_context()
    answer = await context.request.post(
        f"{scene.address}/api/session", data={"handle": "Ben", "passphrase": PASSPHRASE}
    )
    assert answer.status == 204
    scene.ben_storage = await context.storage_state()
    await context.close()


async def vote(page: Page) -> None:
    """Ben ticks the soup once, and keeps two."""
    await page.locator('[data-candidate] input[value="1"]').first.check()
    await page.locator('input[name="nkeep"][value="2"]').check()
    await press(page, "Look it over")
    await press(page, "Seal and send")


async def line_of(scene: Scene, handle: str, purpose: str = VOTE) -> bytes:
    """A member's line on the roll, as only they and the server know it."""
    return await scene.member(handle).line(purpose)


@asynccontextmanager
async def stages(folder: Path, template: Path, browser: Browser) -> AsyncIterator[Stages]:
    """The stages, and a server with the liar before it."""
    liar = Liar()
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", 0))
        made = Stages(folder, listener, liar, browser, template)
        where = Settings(folder, "sqlite://", f"http://127.0.0.1:{made.port}", port=made.port)
        config = serve.configure(liar, where)
        config.lifespan = "off"
        server = uvicorn.Server(config)
        running = asyncio.create_task(server.serve(sockets=[listener]))
        while not server.started:  # noqa: ASYNC110  # uvicorn has no event for it
            await asyncio.sleep(0.01)
        await made.build()
        yield made
        server.should_exit = True
        await running


__all__ = ["NOMINATE", "VOTE", "Said", "Scene", "Stages", "expect", "roll", "stages", "trouble"]
