"""A circle small enough to bend: the endpoints of docs/protocol.md, 5, over objects in memory.

It signs, logs and checks with `circles.protocol` alone, so that what the browser sends is judged
by the Python twin. Tests bend it through `lie`: names of the lies it tells, most of them once.
"""

import base64
import json
import secrets
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar

from circles.protocol import ballot as b
from circles.protocol import messages as m
from circles.protocol import seal, signature
from circles.protocol.blind import IssuerKey
from circles.protocol.merkle import leaf, node
from circles.protocol.text import b64, unb64
from tests.script.conftest import POLICY, STATIC

SCOPE = "/c/maple-row"
MONTH = "2026-10"
CANDIDATES = 3


def _root(hashes: list[bytes]) -> bytes:
    if not hashes:
        return sha256(b"").digest()
    if len(hashes) == 1:
        return hashes[0]
    half = 1 << (len(hashes) - 1).bit_length() - 1
    return node(_root(hashes[:half]), _root(hashes[half:]))


class SmallCircle:
    """One member's view of one round, both polls; the member is signed in without asking."""

    _issuers: ClassVar[dict[str, IssuerKey]] = {}  # a key takes a while: shared by all tests

    def __init__(self) -> None:
        self.lie: set[str] = set()
        self.seen: list[tuple[str, str, dict[str, str]]] = []
        self.log_seed = signature.new_seed()
        self.trustee = seal.TrusteeKey.generate()
        self.entries: list[bytes] = []
        self.records: dict[str, bytes] = {}
        self.takes: dict[str, dict[int, tuple[bytes, bytes]]] = {"nominate": {}, "vote": {}}
        self.cast: dict[str, dict[bytes, bytes]] = {"nominate": {}, "vote": {}}
        self.draw_salt = secrets.token_bytes(32)
        self.members = [secrets.token_bytes(16) for _ in range(5)]
        self.rolls: dict[str, m.Roll] = {}
        self.polls: dict[str, m.Poll] = {}
        for purpose in ("nominate", "vote"):
            self._announce(purpose)
        self.slate: m.Slate | None = None

    # ---- the round

    def _announce(self, purpose: str) -> None:
        if purpose not in self._issuers:
            self._issuers[purpose] = IssuerKey.generate()
        key = self._issuers[purpose]
        roll = m.Roll.of(secrets.token_bytes(16), self.members)
        start = datetime(2026, 10, 1, tzinfo=UTC)
        vote = purpose == "vote"
        poll = m.Poll(
            circle=secrets.token_bytes(16),
            month=MONTH,
            purpose=purpose,
            roll=roll.record_id(),
            members=5,
            slots=3 if vote else 2,
            issuers=(key.n,),
            trustees=(self.trustee.public,) if vote else (),
            threshold=1 if vote else 0,
            rule="most-ticks/1" if vote else "none/1",
            params=(("least", "500"), ("min-ticks", "2")) if vote else (),
            max_choices=1 if vote else 0,
            min_voters=3 if vote else 0,
            draw_commit=sha256(self.draw_salt).digest() if vote else None,
            take_from=start,
            opens_at=start + timedelta(days=1),
            closes_at=start + timedelta(days=9),
        )
        self.rolls[purpose] = roll
        self.polls[purpose] = poll
        self._log(f"{purpose}/poll", poll.text())

    def _log(self, name: str, text: bytes) -> None:
        self.entries.append(text)
        self.records[name] = text

    def open_vote(self) -> None:
        """Nominating is over: a slate of three, whatever was nominated."""
        leaves = tuple(secrets.token_bytes(32) for _ in range(CANDIDATES))
        self.slate = m.Slate(self.polls["vote"].record_id(), self.draw_salt, leaves)
        self._log("vote/slate", self.slate.text())

    def takes_file(self) -> bytes:
        """The takes of the vote."""
        poll = self.polls["vote"].record_id()
        rows = self.takes["vote"].values()
        return m.Takes.of(poll, [m.Take.parse(take) for take, _ in rows]).text()

    def close_vote(self, *, drop: bytes | None = None) -> None:
        """Close, open, count; `drop` is the leaf of a ballot that is left out of the log."""
        poll = self.polls["vote"].record_id()
        kept = sorted(h for h in self.cast["vote"] if h != drop)
        first = len(self.entries)
        self.entries += [self.cast["vote"][h] for h in kept]
        takes = leaf(self.takes_file())
        count = len(self.takes["vote"])
        close = m.Close(poll, takes, count, 0, 1, first, len(kept), 3, 9000, "EUR", bytes(32))
        self._log("vote/close", close.text())
        self._log("opening", m.Opening(poll, 1, self.trustee.secret).text())
        totals = tuple((number, 0) for number in range(1, CANDIDATES + 1))
        self._log("vote/result", m.Result(poll, len(kept), (), totals, 0, (), 9000).text())

    # ---- the log

    def sign(self, text: str) -> bytes:
        """A signed note by the log key."""
        name = f"circles.example{SCOPE}"
        key = signature.public_key(self.log_seed)
        number = sha256(f"{name}\n\x01".encode() + key).digest()[:4]
        sig = base64.b64encode(number + signature.sign(self.log_seed, text.encode()))
        return f"{text}\n— {name} {sig.decode()}\n".encode()

    def log_key(self) -> bytes:
        """The verifier key."""
        name = f"circles.example{SCOPE}"
        key = b"\x01" + signature.public_key(self.log_seed)
        number = sha256(f"{name}\n".encode() + key).digest()[:4].hex()
        return f"{name}+{number}+{base64.b64encode(key).decode()}\n".encode()

    def checkpoint(self) -> bytes:
        """The signed checkpoint of all entries."""
        root = base64.b64encode(_root([leaf(entry) for entry in self.entries])).decode()
        return self.sign(f"circles.example{SCOPE}\n{len(self.entries)}\n{root}\n")

    def tile(self, path: str) -> bytes:
        """A tile; this log stays below 256 entries, so there is one of each kind."""
        width = int(path.rpartition("/")[2]) if ".p/" in path else 256
        entries = self.entries[:width]
        if path.startswith("entries/"):
            return b"".join(len(e).to_bytes(2, "big") + e for e in entries)
        return b"".join(leaf(e) for e in entries)

    # ---- answers: (status, kind, body)

    def get(self, path: str) -> tuple[int, str, bytes]:
        """Any GET below the circle."""
        if path.startswith("log/"):
            return 200, "text/plain", self._log_file(path.removeprefix("log/"))
        what = path.removeprefix(f"rounds/{MONTH}/")
        purpose, _, name = what.partition("/")
        if name == "line":
            stranger = secrets.token_bytes(16)
            line = stranger if "line" in self.lie else self.members["other line" in self.lie]
            return 200, "application/json", json.dumps({"member": b64(line)}).encode()
        if name == "roll":
            roll = self.rolls[purpose]
            if "roll" in self.lie:
                roll = m.Roll.of(roll.salt, self.members[:4])
            return 200, "text/plain", roll.text()
        if name == "takes":
            return 200, "text/plain", self.takes_file()
        return self._record(what)

    def _log_file(self, name: str) -> bytes:
        if name == "key":
            return self.log_key()
        if name == "checkpoint":
            note = self.checkpoint()
            return note.replace(b"\n2\n", b"\n3\n") if "size" in self.lie else note
        return self.tile(name.removeprefix("tile/"))

    def _record(self, what: str) -> tuple[int, str, bytes]:
        if what not in self.records:
            return 404, "text/plain", b""
        text = self.records[what]
        if "other poll" in self.lie and what.endswith("poll"):
            poll = m.Poll.parse(text)
            text = replace(poll, circle=bytes(16)).text()
        if "other slate" in self.lie and what == "vote/slate":
            text = replace(m.Slate.parse(text), draw_salt=bytes(32)).text()
        return 200, "text/plain", text

    def _problem(self, status: int, code: str) -> tuple[int, str, bytes]:
        return status, "application/problem+json", json.dumps({"code": code}).encode()

    def _once(self, lie: str) -> bool:
        """Whether this lie is to be told; it is told one time."""
        told = lie in self.lie
        self.lie.discard(lie)
        return told

    def take(self, purpose: str, body: bytes) -> tuple[int, str, bytes]:
        """POST take."""
        take = m.Take.parse(body)
        held = self.takes[purpose].get(take.slot)
        if held is not None and held[0] != body:
            return self._problem(409, "slot-used")
        if held is None:
            signed = self._issuers[purpose].sign_blinded(take.blinded[0])
            held = (body, m.Taken(take.record_id(), (signed,)).text())
            self.takes[purpose][take.slot] = held
        if self._once("lose the take's answer"):
            return self._problem(503, "busy")
        if "bad signature" in self.lie:
            wrong = m.Taken(take.record_id(), (bytes(383) + b"\x02",))
            return 200, "text/plain", wrong.text()
        return 200, "text/plain", held[1]

    def post_cast(self, purpose: str, body: bytes) -> tuple[int, str, bytes]:
        """POST cast."""
        if "closed" in self.lie:
            return self._problem(410, "closed")
        if self._once("friendly page"):
            return 200, "text/html", b""
        try:
            text = self._checked(purpose, body)
        except b.BallotError as error:
            return self._problem(422, error.code)
        known = leaf(text) in self.cast[purpose]
        self.cast[purpose][leaf(text)] = text
        if self._once("lose the cast's answer"):
            return 502, "text/html", b"<h1>Bad gateway</h1>"
        receipt = m.Receipt(self.polls[purpose].record_id(), leaf(text)).text().decode()
        note = self.sign(receipt)
        if self._once("receipt of another"):
            note = self.sign(receipt.replace("leaf ", "leaf A")[:-2] + "\n")
        return 200 if known else 201, "text/plain", note

    def _checked(self, purpose: str, body: bytes) -> bytes:
        poll = self.polls[purpose]
        if purpose == "vote":
            assert self.slate is not None
            b.check_ballot(poll, self.slate.record_id(), body)
            return body
        text, document = b.split_nomination_post(body)
        b.check_nomination(poll, text, document)
        self.document = document.text.decode()
        return text


def _handler(circle: SmallCircle) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            circle.seen.append(("GET", self.path, dict(self.headers.items())))
            if self.path.startswith(f"{SCOPE}/") and self.path != f"{SCOPE}/in/booth":
                self._answer(circle.get(self.path.removeprefix(f"{SCOPE}/")))
                return
            first, _, rest = self.path.lstrip("/").partition("/")
            roots = {"static": STATIC, "script": STATIC.parents[2] / "tests" / "script"}
            path = roots.get(first, STATIC) / rest
            if first in roots and path.is_file():
                self._answer((200, "text/javascript", path.read_bytes()))
            else:
                self._answer((200, "text/html; charset=utf-8", b"<!doctype html><title>-</title>"))

        def do_POST(self) -> None:
            circle.seen.append(("POST", self.path, dict(self.headers.items())))
            body = self.rfile.read(int(self.headers["Content-Length"]))
            parts = self.path.strip("/").split("/")
            work: Callable[[str, bytes], tuple[int, str, bytes]]
            work = circle.post_cast if parts[0] == "cast" else circle.take
            purpose = parts[-1] if parts[0] == "cast" else parts[-2]
            self._answer(work(purpose, body))

        def _answer(self, answer: tuple[int, str, bytes]) -> None:
            status, kind, body = answer
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Content-Security-Policy", POLICY)
            if self.path.endswith("/in/booth"):
                self.send_header("Set-Cookie", f"circles=secret; Path={SCOPE}; HttpOnly")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_args: object) -> None:
            """Keep the test's output quiet."""

    return Handler


@contextmanager
def serving(circle: SmallCircle) -> Iterator[str]:
    """The origin at which the circle answers."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(circle))
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def opened(circle: SmallCircle) -> dict[tuple[bytes, int], Any]:
    """Every ballot in the box by (key, seq), opened by the Python twin."""
    assert circle.slate is not None
    opener = seal.Opener.of(circle.polls["vote"], circle.slate, {1: circle.trustee.secret})
    found = {}
    for text in circle.cast["vote"].values():
        ballot = m.Ballot.parse(text)
        choice = opener.open(ballot, text)
        assert isinstance(choice, m.Choice)
        found[ballot.key, ballot.seq] = [*choice.ticks, *(["keep"] if choice.keep else [])]
    return found


def ids(circle: SmallCircle) -> dict[str, Any]:
    """What the signed-in page would name: polls and slate."""
    return {
        "polls": {purpose: b64(poll.record_id()) for purpose, poll in circle.polls.items()},
        "slate": b64(circle.slate.record_id()) if circle.slate else None,
    }


def key_of(record: dict[str, Any]) -> bytes:
    """The ballot key of a stored record."""
    return unb64(record["key"])
