"""The verifier is verified: each bent month is refused, by exactly the checks that should.

The tables say what was done to an honest month, how, and which checks must fail, no others. A
last test asks that every check of the verifier is somewhere the only one to fail.
"""

import re
from pathlib import Path

import pytest

import circles.protocol.verify
from circles.protocol.verify import verify
from tests.protocol.bending import Files, Mutant
from tests.protocol.mutants_cast import STEP_3, STEP_4, STEP_5
from tests.protocol.mutants_ending import STEP_6, STEP_7, STEP_8, STEP_9
from tests.protocol.mutants_log import STEP_1, STEP_2
from tests.protocol.simulator import MemorySource

MUTANTS = [*STEP_1, *STEP_2, *STEP_3, *STEP_4, *STEP_5, *STEP_6, *STEP_7, *STEP_8, *STEP_9]


def _failed(files: Files) -> set[str]:
    return {problem.check for problem in verify(MemorySource(files)).problems}


@pytest.mark.parametrize("mutant", MUTANTS, ids=[name for name, _, _ in MUTANTS])
def test_a_bent_month_is_refused_by_the_right_checks(mutant: Mutant) -> None:
    _, make, checks = mutant
    assert _failed(make()) == checks


def test_every_check_is_somewhere_the_only_one_to_fail() -> None:
    folder = Path(circles.protocol.verify.__file__).parent
    source = "".join(path.read_text(encoding="utf-8") for path in folder.glob("*.py"))
    checks = set(re.findall(r'"([1-9]\.[a-z]+)"', source))
    alone = {check for _, _, found in MUTANTS if len(found) == 1 for check in found}
    # What is asked for beside the archive: `--clients` in test_verifier.py, `--witness` in
    # tests/witness.
    assert checks - alone == {"1.witness", "2.client"}
