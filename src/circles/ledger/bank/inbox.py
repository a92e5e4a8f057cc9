"""Where a bank's file waits between its preview and the word to keep it.

One sealed file each under `$CIRCLES_DATA/inbox`: not in the database, so in no backup of it. Its
name says whose it is (by a keyed hash), its id, and when it ends: an hour later, or as soon as it
was brought in. The functions block: call them in a thread.
"""

from __future__ import annotations

import re
import secrets
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from circles.files import read_if_there, write_whole
from circles.host import Host

KEPT = timedelta(hours=1)
# Of one person; the oldest goes when another comes.
FILES_MAX = 8
_NAME = re.compile(r"([0-9a-f]{32})\.([0-9a-f]{32})\.([0-9]{10,12})")


@dataclass(frozen=True, slots=True)
class _Waiting:
    path: Path
    owner: str
    id: bytes
    ends_at: int


def _folder(host: Host) -> Path:
    return host.settings.data / "inbox"


def _owner(host: Host, circle_id: bytes, actor: int) -> str:
    return host.vault.mac("ledger/inbox-owner", circle_id + actor.to_bytes(8, "big"))[:16].hex()


def _purpose(owner: str, file_id: bytes) -> str:
    return f"ledger/inbox/{owner}/{file_id.hex()}"


def _all(host: Host) -> list[_Waiting]:
    try:
        paths = sorted(_folder(host).iterdir())
    except FileNotFoundError:
        return []
    return [
        _Waiting(path, name[1], bytes.fromhex(name[2]), int(name[3]))
        for path in paths
        if (name := _NAME.fullmatch(path.name))
    ]


def put(host: Host, circle_id: bytes, actor: int, data: bytes) -> bytes:
    """Let a file wait; its id."""
    owner, file_id = _owner(host, circle_id, actor), secrets.token_bytes(16)
    purge(host)
    mine = sorted((w for w in _all(host) if w.owner == owner), key=lambda w: w.ends_at)
    for old in mine[: max(0, len(mine) - FILES_MAX + 1)]:
        old.path.unlink(missing_ok=True)
    ends_at = int((host.clock.now() + KEPT).timestamp())
    name = f"{owner}.{file_id.hex()}.{ends_at}"
    write_whole(_folder(host) / name, host.vault.seal(_purpose(owner, file_id), data))
    return file_id


def get(host: Host, circle_id: bytes, actor: int, file_id: bytes) -> bytes | None:
    """The file, for whoever put it there; None once it is gone."""
    owner = _owner(host, circle_id, actor)
    now = host.clock.now().timestamp()
    for waiting in _all(host):
        if (waiting.owner, waiting.id) == (owner, file_id) and waiting.ends_at > now:
            sealed = read_if_there(waiting.path)
            return None if sealed is None else host.vault.open(_purpose(owner, file_id), sealed)
    return None


def drop(host: Host, circle_id: bytes, actor: int, file_id: bytes) -> None:
    """It need not wait any longer."""
    owner = _owner(host, circle_id, actor)
    for waiting in _all(host):
        if (waiting.owner, waiting.id) == (owner, file_id):
            waiting.path.unlink(missing_ok=True)


def purge(host: Host) -> int:
    """Throw away what waited too long, and what a crash left half written. How many files."""
    now, gone = host.clock.now(), 0
    for waiting in _all(host):
        if waiting.ends_at <= now.timestamp():
            waiting.path.unlink(missing_ok=True)
            gone += 1
    with suppress(FileNotFoundError):
        for path in _folder(host).glob(".*.new"):
            with suppress(FileNotFoundError):
                written = datetime.fromtimestamp(path.stat().st_mtime, UTC)
                if now - written > KEPT:
                    path.unlink()
                    gone += 1
    return gone
