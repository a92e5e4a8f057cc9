"""The options of `circles take`, `circles cast`, `circles receipt`; nothing heavy is imported."""

from __future__ import annotations

import argparse
import re
from pathlib import Path
from typing import Any

KEEP = "keep"
Tick = int | str
_MONTH = re.compile(r"[0-9]{4}-(?:0[1-9]|1[0-2])")


def month(text: str) -> str:
    """A month of the command line."""
    if not _MONTH.fullmatch(text):
        raise argparse.ArgumentTypeError("a month is written 2026-10")
    return text


def tick(text: str) -> Tick:
    """A candidate's number, or `keep`."""
    if text != KEEP and not re.fullmatch(r"[1-9][0-9]{0,2}", text):
        raise argparse.ArgumentTypeError("a tick is a candidate's number, or keep")
    return text if text == KEEP else int(text)


def add(commands: Any) -> None:
    """Add the three commands to the subparsers of `circles`."""
    take = commands.add_parser("take", help="collect your credentials of a month into a file")
    _common(take)
    take.add_argument("--handle", required=True, help="your name in the circle")
    _passphrase(take)

    cast = commands.add_parser("cast", help="cast the ballots of a month, or name somebody")
    _common(cast)
    cast.add_argument(
        "--tick", action="append", type=tick, default=[], metavar="N|keep", help="one tick; repeat"
    )
    cast.add_argument("--blank", action="store_true", help="all ballots blank")
    cast.add_argument(
        "--again", action="store_true", help="send what has no receipt yet, unchanged"
    )
    cast.add_argument(
        "--codes", type=Path, metavar="FILE", help="first bring in what is printed on paper"
    )
    cast.add_argument(
        "--sent-before",
        type=int,
        choices=range(20),
        default=0,
        metavar="N",
        help="so many times, at most, these were cast from another device",
    )
    cast.add_argument("--name", type=Path, metavar="FILE", help="name somebody: words of this file")
    cast.add_argument("--ask", metavar="MINOR|any", help="with --name: minor units, or any")
    cast.add_argument("--ceiling", type=int, metavar="MINOR", help="with --ask any: at most")
    cast.add_argument("--part", action="store_true", help="with --ask MINOR: a part is fine")
    cast.add_argument("--slot", type=int, default=0, help="with --name: which nomination, from 0")

    receipt = commands.add_parser("receipt", help="see whether what you cast is where it must be")
    _common(receipt)
    receipt.add_argument("--evidence", type=Path, metavar="FOLDER", help="write it for verify")
    receipt.add_argument("--handle", help="sign in and see what was collected in your name")
    _passphrase(receipt)


def add_trustee(commands: Any) -> None:
    """Add `circles trustee key` and `circles trustee open`."""
    trustee = commands.add_parser("trustee", help="make keys to the box, and open it with them")
    actions = trustee.add_subparsers(dest="action", metavar="ACTION", required=True)
    key = actions.add_parser("key", help="make keys for rounds to come, into a file")
    key.add_argument("--count", type=_count, default=6, metavar="N", help="so many, 1 to 12; 6")
    key.add_argument("--handle", help="sign in and hand in their outer halves")
    _passphrase(key)
    opening = actions.add_parser("open", help="after the close: look at the record, then open")
    opening.add_argument("--month", type=month, required=True, metavar="YYYY-MM")
    for parser in (key, opening):
        parser.add_argument("address", help="the circle: https://<host>/c/<name>")
        parser.add_argument("--file", type=Path, required=True, help="your file of keys")


def _count(text: str) -> int:
    if not re.fullmatch(r"[1-9]|1[0-2]", text):
        raise argparse.ArgumentTypeError("from 1 to 12")
    return int(text)


def _passphrase(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--passphrase-stdin", action="store_true", help="read it from standard input, do not ask"
    )


def add_verify_client(commands: Any) -> None:
    """Add `verify-client` and `client-manifest`."""
    verify = commands.add_parser(
        "verify-client", help="see whether a host serves the ballot page of this release"
    )
    verify.add_argument("address", help="the circle: https://<host>/c/<name>")
    verify.add_argument("--handle", help="your name in the circle, to see the members' pages too")
    _passphrase(verify)
    verify.add_argument(
        "--manifest", type=Path, metavar="FILE", help="of another release than this one"
    )
    commands.add_parser("client-manifest", help="print the hashes of this release's ballot page")


def _common(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("address", help="the circle: https://<host>/c/<name>")
    parser.add_argument("--file", type=Path, required=True, help="your file of credentials (.json)")
    parser.add_argument("--month", type=month, required=True, metavar="YYYY-MM")
