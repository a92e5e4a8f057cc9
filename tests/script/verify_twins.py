"""One archive through both verifiers: Python's, and the browser's as it is served."""

from __future__ import annotations

import zipfile
from base64 import b64encode
from pathlib import Path
from typing import Any

from circles.protocol.archive_source import SourceError
from circles.protocol.verify import Report, verify
from tests.protocol.bending import Files
from tests.protocol.simulator import MemorySource
from tests.script.conftest import Modules


def unzipped(path: Path) -> Files:
    """The files of a zip by their names."""
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist() if name[-1:] != "/"}


def in_python(files: Files) -> tuple[set[str], Report | None]:
    """The checks that fail, and the report; `unreadable` where nothing can be said."""
    try:
        report = verify(MemorySource(files))
    except SourceError:
        return {"unreadable"}, None
    return {problem.check for problem in report.problems}, report


def in_the_browser(modules: Modules, files: Files) -> dict[str, Any]:
    """The same of the browser: `failed`, and unless unreadable `remarks`, `polls`, `places`."""
    given = {name: b64encode(data).decode("ascii") for name, data in files.items()}
    found: dict[str, Any] = modules.call("script/verifying.js", "verifyFiles", given)
    return found


def difference(modules: Modules, files: Files) -> str:
    """What one finds and the other does not; empty where they agree."""
    failed, report = in_python(files)
    found = in_the_browser(modules, files)
    if set(found["failed"]) != failed:
        return f"Python finds {sorted(failed)}, the browser {sorted(found['failed'])}"
    if report is None:
        return ""
    counted = [
        (p.month, p.purpose, p.members, p.takes, p.voters, p.keys, p.reissued) for p in report.polls
    ]
    names = ("month", "purpose", "members", "takes", "voters", "keys", "reissued")
    theirs = [tuple(poll[name] for name in names) for poll in found["polls"]]
    return "" if counted == theirs else f"Python counts {counted}, the browser {theirs}"
