"""A whole month of a circle as its members live it: five neighbours, five browsers, no shortcuts.

Founding, joining, pledging, paying in, naming, collecting, losing a phone's memory, voting, voting
again, the count, the own ballot found and read, a payment under two names, the public page, and
the record checked from outside. On SQLite and on PostgreSQL.
"""

from __future__ import annotations

import asyncio
import io
import re
import sys
import zipfile
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from playwright.async_api import Browser, expect

from circles import closing
from circles.circle import circles, founding
from circles.clock import MovableClock
from circles.rounds import rounds
from circles.rounds.rounds import Round
from tests.conftest import Served
from tests.journeys.phones import PASSPHRASE, Phone

SLUG = "elm-yard"
HERE = f"/c/{SLUG}"
NAMES = ("Ann", "Ben", "Cleo", "Dora", "Emil")
PAID = {"Ann": "10", "Ben": "10", "Cleo": "5", "Dora": "10,00", "Emil": "5.00"}


@dataclass
class Yard:
    """The circle of the story, with its neighbours' phones."""

    served: Served
    clock: MovableClock
    browser: Browser
    phones: dict[str, Phone] = field(default_factory=dict)

    async def phone(self, handle: str) -> Phone:
        """A new phone for somebody."""
        phone = await Phone.of(self.browser, handle, self.served.url)
        self.phones[handle] = phone
        return phone

    async def round(self) -> Round:
        """How the first round stands."""
        host = self.served.host
        async with host.database.read() as db:
            circle = await circles.by_slug(db, SLUG)
            return await rounds.by_month(db, circle.id, "2026-10")

    async def until(self, what: str, *, later: timedelta = timedelta()) -> None:
        """The clock moves to a date of the round (and a little on), and what is due is done."""
        dates = (await self.round()).dates
        self.clock.set_round(getattr(dates, what) + later)
        await closing.tick(self.served.host)


@pytest.fixture
async def yard(served: Served, clock: MovableClock, browser: Browser) -> AsyncIterator[Yard]:
    yard = Yard(served, clock, browser)
    yield yard
    for phone in yard.phones.values():
        await phone.close()


async def test_a_month(yard: Yard, tmp_path: Path) -> None:
    await found(yard)
    await join(yard)
    await pay_in(yard)
    await begin(yard)
    await nominate(yard, tmp_path)
    await vote(yard, tmp_path)
    await count(yard)
    await pay_out(yard)
    await look_from_outside(yard, tmp_path)


async def found(yard: Yard) -> None:
    ann = await yard.phone("Ann")
    await ann.open(await founding.new_link(yard.served.host))
    await ann.fill(
        name="Elm Yard",
        purpose="We help somebody nearby every month.",
        holder="Elm Yard",
        iban="DE89 3704 0044 0532 0130 00",
        handle="Ann",
        passphrase=PASSPHRASE,
    )
    await ann.press("Found the circle")
    await expect(ann.page).to_have_url(re.compile(f"{HERE}/in"))


async def join(yard: Yard) -> None:
    ann = yard.phones["Ann"]
    for name in NAMES[1:]:
        await ann.open(f"{HERE}/in/steward")
        await ann.press("Make an invitation")
        link = await ann.page.locator("main").get_by_text(f"{HERE}/join/").inner_text()
        phone = await yard.phone(name)
        await phone.open(link.strip())
        await phone.fill(handle=name, passphrase=PASSPHRASE)
        await phone.choose("pledge", "500" if name in {"Cleo", "Emil"} else "1000")
        await phone.page.get_by_label("I have read how we are").check()
        await phone.press("Join Elm Yard")
        await expect(phone.page).to_have_url(re.compile(f"{HERE}/in"))
    # The same invitation again: kindly refused.
    late = await yard.phone("Late")
    await late.open(link.strip())
    await late.sees("used")


async def pay_in(yard: Yard) -> None:
    ann, cleo = yard.phones["Ann"], yard.phones["Cleo"]
    await cleo.open(f"{HERE}/in/pay")
    await cleo.sees("RF")
    for name, amount in PAID.items():
        await ann.open(f"{HERE}/in/desk/money-in")
        await ann.page.get_by_label("Whose is it?").select_option(label=name)
        await ann.fill(amount=amount)
        await ann.choose("way", "cash" if name == "Emil" else "bank")
        await ann.press("Write it down")
        await ann.sees("Written down")
    # A pledge is not money, and money is not the fund's before a due takes it there.
    await ann.open(f"{HERE}/in/")
    await ann.sees("0.00")


async def begin(yard: Yard) -> None:
    ann = yard.phones["Ann"]
    await ann.open(f"{HERE}/in/steward")
    await ann.press("Let the first round begin")
    await closing.tick(yard.served.host)
    await yard.until("nominating_opens")
    await ann.open(f"{HERE}/in/")
    # Four pledges were covered; Ann founded the circle and pledged nothing yet.
    await ann.sees("30.00")


async def collect(phone: Phone) -> None:
    await phone.open(f"{HERE}/in/collect")
    await phone.press("Collect them")
    await phone.reads("All collected.")


async def name(phone: Phone, recipient: str, amount: str) -> None:
    await phone.open(f"{HERE}/in/nominate")
    await phone.fill(recipient=recipient, words="Ask at number 14, please.", amount=amount)
    await phone.page.locator('[name="agreed"]').check()
    await phone.press("Look it over")
    await phone.press("Send")
    await phone.reads("Named.")


async def nominate(yard: Yard, tmp_path: Path) -> None:
    for phone in (yard.phones[name] for name in NAMES):
        await collect(phone)
        await phone.save("Save the file", tmp_path / f"{phone.handle}.json")
    await name(yard.phones["Ben"], "Saturday soup", "12")
    await name(yard.phones["Cleo"], "Bus rides to the clinic", "20")
    # The list is a draft until voting opens, and everybody inside reads it.
    await yard.until("nominating_closes", later=timedelta(minutes=3))
    await yard.phones["Dora"].open(f"{HERE}/in/slate")
    await yard.phones["Dora"].sees("Saturday soup")


async def give(phone: Phone, ticks: dict[str, int]) -> None:
    """Fill in the ballot by the names on it, look it over, send it."""
    await phone.open(f"{HERE}/in/ballot")
    for title, number in ticks.items():
        ticket = phone.page.locator("li.ticket").filter(has_text=title)
        await ticket.locator(f'input[value="{number}"]').check()
    await phone.press("Look it over")
    await phone.press("Seal and send")
    await phone.reads("Sealed and sent.")


async def vote(yard: Yard, tmp_path: Path) -> None:
    await yard.until("voting_opens")
    ben, cleo = yard.phones["Ben"], yard.phones["Cleo"]
    # Ben's phone has forgotten everything; he comes back with the file.
    await ben.forget()
    await ben.open(f"{HERE}/in/ballot")
    await ben.sees("Your ticks are not in this browser.")
    await ben.page.locator("input[data-load-file]").first.set_input_files(tmp_path / "Ben.json")
    await expect(ben.page.locator(".tickbar")).to_be_visible()
    await give(ben, {"Saturday soup": 3})
    await give(yard.phones["Ann"], {"Saturday soup": 2, "Keep it for next month": 1})
    await give(cleo, {"Bus rides to the clinic": 3})
    await give(yard.phones["Dora"], {"Bus rides to the clinic": 1})
    # Cleo thinks again: the last one counts.
    await give(cleo, {"Bus rides to the clinic": 2, "Saturday soup": 1})
    for phone in yard.phones.values():
        assert all(cast.cookie is None for cast in phone.casts)
    assert len([cast for cast in cleo.casts if cast.path.endswith("/vote")]) == 6


async def count(yard: Yard) -> None:
    await yard.until("count_at", later=timedelta(minutes=1))
    round_ = await yard.round()
    # Soup: 3 + 2 + 1, paid 12 of 30. Bus rides: 1 + 2, under the four ticks that five members ask.
    assert round_.result is not None
    assert round_.result.counted == 12
    assert [minor for _, minor in round_.result.awards] == [1200]
    cleo = yard.phones["Cleo"]
    await cleo.open(f"{HERE}/in/check/2026-10")
    await cleo.press("Look for my ballots")
    await cleo.reads("It holds.")
    read = await cleo.page.locator("[data-entries]").inner_text()
    assert len(re.findall(r"Entry \d+ reads: one tick for Saturday soup", read)) == 1
    assert len(re.findall(r"Entry \d+ reads: one tick for Bus rides", read)) == 2


async def pay_out(yard: Yard) -> None:
    ann, dora = yard.phones["Ann"], yard.phones["Dora"]
    await ann.open(f"{HERE}/in/desk")
    await ann.sees("to pay: Saturday soup, 12.00.")
    await ann.follow("One award")
    await ann.fill(payee="St Anne's hall", iban="DE02 1203 0000 0000 2020 51")
    await ann.choose("way", "bank")
    await ann.press("Propose it")
    await ann.reads("It waits for a second person.")
    # Whoever proposed it cannot be the second person.
    await ann.open(f"{HERE}/in/payouts")
    await ann.follow("Saturday soup")
    await ann.reads("Another one of us confirms it.")
    await dora.open(f"{HERE}/in/payouts")
    await dora.follow("Saturday soup")
    await expect(dora.page.get_by_text("St Anne")).to_have_count(0)
    await dora.press("Yes, it may be paid")
    await ann.open(f"{HERE}/in/desk")
    await ann.follow("One payment")
    await ann.press("The bank is told to pay")
    await ann.press("The bank’s page shows it")
    await ann.reads("It has arrived.")
    # A name for everyone to read, as the recipient agreed to it.
    await ann.open(f"{HERE}/in/desk/words")
    await ann.page.get_by_role("link", name="Write them down").click()
    await ann.fill(name="Soup for forty")
    await ann.page.locator('[name="agreed"]').check()
    await ann.press("Put it up for everyone")
    await ann.reads("Every award has its words.")


async def look_from_outside(yard: Yard, tmp_path: Path) -> None:
    """No account, no script; then the record, checked by the command that imports no server."""
    context = await yard.browser.new_context(java_script_enabled=False)
    page = await context.new_page()
    await page.goto(f"{yard.served.url}{HERE}/rounds/2026-10/")
    await expect(page.locator("h1")).to_have_text("12.00 went to one.")
    await expect(page.locator(".awards")).to_contain_text("Soup for forty")
    shown = await page.content()
    assert not [name for name in NAMES if re.search(rf"\b{name}\b", shown)]
    assert await context.cookies() == []
    await context.close()

    code, said = await circles_verify(f"{yard.served.url}{HERE}")
    assert (code, said.splitlines()[-1]) == (0, "everything holds")
    async with httpx.AsyncClient() as client:
        whole = (await client.get(f"{yard.served.url}{HERE}/archive.zip")).content
    kept = tmp_path / "archive.zip"
    kept.write_bytes(whole)
    assert (await circles_verify(str(kept)))[0] == 0
    kept.write_bytes(flipped(whole))
    code, said = await circles_verify(str(kept))
    assert code == 1
    assert "FAILED 1." in said


def flipped(archive: bytes) -> bytes:
    """The same archive, with one bit of one logged entry turned."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(archive)) as old, zipfile.ZipFile(out, "w") as new:
        for name in old.namelist():
            data = bytearray(old.read(name))
            if name.startswith("log/tile/entries/"):
                data[len(data) // 2] ^= 1
            new.writestr(name, bytes(data))
    return out.getvalue()


async def circles_verify(target: str) -> tuple[int, str]:
    """The command's exit code and what it printed."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "circles.verifier", target,
        stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    said, _ = await process.communicate()
    return process.returncode or 0, said.decode()
