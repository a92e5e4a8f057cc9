"""The hashes in each poll record: of every script of the booth, and of its page in one file.

Who kept a copy of the page can compare; who is handed other scripts than the rest can be told.
"""

from __future__ import annotations

from functools import cache
from hashlib import sha256

from circles.protocol.text import b64
from circles.rounds import single
from circles.web import guard, static

_STYLE = "style.css"
_FOLDERS = ("ballot/", "rounds/")


@cache
def hashes() -> tuple[bytes, ...]:
    """SHA-256 of the booth's scripts and its single file, as served, in the record's order."""
    scripts = {
        sha256(file.body).digest()
        for name, file in static.tree().files.items()
        if name.startswith(_FOLDERS) and name.endswith(".js")
    }
    return tuple(sorted(scripts | set(single.hashes()), key=b64))


def contents() -> dict[str, bytes]:
    """What `circles client-manifest` names (client/release.py): the files, and the policies."""
    files = static.tree().files
    found = {f"static/{name}": file.body for name, file in files.items() if name.endswith(".js")}
    found[f"static/{_STYLE}"] = files[_STYLE].body
    for language in single.languages():
        found[f"ballot.html {language}"] = single.file(language).body
    found["policy"] = guard.CSP.encode()
    found["policy ballot.html"] = single.file(single.languages()[0]).policy.encode()
    return found
