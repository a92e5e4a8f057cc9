"""Neighbours with a browser context each, doing what the pages offer, by the words on them."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from playwright.async_api import Browser, BrowserContext, Page, Request, expect

PASSPHRASE = "four quite ordinary words"


@dataclass
class Cast:
    """One ballot or nomination as it went over the line."""

    path: str
    cookie: str | None
    body: bytes


@dataclass(eq=False)
class Phone:
    """A member's own browser: nothing in it is shared with another's."""

    handle: str
    base: str
    context: BrowserContext
    page: Page
    foreign: list[str] = field(default_factory=list)
    noise: list[str] = field(default_factory=list)
    casts: list[Cast] = field(default_factory=list)

    @classmethod
    async def of(cls, browser: Browser, handle: str, base: str, *, script: bool = True) -> Self:
        """A fresh phone, 390 points wide, that writes down what it sent and to whom."""
        context = await browser.new_context(
            viewport={"width": 390, "height": 844},
            reduced_motion="reduce",
            accept_downloads=True,
            java_script_enabled=script,
        )
        context.set_default_timeout(15_000)
        phone = cls(handle, base, context, await context.new_page())
        await phone._listen()
        return phone

    async def _listen(self) -> None:
        async def note(request: Request) -> None:
            if not request.url.startswith((self.base, "data:", "blob:")):
                self.foreign.append(request.url)
            path = request.url.removeprefix(self.base)
            if path.startswith("/cast/"):
                headers = await request.all_headers()
                self.casts.append(
                    Cast(path, headers.get("cookie"), request.post_data_buffer or b"")
                )

        self.page.on("request", note)
        self.page.on("console", lambda message: self.noise.append(message.text))
        self.page.on("pageerror", lambda error: self.noise.append(str(error)))

    async def open(self, path: str) -> None:
        """Go to a page of the host."""
        await self.page.goto(path if path.startswith("http") else self.base + path)

    async def press(self, name: str) -> None:
        """Press the button of that name."""
        await self.page.get_by_role("button", name=name, exact=True).click()

    async def follow(self, name: str) -> None:
        """Follow the link of that name."""
        await self.page.get_by_role("link", name=name, exact=True).click()

    async def fill(self, **fields: str) -> None:
        """Fill fields by their names."""
        for name, value in fields.items():
            await self.page.locator(f'[name="{name}"]').fill(value)

    async def choose(self, name: str, value: str) -> None:
        """Choose a radio button, or tick a box, of that name and value."""
        await self.page.locator(f'[name="{name}"][value="{value}"]').check()

    async def reads(self, headline: str) -> None:
        """The headline says this."""
        await expect(self.page.locator("h1:visible")).to_have_text(headline, use_inner_text=True)

    async def sees(self, words: str) -> None:
        """Somewhere on the page it says this."""
        await expect(
            self.page.locator("main").get_by_text(words).filter(visible=True).first
        ).to_be_visible()

    async def save(self, button: str, to: Path) -> Path:
        """Press a button that offers a file, and keep the file."""
        async with self.page.expect_download() as download:
            await self.press(button)
        await (await download.value).save_as(to)
        return to

    async def forget(self) -> None:
        """What a phone does that clears its storage after a while; the sign-in stays."""
        await self.page.evaluate(
            "async () => { localStorage.clear(); for (const d of await indexedDB.databases())"
            " indexedDB.deleteDatabase(d.name); }"
        )
        await self.page.goto("about:blank")

    async def close(self) -> None:
        """Put the phone away; whatever it complained about fails the test."""
        await self.context.close()
        assert self.foreign == [], "something was asked for from elsewhere"
        assert [line for line in self.noise if "status of" not in line] == []
