"""Go's own log packages as a program: `peer/reader.go`, compiled once a run."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

SOURCE = Path(__file__).parent / "peer" / "reader.go"
PACKAGES = Path("/usr/share/gocode")
MISSING = (
    "Go and golang.org/x/mod are missing. On Debian: "
    "apt-get install golang-go golang-golang-x-mod-dev. Or leave it out: --without golang"
)


def build(folder: Path) -> Path:
    """The compiled reader. Nothing is fetched: the packages are Debian's."""
    go = shutil.which("go")
    assert go is not None, MISSING
    assert (PACKAGES / "src/golang.org/x/mod/sumdb").is_dir(), MISSING
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "GO111MODULE": "off",
        "GOPATH": str(PACKAGES),
        "GOCACHE": str(folder / "cache"),
        "GOFLAGS": "",
        "CGO_ENABLED": "0",
    }
    program = folder / "reader"
    subprocess.run([go, "build", "-o", program, SOURCE], env=environment, check=True, timeout=300)
    return program


def read(
    program: Path, key: str, log: str | Path, *more: str | Path, every: int = 1
) -> tuple[bool, str]:
    """Whether the reader believes the log, and what it says; it proves each `every`-th entry."""
    said = subprocess.run(
        [program, key, log, str(every), *more],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert said.returncode in (0, 1), said.stderr
    return said.returncode == 0, said.stdout.strip()
