"""The browser's verifier fails the same checks as Python's: worked archives, honest months of
every kind, and a sample of bent ones (`python -m tests.campaigns verify-twins` tries them all).
"""

import random
import re
import secrets

import pytest

from circles.protocol.messages import Opening
from tests.protocol.bending import event_of, find
from tests.protocol.simulator import Month
from tests.protocol.test_verifier import ARCHIVES, HONEST
from tests.protocol.test_verify_mutants import MUTANTS
from tests.protocol.trustee_months import month_of, result_of
from tests.script.conftest import STATIC, VECTORS, Modules
from tests.script.verify_twins import difference, in_python, in_the_browser, unzipped

SAMPLE = 24


@pytest.mark.parametrize("name", ARCHIVES)
def test_the_worked_archives_fail_the_same_checks(name: str, modules: Modules) -> None:
    files = unzipped(VECTORS / f"archive-{name}.zip")
    assert set(in_the_browser(modules, files)["failed"]) == ARCHIVES[name]
    assert difference(modules, files) == ""


@pytest.mark.parametrize("kind", HONEST)
def test_honest_months_hold_in_the_browser(kind: str, modules: Modules) -> None:
    files = Month(**HONEST[kind]).run().files()
    found = in_the_browser(modules, files)
    assert (found["failed"], found["remarks"]) == ([], [])
    assert difference(modules, files) == ""


def test_a_sample_of_bent_months_fails_the_same_checks(modules: Modules) -> None:
    seed = secrets.randbits(32)
    print(f"seed {seed}")
    for name, make, checks in random.Random(seed).sample(MUTANTS, SAMPLE):
        files = make()
        assert difference(modules, files) == "", name
        assert in_python(files)[0] == checks, name


def test_what_is_no_archive_is_said_to_be_unreadable(modules: Modules) -> None:
    files = Month(stop="announce").run().files()
    del files["log/checkpoint"]
    assert in_the_browser(modules, files)["failed"] == ["unreadable"]
    assert difference(modules, files) == ""


def test_a_month_over_more_than_one_tile_is_read_whole(modules: Modules) -> None:
    month = Month().run()
    while len(month.entries) < 600:
        # Only events may stand more than once; these come too late, which both must say.
        month.entries.append(event_of(month).text())
    month.kept_sizes = [1, 255, 256, 257, 512, 513, 600]
    files = month.files()
    assert in_python(files)[0] == {"2.event"}
    assert difference(modules, files) == ""


def test_both_know_the_same_checks() -> None:
    named = {
        check
        for path in (STATIC / "ballot").glob("verify*.js")
        for check in re.findall(r'"([1-9]\.[a-z]+)"', path.read_text("utf-8"))
    }
    assert named == {check for _, _, checks in MUTANTS for check in checks}


@pytest.mark.parametrize(
    ("opened", "broken"), [([1, 3], 2), ([3, 2, 1], 2), ([3, 1, 2], 3), ([2], 0), ([], 0)]
)
def test_two_of_three_trustees_are_told_alike(
    opened: list[int], broken: int, modules: Modules
) -> None:
    month, leaf = month_of(3, 2, opened, broken)
    files = month.files()
    assert difference(modules, files) == ""
    assert in_the_browser(modules, files)["failed"] == []
    result = result_of(month)
    assert (result is None) == (len(opened) < 2)
    if result is not None:
        used = broken in sorted(opened)[:2]
        assert (leaf in dict(result.voids)) == used


def test_too_few_openings_for_a_result_are_told_alike(modules: Modules) -> None:
    month, _ = month_of(3, 2, [1, 3])
    del month.entries[find(month, Opening, 1)]
    files = month.files()
    assert difference(modules, files) == ""
    assert "6.opening" in in_the_browser(modules, files)["failed"]
