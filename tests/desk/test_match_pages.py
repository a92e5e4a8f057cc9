"""The page of the bank's lines: read, pressed, pressed again, taken back."""

from __future__ import annotations

import re
from datetime import date

from litestar import Litestar

from circles.circle import reference
from circles.desk.match_shown import age
from circles.dues import dues
from circles.host import Host
from circles.ledger import books, chart, payers
from tests.desk.desk import Desk, desk_of, maple_row, words
from tests.desk.desk import line as typed
from tests.ledger.banks import bring, line, waiting
from tests.maple_row import Neighbours

MONTH = "2026-10"
LINES = "/desk/lines"


async def laid(host: Host) -> Neighbours:
    """Two certain lines, a likely one, one that could be two's, and one that nobody knows."""
    row = await maple_row(host)
    await dues.raise_dues(host, row.circle, MONTH)
    ref = {name: reference.of(one.book_number) for name, one in row.members.items()}
    found = [
        line(1, 1000, "B. Smith", text=f"SVWZ+{ref['bea']}"),
        line(1, 1000, "J. Jones", text=ref["jonas"].lower()),
        line(2, 1000, "Ines Diaz", text="monthly"),
        line(2, 1000, "Somebody", text=f"{ref['wren']} or {ref['tomasz']}"),
        line(3, 333, "Nobody", text="DANKE"),
    ]
    await bring(host, row.circle.id, found)
    return row


def fields_of(html: str, name: str) -> list[str]:
    return re.findall(rf'name="{name}" value="([^"]*)"', html)


def certain_of(html: str) -> dict[str, str]:
    return dict(re.findall(r'name="(line-[0-9a-f]{32})" value="([^"]*)" checked', html))


async def test_everything_that_waits_stands_in_its_group(app: Litestar, host: Host) -> None:
    row = await laid(host)
    async with desk_of(app, row) as desk:
        html = await desk.look(LINES)
    seen = words(html)
    assert "Five lines wait." in seen
    assert len(certain_of(html)) == 2
    assert "The reference is bea’s, and the amount is what waits." in seen
    assert "Book these two" in seen
    assert "From ines A name like ines’s stands in it, and the amount is what waits." in seen
    assert "Two references stand in it" in seen
    assert "No reference, and nobody has paid from this account before." in seen
    assert "Put it aside" in seen


async def test_lines_typed_by_hand_are_told_apart_by_whose_they_are(
    app: Litestar, host: Host
) -> None:
    row = await maple_row(host)
    async with desk_of(app, row) as desk:
        for name in ("bea", "ines"):
            await desk.fill("/desk/money-in", **typed(whose=desk.id_of(name)))
        await bring(host, row.circle.id, [line(1, 1000, "Nobody", text="DANKE")])
        seen = words(await desk.look(LINES))
    for name in ("bea", "ines"):
        assert f"In the books already: {name}, 1 October" in seen


async def test_all_certain_ones_with_one_press_and_the_same_page_again(
    app: Litestar, host: Host
) -> None:
    row = await laid(host)
    async with desk_of(app, row) as desk:
        fields = certain_of(await desk.look(LINES))
        for expected in ("Two lines are booked.", "lines are booked."):
            answer = await desk.send(LINES, **fields)
            after = words((await desk.client.get(answer.headers["location"])).text)
            assert expected in after
        assert "Said lately" in after
        assert "bea paid in" in after
    assert await row.holds(chart.FUND) == 2000
    assert len(await waiting(host, row.circle.id)) == 3


async def test_one_without_its_tick_waits_on(app: Litestar, host: Host) -> None:
    row = await laid(host)
    async with desk_of(app, row) as desk:
        fields = certain_of(await desk.look(LINES))
        name = next(iter(fields))
        await desk.send(LINES, **{name: fields[name]})
        await desk.send(LINES, **{name: "contribution:1:M1000:", "line-x": "y", "more": ""})
    assert len(await waiting(host, row.circle.id)) == 4


async def test_likely_and_open_ones_by_one_press_each(app: Litestar, host: Host) -> None:
    row = await laid(host)
    async with desk_of(app, row) as desk:
        html = await desk.look(LINES)
        forms = re.findall(
            r'<form class="stack-s" method="post" action="[^"]*/in(/desk/lines/[0-9a-f]{32})">'
            r"(.*?)</form>",
            html,
            re.DOTALL,
        )  # fmt: skip
        (likely, both, nobody) = forms
        (said,) = fields_of(likely[1], "as")
        assert "booked" in (await desk.send(likely[0], **{"as": said})).headers["location"]
        assert "before" in (await desk.send(likely[0], **{"as": said})).headers["location"]
        of_wren, of_tomasz, aside = fields_of(both[1], "as")
        assert aside == "suspense"
        await desk.send(both[0], **{"as": of_tomasz})
        refused = await desk.send(both[0], 409, **{"as": of_wren})
        assert "Something else was said of this line meanwhile." in words(refused.text)
        await desk.send(nobody[0], **{"as": "suspense"})
        after = words(await desk.look(LINES))
    assert "Put aside" in after
    assert "Waits since today" in after or "Waits for" in after
    assert await row.holds(chart.SUSPENSE) == 333
    assert await row.holds(chart.FUND) == 2000


async def line_path(desk: Desk, index: int) -> str:
    found = await waiting(desk.row.host, desk.row.circle.id)
    return f"{LINES}/{found[index].id.hex()}"


async def test_a_line_split_by_hand_and_taken_back(app: Litestar, host: Host) -> None:
    row = await maple_row(host)
    await bring(host, row.circle.id, [line(1, 2500, "Grandma", text="for the two")])
    bea, jonas = row.bea.book_number, row.jonas.book_number
    both = {"whose_1": bea, "amount_1": "15", "whose_2": jonas}
    async with desk_of(app, row) as desk:
        path = await line_path(desk, 0)
        assert "What was it?" in words(await desk.look(path))
        said = {"as": "contribution", **both}
        wrong = await desk.send(path, 422, **said, amount_2="9,50")
        assert "Together that is 24.50, and the bank says 25.00." in words(wrong.text)
        assert 'value="9,50"' in wrong.text
        none = await desk.send(path, 422, **{"as": "contribution"})
        assert "Please say whose it is." in words(none.text)
        strange = await desk.send(path, 409, **{"as": "contribution", "whose_1": "M99999"})
        assert "not here any more" in words(strange.text)
        apart = await desk.send(path, 422, **{"as": "gift", "whose_1": bea})
        assert "You named somebody below." in words(apart.text)
        await desk.send(path, 422, **{"as": "pigeon"})
        await desk.send(path, 422, **{"as": "tie"})
        await desk.send(path, 409, **{"as": f"contribution:2500:{bea}:"})
        await desk.send(path, **said, amount_2="10")
        seen = words(await desk.look(path))
        assert "It is explained." in seen
        assert "bea paid in; jonas paid in" in seen
        for _ in range(2):
            await desk.send(f"{path}/undo", note="wrong way round")
        assert "What was it?" in words(await desk.look(path))
    assert await row.holds(chart.MAIN_BANK) == 0


async def test_undo_on_the_books_page_says_that_the_line_waits_again(
    app: Litestar, host: Host
) -> None:
    row = await laid(host)
    async with desk_of(app, row) as desk:
        await desk.send(LINES, **certain_of(await desk.look(LINES)))
        undo = re.findall(r"/in(/desk/books/[0-9a-f]{32}/undo)", await desk.look("/desk/books"))[0]
        assert "line of the bank waits again" in words(await desk.look(undo))
        await desk.send(undo)
    assert len(await waiting(host, row.circle.id)) == 4


async def test_what_it_may_and_what_it_learned(app: Litestar, host: Host) -> None:
    row = await maple_row(host)
    iban = "FR7630006000011234567890189"
    await bring(host, row.circle.id, [line(1, 1000, "B", counterparty_iban=iban)])
    async with desk_of(app, row) as desk:
        path = await line_path(desk, 0)
        await desk.send(path, **{"as": "contribution", "whose_1": row.bea.book_number})
        await desk.send("/desk/matching", by_itself="on")
        html = await desk.look(LINES)
        assert 'name="by_itself" value="on" checked' in html
        assert "Accounts that paid before" in words(html)
        assert iban not in html.partition("Accounts that paid before")[2]
        await desk.send("/desk/matching/forget", number=row.bea.book_number)
        await desk.send("/desk/matching")
        html = await desk.look(LINES)
    assert 'name="by_itself" value="on" checked' not in html
    assert "Accounts that paid before" not in words(html)
    async with host.database.read() as db:
        assert await payers.links(db, row.circle.id) == []


async def test_what_a_file_brings_is_booked_by_itself_if_it_may(app: Litestar, host: Host) -> None:
    row = await maple_row(host)
    await dues.raise_dues(host, row.circle, MONTH)
    ref = reference.of(row.bea.book_number)
    table = f"Date;Amount;Name;Text\n2026-10-01;10,00;B;{ref}\n2026-10-01;10,00;C;?\n".encode()
    async with desk_of(app, row) as desk:
        await desk.send("/desk/matching", by_itself="on")
        answer = await desk.client.post(
            desk.base + "/desk/import", files={"file": ("a.csv", table)}
        )
        place = answer.headers["location"].partition("/in")[2]
        kept = await desk.fill(place, **{"account-0": "yes"})
        seen = words((await desk.client.get(kept.headers["location"])).text)
    assert "One line with a member’s own reference was booked by itself." in seen
    assert await row.holds(chart.FUND) == 1000


def test_ages() -> None:
    today = date(2026, 10, 30)
    assert age(today, today) == "since today"
    assert age(date(2026, 10, 29), today) == "for one day"
    assert age(date(2026, 10, 17), today) == "for 13 days"
    assert age(date(2026, 10, 9), today) == "for 3 weeks"


async def test_what_the_bank_says_is_words_and_no_page(app: Litestar, host: Host) -> None:
    """Whoever knows our account can write to its statement: markup stays words, and as much of it
    is shown as anybody reads."""
    row = await maple_row(host)
    markup = '"><img src=x onerror=alert(1)><script>alert(2)</script>{{ 7*7 }}'
    found = [
        line(1, 1000, markup, text=markup, reference=markup, counterparty_iban=markup),
        line(2, 900, markup * 900, text=markup * 900),
    ]
    await bring(host, row.circle.id, found)
    (one, other) = [waits.id.hex() for waits in await waiting(host, row.circle.id)]
    async with desk_of(app, row) as desk:
        pages = [await desk.look(path) for path in (LINES, f"{LINES}/{one}", f"{LINES}/{other}")]
        await desk.send(f"{LINES}/{one}", **{"as": "suspense"})
        pages += [await desk.look(path) for path in (LINES, "/desk", "/desk/books", "/desk/report")]
    for html in pages:
        assert "<img" not in html
        assert "<script>alert" not in html
        assert len(html) < 60_000
    assert "{{ 7*7 }}" in pages[0]


async def test_a_line_of_a_closed_month_says_where_it_comes_to_stand(
    app: Litestar, host: Host
) -> None:
    row = await maple_row(host)
    october = "October is closed, so it comes into the books on 1 November."
    await bring(host, row.circle.id, [line(1, 2500, "Grandma")])
    async with desk_of(app, row) as desk:
        path = await line_path(desk, 0)
        assert "is closed" not in words(await desk.look(path))
        async with host.database.begin() as db:
            shut = date(2026, 10, 31)
            await books.close_through(db, row.circle.id, shut, actor=0, now=row.now)
        assert october in words(await desk.look(path))
        assert october in words(await desk.look(LINES))


async def test_money_given_back_says_to_whom(app: Litestar, host: Host) -> None:
    row = await maple_row(host)
    await row.pay_in("bea", 2500)
    await bring(host, row.circle.id, [line(1, -1000, "Bea", text="back")])
    async with desk_of(app, row) as desk:
        path = await line_path(desk, 0)
        await desk.send(path, **{"as": "refund", "whose_1": row.bea.book_number})
        seen = words(await desk.look(path))
        assert "Given back to bea" in seen
        assert "Arrived at the other end" not in seen
