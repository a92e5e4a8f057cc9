"""Every way to lie, as a table: what the server does, and who notices, by which check.

`begin` is the stage the server is at (tests/dishonest/scenes.py), `lie` makes it lie, and `noticed`
says what each witness must answer:

| witness | is | answers with |
| --- | --- | --- |
| takes, casts, looks | Ann's `circles take`, `cast`, `receipt` | its code, or what it shouts |
| collects, votes, checks | Ben's pages in Chromium | the code of the notice, or the headline |
| anyone | `circles-verify <address>` | the checks that fail, "" if all hold |
| Ann's evidence | the same with what Ann kept | the checks that fail |

A witness who is not named notices nothing, or is not asked: docs/threat-model.md says which.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from tests.dishonest import lies_told as told
from tests.dishonest import records_bent as bent
from tests.dishonest.scenes import Scene

MISSING = "HAS A RECEIPT AND IS NOT IN THE LOG"
STRANGE = "SOMEBODY COLLECTED IN YOUR NAME"


@dataclass(frozen=True)
class Threat:
    """A row of the table."""

    name: str
    begin: str
    lie: Callable[[Scene], Awaitable[None]]
    noticed: dict[str, str] = field(default_factory=dict)


TABLE = (
    # While credentials are collected
    Threat("another poll record for one member", "announced", told.another_poll,
           {"takes": "not-logged", "collects": "poll-differs"}),
    Threat("a second poll record in the log", "voting", told.second_poll,
           {"takes": "poll-differs", "casts": "poll-differs", "votes": "poll-differs",
            "anyone": "2.round"}),
    Threat("a weak issuer key in the poll record", "founded", told.weak_key,
           {"takes": "poll-bad", "anyone": "2.issuer"}),
    Threat("another roll", "announced", told.another_roll,
           {"takes": "roll-bad", "collects": "roll-bad"}),
    Threat("a line that is on no roll", "announced", told.no_line,
           {"takes": "roll-bad", "collects": "roll-bad"}),
    Threat("another line than before", "voting", told.another_line,
           {"takes": "line-changed"}),
    Threat("another's signature for a take", "announced", told.another_signature,
           {"takes": "answer-bad", "collects": "answer-bad"}),
    Threat("an answer to another take", "announced", told.another_take,
           {"takes": "answer-bad", "collects": "answer-bad"}),
    Threat("a token by an issuer key of one's own", "announced", told.another_issuer,
           {"takes": "answer-bad", "collects": "answer-bad"}),
    Threat("no answer to a take", "announced", told.silent_take, {"takes": "no-answer"}),
    # What the log shows
    Threat("a log key of one's own", "voting", told.another_key,
           {"takes": "log-key", "casts": "log-key", "looks": "log-key", "votes": "log-key",
            "Ann's evidence": "1.key 1.signature"}),
    Threat("a checkpoint that was altered", "announced", told.altered_checkpoint,
           {"takes": "log-bad", "collects": "log-bad", "anyone": "1.signature"}),
    Threat("hashes that do not add up", "announced", told.altered_tile,
           {"takes": "log-bad", "collects": "log-bad", "anyone": "1.tiles"}),
    Threat("two members see two logs", "founded", bent.forked,
           {"takes": "log-forked", "looks": "log-forked", "Ann's evidence": "1.consistency"}),
    Threat("an old entry is written anew", "voting", bent.old_entry,
           {"takes": "log-forked", "casts": "log-forked",
            "Ann's evidence": "1.consistency"}),
    Threat("an older database is put back, and its floor with it", "cast", bent.put_back,
           {"casts": "log-forked", "looks": "log-forked", "votes": "log-forked",
            "Ann's evidence": "1.consistency"}),
    Threat("the close is signed again after it was shown", "cast", bent.signed_again,
           {"looks": "log-forked", "Ann's evidence": "1.consistency"}),
    # While ballots are cast
    Threat("another slate for one member", "voting", told.another_slate,
           {"casts": "not-logged", "votes": "slate-changed"}),
    Threat("a second slate in the log", "voting", told.second_slate,
           {"votes": "slate-changed", "anyone": "3.slate"}),
    Threat("other words on the ballot", "voting", told.other_words, {"votes": "words-differ"}),
    Threat("a receipt for another ballot", "voting", told.another_receipt,
           {"casts": "not-sent", "votes": "not-sent"}),
    Threat("a receipt that the log did not sign", "voting", told.unsigned_receipt,
           {"casts": "not-sent", "votes": "not-sent"}),
    Threat("a friendly page for a receipt", "voting", told.friendly_page,
           {"casts": "not-sent", "votes": "not-sent"}),
    Threat("no answer to a cast", "voting", told.silent_cast, {"casts": "not-sent"}),
    Threat("the box is said to be closed", "voting", told.said_closed,
           {"casts": "closed", "votes": "closed"}),
    Threat("casts are led elsewhere", "voting", told.redirected,
           {"casts": "unexpected", "votes": "not-sent"}),
    # What was cast
    Threat("a receipted ballot is dropped", "cast", bent.dropped,
           {"looks": MISSING, "Ann's evidence": "8.receipt"}),
    Threat("a receipted ballot of the browser's is dropped", "cast", bent.dropped_of_ben,
           {"checks": "Something does not add up."}),
    Threat("a receipted nomination is dropped", "named", bent.dropped_nomination,
           {"looks": MISSING, "Ann's evidence": "8.receipt"}),
    Threat("the later of two votes is dropped", "cast", bent.dropped_later,
           {"looks": MISSING, "Ann's evidence": "8.receipt"}),
    Threat("the close is kept from who lost a ballot", "cast", bent.hidden_close,
           {"looks": MISSING, "checks": "log-bad"}),
    Threat("another close is shown to who lost a ballot", "cast", bent.other_close,
           {"looks": MISSING, "checks": "log-bad"}),
    Threat("re-votes in another order", "cast", bent.reordered, {"anyone": "4.sorted"}),
    Threat("the earlier of two votes is counted", "cast", bent.earlier_counted,
           {"anyone": "7.totals"}),
    Threat("a token is swapped", "cast", bent.swapped_token, {"anyone": "4.signature 4.token"}),
    Threat("a ballot is altered", "cast", bent.altered_ballot,
           {"looks": MISSING, "anyone": "4.signature", "Ann's evidence": "4.signature 8.receipt"}),
    Threat("ballots are stuffed beyond the gap", "cast", bent.stuffed_beyond,
           {"anyone": "5.counts"}),
    Threat("a ballot that no issuer signed", "cast", bent.unsigned_token, {"anyone": "4.token"}),
    Threat("credentials are collected for who is away", "cast", bent.collected_for_finn,
           {"Finn looks": STRANGE, "Finn's evidence": "5.own"}),
    Threat("a credential is re-issued in secret", "cast", bent.reissued_in_secret,
           {"looks": STRANGE, "anyone": "5.counts", "Ann's evidence": "5.counts 5.own"}),
    Threat("takes that the close does not name", "cast", bent.other_takes,
           {"looks": "takes-bad", "checks": "takes-bad"}),
    # The slate
    Threat("a nomination is left out of the slate", "named", bent.omitted,
           {"anyone": "3.nominations"}),
    Threat("a slate in another order than drawn", "named", bent.other_order,
           {"anyone": "3.order"}),
    Threat("the lot is drawn again", "named", bent.drawn_again, {"anyone": "3.salt"}),
    # The count
    Threat("the box is opened before its close", "voting", bent.opened_early,
           {"anyone": "6.opening"}),
    Threat("ticks are counted wrong", "cast", bent.other_totals, {"anyone": "7.totals"}),
    Threat("money is awarded against the rule", "cast", bent.other_awards,
           {"anyone": "7.awards 7.carried"}),
    Threat("a ballot is called void", "cast", bent.called_void, {"anyone": "7.counted 7.voids"}),
    Threat("a good vote is called void", "cast", bent.void_round, {"anyone": "6.void"}),
    Threat("more is paid than was awarded", "cast", bent.overpaid, {"anyone": "9.payout"}),
)  # fmt: skip


WORDS = {
    "takes": "`take`", "casts": "`cast`", "looks": "`receipt`", "collects": "collect page",
    "votes": "ballot page", "checks": "own check", "anyone": "anyone's check",
    "Ann's evidence": "check with evidence", "Finn looks": "`receipt` of who was away",
    "Finn's evidence": "check with their evidence",
}  # fmt: skip
SHOUTED = {MISSING: "missing", STRANGE: "collected in your name"}


def markdown() -> str:
    """The table as docs/threat-model.md shows it."""
    lines = ["| what the server does | who notices, and what they are told |", "| --- | --- |"]
    for threat in TABLE:
        told = [f"{WORDS[name]}: {_told(said)}" for name, said in threat.noticed.items()]
        lines.append(f"| {threat.name} | {'; '.join(told)} |")
    return "\n".join(lines) + "\n"


def _told(said: str) -> str:
    if said in SHOUTED:
        return SHOUTED[said]
    return f"\u201c{said}\u201d" if said.endswith(".") else f"`{said}`"
