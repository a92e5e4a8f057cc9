"""The container files and the sample proxy, as far as they can be tried without an engine.

Building and running the image is a campaign of its own, described in docs/operating.md.
"""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest

from tests.conftest import Served

ROOT = Path(__file__).parents[2]
COMPOSE = ROOT / "docker-compose.yml"
HADOLINT = Path(sys.executable).with_name("hadolint")
SCHEMA = Path(sys.executable).with_name("check-jsonschema")


def check_compose(path: Path) -> int:
    command = [SCHEMA, "--builtin-schema", "vendor.compose-spec", path]
    return subprocess.run(command, capture_output=True, check=False).returncode


def test_the_compose_file_fits_its_schema() -> None:
    assert check_compose(COMPOSE) == 0


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("service_healthy", "service_wealthy"),
        ("cap_drop:", "cap_drops:"),
        ("interval:", "intervals:"),
    ],
)
def test_the_schema_check_would_see_a_mistake(tmp_path: Path, right: str, wrong: str) -> None:
    text = COMPOSE.read_text()
    assert right in text
    (tmp_path / "compose.yml").write_text(text.replace(right, wrong))
    assert check_compose(tmp_path / "compose.yml") != 0


def test_the_database_has_no_network_and_says_no_ballot() -> None:
    text = COMPOSE.read_text()
    database = text.partition("\n  database:\n")[2].partition("\n  caddy:\n")[0]
    assert "network_mode: none" in database
    assert "log_min_error_statement=panic" in database
    assert "track_commit_timestamp=off" in database


def test_the_image_is_debian_with_its_own_python_and_no_root() -> None:
    text = (ROOT / "Dockerfile").read_text()
    assert set(re.findall(r"^FROM (\S+)", text, re.MULTILINE)) == {"debian:bookworm-slim"}
    assert "--require-hashes" in text
    assert re.search(r"^USER 10001$", text, re.MULTILINE)


def lint_image(path: Path) -> subprocess.CompletedProcess[str]:
    command = [HADOLINT, "--no-color", path]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_the_dockerfile_is_sound(tmp_path: Path) -> None:
    result = lint_image(ROOT / "Dockerfile")
    assert result.returncode == 0, result.stdout
    (tmp_path / "Dockerfile").write_text("FROM debian:latest\nRUN cd /x && apt-get install y\n")
    assert "DL3007" in lint_image(tmp_path / "Dockerfile").stdout


def test_what_is_copied_into_the_image_is_let_through() -> None:
    ignored = (ROOT / ".dockerignore").read_text().split()
    copied = re.findall(
        r"^COPY (?!--from)(.+) \S+$", (ROOT / "Dockerfile").read_text(), re.MULTILINE
    )
    names = {name.rstrip("/") for line in copied for name in line.split()}
    assert names == {name.removeprefix("!") for name in ignored if name.startswith("!")}


# --- the proxy, for real ---------------------------------------------------------------------


def caddy() -> str:
    found = shutil.which("caddy")
    if found is None:
        pytest.fail("Caddy is missing: apt-get install caddy, or leave it out: --without-caddy")
    return found


@pytest.mark.caddy
def test_the_proxy_configuration_is_valid() -> None:
    result = subprocess.run(
        [caddy(), "validate", "--config", ROOT / "Caddyfile", "--adapter", "caddyfile"],
        env={**os.environ, "CIRCLES_NAME": "circles.example"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr


@asynccontextmanager
async def proxied(upstream: str, home: Path) -> AsyncIterator[tuple[str, Path]]:
    """Caddy with our file in front of `upstream`, on plain loopback; its address and its log."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log = home / "caddy.log"
    with log.open("wb") as out:
        process = await asyncio.create_subprocess_exec(
            caddy(), "run", "--config", str(ROOT / "Caddyfile"), "--adapter", "caddyfile",
            env={
                **os.environ,
                "HOME": str(home),
                "CIRCLES_NAME": f"http://127.0.0.1:{port}",
                "CIRCLES_UPSTREAM": upstream,
            },
            stdout=out,
            stderr=out,
        )  # fmt: skip
    try:
        for _ in range(200):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            await asyncio.sleep(0.05)
        yield f"http://127.0.0.1:{port}", log
    finally:
        process.terminate()
        await process.wait()


@pytest.mark.caddy
async def test_the_proxy_passes_on_and_writes_nothing_about_who_casts(
    served: Served, tmp_path: Path
) -> None:
    """Not when the cast is answered, and not when the program is down and Caddy answers 502."""
    own = served.url.removeprefix("http://")
    async with proxied(own, tmp_path) as (url, log), httpx.AsyncClient() as client:
        answer = await client.post(
            f"{url}/cast/nowhere/2026-10/vote", content=b"x", headers={"Host": own}
        )
        assert answer.status_code in {400, 404}
        assert "server" not in answer.headers
        written = log.read_text()
    assert "/cast" not in written
    async with proxied("127.0.0.1:9", tmp_path) as (url, log), httpx.AsyncClient() as client:
        answer = await client.post(f"{url}/cast/nowhere/2026-10/vote", content=b"x")
        assert answer.status_code == 502
        written = log.read_text()
    assert "/cast" not in written
    assert "remote_ip" not in written
    assert "remote_addr" not in written
