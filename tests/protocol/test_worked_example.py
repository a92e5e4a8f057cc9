"""docs/worked-example.md is what its program makes, and circles makes and reads the same."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType
from typing import Any

import gmpy2
import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from circles.protocol import ballot, blind, draw, messages, seal, signature
from circles.protocol.checkpoint import LogKey, open_receipt
from circles.protocol.merkle import leaf

DOCS = Path(__file__).parents[2] / "docs"


@pytest.fixture(scope="module")
def program() -> ModuleType:
    """The program, which stands outside the package."""
    spec = importlib.util.spec_from_file_location("worked_example", DOCS / "worked_example.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def example(program: ModuleType) -> Any:
    """All of its values."""
    return program.Example()


def test_the_page_is_what_the_program_prints(program: ModuleType, example: Any) -> None:
    assert (DOCS / "worked-example.md").read_text("utf-8") == program.page(example)


def test_the_program_shares_no_line_with_circles() -> None:
    assert "circles." not in "".join(
        line for line in (DOCS / "worked_example.py").read_text().splitlines() if "import" in line
    )


def test_circles_signs_and_reads_the_same(program: ModuleType, example: Any) -> None:
    poll = messages.Poll.parse(example.poll)
    slate = messages.Slate.parse(example.slate)
    assert messages.Roll.parse(example.roll).text() == example.roll
    assert (poll.roll, poll.record_id()) == (leaf(example.roll), example.poll_id)
    assert poll.draw_commit == draw.draw_commit(example.draw_salt)
    assert draw.draw_order(example.draw_salt, slate.candidates) == list(slate.candidates)
    # Take: our issuer gives the same blind signature, our client the same token.
    issuer = blind.IssuerKey.of(
        example.p,
        example.q,
        example.d % (example.p - 1),
        example.d % (example.q - 1),
        int(gmpy2.invert(example.q, example.p)),
    )
    take, taken = messages.Take.parse(example.take_text), messages.Taken.parse(example.taken)
    assert issuer.sign_blinded(take.blinded[0]) == taken.signed[0]
    prepared = example.prefix + example.credential
    assert blind.encode_pss(prepared, program.secret("pss salt", 48), 3071) == example.encoded
    inverse = int(gmpy2.invert(example.r, example.n)).to_bytes(384, "big")
    token = blind.finalize(poll.issuers[0], prepared, taken.signed[0], inverse)
    assert token == example.token
    # Seal: the same shares; ours open, and give the choice back.
    assert (
        seal.split_with(example.k, [program.secret("shamir coefficient", 32)], 3) == example.shares
    )
    for x, sealed in enumerate(example.sealed):
        secret = X25519PrivateKey.from_private_bytes(example.trustee_secrets[x])
        assert seal.open_share(sealed, secret, example.infos[x]) == example.shares[x]
    read = ballot.check_ballot(poll, slate.record_id(), example.ballot)
    for pair in ((1, 2), (1, 3), (2, 3), (1, 2, 3)):
        opener = seal.Opener.of(poll, slate, {x: example.trustee_secrets[x - 1] for x in pair})
        choice = opener.open(read)
        assert isinstance(choice, messages.Choice)
        assert choice.text() == example.choice
    for opening in example.openings:
        assert seal.opening_fits(poll, messages.Opening.parse(opening))


def test_the_receipt_is_the_log_s(program: ModuleType, example: Any) -> None:
    key = LogKey(program.ORIGIN, program.secret("log key", 32))
    receipt = open_receipt(example.receipt, [key.verifier])
    assert (receipt.poll, receipt.leaf) == (example.poll_id, leaf(example.ballot))
    assert key.sign_receipt(receipt) == example.receipt
    assert key.verifier.text() in program.page(example)
    assert signature.public_key(example.ballot_seed) == example.key
