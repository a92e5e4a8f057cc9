"""Public pages: from published records alone, redone by hand, never rendered twice for nothing."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser

import httpx
import pytest

from circles.host import Host
from circles.protocol.messages import Result, parse_entry
from circles.public import records, texts
from circles.public.texts import PublicText
from circles.web import i18n
from tests.public import published


class Cells(HTMLParser):
    """The rows of the one table with a class, as plain text: what a reader sees."""

    def __init__(self, text: str, table: str) -> None:
        super().__init__()
        self._table, self._in, self._cell = table, False, False
        self.rows: list[list[str]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "table":
            self._in = dict(attrs).get("class") == self._table
        if self._in and tag == "tr":
            self.rows.append([])
        self._cell = self._in and tag in {"td", "th"}
        if self._cell:
            self.rows[-1].append("")

    def handle_endtag(self, tag: str) -> None:
        if tag in {"td", "th"}:
            self._cell = False

    def handle_data(self, data: str) -> None:
        if self._cell:
            self.rows[-1][-1] += data


def test_the_record_is_read_month_by_month() -> None:
    record = records.read(published.entries())
    (month,) = record.months
    assert month.month == "2026-12"
    assert month.over
    assert month.holds
    assert month.result is not None
    assert sum(r.paid_minor for r in month.awards) + month.carried_minor == month.fund_minor
    assert [r.number for r in month.requests] == list(range(1, len(month.requests) + 1))
    assert record.seal is not None


def test_a_result_that_differs_from_the_rule_is_noticed() -> None:
    messages = [parse_entry(entry) for entry in published.entries()]
    bent = [
        replace(m, carried_minor=m.carried_minor + 1) if isinstance(m, Result) else m
        for m in messages
    ]
    assert [month.holds for month in records.collect(messages).months] == [True]
    assert [month.holds for month in records.collect(bent).months] == [False]


async def test_the_months_page_tells_whom_it_helped(client: httpx.AsyncClient, host: Host) -> None:
    circle = await published.found(host, published.entries())
    (month,) = records.read(published.entries()).months
    first = month.awards[0]
    async with host.database.begin() as db:
        text = PublicText("Warm <boots>", "For two children.", "They fit.")
        await texts.write(db, circle.id, month.month, first.number, text, host.clock.now())
    answer = await client.get("/c/maple-row/rounds/2026-12/")
    assert answer.status_code == 200
    assert "Warm &lt;boots&gt;" in answer.text
    assert "For two children." in answer.text
    assert "They fit." in answer.text
    with i18n.speaking(circle):
        words = f"{i18n.money(month.awarded_minor)} went to {i18n.words(len(month.awards))}."
    assert words in answer.text
    if len(month.awards) > 1:
        assert "A neighbour" in answer.text
    assert "set-cookie" not in answer.headers


async def test_the_awards_can_be_redone_from_the_pages_table_alone(
    client: httpx.AsyncClient, host: Host
) -> None:
    """What a reader with a pencil does: nothing but the cells and the rule as the page says it."""
    await published.found(host, published.entries())
    text = (await client.get("/c/maple-row/rounds/2026-12/")).text
    rows = Cells(text, "working").rows[1:]
    *requests, keep, together = rows
    fund, all_ticks = _cents(together[3]), int(together[1])
    least = re.search(r"nothing if that is under ([0-9.,]+)\.", text)
    min_ticks = re.search(r"with fewer than ([0-9]+), or with fewer than", text)
    assert min_ticks is not None
    order = sorted(requests, key=lambda r: (-int(r[1]), _asks(r[2]), r[0].partition(",")[0]))
    assert order == requests
    left, awarded = fund, 0
    for name, ticks, asked, left_before, paid, _why in order:
        assert _cents(left_before) == left, name
        votes = int(ticks)
        due = 0
        if votes and votes >= int(min_ticks.group(1)) and votes >= int(keep[1]):
            if asked.startswith("any"):
                assert least is not None
                due = min(fund * votes // all_ticks, _asks(asked), left)
                due = due if due >= max(_cents(least.group(1)), 1) else 0
            else:
                due = _cents(asked) if _cents(asked) <= left else 0
        assert _cents(paid) == due, name
        left, awarded = left - due, awarded + due
    assert _cents(keep[3]) == left
    assert _cents(together[4]) == awarded
    assert sum(int(row[1]) for row in [*requests, keep]) == all_ticks


def _cents(text: str) -> int:
    return int(text.replace(",", "").replace(".", ""))


def _asks(text: str) -> int:
    found = re.search(r"[0-9][0-9.,]*", text)
    return _cents(found.group()) if found else 10**15


async def test_requests_not_paid_have_no_name_in_public(
    client: httpx.AsyncClient, host: Host
) -> None:
    circle = await published.found(host, published.entries())
    (month,) = records.read(published.entries()).months
    unpaid = [r for r in month.requests if not r.paid_minor]
    async with host.database.begin() as db:
        for request in unpaid:
            text = PublicText("Secret name", "Secret story")
            await texts.write(db, circle.id, month.month, request.number, text, host.clock.now())
    text_ = (await client.get("/c/maple-row/rounds/2026-12/")).text
    assert "Secret" not in text_
    assert "Secret" not in (await client.get("/c/maple-row/")).text
    for request in unpaid:
        assert f"Request {request.letter}" in text_


async def test_the_circles_page_adds_up(client: httpx.AsyncClient, host: Host) -> None:
    await published.found(host, published.entries())
    (month,) = records.read(published.entries()).months
    text = (await client.get("/c/maple-row/")).text
    assert "Five neighbours, one fund." in text
    with i18n.speaking(published.new_circle()):
        for amount in (month.came_in_minor, month.awarded_minor, month.carried_minor):
            assert i18n.money(amount) in text
    assert month.came_in_minor - month.awarded_minor == month.carried_minor
    assert 'href="/c/maple-row/archive.zip"' in text
    assert 'href="/c/maple-row/rounds/2026-12/"' in text


async def test_a_circle_without_months_says_what_will_be_here(
    client: httpx.AsyncClient, host: Host
) -> None:
    await published.found(host)
    text = (await client.get("/c/maple-row/")).text
    assert "A clean sheet." in text
    assert "When the first month is counted" in text


async def test_a_running_month_says_its_dates_and_no_count(
    client: httpx.AsyncClient, host: Host
) -> None:
    announced = published.entries()[:2]
    await published.found(host, announced)
    text = (await client.get("/c/maple-row/rounds/2026-12/")).text
    assert "December is not counted yet." in text
    assert "The box closes on" in text
    assert "Whom it helped" not in text


async def test_pages_answer_304_until_something_changes(
    client: httpx.AsyncClient, host: Host
) -> None:
    circle = await published.found(host, published.entries())
    for path in ("/c/maple-row/", "/c/maple-row/rounds/2026-12/"):
        first = await client.get(path)
        assert first.headers["cache-control"] == "public, no-cache"
        seen = {"if-none-match": first.headers["etag"]}
        again = await client.get(path, headers=seen)
        assert (again.status_code, again.content) == (304, b"")
        async with host.database.begin() as db:
            text = PublicText("The food bank")
            await texts.write(db, circle.id, "2026-12", 1, text, host.clock.now())
        assert (await client.get(path, headers=seen)).status_code == 200
        async with host.database.begin() as db:
            await texts.erase(db, circle.id, "2026-12", 1)


async def test_a_304_renders_and_reads_nothing(
    client: httpx.AsyncClient, host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    await published.found(host, published.entries())
    etag = (await client.get("/c/maple-row/")).headers["etag"]

    def broken(*_args: object, **_kw: object) -> bytes:
        raise AssertionError("rendered for a reader who has the page")

    monkeypatch.setattr("circles.public.pages.html", broken)
    monkeypatch.setattr("circles.public.records.read", broken)
    answer = await client.get("/c/maple-row/", headers={"if-none-match": etag})
    assert answer.status_code == 304


@pytest.mark.parametrize(
    "path", ["/c/nobody/", "/c/maple-row/rounds/2031-01/", "/c/maple-row/rounds/2026-13/"]
)
async def test_what_is_not_there_is_a_page_in_words(
    client: httpx.AsyncClient, host: Host, path: str
) -> None:
    await published.found(host, published.entries())
    answer = await client.get(path)
    assert answer.status_code == 404
    assert "There is nothing here." in answer.text


async def test_the_host_lists_its_circles_or_says_how_to_begin(
    client: httpx.AsyncClient, host: Host
) -> None:
    assert "circles found-link" in (await client.get("/")).text
    await published.found(host)
    assert 'href="/c/maple-row/"' in (await client.get("/")).text


async def test_secrecy_says_what_cannot_be_promised(client: httpx.AsyncClient, host: Host) -> None:
    await published.found(host)
    text = (await client.get("/c/maple-row/secrecy")).text
    assert "This machine alone can open the box before the close." in text
    assert "What we cannot promise" in text
    assert "at least three members" in text


async def test_what_is_kept_is_the_rooms_own_timetable(
    client: httpx.AsyncClient, host: Host
) -> None:
    from circles.members.retention import TIMETABLE

    await published.found(host)
    text = (await client.get("/c/maple-row/kept")).text
    for line in TIMETABLE:
        assert line.what in text
        assert line.how_long in text


async def test_texts_are_written_changed_and_erased(host: Host) -> None:
    circle = await published.found(host)
    async with host.database.begin() as db:
        for name in ("One", "Two  words"):
            await texts.write(
                db, circle.id, "2026-12", 1, PublicText(name, "a\nb", ""), host.clock.now()
            )
        assert await texts.version(db, circle.id) == 2
        found = await texts.of(db, circle.id)
        assert found == {("2026-12", 1): PublicText("Two words", "a b", "")}
        assert found["2026-12", 1].file() == b"Two words\na b\n\n"
        await texts.erase(db, circle.id, "2026-12", 1)
        assert await texts.of(db, circle.id) == {}
        assert await texts.version(db, circle.id) == 3
