"""The books as files: read by the real programs, and equal to the books to the last cent."""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import json
import re
import secrets
from collections import defaultdict
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from circles.db import Database
from circles.errors import InvalidError, MissingError
from circles.ledger import books, chart
from circles.ledger.books import NewTransfer
from circles.ledger.export import FORMATS, Format, Period, export
from circles.ledger.export.beancount import account
from circles.ledger.export.table import COLUMNS, harmless
from tests.ledger.ledgers import NOW
from tests.ledger.readers import complaints, hledger_balances, ledger_balances, run
from tests.ledger.years import YEAR, a_year

READ_BY: tuple[Any, ...] = (
    "beancount",
    pytest.param("hledger", marks=pytest.mark.hledger),
    pytest.param("ledger", marks=pytest.mark.ledger),
)


async def exported(
    database: Database, circle_id: bytes, to: Format, period: str | None = None
) -> str:
    pieces: list[str] = []
    told: list[tuple[int, int]] = []
    asked = None if period is None else Period.parse(period)
    async with database.read() as db:
        written = await export(
            db, circle_id, 'Elm "Street" [1]; Circle', to, asked, pieces.append,
            lambda done, total: told.append((done, total)),
        )  # fmt: skip
    assert told[-1] == (written, written)
    return "".join(pieces)


async def file_of(
    folder: Path, database: Database, circle_id: bytes, to: Format, period: str | None = None
) -> Path:
    path = folder / f"{to}-{period}.{'beancount' if to == 'beancount' else 'journal'}"
    path.write_text(await exported(database, circle_id, to, period))
    return path


async def held(database: Database, circle_id: bytes) -> dict[str, Decimal]:
    """Debits minus credits by account, in euros, as the books say."""
    async with database.read() as db:
        balances = await books.balances(db, circle_id)
    return {
        code: Decimal(minor if code.startswith("Assets:") else -minor) / 100
        for code, minor in balances.items()
    }


def asserted(text: str) -> dict[str, Decimal]:
    """What a beancount file says stands in each account at the end."""
    found = re.findall(r"^\S+ balance (\S+) (\S+) ~ 0\.00 EUR$", text, re.MULTILINE)
    return {code: Decimal(amount) for code, amount in found}


@pytest.mark.parametrize("to", READ_BY)
async def test_a_year_passes_the_strict_reader(
    database: Database, tmp_path: Path, to: Format
) -> None:
    """All kinds, twelve months, hostile notes; whole, one year, one month."""
    circle_id = await a_year(database)
    for period in (None, str(YEAR), f"{YEAR}-01", f"{YEAR}-07", "2031-02"):
        path = await file_of(tmp_path, database, circle_id, to, period)
        assert complaints(to, path) == "", period


async def test_the_year_holds_every_kind(database: Database) -> None:
    """So that none is missing in the tests above."""
    circle_id = await a_year(database, months=1)
    lines = (await exported(database, circle_id, "jsonl")).splitlines()[1:-1]
    kinds = {json.loads(line)["record"]["kind"] for line in lines}
    assert kinds == {kind for kind, _debit, _credit in chart.KINDS} | {chart.REVERSAL}


@pytest.mark.hledger
async def test_hledger_finds_what_the_books_say(database: Database, tmp_path: Path) -> None:
    circle_id = await a_year(database)
    path = await file_of(tmp_path, database, circle_id, "hledger")
    assert hledger_balances(path) == await held(database, circle_id)


@pytest.mark.ledger
async def test_ledger_finds_what_the_books_say(database: Database, tmp_path: Path) -> None:
    circle_id = await a_year(database)
    path = await file_of(tmp_path, database, circle_id, "ledger")
    found = ledger_balances(path)
    stands = await held(database, circle_id)
    assert {c: a for c, a in found.items() if c in stands} == stands
    assert all(code in stands or stands_above(code, stands) for code in found)


def stands_above(code: str, stands: dict[str, Decimal]) -> bool:
    """Whether it is a parent, which Ledger lists with -E."""
    return any(own.startswith(f"{code}:") for own in stands)


async def test_beancount_is_told_what_the_books_say(database: Database) -> None:
    """bean-check then holds the file to it (above), and refuses a cent (below)."""
    circle_id = await a_year(database)
    text = await exported(database, circle_id, "beancount")
    assert asserted(text) == await held(database, circle_id)


async def test_the_months_of_a_year_go_on_from_each_other(database: Database) -> None:
    """What a month ends with the next begins with, and December ends with what the books say."""
    circle_id = await a_year(database, months=3)
    ends: dict[str, int] = {}
    for month in range(1, 13):
        lines = (await exported(database, circle_id, "jsonl", f"{YEAR}-{month:02}")).splitlines()
        before = json.loads(lines[0])["balances_before"]
        assert {c: a for c, a in before.items() if a} == {c: a for c, a in ends.items() if a}
        ends = json.loads(lines[-1])["balances"]
    stands = await held(database, circle_id)
    assert {c: a for c, a in ends.items() if a} == {c: int(a * 100) for c, a in stands.items() if a}


@pytest.mark.parametrize("to", READ_BY)
async def test_one_cent_off_is_refused(database: Database, tmp_path: Path, to: Format) -> None:
    circle_id = await a_year(database, months=1)
    path = await file_of(tmp_path, database, circle_id, to)
    text = path.read_text()
    fund = re.search(r"(Equity:Fund +(?:0\.00 EUR = )?-\d+\.)(\d\d)(?! EUR\n *;)", text[-2500:])
    assert fund is not None
    cents = f"{(int(fund[2]) + 1) % 100:02}"
    at = text.rindex(fund[0])
    path.write_text(text[:at] + fund[1] + cents + text[at + len(fund[0]) :])
    assert complaints(to, path) != ""


@pytest.mark.parametrize("to", READ_BY)
@pytest.mark.parametrize(("currency", "shown"), [("JPY", "1500"), ("KWD", "1.500")])
async def test_currencies_keep_their_digits(
    database: Database, tmp_path: Path, to: Format, currency: str, shown: str
) -> None:
    circle_id = secrets.token_bytes(16)
    async with database.begin() as db:
        await books.open_book(db, circle_id, currency, NOW)
        new = NewTransfer("gift", chart.MAIN_BANK, chart.FUND, 1500, date(2026, 10, 1))
        await books.record(db, circle_id, [new], key=None, now=NOW)
    path = await file_of(tmp_path, database, circle_id, to)
    assert f" {shown} {currency}" in path.read_text()
    assert complaints(to, path) == ""


@pytest.mark.parametrize("to", READ_BY)
async def test_empty_books_are_a_file_too(database: Database, tmp_path: Path, to: Format) -> None:
    circle_id = await a_year(database, months=0)
    assert complaints(to, await file_of(tmp_path, database, circle_id, to)) == ""


async def test_each_json_line_can_be_recomputed(database: Database) -> None:
    """With hashlib and json alone, as an auditor would."""
    circle_id = await a_year(database, months=1)
    first, *lines, last = map(
        json.loads, (await exported(database, circle_id, "jsonl")).split("\n")[:-1]
    )
    head = sha(b"circles/ledger-book/v1\0" + jcs(first["book"]))
    assert first["hash"] == b64(head)
    folded: dict[str, int] = defaultdict(int)
    for line in lines:
        record, note = line["record"], line["note"]
        assert line["prev_hash"] == b64(head)
        head = sha(b"circles/ledger/v1\0" + head + jcs(record))
        assert line["hash"] == b64(head)
        if note is not None:
            words = bytes_of(record["book"]) + bytes_of(note["salt"]) + note["text"].encode()
            assert record["note"] == b64(sha(b"circles/ledger-note/v1\0" + words))
        folded[record["debit"]] += record["amount"]
        folded[record["credit"]] -= record["amount"]
    assert last == {"transfers": len(lines), "head": b64(head), "balances": dict(folded)}
    async with database.read() as db:
        assert (await books.journal(db, circle_id, limit=1))[0].transfer.hash == head


def sha(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


def jcs(value: Any) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def bytes_of(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


async def test_a_spreadsheet_gets_numbers_and_harmless_words(database: Database) -> None:
    circle_id = await a_year(database, months=3)
    text = await exported(database, circle_id, "csv")
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    assert text.startswith(",".join(COLUMNS) + "\r\n")
    folded: dict[str, Decimal] = defaultdict(Decimal)
    for row in rows:
        assert re.fullmatch(r"\d+\.\d\d", row["amount"])
        assert not [cell for cell in row.values() if cell[:1] in set("=+-@\t\r\n")]
        folded[row["debit"]] += Decimal(row["amount"])
        folded[row["credit"]] -= Decimal(row["amount"])
    assert folded == await held(database, circle_id)
    assert "'=1+1" in {row["note"] for row in rows}
    assert [int(row["seq"]) for row in rows] == list(range(1, len(rows) + 1))


async def test_what_was_rubbed_out_is_in_no_file(database: Database) -> None:
    circle_id = secrets.token_bytes(16)
    async with database.begin() as db:
        await books.open_book(db, circle_id, "EUR", NOW)
        new = NewTransfer("gift", chart.CASH, chart.FUND, 5, date(2026, 10, 1), note="from Zebulon")
        entry = await books.record(db, circle_id, [new], key=None, now=NOW)
    for to in FORMATS:
        assert "Zebulon" in await exported(database, circle_id, to)
    async with database.begin() as db:
        await books.erase_note(db, circle_id, entry.transfers[0].id)
    for to in FORMATS:
        assert "Zebulon" not in await exported(database, circle_id, to)


async def test_a_circle_without_books_is_said_so(database: Database) -> None:
    with pytest.raises(MissingError):
        await exported(database, secrets.token_bytes(16), "csv")


@given(st.text(st.sampled_from("=+-@＝＠;|\t\r\n\" ',a1é"), max_size=12) | st.text(max_size=40))
@settings(max_examples=100)
def test_no_text_is_a_formula(text: str) -> None:
    safe = harmless(text)
    assert safe[:1] not in set("=+-@\t\r\n")
    for cell in re.split(r"[;\t\r\n|]", safe):
        assert cell.lstrip(' "')[:1] not in set("=+-@＝＋－＠")
    assert safe.replace("'", "") == text.replace("'", "")


def test_no_cell_of_a_spreadsheet_that_parts_at_semicolons_is_a_formula() -> None:
    assert harmless("thanks;=HYPERLINK(1)") == "thanks;'=HYPERLINK(1)"
    assert harmless('x\n"@SUM(A1)') == "x\n'\"@SUM(A1)"
    assert harmless("10-5, +49 30") == "10-5, +49 30"


@pytest.mark.hledger
async def test_notes_are_no_tags_of_hledger(database: Database, tmp_path: Path) -> None:
    """Words behind a comma and before a colon are words, not tags that we never declared."""
    circle_id = await a_year(database, months=3)
    path = await file_of(tmp_path, database, circle_id, "hledger")
    said = run("hledger", "tags", "-f", str(path))
    assert set(said.stdout.split()) == {"note", "ref", "reverses"}


def test_periods() -> None:
    assert Period.parse("2026-12") == Period("2026-12", date(2026, 12, 1), date(2026, 12, 31))
    assert Period.parse("2028-02").last == date(2028, 2, 29)
    assert Period.parse("2028") == Period("2028", date(2028, 1, 1), date(2028, 12, 31))
    for text in ("", "2026-13", "2026-00", "26", "0026", "2026-1", "2026-10-01", "٢٠٢٦", "2026\n"):
        with pytest.raises(InvalidError):
            Period.parse(text)


@given(st.lists(st.from_regex(r"[A-Za-z0-9-]{1,6}", fullmatch=True), unique=True, max_size=8))
@settings(max_examples=60)
def test_bank_accounts_stay_apart_in_beancount(names: list[str]) -> None:
    codes = [account(chart.bank(name)) for name in names]
    assert len(set(codes)) == len(names)
    assert all(re.fullmatch(r"Assets:Bank:[A-Z0-9][A-Za-z0-9-]*", code) for code in codes)
