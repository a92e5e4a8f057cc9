"""Where one pays in is not changed past the program unseen: that would turn everybody's money."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select

from circles.circle import circles, pay_changes
from circles.circle.pay_change_tables import PayChangeRow
from circles.host import Host
from circles.operating import checks
from tests.ledger.ledgers import NOW
from tests.ledger.tampering import Burglar, burglar
from tests.ledger.test_acts import other, put, rows_of, same
from tests.ledger.test_guards import kept
from tests.neighbours import circle_of

OURS = {"holder": "Maple Row", "iban": "DE89370400440532013000", "words": "by the first"}
NEXT = {"holder": "Maple Row", "iban": "DE02120300000000202051", "words": "by the third"}


async def furnish(host: Host) -> bytes:
    """An account in force, one change over, one dropped, one on its way."""
    circle = await circle_of(host)
    async with host.database.begin() as db:
        await circles.change_pay(db, circle.id, **OURS)
    for ends in ("in force", "dropped", "on its way"):
        async with host.database.begin() as db:
            await pay_changes.ask(db, circle.id, **NEXT, actor=11, at=NOW)
            asked = await pay_changes.on_its_way(db, circle.id)
            assert asked is not None
            await pay_changes.confirm(db, circle.id, asked.id, actor=12, at=NOW)
            if ends == "in force":
                await pay_changes.put_in_force(db, circle.id, NOW + pay_changes.WAIT)
            elif ends == "dropped":
                await pay_changes.drop(db, circle.id, asked.id, at=NOW)
    assert await wrong(host) == []
    return circle.id


async def wrong(host: Host) -> list[str]:
    """What `circles ledger verify` says of it, but for the guards."""
    found = [p for p in await checks.books(host) if p.book == "where one pays in"]
    return [f"{p.where} {p.what}" for p in found if "switched off" not in p.what]


@pytest.mark.parametrize("table", ["circle_circle", "circle_pay_change"])
async def test_each_column_and_each_row(host: Host, table: str) -> None:
    await furnish(host)
    missed: list[Any] = []
    async with burglar(host.database.url) as thief:
        await off(thief)
        names, rows = await rows_of(thief, table)
        told = ("id", "pay_holder", "pay_iban", "pay_words")
        for row in rows:
            for number, name in enumerate(names):
                if table == "circle_circle" and name not in told:
                    continue
                value = row[number] or None
                another = other(name, value, sqlite=thief.lite is not None)
                text = isinstance(another, bytes) and not name.endswith("id")
                another = "to Otto" if text else another
                changed = (*row[:number], another, *row[number + 1 :])
                await put(thief, table, names, row, changed)
                missed += [] if await wrong(host) else [(name, value, another)]
                await put(thief, table, names, changed, row)
            condition, values = same(names, row)
            await thief.run(f"DELETE FROM {table} WHERE {condition}", *values)
            missed += [] if await wrong(host) else [row]
            marks = ", ".join("?" for _ in names)
            await thief.run(f"INSERT INTO {table} ({', '.join(names)}) VALUES ({marks})", *row)
    assert missed == []
    assert await wrong(host) == []


async def off(thief: Burglar) -> None:
    """No trigger fires."""
    await thief.switch_guards_off()
    if thief.pg is not None:
        await thief.run(
            "ALTER TABLE circle_pay_change DROP CONSTRAINT circle_pay_change_two_people"
        )


NEVER = (
    "UPDATE circle_pay_change SET iban = 'GB82WEST12345698765432'",
    "UPDATE circle_pay_change SET holder = 'Otto' WHERE ended_at IS NULL",
    "UPDATE circle_pay_change SET words = 'to Otto' WHERE ended_at IS NULL",
    "UPDATE circle_pay_change SET asker_actor = 13",
    "UPDATE circle_pay_change SET confirmer_actor = 14 WHERE ended_at IS NULL",
    "UPDATE circle_pay_change SET confirmer_actor = NULL WHERE ended_at IS NULL",
    "UPDATE circle_pay_change SET holds_from = asked_at WHERE ended_at IS NULL",
    "UPDATE circle_pay_change SET ended_at = NULL",
    "DELETE FROM circle_pay_change",
    "DELETE FROM circle_act",
    "UPDATE circle_act SET told = 'x'",
    "UPDATE circle_act SET n = n + 1000",
)


async def test_the_database_itself_refuses(host: Host) -> None:
    circle_id = await furnish(host)
    async with burglar(host.database.url) as thief:
        assert [sql for sql in NEVER if await kept(thief, sql)] == []
        assert await wrong(host) == []
        # The account itself may be changed, by this program alone.
        await thief.run("UPDATE circle_circle SET pay_iban = 'GB82WEST12345698765432'")
    found = " ".join(await wrong(host))
    assert "was written past this program" in found
    assert "pay_iban" in found
    async with host.database.begin() as db:
        await circles.change_pay(db, circle_id, **OURS)
        (on_its_way,) = (
            await db.scalars(select(PayChangeRow.iban).where(PayChangeRow.ended_at.is_(None)))
        ).all()
    assert on_its_way == NEXT["iban"]
    assert "was written past this program" in " ".join(await wrong(host))


async def test_guards_that_were_switched_off_are_named(host: Host) -> None:
    await furnish(host)
    async with burglar(host.database.url) as thief:
        if thief.lite is not None:
            await thief.run("DROP TRIGGER circle_pay_change_stays")
        else:
            await thief.run("ALTER TABLE circle_pay_change DISABLE TRIGGER USER")
    found = [p.where for p in await checks.books(host)]
    assert "circle_pay_change_stays" in found
