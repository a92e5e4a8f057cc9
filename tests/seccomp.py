"""The kernel as an accomplice: system calls that fail, or that wait for leave, in a child.

`break_syncs()`: from here on every fsync and fdatasync of this process says EIO, so that SQLite's
own code meets a failing disk in its own thread.
`trap()`: every call that changes a file waits until who holds the listener says `go`; that is how
a child is killed at the Nth of them, wherever it is made.

Neither can be taken back: use them in a child, before it starts threads. Linux on x86-64 or
aarch64; elsewhere a RuntimeError says so.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import os
import platform
import struct
import sys
from collections.abc import Sequence
from dataclasses import dataclass

# By machine: its audit number, the number of seccomp itself, and of the calls by their names.
_MACHINES: dict[str, tuple[int, int, dict[str, int]]] = {
    "x86_64": (
        0xC000003E,
        317,
        {
            "write": 1, "pwrite64": 18, "writev": 20, "pwritev": 296, "fsync": 74,
            "fdatasync": 75, "ftruncate": 77, "rename": 82, "renameat": 264, "renameat2": 316,
            "unlink": 87, "unlinkat": 263,
        },
    ),
    "aarch64": (
        0xC00000B7,
        277,
        {
            "write": 64, "pwrite64": 68, "writev": 66, "pwritev": 70, "fsync": 82,
            "fdatasync": 83, "ftruncate": 46, "renameat": 38, "renameat2": 276, "unlinkat": 35,
        },
    ),
}  # fmt: skip
_PR_SET_NO_NEW_PRIVS = 38
_SET_MODE_FILTER = 1
_ALL_THREADS, _NEW_LISTENER = 1, 8
_LOAD, _IS, _RETURN = 0x20, 0x15, 0x06
_ALLOW, _ERRNO, _ASK = 0x7FFF0000, 0x00050000, 0x7FC00000
_GO_ON = 1
# ioctl numbers: read and write, type '!', number 0 and 1, sizes of the two structures.
_RECEIVE = (3 << 30) | (80 << 16) | (ord("!") << 8) | 0
_SEND = (3 << 30) | (24 << 16) | (ord("!") << 8) | 1


def _machine() -> tuple[int, int, dict[str, int]]:
    if sys.platform != "linux" or platform.machine() not in _MACHINES:
        raise RuntimeError("system calls can be trapped on Linux, x86-64 or aarch64, only")
    return _MACHINES[platform.machine()]


def _filter(calls: Sequence[int], verdict: int, flags: int) -> int:
    """Install a filter: `verdict` for these calls, leave for all others."""
    arch, seccomp, _ = _machine()
    steps = [(_LOAD, 0, 0, 4), (_IS, 0, len(calls) + 1, arch), (_LOAD, 0, 0, 0)]
    steps += [(_IS, len(calls) - at, 0, call) for at, call in enumerate(calls)]
    steps += [(_RETURN, 0, 0, _ALLOW), (_RETURN, 0, 0, verdict)]
    code = b"".join(struct.pack("=HBBI", *step) for step in steps)
    program = ctypes.create_string_buffer(code)
    wanted = ctypes.create_string_buffer(struct.pack("@HP", len(steps), ctypes.addressof(program)))
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0:
        raise RuntimeError("the kernel does not let this process give up privileges")
    result = int(libc.syscall(seccomp, _SET_MODE_FILTER, flags, ctypes.byref(wanted)))
    if result < 0:
        why = errno.errorcode.get(ctypes.get_errno(), "?")
        raise RuntimeError(f"the kernel refused the filter ({why})")
    return result


def break_syncs() -> None:
    """All syncs of this process fail with EIO from here on."""
    calls = _machine()[2]
    _filter([calls["fsync"], calls["fdatasync"]], _ERRNO | errno.EIO, _ALL_THREADS)


def trap() -> int:
    """Every call that changes a file waits from here on; the listener's file descriptor."""
    return _filter(list(_machine()[2].values()), _ASK, _NEW_LISTENER)


@dataclass(frozen=True)
class Call:
    """A call that waits. `on_file`: it concerns a file, not a pipe, a socket or a terminal."""

    cookie: int
    on_file: bool


def waiting(listener: int) -> Call | None:
    """The next call that waits; None if who made it is gone."""
    buffer = bytearray(80)
    try:
        fcntl.ioctl(listener, _RECEIVE, buffer)
    except OSError:
        return None
    cookie, pid, _flags, number, _arch = struct.unpack_from("=QIIiI", buffer)
    (argument,) = struct.unpack_from("=Q", buffer, 32)
    names = {value: name for name, value in _machine()[2].items()}
    if names[number] not in {"write", "writev"}:
        return Call(cookie, on_file=True)
    try:
        target = os.readlink(f"/proc/{pid}/fd/{argument}")  # noqa: PTH115  # not a path of ours
    except OSError:
        return Call(cookie, on_file=False)
    return Call(cookie, target.startswith("/") and not target.startswith("/dev/"))


def go(listener: int, call: Call) -> None:
    """Let the call be made."""
    try:
        fcntl.ioctl(listener, _SEND, struct.pack("=QqiI", call.cookie, 0, 0, _GO_ON))
    except OSError as error:
        if error.errno != errno.ENOENT:  # It was made by a thread that is gone.
            raise
