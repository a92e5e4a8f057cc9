"""A disk that fails: from `break_syncs()` on, every fsync and fdatasync of this process says EIO.

The kernel itself answers so (a seccomp filter over all threads), so that SQLite's own code meets
it, in its own thread. It cannot be taken back: use it in a child. Linux on x86-64 or aarch64.
"""

from __future__ import annotations

import ctypes
import errno
import platform
import struct
import sys

# By machine: what the kernel calls it, then fsync, fdatasync and seccomp by number.
_MACHINES = {
    "x86_64": (0xC000003E, 74, 75, 317),
    "aarch64": (0xC00000B7, 82, 83, 277),
}
_PR_SET_NO_NEW_PRIVS = 38
_SET_MODE_FILTER = 1
_ALL_THREADS = 1
_LOAD, _IS, _RETURN = 0x20, 0x15, 0x06
_ALLOW, _ERRNO = 0x7FFF0000, 0x00050000


def break_syncs() -> None:
    """All syncs fail from here on. RuntimeError, naming why, where that cannot be arranged."""
    if sys.platform != "linux" or platform.machine() not in _MACHINES:
        raise RuntimeError("a failing disk can be played on Linux, x86-64 or aarch64, only")
    arch, fsync, fdatasync, seccomp = _MACHINES[platform.machine()]
    steps = [
        (_LOAD, 0, 0, 4),
        (_IS, 0, 4, arch),
        (_LOAD, 0, 0, 0),
        (_IS, 1, 0, fsync),
        (_IS, 0, 1, fdatasync),
        (_RETURN, 0, 0, _ERRNO | errno.EIO),
        (_RETURN, 0, 0, _ALLOW),
    ]
    code = b"".join(struct.pack("=HBBI", *step) for step in steps)
    program = ctypes.create_string_buffer(code)
    wanted = ctypes.create_string_buffer(struct.pack("@HP", len(steps), ctypes.addressof(program)))
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0:
        raise RuntimeError("the kernel does not let this process give up privileges")
    if libc.syscall(seccomp, _SET_MODE_FILTER, _ALL_THREADS, ctypes.byref(wanted)) != 0:
        why = errno.errorcode.get(ctypes.get_errno(), "?")
        raise RuntimeError(f"the kernel refused the filter that makes syncs fail ({why})")
