"""Every vector and every case that must fail, through the modules as they are served."""

import json
from typing import Any

import pytest

from tests.script.conftest import VECTORS, Modules

PROTOCOL = json.loads((VECTORS / "protocol-v1.json").read_text("utf-8"))
RFC9474 = json.loads((VECTORS / "rfc9474.json").read_text("utf-8"))
RFC9180 = json.loads((VECTORS / "rfc9180.json").read_text("utf-8"))
TLOG = json.loads((VECTORS / "tlog.json").read_text("utf-8"))

# How many cases each suite must at least have run: a suite that loads nothing passes nothing.
SUITES = {
    "messages": len(PROTOCOL["messages"]) + 1,
    "mustFail": 2 * len(PROTOCOL["must_fail"]),
    "mustRefuse": len(PROTOCOL["must_refuse_ballots"]) + 2,
    "padding": len(PROTOCOL["padding_must_fail"]) + 2,
    "credential": 12,
    "ballots": 16,
    "voids": 4,
    "documents": 3,
    "drawing": 2 + len(PROTOCOL["draw"]["keys"]),
    "counted": 3,
    "mostTicks": len(PROTOCOL["most_ticks"]),
    "rfc9474": 4 * len(RFC9474["cases"])
    + len(RFC9474["verify_must_fail"])
    + len(RFC9474["blind_sign_must_fail"]),
    "rfc9180": 3
    + len(RFC9180["encryptions"])
    + len(RFC9180["exports"])
    + 2 * len(RFC9180["single_shot"])
    + len(RFC9180["must_fail"]),
    "tlogTree": len(TLOG["leaves"]) + len(TLOG["roots"]) + 8 + len(TLOG["tiles"]),
    "tlogProofs": 3 * len(TLOG["inclusion"]) + 4 * len(TLOG["consistency"]),
    "notes": 15,
    "ed25519Cases": 21,
}


@pytest.mark.parametrize("suite", SUITES)
def test_vectors_hold_in_the_browser(modules: Modules, suite: str) -> None:
    cases: list[dict[str, Any]] = modules.call("script/suites.js", suite)
    wrong = [f"{case['name']}: {case['detail'][:400]}" for case in cases if not case["ok"]]
    assert not wrong, "\n".join(wrong)
    assert len(cases) >= SUITES[suite]
