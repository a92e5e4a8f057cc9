"""The log is read, and its proofs verified, by a program that is not ours: Go's own packages."""

from __future__ import annotations

import asyncio
import zipfile
from pathlib import Path

import pytest

from circles.host import Host
from circles.log import published
from circles.protocol.checkpoint import LogKey, Note
from circles.protocol.cosignature import Witness
from tests.log import golang, written
from tests.log.logs import found, grow

pytestmark = pytest.mark.golang
VECTORS = Path(__file__).parents[1] / "vectors"
KEY = LogKey.generate("circles.example/c/maple-row")


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The compiled program."""
    return golang.build(tmp_path_factory.mktemp("golang"))


@pytest.mark.parametrize("size", [1, 2, 3, 255, 256, 257, 600, 65_537])
def test_a_log_of_any_size_is_proved_entry_by_entry(
    reader: Path, tmp_path: Path, size: int
) -> None:
    log = written.write(tmp_path, KEY, written.records(size))
    # A proof reads and hashes whole tiles: of a long log a sample is proved, its end always.
    holds, said = golang.read(reader, KEY.verifier.text(), log, every=1 + size // 1000)
    assert holds, said
    assert said.startswith(f"ok {size} ")


@pytest.mark.parametrize("size", [1, 2, 7, 255, 256, 300, 600])
def test_a_log_goes_on_from_every_checkpoint_it_had(
    reader: Path, tmp_path: Path, size: int
) -> None:
    older = written.write(tmp_path / "older", KEY, written.records(size))
    log = written.write(tmp_path / "now", KEY, written.records(600))
    more = ("-older", older / "checkpoint")
    assert golang.read(reader, KEY.verifier.text(), log, *more)[0]
    # One entry of the past is another: no proof leads there.
    entries = written.records(600)
    entries[size // 2] = written.record(size // 2, fund=1)
    forked = written.write(tmp_path / "forked", KEY, entries)
    holds, said = golang.read(reader, KEY.verifier.text(), forked, *more)
    assert not holds
    assert f"from {size}" in said


async def test_a_host_s_own_log_is_read_as_it_grows(reader: Path, host: Host) -> None:
    key = await found(host)
    folder = published.folder(host.settings, "maple-row")
    for count in (1, 254, 1, 1, 100):
        signed = await grow(host, count)
        holds, said = await asyncio.to_thread(golang.read, reader, key, folder)
        assert holds, said
        assert said.startswith(f"ok {signed.size} ")


def _archive(tmp_path: Path, name: str) -> Path:
    with zipfile.ZipFile(VECTORS / f"archive-{name}.zip") as archive:
        archive.extractall(tmp_path)
    return tmp_path / "log"


def test_the_archive_of_a_month_is_read(reader: Path, tmp_path: Path) -> None:
    log = _archive(tmp_path, "ok")
    holds, said = golang.read(reader, (log / "key").read_text().strip(), log)
    assert holds, said


def test_a_changed_byte_is_found(reader: Path, tmp_path: Path) -> None:
    log = _archive(tmp_path, "bad-byte")
    assert not golang.read(reader, (log / "key").read_text().strip(), log)[0]


@pytest.mark.parametrize("name", ["tile/0/001.p/44", "tile/1/000.p/1", "tile/entries/000"])
def test_a_changed_tile_is_found(reader: Path, tmp_path: Path, name: str) -> None:
    log = written.write(tmp_path, KEY, written.records(300))
    data = bytearray((log / name).read_bytes())
    data[-1] ^= 1
    (log / name).write_bytes(data)
    assert not golang.read(reader, KEY.verifier.text(), log)[0]


def test_a_checkpoint_of_another_key_is_not_believed(reader: Path, tmp_path: Path) -> None:
    log = written.write(tmp_path, KEY, written.records(3), signer=LogKey.generate(KEY.name))
    assert "checkpoint" in golang.read(reader, KEY.verifier.text(), log)[1]


def test_a_cosignature_of_ours_is_good_to_go_s_note_package(reader: Path, tmp_path: Path) -> None:
    log = written.write(tmp_path, KEY, written.records(300))
    witness = Witness.generate("witness.example/oak-street")
    note = Note.parse((log / "checkpoint").read_bytes())
    cosigned = tmp_path / "cosigned"
    cosigned.write_bytes(witness.cosign(note, 1_790_000_000))
    more = ("-cosigned", witness.verifier.text(), cosigned)
    holds, said = golang.read(reader, KEY.verifier.text(), log, *more)
    assert holds, said
    # Another time under the same signature is another statement.
    parsed = Note.parse(cosigned.read_bytes())
    name, key_id, sig = parsed.signatures[-1]
    later = (1_790_000_001).to_bytes(8, "big") + sig[8:]
    cosigned.write_bytes(Note(parsed.text, (parsed.signatures[0], (name, key_id, later))).encoded())
    assert not golang.read(reader, KEY.verifier.text(), log, *more)[0]
