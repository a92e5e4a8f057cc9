"""Sealing against RFC 9180 and the contract's worked ballots.

The library's `Suite` takes neither an aad nor a given ephemeral key, so the RFC's own messages
reach it through a second, plain composition of RFC 9180 that stands here: it answers to every
value of the RFC, and both then have to agree.
"""

import hmac
from itertools import combinations
from typing import Any

import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given, settings
from hypothesis import strategies as st

from circles.protocol import seal
from circles.protocol.messages import (
    Ballot,
    Choice,
    MalformedError,
    Opening,
    Poll,
    Slate,
    signed_part,
)
from circles.protocol.text import unb64
from tests.protocol.conftest import load

RFC9180 = load("rfc9180.json")
PROTOCOL = load("protocol-v1.json")
KEM_ID = b"KEM\x00\x20"
HPKE_ID = b"HPKE\x00\x20\x00\x01\x00\x01"


def _extract(suite: bytes, salt: bytes, label: bytes, ikm: bytes) -> bytes:
    return hmac.digest(salt or bytes(32), b"HPKE-v1" + suite + label + ikm, "sha256")


def _expand(suite: bytes, key: bytes, label: bytes, info: bytes, length: int) -> bytes:
    block = length.to_bytes(2, "big") + b"HPKE-v1" + suite + label + info + b"\1"
    return hmac.digest(key, block, "sha256")[:length]


def _shared_secret(dh: bytes, enc: bytes, public: bytes) -> bytes:
    prk = _extract(KEM_ID, b"", b"eae_prk", dh)
    return _expand(KEM_ID, prk, b"shared_secret", enc + public, 32)


def _schedule(shared: bytes, info: bytes) -> dict[str, bytes]:
    context = (
        b"\0"
        + _extract(HPKE_ID, b"", b"psk_id_hash", b"")
        + _extract(HPKE_ID, b"", b"info_hash", info)
    )
    secret = _extract(HPKE_ID, shared, b"secret", b"")
    return {
        "key_schedule_context": context,
        "secret": secret,
        "key": _expand(HPKE_ID, secret, b"key", context, 16),
        "base_nonce": _expand(HPKE_ID, secret, b"base_nonce", context, 12),
        "exporter_secret": _expand(HPKE_ID, secret, b"exp", context, 32),
    }


def _seal_plainly(plain: bytes, public: bytes, ephemeral: bytes, info: bytes) -> bytes:
    key = X25519PrivateKey.from_private_bytes(ephemeral)
    enc = key.public_key().public_bytes_raw()
    dh = key.exchange(X25519PublicKey.from_public_bytes(public))
    schedule = _schedule(_shared_secret(dh, enc, public), info)
    return enc + AESGCM(schedule["key"]).encrypt(schedule["base_nonce"], plain, b"")


def test_the_rfc_context_and_every_value_of_it() -> None:
    context = {
        k: bytes.fromhex(v) if isinstance(v, str) else v for k, v in RFC9180["context"].items()
    }
    recipient = X25519PrivateKey.from_private_bytes(context["skRm"])
    assert seal.TrusteeKey.from_secret(context["skRm"]).public == context["pkRm"]
    assert seal.TrusteeKey.from_secret(context["skEm"]).public == context["pkEm"] == context["enc"]
    dh = recipient.exchange(X25519PublicKey.from_public_bytes(context["enc"]))
    assert _shared_secret(dh, context["enc"], context["pkRm"]) == context["shared_secret"]
    schedule = _schedule(context["shared_secret"], context["info"])
    assert schedule == {name: context[name] for name in schedule}
    for number, case in enumerate(RFC9180["encryptions"]):
        nonce = int.from_bytes(schedule["base_nonce"], "big") ^ case["seq"]
        assert nonce.to_bytes(12, "big").hex() == case["nonce"], number
        aead = AESGCM(schedule["key"])
        plain, aad = bytes.fromhex(case["pt"]), bytes.fromhex(case["aad"])
        assert aead.encrypt(bytes.fromhex(case["nonce"]), plain, aad).hex() == case["ct"], number
    for case in RFC9180["exports"]:
        value = _expand(
            HPKE_ID,
            schedule["exporter_secret"],
            b"sec",
            bytes.fromhex(case["exporter_context"]),
            case["L"],
        )
        assert value.hex() == case["exported_value"]


def _open_plainly(sealed: bytes, secret: X25519PrivateKey, info: bytes, aad: bytes) -> bytes:
    enc = sealed[:32]
    dh = secret.exchange(X25519PublicKey.from_public_bytes(enc))
    schedule = _schedule(_shared_secret(dh, enc, secret.public_key().public_bytes_raw()), info)
    return AESGCM(schedule["key"]).decrypt(schedule["base_nonce"], sealed[32:], aad)


@pytest.mark.parametrize("case", RFC9180["single_shot"])
def test_single_shots_open(case: dict[str, str]) -> None:
    secret = X25519PrivateKey.from_private_bytes(bytes.fromhex(case["sk"]))
    assert secret.public_key().public_bytes_raw().hex() == case["pk"]
    sealed, info = bytes.fromhex(case["enc"] + case["ct"]), bytes.fromhex(case["info"])
    aad = bytes.fromhex(case["aad"])
    assert _open_plainly(sealed, secret, info, aad).hex() == case["pt"]
    if aad:  # never in the contract: then ours, which knows no aad, must refuse
        with pytest.raises(seal.ShareError):
            seal.open_share(sealed, secret, info)
    else:
        assert seal.open_share(sealed, secret, info).hex() == case["pt"]


@pytest.mark.parametrize("case", RFC9180["must_fail"], ids=lambda c: c["why"])
def test_single_shots_that_must_fail(case: dict[str, str]) -> None:
    secret = X25519PrivateKey.from_private_bytes(bytes.fromhex(case["sk"]))
    sealed, info = bytes.fromhex(case["enc"] + case["ct"]), bytes.fromhex(case["info"])
    if not case["aad"]:
        with pytest.raises(seal.ShareError):
            seal.open_share(sealed, secret, info)
    with pytest.raises((InvalidTag, ValueError)):
        _open_plainly(sealed, secret, info, bytes.fromhex(case["aad"]))


@given(st.binary(max_size=64), st.binary(max_size=64), st.binary(min_size=32, max_size=32))
@settings(max_examples=30, deadline=None)
def test_the_library_and_the_plain_composition_agree(
    share: bytes, info: bytes, ephemeral: bytes
) -> None:
    trustee = seal.TrusteeKey.generate()
    secret = X25519PrivateKey.from_private_bytes(trustee.secret)
    assert (
        seal.open_share(_seal_plainly(share, trustee.public, ephemeral, info), secret, info)
        == share
    )
    sealed = seal.seal_share(share, trustee.public, info)
    assert len(sealed) == 32 + len(share) + 16
    enc = X25519PublicKey.from_public_bytes(sealed[:32])
    schedule = _schedule(_shared_secret(secret.exchange(enc), sealed[:32], trustee.public), info)
    assert AESGCM(schedule["key"]).decrypt(schedule["base_nonce"], sealed[32:], b"") == share


def _by_number(values: dict[str, str]) -> dict[int, bytes]:
    return {int(number): unb64(value) for number, value in values.items()}


@pytest.mark.parametrize("name", ["ballot", "ballot_2of3"])
def test_the_worked_ballots_step_by_step(name: str) -> None:
    b = PROTOCOL[name]
    ballot = Ballot.parse(b["text"].encode())
    key = unb64(b["K"])
    assert seal.commitment(key) == unb64(b["commit"]) == ballot.commit
    secrets, shares = _by_number(b["trustee_secrets"]), _by_number(b["shares"])
    coefficients = [unb64(c) for c in b["shamir_coefficients"]]
    assert seal.split_with(key, coefficients, len(shares)) == list(shares.values())
    for some in combinations(shares, len(coefficients) + 1):
        assert seal.combine({x: shares[x] for x in some}) == key
    for number, share in shares.items():
        info = b["hpke_info"][str(number)].encode()
        assert seal.share_info(ballot.poll, ballot.key, number) == info
        sealed = unb64(b["sealed_shares"][str(number)])
        assert ballot.shares[number - 1] == sealed
        secret = X25519PrivateKey.from_private_bytes(secrets[number])
        assert seal.open_share(sealed, secret, info) == share
        public = secret.public_key().public_bytes_raw()
        ephemeral = unb64(b["hpke_ephemeral_secrets"][str(number)])
        assert _seal_plainly(share, public, ephemeral, info) == sealed
    plaintext = unb64(b["plaintext"])
    choice = seal.unpad(plaintext)
    assert choice.text() == b["choice_text"].encode()
    assert seal.pad(choice) == plaintext
    assert seal.sealed_part(ballot.text()) == b["aad_text"].encode()
    assert seal.encrypt_body(key, b["aad_text"].encode(), plaintext) == unb64(b["body"])
    assert signed_part(ballot.text()) == b["signed_text"].encode()


def test_any_two_of_three_trustees_open_the_worked_ballot() -> None:
    b = PROTOCOL["ballot_2of3"]
    poll = Poll.parse(b["poll_text"].encode())
    ballot = Ballot.parse(b["text"].encode())
    secrets = _by_number(b["trustee_secrets"])
    slate = Slate(poll.record_id(), bytes(32), (bytes(32), b"\1" * 32))
    for some in combinations(secrets, 2):
        choice = seal.open_ballot(poll, slate, ballot, {x: secrets[x] for x in some})
        assert not isinstance(choice, str)
        assert choice.text() == b["choice_text"].encode()
    with pytest.raises(seal.ShareError):
        seal.open_ballot(poll, slate, ballot, {1: secrets[1]})
    for number, secret in secrets.items():
        assert seal.opening_fits(poll, Opening(poll.record_id(), number, secret))
        assert (
            not seal.opening_fits(poll, Opening(poll.record_id(), 4 - number, secret))
            or number == 2
        )
    assert not seal.opening_fits(poll, Opening(poll.record_id(), 4, secrets[1]))


@pytest.mark.parametrize("case", PROTOCOL["padding_must_fail"], ids=lambda c: c["why"])
def test_padding_that_must_fail(case: dict[str, str]) -> None:
    with pytest.raises(MalformedError):
        seal.unpad(unb64(case["plaintext"]))


@given(st.binary(min_size=32, max_size=32), st.integers(1, 9), st.data())
@settings(max_examples=50, deadline=None)
def test_any_threshold_of_shares_gives_the_key_back(key: bytes, trustees: int, data: Any) -> None:
    threshold = data.draw(st.integers(1, trustees))
    shares = seal.split(key, threshold, trustees)
    chosen = data.draw(st.permutations(range(1, trustees + 1)))[:threshold]
    assert seal.combine({x: shares[x - 1] for x in chosen}) == key
    if threshold == 1:
        assert shares == [key] * trustees


def test_field_arithmetic_is_that_of_aes() -> None:
    assert seal._multiply(0x53, 0xCA) == 1
    assert seal._multiply(0x57, 0x83) == 0xC1
    assert all(seal._multiply(x, seal._inverse(x)) == 1 for x in range(1, 256))


def test_the_body_is_bound_to_the_lines_above_it() -> None:
    sealed = seal.encrypt_body(bytes(32), b"above\n", bytes(256))
    assert len(sealed) == 272
    with pytest.raises(InvalidTag):
        AESGCM(bytes(32)).decrypt(bytes(12), sealed, b"other\n")


def test_a_choice_too_long_is_not_padded() -> None:
    most = Choice(bytes(16), tuple(range(100, 122)))
    assert seal.unpad(seal.pad(most)) == most
    with pytest.raises(MalformedError):
        seal.pad(Choice(bytes(16), tuple(range(100, 130))))
