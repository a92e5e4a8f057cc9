"""What `pip install .` brings along: all of the program, nothing else, the same each time."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def build(folder: Path) -> Path:
    """The wheel, as the build back end makes it."""
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder],
        cwd=ROOT,
        env={**os.environ, "SOURCE_DATE_EPOCH": "1764028800"},
        check=True,
        capture_output=True,
    )
    (wheel,) = folder.glob("*.whl")
    return wheel


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("wheel"))


def test_the_wheel_holds_the_whole_program_and_nothing_else(wheel: Path) -> None:
    """Templates, scripts, styles, migrations, words: every file of the package."""
    source = ROOT / "src"
    there = {
        str(path.relative_to(source))
        for path in source.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if ".dist-info/" not in name}
    assert names == there
    assert {"circles/templates/layout.html", "circles/static/style.css"} <= names


def test_both_commands_and_the_licence_come_along(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        info = {n.partition(".dist-info/")[2]: n for n in archive.namelist() if ".dist-info/" in n}
        points = archive.read(info["entry_points.txt"]).decode()
        licence = archive.read(info["licenses/LICENSE"])
        about = archive.read(info["METADATA"]).decode()
    assert "circles = circles.cli:command" in points
    assert "circles-verify = circles.verifier:main" in points
    assert licence == (ROOT / "LICENSE").read_bytes()
    assert "License-Expression: AGPL-3.0-or-later" in about
    assert "Requires-Python: >=3.11" in about


def test_it_is_built_the_same_twice(wheel: Path, tmp_path: Path) -> None:
    again = build(tmp_path)
    assert (
        hashlib.sha256(again.read_bytes()).digest() == hashlib.sha256(wheel.read_bytes()).digest()
    )
