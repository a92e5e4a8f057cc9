"""Both parsers take the same texts and refuse the same, of good ones gone astray."""

from __future__ import annotations

import random
from pathlib import Path

from circles.protocol.text import b64, unb64
from tests.protocol import fuzzing
from tests.script.conftest import Modules

TWINS = frozenset({"message", "note", "checkpoint", "key"})
COUNT = 6000
BATCH = 1000


def differences(modules: Modules, asked: list[tuple[str, bytes]]) -> list[str]:
    """What one parser accepts and the other does not, or writes back differently."""
    found = []
    asked = [(name, data) for name, data in asked if name in TWINS]
    for at in range(0, len(asked), BATCH):
        batch = asked[at : at + BATCH]
        given = [[name, b64(data)] for name, data in batch]
        told = modules.call("script/parsing.js", "readAll", given)
        for (name, data), back in zip(batch, told, strict=True):
            accepted = fuzzing.promise(name, data)
            if (unb64(back) if back is not None else None) != (data if accepted else None):
                found.append(f"{name}, Python {accepted}, browser {back is not None}: {data!r}")
    return found


def learned(corpus: Path) -> list[tuple[str, bytes]]:
    """What a fuzzer kept: a parser's number, then the bytes."""
    texts = [path.read_bytes() for path in sorted(corpus.iterdir()) if path.is_file()]
    return [(fuzzing.NAMES[text[0] % len(fuzzing.NAMES)], text[1:]) for text in texts if text]


def test_the_browser_reads_what_python_reads(modules: Modules) -> None:
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    good = [(name, data) for name, data in fuzzing.seeds() if name in TWINS]
    assert differences(modules, good) == []
    assert differences(modules, fuzzing.sample(seed, COUNT)) == []
