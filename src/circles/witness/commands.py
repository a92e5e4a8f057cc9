"""`circles witness key|follow|look`.

Exit codes of `look`: 0 every log was cosigned; 1 something does not hold (a fork, a bad signature,
an older state); 2 nothing worse than a log that did not answer, or wrong usage.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from collections.abc import Callable

from circles.protocol.archive_source import SourceError, open_source
from circles.protocol.checkpoint import VerifierKey
from circles.protocol.text import MalformedError
from circles.protocol.verify.log import KEY_BYTES_MAX, read_key
from circles.witness.keeping import Keeping, KeepingError
from circles.witness.looking import Verdict, look

EXIT_WELL, EXIT_NOT_WELL, EXIT_UNREACHABLE = 0, 1, 2
_SECONDS_PER_MINUTE = 60


def run(given: argparse.Namespace) -> int:
    """Run one action; what went wrong is said on stderr, in words."""
    keeping = Keeping(given.folder)
    action: Callable[[Keeping, argparse.Namespace], int] = {
        "key": _key,
        "follow": _follow,
        "look": _look,
    }[given.action]
    try:
        return action(keeping, given)
    except (KeepingError, SourceError, MalformedError, OSError) as error:
        print(f"circles witness: {error}", file=sys.stderr)
        return EXIT_UNREACHABLE
    except KeyboardInterrupt:
        return 130


def _key(keeping: Keeping, given: argparse.Namespace) -> int:
    with keeping.alone():
        witness = keeping.begin(given.name)
    print(witness.verifier.text())
    print(
        f"Give this line to everyone who is to believe this witness, and keep a copy of "
        f"{keeping.folder / 'key'} for yourself. Show {keeping.folder / 'public'} to the world "
        "with any web server.",
        file=sys.stderr,
    )
    return EXIT_WELL


def _follow(keeping: Keeping, given: argparse.Namespace) -> int:
    keeping.witness()
    address = given.address.rstrip("/")
    if given.key is not None:
        key = VerifierKey.parse(given.key)
    else:
        with open_source(address) as source:
            key = read_key(source.read("log/key", KEY_BYTES_MAX))
    with keeping.alone():
        log = keeping.follow(address, key)
    print(f"watching {log.key.name} from now on, by the key {log.key.text()}")
    if given.key is None:
        print(
            "That key is the log's own word. Compare it with what somebody of the circle has.",
            file=sys.stderr,
        )
    return EXIT_WELL


def _look(keeping: Keeping, given: argparse.Namespace) -> int:
    while True:
        code = look_at_all(keeping)
        if given.every is None:
            return code
        time.sleep(max(given.every, 0.1) * _SECONDS_PER_MINUTE)


def look_at_all(keeping: Keeping) -> int:
    """One look at each log, printed; the exit code of the worst."""
    witness = keeping.witness()
    with keeping.alone():
        logs = keeping.followed()
        if not logs:
            raise KeepingError(
                f"no log is watched yet: circles witness follow {keeping.folder} ADDRESS"
            )
        # In no fixed order, so that hosts cannot tell a look by what was asked elsewhere before.
        random.SystemRandom().shuffle(logs)
        outcomes = []
        for log in logs:
            outcomes.append(look(keeping, witness, log, int(time.time())))
            print(outcomes[-1].line(), flush=True)
    found = {outcome.verdict for outcome in outcomes}
    if found & {Verdict.FORKED, Verdict.REFUSED}:
        return EXIT_NOT_WELL
    return EXIT_UNREACHABLE if Verdict.UNREACHABLE in found else EXIT_WELL
