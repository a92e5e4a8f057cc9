"""The file of a member's credentials: JSON, the very form that the ballot page saves and loads.

Who holds the file may cast with it: it is written for its owner alone, whole or not at all. Binary
values are base64url, as in every message. Two names of ours stand beside the page's (it passes them
over): `log-key` and `log-last`, what this client saw of the log.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Self

from circles.client.files import write_for_owner
from circles.client.web import ClientError
from circles.protocol import signature
from circles.protocol.ballot import BallotCredential
from circles.protocol.merkle import leaf
from circles.protocol.messages import Take
from circles.protocol.text import HASH_BYTES, RSA_BYTES, MalformedError, b64, unb64

KIND = "circles/credentials/v1"
FILE_BYTES_MAX = 1024 * 1024
SEQ_MAX = 20
_TITLE_CHARS_MAX = 200


@dataclass(frozen=True)
class Cast:
    """One message of a credential. `text` is what is posted, until `receipt` (a note) is here."""

    seq: int
    leaf: str
    text: str | None
    receipt: str | None


@dataclass(frozen=True)
class Record:
    """One credential of one slot. `tokens` is None before the answer, `seed` once it is erased."""

    poll: str
    month: str
    purpose: str
    member: str
    slot: int
    seed: str | None = field(repr=False)
    key: str
    prefixes: tuple[str, ...] = field(repr=False)
    inverses: tuple[str, ...] = field(repr=False)
    take: str
    takeLeaf: str  # noqa: N815  # the file's own name
    tokens: tuple[str, ...] | None = field(repr=False)
    title: str = ""
    casts: tuple[Cast, ...] = ()

    @property
    def where(self) -> tuple[str, str, int]:
        """Poll, line and slot: one record each."""
        return self.poll, self.member, self.slot

    @property
    def last(self) -> Cast | None:
        """The newest cast."""
        return max(self.casts, key=lambda cast: cast.seq, default=None)

    @property
    def usable(self) -> bool:
        """Whether it can cast."""
        return self.tokens is not None and self.seed is not None

    def credential(self) -> BallotCredential:
        """What ballots are made with. Raises ClientError for one that cannot cast."""
        if self.seed is None or self.tokens is None:
            raise ClientError("no-credentials", "this credential has no key or no token")
        return BallotCredential(
            unb64(self.poll, HASH_BYTES),
            unb64(self.seed, HASH_BYTES),
            tuple(unb64(prefix, HASH_BYTES) for prefix in self.prefixes),
            tuple(unb64(token, RSA_BYTES) for token in self.tokens),
        )

    def next_seq(self, before: int = 0) -> int:
        """The number of the next cast; `before`: how many went out from elsewhere, at most.

        Raises ClientError after the twentieth.
        """
        seq = max(before, self.last.seq if self.last else 0) + 1
        if seq > SEQ_MAX:
            raise ClientError("seq-exhausted", f"a ballot can be changed {SEQ_MAX} times")
        return seq

    def with_cast(self, cast: Cast) -> Self:
        """The record with this cast, in place of what it had of it."""
        others = [held for held in self.casts if held.leaf != cast.leaf]
        return replace(self, casts=tuple(sorted([*others, cast], key=lambda held: held.seq)))

    @classmethod
    def read(cls, value: dict[str, Any]) -> Self:
        """A record, checked: its take reads, its key belongs to its seed. Raises `ValueError`.

        One that came from paper has neither line nor take (client/codes.py).
        """
        take_leaf = _check_take(value) if value["take"] or value["member"] else ""
        key, seed = unb64(value["key"], HASH_BYTES), value["seed"]
        if seed is not None and signature.public_key(unb64(seed, HASH_BYTES)) != key:
            raise MalformedError("a key does not belong to its seed")
        tokens = value["tokens"]
        return cls(
            poll=value["poll"],
            month=str(value["month"]),
            purpose=str(value["purpose"]),
            member=value["member"],
            slot=int(value["slot"]),
            seed=seed,
            key=value["key"],
            prefixes=tuple(map(str, value["prefixes"])),
            inverses=tuple(map(str, value["inverses"])),
            take=value["take"],
            takeLeaf=take_leaf,
            tokens=None if tokens is None else tuple(map(str, tokens)),
            title=str(value.get("title", ""))[:_TITLE_CHARS_MAX],
            casts=tuple(_read_cast(cast) for cast in value["casts"]),
        )


def _check_take(value: dict[str, Any]) -> str:
    """The leaf hash of a record's take, which must be of the record's poll, line and slot."""
    take = Take.parse(str(value["take"]).encode("ascii"))
    named = (b64(take.poll), b64(take.member), take.slot)
    if named != (value["poll"], value["member"], value["slot"]):
        raise MalformedError("a record does not fit its take")
    return b64(leaf(take.text()))


def _read_cast(value: dict[str, Any]) -> Cast:
    text, receipt = value["text"], value["receipt"]
    return Cast(
        int(value["seq"]),
        str(value["leaf"]),
        None if text is None else str(text),
        None if receipt is None else str(receipt),
    )


def _read_json(path: Path) -> dict[str, Any]:
    if path.stat().st_size > FILE_BYTES_MAX:
        raise ValueError("it is too long")
    value: dict[str, Any] = json.loads(path.read_text("utf-8"))
    if value["kind"] != KIND:
        raise ValueError("it is of another kind")
    return value


@dataclass
class CredentialFile:
    """The file of one circle (`scope`: `/c/<slug>`), and what is in it."""

    path: Path
    scope: str
    records: dict[tuple[str, str, int], Record] = field(default_factory=dict)
    log_key: str | None = None
    log_last: dict[str, Any] | None = None

    @classmethod
    def open(cls, path: Path, scope: str, *, create: bool = False) -> Self:
        """The file there; a new one if it may be made. Raises ClientError."""
        if create and not path.exists():
            return cls(path, scope)
        try:
            value = _read_json(path)
            records = [Record.read(record) for record in value["records"]]
        except OSError as error:
            raise ClientError("file-unreadable", f"{path}: {error.strerror}") from error
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ClientError(
                "file-unreadable", f"{path} is not a file of credentials, or it is damaged: {error}"
            ) from error
        if value["circle"] != scope:
            raise ClientError("file-other-circle", f"{path} is of {value['circle']}, not {scope}")
        held = {record.where: record for record in records}
        return cls(path, scope, held, value.get("log-key"), value.get("log-last"))

    def keep(self, *records: Record) -> None:
        """Put records in, and write: when this returns they are on the disk."""
        for record in records:
            self.records[record.where] = record
        self.write()

    def of_poll(self, poll: str) -> list[Record]:
        """The records of a poll, by line and slot."""
        return sorted(
            (record for record in self.records.values() if record.poll == poll),
            key=lambda record: (record.member, record.slot),
        )

    def of_month(self, month: str, purpose: str) -> list[Record]:
        """The records of a month's poll, by line and slot."""
        polls: Iterable[str] = dict.fromkeys(
            record.poll
            for record in self.records.values()
            if (record.month, record.purpose) == (month, purpose)
        )
        return [record for poll in polls for record in self.of_poll(poll)]

    def expect_same_poll(self, poll_id: bytes, month: str, purpose: str) -> None:
        """Raises ClientError `poll-differs` where what was kept is of another poll of that name.

        A round has one poll of each purpose: whoever shows a second one can tell by it who came.
        """
        held = {record.poll for record in self.of_month(month, purpose)}
        if held - {b64(poll_id)}:
            raise ClientError(
                "poll-differs",
                f"another {purpose} poll of {month} was shown before: tell the others, do not vote",
            )

    def write(self) -> None:
        """Write the file: beside, synced, then in its place; readable by its owner alone."""
        value: dict[str, Any] = {"kind": KIND, "circle": self.scope}
        value["records"] = [asdict(record) for record in self.records.values()]
        if self.log_key is not None:
            value |= {"log-key": self.log_key, "log-last": self.log_last}
        text = f"{json.dumps(value, indent=1, ensure_ascii=False)}\n"
        write_for_owner(self.path, text.encode("utf-8"))
