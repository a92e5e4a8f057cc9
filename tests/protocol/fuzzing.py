"""What every parser of `circles.protocol` must do with any bytes: refuse them, or write them back.

    python -m tests.campaigns fuzz-protocol --seconds 600

hunts coverage-guided; it needs atheris (`pip install atheris` in an environment of its own beside
circles: it is no dependency). The suite samples the same, in Python and in the browser.
"""

from __future__ import annotations

import io
import json
import random
import sys
import zipfile
from base64 import b64encode
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path

from circles.protocol import archive_source, merkle, seal
from circles.protocol import ballot as b
from circles.protocol import messages as m
from circles.protocol.checkpoint import Checkpoint, Note, NoteError, VerifierKey
from circles.protocol.text import MalformedError, b64
from circles.protocol.verify import evidence

VECTORS = Path(__file__).parent.parent / "vectors"
REFUSALS = (MalformedError, NoteError, b.BallotError, archive_source.SourceError)
MEMBER_BYTES_MAX = 1000
DASH = "— "


def _note(data: bytes) -> bytes:
    note = Note.parse(data)
    lines = [
        f"{DASH}{name} {b64encode(key_id + sig).decode()}\n"
        for name, key_id, sig in note.signatures
    ]
    return note.text + b"\n" + "".join(lines).encode()


def _ascii(data: bytes) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise MalformedError(str(error)) from error


def _post(data: bytes) -> bytes:
    text, document = b.split_nomination_post(data)
    document.check()
    return b.nomination_post(m.Nomination.parse(text), document)


def _own(data: bytes) -> bytes:
    """Lines in any order, none twice: their number and their values come back."""
    try:
        own = evidence._parse_own(data)
    except UnicodeDecodeError as error:
        raise MalformedError(str(error)) from error
    lines = {
        f"{b64(poll)} {b64(member)} {b64(leaf)}\n"
        for (poll, member), leaves in own.items()
        for leaf in leaves
    }
    lines |= {f"{b64(poll)} {b64(member)} -\n" for (poll, member), got in own.items() if not got}
    assert "".join(sorted(lines)) == "".join(sorted(data.decode().splitlines(keepends=True)))
    return data


def _zip(data: bytes) -> bytes:
    """Whatever is in it, no file is more than was asked for, and no name leads elsewhere."""
    with archive_source.ZipSource(io.BytesIO(data)) as source:
        for name, member in source._members.items():
            assert not name.startswith("/")
            assert ".." not in name.split("/")
            try:
                found = source.read(name, MEMBER_BYTES_MAX)
            except archive_source.SourceError:
                continue
            assert len(found) <= MEMBER_BYTES_MAX
            assert member.filename == name
    return data


# What is read, and how it is written back. Each raises one of REFUSALS, nothing else.
PARSERS: dict[str, Callable[[bytes], bytes]] = {
    "message": lambda data: m.parse(data).text(),
    "entry": lambda data: m.parse_entry(data).text(),
    "note": _note,
    "checkpoint": lambda data: Checkpoint.parse(data).text(),
    "key": lambda data: VerifierKey.parse(_ascii(data)).text().encode(),
    "post": _post,
    "choice": lambda data: seal.pad(seal.unpad(data)),
    "bundle": lambda data: data[:1] + merkle.write_bundle(merkle.read_bundle(data[1:], data[0])),
    "own": _own,
    "zip": _zip,
}
NAMES = tuple(PARSERS)


def promise(name: str, data: bytes) -> bool:
    """Whether the bytes were accepted; AssertionError if they do not come back as they were."""
    if name == "bundle" and not data:
        return False
    try:
        back = PARSERS[name](data)
    except REFUSALS:
        return False
    assert back == data, f"{name}: accepted, but writes back differently"
    return True


@cache
def seeds() -> tuple[tuple[str, bytes], ...]:
    """Good texts of each parser, from the contract's vectors."""
    vectors = json.loads((VECTORS / "protocol-v1.json").read_text("utf-8"))
    texts = [message["text"].encode() for message in vectors["messages"]]
    found = [("message", text) for text in texts]
    found += [("entry", text) for text in texts if promise("entry", text)]
    with zipfile.ZipFile(VECTORS / "archive-ok.zip") as archive:
        found.append(("note", archive.read("log/checkpoint")))
        found.append(("checkpoint", archive.read("log/checkpoint").split(b"\n\n")[0] + b"\n"))
        found.append(("key", archive.read("log/key").rstrip(b"\n")))
        names = [name for name in archive.namelist() if name.endswith("/own")]
        found += [("own", archive.read(name)) for name in names]
    found.append(("note", vectors["receipt_note"].encode()))
    nomination = next(text for text in texts if text.startswith(b"circles/nomination/"))
    words = b.Document(bytes(32), b"Anna\nHer roof.\n")
    found.append(("post", b.nomination_post(m.Nomination.parse(nomination), words)))
    found.append(("choice", seal.pad(m.Choice(bytes(16), (1, 3), keep=True))))
    found.append(("bundle", b"\x02" + merkle.write_bundle([b"one\n", b"another\n"])))
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("log/key", b"a key\n")
        archive.writestr("documents/x", bytes(2000))
    found.append(("zip", made.getvalue()))
    for name, data in found:
        assert promise(name, data), name
    return tuple(found)


_PIECES = (
    b"\n", b"\r\n", b" ", b"  ", b"0", b"00", b"-", b"-0", b"+1", b"1e3", b"=", b"==", b"\x00",
    b"\x7f", b"\xff", b"\xef\xbb\xbf", b"\xe2\x80\x94 ", b"\xe2\x80\xa8", b"any", b"keep", b"part",
    b"whole", b"none/1", b"999999999999999", b"1000000000000000", b"2026-02-29T00:00:00Z",
    b"2026-12-31T23:59:60Z", b"0000-00", b"EUR", b"circles/", b"/v1\n", b"/v2\n", b"sig ",
    b"A" * 43, b"B" * 22, b"/" * 43,
)  # fmt: skip
_ALPHABET = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


def mutated(dice: random.Random, data: bytes, others: Sequence[bytes]) -> bytes:
    """One to three small changes, as likely within the format as beside it."""
    for _ in range(dice.randint(1, 3)):
        data = dice.choice(_WAYS)(dice, data, others)
    return data


def _at(dice: random.Random, data: bytes) -> int:
    return dice.randrange(len(data) + 1)


def _lines(dice: random.Random, data: bytes, others: Sequence[bytes]) -> bytes:
    """Two lines swapped, one doubled, dropped, or taken from another text."""
    lines = data.splitlines(keepends=True) or [b""]
    one, two = dice.randrange(len(lines)), dice.randrange(len(lines))
    way = dice.randrange(4)
    if way == 0:
        lines[one], lines[two] = lines[two], lines[one]
    elif way == 1:
        lines.insert(two, lines[one])
    elif way == 2:
        del lines[one]
    else:
        lines[one] = dice.choice(dice.choice(others).splitlines(keepends=True) or [b""])
    return b"".join(lines)


def _value(dice: random.Random, data: bytes, _others: Sequence[bytes]) -> bytes:
    """A character of a value for another of its alphabet: the last ones carry spare bits."""
    at = dice.choice([i for i, byte in enumerate(data) if byte in _ALPHABET] or [0])
    ends = [i - 1 for i, byte in enumerate(data) if byte == 10 and i > 0]  # a line end
    at = dice.choice(ends) if ends and dice.random() < 1 / 2 else at
    return data[:at] + bytes([dice.choice(_ALPHABET)]) + data[at + 1 :]


def _piece(dice: random.Random, data: bytes, _others: Sequence[bytes]) -> bytes:
    at = _at(dice, data)
    return data[:at] + dice.choice(_PIECES) + data[at + dice.choice((0, 0, 1, 5)) :]


def _bit(dice: random.Random, data: bytes, _others: Sequence[bytes]) -> bytes:
    at = _at(dice, data)
    return (
        data[:at]
        + bytes(byte ^ 1 << dice.randrange(8) for byte in data[at : at + 1])
        + data[at + 1 :]
    )


def _cut(dice: random.Random, data: bytes, _others: Sequence[bytes]) -> bytes:
    at = _at(dice, data)
    return data[:at] + data[at + dice.randrange(1, 40) :]


_WAYS = (_lines, _value, _value, _piece, _bit, _cut)


def sample(seed: int, count: int) -> list[tuple[str, bytes]]:
    """So many texts gone astray, by parser; the same for the same seed."""
    dice = random.Random(seed)
    good = seeds()
    by_parser = {name: [data for known, data in good if known == name] for name in NAMES}
    found = []
    for _ in range(count):
        name = dice.choice(NAMES)
        found.append((name, mutated(dice, dice.choice(by_parser[name]), by_parser[name])))
    return found


# The hunt


def hunt(seconds: int, corpus: Path) -> int:
    """Coverage-guided, for so long; never returns normally (atheris ends the process)."""
    try:
        import atheris  # type: ignore[import-not-found]  # not in this environment
    except ImportError:
        print("atheris is not here: install it beside circles in an environment of its own.")
        return 2
    corpus.mkdir(parents=True, exist_ok=True)
    for number, (name, data) in enumerate(seeds()):
        (corpus / f"seed-{number}").write_bytes(bytes([NAMES.index(name)]) + data)
    with atheris.instrument_imports(include=["circles.protocol"]):
        for name in [name for name in sys.modules if name.startswith("circles.protocol")]:
            del sys.modules[name]
        import importlib

        module = importlib.reload(sys.modules[__name__])
    ran = accepted = 0

    def one(data: bytes) -> None:
        nonlocal ran, accepted
        if data:
            ran += 1
            accepted += module.promise(NAMES[data[0] % len(NAMES)], data[1:])
            if ran % 100_000 == 0:
                print(f"{ran} runs, {accepted} accepted, each written back as it was", flush=True)

    def astray(data: bytes, max_size: int, seed: int) -> bytes:
        if seed % 2 or len(data) < 2:  # a parser's number and a byte
            return bytes(atheris.Mutate(data, max_size))
        others = [text for known, text in seeds() if NAMES.index(known) == data[0] % len(NAMES)]
        return (data[:1] + mutated(random.Random(seed), data[1:], others or [b""]))[:max_size]

    options = [f"-max_total_time={seconds}", "-max_len=9000", "-timeout=20", "-rss_limit_mb=2000"]
    options.append(f"-artifact_prefix={corpus}/crash-")
    atheris.Setup(["fuzz-protocol", *options, str(corpus)], one, custom_mutator=astray)
    atheris.Fuzz()
    return 0
