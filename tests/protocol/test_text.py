"""One spelling for each value; what has none is not written."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from circles.protocol import messages as m
from circles.protocol import text as t
from tests.protocol.conftest import load


@given(st.binary(max_size=100))
def test_base64url(data: bytes) -> None:
    text = t.b64(data)
    assert t.unb64(text) == t.unb64(text, len(data)) == data
    with pytest.raises(t.MalformedError):
        t.unb64(text, len(data) + 1)


@pytest.mark.parametrize("text", ["A", "AB", "AA==", "A A", "+A", "/A", "é", "AAAAA", "AA\n"])
def test_what_is_no_base64url(text: str) -> None:
    with pytest.raises(t.MalformedError):
        t.unb64(text)


@pytest.mark.parametrize("text", ["", "00", "01", "+1", "-1", " 1", "1 ", "1.0", "1" * 16, "١"])
def test_what_is_no_integer(text: str) -> None:
    with pytest.raises(t.MalformedError):
        t.uninteger(text)


def test_integers_and_their_bounds() -> None:
    assert t.integer(t.INT_MAX) == "9" * 15
    assert t.uninteger("9" * 15) == t.INT_MAX
    for wrong in (-1, t.INT_MAX + 1):
        with pytest.raises(t.MalformedError):
            t.integer(wrong)
    with pytest.raises(t.MalformedError):
        t.uninteger("6", 1, 5)


def test_times() -> None:
    at = datetime(2026, 2, 3, 4, 5, 6, tzinfo=UTC)
    assert t.time(at) == "2026-02-03T04:05:06Z"
    assert t.untime("2026-02-03T04:05:06Z") == at
    assert t.time(datetime(1, 1, 1, tzinfo=UTC)) == "0001-01-01T00:00:00Z"
    zone = timezone(timedelta(hours=1))
    for wrong in (at.replace(tzinfo=None), at.replace(microsecond=1), at.replace(tzinfo=zone)):
        with pytest.raises(t.MalformedError):
            t.time(wrong)


@pytest.mark.parametrize(
    "text",
    [
        "2026-02-29T00:00:00Z",
        "2026-02-03T24:00:00Z",
        "2026-02-03T04:05:60Z",
        "2026-02-03T04:05:06z",
        "2026-02-03 04:05:06Z",
        "2026-02-03T04:05Z",
        "0000-02-03T04:05:06Z",
        "２026-02-03T04:05:06Z",
    ],
)
def test_times_that_are_none(text: str) -> None:
    with pytest.raises(t.MalformedError):
        t.untime(text)


def test_days_months_currencies() -> None:
    assert t.unday(t.day(date(2028, 2, 29))) == date(2028, 2, 29)
    assert t.day(datetime(2028, 2, 29, 5, tzinfo=UTC)) == "2028-02-29"
    for read, wrong in (
        (t.unday, ["2027-02-29", "2027-2-1", "20270201", ""]),
        (t.month, ["2027-13", "2027-00", "2027-1", "0000-01", "2027-01-01"]),
        (t.currency, ["eur", "EURO", "EU", "ÄÄÄ"]),
    ):
        for text in wrong:
            with pytest.raises(t.MalformedError):
                read(text)


def test_limits_of_length() -> None:
    roll = m.Roll.of(bytes(16), [i.to_bytes(16, "big") for i in range(10_000)])
    assert m.Roll.parse(roll.text()) == roll
    too_long = m.Roll.of(bytes(16), [i.to_bytes(16, "big") for i in range(140_000)]).text()
    assert len(too_long) > t.FILE_BYTES_MAX
    with pytest.raises(t.MalformedError):
        m.Roll.parse(too_long)
    slate = m.Slate(bytes(32), bytes(32), (bytes(32),) * 999)
    assert len(slate.text()) > t.POSTED_BYTES_MAX
    assert m.Slate.parse(slate.text()) == slate


AT = datetime(2026, 1, 1, tzinfo=UTC)
SEAL = m.Seal(bytes(16), "2026-01", 1, bytes(32), 1, "EUR")
CLOSE = m.Close(bytes(32), bytes(32), 1, 0, 1, 1, 1, 1)
RESULT = m.Result(bytes(32), 0, (), (), 0, (), 0)
TAKE = m.Take(bytes(32), bytes(16), 0, (b"\1" * 384,))
EVENT = m.Event(bytes(32), 0, AT, AT, AT)

NO_TEXT: dict[str, Callable[[], Any]] = {
    "a rule without a version": lambda: replace(_poll(), rule="most-ticks"),
    "a parameter without a value": lambda: replace(_poll(), params=(("least", ""),)),
    "parameters out of order": lambda: replace(_poll(), params=(("b", "1"), ("a", "1"))),
    "a vote without a draw": lambda: replace(_poll(), draw_commit=None),
    "a nominating poll with trustees": lambda: replace(_poll(), purpose="nominate"),
    "a third purpose": lambda: replace(_poll(), purpose="talk"),
    "an id too short": lambda: replace(SEAL, circle=bytes(15)),
    "a negative count": lambda: replace(SEAL, transfers=-1),
    "a month that is none": lambda: replace(SEAL, month="2026-1"),
    "a fund without a seal": lambda: replace(CLOSE, fund_minor=1, currency="EUR"),
    "a seal without a fund": lambda: replace(CLOSE, ledger=bytes(32)),
    "totals out of order": lambda: replace(RESULT, totals=((2, 0), (1, 0))),
    "an award of nothing": lambda: replace(RESULT, awards=((1, 0),)),
    "a void reason": lambda: replace(RESULT, voids=((bytes(32), "because"),)),
    "voids out of order": lambda: replace(
        RESULT, voids=((b"\xff" * 32, "share"), (bytes(32), "share"))
    ),
    "an RSA value of zero": lambda: replace(TAKE, blinded=(bytes(384),)),
    "nothing blinded": lambda: replace(TAKE, blinded=()),
    "five issuers": lambda: replace(TAKE, blinded=(b"\1" * 384,) * 5),
    "clients out of order": lambda: replace(EVENT, clients=(b"\xff" * 32, bytes(32))),
    "a client twice": lambda: replace(EVENT, clients=(bytes(32), bytes(32))),
    "takes twice": lambda: m.Takes(bytes(32), (TAKE, TAKE)),
    "takes out of order": lambda: m.Takes(bytes(32), (replace(TAKE, slot=1), TAKE)),
    "a member twice": lambda: m.Roll(bytes(16), (bytes(16), bytes(16))),
    "candidate 0": lambda: m.Choice(bytes(16), (0,)),
    "a tick twice": lambda: m.Choice(bytes(16), (1, 1)),
    "any amount, all of it": lambda: _nomination(m.Ask(None)),
    "a ceiling on an amount": lambda: _nomination(m.Ask(5, 6)),
    "nothing asked": lambda: _nomination(m.Ask(0)),
    "a token too few": lambda: replace(_nomination(m.Ask(1)), tokens=()),
}


def _poll() -> m.Poll:
    text = next(v["text"] for v in load("protocol-v1.json")["messages"] if "poll vote" in v["what"])
    return m.Poll.parse(text.encode())


def _nomination(ask: m.Ask) -> m.Nomination:
    return m.Nomination(
        bytes(32), bytes(32), (bytes(32),), (b"\1" * 384,), 1, ask, bytes(32), bytes(64)
    )


@pytest.mark.parametrize("why", NO_TEXT)
def test_values_without_a_spelling_are_not_written(why: str) -> None:
    assert m.Nomination.parse(_nomination(m.Ask(1)).text()).ask.text() == "1 - whole"
    with pytest.raises(t.MalformedError):
        NO_TEXT[why]().text()
