"""RSABSSA against RFC 9474's vectors and the contract's worked credential."""

from dataclasses import replace
from typing import Any

import gmpy2
import pytest

from circles.protocol import blind
from circles.protocol.messages import Credential
from circles.protocol.text import unb64
from tests.protocol.conftest import load

RFC9474 = load("rfc9474.json")
CASES = RFC9474["cases"]


def _key(case: dict[str, Any]) -> blind.IssuerKey:
    p, q, d = (int(case[name], 16) for name in ("p", "q", "d"))
    return blind.IssuerKey.of(p, q, d % (p - 1), d % (q - 1), int(gmpy2.invert(q, p)))


@pytest.fixture(scope="module")
def issuer_key() -> blind.IssuerKey:
    return blind.IssuerKey.generate()


@pytest.mark.parametrize("case", CASES, ids=lambda c: f"{c['name']} {c['modulus_bits']}")
def test_rfc9474_cases(case: dict[str, Any]) -> None:
    value = {
        k: bytes.fromhex(case[k])
        for k in case
        if k not in ("name", "origin", "modulus_bits", "salt_len")
    }
    n = value["n"]
    assert value["msg_prefix"] + value["msg"] == value["input_msg"]
    if case["salt_len"] == blind.SALT_BYTES:
        encoded = blind.encode_pss(
            value["input_msg"], value["salt"], int.from_bytes(n, "big").bit_length() - 1
        )
        assert encoded.hex() == value["encoded_msg"].hex()
    modulus = gmpy2.mpz(int.from_bytes(n, "big"))
    inverse = gmpy2.mpz(int.from_bytes(value["inv"], "big"))
    blinding = blind.blind_with(n, value["encoded_msg"], gmpy2.invert(inverse, modulus), inverse)
    assert blinding.blinded.hex() == case["blinded_msg"]
    signed = _key(case).sign_blinded(blinding.blinded)
    assert signed.hex() == case["blind_sig"]
    if case["salt_len"] == blind.SALT_BYTES:
        assert blind.finalize(n, value["input_msg"], signed, blinding.inverse) == value["sig"]
        assert blind.verify(n, value["input_msg"], value["sig"])
    else:
        # Another variant of the RFC: not ours, so our check must refuse what it signs.
        with pytest.raises(blind.BlindingError):
            blind.finalize(n, value["input_msg"], signed, blinding.inverse)


@pytest.mark.parametrize("case", RFC9474["verify_must_fail"], ids=lambda c: c["why"])
def test_rfc9474_signatures_that_must_fail(case: dict[str, Any]) -> None:
    assert case["valid"] is False
    n, message, sig = (bytes.fromhex(case[name]) for name in ("n", "input_msg", "sig"))
    assert not blind.verify(n, message, sig)


@pytest.mark.parametrize("case", RFC9474["blind_sign_must_fail"], ids=lambda c: c["why"])
def test_rfc9474_blinded_values_that_must_fail(
    case: dict[str, Any], issuer_key: blind.IssuerKey
) -> None:
    # The range check comes before the private key is touched, so any key of this modulus will do.
    key = replace(issuer_key, n=bytes.fromhex(case["n"]))
    with pytest.raises(blind.BlindingError):
        key.sign_blinded(bytes.fromhex(case["blinded_msg"]))


@pytest.mark.parametrize("path", ["credential", "ballot_2of3/credential"])
def test_the_worked_credential(vectors: Any, path: str) -> None:
    for step in path.split("/"):
        vectors = vectors[step]
    c = vectors
    assert c["issuer_e"] == blind.E
    n, prepared = unb64(c["issuer_n"]), unb64(c["input_msg"])
    text = c["credential_text"].encode()
    assert unb64(c["prefix"]) + text == prepared
    assert Credential.parse(text).key == unb64(c["ballot_key"])
    modulus = gmpy2.mpz(int.from_bytes(n, "big"))
    encoded = blind.encode_pss(prepared, unb64(c["pss_salt"]), modulus.bit_length() - 1)
    assert encoded == unb64(c["encoded_msg"])
    r = gmpy2.mpz(int.from_bytes(unb64(c["r"]), "big"))
    blinding = blind.blind_with(n, encoded, r, gmpy2.invert(r, modulus))
    assert blinding.blinded == unb64(c["blinded"])
    d = int.from_bytes(unb64(c["issuer_d"]), "big")
    signed = gmpy2.powmod(int.from_bytes(blinding.blinded, "big"), d, modulus)
    assert int(signed).to_bytes(384, "big") == unb64(c["blind_signature"])
    token = blind.finalize(n, prepared, unb64(c["blind_signature"]), blinding.inverse)
    assert token == unb64(c["token"])
    assert blind.verify_token(n, unb64(c["prefix"]), text, token)


def test_a_fresh_key_signs_what_it_cannot_see(issuer_key: blind.IssuerKey) -> None:
    prepared = blind.prepare(b"circles/credential/v1\n")
    blinding = blind.blind(issuer_key.n, prepared)
    signed = issuer_key.sign_blinded(blinding.blinded)
    assert issuer_key.sign_blinded(blinding.blinded) == signed
    token = blind.finalize(issuer_key.n, prepared, signed, blinding.inverse)
    assert blind.verify_token(issuer_key.n, prepared[:32], prepared[32:], token)
    assert not blind.verify_token(issuer_key.n, prepared[:31], prepared[31:], token)
    assert blind.blind(issuer_key.n, prepared).blinded != blinding.blinded


def test_an_answer_of_another_issuer_is_refused(issuer_key: blind.IssuerKey) -> None:
    prepared = blind.prepare(b"x")
    blinding = blind.blind(issuer_key.n, prepared)
    wrong = (int.from_bytes(issuer_key.n, "big") - 5).to_bytes(384, "big")
    with pytest.raises(blind.BlindingError):
        blind.finalize(issuer_key.n, prepared, wrong, blinding.inverse)


def test_keys_survive_storage_and_damaged_ones_are_refused(issuer_key: blind.IssuerKey) -> None:
    data = issuer_key.to_bytes()
    assert len(data) == 960
    again = blind.IssuerKey.from_bytes(data)
    assert again == issuer_key
    assert len(again.n) == 384
    assert "mpz" not in repr(issuer_key)
    for damaged in (data[:-1], data[:-1] + bytes([data[-1] ^ 1]), bytes(960)):
        with pytest.raises(blind.IssuerKeyError):
            blind.IssuerKey.from_bytes(damaged)


def test_a_faulty_computation_is_never_released(issuer_key: blind.IssuerKey) -> None:
    blinded = blind.blind(issuer_key.n, blind.prepare(b"x")).blinded
    for damaged in (
        replace(issuer_key, d_p=issuer_key.d_p + 2),
        replace(issuer_key, q_inverse=issuer_key.q_inverse + 1),
    ):
        with pytest.raises(blind.IssuerKeyError):
            damaged.sign_blinded(blinded)


@pytest.mark.parametrize("blinded", [bytes(384), b"\xff" * 384, b"", bytes(383) + b"\1\1"])
def test_values_out_of_range_are_not_signed(issuer_key: blind.IssuerKey, blinded: bytes) -> None:
    with pytest.raises(blind.BlindingError):
        issuer_key.sign_blinded(blinded)


@pytest.mark.parametrize("n", [bytes(384), b"\xff" * 383 + b"\xfe", b"\3"])
def test_a_modulus_that_is_none_verifies_nothing(n: bytes) -> None:
    assert not blind.verify(n, b"x", b"\1" * len(n))


def test_a_message_that_shares_a_factor_with_n_is_not_blinded(issuer_key: blind.IssuerKey) -> None:
    encoded = int(issuer_key.p * 3).to_bytes(384, "big")
    with pytest.raises(blind.BlindingError):
        blind.blind_with(issuer_key.n, encoded, gmpy2.mpz(1), gmpy2.mpz(1))


def test_factors_without_an_inverse_are_drawn_again(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = iter([2, 4, 6])  # one less than the factor: 3 and 5 divide n = 15, 7 does not
    monkeypatch.setattr("secrets.randbelow", lambda _: next(drawn))
    assert blind._random_unit(gmpy2.mpz(15)) == (7, 13)
