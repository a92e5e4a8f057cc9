"""`circles take`, `circles cast`, `circles receipt`: docs/casting.md.

Exit codes: 0 done, 1 refused or something does not hold (it says what), 2 wrong usage.
"""

from __future__ import annotations

import argparse
import getpass
import sys

from circles.client import casting, codes, evidence, looking, own_takes, taking
from circles.client import verify_client as verifying
from circles.client.credentials import FILE_BYTES_MAX, CredentialFile, Record
from circles.client.log_view import LogView
from circles.client.release import Manifest
from circles.client.web import ClientError, Web
from circles.protocol.messages import NOMINATE, VOTE, Ask, MalformedError

_STATES = {
    looking.THERE: "stands in the log as entry {entry}",
    looking.PROMISED: "is in the box; its receipt is good",
    looking.UNSENT: "was not sent, or has no receipt yet",
    looking.MISSING: "HAS A RECEIPT AND IS NOT IN THE LOG. Show the receipt to the others",
    looking.DAMAGED: "HAS A RECEIPT THAT THIS LOG DID NOT SIGN",
}


def run(given: argparse.Namespace) -> int:
    """Run one of the commands; the answer is the exit code."""
    try:
        web = Web(given.address)
        # Who never collected may still ask whether somebody did in their name, or come with paper.
        asks = given.command == "receipt" and bool(given.handle)
        brings = given.command == "cast" and given.codes is not None
        create = given.command == "take" or asks or brings
        file = CredentialFile.open(given.file, web.scope, create=create)
        log = LogView(web, file)
        work = {"take": _take, "cast": _cast, "receipt": _receipt}[given.command]
        return work(given, web, file, log)
    except ClientError as error:
        print(f"circles: {error.code}: {error}", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"circles: {error}", file=sys.stderr)
        return 1


def verify_client(given: argparse.Namespace, manifest: Manifest) -> int:
    """Compare what a host serves with a release; the answer is the exit code."""
    try:
        web = Web(given.address)

        def sign_in() -> None:
            web.sign_in(given.handle, passphrase_of(given))

        verdict = verifying.check(web, manifest, sign_in if given.handle else None)
        return verifying.report(verdict, print)
    except ClientError as error:
        print(f"circles: {error.code}: {error}", file=sys.stderr)
        return 1


def passphrase_of(given: argparse.Namespace) -> str:
    """The pass phrase, asked for without echo; or one line of what is piped in."""
    if given.passphrase_stdin or not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\r\n")
    return getpass.getpass("Pass phrase: ")


def _take(given: argparse.Namespace, web: Web, file: CredentialFile, log: LogView) -> int:
    file.write()
    log.refresh()
    web.sign_in(given.handle, passphrase_of(given))
    try:
        for purpose in (NOMINATE, VOTE):
            try:
                records = taking.collect(web, file, log, given.month, purpose)
            except ClientError as error:
                # What is over for one poll may still be collected for the other.
                if error.code != "closed":
                    raise
                print(f"{purpose}: closed, nothing collected")
                continue
            print(
                f"{purpose}: {len(records)} collected" if records else f"{purpose}: not announced"
            )
    finally:
        web.sign_out()
    print(f"Kept in {file.path}: whoever holds this file can vote with it.")
    return 0


def _cast(given: argparse.Namespace, web: Web, file: CredentialFile, log: LogView) -> int:
    ways = [bool(given.tick), given.blank, given.again, given.name is not None]
    if sum(ways) != 1:
        print("circles: say one of --tick, --blank, --again, --name", file=sys.stderr)
        return 2
    log.refresh()
    if given.codes is not None:
        _bring_in(given, file, log)
    if given.again:
        both = [r for p in (NOMINATE, VOTE) for r in file.of_month(given.month, p)]
        records = casting.pending(both)
    elif given.name is not None:
        ask = _ask(given)
        if ask is None:
            print("circles: --ask is missing, or no such request", file=sys.stderr)
            return 2
        words = given.name.read_text("utf-8")
        records = [casting.prepare_nomination(file, log, given.month, words, ask, given.slot)]
    else:
        records = casting.seal_vote(file, log, given.month, given.tick, given.sent_before)
    sent = casting.send_all(web, file, log, records)
    print(f"{len(sent)} sent, {len(sent)} receipts kept in {file.path}")
    return 0


def _bring_in(given: argparse.Namespace, file: CredentialFile, log: LogView) -> None:
    """Credentials from paper, into the file. Raises ClientError."""
    if given.codes.stat().st_size > FILE_BYTES_MAX:
        raise ClientError("file-unreadable", f"{given.codes} is too long")
    found = codes.read(given.codes.read_text("utf-8", "replace"))
    if any(code.month != given.month for code in found):
        raise ClientError("code-unreadable", f"{given.codes} is of another month")
    new = 0
    for code in found:
        new += codes.bring_in(file, code, *casting.poll_of(log, code.month, code.purpose))
    print(f"{len(found)} read from {given.codes}, {new} of them new in {file.path}")


def _ask(given: argparse.Namespace) -> Ask | None:
    try:
        if given.ask == "any":
            ask = Ask(None, given.ceiling, part=True)
        elif given.ask is None or given.ceiling is not None:
            return None
        else:
            ask = Ask(int(given.ask), part=given.part)
        ask.text()
    except (MalformedError, ValueError):
        return None
    return ask


def _receipt(given: argparse.Namespace, web: Web, file: CredentialFile, log: LogView) -> int:
    log.refresh()
    wrong = False
    for purpose in (NOMINATE, VOTE):
        records = file.of_month(given.month, purpose)
        for found in looking.look(log, records):
            print(_line(purpose, found.record, found))
            wrong = wrong or found.state in (looking.MISSING, looking.DAMAGED)
    file.write()
    seen = _own_takes(given, web, file, log) if given.handle else []
    for strange in (take for one in seen for take in one.strange):
        print(f"SOMEBODY COLLECTED IN YOUR NAME, take {strange[:12]}. Tell the others")
        wrong = True
    if given.evidence is not None:
        evidence.write(given.evidence, file, log, seen)
        print(f"evidence for circles verify: {given.evidence}")
    return 1 if wrong else 0


def _own_takes(
    given: argparse.Namespace, web: Web, file: CredentialFile, log: LogView
) -> list[own_takes.OwnTakes]:
    """What was collected on the own line of each poll, signed in for a moment."""
    web.sign_in(given.handle, passphrase_of(given))
    try:
        both = [own_takes.look(web, file, log, given.month, p) for p in (NOMINATE, VOTE)]
    finally:
        web.sign_out()
    return [one for one in both if one is not None]


def _line(purpose: str, record: Record, found: looking.Found) -> str:
    said = _STATES[found.state].format(entry=found.entry)
    last = record.last
    which = f" {last.leaf[:12]}" if last else ""
    return f"{purpose} {record.slot + 1}{which} {said}"
