"""A bank's file at the desk: chosen, looked at, brought in, known again, taken back."""

from __future__ import annotations

import re
from datetime import timedelta

import httpx
import pytest
from litestar import Litestar

from circles.clock import MovableClock
from circles.desk import import_pages, importing
from circles.host import Host
from circles.ledger.bank import imports, lines
from tests.desk.desk import Desk, desk_of, maple_row, words
from tests.maple_row import Neighbours

IBAN = "DE89370400440532013000"


def camt(*entries: tuple[int, str, str], opening: str = "0.00", account: str = IBAN,
         currency: str = "EUR") -> str:  # fmt: skip
    """A CAMT.053 of October 2026: (day, amount, words), negative for money out."""
    cents = round(float(opening) * 100) + sum(round(float(a) * 100) for _day, a, _words in entries)
    days = [day for day, _amount, _words in entries] or [1]

    def balance(code: str, amount: int, day: int) -> str:
        sign = "DBIT" if amount < 0 else "CRDT"
        return (
            f"<Bal><Tp><CdOrPrtry><Cd>{code}</Cd></CdOrPrtry></Tp>"
            f'<Amt Ccy="{currency}">{abs(amount) / 100:.2f}</Amt><CdtDbtInd>{sign}</CdtDbtInd>'
            f"<Dt><Dt>2026-10-{day:02}</Dt></Dt></Bal>"
        )

    def entry(day: int, amount: str, text: str) -> str:
        sign = "DBIT" if amount.startswith("-") else "CRDT"
        return (
            f'<Ntry><Amt Ccy="{currency}">{amount.lstrip("-")}</Amt><CdtDbtInd>{sign}</CdtDbtInd>'
            f"<Sts>BOOK</Sts><BookgDt><Dt>2026-10-{day:02}</Dt></BookgDt><NtryDtls><TxDtls>"
            f"<RmtInf><Ustrd>{text}</Ustrd></RmtInf></TxDtls></NtryDtls></Ntry>"
        )

    return (
        '<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.02"><BkToCstmrStmt><Stmt>'
        f"<Id>S1</Id><Acct><Id><IBAN>{account}</IBAN></Id><Ccy>{currency}</Ccy></Acct>"
        + balance("OPBD", round(float(opening) * 100), min(days))
        + balance("CLBD", cents, max(days))
        + "".join(entry(*one) for one in entries)
        + "</Stmt></BkToCstmrStmt></Document>"
    )


TWO = camt((2, "10.00", "Wren October"), (3, "-2.50", "Fee"), opening="100.00")


async def send_file(desk: Desk, content: str | bytes, status: int = 303) -> httpx.Response:
    data = content.encode() if isinstance(content, str) else content
    answer = await desk.client.post(
        desk.base + "/desk/import", files={"file": ("konto.xml", data, "text/xml")}
    )
    assert answer.status_code == status, words(answer.text)
    return answer


async def at_preview(desk: Desk, content: str | bytes) -> tuple[str, str]:
    """The path under `/in` and the page."""
    answer = await send_file(desk, content)
    path = answer.headers["location"].removeprefix(desk.base)
    return path, await desk.look(path)


async def bring_in(desk: Desk, content: str | bytes, **said: str) -> str:
    """Brought in; what the page then says."""
    path, html = await at_preview(desk, content)
    fields = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', html))
    for name in re.findall(r'name="(account-\d+)" value="yes"', html):
        fields.setdefault(name, "yes")
    await desk.send(path, **{**fields, **said})
    return words(await desk.look(path))


async def kept(row: Neighbours) -> list[tuple[int, int]]:
    async with row.host.database.read() as db:
        found = await lines.waiting(db, None, row.circle.id)
    return [(one.booked_on.day, one.amount_minor) for one in found]


async def test_a_file_is_looked_at_before_anything_is_kept(app: Litestar, host: Host) -> None:
    row = await maple_row(host)
    async with desk_of(app, row) as desk:
        assert "Bring in a file from the bank" in words(await desk.look("/desk"))
        path, html = await at_preview(desk, TWO)
        seen = words(html)
        assert "Two new lines. Nothing is kept until you say so." in seen
        assert "Read as CAMT" in seen
        assert "DE89 3704 0044 0532 0130 00" in seen
        assert "Days with lines 2 October to 3 October 2026" in seen
        assert "There before 100.00" in seen
        assert "There at the end 107.50" in seen
        assert "Is this our account?" in seen
        assert "Wren October +10.00" in seen
        assert "Fee −2.50" in seen
        assert await kept(row) == []
        refused = await desk.send(path, 422)
        assert "Please say whether the account is ours." in words(refused.text)
        await desk.send(path, **{"account-0": "yes"})
        after = words(await desk.look(path))
        assert "Two new lines. None of it was here before." in after
        assert "Two lines of the bank wait" in after
    assert await kept(row) == [(2, 1000), (3, -250)]
    assert list((host.settings.data / "inbox").iterdir()) == []


async def test_pressed_twice_and_in_two_tabs_it_is_one_import(app: Litestar, host: Host) -> None:
    row = await maple_row(host)
    async with desk_of(app, row) as desk:
        path, _html = await at_preview(desk, TWO)
        other, _html = await at_preview(desk, TWO)
        for _again in range(2):
            await desk.send(path, **{"account-0": "yes"})
        assert "Two new lines." in words(await desk.look(path))
        assert "Nothing new in it. All of it is here already." in words(await desk.look(other))
        await desk.send(other, **{"account-0": "yes"})
        assert "Nothing new in it." in words((await desk.client.get(desk.base + other)).text)
        async with host.database.read() as db:
            assert len(await imports.every(db, row.circle.id)) == 1
        wider = camt(
            (2, "10.00", "Wren October"), (3, "-2.50", "Fee"), (9, "7.00", "Bea"), opening="100.00"
        )
        assert "One new line. Two lines were here already, and count once." in (
            await bring_in(desk, wider)
        )
    assert await kept(row) == [(2, 1000), (3, -250), (9, 700)]


async def test_a_gap_is_said_with_what_is_missing(app: Litestar, host: Host) -> None:
    row = await maple_row(host)
    async with desk_of(app, row) as desk:
        await bring_in(desk, TWO)
        _path, html = await at_preview(desk, camt((20, "1.00", "Ines"), opening="130.00"))
    seen = words(html)
    assert "Something is missing in between." in seen
    assert "Between 3 October 2026 and 20 October 2026 the bank’s balance moved by +22.50" in seen
    assert "Bring it in" in seen


async def test_another_account_and_another_currency_are_left_out(app: Litestar, host: Host) -> None:
    row = await maple_row(host)
    async with desk_of(app, row) as desk:
        francs = camt((2, "10.00", "Wren"), currency="CHF", account="CH9300762011623852957")
        seen = words((await at_preview(desk, francs))[1])
        assert "None of it is about our account." in seen
        assert "It is kept in CHF; our circle counts in EUR. It is left out." in seen
        savings = camt((2, "10.00", "Wren"), account="DE02120300000000202051")
        path, html = await at_preview(desk, savings)
        assert f"Our members pay into {IBAN}." in words(html)
        left_out = await desk.send(path, 200, **{"account-0": "no"})
        seen = words(left_out.text)
        assert "None of it is about our account." in seen
        assert "It is not ours, so it is left out." in seen
        assert "Bring it in" not in seen
    assert await kept(row) == []


OTHER_KIND = (
    "Date;Amount;Currency;Payee;Description\n"
    "2026-10-02;10.00;EUR;WREN;OKTOBER\n2026-10-05;3.00;EUR;Bea;Oct\n"
)


async def test_a_file_of_another_kind_asks_about_the_same_payment(
    app: Litestar, host: Host
) -> None:
    row = await maple_row(host)
    async with desk_of(app, row) as desk:
        await bring_in(desk, TWO)
        _path, html = await at_preview(desk, OTHER_KIND)
        seen = words(html)
        assert "One new line. One more is here already." in seen
        assert "One line looks like one that came with a file of another kind" in seen
        assert len(re.findall(r'name="further-\d+"', html)) == 1
        await bring_in(desk, OTHER_KIND)
        assert await kept(row) == [(2, 1000), (3, -250), (5, 300)]
        again = words((await at_preview(desk, OTHER_KIND))[1])
        assert "Nothing new in it." in again


async def test_a_further_payment_is_kept_when_that_is_said(app: Litestar, host: Host) -> None:
    row = await maple_row(host)
    async with desk_of(app, row) as desk:
        await bring_in(desk, TWO)
        _path, html = await at_preview(desk, OTHER_KIND)
        (further,) = re.findall(r'name="(further-\d+)"', html)
        seen = await bring_in(desk, OTHER_KIND, **{further: "yes"})
        assert "Two new lines." in seen
    assert await kept(row) == [(2, 1000), (2, 1000), (3, -250), (5, 300)]


async def test_half_a_day_with_the_other_of_two_equal_payments(app: Litestar, host: Host) -> None:
    row = await maple_row(host)
    morning = camt((3, "10.00", "Wren October"), opening="100.00")
    evening = camt((3, "10.00", "Wren October"), opening="110.00")
    async with desk_of(app, row) as desk:
        await bring_in(desk, morning)
        path, html = await at_preview(desk, evening)
        seen = words(html)
        assert "This looks like one that came on 3 October. Is it another one?" in seen
        assert "money would be missing without it" in seen
        (another,) = re.findall(r'name="(another-\d+)"', html)
        await desk.send(path, **{another: "yes"})
        assert "One new line." in words(await desk.look(path))
        assert await kept(row) == [(3, 1000), (3, 1000)]
        whole = camt((3, "10.00", "Wren October"), (3, "10.00", "Wren October"), opening="100.00")
        assert "No new lines." in words((await at_preview(desk, whole))[1])
        assert "Another one?" not in words((await at_preview(desk, evening))[1])


TABLE = "When,What,How much,Left\n03/04/2026,Wren,10.00,110.00\n03/05/2026,Shop,-5.00,105.00\n"


async def test_a_table_is_read_as_it_was_corrected_and_again_the_next_time(
    app: Litestar, host: Host
) -> None:
    row = await maple_row(host)
    async with desk_of(app, row) as desk:
        path, html = await at_preview(desk, TABLE)
        assert "Look at the columns, and correct them" in words(html)
        as_read = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', html))
        asked = {**as_read, "dates": "mdy", "c1": "counterparty"}
        corrected = await desk.client.get(desk.base + path, params=asked)
        seen = words(corrected.text)
        assert "4 March to 5 March 2026" in seen
        fields = dict(
            re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', corrected.text)
        )
        assert (fields["dates"], fields["c1"]) == ("mdy", "counterparty")
        wrong = await desk.client.get(desk.base + path, params={**asked, "c0": ""})
        assert "Please say which column is the day." in words(wrong.text)
        await desk.send(path, **{**fields, "account-0": "yes"})
        async with host.database.read() as db:
            found = await lines.waiting(db, host.vault, row.circle.id)
        assert [(one.booked_on.isoformat(), one.amount_minor) for one in found] == [
            ("2026-03-04", 1000),
            ("2026-03-05", -500),
        ]
        assert found[0].words is not None
        assert found[0].words.counterparty == "Wren"
        later = TABLE.replace("03/05/2026,Shop,-5.00", "03/06/2026,Shop,-5.00")
        _path, html = await at_preview(desk, later)
        seen = words(html)
        assert "Read as you said the last time that a file had these columns." in seen
        assert "6 March" in seen


UNKNOWN = {
    "two columns": ("Quand|Combien\n01.10.26|10,00\n02.10.26|-5,00\n", ("date", "amount"), 1),
    "no names": (
        "x;1.10.2026;12;foo\ny;2.10.2026;3;bar\n",
        ("", "date", "amount", "text"),
        0,
    ),
    "a sign": ("qq;rr;ss;tt\nH;01.10.2026;EUR 10;Wren\nS;02.10.2026;EUR 5;Shop\n",
               ("mark", "date", "amount", "counterparty"), 1),
}  # fmt: skip


@pytest.mark.parametrize("name", UNKNOWN)
@pytest.mark.one_database
async def test_a_table_that_nobody_knows_is_asked_about_once(
    app: Litestar, host: Host, name: str
) -> None:
    row = await maple_row(host)
    table, fields, header = UNKNOWN[name]
    async with desk_of(app, row) as desk:
        path, html = await at_preview(desk, table)
        assert "Which column is what?" in words(html)
        asked = {f"c{n}": field for n, field in enumerate(fields)}
        asked |= {"dates": "dmy", "decimal": ",", "turned": "no", "header": str(header)}
        lacking = (await desk.client.get(desk.base + path, params={**asked, "c1": "text"})).text
        assert "Please say which column is" in words(lacking)
        assert re.search(r'name="c1".*?<option value="text" selected>', lacking, re.DOTALL)
        read = (await desk.client.get(desk.base + path, params=asked)).text
        assert "Two new lines." in words(read)
        said = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', read))
        await desk.send(path, **{**said, "account-0": "yes"})
        assert len(await kept(row)) == 2
        later = table.replace("01.10", "05.10").replace(";1.10", ";5.10")
        _path, html = await at_preview(desk, later)
        assert "One new line." in words(html)
        assert "Read as you said the last time" in words(html)


async def test_a_table_read_otherwise_asks_about_what_is_here(app: Litestar, host: Host) -> None:
    """A column that is not used any more makes other words of the same lines, not other lines."""
    row = await maple_row(host)
    table = (
        "Buchungstag;Name;Verwendungszweck;Kundenreferenz;Betrag\n"
        "03.10.2026;Anna;Beitrag;R1;10,00\n04.10.2026;Bo;Beitrag;R2;20,00\n"
    )
    async with desk_of(app, row) as desk:
        assert "Two new lines." in await bring_in(desk, table)
        path, html = await at_preview(desk, table + "05.10.2026;Cy;Beitrag;R3;30,00\n")
        as_read = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', html))
        asked = await desk.client.get(desk.base + path, params={**as_read, "c3": ""})
        assert "Two lines look like ones that came" in words(asked.text)
        fields = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', asked.text))
        await desk.send(path, **fields)
        async with host.database.read() as db:
            found = await lines.waiting(db, host.vault, row.circle.id)
        assert sorted(one.amount_minor for one in found) == [1000, 2000, 3000]


async def test_a_file_taken_back_counts_no_more(app: Litestar, host: Host) -> None:
    row = await maple_row(host)
    async with desk_of(app, row) as desk:
        path, _html = await at_preview(desk, TWO)
        await desk.send(path, **{"account-0": "yes"})
        await desk.send(path + "/withdraw")
        assert "Taken back." in words(await desk.look(path))
        assert await kept(row) == []
        assert "(taken back)" in words(await desk.look("/desk/import"))
        assert "Two new lines." in await bring_in(desk, TWO)


REFUSED = {
    "nothing": (b"", "Please choose a file that is not empty."),
    "spaces": (b"  \n ", "There is nothing in this file."),
    "a picture": (b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 9, "This is none of the files"),
    "a page": (b"<!DOCTYPE html><html><title>Sign in</title></html>", "a document type"),
    "a bare page": (b"<html><body>Sign in</body></html>", "This is XML or a web page"),
    "a PDF": (b"%PDF-1.7 ...", "This is a PDF"),
    "a spreadsheet": (b"PK\x03\x04 xl/workbook.xml", "save the sheet as CSV"),
    "entities": (
        b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaa">]><Document>&a;</Document>',
        "a document type",
    ),
    "five decimals": (TWO.replace("10.00", "10.00123").encode(), "more digits"),
    "NUL": (TWO.replace("Wren", "Wr\0en").encode(), "Line 1"),
}


@pytest.mark.parametrize("name", REFUSED)
@pytest.mark.one_database
async def test_what_cannot_be_read_is_refused_in_words(
    app: Litestar, host: Host, name: str
) -> None:
    row = await maple_row(host)
    content, said = REFUSED[name]
    async with desk_of(app, row) as desk:
        answer = await send_file(desk, content, 422 if name == "nothing" else 303)
        if name != "nothing":
            path = answer.headers["location"].removeprefix(desk.base)
            answer = await desk.client.get(desk.base + path)
            assert (await desk.client.post(desk.base + path)).status_code == 422
        assert said in words(answer.text)
    assert await kept(row) == []


@pytest.mark.one_database
async def test_odd_but_readable(app: Litestar, host: Host) -> None:
    row = await maple_row(host)
    wrong_sum = TWO.replace("107.50", "117.50")
    with_zero = camt((2, "10.00", "Wren October"), (2, "0.00", "Nothing"))
    async with desk_of(app, row) as desk:
        seen = words((await at_preview(desk, wrong_sum))[1])
        assert "The balances do not add up" in seen
        assert "Bring them in" in seen
        seen = words((await at_preview(desk, with_zero))[1])
        assert "Of nothing at all (0), left out 1" in seen
        wide = "Date;Amount;Text\n2026-10-02;10,00;Grüße\n2026-10-03;-1,00;x\n".encode("utf-16")
        seen = words((await at_preview(desk, wide))[1])
        assert "Two new lines." in seen
        assert "Grüße" in seen


@pytest.mark.one_database
async def test_a_file_over_the_limit_names_the_command(
    app: Litestar, host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = await maple_row(host)
    monkeypatch.setattr(import_pages, "FILE_BYTES_MAX", 1 << 20)
    async with desk_of(app, row) as desk:
        answer = await send_file(desk, b"x" * ((1 << 20) + 1), 422)
    seen = words(answer.text)
    assert "over 1 MB" in seen
    assert f"circles ledger import {row.circle.slug} FILE" in seen


@pytest.mark.one_database
async def test_more_lines_than_a_page_brings_in_name_the_command(
    app: Litestar, host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = await maple_row(host)
    monkeypatch.setattr(importing, "LINES_MAX", 1)
    async with desk_of(app, row) as desk:
        path, html = await at_preview(desk, TWO)
        assert "This file has 2 lines, and a page brings in 1 at once" in words(html)
        assert "Bring them in" not in words(html)
        refused = await desk.send(path, 422, **{"account-0": "yes"})
        assert f"circles ledger import {row.circle.slug} FILE" in words(refused.text)
    assert await kept(row) == []


@pytest.mark.one_database
async def test_a_form_that_is_none_is_refused(app: Litestar, host: Host) -> None:
    row = await maple_row(host)
    async with desk_of(app, row) as desk:
        address = desk.base + "/desk/import"
        plain = await desk.client.post(address, data={"file": "x"})
        broken = await desk.client.post(
            address,
            content=b"--x\r\nnothing",
            headers={"content-type": "multipart/form-data; boundary=x"},
        )
        twice = await desk.client.post(
            address, files=[("file", ("a", b"1")), ("file", ("b", b"2"))]
        )
        none = await desk.client.post(address, files={"other": ("a", b"1")})
    assert [a.status_code for a in (plain, broken, twice, none)] == [415, 400, 400, 422]
    assert "Please choose a file" in words(none.text)


@pytest.mark.one_database
async def test_a_file_waits_an_hour_and_for_its_owner_alone(
    app: Litestar, host: Host, clock: MovableClock
) -> None:
    row = await maple_row(host)
    async with desk_of(app, row) as desk:
        path, _html = await at_preview(desk, TWO)
        sealed = next((host.settings.data / "inbox").iterdir()).read_bytes()
        assert b"Wren" not in sealed
        other, _html = await at_preview(desk, TWO)
        await desk.send(other + "/drop")
        gone = words(await desk.look(other, 404))
        assert "This file is not here any more." in gone
        clock.pass_real(timedelta(minutes=59))
        await desk.look(path)
        clock.pass_real(timedelta(minutes=2))
        await desk.look(path, 404)
        await desk.send(path, 404, **{"account-0": "yes"})
        await at_preview(desk, TWO)
    assert len(list((host.settings.data / "inbox").iterdir())) == 1
