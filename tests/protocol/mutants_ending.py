"""Bent months for steps 6 to 9: openings, results, receipts, the books."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from circles.protocol import ballot as b
from circles.protocol import messages as m
from circles.protocol.checkpoint import LogKey
from circles.protocol.text import b64
from tests.protocol import simulator as s
from tests.protocol.bending import (
    NOMINATE_POLL,
    STRANGER,
    VOTE_POLL,
    Files,
    Mutant,
    bent,
    change,
    drop,
    edited,
    find,
    flipped,
    move,
    put,
    refiled,
    set_file,
    shift_closes,
)
from tests.protocol.simulator import Month


def _void(reason: str) -> Callable[[Month], None]:
    return lambda month: month.entries.append(m.Void(VOTE_POLL.record_id(), reason).text())


def _instead_of_result(month: Month, reason: str) -> None:
    month.entries[find(month, m.Result)] = m.Void(VOTE_POLL.record_id(), reason).text()


def _cast_for_nobody(month: Month) -> None:
    """A ballot for a slate that lists none, closed over as if nothing were wrong."""
    credential = month.vote.credentials[0, 0, 0]
    ballot = b.make_ballot(month.vote.poll, month.slate.record_id(), credential, b.new_choice())
    at = find(month, m.Close, 1)
    close = m.Close.parse(month.entries[at])
    month.entries[at : at + 1] = [ballot.text(), replace(close, ballots=1, keys=1).text()]


def _early_opening(month: Month) -> None:
    month.entries.insert(find(month, m.Ballot), month.opening(1).text())
    shift_closes(month, find(month, m.Opening), 1)
    month.kept_sizes = []


def _count_anyway(month: Month) -> None:
    month.entries += [month.opening(1).text(), month.opening(3).text(), month.result().text()]


def _open_again(month: Month) -> None:
    """X25519 ignores the lowest bits of a secret: other bytes, the same key."""
    secret = month.opening(1).secret
    again = replace(month.opening(1), secret=bytes([secret[0] ^ 1]) + secret[1:])
    put(month, find(month, m.Result), again)


STEP_6: list[Mutant] = [
    (
        "a secret that is not the trustee's",
        bent(bend={"opening_3": change(secret=bytes(32))}, stop="open_and_count"),
        {"6.opening"},
    ),
    (
        "a secret of a trustee that is none",
        edited(lambda x: x.entries.append(replace(x.opening(3), trustee=4).text())),
        {"6.opening"},
    ),
    (
        "a trustee opens twice, the secret spelled in another way",
        edited(_open_again, stop="open_and_count"),
        {"6.opening"},
    ),
    ("a trustee opens before the close", edited(_early_opening, stop="close_vote"), {"6.opening"}),
    (
        "counted with one opening of two",
        edited(lambda x: drop(x, find(x, m.Opening, 1))),
        {"6.opening"},
    ),
    (
        "counted, the second opening after the result",
        edited(lambda x: move(x, find(x, m.Opening, 1), find(x, m.Result)), stop="open_and_count"),
        {"6.opening"},
    ),
    (
        "opened though few voted",
        edited(lambda x: x.entries.append(x.opening(1).text()), voters=2),
        {"6.shut"},
    ),
    (
        "counted though few voted",
        edited(_count_anyway, voters=2, stop="close_vote"),
        {"6.shut"},
    ),
    (
        "a ballot though there is no candidate",
        edited(_cast_for_nobody, nominations=0, stop="close_vote"),
        {"6.shut"},
    ),
    ("a result and a void", edited(_void("not-opened")), {"6.ending"}),
    ("two voids", edited(_void("not-opened"), voters=2), {"6.ending"}),
    (
        "two results",
        edited(lambda x: x.entries.append(replace(x.result(), keep=9).text())),
        {"6.ending"},
    ),
    (
        "void before the close",
        edited(
            lambda x: x.entries.append(m.Void(VOTE_POLL.record_id(), "few-voters").text()),
            stop="log_slate",
        ),
        {"6.ending"},
    ),
    (
        "void, then closed",
        edited(lambda x: move(x, len(x.entries) - 1, 2), voters=2, stop="open_and_count"),
        {"6.ending"},
    ),
    (
        "few-voters though enough voted",
        edited(lambda x: _instead_of_result(x, "few-voters"), stop="open_and_count"),
        {"6.void"},
    ),
    (
        "not-opened though it was",
        edited(lambda x: _instead_of_result(x, "not-opened"), stop="open_and_count"),
        {"6.void"},
    ),
    (
        "no-candidates though there are",
        edited(lambda x: _instead_of_result(x, "no-candidates"), stop="open_and_count"),
        {"6.void"},
    ),
    (
        "not-opened where few-voters comes first",
        bent(bend={"void": change(reason="not-opened")}, voters=2),
        {"6.void"},
    ),
    (
        "few-voters where no-candidates comes first",
        bent(bend={"void": change(reason="few-voters")}, nominations=0),
        {"6.void"},
    ),
]


def _bend_result(**values: Any) -> Callable[[], Files]:
    return bent(bend={"result": change(**values)}, stop="open_and_count")


HONEST = Month(stop="open_and_count").run()
RESULT = m.Result.parse(HONEST.entries[-1])
TOTALS = dict(RESULT.totals)


STEP_7: list[Mutant] = [
    ("one more counted", _bend_result(counted=15), {"7.counted"}),
    ("the void ballot not named", _bend_result(voids=()), {"7.voids"}),
    (
        "the void ballot's reason changed",
        bent(bend={"result": lambda x: replace(x, voids=((x.voids[0][0], "body"),))}),
        {"7.voids"},
    ),
    (
        "a good ballot called void",
        bent(
            bend={
                "result": lambda x: replace(
                    x,
                    voids=tuple(sorted([*x.voids, (bytes(32), "share")], key=lambda v: b64(v[0]))),
                )
            }
        ),
        {"7.voids"},
    ),
    ("a tick more", _bend_result(totals=((1, TOTALS[1] + 1), *RESULT.totals[1:])), {"7.totals"}),
    ("a tick less for keep", _bend_result(keep=0), {"7.totals"}),
    ("a candidate without a total", _bend_result(totals=RESULT.totals[:-1]), {"7.totals"}),
    ("a candidate too many", _bend_result(totals=(*RESULT.totals, (4, 0))), {"7.totals"}),
    ("another award", _bend_result(awards=((1, 1), *RESULT.awards[1:])), {"7.awards"}),
    ("an award left out", _bend_result(awards=RESULT.awards[1:]), {"7.awards"}),
    ("the rest is not right", _bend_result(carried_minor=RESULT.carried_minor + 1), {"7.carried"}),
    (
        "a rule that nobody knows",
        bent(bend={"poll_vote": change(rule="most-ticks/9")}, stop="open_and_count"),
        {"7.rule"},
    ),
    (
        "a rule's parameter that is none",
        bent(
            bend={"poll_vote": change(params=(("least", "x"), ("min-ticks", "2")))},
            stop="open_and_count",
        ),
        {"7.rule"},
    ),
]


class Forgetful(Month):
    """A month whose box loses a ballot that it gave a receipt for."""

    def close_vote(self) -> None:
        """Lose one, then close."""
        del self.vote.cast[min(self.vote.cast)]
        super().close_vote()


RECEIPT = "evidence/receipts/"


def _receipt(poll: bytes, leaf: bytes, key: LogKey) -> Callable[[Files], None]:
    return lambda files: files.update({RECEIPT + "x": key.sign_receipt(m.Receipt(poll, leaf))})


STEP_8: list[Mutant] = [
    (
        "a receipted ballot is gone",
        lambda: Forgetful(stop="open_and_count").run().files(),
        {"8.receipt"},
    ),
    (
        "a receipted nomination is gone",
        refiled(_receipt(NOMINATE_POLL.record_id(), bytes(32), s.log_key())),
        {"8.receipt"},
    ),
    (
        "a receipt of another key",
        refiled(_receipt(VOTE_POLL.record_id(), bytes(32), STRANGER), stop="announce"),
        {"8.receipt"},
    ),
    ("a receipt of no poll", refiled(_receipt(bytes(32), bytes(32), s.log_key())), {"8.receipt"}),
    ("a receipt that is none", refiled(set_file(RECEIPT, b"x")), {"8.receipt"}),
    (
        "a note that is no receipt",
        refiled(set_file(RECEIPT, s.log_key().sign_note(b"hello\n"))),
        {"8.receipt"},
    ),
]


def _payout(month: Month, **values: Any) -> None:
    month.entries.append(replace(m.Payout.parse(month.entries[-1]), **values).text())


def _early_payout(month: Month) -> None:
    payout = m.Payout.parse(month.entries[-1])
    put(
        month,
        find(month, m.Result),
        replace(payout, amount_minor=1, ledger=month.sealed.record_id()),
    )


STEP_9: list[Mutant] = [
    (
        "a payout above its award",
        bent(bend={"payout_1": lambda x: replace(x, amount_minor=x.amount_minor + 1)}),
        {"9.payout"},
    ),
    ("two payouts above their award", edited(lambda x: _payout(x, amount_minor=1)), {"9.payout"}),
    (
        "a payout to nobody awarded",
        edited(lambda x: _payout(x, candidate=9, amount_minor=1)),
        {"9.payout"},
    ),
    (
        "a payout before the result",
        edited(_early_payout, bend={"payout 3": change(amount_minor=1)}),
        {"9.payout"},
    ),
    ("a payout without a seal", bent(bend={"payout_2": change(ledger=bytes(32))}), {"9.payout"}),
    (
        "a payout before its seal",
        edited(lambda x: move(x, find(x, m.Seal, 1), len(x.entries) - 1)),
        {"9.payout"},
    ),
    ("the books lose transfers", bent(bend={"seal_after": change(transfers=34)}), {"9.seal"}),
    (
        "the books change without a transfer",
        bent(bend={"seal_after": change(transfers=35)}),
        {"9.seal"},
    ),
    ("the books change currency", bent(bend={"seal_after": change(currency="CHF")}), {"9.seal"}),
    (
        "a close with another fund than its seal",
        bent(bend={"seal": change(fund_minor=24999)}),
        {"9.fund"},
    ),
    (
        "a close with another currency than its seal",
        bent(bend={"close_vote": change(currency="CHF")}),
        {"9.fund"},
    ),
    ("a close without a seal", bent(bend={"close_vote": change(ledger=bytes(32))}), {"9.fund"}),
    (
        "a close before its seal",
        edited(lambda x: move(x, find(x, m.Seal), len(x.entries) - 1), stop="close_vote"),
        {"9.fund"},
    ),
    ("a document altered", refiled(set_file("documents/", flipped)), {"9.document"}),
    (
        "a document misnamed",
        refiled(lambda f: f.update({"documents/x": b"x" * 40})),
        {"9.document"},
    ),
    ("an empty document", refiled(set_file("documents/", b"")), {"9.document"}),
]
