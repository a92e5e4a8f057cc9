"""The log goes over to a fresh key, and everybody who kept the old one can follow."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from sqlalchemy import select

from circles import log
from circles.host import Host
from circles.log import floor, published, tables
from circles.log.errors import LogBehindError
from circles.protocol.archive_source import FolderSource
from circles.protocol.checkpoint import VerifierKey, open_receipt
from circles.protocol.messages import Receipt
from circles.protocol.verify import verify
from tests.log import golang
from tests.log.logs import CIRCLE, found, grow


async def rotate(host: Host) -> str:
    """Hand the log on; the new key."""
    async with host.database.begin() as db:
        await log.rotate(db, CIRCLE, host)
    await floor.raise_to(host, CIRCLE)
    async with host.database.read() as db:
        return await log.verifier_key(db, CIRCLE)


def checked(host: Host, kept: Path) -> list[str]:
    """The checks of the published log that fail, with what was kept."""
    root = published.folder(host.settings, "maple-row").parent
    return [p.check for p in verify(FolderSource(root), FolderSource(kept)).problems]


async def test_who_kept_an_earlier_key_follows(host: Host, tmp_path: Path) -> None:
    first = await found(host)
    signed = await grow(host, 3)
    kept = tmp_path / "evidence"
    (kept / "checkpoints").mkdir(parents=True)
    (kept / "key").write_text(first)
    (kept / "checkpoints" / "3").write_bytes(signed.note)
    second = await rotate(host)
    assert checked(host, kept) == []
    (kept / "checkpoints" / "4").write_bytes((await grow(host, 0)).note)
    third = await rotate(host)
    await grow(host, 2)
    assert len({first, second, third}) == 3
    for key in (first, second, third):
        (kept / "key").write_text(key)
        assert checked(host, kept) == [], "every key that it had leads to the present one"
    async with host.database.read() as db:
        await log.check_whole(db, host, CIRCLE)


async def test_receipts_are_of_the_key_of_their_day(host: Host) -> None:
    first = VerifierKey.parse(await found(host))
    await grow(host, 1)
    text = Receipt(bytes(32), bytes(32)).text()

    async def receipt() -> bytes:
        async with host.database.read() as db:
            return await log.sign_receipt(db, host, CIRCLE, text)

    assert open_receipt(await receipt(), [first])
    second = VerifierKey.parse(await rotate(host))
    assert open_receipt(await receipt(), [second])


async def test_the_old_secret_is_gone(host: Host) -> None:
    await found(host)
    await grow(host, 1)
    query = select(tables.Log.sealed_seed).where(tables.Log.circle_id == CIRCLE)
    async with host.database.read() as db:
        old = await db.scalar(query)
    await rotate(host)
    async with host.database.read() as db:
        assert await db.scalar(query) != old


async def test_an_archive_of_before_holds_the_key_of_before(host: Host) -> None:
    first = await found(host)
    before = await grow(host, 2)
    second = await rotate(host)
    middle = await grow(host, 1)
    third = await rotate(host)
    after = await grow(host, 1)
    for signed, key in ((before, first), (middle, second), (after, third)):
        assert (await published.render(host, CIRCLE, signed))["key"].decode() == f"{key}\n"
    shown = published.folder(host.settings, "maple-row") / "key"
    assert shown.read_text() == f"{third}\n"


async def test_a_database_of_before_the_rotation_signs_nothing(host: Host) -> None:
    """Two keys for one history would be as bad as two histories."""
    await found(host)
    await grow(host, 2)
    floor.path(host.settings, CIRCLE).write_bytes(
        floor.Floor(size=8, root=bytes(32), note="x").text()
    )
    with pytest.raises(LogBehindError):
        await rotate(host)


@pytest.mark.golang
async def test_go_s_packages_read_it_by_the_new_key_only(
    host: Host, tmp_path_factory: pytest.TempPathFactory
) -> None:
    reader = await asyncio.to_thread(golang.build, tmp_path_factory.mktemp("golang"))
    first = await found(host)
    await grow(host, 3)
    second = await rotate(host)
    folder = published.folder(host.settings, "maple-row")
    assert golang.read(reader, second, folder)[0]
    assert not golang.read(reader, first, folder)[0]
