"""Making credentials, ballots and nominations, and refusing what is not one of ours."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import pytest

from circles.protocol import ballot as b
from circles.protocol import blind, seal, signature
from circles.protocol.messages import (
    Ask,
    Ballot,
    MalformedError,
    Nomination,
    Poll,
    Slate,
    Taken,
    signed_part,
)
from circles.protocol.text import unb64
from tests.protocol.conftest import load

PROTOCOL = load("protocol-v1.json")


def _text(what: str) -> bytes:
    return next(m["text"] for m in PROTOCOL["messages"] if m["what"] == what).encode()


VOTE = Poll.parse(_text("logged: poll vote"))
NOMINATE = Poll.parse(_text("logged: poll nominate"))
SLATE = Slate.parse(_text("logged: slate"))


def test_the_worked_ballot_may_be_logged_and_opens() -> None:
    data = PROTOCOL["ballot"]["text"].encode()
    ballot = b.check_ballot(VOTE, SLATE.record_id(), data)
    assert ballot.record_id() == unb64(PROTOCOL["ballot"]["leaf"])
    secret = unb64(PROTOCOL["ballot"]["trustee_secrets"]["1"])
    choice = seal.open_ballot(VOTE, SLATE, ballot, {1: secret})
    assert not isinstance(choice, str)
    assert choice.text() == PROTOCOL["ballot"]["choice_text"].encode()


def test_the_worked_nomination_may_be_logged() -> None:
    assert b.check_nomination(NOMINATE, _text("logged: nomination"), None).ask == Ask(
        None, 5000, part=True
    )


@pytest.mark.parametrize("case", PROTOCOL["must_refuse_ballots"], ids=lambda c: c["why"])
def test_ballots_that_must_be_refused(case: dict[str, str]) -> None:
    with pytest.raises(b.BallotError) as refused:
        b.check_ballot(VOTE, SLATE.record_id(), case["text"].encode())
    assert refused.value.code == case["code"]


def test_the_worked_document() -> None:
    d = PROTOCOL["document"]
    document = b.Document(unb64(d["salt"]), d["text"].encode())
    assert document.hash() == unb64(d["hash"])
    nomination = _text("logged: nomination")
    posted = nomination + d["cast_body_after_the_nomination"].encode()
    assert b.nomination_post(Nomination.parse(nomination), document) == posted
    assert b.split_nomination_post(posted) == (nomination, document)
    with pytest.raises(b.BallotError) as refused:
        b.check_nomination(NOMINATE, nomination, document)
    assert refused.value.code == "doc-mismatch"


@dataclass
class Booth:
    """A vote with two issuers and two of three trustees, and one credential for it."""

    poll: Poll
    issuers: list[blind.IssuerKey]
    trustees: list[seal.TrusteeKey]
    credential: b.BallotCredential
    slate: Slate


def take(poll: Poll, issuers: list[blind.IssuerKey]) -> b.BallotCredential:
    """A credential, collected as a member does."""
    pending = b.begin_take(poll)
    asked = pending.take(bytes(16), 0)
    signed = tuple(key.sign_blinded(x) for key, x in zip(issuers, asked.blinded, strict=True))
    return pending.finish(Taken(asked.record_id(), signed))


@pytest.fixture(scope="module")
def booth() -> Booth:
    issuers = [blind.IssuerKey.generate() for _ in range(2)]
    trustees = [seal.TrusteeKey.generate() for _ in range(3)]
    poll = replace(
        VOTE,
        issuers=tuple(key.n for key in issuers),
        trustees=tuple(key.public for key in trustees),
        threshold=2,
        max_choices=2,
        opens_at=datetime(2026, 12, 12, tzinfo=UTC),
    )
    slate = Slate(poll.record_id(), bytes(32), (bytes(32), b"\1" * 32))
    return Booth(poll, issuers, trustees, take(poll, issuers), slate)


def test_a_ballot_made_here_is_taken_and_opened_here(booth: Booth) -> None:
    slate = booth.slate.record_id()
    choice = b.new_choice([2], keep=True)
    ballot = b.make_ballot(booth.poll, slate, booth.credential, choice)
    assert b.check_ballot(booth.poll, slate, ballot.text()) == ballot
    secrets = {3: booth.trustees[2].secret, 1: booth.trustees[0].secret}
    assert seal.open_ballot(booth.poll, booth.slate, ballot, secrets) == choice
    again = b.make_ballot(booth.poll, slate, booth.credential, b.new_choice(), seq=2)
    assert (again.key, again.seq) == (ballot.key, 2)
    assert again.commit != ballot.commit
    blank = seal.open_ballot(booth.poll, booth.slate, again, secrets)
    assert not isinstance(blank, str)
    assert (blank.ticks, blank.keep) == ((), False)


def _void(booth: Booth, ballot: Ballot) -> Any:
    secrets = {number: key.secret for number, key in enumerate(booth.trustees, start=1)}
    return seal.open_ballot(booth.poll, booth.slate, ballot, secrets)


def test_why_a_ballot_is_void(booth: Booth) -> None:
    slate = booth.slate.record_id()
    ballot = b.make_ballot(booth.poll, slate, booth.credential, b.new_choice([1]))
    other = b.make_ballot(booth.poll, slate, booth.credential, b.new_choice([1]))
    first, second, third = ballot.shares
    assert _void(booth, replace(ballot, shares=(second, first, third))) == "share"
    assert _void(booth, replace(ballot, shares=(first, second, bytes(80)))) != "share"
    assert _void(booth, replace(ballot, shares=(first,))) == "share"
    assert _void(booth, replace(ballot, commit=other.commit)) == "commit"
    assert _void(booth, replace(ballot, shares=other.shares)) == "commit"
    assert _void(booth, replace(ballot, body=other.body)) == "body"
    assert _void(booth, replace(ballot, seq=2)) == "body"
    for choice in (b.new_choice([3]), b.new_choice([1, 2], keep=True)):
        sealed = b.make_ballot(booth.poll, slate, booth.credential, choice)
        assert _void(booth, sealed) == "choice"


@pytest.mark.parametrize("case", PROTOCOL["padding_must_fail"], ids=lambda c: c["why"])
def test_a_sealed_choice_with_wrong_padding_is_void(booth: Booth, case: dict[str, str]) -> None:
    key = bytes(32)
    ballot = b.make_ballot(booth.poll, booth.slate.record_id(), booth.credential, b.new_choice())
    shares = tuple(
        seal.seal_share(share, trustee.public, seal.share_info(ballot.poll, ballot.key, number))
        for number, (share, trustee) in enumerate(
            zip(seal.split(key, 2, 3), booth.trustees, strict=True), start=1
        )
    )
    ballot = replace(ballot, commit=seal.commitment(key), shares=shares)
    plaintext = unb64(case["plaintext"])
    body = seal.encrypt_body(key, seal.sealed_part(ballot.text()), plaintext)
    if len(body) == len(ballot.body):
        assert _void(booth, replace(ballot, body=body)) == "choice"
    else:  # then there is no such ballot
        with pytest.raises(MalformedError):
            replace(ballot, body=body).text()


Bend = Callable[[Booth, Ballot], Ballot]
BENT_BALLOTS: dict[str, tuple[str, Bend]] = {
    "a share missing": ("malformed", lambda _, x: replace(x, shares=x.shares[:2])),
    "an issuer's token missing": (
        "token-invalid",
        lambda _, x: replace(x, prefixes=x.prefixes[:1], tokens=x.tokens[:1]),
    ),
    "tokens swapped": ("token-invalid", lambda _, x: replace(x, tokens=x.tokens[::-1])),
    "prefixes swapped": ("token-invalid", lambda _, x: replace(x, prefixes=x.prefixes[::-1])),
    "one token twice": ("token-invalid", lambda _, x: replace(x, tokens=x.tokens[:1] * 2)),
    "a token not below n": (
        "token-invalid",
        lambda _, x: replace(x, tokens=(b"\xff" * 384, x.tokens[1])),
    ),
    "another slate": ("slate-changed", lambda _, x: replace(x, slate=bytes(32))),
    "another poll": ("unknown-poll", lambda _, x: replace(x, poll=bytes(32))),
}


@pytest.mark.parametrize("why", BENT_BALLOTS)
def test_bent_ballots_signed_anew_are_refused(booth: Booth, why: str) -> None:
    code, bend = BENT_BALLOTS[why]
    slate = booth.slate.record_id()
    ballot = b.make_ballot(booth.poll, slate, booth.credential, b.new_choice())
    bent = b.sign_ballot(bend(booth, ballot), booth.credential.seed)
    with pytest.raises(b.BallotError) as refused:
        b.check_ballot(booth.poll, slate, bent.text())
    assert refused.value.code == code


def test_a_credential_of_another_poll_is_refused(booth: Booth) -> None:
    other = replace(booth.poll, month="2027-01")
    ballot = b.make_ballot(other, bytes(32), booth.credential, b.new_choice())
    with pytest.raises(b.BallotError) as refused:
        b.check_ballot(other, bytes(32), ballot.text())
    assert refused.value.code == "token-invalid"


@pytest.mark.parametrize("data", [b"", b"\n", b"x" * 9000, b"circles/nomination/v1\n", b"\xff\n"])
def test_what_is_no_ballot_is_refused(data: bytes) -> None:
    with pytest.raises(b.BallotError) as refused:
        b.check_ballot(VOTE, SLATE.record_id(), data)
    assert refused.value.code == ("too-long" if len(data) > 8192 else "malformed")


@pytest.fixture(scope="module")
def nominating(booth: Booth) -> Booth:
    poll = replace(NOMINATE, issuers=(booth.issuers[0].n,))
    return replace(booth, poll=poll, credential=take(poll, booth.issuers[:1]))


def test_a_nomination_made_here_is_taken_here(nominating: Booth) -> None:
    document = b.Document.of("Choir\nnew scores, please. Ärger!")
    nomination = b.make_nomination(nominating.poll, nominating.credential, Ask(7000), document)
    text, found = b.split_nomination_post(b.nomination_post(nomination, document))
    assert found == document
    assert b.check_nomination(nominating.poll, text, found) == nomination
    assert document.file() == document.salt + document.text


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (b"", "malformed"),
        (b"  \nsomething", "malformed"),
        (b"\xff\xfe", "malformed"),
        (b"a\0b", "malformed"),
        (b"x" * 4097, "too-long"),
    ],
)
def test_texts_that_are_no_documents(nominating: Booth, words: bytes, code: str) -> None:
    document = b.Document(bytes(32), words)
    nomination = b.make_nomination(nominating.poll, nominating.credential, Ask(7000), document)
    with pytest.raises(b.BallotError) as refused:
        b.check_nomination(nominating.poll, nomination.text(), document)
    assert refused.value.code == code


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"a\n\n",
        b"a\nsalt " + b"A" * 43 + b"\nwords",
        b"a\n\nsalt " + b"A" * 42 + b"\nwords",
        b"a\n\nsalt " + b"A" * 42 + b"B\nwords",
        b"a\n\nsalt \xff\nwords",
        b"a\n\nSalt " + b"A" * 43 + b"\nwords",
        b"x" * 20000,
    ],
)
def test_posts_that_are_no_nominations(body: bytes) -> None:
    with pytest.raises(b.BallotError) as refused:
        b.split_nomination_post(body)
    assert refused.value.code in ("malformed", "too-long")


def test_a_nomination_is_held_to_poll_token_and_signature(nominating: Booth) -> None:
    document = b.Document.of("Choir")
    good = b.make_nomination(nominating.poll, nominating.credential, Ask(7000), document)
    seed = nominating.credential.seed

    def signed(bent: Nomination) -> bytes:
        return replace(bent, sig=signature.sign(seed, signed_part(bent.text()))).text()

    cases = [
        ("unknown-poll", signed(replace(good, poll=bytes(32)))),
        ("token-invalid", signed(replace(good, prefixes=(bytes(32),)))),
        ("sig-invalid", replace(good, ask=Ask(7001)).text()),
        ("malformed", good.text() + b"x\n"),
    ]
    for code, data in cases:
        with pytest.raises(b.BallotError) as refused:
            b.check_nomination(nominating.poll, data, document)
        assert refused.value.code == code


def test_signatures_by_libsodiums_rules() -> None:
    seed = signature.new_seed()
    public = signature.public_key(seed)
    sig = signature.sign(seed, b"message")
    assert signature.verify(public, b"message", sig)
    assert not signature.verify(public, b"massage", sig)
    assert not signature.verify(public, b"message", sig[:63])
    assert not signature.verify(public[:31], b"message", sig)
    order = 2**252 + 27742317777372353535851937790883648493
    s = int.from_bytes(sig[32:], "little") + order
    assert not signature.verify(public, b"message", sig[:32] + s.to_bytes(32, "little"))
    small = b"\1" + bytes(31)
    assert not signature.verify(small, b"message", small + bytes(32))
    not_canonical = (2**255 - 18).to_bytes(32, "little")
    assert not signature.verify(not_canonical, b"message", small + bytes(32))


def test_an_answer_that_is_short_of_an_issuer_is_refused(booth: Booth) -> None:
    pending = b.begin_take(booth.poll)
    asked = pending.take(bytes(16), 0)
    signed = (booth.issuers[0].sign_blinded(asked.blinded[0]),)
    with pytest.raises(blind.BlindingError):
        pending.finish(Taken(asked.record_id(), signed))
