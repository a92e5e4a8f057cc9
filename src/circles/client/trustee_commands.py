"""`circles trustee key` and `circles trustee open`: docs/steward.md, "Keys to the box".

Exit codes: 0 done, 1 refused or something does not hold (it says what), 2 wrong usage.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from typing import Any

from circles.client import trustee_opening
from circles.client.commands import passphrase_of
from circles.client.log_view import LogView
from circles.client.trustee_file import KeyFile
from circles.client.web import ClientError, Web
from circles.protocol.seal import KEY_BYTES, TrusteeKey
from circles.protocol.text import b64


@dataclass
class Seen:
    """The log as this one command sees it."""

    log_key: str | None = None
    log_last: dict[str, Any] | None = None


def run(given: argparse.Namespace) -> int:
    """Run one of the two; the answer is the exit code."""
    try:
        web = Web(given.address)
        return {"key": _key, "open": _open}[given.action](given, web)
    except ClientError as error:
        print(f"circles: {error.code}: {error}", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"circles: {error}", file=sys.stderr)
        return 1


def _key(given: argparse.Namespace, web: Web) -> int:
    """Make keys, keep them, and only then hand in their public halves or print them."""
    file = KeyFile.open(given.file, web.scope, create=True)
    fresh = [TrusteeKey.generate() for _ in range(given.count)]
    file.keys |= {key.public: key for key in fresh}
    file.write()
    publics = "".join(f"{b64(key.public, KEY_BYTES)}\n" for key in fresh)
    print(f"{len(fresh)} made, kept in {file.path}: whoever holds this file holds your keys.")
    if given.handle is None:
        print(f"Hand these in on {given.address.rstrip('/')}/in/trustee:\n{publics}", end="")
        return 0
    web.sign_in(given.handle, passphrase_of(given))
    try:
        web.post_keys(publics.encode("ascii"))
    finally:
        web.sign_out()
    print("Their outer halves are handed in.")
    return 0


def _open(given: argparse.Namespace, web: Web) -> int:
    """Look at the record, then publish the key of that month."""
    file = KeyFile.open(given.file, web.scope)
    log = LogView(web, Seen())
    log.refresh()
    ready = trustee_opening.look(log, given.month, file.keys)
    index = trustee_opening.publish(web, log, given.month, ready)
    print(f"The key of {given.month} is turned. It stands in the log as entry {index}.")
    return 0
