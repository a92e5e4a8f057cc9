"""Signed notes and checkpoints against vectors of Go's note, and strictness case by case."""

import base64
from typing import Any

import pytest

from circles.protocol import checkpoint as c
from circles.protocol import signature
from circles.protocol.messages import Receipt
from circles.protocol.text import MalformedError, unb64
from tests.protocol.conftest import load

TLOG = load("tlog.json")
KEY = c.VerifierKey.parse(TLOG["note_key"]["verifier"])
SECOND = c.VerifierKey.parse(TLOG["second_key"]["verifier"])
SEED = base64.b64decode(TLOG["note_key"]["signer"].split("+")[-1])[1:]


@pytest.mark.parametrize("case", TLOG["checkpoints"])
def test_checkpoints_of_go(case: dict[str, str]) -> None:
    note = case["note"].encode()
    checkpoint = c.open_checkpoint(note, [KEY])
    assert checkpoint.text() == case["text"].encode()
    # Ed25519 is deterministic: the same key writes the same note.
    assert c.LogKey(KEY.name, SEED).sign_note(case["text"].encode()) == note


def test_notes_with_further_signatures() -> None:
    note = TLOG["note_two_signatures"].encode()
    assert c.open_note(note, [KEY]) == c.open_note(note, [SECOND])
    cosigned = TLOG["cosignature_v1"]
    assert c.open_checkpoint(cosigned["note"].encode(), [KEY]).size == 300
    # A witness signs another text under another key type; it is not ours to check, but it holds.
    *_, (name, key_id, timed) = c.Note.parse(cosigned["note"].encode()).signatures
    vkey_name, vkey_id, vkey = cosigned["vkey"].split("+", 2)
    assert (name, key_id.hex()) == (vkey_name, vkey_id)
    assert int.from_bytes(timed[:8], "big") == cosigned["timestamp"]
    public = base64.b64decode(vkey)[1:]
    assert signature.verify(public, cosigned["signed_message"].encode(), timed[8:])
    with pytest.raises(MalformedError):
        c.VerifierKey.parse(cosigned["vkey"])


@pytest.mark.parametrize("name", ["note_altered_size_must_fail", "note_only_unknown_key_must_fail"])
def test_notes_that_must_fail(name: str) -> None:
    with pytest.raises(c.NoteError):
        c.open_note(TLOG[name].encode(), [KEY])


def test_the_contracts_log(vectors: Any) -> None:
    log = vectors["log"]
    key = c.LogKey(log["origin"], unb64(log["secret_seed"]))
    assert key.verifier.text() == log["verifier_key"]
    assert c.VerifierKey.parse(log["verifier_key"]) == key.verifier
    assert key.sign_note(log["checkpoint_text"].encode()).decode() == log["checkpoint_note"]
    checkpoint = c.open_checkpoint(log["checkpoint_note"].encode(), [key.verifier])
    assert (checkpoint.origin, checkpoint.size) == (log["origin"], 3)
    receipt = c.open_receipt(vectors["receipt_note"].encode(), [key.verifier])
    assert receipt.leaf == unb64(vectors["ballot"]["leaf"])
    assert key.sign_receipt(receipt).decode() == vectors["receipt_note"]


def test_a_fresh_key() -> None:
    key = c.LogKey.generate("circles.example/c/oak")
    receipt = Receipt(bytes(32), b"\1" * 32)
    assert c.open_receipt(key.sign_receipt(receipt), [SECOND, key.verifier]) == receipt
    with pytest.raises(c.NoteError):
        c.open_receipt(key.sign_receipt(receipt), [SECOND])
    for origin in ("", "a b", "a+b", "a\n"):
        with pytest.raises(MalformedError):
            c.LogKey.generate(origin)
    with pytest.raises(MalformedError):
        key.sign_note(b"no end")


def test_a_checkpoint_under_another_name_is_refused() -> None:
    key = c.LogKey.generate("a.example/c/oak")
    note = key.sign_note(c.Checkpoint("b.example/c/oak", 0, bytes(32)).text())
    with pytest.raises(c.NoteError):
        c.open_checkpoint(note, [key.verifier])


def test_a_key_signs_once() -> None:
    key = c.LogKey.generate("a.example/c/oak")
    good, other = key.sign_note(b"text\n"), key.sign_note(b"other\n")
    with pytest.raises(c.NoteError):
        c.open_note(good + other.split(b"\n\n")[1], [key.verifier])
    with pytest.raises(c.NoteError):
        c.open_note(good + good.split(b"\n\n")[1], [key.verifier])


TEXT = "a.example/c/oak\n7\n" + base64.b64encode(bytes(32)).decode() + "\n"


@pytest.mark.parametrize(
    "text",
    [
        "",
        TEXT[:-1],
        TEXT + "more\n",
        TEXT.replace("7", "07"),
        TEXT.replace("7", "-7"),
        TEXT.replace("7", "７"),
        TEXT.replace("=", ""),
        TEXT.replace("AAA=", "AAB="),
        TEXT.replace("AAAAAAA=", "AAA="),
        TEXT.replace("oak", "o k"),
        TEXT.replace("a.example/c/oak", ""),
    ],
)
def test_texts_that_are_no_checkpoints(text: str) -> None:
    assert c.Checkpoint.parse(TEXT.encode()).text() == TEXT.encode()
    with pytest.raises(MalformedError):
        c.Checkpoint.parse(text.encode())


NOTE = c.LogKey("a.example/c/oak", bytes(32)).sign_note(TEXT.encode())


@pytest.mark.parametrize(
    "note",
    [
        b"",
        b"\xff",
        NOTE[:-1],
        NOTE.replace(b"\n\n", b"\n"),
        NOTE.replace("—".encode(), b"-"),
        NOTE + b"\n",
        NOTE + "— a\n".encode(),
        NOTE + "— a AAA\n".encode(),
        NOTE + "— a AAAA\n".encode(),
        NOTE.replace(b"\n7", b"\r\n7"),
        NOTE + "— a AAAAAAAA\n".encode() * 64,
        NOTE + b"x" * 20000,
    ],
)
def test_bytes_that_are_no_notes(note: bytes) -> None:
    assert c.Note.parse(NOTE).text == TEXT.encode()
    with pytest.raises(MalformedError):
        c.Note.parse(note)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "name",
        "name+00000000",
        KEY.text().replace("circles", "circle"),
        KEY.text() + "=",
        KEY.text()[:-4],
        "a b+" + KEY.text().split("+", 1)[1],
    ],
)
def test_texts_that_are_no_keys(text: str) -> None:
    with pytest.raises(MalformedError):
        c.VerifierKey.parse(text)
