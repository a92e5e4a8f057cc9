"""The command `circles`, as a person types it."""

from __future__ import annotations

import os
import re
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

from circles.operating import alive
from circles.settings import Settings

CIRCLES = Path(sys.executable).with_name("circles")


def run(*words: str, data: Path, **settings: str) -> subprocess.CompletedProcess[str]:
    """One command over a data directory of its own."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith("CIRCLES_")}
    return subprocess.run(
        [CIRCLES, *words],
        env={**clean, "CIRCLES_DATA": str(data), **settings},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_help_imports_nothing_heavy() -> None:
    """So that it answers at once: no web, no database, no cryptography."""
    code = (
        "import sys\n"
        "from circles import cli\n"
        "try:\n"
        "    cli.main(['--help'])\n"
        "except SystemExit:\n"
        "    pass\n"
        "heavy = {'litestar', 'sqlalchemy', 'cryptography', 'nacl', 'babel', 'jinja2', 'alembic'}\n"
        "sys.exit(' '.join(sorted(heavy & set(sys.modules))) or 0)\n"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60
    )
    assert (result.returncode, result.stderr) == (0, "")


def test_help_names_every_command(tmp_path: Path) -> None:
    said = run("--help", data=tmp_path).stdout
    commands = "serve tick verify demo found-link db backup restore ledger log"
    for command in commands.split():
        assert re.search(rf"^    {command}\b", said, re.MULTILINE), command


def test_nothing_is_asked_nothing_is_done(tmp_path: Path) -> None:
    result = run(data=tmp_path / "data")
    assert result.returncode == 2
    assert "COMMAND" in result.stdout
    assert not (tmp_path / "data").exists()


def test_a_link_to_found_a_circle(tmp_path: Path) -> None:
    result = run("found-link", data=tmp_path, CIRCLES_URL="https://circles.example")
    assert result.returncode == 0, result.stderr
    assert re.fullmatch(r"https://circles\.example/found/[\w-]{32}\n", result.stdout)


def test_upgrade_and_books_of_an_empty_host(tmp_path: Path) -> None:
    assert run("db", "upgrade", data=tmp_path).returncode == 0
    result = run("ledger", "verify", data=tmp_path)
    assert (result.returncode, result.stdout) == (0, "The books hold.\n")


def test_a_wrong_setting_is_named(tmp_path: Path) -> None:
    for name, value in (
        ("CIRCLES_PORT", "99999"),
        ("CIRCLES_URL", "circles.example"),
        ("CIRCLES_DATABASE_URL", "mysql://x"),
    ):
        result = run("found-link", data=tmp_path, **{name: value})
        assert result.returncode == 2
        assert name in result.stderr
        assert "Traceback" not in result.stderr


def test_a_newer_database_is_refused_in_words(tmp_path: Path) -> None:
    assert run("db", "upgrade", data=tmp_path).returncode == 0
    with sqlite3.connect(tmp_path / "circles.sqlite3") as connection:
        connection.execute("INSERT INTO alembic_version VALUES ('rooms_9999')")
    connection.close()
    result = run("db", "upgrade", data=tmp_path)
    assert result.returncode == 2
    assert "newer version" in result.stderr
    assert "rooms_9999" in result.stderr


def test_the_data_directory_is_private(tmp_path: Path) -> None:
    assert run("db", "upgrade", data=tmp_path / "data").returncode == 0
    assert (tmp_path / "data").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "data" / "secret.key").stat().st_mode & 0o777 == 0o600


def test_nothing_to_accept_for_an_unknown_circle(tmp_path: Path) -> None:
    result = run("log", "accept", "nowhere", data=tmp_path)
    assert result.returncode == 1
    assert "no circle" in result.stderr


def test_tick_of_an_empty_host_is_quiet(tmp_path: Path) -> None:
    assert run("tick", data=tmp_path).returncode == 0


def test_verify_needs_no_settings(tmp_path: Path) -> None:
    """The archive of the vectors, good and bad, through the command."""
    vectors = Path(__file__).parents[1] / "vectors"
    good = run("verify", str(vectors / "archive-ok.zip"), data=tmp_path, CIRCLES_PORT="none")
    assert good.returncode == 0, good.stdout
    bad = run("verify", str(vectors / "archive-bad-total.zip"), data=tmp_path)
    assert bad.returncode == 1
    assert "7" in bad.stdout


def test_serving_a_fresh_host(tmp_path: Path) -> None:
    """The first start prints a founding link that opens, answers, and goes when told to."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    clean = {k: v for k, v in os.environ.items() if not k.startswith("CIRCLES_")}
    own = {**clean, "CIRCLES_DATA": str(tmp_path), "CIRCLES_PORT": port}
    with subprocess.Popen([CIRCLES, "serve"], env=own, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            assert "No circle here yet" in server.stdout.readline()
            link = server.stdout.readline().strip()
            assert server.stdout.readline() == f"Serving http://127.0.0.1:{port}\n"
            settings = Settings.from_env(own)
            for _ in range(100):
                if alive.alive(settings):
                    break
                time.sleep(0.1)
            assert alive.alive(settings)
            with urllib.request.urlopen(link, timeout=10) as answer:  # noqa: S310 - loopback
                assert "<form" in answer.read().decode()
        finally:
            server.terminate()
            server.wait(timeout=30)
    assert not alive.alive(settings)
