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

from circles.circle import calendar
from circles.circle.calendar import RoundDates
from circles.circle.circles import Circle
from circles.log.rotation import record
from circles.protocol import ballot as b
from circles.protocol import messages as m
from circles.protocol import seal, signature
from circles.protocol.allocation import FairShares, MostTicks
from circles.protocol.blind import IssuerKey
from circles.protocol.checkpoint import LogKey
from circles.protocol.draw import draw_order
from circles.protocol.merkle import leaf, node
from circles.protocol.text import b64, unb64
from circles.rounds import booth_context
from circles.rounds.booth_context import Reader, Request
from circles.rounds.rounds import PollState, Round
from circles.web import static
from circles.web.guard import CSP
from circles.web.i18n import speaking
from circles.web.render import html
from tests.script.conftest import STATIC

SCOPE = "/c/maple-row"
MONTH = "2026-10"
CANDIDATES = 3
NOMINATIONS = (
    ("Saturday soup\nVegetables for the big pot on four Saturdays.\n", m.Ask(4500)),
    ("Warm boots for two\nTwo children who grew three sizes.\n", m.Ask(6000, part=True)),
    ("A ramp for number 14\nWood and hinges for two steps.\n", m.Ask(None, 8000, part=True)),
)
SHOWN = Circle(
    id=bytes(16),
    slug="maple-row",
    name="Maple Row",
    purpose="",
    norms="",
    currency="EUR",
    zone="Europe/Dublin",
    locale="en_GB",
    hue="mulberry",
    cap=20,
    rule="most-ticks/1",
    least_minor=500,
    vote_slots=3,
    nominate_slots=2,
    min_voters=3,
    calendar=calendar.DEFAULT,
    pay_holder="",
    pay_iban="",
    pay_words="",
    pledge_ceiling_minor=0,
    log_origin="circles.example/c/maple-row",
    founded_at=datetime(2026, 9, 1, tzinfo=UTC),
)


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

    def __init__(self, *, whole: bool = False) -> None:
        """`whole`: one credential carries three ticks, as under fair-shares."""
        self.whole = whole
        self.lie: set[str] = set()
        self.seen: list[tuple[str, str, dict[str, str]]] = []
        self.log_seed = signature.new_seed()
        self.trustee = seal.TrusteeKey.generate()
        self.entries: list[bytes] = []
        self.records: dict[str, bytes] = {}
        self.takes: dict[str, dict[tuple[bytes, int], tuple[bytes, bytes]]] = {
            "nominate": {},
            "vote": {},
        }
        self.cast: dict[str, dict[bytes, bytes]] = {"nominate": {}, "vote": {}}
        self.draw_salt = secrets.token_bytes(32)
        self.members = [secrets.token_bytes(16) for _ in range(5)]
        self.rolls: dict[str, m.Roll] = {}
        self.polls: dict[str, m.Poll] = {}
        for purpose in ("nominate", "vote"):
            self._announce(purpose)
        self.slate: m.Slate | None = None
        self.signed_in = 0
        self.shown = SHOWN
        self.fresh = False
        self.nominated: dict[bytes, tuple[m.Ask, b.Document]] = {}

    # ---- the round

    def _announce(self, purpose: str) -> None:
        if purpose not in self._issuers:
            self._issuers[purpose] = IssuerKey.generate()
        key = self._issuers[purpose]
        roll = m.Roll.of(secrets.token_bytes(16), self.members)
        start = datetime(2026, 10, 1, tzinfo=UTC)
        vote = purpose == "vote"
        rule = FairShares("none", 500, 2, 0) if self.whole else MostTicks(500, 2)
        poll = m.Poll(
            circle=secrets.token_bytes(16),
            month=MONTH,
            purpose=purpose,
            roll=roll.record_id(),
            members=5,
            slots=(1 if self.whole else 3) if vote else 2,
            issuers=(key.n,),
            trustees=(self.trustee.public,) if vote else (),
            threshold=1 if vote else 0,
            rule=rule.name if vote else "none/1",
            params=rule.params() if vote else (),
            max_choices=(3 if self.whole else 1) if vote else 0,
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

    def nominate(self, text: str, ask: m.Ask) -> None:
        """Somebody else's nomination, straight into the log."""
        pending = b.begin_take(self.polls["nominate"])
        take = pending.take(self.members[1], 0)
        signed = self._issuers["nominate"].sign_blinded(take.blinded[0])
        credential = pending.finish(m.Taken(take.record_id(), (signed,)))
        document = b.Document.of(text)
        made = b.make_nomination(self.polls["nominate"], credential, ask, document)
        self.entries.append(made.text())
        self.nominated[made.record_id()] = (ask, document)

    def open_vote(self) -> None:
        """Nominating is over: a slate of three."""
        for text, ask in NOMINATIONS:
            self.nominate(text, ask)
        leaves = tuple(draw_order(self.draw_salt, self.nominated))
        self.slate = m.Slate(self.polls["vote"].record_id(), self.draw_salt, leaves)
        self._log("vote/slate", self.slate.text())

    def requests(self) -> list[Request]:
        """The candidates as the ballot shows them."""
        assert self.slate is not None
        found = []
        for number, nomination in enumerate(self.slate.candidates, start=1):
            ask, document = self.nominated[nomination]
            found.append(Request.of(number, nomination, ask, document.salt, document.text))
        return found

    def round(self) -> Round:
        """The round as the server's room would hand it to its pages."""
        states = {}
        for purpose, poll in self.polls.items():
            close = self.records.get("vote/close") if purpose == "vote" else None
            states[purpose] = PollState(
                poll_hash=poll.record_id(),
                purpose=purpose,
                text=poll.text(),
                take_from=poll.take_from,
                opens_at=poll.opens_at,
                closes_at=poll.closes_at,
                reissued=0,
                clients=(),
                shut=close is not None,
                close_text=close,
                keys_destroyed=False,
            )
        nominate, vote = states["nominate"], states["vote"]
        dates = RoundDates(
            take_from=nominate.take_from,
            nominating_opens=nominate.opens_at,
            nominating_closes=nominate.closes_at,
            voting_opens=vote.opens_at,
            voting_closes=vote.closes_at,
            count_at=vote.closes_at,
            pay_until=vote.closes_at,
            thanks_from=vote.closes_at,
        )
        slate = self.records.get("vote/slate")
        result = self.records.get("vote/result")
        return Round(
            bytes(16), MONTH, dates, nominate, vote, slate, result is not None, result, None, False
        )

    def page(self, name: str) -> bytes:
        """A page of the booth, from its real template and context."""
        round_, circle = self.round(), self.shown
        now = round_.nominate.opens_at
        own = self.members[self.signed_in]
        reader = Reader.of(own, dict.fromkeys(self.polls, own), fresh=self.fresh)
        with speaking(circle):
            contexts: dict[str, Callable[[], dict[str, Any]]] = {
                "collect": lambda: booth_context.collect(circle, round_, now, reader),
                "nominate": lambda: booth_context.nominate(circle, round_, reader),
                "ballot": lambda: booth_context.ballot(
                    circle, round_, self.requests(), 13500, round_.vote.opens_at, reader
                ),
                "check": lambda: booth_context.check(circle, round_, self.requests(), reader),
            }
            context = contexts[name]()
        return html(f"ballot/{name}.html", context, circle=circle, member=object())

    def takes_file(self) -> bytes:
        """The takes of the vote."""
        poll = self.polls["vote"].record_id()
        rows = self.takes["vote"].values()
        return m.Takes.of(poll, [m.Take.parse(take) for take, _ in rows]).text()

    def close_vote(self, *, drop: bytes | None = None, then: str = "count") -> None:
        """Close, then "count", "void" or "wait"; the ballot with the leaf `drop` is left out."""
        poll = self.polls["vote"].record_id()
        kept = sorted(h for h in self.cast["vote"] if h != drop)
        first = len(self.entries)
        self.entries += [self.cast["vote"][h] for h in kept]
        takes = leaf(self.takes_file())
        count = len(self.takes["vote"])
        close = m.Close(poll, takes, count, 0, 1, first, len(kept), 3, 9000, "EUR", bytes(32))
        self._log("vote/close", close.text())
        if then == "void":
            self._log("void", m.Void(poll, "few-voters").text())
        if then != "count":
            return
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

    def rotate(self, *, agreed: bool = True) -> None:
        """Go over to a fresh log key, whether or not the old one agreed."""
        origin = f"circles.example{SCOPE}"
        old, new = LogKey(origin, self.log_seed), LogKey.generate(origin)
        made = m.Rotation.parse(record(old, new))
        self.entries.append(made.text() if agreed else replace(made, sig_old=bytes(64)).text())
        self.log_seed = new.seed

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
            line = (
                stranger
                if "line" in self.lie
                else self.members["other line" in self.lie or self.signed_in]
            )
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
        held = self.takes[purpose].get((take.member, take.slot))
        if held is not None and held[0] != body:
            return self._problem(409, "slot-used")
        if held is None:
            signed = self._issuers[purpose].sign_blinded(take.blinded[0])
            held = (body, m.Taken(take.record_id(), (signed,)).text())
            self.takes[purpose][take.member, take.slot] = held
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
        if "no answers" in self.lie:
            return 502, "text/html", b""
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


def _file(path: str) -> tuple[int, str, bytes]:
    """A served file (with the digest of the tree, or plain), a test's script, or an empty page."""
    first, _, rest = path.lstrip("/").partition("/")
    name = rest.removeprefix(f"{static.tree().digest}/")
    if first == "static" and name in static.tree().files:
        file = static.tree().files[name]
        return 200, file.kind, file.body
    if first == "script" and (STATIC.parents[2] / "tests" / "script" / rest).is_file():
        return 200, "text/javascript", (STATIC.parents[2] / "tests" / "script" / rest).read_bytes()
    return 200, "text/html; charset=utf-8", b"<!doctype html><title>-</title>"


def _handler(circle: SmallCircle) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            circle.seen.append(("GET", self.path, dict(self.headers.items())))
            name = self.path.removeprefix(f"{SCOPE}/in/")
            if name in {"collect", "nominate", "ballot", "check"}:
                self._answer((200, "text/html; charset=utf-8", circle.page(name)))
            elif self.path.startswith(f"{SCOPE}/") and name == self.path:
                self._answer(circle.get(self.path.removeprefix(f"{SCOPE}/")))
            else:
                self._answer(_file(self.path))

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
            self.send_header("Content-Security-Policy", CSP)
            if self.path.startswith(f"{SCOPE}/in/"):
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
