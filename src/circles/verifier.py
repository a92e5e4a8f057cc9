"""`circles-verify <url|folder|zip> [options]`: check a circle's record.

Exit 0: everything holds. 1: a check failed, each is printed. 2: wrong usage, or unreadable.
Imports `circles.protocol` and the standard library only.
"""

import argparse
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from circles.protocol.archive_source import FolderSource, Source, SourceError, open_source
from circles.protocol.cosignature import WitnessKey
from circles.protocol.text import HASH_BYTES, MalformedError, b64, unb64
from circles.protocol.verify import Cosigned, Report, verify
from circles.protocol.verify.log import read_checkpoint
from circles.protocol.verify.witnesses import COSIGNED_BYTES_MAX, cosigned_name

EXIT_HOLDS = 0
EXIT_PROBLEMS = 1
EXIT_UNREADABLE = 2
_QUIET_SECONDS = 2.0


class _Progress:
    """Lines on standard error, once the work takes long enough for anyone to wonder."""

    def __init__(self) -> None:
        self._next_at = time.monotonic() + _QUIET_SECONDS

    def __call__(self, words: str) -> None:
        now = time.monotonic()
        if now >= self._next_at:
            self._next_at = now + _QUIET_SECONDS
            print(words, file=sys.stderr, flush=True)


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="circles-verify",
        description="Recompute everything a circle published: its log, votes, awards, payouts.",
    )
    parser.add_argument("target", help="a circle's address, a folder, or an archive.zip")
    parser.add_argument(
        "--evidence",
        metavar="FOLDER",
        help="what you kept: key, checkpoints, receipts, roll, takes, own",
    )
    parser.add_argument(
        "--clients",
        metavar="FILE",
        help="hashes of ballot page scripts known to be good, one a line",
    )
    parser.add_argument(
        "--witness",
        action="append",
        nargs=2,
        default=[],
        metavar=("KEY", "FROM"),
        help="a witness's key, and the address or folder where it shows what it cosigned",
    )
    return parser.parse_args(argv)


def _read_clients(path: str | None) -> list[bytes] | None:
    if path is None:
        return None
    lines = Path(path).read_text(encoding="ascii").split()
    return [unb64(line, HASH_BYTES) for line in lines]


def _read_evidence(path: str | None) -> FolderSource | None:
    if path is None:
        return None
    if not Path(path).is_dir():
        raise SourceError(f"{path} is not a folder")
    return FolderSource(Path(path))


def _ask_witnesses(source: Source, asked: Sequence[Sequence[str]]) -> list[Cosigned]:
    """What each witness shows of this log. A witness that cannot be reached shows nothing."""
    if not asked:
        return []
    head = read_checkpoint(source, Report())
    name = cosigned_name(head[1].origin) if head is not None else ""
    shown = []
    for key, place in asked:
        note = None
        with suppress(SourceError), open_source(place) as witness:
            note = witness.read_or_unusable(name, COSIGNED_BYTES_MAX) if name else None
        shown.append(Cosigned(WitnessKey.parse(key), note))
    return shown


def _print(report: Report) -> None:
    print(report.head())
    if report.key:
        print(f"key {report.key}")
    for poll in report.polls:
        print(poll.line())
    for client in report.clients:
        print(f"client {b64(client)}")
    for remark in report.remarks:
        print(f"note: {remark}")
    for problem in report.problems:
        print(f"FAILED {problem}")
    print("everything holds" if report.holds else f"checks that failed: {len(report.problems)}")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; the answer is the exit code."""
    arguments = _arguments(argv)
    try:
        with open_source(arguments.target) as source:
            report = verify(
                source,
                _read_evidence(arguments.evidence),
                clients=_read_clients(arguments.clients),
                witnesses=_ask_witnesses(source, arguments.witness),
                progress=_Progress(),
            )
    except (SourceError, MalformedError, OSError) as error:
        print(f"circles-verify: {error}", file=sys.stderr)
        return EXIT_UNREADABLE
    _print(report)
    return EXIT_HOLDS if report.holds else EXIT_PROBLEMS


if __name__ == "__main__":
    sys.exit(main())
