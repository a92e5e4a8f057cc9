"""The client against a circle that can be bent: what it takes, casts, checks, and refuses."""

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from circles.protocol import messages as m
from circles.protocol.text import b64, unb64
from tests.script.conftest import Chromium, Modules
from tests.script.small_circle import SmallCircle, ids, key_of, opened, serving


class Client:
    """A fresh browser context at a small circle."""

    def __init__(self, circle: SmallCircle, modules: Modules) -> None:
        self.circle = circle
        self.modules = modules

    def call(self, function: str, *args: Any) -> Any:
        """A function of flows.js."""
        return self.modules.call("script/flows.js", function, *args)

    def ids(self) -> dict[str, Any]:
        """What the signed-in page names."""
        return ids(self.circle)

    def collected(self) -> list[dict[str, Any]]:
        """Collects both polls; the records."""
        answer = self.call("collect", self.ids())
        assert "trouble" not in answer
        return list(answer["records"])


@pytest.fixture
def client(chromium: Chromium) -> Iterator[Client]:
    circle = SmallCircle()
    with serving(circle) as origin:
        modules = Modules(chromium, f"{origin}/c/maple-row/in/booth")
        yield Client(circle, modules)
        modules.close()


def test_collecting_takes_every_slot_of_both_polls_once(client: Client) -> None:
    first = client.call("collect", client.ids())
    assert first["steps"] == [[n, 5] for n in range(6)]
    again = client.call("collect", client.ids())
    assert again["records"] == first["records"]
    assert [len(takes) for takes in client.circle.takes.values()] == [2, 3]
    assert len([path for method, path, _ in client.circle.seen if method == "POST"]) == 5


def test_a_lost_answer_is_asked_for_again_with_the_same_bytes(client: Client) -> None:
    client.circle.lie.add("lose the take's answer")
    assert client.call("collect", client.ids()) == {"trouble": "offline"}
    held = client.call("stored")
    assert [record["tokens"] for record in held] == [None]
    records = client.collected()
    assert records[0]["take"] == held[0]["take"]
    assert all(record["tokens"] for record in records)


@pytest.mark.parametrize(
    ("lie", "trouble"),
    [
        ("roll", "roll-bad"),
        ("line", "roll-bad"),
        ("other poll", "poll-differs"),
        ("size", "log-bad"),
        ("bad signature", "answer-bad"),
    ],
)
def test_nothing_is_collected_from_a_circle_that_lies(
    client: Client, lie: str, trouble: str
) -> None:
    client.circle.lie.add(lie)
    assert client.call("collect", client.ids()) == {"trouble": trouble}
    assert all(record["tokens"] is None for record in client.call("stored"))


def test_a_poll_that_is_not_in_the_log_is_not_taken_from(client: Client) -> None:
    client.circle.entries[0] = client.circle.entries[0].replace(b"2026-10-01T", b"2026-10-02T")
    assert client.call("collect", client.ids()) == {"trouble": "not-logged"}


def test_a_short_issuer_key_is_refused(client: Client) -> None:
    poll = client.circle.polls["nominate"]
    weak = b"\x7f" + poll.issuers[0][1:]
    short = replace(poll, issuers=(weak,))
    client.circle.polls["nominate"] = short
    client.circle.records["nominate/poll"] = client.circle.entries[0] = short.text()
    assert client.call("collect", client.ids()) == {"trouble": "poll-bad"}


def test_another_line_than_before_is_noticed(client: Client) -> None:
    client.collected()
    client.circle.lie.add("other line")
    assert client.call("collect", client.ids()) == {"trouble": "line-changed"}


def test_a_second_device_is_told_that_the_slots_are_used(client: Client) -> None:
    client.collected()
    client.call("clear")
    assert client.call("collect", client.ids()) == {"trouble": "slot-used"}


def test_slots_given_out_anew_are_taken_though_others_are_used(client: Client) -> None:
    client.collected()
    client.call("clear")
    client.circle.takes["vote"].clear()  # as if a steward had allowed it for the vote
    assert client.call("collect", client.ids()) == {"trouble": "slot-used"}
    usable = [r for r in client.call("stored") if r["tokens"] is not None]
    assert [r["purpose"] for r in usable] == ["vote"] * 3


def test_a_saved_file_brings_the_credentials_back(client: Client) -> None:
    client.collected()
    saved = client.call("save")
    client.call("clear")
    assert client.call("load", saved) == {"usable": 5}
    client.circle.open_vote()
    assert "trouble" not in client.call("collect", client.ids())
    assert len(client.call("vote", client.ids(), [1, 1, 2])["records"]) == 3


def test_files_of_others_and_damaged_ones_are_refused(client: Client) -> None:
    client.collected()
    saved = json.loads(client.call("save"))
    assert client.call("load", "not json") == {"trouble": "file-unreadable"}
    assert client.call("load", json.dumps({**saved, "circle": "/c/other"})) == {
        "trouble": "file-other-circle"
    }
    seed = saved["records"][1]["seed"]
    saved["records"][0]["seed"] = seed
    assert client.call("load", json.dumps(saved)) == {"trouble": "file-unreadable"}


def test_every_credential_is_cast_and_the_twin_reads_what_was_ticked(client: Client) -> None:
    records = client.collected()
    client.circle.open_vote()
    answer = client.call("vote", client.ids(), [2, "keep"])
    ballots = opened(client.circle)
    assert sorted(ballots.values(), key=str) == [["keep"], [2], []]
    assert {key for key, _ in ballots} == {key_of(r) for r in records if r["purpose"] == "vote"}
    for record in answer["records"]:
        cast = record["casts"][-1]
        assert unb64(cast["leaf"]) in client.circle.cast["vote"]
        assert cast["text"] is None
        assert cast["receipt"].startswith("circles/receipt/v1\n")


def test_casting_carries_no_cookie_no_referrer_and_no_preflight(client: Client) -> None:
    client.collected()
    client.circle.open_vote()
    client.call("vote", client.ids(), [1])
    posts = [h for method, path, h in client.circle.seen if path.startswith("/cast/")]
    takes = [h for method, path, h in client.circle.seen if path.endswith("/take")]
    public = [h for _, path, h in client.circle.seen if "/log/" in path or path.endswith("/slate")]
    assert len(posts) == 3
    assert takes
    assert all("circles=secret" in headers["Cookie"] for headers in takes)
    for headers in posts + public:
        assert "Cookie" not in headers
        assert "Referer" not in headers
    assert all(headers["Content-Type"] == "text/plain" for headers in posts)


def test_a_second_vote_replaces_the_first_with_the_same_keys(client: Client) -> None:
    client.collected()
    client.circle.open_vote()
    client.call("vote", client.ids(), [1, 1, 1])
    client.call("vote", client.ids(), [3])
    ballots = opened(client.circle)
    assert sorted(seq for _, seq in ballots) == [1, 1, 1, 2, 2, 2]
    assert sorted(ticks for (_, seq), ticks in ballots.items() if seq == 2) == [[], [], [3]]


@pytest.mark.parametrize("lie", ["friendly page", "lose the cast's answer", "receipt of another"])
def test_only_a_signed_receipt_counts_and_the_same_bytes_go_out_again(
    client: Client, lie: str
) -> None:
    client.collected()
    client.circle.open_vote()
    client.circle.lie.add(lie)
    answer = client.call("vote", client.ids(), [1, 2, 3])
    assert len(answer["records"]) == 3
    assert sorted(opened(client.circle).values()) == [[1], [2], [3]]
    assert len([p for _, p, _ in client.circle.seen if p.startswith("/cast/")]) == 4


def test_what_was_sealed_but_refused_is_kept_and_can_be_sent_later(client: Client) -> None:
    client.collected()
    client.circle.open_vote()
    client.circle.lie.add("closed")
    assert client.call("vote", client.ids(), [1]) == {"trouble": "closed"}
    client.circle.lie.discard("closed")
    assert len(client.call("sendPending", client.ids())["records"]) == 3
    assert sorted(opened(client.circle).values()) == [[], [], [1]]


@pytest.mark.parametrize(
    ("lie", "trouble"), [("other poll", "poll-differs"), ("other slate", "slate-changed")]
)
def test_nothing_is_cast_where_others_are_shown_something_else(
    client: Client, lie: str, trouble: str
) -> None:
    client.collected()
    client.circle.open_vote()
    client.circle.lie.add(lie)
    assert client.call("vote", client.ids(), [1]) == {"trouble": trouble}
    assert client.circle.cast["vote"] == {}


def test_a_rewritten_log_is_noticed(client: Client) -> None:
    client.collected()
    client.circle.open_vote()
    client.circle.entries.insert(0, client.circle.entries.pop(1))
    assert client.call("vote", client.ids(), [1]) == {"trouble": "log-forked"}
    client.circle.entries = client.circle.entries[:1]
    assert client.call("vote", client.ids(), [1]) == {"trouble": "log-forked"}


def test_another_log_key_than_before_is_noticed(client: Client) -> None:
    client.collected()
    client.circle.log_seed = bytes(32)
    assert client.call("collect", client.ids()) == {"trouble": "log-key"}


def test_a_log_key_that_the_old_one_handed_on_to_is_followed(client: Client) -> None:
    client.collected()
    client.circle.rotate()
    client.circle.rotate()
    assert "trouble" not in client.call("collect", client.ids())
    client.circle.rotate(agreed=False)
    assert client.call("collect", client.ids()) == {"trouble": "log-key"}


def test_a_nomination_and_its_replacement_are_what_the_twin_reads(client: Client) -> None:
    client.collected()
    first = {
        "recipient": "  Saturday   soup ",
        "words": "Vegetables.\r\nÄpfel too.  ",
        "ask": {"amount": 4500, "ceiling": None, "part": "whole"},
    }
    answer = client.call("nominate", client.ids(), 0, first)
    assert answer["record"]["title"] == "Saturday soup"
    assert client.circle.document == "Saturday soup\nVegetables.\nÄpfel too.\n"
    later = {**first, "ask": {"amount": "any", "ceiling": 3000, "part": "part"}}
    client.call("nominate", client.ids(), 0, later)
    sent = [m.Nomination.parse(text) for text in client.circle.cast["nominate"].values()]
    assert {(n.seq, n.ask.amount_minor, n.ask.ceiling_minor) for n in sent} == {
        (1, 4500, None),
        (2, None, 3000),
    }
    assert len({n.key for n in sent}) == 1


def test_a_text_that_is_too_long_is_not_sent(client: Client) -> None:
    client.collected()
    nomination = {
        "recipient": "x",
        "words": "ä" * 2048,
        "ask": {"amount": 1, "ceiling": None, "part": "whole"},
    }
    assert client.call("nominate", client.ids(), 0, nomination) == {"trouble": "too-long"}
    assert client.circle.cast["nominate"] == {}


def test_after_the_count_each_own_entry_is_found_and_read(client: Client) -> None:
    client.collected()
    client.circle.open_vote()
    client.call("vote", client.ids(), [1, 1, 1])
    client.call("vote", client.ids(), [2, "keep"])
    client.circle.close_vote()
    answer = client.call("ownEntries", client.ids())
    assert answer["outcome"] == "counted"
    assert answer["strange"] == []
    assert sorted(str(e["ticks"]) for e in answer["entries"]) == ["['keep']", "[2]", "[]"]
    assert {e["state"] for e in answer["entries"]} == {"read"}
    for entry in answer["entries"]:
        ballot = m.Ballot.parse(client.circle.entries[entry["entry"]])
        assert ballot.seq == 2
    assert all(r["seed"] is None for r in client.call("stored", client.ids()["polls"]["vote"]))
    assert client.call("ownEntries", client.ids())["entries"] == answer["entries"]


def test_a_receipted_ballot_that_was_dropped_is_named(client: Client) -> None:
    client.collected()
    client.circle.open_vote()
    client.call("vote", client.ids(), [1, 2, 3])
    dropped = next(iter(client.circle.cast["vote"]))
    client.circle.close_vote(drop=dropped)
    entries = client.call("ownEntries", client.ids())["entries"]
    assert sorted(e["state"] for e in entries) == ["missing", "read", "read"]


def test_ballots_cast_from_another_phone_are_found_by_their_key(client: Client) -> None:
    client.collected()
    saved = client.call("save")
    client.circle.open_vote()
    client.call("vote", client.ids(), [1, 1, 1])
    client.call("vote", client.ids(), [2, 2, 2])
    client.call("clear")
    client.call("load", saved)
    client.circle.close_vote()
    entries = client.call("ownEntries", client.ids())["entries"]
    assert [(e["state"], e["ticks"]) for e in entries] == [("read", [2])] * 3


def test_keys_of_rounds_long_over_are_erased(client: Client) -> None:
    client.collected()
    assert client.call("forgetOld", "2026-10") == [True] * 5
    assert client.call("forgetOld", "2026-11") == [True] * 5
    assert client.call("forgetOld", "2026-12") == [False] * 5


def test_a_take_in_my_name_that_is_not_mine_is_shown(client: Client) -> None:
    client.collected()
    client.circle.open_vote()
    client.call("vote", client.ids(), [1])
    take = m.Take.parse(next(iter(client.circle.takes["vote"].values()))[0])
    stolen = m.Take(take.poll, take.member, 4, take.blinded)
    client.circle.takes["vote"][take.member, 4] = (stolen.text(), b"")
    client.circle.close_vote()
    answer = client.call("ownEntries", client.ids())
    assert answer["strange"] == [b64(stolen.record_id())]


def test_a_browser_that_keeps_nothing_collects_nothing(client: Client) -> None:
    assert (
        client.call("brokenStorage") == [{"trouble": "StoreError: This browser keeps nothing."}] * 2
    )


def test_ticks_are_dealt_to_ballots_and_what_does_not_fit_is_refused(client: Client) -> None:
    hands = client.call("deals", [1, 1, "keep"], 3, 1)["hands"]
    assert sorted(hands, key=str) == [["keep"], [1], [1]]
    first = [client.call("deals", [1], 3, 1)["hands"].index([1]) for _ in range(40)]
    assert set(first) == {0, 1, 2}  # missing one of three by chance: below 1 in 10 million
    assert client.call("deals", [1, 2, 3], 1, 3) == {"hands": [[1, 2, 3]]}
    assert "RangeError" in client.call("deals", [1, 1], 1, 3)["trouble"]
    assert "RangeError" in client.call("deals", [1, 2, 3, 4], 3, 1)["trouble"]
