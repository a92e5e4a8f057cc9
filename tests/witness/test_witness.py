"""A witness cosigns what goes on, refuses what does not, and keeps two histories as evidence."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from circles import cli
from circles.log.rotation import record
from circles.protocol.checkpoint import Checkpoint, LogKey, Note, VerifierKey
from circles.protocol.cosignature import Witness, WitnessKey, cosigned_at
from circles.protocol.messages import Rotation
from circles.witness import looking
from circles.witness.keeping import Keeping, id_of
from circles.witness.looking import Outcome, Verdict, look
from tests.log import written

VECTOR = json.loads((Path(__file__).parents[1] / "vectors" / "tlog.json").read_text())
KEY = LogKey.generate("circles.example/c/maple-row")
NAME = "witness.example/oak-street"
NOW = 1_790_000_000


@pytest.fixture
def keeping(tmp_path: Path) -> Keeping:
    """A witness's folder with a key and the log of `tmp_path`/host followed."""
    kept = Keeping(tmp_path / "witness")
    kept.begin(NAME)
    kept.follow(str(tmp_path / "host"), KEY.verifier)
    return kept


def see(keeping: Keeping, now: int = NOW) -> Outcome:
    (log,) = keeping.followed()
    return look(keeping, keeping.witness(), log, now)


def publish(tmp_path: Path, entries: list[bytes], signer: LogKey | None = None) -> Path:
    shutil.rmtree(tmp_path / "host", ignore_errors=True)
    return written.write(tmp_path / "host", KEY, entries, signer)


def shown(keeping: Keeping) -> tuple[Checkpoint, int | None]:
    """What the witness shows the world of the log, and when it cosigned that."""
    (log,) = keeping.followed()
    data = keeping.shown(log)
    assert data is not None
    note = Note.parse(data)
    assert note.signed_by(KEY.verifier)
    return Checkpoint.parse(note.text), cosigned_at(note, keeping.witness().verifier)


def test_the_vector_of_the_format() -> None:
    vector = VECTOR["cosignature_v1"]
    note, key = Note.parse(vector["note"].encode()), WitnessKey.parse(vector["vkey"])
    assert vector["signed_message"].encode() == b"cosignature/v1\ntime 1790000000\n" + note.text
    assert cosigned_at(note, key) == NOW
    assert note.encoded() == vector["note"].encode()
    assert key.text() == vector["vkey"]
    with pytest.raises(ValueError, match="type 01"):
        VerifierKey.parse(vector["vkey"])
    with pytest.raises(ValueError, match="type 04"):
        WitnessKey.parse(KEY.verifier.text())
    name, key_id, sig = note.signatures[1]
    for bad in (sig[:-1], sig + b"\0", bytes(8) + sig[8:], b"\xff" + sig[1:]):
        changed = Note(note.text, (note.signatures[0], (name, key_id, bad)))
        assert cosigned_at(changed, key) is None
    twice = Note(note.text, (*note.signatures, note.signatures[1]))
    assert cosigned_at(twice, key) is None, "exactly one line, or none counts"


def test_a_log_is_cosigned_as_it_grows(keeping: Keeping, tmp_path: Path) -> None:
    for count in (1, 5, 256, 300, 700):
        publish(tmp_path, written.records(count))
        assert see(keeping, NOW + count).verdict is Verdict.COSIGNED
        checkpoint, at = shown(keeping)
        assert (checkpoint.size, at) == (count, NOW + count)
    # Nothing new is a newer statement about the same.
    assert "still 700" in see(keeping, NOW + 9999).words
    assert shown(keeping)[1] == NOW + 9999
    # Its own line is replaced, never doubled.
    (log,) = keeping.followed()
    assert (keeping.shown(log) or b"").count(NAME.encode()) == 1


@pytest.mark.parametrize("size", [300, 301, 700, 260, 3])
def test_a_fork_is_kept_as_evidence_that_anyone_can_check(
    keeping: Keeping, tmp_path: Path, size: int, capsys: pytest.CaptureFixture[str]
) -> None:
    publish(tmp_path, written.records(300))
    see(keeping)
    publish(tmp_path, [written.record(n, fund=int(n == 2)) for n in range(size)])
    found = see(keeping, NOW + 1)
    assert found.verdict is Verdict.FORKED
    assert shown(keeping) == (shown(keeping)[0], NOW), "nothing is cosigned any more"
    (log,) = keeping.followed()
    place = keeping.fork(log)
    assert place is not None
    assert str(place) in found.words
    assert cli.main(["verify", str(place)]) == 1
    assert "FAILED 1.consistency: kept checkpoint seen-by-the-witness" in capsys.readouterr().out
    # Even the old history is not watched on: whom did the other one go to?
    publish(tmp_path, written.records(300))
    assert see(keeping, NOW + 2).verdict is Verdict.FORKED


def test_an_older_state_is_neither_cosigned_nor_a_fork(keeping: Keeping, tmp_path: Path) -> None:
    publish(tmp_path, written.records(300))
    see(keeping)
    publish(tmp_path, written.records(200))
    found = see(keeping, NOW + 1)
    assert found.verdict is Verdict.REFUSED
    assert "older state of 200" in found.words
    publish(tmp_path, written.records(301))
    assert see(keeping, NOW + 2).verdict is Verdict.COSIGNED


def test_what_does_not_hold_is_not_cosigned(keeping: Keeping, tmp_path: Path) -> None:
    publish(tmp_path, written.records(3), signer=LogKey.generate(KEY.name))
    assert "signed neither" in see(keeping).words
    place = publish(tmp_path, written.records(3))
    tile = place / "tile" / "0" / "000.p" / "3"
    tile.write_bytes(bytes(96))
    assert "1.tiles" in see(keeping).words
    place = publish(tmp_path, written.records(3))
    (place / "tile" / "entries" / "000.p" / "3").write_bytes(b"\0\1x\0\1y\0\1z")
    assert "1.root" in see(keeping).words
    place = publish(tmp_path, written.records(3))
    (place / "checkpoint").write_bytes(b"nothing of the kind")
    assert "no checkpoint" in see(keeping).words
    huge = Checkpoint(KEY.name, 10**12, bytes(32)).text()
    (place / "checkpoint").write_bytes(KEY.sign_note(huge))
    assert "more than a witness can watch" in see(keeping).words
    other = LogKey.generate("elsewhere.example/c/x")
    shutil.rmtree(place)
    written.write(tmp_path / "host", other, written.records(3))
    assert "another log" in see(keeping).words
    shutil.rmtree(tmp_path / "host")
    (tmp_path / "host").mkdir()
    assert see(keeping).verdict is Verdict.UNREACHABLE
    (log,) = keeping.followed()
    assert keeping.shown(log) is None


def test_one_log_cannot_keep_a_witness_from_the_others(
    keeping: Keeping, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(tmp_path, written.records(300))
    with monkeypatch.context() as small:
        small.setattr(looking, "LOG_BYTES_MAX", 10_000)
        found = see(keeping)
    assert (found.verdict, "more than a witness reads" in found.words) == (Verdict.REFUSED, True)
    with monkeypatch.context() as soon:
        soon.setattr(looking, "LOOK_SECONDS", -1.0)
        found = see(keeping)
    assert (found.verdict, "the other logs wait" in found.words) == (Verdict.UNREACHABLE, True)
    assert see(keeping).verdict is Verdict.COSIGNED


def test_lines_of_others_leave_room_for_the_witness_s(
    keeping: Keeping, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A note has at most 64 lines: a host that fills them would spoil what the witness shows."""
    place = publish(tmp_path, written.records(3))
    line = "\u2014 nobody.example AAAAAAAA\n".encode()
    (place / "checkpoint").write_bytes((place / "checkpoint").read_bytes() + 63 * line)
    for _ in ("a new one", "still that one"):
        assert see(keeping).verdict is Verdict.COSIGNED
        assert shown(keeping) == (shown(keeping)[0], NOW)
    public, key = str(keeping.folder / "public"), keeping.witness().verifier.text()
    assert cli.main(["verify", str(tmp_path / "host"), "--witness", key, public]) == 0
    assert "saw the same first 3" in capsys.readouterr().out


def test_a_rotated_key_is_followed_and_a_stolen_name_is_not(
    keeping: Keeping, tmp_path: Path
) -> None:
    heir, thief = LogKey.generate(KEY.name), LogKey.generate(KEY.name)
    publish(tmp_path, written.records(5))
    see(keeping)
    stolen = replace(Rotation.parse(record(KEY, thief)), sig_old=bytes(64))
    forged = [*written.records(5), stolen.text()]
    publish(tmp_path, forged, signer=thief)
    assert see(keeping).verdict is Verdict.REFUSED
    entries = [*written.records(5), record(KEY, heir)]
    publish(tmp_path, entries, signer=heir)
    assert see(keeping).verdict is Verdict.COSIGNED
    assert keeping.followed()[0].key == heir.verifier
    publish(tmp_path, [*entries, written.record(6)], signer=heir)
    assert see(keeping).verdict is Verdict.COSIGNED


class _DiedError(BaseException):
    """Nothing of the product catches it, as nothing catches SIGKILL."""


def die_at(dying: pytest.MonkeyPatch, point: int) -> None:
    """Die before (even points) or after (odd) the n-th rename, which is what makes a file stand."""
    left = [point]

    def rename(old: object, new: object, real: Callable[..., None] = os.replace) -> None:
        left[0] -= 2
        if left[0] == -2:
            raise _DiedError
        real(old, new)
        if left[0] == -1:
            raise _DiedError

    dying.setattr(os, "replace", rename)


def test_killed_between_any_two_steps_it_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each call that makes a file durable is a place to die; the next look finds all well."""
    publish(tmp_path, written.records(3))
    point = 0
    while True:
        folder = tmp_path / f"witness-{point}"
        kept = Keeping(folder)
        kept.begin(NAME)
        kept.follow(str(tmp_path / "host"), KEY.verifier)
        publish(tmp_path, written.records(3))
        see(kept)
        publish(tmp_path, written.records(9))
        with monkeypatch.context() as dying:
            die_at(dying, point)
            try:
                see(kept, NOW + 1)
            except _DiedError:
                point += 1
            else:
                break
        checkpoint, at = shown(kept)
        assert (checkpoint.size, at) in {(3, NOW), (9, NOW + 1)}
        assert see(kept, NOW + 2).verdict is Verdict.COSIGNED
        assert shown(kept)[0].size == 9
    assert point >= 6, "leaves, seen and what is shown, each before and after"


def test_the_commands(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """As a neighbour would: make a key, follow, look; then somebody asks the verifier for it."""
    folder, host = str(tmp_path / "witness"), str(tmp_path / "host")
    assert cli.main(["witness", "look", folder]) == 2
    assert "witness key" in capsys.readouterr().err
    assert cli.main(["witness", "key", folder, NAME]) == 0
    key = capsys.readouterr().out.strip()
    assert WitnessKey.parse(key).name == NAME
    assert cli.main(["witness", "key", folder, NAME]) == 2
    assert cli.main(["witness", "follow", folder, host]) == 2
    publish(tmp_path, written.records(4))
    assert cli.main(["witness", "follow", folder, host]) == 0
    assert "log's own word" in capsys.readouterr().err
    assert cli.main(["witness", "follow", folder, host, KEY.verifier.text()]) == 0
    assert cli.main(["witness", "look", folder]) == 0
    assert "cosigned: circles.example/c/maple-row: 4 entries" in capsys.readouterr().out


def test_a_verifier_asks_for_a_witness(
    keeping: Keeping, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    publish(tmp_path, written.records(4))
    see(keeping)
    folder, host = str(keeping.folder), str(tmp_path / "host")
    public, key = str(keeping.folder / "public"), keeping.witness().verifier.text()
    publish(tmp_path, written.records(6))
    assert cli.main(["verify", host, "--witness", key, public]) == 0
    assert f"witness {NAME} saw the same first 4 of 6 entries" in capsys.readouterr().out
    stranger = Witness.generate(NAME).verifier.text()
    assert cli.main(["verify", host, "--witness", stranger, public]) == 1
    assert "not cosigned by it" in capsys.readouterr().out
    assert cli.main(["verify", host, "--witness", key, str(tmp_path / "nowhere")]) == 1
    assert "1.witness" in capsys.readouterr().out
    publish(tmp_path, [written.record(n, fund=1) for n in range(6)])
    assert cli.main(["verify", host, "--witness", key, public]) == 1
    assert f"1.consistency: witness {NAME}" in capsys.readouterr().out
    assert cli.main(["witness", "look", folder]) == 1
    assert "TWO HISTORIES" in capsys.readouterr().out
    shutil.rmtree(tmp_path / "host")
    other = LogKey.generate("b.example/c/b")
    written.write(tmp_path / "b", other, written.records(2))
    assert cli.main(["witness", "follow", folder, str(tmp_path / "b")]) == 0
    assert cli.main(["witness", "look", folder]) == 1, "the fork is said every time"


def test_secrets_are_nobody_else_s(keeping: Keeping) -> None:
    assert (keeping.folder / "key").stat().st_mode & 0o777 == 0o600
    seed = keeping.witness().seed
    for path in (keeping.folder / "public").rglob("*"):
        assert not path.is_file() or seed not in path.read_bytes()
    assert (keeping.folder / "public" / "key").stat().st_mode & 0o777 == 0o644
    assert (keeping.folder / "logs" / id_of(KEY.name) / "address").exists()
