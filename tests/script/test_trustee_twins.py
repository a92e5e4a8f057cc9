"""A trustee's client never publishes a key before it has seen that it may: lies, told to both.

The record of a bent month is served from memory; the browser's look and the command line's must
come to the same end, and that end is `ready` for an honest closed box alone.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from circles.client import trustee_opening
from circles.client.log_view import LogView
from circles.client.trustee_commands import Seen
from circles.client.web import ClientError
from circles.protocol import messages as m
from circles.protocol.seal import TrusteeKey
from circles.protocol.text import b64
from tests.protocol.bending import find
from tests.protocol.simulator import MONTH, Month, trustee_key
from tests.script.conftest import Modules

Edit = Callable[[Month], object]


class MemoryWeb:
    """What `Web.public` gives, out of a month's files."""

    def __init__(self, files: dict[str, bytes]) -> None:
        self._files = files

    def public(self, path: str, bytes_max: int) -> bytes | None:
        found = self._files.get(path)
        assert found is None or len(found) <= bytes_max
        return found


def served(month: Month, shown: dict[str, bytes]) -> dict[str, bytes]:
    """The files of a circle's address: the log, and the records of the vote as it shows them."""
    files = {name: data for name, data in month.files().items() if name.startswith("log/")}
    for entry in month.entries:
        record = m.parse(entry)
        if isinstance(record, m.Poll) and record.purpose == m.VOTE:
            files[f"rounds/{MONTH}/vote/poll"] = entry
        elif isinstance(record, m.Slate):
            files[f"rounds/{MONTH}/vote/slate"] = entry
    return files | shown


def in_python(files: dict[str, bytes], key: TrusteeKey) -> str:
    try:
        log = LogView(MemoryWeb(files), Seen())  # type: ignore[arg-type]  # it only asks for files
        log.refresh()
        ready = trustee_opening.look(log, MONTH, {key.public: key})
    except ClientError as error:
        return error.code
    return f"ready {ready.opening.trustee}"


def in_the_browser(modules: Modules, files: dict[str, bytes], key: TrusteeKey) -> str:
    given = {name: b64encode(data).decode("ascii") for name, data in files.items()}
    found: str = modules.call("script/trusteeing.js", "look", given, MONTH, b64(key.public))
    return found


def _close(**values: Any) -> Edit:
    """The close record of the vote says something else."""

    def edit(month: Month) -> None:
        at = find(month, m.Close, 1)
        month.entries[at] = replace(m.Close.parse(month.entries[at]), **values).text()

    return edit


def _stuffed(month: Month) -> None:
    """Few took part, and a ballot of nobody makes them look more."""
    at = find(month, m.Close, 1)
    close = m.Close.parse(month.entries[at])
    ballot = m.Ballot.parse(month.entries[at - 1])
    month.entries.insert(at, replace(ballot, key=bytes([9] * 32)).text())
    fuller = replace(close, ballots=close.ballots + 1, keys=close.keys + 1, voters=3)
    month.entries[at + 1] = fuller.text()


def _swapped(month: Month) -> None:
    at = find(month, m.Close, 1)
    month.entries[at - 1], month.entries[at - 2] = month.entries[at - 2], month.entries[at - 1]


def _another_slate(month: Month) -> None:
    at = find(month, m.Slate)
    month.entries[at] = replace(m.Slate.parse(month.entries[at]), omits=()).text()


def _nothing(month: Month) -> None:
    del month


CLOSED = {"stop": "close_vote"}
CASES: dict[str, tuple[dict[str, Any], Edit, str]] = {
    "an honest closed box": (CLOSED, _nothing, "ready 3"),
    "still open": ({"stop": "take_and_cast"}, _nothing, "not-closed"),
    "counted already": ({}, _nothing, "decided"),
    "void already": ({"openings": ()}, _nothing, "decided"),
    "too few, and the close says so": ({**CLOSED, "voters": 2}, _nothing, "few-voters"),
    "too few, and the close says more voters": (
        {**CLOSED, "voters": 2}, _close(voters=5), "few-voters",
    ),
    "too few, and the close says more keys": (
        {**CLOSED, "voters": 2}, _close(voters=5, keys=15), "log-bad",
    ),
    "too few, stuffed with a ballot of nobody": ({**CLOSED, "voters": 2}, _stuffed, "log-bad"),
    "nobody named": ({**CLOSED, "nominations": 0}, _nothing, "no-candidates"),
    "the ballots are not sorted": (CLOSED, _swapped, "log-bad"),
    "the slate is not the one that was voted on": (CLOSED, _another_slate, "log-bad"),
    "a re-issue that lifts the bar": (CLOSED, _close(reissued=9), "few-voters"),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_both_look_before_they_open(case: str, modules: Modules) -> None:
    options, edit, expected = CASES[case]
    month = Month(**options).run()
    edit(month)
    files = served(month, {})
    assert in_python(files, trustee_key(3)) == expected
    assert in_the_browser(modules, files, trustee_key(3)) == expected


def test_a_key_of_another_box_stays_where_it_is(modules: Modules) -> None:
    files = served(Month(**CLOSED).run(), {})
    assert in_python(files, trustee_key(7)) == "not-your-box"
    assert in_the_browser(modules, files, trustee_key(7)) == "not-your-box"


def test_records_shown_to_one_alone_are_not_believed(modules: Modules) -> None:
    """A poll record with the own key in it, or a slate, that does not stand in the log."""
    month = Month(**CLOSED).run()
    poll = replace(month.vote.poll, min_voters=0)
    slate = replace(month.slate, draw_salt=bytes([1] * 32))
    for name, record in (("poll", poll), ("slate", slate)):
        files = served(month, {f"rounds/{MONTH}/vote/{name}": record.text()})
        assert in_python(files, trustee_key(3)) == "not-logged"
        assert in_the_browser(modules, files, trustee_key(3)) == "not-logged"
