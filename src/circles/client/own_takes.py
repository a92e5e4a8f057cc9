"""Who collected in my name? The roll and the takes, which members may read, against one's own file.

Signed in: the line and both files are for members alone. What is found is kept as evidence.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field

from circles.client import looking
from circles.client.credentials import CredentialFile
from circles.client.log_view import LogView
from circles.client.web import ClientError, Web
from circles.protocol.merkle import leaf
from circles.protocol.messages import MalformedError, Poll, Roll, Takes
from circles.protocol.text import FILE_BYTES_MAX, ID_BYTES, b64, unb64

_LINE_BYTES_MAX = 1024
# The poll's files are deleted 90 days after its close; before the close there are no takes.
_NOT_THERE = frozenset({"not-on-roll", "missing", "gone", "not-open"})


@dataclass(frozen=True)
class OwnTakes:
    """What a member was shown of one poll. `takes` is None before the close, and 90 days after.

    `strange`: leaves of takes on the own line that the own file does not know.
    """

    poll: str
    line: str
    roll: bytes = field(repr=False)
    takes: bytes | None = field(repr=False)
    strange: tuple[str, ...] = ()


def look(web: Web, file: CredentialFile, log: LogView, month: str, purpose: str) -> OwnTakes | None:
    """The own line's takes of a poll; None where there is no poll, or one is not on its roll.

    `web` is signed in, `log` is fresh. Raises ClientError `roll-bad`, `takes-bad`, `line-changed`.
    """
    found = log.record(f"rounds/{month}/{purpose}/poll", Poll)
    if found is None:
        return None
    poll_id, poll = found
    file.expect_same_poll(poll_id, month, purpose)
    below = f"rounds/{month}/{purpose}"
    answer = _or_none(web, f"{below}/line", _LINE_BYTES_MAX)
    roll_text = _or_none(web, f"{below}/roll", FILE_BYTES_MAX)
    if answer is None or roll_text is None:
        return None
    line = _line(answer, roll_text, poll)
    known = {record.member for record in file.of_poll(b64(poll_id)) if record.member}
    if known - {b64(line)}:
        raise ClientError("line-changed", "another line was shown when you collected")
    takes_text = _or_none(web, f"{below}/takes", FILE_BYTES_MAX)
    close = looking.box_of(log, poll_id).close
    if takes_text is None or close is None:
        return OwnTakes(b64(poll_id), b64(line), roll_text, None)
    try:
        takes = Takes.parse(takes_text)
    except MalformedError as error:
        raise ClientError("takes-bad", f"the takes cannot be read: {error}") from error
    if leaf(takes_text) != close.takes:
        raise ClientError("takes-bad", "the takes are not those that the close record names")
    own = {record.takeLeaf for record in file.of_poll(b64(poll_id))}
    mine = (b64(take.record_id()) for take in takes.takes if take.member == line)
    strange = tuple(take for take in mine if take not in own)
    return OwnTakes(b64(poll_id), b64(line), roll_text, takes_text, strange)


def _or_none(web: Web, path: str, bytes_max: int) -> bytes | None:
    try:
        return web.member(path, bytes_max)
    except ClientError as error:
        if error.code in _NOT_THERE:
            return None
        raise


def _line(answer: bytes, roll_text: bytes, poll: Poll) -> bytes:
    try:
        line = unb64(json.loads(answer)["member"], ID_BYTES)
        roll = Roll.parse(roll_text)
    except (ValueError, KeyError, TypeError) as error:
        raise ClientError("roll-bad", f"the roll cannot be read: {error}") from error
    if leaf(roll_text) != poll.roll or line not in roll.members:
        raise ClientError("roll-bad", "the roll is not that of the poll record, or lacks your line")
    return line
