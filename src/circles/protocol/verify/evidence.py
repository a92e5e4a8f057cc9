"""Steps 1, 5 and 8 with what a person kept: key, checkpoints, roll, takes, own takes, receipts.

Evidence is private. It lies in a folder of its own or in `evidence/` of the archive.
"""

from dataclasses import dataclass

from circles.protocol import text as t
from circles.protocol.archive_source import NoSource, Source
from circles.protocol.checkpoint import NOTE_BYTES_MAX, NoteError, open_receipt
from circles.protocol.merkle import leaf
from circles.protocol.messages import MalformedError, Roll, Take, Takes
from circles.protocol.verify.log import Keys, Log, check_kept_checkpoint
from circles.protocol.verify.report import Report
from circles.protocol.verify.walk import PollState, Walk

OWN_BYTES_MAX = 1 << 20
KEY_BYTES_MAX = 1024


@dataclass(frozen=True, slots=True)
class Evidence:
    """The files kept, `prefix` being `evidence/` where they lie in the archive."""

    source: Source
    prefix: str

    def read(self, name: str, bytes_max: int) -> bytes | None:
        """A kept file, or None."""
        return self.source.read_or_unusable(self.prefix + name, bytes_max)

    def names(self, folder: str) -> list[str]:
        """The kept files of a folder."""
        return self.source.names(self.prefix + folder)

    def key(self) -> bytes | None:
        """The kept log key."""
        return self.read("key", KEY_BYTES_MAX)


def check_checkpoints(evidence: Evidence, keys: Keys, log: Log, report: Report) -> None:
    """Step 1: the log goes on from every checkpoint that was kept."""
    for name in evidence.names("checkpoints"):
        data = evidence.read(f"checkpoints/{name}", NOTE_BYTES_MAX)
        if data is not None:
            check_kept_checkpoint(data, f"kept checkpoint {name}", keys, log, report)


def check_receipts(evidence: Evidence, keys: Keys, walk: Walk, report: Report) -> None:
    """Step 8: each receipt is the log's, and what it promised stands in the log."""
    for name in evidence.names("receipts"):
        where = f"receipt {name}"
        data = evidence.read(f"receipts/{name}", NOTE_BYTES_MAX) or b""
        try:
            receipt = open_receipt(data, keys.all)
        except (MalformedError, NoteError) as error:
            report.fail("8.receipt", where, f"it is no receipt of this log: {error}")
            continue
        state = walk.polls.get(receipt.poll)
        if state is None:
            report.fail("8.receipt", where, "it is for a poll that is not in this log")
        elif state.close is not None:
            report.expect(
                any(cast.leaf == receipt.leaf for cast in state.cast),
                "8.receipt",
                where,
                "what was promised to be in the log is not there: show this receipt to the circle",
            )


def check_files(evidence: Evidence, walk: Walk, report: Report) -> None:
    """Step 5: roll and takes are those of the log, and nobody collected in an own name."""
    rolls: dict[bytes, Roll] = {}
    takes: dict[bytes, Takes] = {}
    for state in walk.polls.values():
        name = t.b64(state.leaf)
        roll = _read_roll(evidence.read(f"roll/{name}", t.FILE_BYTES_MAX), state, report)
        if roll is not None:
            rolls[state.leaf] = roll
        found = _read_takes(evidence.read(f"takes/{name}", t.FILE_BYTES_MAX), state, report)
        if found is not None:
            takes[state.leaf] = found
            _check_takes(found, roll, state, report)
    own = evidence.read("own", OWN_BYTES_MAX)
    if own is not None:
        _check_own(own, walk, rolls, takes, report)


def _read_roll(data: bytes | None, state: PollState, report: Report) -> Roll | None:
    if data is None:
        return None
    try:
        roll = Roll.parse(data)
    except MalformedError as error:
        report.fail("5.roll", state.name, f"the roll is not one: {error}")
        return None
    same = leaf(data) == state.poll.roll and len(roll.members) == state.poll.members
    report.expect(same, "5.roll", state.name, "the roll is not that of the poll record")
    return roll


def _read_takes(data: bytes | None, state: PollState, report: Report) -> Takes | None:
    if data is None or state.close is None:
        return None
    try:
        takes = Takes.parse(data)
    except MalformedError as error:
        report.fail("5.takes", state.name, f"the takes are none, or not sorted: {error}")
        return None
    same = leaf(data) == state.close[1].takes and takes.poll == state.leaf
    report.expect(same, "5.takes", state.name, "the takes are not those of the close record")
    return takes


def _check_takes(takes: Takes, roll: Roll | None, state: PollState, report: Report) -> None:
    if state.close is None:
        return
    close = state.close[1]
    members = set(roll.members) if roll else None
    for take in takes.takes:
        where = f"{state.name}, take {t.b64(take.record_id())}"
        report.expect(_fits(take, state), "5.takes", where, "it does not fit the poll")
        report.expect(
            members is None or take.member in members,
            "5.takes",
            where,
            "its member is not on the roll",
        )
    voters = len({take.member for take in takes.takes})
    slots = len({(take.member, take.slot) for take in takes.takes})
    count = len(takes.takes)
    report.expect(
        (count, count - slots, voters) == (close.take_count, close.reissued, close.voters),
        "5.takes",
        state.name,
        f"the close says {close.take_count} takes, {close.reissued} re-issued, {close.voters} "
        f"members; there are {count}, {count - slots}, {voters}",
    )


def _fits(take: Take, state: PollState) -> bool:
    poll = state.poll
    return (
        take.poll == state.leaf
        and take.slot < poll.slots
        and len(take.blinded) == len(poll.issuers)
        and all(value < n for value, n in zip(take.blinded, poll.issuers, strict=True))
    )


def _parse_own(data: bytes) -> dict[tuple[bytes, bytes], set[bytes]]:
    """Own take leaves by poll and own member id. Raises `MalformedError`."""
    own: dict[tuple[bytes, bytes], set[bytes]] = {}
    none: set[tuple[bytes, bytes]] = set()
    text = data.decode("ascii")
    if text and not text.endswith("\n"):
        raise MalformedError("the last line has no end")
    for line in text.split("\n")[:-1]:  # `splitlines` would forgive seven other line ends
        values = line.split(" ")
        if len(values) != 3:  # noqa: PLR2004  # poll, member, leaf
            raise MalformedError("a line is <poll hash> <own member id> <leaf hash, or ->")
        which = t.unb64(values[0], t.HASH_BYTES), t.unb64(values[1], t.ID_BYTES)
        leaves = own.setdefault(which, set())
        found = None if values[2] == "-" else t.unb64(values[2], t.HASH_BYTES)
        if found in leaves or which in none or (found is None and leaves):
            raise MalformedError("a line contradicts or repeats another")
        if found is None:
            none.add(which)
        else:
            leaves.add(found)
    return own


def _check_own(
    data: bytes,
    walk: Walk,
    rolls: dict[bytes, Roll],
    takes: dict[bytes, Takes],
    report: Report,
) -> None:
    try:
        own = _parse_own(data)
    except (MalformedError, UnicodeDecodeError) as error:
        report.fail("5.own", "own", f"it cannot be read: {error}")
        return
    for (poll, member), leaves in own.items():
        state = walk.polls.get(poll)
        if state is None:
            report.fail("5.own", "own", f"{t.b64(poll)} is no poll of this log")
            continue
        roll = rolls.get(poll)
        report.expect(
            roll is None or member in roll.members,
            "5.own",
            state.name,
            "an own line is not on the roll",
        )
        for take in takes[poll].takes if poll in takes else ():
            mine = take.member != member or take.record_id() in leaves
            report.expect(mine, "5.own", state.name, "somebody collected in your name")
        if poll not in takes and state.close is not None:
            report.remarks.append(f"{state.name}: without its takes, own takes are not checked")


def open_evidence(source: Source, kept: Source | None) -> Evidence:
    """The evidence of a folder of its own, or of the archive where that lies on this machine.

    What an address serves as evidence was kept by nobody: a host could vouch for itself with it.
    """
    if kept is not None:
        return Evidence(kept, "")
    return Evidence(NoSource() if source.remote else source, "evidence/")
