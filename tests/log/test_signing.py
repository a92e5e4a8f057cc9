"""Checkpoints: signed over what stands, once for each size, and never two histories."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from sqlalchemy import text

from circles import log
from circles.host import Host
from circles.log import floor
from circles.log.errors import LogBehindError, LogBrokenError
from circles.protocol.checkpoint import VerifierKey, open_checkpoint, open_receipt
from circles.protocol.merkle import Tree, leaf
from circles.protocol.messages import Receipt
from tests.log.logs import CIRCLE, ORIGIN, found, grow, record


async def test_a_checkpoint_is_signed_over_all_entries(host: Host) -> None:
    key = VerifierKey.parse(await found(host))
    assert key.name == ORIGIN
    for count in (1, 4, 300):
        signed = await grow(host, count)
        checkpoint = open_checkpoint(signed.note, [key])
        async with host.database.read() as db:
            tree = Tree(leaf(e.data) for e in await log.entries(db, CIRCLE))
            assert await log.newest_checkpoint(db, CIRCLE) == signed.note
            await log.check_whole(db, host, CIRCLE)
        assert (checkpoint.size, checkpoint.root) == (tree.size, tree.root())


async def test_nothing_new_is_signed_where_nothing_was_added(host: Host) -> None:
    await found(host)
    first = await grow(host, 2)
    assert await grow(host, 0) == first


async def test_a_receipt_is_a_note_of_the_log_and_always_the_same(host: Host) -> None:
    key = VerifierKey.parse(await found(host))
    await grow(host, 1)
    receipt = Receipt(bytes(32), bytes(32))
    async with host.database.read() as db:
        notes = {await log.sign_receipt(db, host, CIRCLE, receipt.text()) for _ in range(3)}
    (note,) = notes
    assert open_receipt(note, [key]) == receipt


async def test_the_floor_holds_the_newest_checkpoint(host: Host) -> None:
    await found(host)
    signed = await grow(host, 3)
    kept = floor.read(host.settings, CIRCLE)
    assert kept is not None
    assert (kept.size, kept.root, kept.note.encode()) == (signed.size, signed.root, signed.note)
    assert floor.path(host.settings, CIRCLE).stat().st_mode & 0o777 == 0o600


async def _refuses(host: Host) -> str:
    """Signing, receipts and the check at start all refuse; the words of the last."""
    with pytest.raises(LogBehindError):
        async with host.database.begin() as db:
            await log.append(db, CIRCLE, [record(99)])
            await log.sign(db, host.vault, CIRCLE, host)
    async with host.database.read() as db:
        with pytest.raises(LogBehindError):
            await log.sign_receipt(db, host, CIRCLE, Receipt(bytes(32), bytes(32)).text())
        with pytest.raises(LogBehindError) as refused:
            await floor.check(db, host, CIRCLE)
    with pytest.raises(LogBehindError):
        await floor.raise_to(host, CIRCLE)
    return str(refused.value)


async def test_an_older_database_signs_nothing_and_says_why(host: Host, tmp_path: Path) -> None:
    await found(host)
    await grow(host, 2)
    kept_aside = tmp_path / "floor.json"
    shutil.copy(floor.path(host.settings, CIRCLE), kept_aside)
    await grow(host, 3)
    higher = floor.path(host.settings, CIRCLE).read_bytes()
    # The database of size 5 stands on its floor, and on a lower one: a crash came between.
    shutil.copy(kept_aside, floor.path(host.settings, CIRCLE))
    async with host.database.read() as db:
        await floor.check(db, host, CIRCLE)
    await floor.raise_to(host, CIRCLE)
    assert floor.path(host.settings, CIRCLE).read_bytes() == higher
    # A floor of size 8 is above it.
    floor.path(host.settings, CIRCLE).write_bytes(
        floor.Floor(size=8, root=bytes(32), note="x").text()
    )
    assert "older backup" in await _refuses(host)


async def test_another_history_of_the_same_size_signs_nothing(host: Host) -> None:
    await found(host)
    signed = await grow(host, 4)
    floor.path(host.settings, CIRCLE).write_bytes(
        floor.Floor(size=4, root=bytes(32), note=signed.note.decode()).text()
    )
    assert "another history" in await _refuses(host)


async def test_a_floor_between_two_checkpoints_signs_nothing(host: Host) -> None:
    """A size that this database never signed is another history too."""
    await found(host)
    await grow(host, 2)
    await grow(host, 2)
    floor.path(host.settings, CIRCLE).write_bytes(
        floor.Floor(size=3, root=bytes(32), note="x").text()
    )
    assert "another history" in await _refuses(host)


async def test_a_damaged_floor_signs_nothing(host: Host) -> None:
    await found(host)
    await grow(host, 2)
    for damage in (b"", b"{}", b"[1]", b'{"size": "x"}', b"\xff"):
        floor.path(host.settings, CIRCLE).write_bytes(damage)
        assert "cannot be read" in await _refuses(host)


async def test_a_missing_floor_signs_nothing_until_the_operator_says_so(host: Host) -> None:
    await found(host)
    await grow(host, 2)
    floor.path(host.settings, CIRCLE).unlink()
    assert "circles log accept" in await _refuses(host)
    # A take in between must not make the missing file look sound.
    await floor.raise_takes(host, CIRCLE, bytes(32), 1)
    assert "circles log accept" in await _refuses(host)
    await floor.accept(host, CIRCLE)
    assert (await grow(host, 1)).size == 3


async def test_accepting_does_not_lower_a_floor(host: Host) -> None:
    await found(host)
    await grow(host, 2)
    floor.path(host.settings, CIRCLE).write_bytes(
        floor.Floor(size=8, root=bytes(32), note="x").text()
    )
    await floor.accept(host, CIRCLE)
    assert "older backup" in await _refuses(host)


async def test_a_rolled_back_first_checkpoint_leaves_a_log_that_can_begin(host: Host) -> None:
    await found(host)
    with pytest.raises(RuntimeError):
        async with host.database.begin() as db:
            await log.append(db, CIRCLE, [record(0)])
            await log.sign(db, host.vault, CIRCLE, host)
            raise RuntimeError
    assert (await grow(host, 1)).size == 1


async def test_fewer_takes_than_were_answered_are_refused(host: Host) -> None:
    await found(host)
    await grow(host, 1)
    poll, other = bytes(32), bytes([1]) * 32
    floor.check_takes(host, CIRCLE, poll, 0)
    await floor.raise_takes(host, CIRCLE, poll, 4)
    await floor.raise_takes(host, CIRCLE, poll, 2)
    await floor.raise_takes(host, CIRCLE, other, 1)
    floor.check_takes(host, CIRCLE, poll, 4)
    floor.check_takes(host, CIRCLE, other, 1)
    with pytest.raises(LogBehindError, match="older backup"):
        floor.check_takes(host, CIRCLE, poll, 3)
    await grow(host, 1)
    with pytest.raises(LogBehindError):
        floor.check_takes(host, CIRCLE, poll, 3)
    await floor.forget_takes(host, CIRCLE, poll)
    floor.check_takes(host, CIRCLE, poll, 0)
    floor.check_takes(host, CIRCLE, other, 1)


# Tampering, past the triggers


async def _tamper(host: Host, sql: str) -> None:
    async with host.database.begin() as db:
        if host.database.dialect == "sqlite":
            for table in ("log_entry", "log_checkpoint"):
                for change in ("update", "delete"):
                    await db.execute(text(f"DROP TRIGGER {table}_no_{change}"))
        else:
            for table in ("log_entry", "log_checkpoint"):
                await db.execute(text(f"ALTER TABLE {table} DISABLE TRIGGER USER"))
        await db.execute(text(sql))


_FLIPPED = {
    "sqlite": "UPDATE log_entry SET data = CAST(replace(CAST(data AS TEXT), 'EUR', 'USD') AS BLOB)"
    " WHERE number = {n}",
    "postgresql": "UPDATE log_entry SET data = replace(convert_from(data, 'UTF8'), 'EUR', 'USD')"
    "::bytea WHERE number = {n}",
}
_OTHER_LEAF = {
    "sqlite": "UPDATE log_entry SET leaf = zeroblob(32) WHERE number = {n}",
    "postgresql": "UPDATE log_entry SET leaf = decode(repeat('00', 32), 'hex') WHERE number = {n}",
}


@pytest.mark.parametrize("what", [_FLIPPED, _OTHER_LEAF], ids=["data", "leaf"])
@pytest.mark.parametrize("number", [0, 3, 4, 5])
async def test_an_altered_entry_is_found_and_named(
    host: Host, what: dict[str, str], number: int
) -> None:
    await found(host)
    await grow(host, 4)
    async with host.database.begin() as db:
        await log.append(db, CIRCLE, [record(4), record(5)])
    await _tamper(host, what[host.database.dialect].format(n=number))
    async with host.database.read() as db:
        with pytest.raises(LogBrokenError, match=f"Entry {number} "):
            await log.check_whole(db, host, CIRCLE)
    if what is _FLIPPED and number < 4:
        return  # Its leaf still stands: signing goes on over the hash that was signed before.
    with pytest.raises(LogBrokenError):
        async with host.database.begin() as db:
            await log.sign(db, host.vault, CIRCLE, host)


async def test_an_altered_checkpoint_is_found(host: Host) -> None:
    await found(host)
    await grow(host, 4)
    await grow(host, 1)
    zero = {"sqlite": "zeroblob(32)", "postgresql": "decode(repeat('00', 32), 'hex')"}
    await _tamper(
        host, f"UPDATE log_checkpoint SET root = {zero[host.database.dialect]} WHERE size = 4"
    )
    async with host.database.read() as db:
        with pytest.raises(LogBrokenError, match="Checkpoint 4"):
            await log.check_whole(db, host, CIRCLE)
