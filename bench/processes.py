"""What a whole process takes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from typing import NamedTuple

# A process begins with the peak memory of the one that made it, and a bench may hold a great deal:
# so a small one in between starts the command, and says what it took.
_BETWEEN = """
import json, resource, subprocess, sys, time
start = time.perf_counter()
code = subprocess.call(sys.argv[1:], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
took = time.perf_counter() - start
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(json.dumps([code, took, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024]))
"""


class Taken(NamedTuple):
    """Seconds from start to end, processor seconds, peak memory in MiB."""

    seconds: float
    processor_s: float
    peak_mib: float


def taken(command: Sequence[str], env: Mapping[str, str] | None = None) -> Taken:
    """Run it; RuntimeError if it ends with anything but 0."""
    # An installed program is compiled once, not at each start.
    told = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    said = subprocess.run(
        [sys.executable, "-c", _BETWEEN, *command],
        check=True,
        capture_output=True,
        text=True,
        env={**told, **(env or {})},
    )
    code, *figures = json.loads(said.stdout)
    if code != 0:
        raise RuntimeError(f"{command[0]} ended with {code}")
    return Taken(*figures)
