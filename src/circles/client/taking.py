"""Collecting: signed in, fresh ballot keys are signed blindly (docs/protocol.md, 4.2)."""

from __future__ import annotations

import json
from dataclasses import replace

from circles.client.credentials import CredentialFile, Record
from circles.client.log_view import LogView
from circles.client.web import ClientError, Web
from circles.protocol import blind, signature
from circles.protocol.ballot import begin_take
from circles.protocol.merkle import leaf
from circles.protocol.messages import Credential, MalformedError, Poll, Roll, Taken
from circles.protocol.text import FILE_BYTES_MAX, HASH_BYTES, ID_BYTES, b64, unb64

_LINE_BYTES_MAX = 1024


def collect(web: Web, file: CredentialFile, log: LogView, month: str, purpose: str) -> list[Record]:
    """Every slot of a poll, prepared and kept before it is posted; none before it is announced.

    A record that was kept but never answered is posted again, the same bytes. `web` is signed in,
    `log` is fresh. Raises ClientError; what was collected until then is in the file.
    """
    found = log.record(f"rounds/{month}/{purpose}/poll", Poll)
    if found is None:
        return []
    poll_id, poll = found
    if (poll.month, poll.purpose) != (month, purpose):
        raise ClientError("log-bad", "the poll record is of another round")
    file.expect_same_poll(poll_id, month, purpose)
    sound = all(n[0] >= 0x80 and n[-1] % 2 for n in poll.issuers)  # noqa: PLR2004  # 3072 bits
    if not sound or len(set(poll.issuers)) != len(poll.issuers):
        raise ClientError("poll-bad", "an issuer's key is weak: do not vote by it")
    line = _own_line(web, file, poll_id, poll)
    return [_slot(web, file, (poll_id, poll), line, slot) for slot in range(poll.slots)]


def _own_line(web: Web, file: CredentialFile, poll_id: bytes, poll: Poll) -> bytes:
    below = f"rounds/{poll.month}/{poll.purpose}"
    try:
        line = unb64(json.loads(web.member(f"{below}/line", _LINE_BYTES_MAX))["member"], ID_BYTES)
        data = web.member(f"{below}/roll", FILE_BYTES_MAX)
        roll = Roll.parse(data)
    except (ValueError, KeyError, TypeError) as error:
        raise ClientError("roll-bad", f"the roll cannot be read: {error}") from error
    if leaf(data) != poll.roll or len(roll.members) != poll.members or line not in roll.members:
        raise ClientError("roll-bad", "the roll is not that of the poll record, or lacks your line")
    if any(record.member not in ("", b64(line)) for record in file.of_poll(b64(poll_id))):
        raise ClientError(
            "line-changed", "another line was shown before: it may be another member's file"
        )
    return line


def _slot(
    web: Web, file: CredentialFile, named: tuple[bytes, Poll], line: bytes, slot: int
) -> Record:
    poll_id, poll = named
    record = file.records.get((b64(poll_id), b64(line), slot))
    if record is None:
        record = _prepared(poll_id, poll, line, slot)
        file.keep(record)
    if record.tokens is None:
        answer = web.post_take(poll.month, poll.purpose, record.take.encode("ascii"))
        record = replace(record, tokens=_tokens(record, poll, answer), inverses=())
        file.keep(record)
    return record


def _prepared(poll_id: bytes, poll: Poll, line: bytes, slot: int) -> Record:
    pending = begin_take(poll)
    take = pending.take(line, slot)
    return Record(
        poll=b64(poll_id),
        month=poll.month,
        purpose=poll.purpose,
        member=b64(line),
        slot=slot,
        seed=b64(pending.seed),
        key=b64(signature.public_key(pending.seed)),
        prefixes=tuple(b64(prepared[: blind.PREFIX_BYTES]) for prepared in pending.prepared),
        inverses=tuple(b64(blinding.inverse) for blinding in pending.blindings),
        take=take.text().decode("ascii"),
        takeLeaf=b64(take.record_id()),
        tokens=None,
    )


def _tokens(record: Record, poll: Poll, answer: bytes) -> tuple[str, ...]:
    """The tokens out of the issuers' answer. Raises ClientError `answer-bad`."""
    try:
        taken = Taken.parse(answer)
        if b64(taken.take) != record.takeLeaf or len(taken.signed) != len(poll.issuers):
            raise MalformedError("it is for another take")
        credential = Credential(unb64(record.poll), unb64(record.key)).text()
        return tuple(
            b64(blind.finalize(n, unb64(prefix, HASH_BYTES) + credential, signed, unb64(inverse)))
            for n, prefix, inverse, signed in zip(
                poll.issuers, record.prefixes, record.inverses, taken.signed, strict=True
            )
        )
    except ValueError as error:
        raise ClientError("answer-bad", f"the answer does not hold: {error}. Ask again") from error
