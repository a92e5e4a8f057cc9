"""Bent months for steps 3 to 5: the slate, what was cast, the counts."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, ClassVar

from circles.protocol import ballot as b
from circles.protocol import messages as m
from circles.protocol.text import b64
from tests.protocol import simulator as s
from tests.protocol.bending import (
    NOMINATE_POLL,
    NOT_CLOSED,
    VOTE_POLL,
    Files,
    Mutant,
    announced_bent,
    bend_cast,
    bent,
    change,
    drop,
    edited,
    event_of,
    find,
    first_seed,
    flipped,
    list_credentials,
    move,
    put,
    refiled,
    resign,
    set_file,
)
from tests.protocol.simulator import Month


def _relist(slate: m.Slate) -> m.Slate:
    """The omitted one among the candidates, in draw order, and omitted as well."""
    leaves = [*slate.candidates, slate.omits[0][0]]
    return replace(slate, candidates=tuple(s.draw.draw_order(slate.draw_salt, leaves)))


def _superseded(slate: m.Slate) -> m.Slate:
    """A nomination that was replaced, listed too."""
    month = Month(stop="take_and_nominate").run()
    counted = month.counted_nominations()
    old = next(leaf for leaf in month.nominate.cast if leaf not in counted)
    omits = sorted([*slate.omits, (old, "withdrawn")], key=lambda omit: b64(omit[0]))
    return replace(slate, omits=tuple(omits))


def _invented(slate: m.Slate) -> m.Slate:
    """An omission of a nomination that does not exist."""
    omits = sorted([*slate.omits, (bytes(32), "unlawful")], key=lambda omit: b64(omit[0]))
    return replace(slate, omits=tuple(omits))


STEP_3: list[Mutant] = [
    (
        "no slate",
        edited(lambda x: drop(x, find(x, m.Slate)) or x.kept_sizes.clear(), stop="close_vote"),
        {"3.slate", "4.slate"},
    ),
    (
        "no slate, nothing cast",
        edited(
            lambda x: drop(x, find(x, m.Slate)) or x.kept_sizes.clear(),
            stop="close_vote",
            nominations=0,
        ),
        {"3.slate"},
    ),
    (
        "a slate before nominating's close",
        edited(lambda x: move(x, find(x, m.Slate), 2), stop="close_vote"),
        {"3.slate"},
    ),
    (
        "a slate after the vote's close",
        edited(
            lambda x: move(x, find(x, m.Slate), len(x.entries) - 1),
            stop="close_vote",
            nominations=0,
        ),
        {"3.slate"},
    ),
    (
        "a second slate",
        edited(
            lambda x: put(x, find(x, m.Slate) + 1, replace(x.slate, omits=())), stop="log_slate"
        ),
        {"3.slate"},
    ),
    ("a nomination left out", bent(bend={"slate": change(omits=())}), {"3.nominations"}),
    (
        "one listed that nobody made",
        bent(bend={"slate": _invented}),
        {"3.nominations"},
    ),
    ("one listed twice", bent(bend={"slate": _relist}), {"3.nominations"}),
    ("a replaced nomination listed", bent(bend={"slate": _superseded}), {"3.nominations"}),
    (
        "another salt",
        bent(
            bend={
                "slate": lambda x: replace(
                    x,
                    draw_salt=b"\1" * 32,
                    candidates=tuple(s.draw.draw_order(b"\1" * 32, x.candidates)),
                )
            }
        ),
        {"3.salt"},
    ),
    (
        "candidates in another order",
        bent(bend={"slate": lambda x: replace(x, candidates=x.candidates[::-1])}),
        {"3.order"},
    ),
]


def _credential_of_other_poll() -> tuple[bytes, bytes]:
    credential = list_credentials(m.NOMINATE)[0][1]
    return credential.prefixes[0], credential.tokens[0]


PREFIX, TOKEN = _credential_of_other_poll()


def _many(month: Month) -> None:
    """One key casts 21 times: nothing but the box's limit is in the way."""
    credential = month.vote.credentials[0, 0, 0]
    for seq in [*range(2, 21), 20]:
        month.cast(credential, (), seq)


class Overdoing(Month):
    """A month in which one key casts too often."""

    def close_vote(self) -> None:
        """Cast more before closing."""
        _many(self)
        super().close_vote()


def _late_ballot(month: Month) -> None:
    credential = month.vote.credentials[0, 0, 0]
    ballot = b.make_ballot(month.vote.poll, month.slate.record_id(), credential, b.new_choice(), 3)
    month.entries.append(ballot.text())


def _unsorted(month: Month) -> None:
    close = find(month, m.Close, 1)
    month.entries[close - 2], month.entries[close - 1] = (
        month.entries[close - 1],
        month.entries[close - 2],
    )


STEP_4: list[Mutant] = [
    (
        "a ballot with another poll's token",
        bent(bend={"ballot": bend_cast("vote", prefixes=(PREFIX,), tokens=(TOKEN,))}),
        {"4.token"},
    ),
    (
        "a nomination with a bent token",
        bent(
            bend={
                "nomination": lambda x: resign(
                    x, first_seed("nominate")(x), tokens=(flipped(x.tokens[0]),)
                )
            }
        ),
        {"4.token"},
    ),
    (
        "a ballot of two issuers where there is one",
        bent(
            bend={
                "ballot": lambda x: resign(
                    x, first_seed("vote")(x), prefixes=x.prefixes * 2, tokens=x.tokens * 2
                )
            },
            stop="close_vote",
        ),
        {"4.token"},
    ),
    ("a ballot not signed", bent(bend={"ballot": change(sig=bytes(64))}), {"4.signature"}),
    (
        "a nomination's amount changed",
        bent(bend={"nomination_again": change(ask=m.Ask(7000))}),
        {"4.signature"},
    ),
    (
        "a ballot of small order",
        bent(
            bend={"ballot": change(key=b"\1" + bytes(31), sig=b"\1" + bytes(63))}, stop="close_vote"
        ),
        {"4.token", "4.signature"},
    ),
    (
        "a ballot for another slate",
        bent(bend={"ballot": bend_cast("vote", slate=bytes(32))}, stop="close_vote"),
        {"4.slate"},
    ),
    (
        "a ballot with a share too few",
        bent(
            bend={"ballot": lambda x: resign(x, first_seed("vote")(x), shares=x.shares[:2])},
            stop="close_vote",
        ),
        {"4.share"},
    ),
    (
        "the close begins one late",
        bent(bend={"close_vote": lambda x: replace(x, first=x.first + 1)}),
        {"4.range"},
    ),
    ("a ballot after the close", edited(_late_ballot, stop="close_vote"), {"4.range", "5.counts"}),
    (
        "a record among the ballots",
        edited(
            lambda x: (
                x.entries.insert(find(x, m.Ballot, 3), event_of(x).text()) or x.kept_sizes.pop()
            ),
            stop="close_vote",
        ),
        {"4.range"},
    ),
    (
        "a record between the ballots and their close",
        edited(
            lambda x: (
                x.entries.insert(find(x, m.Close, 1), event_of(x).text()) or x.kept_sizes.pop()
            ),
            stop="close_vote",
        ),
        {"4.range"},
    ),
    (
        "ballots without a close",
        edited(lambda x: x.entries.pop() and x.kept_sizes.pop(), stop="close_vote"),
        {"4.range"},
    ),
    ("ballots not sorted", edited(lambda x: _unsorted(x) or x.kept_sizes.clear()), {"4.sorted"}),
    ("one key casts 21 times", lambda: Overdoing(stop="close_vote").run().files(), {"4.many"}),
]


def _stuffed_ballot(month: Month) -> None:
    """The server makes itself a credential that nobody took, and casts it."""
    month.vote.credentials[9, 9, 9] = s._taken(month.vote.poll.text(), bytes(16), 0, 0)[1]
    month.cast(month.vote.credentials[9, 9, 9], (1,), 1)


class Stuffed(Month):
    """A month with a ballot more than was taken."""

    def close_vote(self) -> None:
        """Stuff, then close."""
        _stuffed_ballot(self)
        super().close_vote()


class Phantom(Month):
    """A month in which the server took for a member who did not, and lists it."""

    member = bytes(16)
    slot = 0
    takes_changes: ClassVar[dict[str, Any]] = {}

    def close_vote(self) -> None:
        """Add the take, then close."""
        take, _ = s._taken(self.vote.poll.text(), self.member, self.slot, 0)
        self.vote.takes.append(replace(take, **self.takes_changes))
        super().close_vote()


def phantom(member: bytes, **changes: Any) -> Callable[[], Files]:
    """A month of four voters with one take more."""

    def make() -> Files:
        kind = type("Phantom", (Phantom,), {"member": member, "takes_changes": changes})
        month: Month = kind(voters=4, stop="close_vote")
        return month.run().files()

    return make


ABSENT = NOT_CLOSED.vote.roll.members[4]
ME = NOT_CLOSED.vote.roll.members[0]
VOTE_NAME, NOMINATE_NAME = b64(VOTE_POLL.record_id()), b64(NOMINATE_POLL.record_id())
ROLL, TAKES = f"evidence/roll/{VOTE_NAME}", f"evidence/takes/{VOTE_NAME}"


def _own(text: str) -> Callable[[], Files]:
    return refiled(set_file("evidence/own", text.encode()))


def _without(files: Files, line: int) -> None:
    lines = files["evidence/own"].splitlines(keepends=True)
    files["evidence/own"] = b"".join(lines[:line] + lines[line + 1 :])


STEP_5: list[Mutant] = [
    ("the close miscounts keys", bent(bend={"close_vote": change(keys=14)}), {"5.counts"}),
    (
        "the close miscounts nominations' keys",
        bent(bend={"close_nominate": change(keys=5)}),
        {"5.counts"},
    ),
    (
        "the close miscounts ballots",
        bent(bend={"close_vote": lambda x: replace(x, first=x.first + 1, ballots=x.ballots - 1)}),
        {"5.counts", "4.range"},
    ),
    ("more keys than takes", lambda: Stuffed(stop="close_vote").run().files(), {"5.counts"}),
    (
        "more takes than slots",
        bent(bend={"close_vote": change(take_count=16)}, stop="close_vote"),
        {"5.counts", "5.takes"},
    ),
    (
        "more voters than members",
        bent(bend={"close_vote": change(voters=6)}, stop="close_vote"),
        {"5.counts", "5.takes"},
    ),
    (
        "more takes than these members have slots",
        bent(bend={"close_vote": change(voters=4)}, stop="close_vote"),
        {"5.counts", "5.takes"},
    ),
    (
        "more re-issued than the last event says",
        bent(bend={"close_vote": change(reissued=1)}, stop="close_vote"),
        {"5.counts", "5.takes"},
    ),
    (
        "fewer re-issued than the last event says",
        edited(lambda x: x, bend={"close vote": change(reissued=0)}, reissues=1, stop="close_vote"),
        {"5.counts", "5.takes"},
    ),
    (
        "another roll",
        refiled(set_file(ROLL, lambda x: x.replace(b"salt AAAA", b"salt BBBB"))),
        {"5.roll"},
    ),
    ("a roll that is none", refiled(set_file(ROLL, b"circles/roll/v1\n")), {"5.roll"}),
    ("a poll that counts its roll wrong", announced_bent("vote", members=6), {"5.roll"}),
    (
        "another poll's takes",
        refiled(lambda f: f.update({TAKES: f[f"evidence/takes/{NOMINATE_NAME}"]})),
        {"5.takes"},
    ),
    (
        "takes not sorted",
        refiled(
            set_file(
                TAKES,
                lambda x: b"\n".join(
                    [*x.split(b"\n")[:2], *x.split(b"\n")[3:1:-1], *x.split(b"\n")[4:]]
                ),
            )
        ),
        {"5.takes"},
    ),
    ("a take of nobody on the roll", phantom(bytes(16)), {"5.takes"}),
    ("a take of a slot that is none", phantom(ABSENT, slot=4), {"5.takes"}),
    ("a take of another poll", phantom(ABSENT, poll=bytes(32)), {"5.takes"}),
    ("a take of two issuers", phantom(ABSENT, blinded=(b"\1" * 384, b"\1" * 384)), {"5.takes"}),
    ("a take of a value above n", phantom(ABSENT, blinded=(b"\xff" * 384,)), {"5.takes"}),
    ("somebody collected in my name", refiled(lambda f: _without(f, 3)), {"5.own"}),
    (
        "somebody collected though I took nothing",
        refiled(set_file("evidence/own", f"{VOTE_NAME} {b64(ABSENT)} -\n".encode())),
        {"5.own"},
    ),
    ("my line is not on the roll", _own(f"{VOTE_NAME} {b64(bytes(16))} -\n"), {"5.own"}),
    ("an own line of no poll", _own(f"{b64(bytes(32))} {b64(ME)} -\n"), {"5.own"}),
    ("an own line of two values", _own(f"{VOTE_NAME} {b64(ME)}\n"), {"5.own"}),
    ("an own line that is no hash", _own(f"{VOTE_NAME} {b64(ME)} x\n"), {"5.own"}),
    ("an own file without its end", _own(f"{VOTE_NAME} {b64(ME)} -"), {"5.own"}),
    ("an own file that is no text", refiled(set_file("evidence/own", b"\xff\n")), {"5.own"}),
    (
        "an own line that says none and one",
        _own(f"{VOTE_NAME} {b64(ABSENT)} -\n{VOTE_NAME} {b64(ABSENT)} {b64(bytes(32))}\n"),
        {"5.own"},
    ),
    (
        "an own line twice",
        refiled(set_file("evidence/own", lambda x: x + x.splitlines(keepends=True)[0])),
        {"5.own"},
    ),
]
