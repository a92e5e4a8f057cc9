"""The bank's side past our code: what the database refuses by itself, and what verify finds when
somebody switched that off."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator
from datetime import date
from typing import Any

import pytest

from circles.host import Host
from circles.ledger import books, chart, verify_bank
from circles.ledger.bank import imports, matches
from circles.ledger.books import NewTransfer
from circles.ledger.verify import Problem, verify_books
from tests.ledger.banks import bring, file_of, line, statement, waiting
from tests.ledger.ledgers import NOW, new_book
from tests.ledger.tampering import Burglar, burglar
from tests.ledger.test_guards import REFUSED, kept
from tests.ledger.test_tampering import altered, columns

TABLES = (
    "account", "statement", "withdrawal", "line", "line_seen", "also", "match", "tied", "untied",
)  # fmt: skip


@pytest.fixture
async def thief(database_url: str) -> AsyncIterator[Burglar]:
    async with burglar(database_url) as opened:
        yield opened


async def furnish(host: Host) -> bytes:
    """Four lines, one of them known in two formats; one match that stands, one undone; a file
    that was taken back."""
    circle_id = await new_book(host.database)
    first = statement([line(2, 1000), line(3, -250, "Shop"), line(4, 70)], opening=100, days=(1, 4))
    await bring(host, circle_id, file_of(first))
    await bring(host, circle_id, file_of(statement([line(2, 1000, "ANN")]), form="mt940"))
    wrong = await bring(host, circle_id, [line(9, 1, "Wrong")])
    paid = [
        NewTransfer("contribution", chart.MAIN_BANK, chart.member(who), amount, date(2026, 10, day))
        for who, amount, day in (("M0001", 1000, 2), ("M0002", 70, 4))
    ]
    found = {one.amount_minor: one.id for one in await waiting(host, circle_id)}
    async with host.database.begin() as db:
        ten, seven = (await books.record(db, circle_id, paid, key=None, now=NOW)).transfers
        for amount, money in ((1000, ten), (70, seven)):
            match = await matches.tie(
                db, circle_id, [found[amount]], [money.id],
                tier="A", reason="reference", actor=7, now=NOW,
            )  # fmt: skip
        await matches.untie(db, circle_id, match, actor=7, now=NOW)
        await imports.withdraw(db, circle_id, wrong.import_id, actor=7, now=NOW)
    return circle_id


async def problems(host: Host) -> list[Problem]:
    found = await verify_books(host, lambda _checked, _total: None)
    return [problem for problem in found if problem.check != "guard"]


async def test_what_the_bank_said_is_never_changed(host: Host, thief: Burglar) -> None:
    await furnish(host)
    never = []
    for table in TABLES:
        name = (await columns(thief, f"ledger_bank_{table}"))[0]
        never += [
            f"UPDATE ledger_bank_{table} SET {name} = {name}",
            f"DELETE FROM ledger_bank_{table}",
        ]
        if thief.pg is not None:
            never.append(f"TRUNCATE ledger_bank_{table} CASCADE")
    # Of a line its words alone may go.
    never.remove("UPDATE ledger_bank_line SET id = id")
    never += [
        "UPDATE ledger_bank_line SET amount_minor = 5",
        "UPDATE ledger_bank_line SET booked_on = '2026-10-05'",
        "UPDATE ledger_bank_line SET words_sealed = bound",
        "UPDATE ledger_bank_line SET words_sealed = NULL, occurrence = 2",
    ]
    assert [sql for sql in never if await kept(thief, sql)] == []
    assert await problems(host) == []
    assert await kept(thief, "UPDATE ledger_bank_line SET words_sealed = NULL")
    assert await problems(host) == []


async def test_replace_is_no_way_around(host: Host, thief: Burglar) -> None:
    await furnish(host)
    if thief.pg is not None:
        with pytest.raises(REFUSED):
            await thief.run(
                "INSERT INTO ledger_bank_line SELECT * FROM ledger_bank_line "
                "ON CONFLICT (id) DO UPDATE SET amount_minor = 1"
            )
        return
    await thief.run("PRAGMA recursive_triggers = OFF")
    for table in TABLES:
        for row in await thief.run(f"SELECT * FROM ledger_bank_{table}"):
            marks = ", ".join("?" for _ in row)
            with pytest.raises(REFUSED):
                await thief.run(
                    f"INSERT OR REPLACE INTO ledger_bank_{table} VALUES ({marks})", *row
                )
    assert await problems(host) == []


async def _match(
    thief: Burglar, amount: int, line_ids: list[bytes], transfer_ids: list[bytes], book: bytes
) -> None:
    """A match past our code, as one transaction."""
    match_id = secrets.token_bytes(16)
    parts: list[tuple[bytes | None, bytes | None]] = [(one, None) for one in line_ids]
    parts += [(None, one) for one in transfer_ids]
    at = NOW if thief.pg is not None else NOW.strftime("%Y-%m-%d %H:%M:%S.000000")
    await thief.run("BEGIN")
    try:
        for part, (line_id, transfer_id) in enumerate(parts, start=1):
            await thief.run(
                "INSERT INTO ledger_bank_tied VALUES (?, ?, ?, ?)",
                match_id, part, line_id, transfer_id,
            )  # fmt: skip
        await thief.run(
            "INSERT INTO ledger_bank_match VALUES (?, ?, ?, ?, ?, ?, ?)",
            match_id, book, amount, "A", "x", 7, at,
        )  # fmt: skip
        await thief.run("COMMIT")
    except REFUSED:
        await thief.run("ROLLBACK")
        raise


async def test_a_match_that_is_none_is_refused(host: Host, thief: Burglar) -> None:
    circle_id, other = await furnish(host), await new_book(host.database)
    async with host.database.begin() as db:
        gift = NewTransfer("gift", chart.MAIN_BANK, chart.FUND, 70, date(2026, 10, 4))
        strange = (await books.record(db, other, [gift], key=None, now=NOW)).transfers[0]
        cash = NewTransfer("gift", chart.CASH, chart.FUND, 70, date(2026, 10, 4))
        tin = (await books.record(db, circle_id, [cash], key=None, now=NOW)).transfers[0]
        untied = await matches.untied_transfers(db, circle_id, date(2026, 10, 31))
    (seven,) = [one.id for one in untied]
    book = untied[0].book_id
    (tied,) = (await thief.run("SELECT id FROM ledger_bank_line WHERE amount_minor = 1000"))[0]
    (free,) = (await thief.run("SELECT id FROM ledger_bank_line WHERE amount_minor = 70"))[0]
    (gone,) = (await thief.run("SELECT id FROM ledger_bank_line WHERE amount_minor = 1"))[0]
    (ten,) = (
        await thief.run(
            "SELECT id FROM ledger_transfer WHERE amount_minor = 1000 AND kind = 'contribution'"
        )
    )[0]
    bent: dict[str, tuple[int, list[bytes], list[bytes]]] = {
        "a line alone": (70, [free], []),
        "another sum": (71, [free], [seven]),
        "two sums": (1000, [tied], [seven]),
        "a line twice": (140, [free, free], [seven]),
        "a line of another match": (1000, [tied], [ten]),
        "a line taken back": (1, [gone], [seven]),
        "another book": (70, [free], [strange.id]),
        "the tin": (70, [free], [tin.id]),
        "nothing": (0, [], []),
    }
    taken = []
    for name, (amount, line_ids, transfer_ids) in bent.items():
        try:
            await _match(thief, amount, line_ids, transfer_ids, book)
        except REFUSED:
            continue
        taken.append(name)
    assert taken == []
    with pytest.raises(REFUSED):
        # Parts without their match are gone with the transaction.
        await thief.run(
            "INSERT INTO ledger_bank_tied VALUES (?, 1, ?, NULL)", secrets.token_bytes(16), free
        )
    await _match(thief, 70, [free], [seven], book)
    with pytest.raises(REFUSED, match="whole"):
        (match_id,) = (await thief.run("SELECT max(match_id) FROM ledger_bank_untied"
                                       if thief.lite is not None else
                                       "SELECT match_id FROM ledger_bank_untied"))[0]  # fmt: skip
        await thief.run("INSERT INTO ledger_bank_tied VALUES (?, 9, ?, NULL)", match_id, gone)
    # It is true money, but nobody here has said so.
    assert {(one.check, one.what) for one in await problems(host)} == {
        ("act", "was written past this program"),
        ("act", "was put in past this program"),
    }


_UNTIED = "SELECT match_id FROM ledger_bank_untied"

# Table and row, and the check that finds each of its columns altered.
PLACES = [
    ("line", "amount_minor = 1000", "bank"),
    ("line", "amount_minor = -250", "bank"),
    ("statement", "opening_minor IS NOT NULL", "bank"),
    ("withdrawal", "1 = 1", "act"),
    ("also", "1 = 1", "act"),
    ("line_seen", "1 = 1", "bank"),
    ("account", "1 = 1", "bank"),
    ("match", "amount_minor = 1000", "match"),
    ("untied", "1 = 1", "act"),
    ("tied", f"line_id IS NOT NULL AND match_id NOT IN ({_UNTIED})", "match"),
    ("tied", f"line_id IS NOT NULL AND match_id IN ({_UNTIED})", "match"),
]


@pytest.mark.parametrize(("table", "where", "check"), PLACES)
async def test_every_column_that_was_altered_is_found(
    host: Host, thief: Burglar, table: str, where: str, check: str
) -> None:
    await furnish(host)
    await thief.switch_guards_off()
    name = f"ledger_bank_{table}"
    names = await columns(thief, name)
    row = (await thief.run(f"SELECT {', '.join(names)} FROM {name} WHERE {where}"))[0]
    missed = []
    for number, column in enumerate(names):
        if row[number] is None:
            continue
        other = altered(row[number])
        await _put(thief, name, names, row, column, other)
        if not any(one.check in {check, "book", "act"} for one in await problems(host)):
            missed.append((column, other))
        changed = (*row[:number], other, *row[number + 1 :])
        await _put(thief, name, names, changed, column, row[number])
    assert missed == []
    assert await problems(host) == []


async def _put(
    thief: Burglar, table: str, names: list[str], row: tuple[Any, ...], column: str, value: Any
) -> None:
    keys = [(n, v) for n, v in zip(names, row, strict=True) if v is not None]
    condition = " AND ".join(f"{name} = ?" for name, _ in keys)
    sql = f"UPDATE {table} SET {column} = ? WHERE {condition}"
    await thief.run(sql, value, *(v for _, v in keys))


_SHOP = "SELECT id FROM ledger_bank_line WHERE amount_minor = -250"
_TEN = "SELECT id FROM ledger_transfer WHERE amount_minor = 1000"
_SEVEN = "SELECT id FROM ledger_transfer WHERE amount_minor = 70"
CUT = {
    "a line with its traces": (
        f"DELETE FROM ledger_bank_line_seen WHERE line_id IN ({_SHOP})",
        "DELETE FROM ledger_bank_line WHERE amount_minor = -250",
    ),
    "a line of a match": ("DELETE FROM ledger_bank_tied WHERE line_id IS NOT NULL",),
    "all of a statement": ("DELETE FROM ledger_bank_statement WHERE opening_minor IS NOT NULL",),
    "a file that was taken back": ("DELETE FROM ledger_bank_withdrawal",),
    "another name of a line": ("DELETE FROM ledger_bank_also",),
    "that it was undone": ("DELETE FROM ledger_bank_untied",),
    "an undoing": (
        "DELETE FROM ledger_bank_untied",
        f"UPDATE ledger_bank_tied SET transfer_id = ({_TEN}) WHERE transfer_id = ({_SEVEN})",
    ),
}


@pytest.mark.parametrize("name", CUT)
async def test_what_was_cut_out_is_missed(host: Host, thief: Burglar, name: str) -> None:
    await furnish(host)
    await thief.switch_guards_off()
    for sql in CUT[name]:
        await thief.run(sql)
    assert {one.check for one in await problems(host)} & {"bank", "match", "act"}


@pytest.mark.parametrize("at_once", [1, 500])
async def test_what_stands_in_two_matches_is_named_once_however_few_are_read_at_once(
    host: Host, thief: Burglar, monkeypatch: pytest.MonkeyPatch, at_once: int
) -> None:
    monkeypatch.setattr(verify_bank, "_MATCHES_AT_ONCE", at_once)
    await furnish(host)
    await thief.switch_guards_off()
    assert not [one for one in await problems(host) if one.check == "match"]
    ((line_id, book),) = await thief.run(
        "SELECT id, book_id FROM ledger_bank_line WHERE amount_minor = 1000"
    )
    ((transfer_id,),) = await thief.run(_TEN + " AND kind = 'contribution'")
    await _match(thief, 1000, [line_id], [transfer_id], book)
    doubled = [one for one in await problems(host) if one.check == "match"]
    assert [one.what for one in doubled] == ["has a part that stands in another match too"] * 2
    assert len({one.where for one in doubled}) == 1
    await thief.run("UPDATE ledger_bank_match SET amount_minor = 999")
    wrong = [one.what for one in await problems(host) if one.check == "match"]
    stand = await thief.run("SELECT id FROM ledger_bank_match")
    assert len([what for what in wrong if what.startswith("says 999")]) == len(stand) > 1
