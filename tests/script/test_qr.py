"""QR codes of our own against those of segno, and read again out of pictures."""

from __future__ import annotations

import random
from typing import Any

import pytest
from segno import consts, encoder

from tests.script.conftest import Modules

ADDRESS = "https://circles.example/c/maple-row/ballot.html#"
LETTERS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def _letters(count: int, seed: int = 1) -> str:
    chosen = random.Random(seed)
    return "".join(chosen.choice(LETTERS) for _ in range(count))


def _segno(segments: list[str], level: str, mask: int) -> list[list[int]]:
    dense = set(LETTERS + "ILOU $%*+-./:")
    modes = [
        (text, consts.MODE_ALPHANUMERIC if set(text) <= dense else consts.MODE_BYTE)
        for text in segments
    ]
    code = encoder.encode(modes, error=level, mask=mask, micro=False, boost_error=False)
    return [list(row) for row in code.matrix]


# None of the lengths ends on a whole byte after the terminator: there segno adds a byte of zeros,
# where the standard adds nothing. Both are read alike.
@pytest.mark.parametrize("level", ["L", "M"])
@pytest.mark.parametrize("count", [1, 30, 120, 400, 733, 1400, 2300])
def test_the_same_modules_as_segno(modules: Modules, level: str, count: int) -> None:
    for mask in {count % 8, (count + 3) % 8}:
        segments = [ADDRESS, _letters(count)]
        made = modules.call("script/qr_pictures.js", "drawn", segments, level, mask)
        assert made == _segno(segments, level, mask)


def test_too_much_is_refused(modules: Modules) -> None:
    assert modules.call("script/qr_pictures.js", "tooMuch", _letters(4400)) == "RangeError"


HOW: dict[str, dict[str, Any]] = {
    "straight": {"scale": 6},
    "turned": {"scale": 5, "turn": 0.35},
    "upside down": {"scale": 4.3, "turn": 3.1},
    "from the side": {"scale": 5, "tilt": [0.0012, 0.0009]},
    "badly lit": {"scale": 5, "shade": 130, "noise": 30},
    "blurred": {"scale": 7, "blur": 2},
    "stained": {"scale": 6, "stain": 0.09},
}


@pytest.mark.parametrize("how", HOW)
def test_what_was_drawn_is_read_out_of_a_picture(modules: Modules, how: str) -> None:
    text = _letters(733, seed=len(how))
    found = modules.call("script/qr_pictures.js", "photographed", [ADDRESS, text], HOW[how])
    assert found == [ADDRESS + text]


def test_three_codes_on_one_sheet_are_all_read(modules: Modules) -> None:
    texts = [_letters(733, seed=seed) for seed in range(3)]
    found = modules.call("script/qr_pictures.js", "sheet", [[ADDRESS, text] for text in texts])
    assert sorted(found) == sorted(ADDRESS + text for text in texts)


def test_a_picture_without_a_code_gives_nothing(modules: Modules) -> None:
    assert modules.call("script/qr_pictures.js", "nothing") == []
