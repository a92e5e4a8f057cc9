"""Ways to bend a month: at a record, at the entries, at the files."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

from circles.protocol import ballot as b
from circles.protocol import messages as m
from circles.protocol import signature
from circles.protocol.checkpoint import LogKey
from circles.protocol.messages import signed_part
from tests.protocol import simulator as s
from tests.protocol.simulator import Month

Files = dict[str, bytes]
Mutant = tuple[str, Callable[[], Files], set[str]]
HOUR = timedelta(hours=1)


def bent(**options: Any) -> Callable[[], Files]:
    """A month with `bend` (names with `_` for spaces), or other options of `Month`."""
    names = {"bend": {k.replace("_", " "): v for k, v in options.pop("bend", {}).items()}}
    return lambda: Month(**names, **options).run().files()


def edited(edit: Callable[[Month], object], **options: Any) -> Callable[[], Files]:
    """A month whose entries are edited after the fact, hashed and signed anew."""

    def make() -> Files:
        month = Month(**options).run()
        edit(month)
        return month.files()

    return make


def refiled(edit: Callable[[Files], object], **options: Any) -> Callable[[], Files]:
    """A month whose files are edited."""

    def make() -> Files:
        files = Month(**options).run().files()
        edit(files)
        return files

    return make


def change(**values: Any) -> Callable[[Any], Any]:
    """A record with other values."""
    return lambda record: replace(record, **values)


def find(month: Month, kind: type[m.Message], which: int = 0) -> int:
    """The index of the which-th entry of a type."""
    found = [i for i, x in enumerate(month.entries) if isinstance(m.parse(x), kind)]
    return found[which]


def put(month: Month, index: int, record: m.Message | bytes) -> None:
    """Insert an entry."""
    data = record if isinstance(record, bytes) else record.text()
    month.entries.insert(index, data)
    shift_closes(month, index, 1)


def drop(month: Month, index: int) -> None:
    """Take an entry out."""
    del month.entries[index]
    shift_closes(month, index, -1)


def shift_closes(month: Month, index: int, by: int) -> None:
    """Correct where the closes say their ballots begin, and what was kept."""
    month.kept_sizes = [size + by if size > index else size for size in month.kept_sizes]
    for at, data in enumerate(month.entries):
        record = m.parse(data) if data.startswith(b"circles/close") else None
        if isinstance(record, m.Close) and record.first >= index:
            month.entries[at] = replace(record, first=record.first + by).text()


def resign(message: Any, seed: bytes, **values: Any) -> Any:
    """A ballot or nomination with other values, signed anew."""
    draft = replace(message, **values)
    return replace(draft, sig=signature.sign(seed, signed_part(draft.text())))


def first_seed(month_part: str) -> Callable[[Any], bytes]:
    """The secret of the credential that a message carries."""

    def seed(message: Any) -> bytes:
        for take, credential in list_credentials(month_part):
            del take
            if credential.key == message.key:
                return credential.seed
        raise AssertionError("unknown key")

    return seed


def list_credentials(purpose: str) -> list[tuple[m.Take, b.BallotCredential]]:
    """All credentials of the honest month's poll (they are cached)."""
    month = Month(stop="announce").run()
    poll = month.nominate if purpose == m.NOMINATE else month.vote
    slots = poll.poll.slots
    return [
        s._taken(poll.poll.text(), member, slot, 0)
        for member in poll.roll.members
        for slot in range(slots)
    ]


def bend_cast(purpose: str, **values: Any) -> Callable[[Any], Any]:
    """A cast message with other values, signed anew by its own key."""
    return lambda message: resign(message, first_seed(purpose)(message), **values)


def flipped(data: bytes, at: int = -1) -> bytes:
    """One bit changed."""
    return data[:at] + bytes([data[at] ^ 1]) + (data[at + 1 :] if at != -1 else b"")


def signed_by(key: LogKey, files: Files) -> None:
    """The checkpoint signed by another key."""
    text = files["log/checkpoint"].split(b"\n\n")[0] + b"\n"
    files["log/checkpoint"] = key.sign_note(text)


def set_file(name: str, data: bytes | Callable[[bytes], bytes]) -> Callable[[Files], None]:
    """Another content for the file whose name begins so."""

    def edit(files: Files) -> None:
        path = next(path for path in sorted(files) if path.startswith(name))
        files[path] = data if isinstance(data, bytes) else data(files[path])

    return edit


def del_file(name: str) -> Callable[[Files], None]:
    """No such file."""

    def edit(files: Files) -> None:
        del files[next(path for path in sorted(files) if path.startswith(name))]

    return edit


STRANGER = LogKey(s.ORIGIN, b"\7" * 32)
TILE = "log/tile/0/000"
ENTRIES = "log/tile/entries/000"


def event_of(month: Month, **values: Any) -> m.Event:
    poll = month.vote.poll
    event = m.Event(poll.record_id(), 0, poll.take_from, poll.opens_at, poll.closes_at, s.CLIENTS)
    return replace(event, **values)


def announced(edit: Callable[[Month], object]) -> Callable[[], Files]:
    """Only the polls are announced, and then something more."""
    return edited(edit, stop="announce")


def announced_bent(purpose: str, **values: Any) -> Callable[[], Files]:
    """Only the polls are announced, one of them bent."""
    return bent(bend={f"poll {purpose}": change(**values)}, stop="announce")


NOT_CLOSED = Month(stop="announce").run()
VOTE_POLL = NOT_CLOSED.vote.poll
NOMINATE_POLL = NOT_CLOSED.nominate.poll
VOTE_N = VOTE_POLL.issuers[0]


def move(month: Month, old: int, new: int) -> None:
    data = month.entries[old]
    drop(month, old)
    put(month, new, data)
    month.kept_sizes = []


def bare(edit: Callable[[Files], object]) -> Callable[[], Files]:
    """A month whose files are edited, and of which nothing was kept but the key."""

    def forget(files: Files) -> None:
        for path in [path for path in files if path.startswith("evidence/")]:
            if path != "evidence/key":
                del files[path]
        edit(files)

    return refiled(forget)
