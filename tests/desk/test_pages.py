"""The desk's pages for one line or one payment: words, build, phone and keyboard."""

from __future__ import annotations

import re

from axe_playwright_python.async_playwright import Axe
from litestar import Litestar
from playwright.async_api import Browser, Page

from circles.circle.iban import grouped
from circles.host import Host
from circles.ledger import payouts
from circles.web import i18n
from tests.conftest import Served
from tests.desk.desk import IBAN, Desk, desk_of, line, maple_row
from tests.maple_row import NAMES, Neighbours
from tests.neighbours import PASSPHRASE
from tests.web.test_every_page import _data, _faults, _read, _unmarked

MONTH = "2026-10"
PAYEE = {"payee": "Zita", "way": "bank", "iban": IBAN, "words": "", "recipient": "nobody"}


async def laid_out(app: Litestar, desk: Desk) -> list[str]:
    """A desk with something of everything; the paths of all pages that show it."""
    await desk.row.award(MONTH, {1: 6000, 2: 2000, 3: 500}, 500)
    await desk.fill("/desk/money-in", **line(amount="7"))
    await desk.fill("/desk/money-in", **line(amount="5", whose=desk.id_of("bea")))
    await desk.fill("/desk/other", kind="fee", amount="9", on="2026-10-01")
    proposed = await desk.send(f"/desk/pay/{MONTH}/1", **PAYEE)
    payment = proposed.headers["location"]
    agreed = await desk.send(f"/desk/pay/{MONTH}/3", **PAYEE)
    goes_out = agreed.headers["location"]
    async with desk_of(app, desk.row, "bea") as bea:
        await bea.send(goes_out.replace("/desk/payments/", "/payouts/").removeprefix(desk.base))
    made = await desk.send("/desk/audit", period="2026-10", days="14")
    link = made.headers["location"]
    shown = await desk.look("/desk")
    found = re.findall(r'href="([^"]*/in/desk/(?:unclaimed|books|pay|fees)[^"#]*)"', shown)
    at = desk.base
    paths = [
        f"{at}/desk",
        *found,
        payment,
        f"{payment}/returned",
        f"{payment}/payee",
        goes_out,
        f"{at}/desk/pay-list",
        payment.replace("/desk/payments/", "/payouts/"),
        f"{at}/payouts",
        f"{at}/desk/money-in",
        f"{at}/desk/other",
        f"{at}/desk/books",
        f"{at}/desk/opening",
        f"{at}/desk/reconcile",
        f"{at}/desk/reconcile?month=2026-09",
        f"{at}/desk/handover",
        f"{at}/handover",
        f"{at}/desk/audit",
        f"{at}/closes",
        link,
        f"{at}/desk/report",
        f"{at}/desk/report?period=2026",
        f"{at}/desk/members/{desk.row.bea.book_number}",
        f"{at}/you/statement",
    ]
    return list(dict.fromkeys(paths))


async def test_every_word_can_be_translated(app: Litestar, host: Host) -> None:
    row = await maple_row(host)
    async with desk_of(app, row) as desk:
        paths = await laid_out(app, desk)
        with i18n.pseudo():
            pages = await _read(desk.client, paths)
    assert len(pages) == len(paths) > 12
    async with host.database.read() as db:
        references = [grouped(p.reference) for p in await payouts.open_for(db, row.circle.id)]
    known = [*NAMES, "Zita", *references, *_data()]
    assert _unmarked(pages, row.circle, known) == {}
    assert [fault for path, seen in pages.items() for fault in _faults(path, seen)] == []


async def sign_in(page: Page, row: Neighbours) -> None:
    """By keyboard alone, as somebody would who has no mouse."""
    await page.goto(f"{row.host.settings.url}{row.circle.path}/sign-in")
    await page.focus("[name=handle]")
    await page.keyboard.type("marisol")
    await page.keyboard.press("Tab")
    await page.keyboard.type(PASSPHRASE)
    await page.keyboard.press("Enter")
    await page.wait_for_url("**/in/**")


async def test_on_a_phone_in_the_dark_by_keyboard(
    app: Litestar, served: Served, browser: Browser
) -> None:
    row = await maple_row(served.host)
    async with desk_of(app, row) as desk:
        paths = await laid_out(app, desk)
    phone = await browser.new_context(
        viewport={"width": 390, "height": 800}, color_scheme="dark", java_script_enabled=True
    )
    page = await phone.new_page()
    await sign_in(page, row)
    found = []
    for path in paths:
        await page.goto(served.url + path)
        wide = await page.evaluate("document.documentElement.scrollWidth")
        found += [f"{path} is {wide} wide"] if wide > 390 else []
        report = await Axe().run(page)
        found += [f"{path}: {trouble['id']}" for trouble in report.response["violations"]]
    assert found == []
    await page.goto(f"{served.url}{desk.base}/desk/money-in")
    await page.focus("[name=amount]")
    await page.keyboard.type("1e30")
    await page.keyboard.press("Enter")
    # What was wrong has the focus, and still holds what was typed.
    await page.wait_for_selector(".trouble")
    assert await page.evaluate("document.activeElement.name") == "amount"
    await page.keyboard.press("Control+A")
    await page.keyboard.type("12,50")
    await page.keyboard.press("Tab")
    await page.keyboard.type("bea")
    await page.keyboard.press("Tab")
    await page.keyboard.press("Enter")
    await page.wait_for_url("**booked=**")
    assert "bea paid in: 12.50" in await page.inner_text("[role=status]")
    await phone.close()
    assert await row.member_holds("bea") == 1750
