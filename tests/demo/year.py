"""A year of the demo: months lived through by the real code, then its books in every format, read
by the programs that keep books, and compared with the screen's figures account by account.

The suite checks the demo's own months so; a whole year is `python -m tests.campaigns demo-year`.
"""

from __future__ import annotations

import html
import json
import re
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import httpx
from litestar import Litestar

from circles import migrate
from circles.circle import calendar
from circles.clock import MovableClock
from circles.demo import row as rows
from circles.demo import serving, story
from circles.demo.row import Row
from circles.host import Host
from circles.ledger import books
from circles.ledger.verify import verify_books
from circles.settings import Settings
from tests.ledger.readers import complaints, hledger_balances, ledger_balances

# As many kinds of months as the story has; a year goes through them in turn.
_MONTHS = (*story.PAST, story.LATER)
FORMATS = ("beancount", "hledger", "ledger", "csv", "jsonl")
_AMOUNT = re.compile(r"[−-]?[\d,]+\.\d\d")


async def whole(folder: Path, months: int = 12) -> int:
    """Live through them in a new folder and check; how many accounts were compared."""
    settings = Settings(
        data=folder,
        database_url=f"sqlite+aiosqlite:///{folder / 'circles.sqlite3'}",
        url="http://127.0.0.1:8000",
        demo=True,
    )
    clock = MovableClock()
    host = Host.open(settings, clock)
    await migrate.upgrade(host.database)
    app = serving.application(host)
    row = await live(host, app, clock, months)
    try:
        return await check(row, app, folder)
    finally:
        await row.close()
        await host.close()


async def live(host: Host, app: Litestar, clock: MovableClock, months: int) -> Row:
    """So many whole months, the last one before the present: from first pledge to last thanks."""
    labels = [calendar.month_before(calendar.month_of(clock.now(), story.CIRCLE.zone))]
    while len(labels) < months:
        labels.insert(0, calendar.month_before(labels[0]))
    first = calendar.dates(story.CIRCLE.calendar, labels[0], story.CIRCLE.zone)
    clock.set_round(first.nominating_opens - timedelta(hours=1))
    built = await Row.settle(host, app, clock)
    await built.begin()
    for at, label in enumerate(labels):
        await rows.play(built, _MONTHS[at % len(_MONTHS)], label, lambda _line: None)
    return built


async def held(row: Row) -> dict[str, Decimal]:
    """Debits less credits by account, in euros, as the books say."""
    async with row.host.database.read() as db:
        balances = await books.balances(db, row.circle.id)
    return {
        code: Decimal(minor if code.startswith("Assets:") else -minor) / 100
        for code, minor in balances.items()
    }


class Screen:
    """The treasurer's browser."""

    def __init__(self, row: Row, client: httpx.AsyncClient) -> None:
        self.client, self.at = client, f"/c/{row.circle.slug}"

    async def sign_in(self) -> None:
        answer = await self.client.post(
            f"{self.at}/api/session",
            json={"handle": story.TREASURER, "passphrase": story.PASSPHRASES[story.TREASURER]},
        )
        assert answer.status_code == 204

    async def get(self, path: str) -> str:
        answer = await self.client.get(f"{self.at}/in/desk{path}")
        assert answer.status_code == 200, path
        return answer.text

    async def figures(self, path: str) -> dict[str, list[Decimal]]:
        """The rows of all tables of a page: what stands at the left, and its amounts."""
        found: dict[str, list[Decimal]] = {}
        for line in re.findall(r"<tr[^>]*>(.*?)</tr>", await self.get(path), re.DOTALL):
            name, *rest = re.split(r"</th>", line, maxsplit=1)
            words = html.unescape(" ".join(re.sub(r"<[^>]+>", " ", name).split()))
            amounts = [
                Decimal(text.replace(",", "").replace("−", "-"))
                for text in _AMOUNT.findall(re.sub(r"<[^>]+>", " ", "".join(rest)))
            ]
            if amounts:
                found.setdefault(words, amounts)
        return found


def _sums(balances: dict[str, Decimal], prefix: str) -> Decimal:
    return sum((v for code, v in balances.items() if code.startswith(prefix)), Decimal(0))


async def check(row: Row, app: Litestar, folder: Path) -> int:
    """Every format and every figure; how many accounts were compared."""
    assert await verify_books(row.host, lambda _checked, _total: None) == []
    transport = httpx.ASGITransport(app=app)  # type: ignore[arg-type]  # Litestar is one
    async with httpx.AsyncClient(transport=transport, base_url=row.host.settings.url) as client:
        screen = Screen(row, client)
        await screen.sign_in()
        paths = {}
        for form in FORMATS:
            paths[form] = folder / f"year.{form}"
            paths[form].write_text(await screen.get(f"/export/{form}"))
        stands = await held(row)
        for form in ("beancount", "hledger", "ledger"):
            assert complaints(form, paths[form]) == "", form
        assert hledger_balances(paths["hledger"]) == stands
        found = ledger_balances(paths["ledger"])
        # Ledger leaves out some accounts that hold nothing.
        assert {c: v for c, v in found.items() if v} == {c: v for c, v in stands.items() if v}
        last = json.loads(paths["jsonl"].read_text().splitlines()[-1])
        assert {c: Decimal(v) / 100 for c, v in last["balances"].items()} == stands
        await _screen_agrees(screen, hledger_balances(paths["hledger"]))
    return len(stands)


async def _screen_agrees(screen: Screen, stands: dict[str, Decimal]) -> None:
    """What the desk and the reports show is what hledger finds."""
    desk = await screen.figures("")
    bank, cash = _sums(stands, "Assets:Bank:"), _sums(stands, "Assets:Cash")
    assert desk["Your bank should say"] == [bank]
    assert desk["In the cash tin"] == [cash]
    assert desk["Together"] == [bank + cash]
    assert desk["The fund"] == [-_sums(stands, "Equity:Fund")]
    for words, prefix in (
        ("Given, not paid yet", "Liabilities:Awards:"),
        ("Set aside for a vote", "Liabilities:Round:"),
        ("Sent, not seen at the bank yet", "Liabilities:Transit"),
        ("Paid in by members, not in the fund yet", "Liabilities:Members:"),
    ):
        if words in desk:
            assert desk[words] == [-_sums(stands, prefix)], words
    years = sorted(set(re.findall(r"report\?period=(\d{4})", await screen.get("/report"))))
    report = await screen.figures(f"/report?period={years[-1]}")
    assert report["There at the end"] == [bank + cash]
    assert report["At the bank"][-1] == bank
    assert report["The fund"][-1] == -_sums(stands, "Equity:Fund")
