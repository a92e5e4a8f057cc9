"""Credentials, ballots and nominations: how a member makes them, how a box checks them.

Making:  `begin_take` -> post `.take(...)` -> `.finish(taken)` gives a `BallotCredential` ->
         `make_ballot` or `make_nomination`.
Checking: `check_ballot`, `check_nomination`: the text, the poll, the slate, the tokens, the
         signature. They raise `BallotError` with the contract's code (docs/protocol.md, 5). What
         depends on time or on what is already in the box is the box's to check.
"""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Final, Self, TypeVar

from circles.protocol import blind, seal, signature
from circles.protocol.messages import (
    Ask,
    Ballot,
    Choice,
    Credential,
    MalformedError,
    Nomination,
    Poll,
    Take,
    Taken,
    sealed_part,
    signed_part,
)
from circles.protocol.text import HASH_BYTES, ID_BYTES, POSTED_BYTES_MAX, SIG_BYTES, b64, unb64

DOCUMENT_BYTES_MAX = 4096
_SALT_LINE_BYTES = len("salt \n") + 43
NOMINATION_POST_BYTES_MAX = POSTED_BYTES_MAX + 1 + _SALT_LINE_BYTES + DOCUMENT_BYTES_MAX
_UNSIGNED: Final = bytes(SIG_BYTES)
_Cast = TypeVar("_Cast", Ballot, Nomination)


class BallotError(ValueError):
    """A ballot or nomination that the box must refuse; `code` is the contract's word for why."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


# Making


@dataclass(frozen=True, slots=True, repr=False)
class BallotCredential:
    """A ballot key's 32 secret bytes with its prefix and token under each issuer of a poll."""

    poll: bytes
    seed: bytes
    prefixes: tuple[bytes, ...]
    tokens: tuple[bytes, ...]

    @property
    def key(self) -> bytes:
        """The public ballot key."""
        return signature.public_key(self.seed)


@dataclass(frozen=True, slots=True, repr=False)
class PendingCredential:
    """A credential on its way: store it before posting the take, it cannot be made again."""

    poll: bytes
    seed: bytes
    issuers: tuple[bytes, ...]
    prepared: tuple[bytes, ...]
    blindings: tuple[blind.Blinding, ...]

    def take(self, member: bytes, slot: int) -> Take:
        """The message to post, signed in, for the own line on the roll and a free slot."""
        return Take(self.poll, member, slot, tuple(b.blinded for b in self.blindings))

    def finish(self, taken: Taken) -> BallotCredential:
        """The credential, each token checked. Raises `blind.BlindingError`."""
        if len(taken.signed) != len(self.issuers):
            raise blind.BlindingError("an issuer's answer is missing; ask again")
        tokens = tuple(
            blind.finalize(n, prepared, signed, blinding.inverse)
            for n, prepared, signed, blinding in zip(
                self.issuers, self.prepared, taken.signed, self.blindings, strict=True
            )
        )
        prefixes = tuple(prepared[: blind.PREFIX_BYTES] for prepared in self.prepared)
        return BallotCredential(self.poll, self.seed, prefixes, tokens)


def begin_take(poll: Poll) -> PendingCredential:
    """A fresh ballot key for this poll, blinded for each of its issuers."""
    return begin_take_at(poll.record_id(), poll.issuers)


def begin_take_at(poll: bytes, issuers: Sequence[bytes]) -> PendingCredential:
    """`begin_take` by poll hash and issuers' moduli."""
    seed = signature.new_seed()
    credential = Credential(poll, signature.public_key(seed)).text()
    prepared = tuple(blind.prepare(credential) for _ in issuers)
    blindings = tuple(blind.blind(n, p) for n, p in zip(issuers, prepared, strict=True))
    return PendingCredential(poll, seed, tuple(issuers), prepared, blindings)


def new_choice(ticks: Sequence[int] = (), *, keep: bool = False) -> Choice:
    """A choice with a fresh nonce; no ticks at all is a blank one."""
    return Choice(secrets.token_bytes(ID_BYTES), tuple(sorted(ticks)), keep)


def make_ballot(
    poll: Poll, slate: bytes, credential: BallotCredential, choice: Choice, seq: int = 1
) -> Ballot:
    """A sealed, signed ballot. A re-vote is the same credential with a higher `seq`."""
    poll_hash = poll.record_id()
    key = secrets.token_bytes(seal.KEY_BYTES)
    shares = seal.split(key, poll.threshold, len(poll.trustees))
    public = credential.key
    sealed = tuple(
        seal.seal_share(share, trustee, seal.share_info(poll_hash, public, number))
        for number, (share, trustee) in enumerate(zip(shares, poll.trustees, strict=True), start=1)
    )
    draft = Ballot(
        poll=poll_hash,
        slate=slate,
        key=public,
        prefixes=credential.prefixes,
        tokens=credential.tokens,
        seq=seq,
        commit=seal.commitment(key),
        shares=sealed,
        body=bytes(272),
        sig=_UNSIGNED,
    )
    above = sealed_part(draft.text())
    return sign_ballot(
        replace(draft, body=seal.encrypt_body(key, above, seal.pad(choice))), credential.seed
    )


def sign_ballot(ballot: Ballot, seed: bytes) -> Ballot:
    """The ballot with its signature made anew by this ballot key."""
    return replace(ballot, sig=signature.sign(seed, signed_part(ballot.text())))


@dataclass(frozen=True, slots=True)
class Document:
    """Words outside the log, erasable: UTF-8, at most 4096 bytes, the first line the recipient.

    `salt` (32 bytes) keeps a guess at the words from being tested against the log.
    """

    salt: bytes
    text: bytes

    @classmethod
    def of(cls, text: str) -> Self:
        """A document with a fresh salt."""
        return cls(secrets.token_bytes(HASH_BYTES), text.encode("utf-8"))

    def hash(self) -> bytes:
        """SHA-256("circles/doc/v1\\n" || salt || text)."""
        return sha256(b"circles/doc/v1\n" + self.salt + self.text).digest()

    def check(self) -> None:
        """Raise `BallotError` for a text that is too long, not UTF-8, or names no recipient."""
        if len(self.text) > DOCUMENT_BYTES_MAX:
            raise BallotError("too-long", f"a text is at most {DOCUMENT_BYTES_MAX} bytes")
        try:
            first = self.text.decode("utf-8").partition("\n")[0]
        except UnicodeDecodeError:
            raise BallotError("malformed", "a text is UTF-8") from None
        if not first.strip() or "\0" in first:
            raise BallotError("malformed", "the first line of a text names the recipient")

    def file(self) -> bytes:
        """The bytes of `documents/<hash>` in an archive: the salt, then the text."""
        return self.salt + self.text


def make_nomination(
    poll: Poll, credential: BallotCredential, ask: Ask, document: Document, seq: int = 1
) -> Nomination:
    """A signed nomination. A changed one is the same credential with a higher `seq`."""
    draft = Nomination(
        poll=poll.record_id(),
        key=credential.key,
        prefixes=credential.prefixes,
        tokens=credential.tokens,
        seq=seq,
        ask=ask,
        doc=document.hash(),
        sig=_UNSIGNED,
    )
    return replace(draft, sig=signature.sign(credential.seed, signed_part(draft.text())))


def nomination_post(nomination: Nomination, document: Document) -> bytes:
    """The body that casts a nomination: it, an empty line, the salt's line, the text."""
    salt = f"\nsalt {b64(document.salt, HASH_BYTES)}\n".encode("ascii")
    return nomination.text() + salt + document.text


# Checking


def split_nomination_post(body: bytes) -> tuple[bytes, Document]:
    """A nomination's text and its document, of a cast's body. Raises `BallotError`."""
    if len(body) > NOMINATION_POST_BYTES_MAX:
        raise BallotError("too-long", "a nomination with its text is at most 12 kB")
    head, found, rest = body.partition(b"\n\n")
    salt_line, end, text = rest.partition(b"\n")
    if not found or not end or not salt_line.startswith(b"salt "):
        raise BallotError("malformed", "after a nomination: an empty line, its salt, its text")
    try:
        salt = unb64(salt_line[5:].decode("ascii"), HASH_BYTES)
    except ValueError:
        raise BallotError("malformed", "the salt of the text is not 32 bytes") from None
    return head + b"\n", Document(salt, text)


def check_ballot(poll: Poll, slate: bytes, data: bytes) -> Ballot:
    """The ballot of these bytes, fit to be logged for this poll and slate (its leaf hash).

    Raises `BallotError` with code `too-long`, `malformed`, `unknown-poll`, `slate-changed`,
    `token-invalid` or `sig-invalid`.
    """
    ballot = _parsed(Ballot, data)
    if ballot.poll != poll.record_id():
        raise BallotError("unknown-poll", "this ballot is for another poll")
    if ballot.slate != slate:
        raise BallotError("slate-changed", "this ballot is for another slate: look at it again")
    if len(ballot.shares) != len(poll.trustees):
        raise BallotError("malformed", "a ballot has one share for each trustee")
    _check_signed(poll, ballot, data)
    return ballot


def check_nomination(poll: Poll, data: bytes, document: Document | None) -> Nomination:
    """The nomination of these bytes, fit to be logged for this poll.

    `document` is what came beside it; None where it is not at hand (the log holds none). Raises
    `BallotError` as `check_ballot` does, and `doc-mismatch`.
    """
    nomination = _parsed(Nomination, data)
    if nomination.poll != poll.record_id():
        raise BallotError("unknown-poll", "this nomination is for another poll")
    if document is not None:
        document.check()
        if document.hash() != nomination.doc:
            raise BallotError("doc-mismatch", "the text is not the one the nomination names")
    _check_signed(poll, nomination, data)
    return nomination


def _parsed(kind: type[_Cast], data: bytes) -> _Cast:
    if len(data) > POSTED_BYTES_MAX:
        raise BallotError("too-long", f"a message is at most {POSTED_BYTES_MAX} bytes")
    try:
        return kind.parse(data)
    except MalformedError as error:
        raise BallotError("malformed", f"not a message of the contract: {error}") from error


def _check_signed(poll: Poll, message: Ballot | Nomination, data: bytes) -> None:
    if not tokens_hold(poll, message):
        raise BallotError("token-invalid", "the credential was not signed for this poll")
    if not signature.verify(message.key, signed_part(data), message.sig):
        raise BallotError("sig-invalid", "the signature is not the ballot key's")


def tokens_hold(poll: Poll, message: Ballot | Nomination) -> bool:
    """Whether the ballot key bears a token of every issuer of the poll."""
    if len(message.tokens) != len(poll.issuers):
        return False
    credential = Credential(message.poll, message.key).text()
    return all(
        blind.verify_token(n, prefix, credential, token)
        for n, prefix, token in zip(poll.issuers, message.prefixes, message.tokens, strict=True)
    )
