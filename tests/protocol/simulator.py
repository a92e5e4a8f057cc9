"""A whole month of a circle in memory, that can be bent in every way.

`Month().run()` lives an honest month through the real code of `circles.protocol`, two of three
trustees, two polls, re-votes, a void ballot, payouts; `files()` is its archive with evidence.

Bending: `bend={"result": lambda r: replace(r, keep=9)}` changes a record at the moment it is
logged, so that all that follows builds on it; `entries` may be edited before `files()`, which
hashes and signs whatever stands there; the files themselves may be edited after.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from functools import cache
from hashlib import sha256
from typing import Any, TypeVar

from circles.protocol import allocation, draw, merkle, seal, signature, tally
from circles.protocol import ballot as b
from circles.protocol import messages as m
from circles.protocol.archive_source import FileError, MissingFileError, Source
from circles.protocol.blind import IssuerKey
from circles.protocol.checkpoint import Checkpoint, LogKey
from circles.protocol.text import b64

ORIGIN = "circles.example/c/maple-row"
CIRCLE = sha256(b"circle").digest()[:16]
MONTH = "2026-12"
FUND_MINOR = 25000
RULE = allocation.MostTicks(least_minor=500, min_ticks=2)
CLIENTS = tuple(sorted((sha256(bytes([i])).digest() for i in range(2)), key=b64))

_Record = TypeVar("_Record", bound=m.Message)


@cache
def issuer_key(name: str) -> IssuerKey:
    """An RSA key, made once a run: making one is slow."""
    assert name
    return IssuerKey.generate()


@cache
def log_key(name: str = "first") -> LogKey:
    """A log key."""
    return LogKey(ORIGIN, sha256(name.encode()).digest())


@cache
def trustee_key(number: int) -> seal.TrusteeKey:
    """A trustee's key."""
    return seal.TrusteeKey.from_secret(sha256(b"trustee %d" % number).digest())


@dataclass
class Poll:
    """One poll as its members live it."""

    poll: m.Poll
    roll: m.Roll
    issuers: list[IssuerKey]
    takes: list[m.Take] = field(default_factory=list)
    credentials: dict[tuple[int, int, int], b.BallotCredential] = field(default_factory=dict)
    cast: dict[bytes, bytes] = field(default_factory=dict)

    def take(self, member: int, slot: int, again: int = 0) -> b.BallotCredential:
        """A credential for a member's slot; `again` counts re-issues of it."""
        take, credential = _taken(self.poll.text(), self.roll.members[member], slot, again)
        self.takes.append(take)
        self.credentials[member, slot, again] = credential
        return credential

    def takes_file(self) -> m.Takes:
        """The takes as members read them."""
        return m.Takes.of(self.poll.record_id(), self.takes)


@cache
def _taken(
    poll_text: bytes, member: bytes, slot: int, again: int
) -> tuple[m.Take, b.BallotCredential]:
    """A take and its credential; cached, so that a hundred bent months need few signatures."""
    assert again >= 0
    poll = m.Poll.parse(poll_text)
    pending = b.begin_take(poll)
    take = pending.take(member, slot)
    keys = {issuer_key(name).n: issuer_key(name) for name in ("nominate", "vote", "other")}
    signed = tuple(keys[n].sign_blinded(x) for n, x in zip(poll.issuers, take.blinded, strict=True))
    return take, pending.finish(m.Taken(take.record_id(), signed))


Bend = Callable[[Any], Any]

# Asks and ticks are such that every candidate is awarded something, whatever the draw.
# What each member ticks with the three credentials of the vote: numbers, "keep", or blank.
TICKS: list[list[tuple[int, ...] | str]] = [
    [(1,), (1,), (2,)],
    [(1,), (3,), "keep"],
    [(3,), (3,), ()],
    [(2,), (3,), (1,)],
    [(3,), (1,), (9,)],  # 9 is not on the slate: a void ballot
]


@dataclass
class Month:
    """The log of a circle over one round, and what members kept of it."""

    bend: Mapping[str, Bend] = field(default_factory=dict)
    members: int = 5
    voters: int = 5
    nominations: int = 4
    openings: tuple[int, ...] = (1, 3)
    reissues: int = 0
    rotate: bool = False
    stop: str = ""
    rule: allocation.AnyRule = RULE
    entries: list[bytes] = field(default_factory=list)
    receipts: list[bytes] = field(default_factory=list)
    kept_sizes: list[int] = field(default_factory=list)
    documents: list[b.Document] = field(default_factory=list)

    nominate: Poll = field(init=False)
    vote: Poll = field(init=False)
    slate: m.Slate = field(init=False)
    sealed: m.Seal = field(init=False)

    def log(self, name: str, record: _Record) -> _Record:
        """Append a record, bent if there is a bend of that name."""
        bent: _Record = self.bend.get(name, lambda same: same)(record)
        self.entries.append(bent.text())
        return bent

    def run(self) -> "Month":
        """Live the month, up to and including the step named by `stop`."""
        for step in (
            self.announce,
            self.take_and_nominate,
            self.close_nominating,
            self.log_slate,
            self.take_and_cast,
            self.close_vote,
            self.open_and_count,
            self.pay,
        ):
            step()
            if step.__name__ == self.stop:
                break
        if self.rotate:
            self.log("rotation", rotation(log_key(), log_key("second")))
        return self

    # The steps of a month

    def announce(self) -> None:
        """Both poll records."""
        self.nominate = self._poll(m.NOMINATE)
        self.vote = self._poll(m.VOTE)
        self.kept_sizes.append(len(self.entries))

    def _poll(self, purpose: str) -> Poll:
        ids = [sha256(f"{purpose} {i}".encode()).digest()[:16] for i in range(self.members)]
        roll = m.Roll.of(bytes(16), ids)
        day = {m.NOMINATE: (2, 10), m.VOTE: (12, 20)}[purpose]
        voting = purpose == m.VOTE
        poll = m.Poll(
            circle=CIRCLE,
            month=MONTH,
            purpose=purpose,
            roll=roll.record_id(),
            members=self.members,
            slots=3 if voting else 2,
            issuers=(issuer_key(purpose).n,),
            trustees=tuple(trustee_key(i).public for i in (1, 2, 3)) if voting else (),
            threshold=2 if voting else 0,
            rule=self.rule.name if voting else m.NO_RULE,
            params=self.rule.params() if voting else (),
            max_choices=1 if voting else 0,
            min_voters=3 if voting else 0,
            draw_commit=draw.draw_commit(bytes(32)) if voting else None,
            take_from=datetime(2026, 12, 1, tzinfo=UTC),
            opens_at=datetime(2026, 12, day[0], tzinfo=UTC),
            closes_at=datetime(2026, 12, day[1], tzinfo=UTC),
            clients=CLIENTS,
        )
        return Poll(self.log(f"poll {purpose}", poll), roll, [issuer_key(purpose)])

    def take_and_nominate(self) -> None:
        """Every member takes both slots; some nominate, one twice."""
        asks = [
            m.Ask(None, 5000, part=True),
            m.Ask(6000),
            m.Ask(None, None, part=True),
            m.Ask(6000),
        ]
        for member in range(self.members):
            for slot in range(2):
                self.nominate.take(member, slot)
        for number in range(self.nominations):
            credential = self.nominate.credentials[number % self.members, number // self.members, 0]
            document = b.Document(sha256(b"%d" % number).digest(), b"recipient %d\nwhy" % number)
            self.documents.append(document)
            first = b.make_nomination(self.nominate.poll, credential, asks[number % 4], document)
            self.drop_in(self.nominate, "nomination", first)
            if number == 0:
                second = b.make_nomination(
                    self.nominate.poll, credential, asks[number % 4], document, 2
                )
                self.drop_in(self.nominate, "nomination again", second)

    def drop_in(self, poll: Poll, name: str, message: m.Ballot | m.Nomination) -> None:
        """Cast a message: the box keeps it by leaf hash and answers with a receipt."""
        message = self.bend.get(name, lambda same: same)(message)
        poll.cast[message.record_id()] = message.text()
        receipt = m.Receipt(poll.poll.record_id(), message.record_id())
        self.receipts.append(log_key().sign_receipt(receipt))

    def _close(self, poll: Poll, **fund: Any) -> m.Close:
        first = len(self.entries)
        self.entries += [poll.cast[leaf] for leaf in sorted(poll.cast)]
        purpose = poll.poll.purpose
        takes = poll.takes_file()
        close = m.Close(
            poll=poll.poll.record_id(),
            takes=takes.record_id(),
            take_count=len(takes.takes),
            reissued=len(takes.takes) - len({(x.member, x.slot) for x in takes.takes}),
            voters=len({x.member for x in takes.takes}),
            first=first,
            ballots=len(poll.cast),
            keys=len({_key(text) for text in poll.cast.values()}),
            **fund,
        )
        return self.log(f"close {purpose}", close)

    def close_nominating(self) -> None:
        """What was nominated, sorted, and the close record."""
        self._close(self.nominate)
        self.kept_sizes.append(len(self.entries))

    def counted_nominations(self) -> dict[bytes, m.Nomination]:
        """The nominations that count."""
        texts = self.nominate.cast.values()
        found = {merkle.leaf(text): m.Nomination.parse(text) for text in texts}
        return tally.counted(found)

    def log_slate(self) -> None:
        """The candidates in draw order; the last of many is omitted."""
        leaves = list(self.counted_nominations())
        omitted = leaves[-1:] if len(leaves) > 1 else []
        order = draw.draw_order(bytes(32), [leaf for leaf in leaves if leaf not in omitted])
        omits = tuple((leaf, "duplicate") for leaf in omitted)
        slate = m.Slate(self.vote.poll.record_id(), bytes(32), tuple(order), omits)
        self.slate = self.log("slate", slate)

    def take_and_cast(self) -> None:
        """Each voter takes three credentials and casts them all; the first ballot twice."""
        for again in range(self.reissues):
            event = m.Event(
                poll=self.vote.poll.record_id(),
                reissued=again + 1,
                take_from=self.vote.poll.take_from,
                opens_at=self.vote.poll.opens_at,
                closes_at=self.vote.poll.closes_at,
                clients=CLIENTS,
            )
            self.log("event", event)
            self.vote.take(0, 0, again + 1)
        for member in range(self.voters):
            for slot in range(3):
                credential = self.vote.take(member, slot)
                if not self.slate.candidates:
                    continue
                ticks = TICKS[member][slot]
                self.cast(credential, ticks, 1, "ballot" if (member, slot) == (0, 0) else "")
                if (member, slot) == (1, 0):
                    self.cast(credential, (2,), 2)

    def cast(
        self, credential: b.BallotCredential, ticks: tuple[int, ...] | str, seq: int, name: str = ""
    ) -> None:
        """Cast one ballot."""
        numbers = () if isinstance(ticks, str) else ticks
        choice = b.new_choice(numbers, keep=ticks == "keep")
        slate = self.slate.record_id()
        self.drop_in(self.vote, name, b.make_ballot(self.vote.poll, slate, credential, choice, seq))

    def seal_books(self, name: str, transfers: int, fund_minor: int) -> m.Seal:
        """The books' state."""
        head = sha256(b"%d" % transfers).digest()
        return self.log(name, m.Seal(CIRCLE, MONTH, transfers, head, fund_minor, "EUR"))

    def close_vote(self) -> None:
        """The seal of the books, the ballots, the close record."""
        self.sealed = self.seal_books("seal", 35, FUND_MINOR)
        self._close(
            self.vote, fund_minor=FUND_MINOR, currency="EUR", ledger=self.sealed.record_id()
        )
        self.kept_sizes.append(len(self.entries))

    def open_and_count(self) -> None:
        """The trustees' secrets, then a result; a void where there can be none."""
        close = m.Close.parse(self.entries[-1])
        few = tally.few_voters(self.vote.poll, close.voters, close.keys, close.reissued)
        reason = "few-voters" if few else ""
        if not self.slate.candidates:
            reason = "no-candidates"
        elif not few:
            for number in self.openings:
                self.log(f"opening {number}", self.opening(number))
            if len(self.openings) < self.vote.poll.threshold:
                reason = "not-opened"
        if reason:
            self.log("void", m.Void(self.vote.poll.record_id(), reason))
        else:
            self.log("result", self.result())

    def opening(self, number: int) -> m.Opening:
        """A trustee's secret."""
        return m.Opening(self.vote.poll.record_id(), number, trustee_key(number).secret)

    def result(self) -> m.Result:
        """The honest count."""
        texts = self.vote.cast.values()
        ballots = {merkle.leaf(text): m.Ballot.parse(text) for text in texts}
        secrets = {number: trustee_key(number).secret for number in self.openings}
        opener = seal.Opener.of(self.vote.poll, self.slate, secrets)
        opened = {leaf: opener.open(x) for leaf, x in tally.counted(ballots).items()}
        choices = [x for x in opened.values() if isinstance(x, m.Choice)]
        voids = [(leaf, x) for leaf, x in opened.items() if isinstance(x, str)]
        totals = tally.count_ticks(len(self.slate.candidates), choices)
        known = self.counted_nominations()
        asks = [known[leaf].ask for leaf in self.slate.candidates if leaf in known]
        asks += [m.Ask(100)] * (len(self.slate.candidates) - len(asks))
        found = allocation.allocate(
            self.rule.name, self.rule.params(), FUND_MINOR, asks, totals, choices
        )
        return m.Result(
            poll=self.vote.poll.record_id(),
            counted=len(choices),
            voids=tuple(sorted(voids, key=lambda void: b64(void[0]))),
            totals=tuple(enumerate(totals.candidates, start=1)),
            keep=totals.keep,
            awards=found.awards,
            carried_minor=found.carried_minor,
        )

    def pay(self) -> None:
        """The books after the awards, and a payout each."""
        last = m.parse(self.entries[-1])
        carried = last.carried_minor if isinstance(last, m.Result) else FUND_MINOR
        sealed = self.seal_books("seal after", 38, carried)
        if not isinstance(last, m.Result):
            return
        for candidate, amount in last.awards:
            payout = m.Payout(
                poll=self.vote.poll.record_id(),
                candidate=candidate,
                amount_minor=amount,
                day=date(2026, 12, 23),
                ledger=sealed.record_id(),
            )
            self.log(f"payout {candidate}", payout)

    # What is published, and what was kept

    def files(self, key: LogKey | None = None) -> dict[str, bytes]:
        """The archive with `evidence/`, signed by `key` (the second log key after a rotation)."""
        key = key or log_key("second" if self.rotate else "first")
        tree = merkle.Tree(merkle.leaf(entry) for entry in self.entries)
        files = log_files(self.entries, tree, key)
        for document in self.documents:
            files[f"documents/{b64(document.hash())}"] = document.file()
        files["public/circle.txt"] = b"Maple Row\n"
        files["evidence/key"] = log_key().verifier.text().encode() + b"\n"
        for size in self.kept_sizes:
            note = log_key().sign_note(Checkpoint(ORIGIN, size, tree.root(size)).text())
            files[f"evidence/checkpoints/{size}"] = note
        for receipt in self.receipts:
            files[f"evidence/receipts/{sha256(receipt).hexdigest()}"] = receipt
        self._keep_polls(files)
        return files

    def _keep_polls(self, files: dict[str, bytes]) -> None:
        own = b""
        for poll in (self.nominate, self.vote):
            name, me = b64(poll.poll.record_id()), poll.roll.members[0]
            files[f"evidence/roll/{name}"] = poll.roll.text()
            files[f"evidence/takes/{name}"] = poll.takes_file().text()
            mine = [b64(x.record_id()) for x in poll.takes if x.member == me] or ["-"]
            own += "".join(f"{name} {b64(me)} {leaf}\n" for leaf in mine).encode()
        files["evidence/own"] = own


def log_files(entries: list[bytes], tree: merkle.Tree, key: LogKey) -> dict[str, bytes]:
    """`log/...` as static files."""
    checkpoint = Checkpoint(ORIGIN, tree.size, tree.root())
    files = {
        "log/checkpoint": key.sign_note(checkpoint.text()),
        "log/key": key.verifier.text().encode() + b"\n",
    }
    for name in merkle.hash_tiles(tree.size):
        assert name.level is not None
        files[f"log/{name.path()}"] = tree.tile(name.level, name.number, name.width)
    for name in merkle.entry_tiles(tree.size):
        first = name.number * merkle.TILE_WIDTH
        files[f"log/{name.path()}"] = merkle.write_bundle(entries[first : first + name.width])
    return files


def rotation(old: LogKey, new: LogKey) -> m.Rotation:
    """A log key handed on, signed by both."""
    record = m.Rotation(old.verifier.public, new.verifier.public, bytes(64), bytes(64))
    record = replace(record, sig_old=signature.sign(old.seed, record.text_for_old()))
    return replace(record, sig_new=signature.sign(new.seed, record.text_for_new()))


def _key(text: bytes) -> bytes:
    message = m.parse(text)
    assert isinstance(message, m.Ballot | m.Nomination)
    return message.key


class MemorySource(Source):
    """An archive in a dictionary."""

    def __init__(self, files: Mapping[str, bytes]) -> None:
        self.files = files

    def read(self, name: str, bytes_max: int) -> bytes:
        """The bytes of a file."""
        if name not in self.files:
            raise MissingFileError(f"{name} is missing")
        if len(self.files[name]) > bytes_max:
            raise FileError(f"{name} is longer than {bytes_max} bytes")
        return self.files[name]

    def names(self, folder: str) -> list[str]:
        """The files of a folder."""
        inside = [name for name in self.files if name.rpartition("/")[0] == folder]
        return sorted(name.rpartition("/")[2] for name in inside)
