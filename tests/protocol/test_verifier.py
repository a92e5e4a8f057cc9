"""`circles-verify` over honest months of every kind, the worked archives, and its exit codes."""

import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

from circles import verifier
from circles.protocol import verify as v
from circles.protocol.allocation import FairShares, OneWinner, Split
from circles.protocol.text import b64
from tests.protocol import simulator as s
from tests.protocol.conftest import VECTORS
from tests.protocol.simulator import MemorySource, Month

HONEST: dict[str, dict[str, Any]] = {
    "a whole month": {},
    "all three trustees open": {"openings": (1, 2, 3)},
    "two other trustees open": {"openings": (2, 3)},
    "a credential re-issued": {"reissues": 1},
    "re-issued twice": {"reissues": 2},
    "the log key handed on": {"rotate": True},
    "void: few voters": {"voters": 2},
    "void: nobody took": {"voters": 0},
    "void: nothing nominated": {"nominations": 0},
    "void: one opening of two": {"openings": (2,)},
    "one candidate": {"nominations": 1},
    "split by ticks": {"rule": Split(500, 2)},
    "one winner": {"rule": OneWinner(500, 1)},
    "fair shares": {"rule": FairShares("none", 500, 1, 0)},
    "fair shares, then ticks": {"rule": FairShares("ticks", 500, 1, 0)},
    "fair shares, raised": {"rule": FairShares("add1", 500, 1, 100)},
    **{
        f"still running: {stop}": {"stop": stop}
        for stop in ("announce", "close_nominating", "log_slate", "close_vote", "open_and_count")
    },
}


@pytest.mark.parametrize("kind", HONEST)
def test_honest_months_hold(kind: str) -> None:
    report = v.verify(MemorySource(Month(**HONEST[kind]).run().files()))
    assert report.problems == []
    assert report.holds
    assert report.remarks == []
    assert [poll.purpose for poll in report.polls] == ["nominate", "vote"]


ARCHIVES = {
    "ok": set(),
    "bad-byte": {"1.root", "1.tiles", "1.consistency", "3.nominations", "4.signature"},
    "bad-dropped": {"8.receipt"},
    "bad-fork": {"1.consistency"},
    "bad-stuffed": {"5.counts"},
    "bad-total": {"7.totals"},
    "bad-unsorted": {"4.sorted"},
}


@pytest.mark.parametrize("name", ARCHIVES)
def test_the_worked_archives(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    code = verifier.main([str(VECTORS / f"archive-{name}.zip")])
    printed = capsys.readouterr().out
    failed = {line.split(" ")[1].rstrip(":") for line in printed.splitlines() if "FAILED" in line}
    assert failed == ARCHIVES[name]
    assert code == (1 if failed else 0)
    assert "circles.example/c/maple-row: " in printed
    assert "round 2026-12 nominate: N 5, T 10, V 4, R 0, gap T - V 6; 4 nominations\n" in printed
    assert "client EWNHFCWVVkqkOAJG3QgHuMkSMCeEKaS410XiIJr26CM\n" in printed
    assert printed.endswith(
        f"checks that failed: {printed.count('FAILED')}\n" if failed else "everything holds\n"
    )


def test_the_ok_archives_counts(capsys: pytest.CaptureFixture[str]) -> None:
    verifier.main([str(VECTORS / "archive-ok.zip")])
    assert (
        "round 2026-12 vote: N 5, T 15, V 15, R 0, gap T - V 0; counted 14, void 1; "
        "fund 25000 EUR, awarded 15166, carried 9834\n"
    ) in capsys.readouterr().out


def _unpack(folder: Path, files: dict[str, bytes]) -> None:
    for name, data in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


def test_a_folder_and_evidence_beside_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = Month().run().files()
    public = {name: data for name, data in files.items() if not name.startswith("evidence/")}
    kept = {
        name.removeprefix("evidence/"): data
        for name, data in files.items()
        if name.startswith("evidence/")
    }
    _unpack(tmp_path / "archive", public)
    _unpack(tmp_path / "kept", kept)
    target = str(tmp_path / "archive")
    assert verifier.main([target, "--evidence", str(tmp_path / "kept")]) == 0
    assert "note:" not in capsys.readouterr().out
    assert verifier.main([target]) == 0
    assert "note: no key was kept: the log's own key was believed" in capsys.readouterr().out
    (tmp_path / "kept" / "own").write_bytes(b"x\n")
    assert verifier.main([target, "--evidence", str(tmp_path / "kept")]) == 1
    assert "FAILED 5.own: own: it cannot be read" in capsys.readouterr().out


def test_a_host_cannot_vouch_for_itself_with_evidence() -> None:
    source = MemorySource(Month().run().files())
    source.remote = True
    report = v.verify(source)
    assert report.holds
    assert report.remarks == ["no key was kept: the log's own key was believed"]


def test_without_takes_own_lines_are_said_to_be_unchecked() -> None:
    files = Month().run().files()
    files = {name: data for name, data in files.items() if not name.startswith("evidence/takes")}
    report = v.verify(MemorySource(files))
    assert report.holds
    assert len(report.remarks) == 2
    assert all("without its takes" in remark for remark in report.remarks)


def test_a_rotated_log_without_a_kept_key() -> None:
    files = Month(rotate=True).run().files()
    del files["evidence/key"]
    assert v.verify(MemorySource(files)).holds
    # Shown the old key although it was handed on: not the present one.
    files["log/key"] = s.log_key().verifier.text().encode() + b"\n"
    checks = {p.check for p in v.verify(MemorySource(files)).problems}
    assert checks == {"1.key"}
    del files["log/key"]
    checks = {p.check for p in v.verify(MemorySource(files)).problems}
    assert checks == {"1.key"}


def test_a_partial_tile_may_have_given_way_to_the_full_one() -> None:
    """A log that grew after its checkpoint was fetched: the files are wider than asked for."""
    month = Month().run()
    files = month.files()
    seal = month.seal_books("seal", 39, 1)
    for number in range(260 - len(month.entries)):
        month.seal_books("seal", 40 + number, 1)
    del seal
    grown = {n: d for n, d in month.files().items() if n.startswith("log/tile/")}
    for name in [name for name in files if name.startswith("log/tile/")]:
        del files[name]
    assert v.verify(MemorySource({**files, **grown})).holds


def test_a_known_script_and_an_unknown_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _unpack(tmp_path / "archive", Month().run().files())
    known = tmp_path / "known"
    known.write_text("".join(f"{b64(client)}\n" for client in s.CLIENTS), encoding="ascii")
    target = [str(tmp_path / "archive"), "--clients", str(known)]
    assert verifier.main(target) == 0
    known.write_text(f"{b64(s.CLIENTS[0])}\n", encoding="ascii")
    assert verifier.main(target) == 1
    assert f"FAILED 2.client: client {b64(s.CLIENTS[1])}" in capsys.readouterr().out
    known.write_text("x\n", encoding="ascii")
    assert verifier.main(target) == 2


def test_what_cannot_be_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    broken = tmp_path / "broken.zip"
    broken.write_bytes(b"no zip")
    with zipfile.ZipFile(tmp_path / "other.zip", "w") as archive:
        archive.writestr("readme", b"")
    for target in (empty, broken, tmp_path / "other.zip", tmp_path / "nothing"):
        assert verifier.main([str(target)]) == 2
        assert capsys.readouterr().err.startswith("circles-verify: ")
    ok = str(VECTORS / "archive-ok.zip")
    assert verifier.main([ok, "--evidence", str(tmp_path / "nothing")]) == 2
    with pytest.raises(SystemExit) as usage:
        verifier.main([])
    assert usage.value.code == 2


TOO_LONG = {
    "log/checkpoint": "1.checkpoint",
    "log/key": "1.key",
    "log/tile/0/000.p/2": "1.tiles",
    "log/tile/entries/000.p/2": "1.entries",
    "documents/x": "9.document",
    "evidence/key": "1.key",
    "evidence/checkpoints/2": "1.consistency",
    "evidence/receipts/x": "8.receipt",
    "evidence/roll/": "5.roll",
    "evidence/own": "5.own",
}


@pytest.mark.parametrize("name", TOO_LONG)
def test_a_file_too_long_is_a_failed_check_not_a_crash(name: str) -> None:
    files = Month(stop="announce").run().files()
    path = min((path for path in files if path.startswith(name)), default=name)
    files[path] = b"x" * 40_000_000
    assert TOO_LONG[name] in {problem.check for problem in v.verify(MemorySource(files)).problems}


def test_long_work_shows_progress() -> None:
    said: list[str] = []
    v.verify(MemorySource(Month().run().files()), progress=said.append)
    assert any(words.startswith("read ") for words in said)


def test_long_logs_are_checked_with_little_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond the ballots kept in memory, each is read again from the spool."""
    monkeypatch.setattr("circles.protocol.verify.walk.KEPT_BALLOTS_MAX", 2)
    monkeypatch.setattr("circles.protocol.verify.opening._PROGRESS_EVERY", 5)
    monkeypatch.setattr("circles.protocol.verify._PROGRESS_EVERY", 10)
    said: list[str] = []
    report = v.verify(MemorySource(Month().run().files()), progress=said.append)
    assert report.holds
    assert "checked 20 of 34 entries" in said
    assert "round 2026-12 vote: opened 5 of 15 ballots" in said


def test_a_running_round_in_words(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _unpack(tmp_path, Month(stop="announce").run().files())
    assert verifier.main([str(tmp_path)]) == 0
    assert "round 2026-12 vote: N 5, R 0; not closed\n" in capsys.readouterr().out


def test_progress_waits_before_it_speaks(capsys: pytest.CaptureFixture[str]) -> None:
    progress = verifier._Progress()
    progress("too soon")
    progress._next_at = 0.0
    progress("reading")
    progress("too soon again")
    assert capsys.readouterr().err == "reading\n"


def test_the_verifier_knows_nothing_of_the_server() -> None:
    """A fresh process loads `circles.protocol` and no other room, no framework, no database."""
    script = (
        "import sys, circles.verifier\n"
        "rooms = {n.split('.')[1] for n in sys.modules if n.startswith('circles.')}\n"
        "others = {n.split('.')[0] for n in sys.modules} & "
        "{'litestar', 'sqlalchemy', 'jinja2', 'uvicorn', 'ssl', 'urllib.request', 'http'}\n"
        "print(sorted(rooms), sorted(others))"
    )
    found = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert found.stdout == "['protocol', 'verifier'] []\n"


def test_as_a_command() -> None:
    command = [sys.executable, "-m", "circles.verifier"]
    ok = subprocess.run(
        [*command, str(VECTORS / "archive-ok.zip")], capture_output=True, check=False
    )
    bad = subprocess.run(
        [*command, str(VECTORS / "archive-bad-fork.zip")], capture_output=True, check=False
    )
    assert (ok.returncode, bad.returncode) == (0, 1)
    assert ok.stderr == bad.stderr == b""
