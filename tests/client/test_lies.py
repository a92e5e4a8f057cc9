"""The client at a circle that lies: what was lost goes out again, the same; lies are named."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from circles.client import casting, looking, taking
from circles.client.credentials import CredentialFile, Record
from circles.client.log_view import LogView
from circles.client.web import ClientError, Web
from circles.protocol.messages import NOMINATE, VOTE, Ask
from circles.protocol.text import unb64
from tests.script.small_circle import MONTH, SCOPE, SmallCircle, serving


class Client:
    """A member's client with its file, at the lying circle."""

    def __init__(self, circle: SmallCircle, origin: str, path: Path) -> None:
        self.circle = circle
        self.web = Web(origin + SCOPE)
        self.file = CredentialFile.open(path, self.web.scope, create=True)
        self.log = LogView(self.web, self.file)
        self.waited: list[float] = []

    def collect(self) -> list[Record]:
        self.log.refresh()
        return taking.collect(self.web, self.file, self.log, MONTH, VOTE)

    def vote(self) -> list[Record]:
        self.log.refresh()
        return self.send(casting.seal_vote(self.file, self.log, MONTH, [1, 1, "keep"]))

    def send(self, records: list[Record]) -> list[Record]:
        return casting.send_all(self.web, self.file, self.log, records, self.waited.append)

    def pending(self) -> list[Record]:
        return casting.pending(self.file.of_month(MONTH, VOTE))


@pytest.fixture
def client(tmp_path: Path) -> Iterator[Client]:
    circle = SmallCircle()
    with serving(circle) as origin:
        yield Client(circle, origin, tmp_path / "own.json")


def _refused(code: str, work: Callable[[], object]) -> None:
    with pytest.raises(ClientError) as caught:
        work()
    assert caught.value.code == code


def test_a_lost_answer_to_a_take_is_asked_for_again_with_the_same_bytes(client: Client) -> None:
    client.circle.lie.add("lose the take's answer")
    _refused("no-answer", client.collect)
    (kept,) = client.file.records.values()
    assert kept.tokens is None
    again = CredentialFile.open(client.file.path, SCOPE)
    assert again.records == client.file.records
    records = client.collect()
    assert len(records) == 3
    assert all(record.usable for record in records)
    assert records[0].take == kept.take


@pytest.mark.parametrize(
    ("lie", "code"),
    [
        ("bad signature", "answer-bad"),
        ("line", "roll-bad"),
        ("roll", "roll-bad"),
        ("size", "log-bad"),
        ("other poll", "not-logged"),
    ],
)
def test_nothing_is_collected_from_who_lies(client: Client, lie: str, code: str) -> None:
    client.circle.lie.add(lie)
    _refused(code, client.collect)
    assert not any(record.usable for record in client.file.records.values())


def test_another_line_than_before_is_refused(client: Client) -> None:
    client.collect()
    client.circle.lie.add("other line")
    _refused("line-changed", client.collect)


@pytest.mark.parametrize("lie", ["lose the cast's answer", "friendly page", "receipt of another"])
def test_only_a_receipt_ends_the_sending(client: Client, lie: str) -> None:
    client.collect()
    client.circle.open_vote()
    client.circle.lie.add(lie)
    assert len(client.vote()) == 3
    assert len(client.waited) == 1
    # What went out twice was the same: no more ballots than credentials.
    assert len(client.circle.cast[VOTE]) == 3
    assert client.pending() == []


def test_without_an_answer_everything_waits_in_the_file(client: Client) -> None:
    client.collect()
    client.circle.open_vote()
    client.circle.lie.add("no answers")
    _refused("not-sent", client.vote)
    waiting = client.pending()
    assert len(waiting) == 3
    client.circle.lie.clear()
    client.file = CredentialFile.open(client.file.path, SCOPE)
    client.send(client.pending())
    sent = {record.where: record for record in client.file.records.values()}
    assert client.pending() == []
    for record in waiting:
        assert record.last is not None
        assert record.last.text is not None
        assert record.last.text.encode() in client.circle.cast[VOTE].values()
        assert sent[record.where].last is not None


@pytest.mark.parametrize(("lie", "code"), [("other slate", "not-logged"), ("closed", "closed")])
def test_nothing_is_cast_where_it_must_not(client: Client, lie: str, code: str) -> None:
    client.collect()
    client.circle.open_vote()
    client.circle.lie.add(lie)
    _refused(code, client.vote)
    assert client.circle.cast[VOTE] == {}


def test_no_cookie_goes_with_a_cast_and_ticks_must_fit(client: Client) -> None:
    client.collect()
    client.circle.open_vote()
    client.log.refresh()
    for ticks, code in (([9], "no-candidate"), ([1] * 4, "too-many-ticks")):
        _refused(code, lambda: casting.seal_vote(client.file, client.log, MONTH, ticks))  # noqa: B023  # called at once
    client.vote()
    casts = [headers for how, path, headers in client.circle.seen if path.startswith("/cast/")]
    assert len(casts) == 3
    assert all("Cookie" not in headers for headers in casts)
    assert all(headers["Content-Type"] == "text/plain" for headers in casts)


def test_a_dropped_ballot_is_named_by_its_receipt(client: Client) -> None:
    client.collect()
    client.circle.open_vote()
    sent = client.vote()
    assert sent[0].last is not None
    client.circle.close_vote(drop=unb64(sent[0].last.leaf))
    client.log.refresh()
    records = client.file.of_month(MONTH, VOTE)
    found = looking.look(client.log, records)
    states = {f.record.where: f.state for f in found}
    assert states.pop(sent[0].where) == looking.MISSING
    assert set(states.values()) == {looking.THERE}


def test_a_nomination_goes_out_with_its_words(client: Client) -> None:
    client.log.refresh()
    taking.collect(client.web, client.file, client.log, MONTH, NOMINATE)
    ask = Ask(4500, part=True)
    made = casting.prepare_nomination(client.file, client.log, MONTH, "Soup\nHot.\n", ask)
    client.send([made])
    assert client.circle.document == "Soup\nHot.\n"
    _refused(
        "malformed",
        lambda: casting.prepare_nomination(client.file, client.log, MONTH, "\nHot.\n", ask),
    )


def test_a_log_that_was_written_anew_is_refused(client: Client) -> None:
    client.collect()
    client.circle.entries[0] += b"x"
    _refused("log-forked", client.log.refresh)


@pytest.mark.parametrize("address", ["ftp://x/c/maple-row", "https://x/", "/c/maple-row"])
def test_an_address_is_a_circles(address: str) -> None:
    _refused("address", lambda: Web(address))


def test_a_log_key_is_followed_where_the_old_one_handed_on(client: Client) -> None:
    client.collect()
    client.circle.rotate()
    client.circle.rotate()
    client.log.refresh()
    client.circle.rotate(agreed=False)
    _refused("log-key", client.log.refresh)
    client.circle.entries.pop()
    _refused("log-key", client.log.refresh)
