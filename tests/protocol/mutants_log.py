"""Bent months for steps 1 and 2: the log, and each entry."""

from dataclasses import replace
from typing import Any

from circles.protocol import merkle, signature
from circles.protocol import messages as m
from circles.protocol.checkpoint import Checkpoint
from tests.protocol import simulator as s
from tests.protocol.bending import (
    ENTRIES,
    HOUR,
    NOMINATE_POLL,
    STRANGER,
    TILE,
    VOTE_N,
    VOTE_POLL,
    Files,
    Mutant,
    announced,
    announced_bent,
    bare,
    bent,
    change,
    del_file,
    edited,
    event_of,
    find,
    flipped,
    refiled,
    set_file,
    signed_by,
)
from tests.protocol.simulator import Month


def _rotation_without_old(record: m.Rotation) -> m.Rotation:
    draft = replace(record, sig_old=bytes(64))
    seed = s.log_key("second").seed
    return replace(draft, sig_new=signature.sign(seed, draft.text_for_new()))


def _two_rotations(month: Month) -> None:
    stranger, second = STRANGER, s.log_key("second")
    month.entries.append(s.rotation(stranger, second).text())


def _note(size: int, root: bytes) -> bytes:
    return s.log_key().sign_note(Checkpoint(s.ORIGIN, size, root).text())


def _keep_longer(files: Files) -> None:
    note = s.log_key().sign_note(Checkpoint(s.ORIGIN, 999, bytes(32)).text())
    files["evidence/checkpoints/999"] = note


STEP_1: list[Mutant] = [
    ("a checkpoint that is none", refiled(set_file("log/checkpoint", b"x\n")), {"1.checkpoint"}),
    (
        "a checkpoint without its size",
        refiled(set_file("log/checkpoint", s.log_key().sign_note(b"circles.example\n\n"))),
        {"1.checkpoint"},
    ),
    ("another key signed", refiled(lambda f: signed_by(STRANGER, f)), {"1.signature"}),
    (
        "another key was kept",
        refiled(set_file("evidence/key", STRANGER.verifier.text().encode())),
        {"1.key", "1.signature", "1.consistency", "8.receipt"},
    ),
    ("the kept key is none", refiled(set_file("evidence/key", b"x")), {"1.key"}),
    ("the kept key is no text", refiled(set_file("evidence/key", b"\xff")), {"1.key"}),
    (
        "the log shows another key",
        refiled(set_file("log/key", STRANGER.verifier.text().encode() + b"\n")),
        {"1.key"},
    ),
    ("the log shows no key form", refiled(set_file("log/key", b"x\n")), {"1.key"}),
    (
        "an entry altered",
        refiled(set_file(ENTRIES, lambda x: x.replace(b"2026-12-23", b"2026-12-24"))),
        {"1.root", "1.tiles"},
    ),
    (
        "another root signed",
        refiled(
            lambda f: f.update(
                {
                    "log/checkpoint": s.log_key().sign_note(
                        replace(
                            Checkpoint.parse(f["log/checkpoint"].split(b"\n\n")[0] + b"\n"),
                            root=bytes(32),
                        ).text()
                    )
                }
            )
        ),
        {"1.root"},
    ),
    ("a tile altered", refiled(set_file(TILE, flipped)), {"1.tiles"}),
    ("a tile missing", refiled(del_file(TILE)), {"1.tiles"}),
    (
        "a bundle cut short",
        bare(set_file(ENTRIES, lambda x: x[:-1])),
        {"1.entries"},
    ),
    (
        "a bundle too long",
        bare(set_file(ENTRIES, lambda x: x + b"\0\0")),
        {"1.entries"},
    ),
    ("no entries", bare(del_file(ENTRIES)), {"1.entries"}),
    (
        "the log was rewritten before a kept checkpoint",
        refiled(set_file("evidence/checkpoints/2", _note(2, bytes(32)))),
        {"1.consistency"},
    ),
    ("a kept checkpoint is longer", refiled(_keep_longer), {"1.consistency"}),
    (
        "a kept checkpoint is another log's",
        refiled(
            set_file(
                "evidence/checkpoints/",
                STRANGER.sign_note(Checkpoint(s.ORIGIN, 0, merkle.EMPTY_ROOT).text()),
            )
        ),
        {"1.consistency"},
    ),
    (
        "a kept checkpoint is none",
        refiled(set_file("evidence/checkpoints/", b"x")),
        {"1.consistency"},
    ),
    (
        "a rotation without the old key's word",
        bent(bend={"rotation": _rotation_without_old}, rotate=True),
        {"1.rotation", "1.signature", "1.key"},
    ),
    (
        "a rotation without the old key's word, the checkpoint still the old key's",
        lambda: (
            Month(bend={"rotation": _rotation_without_old}, rotate=True).run().files(s.log_key())
        ),
        {"1.rotation"},
    ),
    (
        "a rotation without the new key's word",
        lambda: (
            Month(bend={"rotation": change(sig_new=bytes(64))}, rotate=True)
            .run()
            .files(s.log_key())
        ),
        {"1.rotation"},
    ),
    ("a stranger rotates", edited(_two_rotations, rotate=True), {"1.rotation"}),
]


def _second_vote(month: Month, **values: Any) -> None:
    other = s.issuer_key("other").n
    fresh = (s.trustee_key(7).public, s.trustee_key(8).public, s.trustee_key(9).public)
    values = {"issuers": (other,), "trustees": fresh, **values}
    month.entries.append(replace(month.vote.poll, **values).text())


def _only_nominating(month: Month) -> None:
    month.entries.pop()
    month.kept_sizes = []


STEP_2: list[Mutant] = [
    ("an entry that is no record", announced(lambda x: x.entries.append(b"hello\n")), {"2.parse"}),
    ("an empty entry", announced(lambda x: x.entries.append(b"")), {"2.parse"}),
    (
        "a record with a space at its end",
        announced(
            lambda x: x.entries.append(
                event_of(x).text().replace(b"reissued 0\n", b"reissued 0 \n")
            )
        ),
        {"2.parse"},
    ),
    (
        "a receipt in the log",
        announced(lambda x: x.entries.append(m.Receipt(bytes(32), bytes(32)).text())),
        {"2.parse"},
    ),
    ("a roll in the log", announced(lambda x: x.entries.append(x.vote.roll.text())), {"2.parse"}),
    ("a poll record twice", announced(lambda x: x.entries.append(x.entries[0])), {"2.once"}),
    ("a payout twice", edited(lambda x: x.entries.append(x.entries[-1])), {"2.once"}),
    (
        "an event of no poll",
        announced(lambda x: x.entries.append(event_of(x, poll=bytes(32)).text())),
        {"2.follows"},
    ),
    (
        "a payout of no poll",
        edited(
            lambda x: x.entries.append(
                replace(m.Payout.parse(x.entries[-1]), poll=bytes(32)).text()
            )
        ),
        {"2.follows"},
    ),
    ("only a nominating poll", announced(_only_nominating), {"2.round", "5.own"}),
    ("a second vote in the round", announced(_second_vote), {"2.round"}),
    ("a vote of another circle", announced_bent("vote", circle=bytes(16)), {"2.circle"}),
    (
        "a seal of another circle",
        edited(
            lambda x: x.entries.append(replace(x.sealed, circle=bytes(16), transfers=39).text())
        ),
        {"2.circle"},
    ),
    (
        "an issuer key in both polls",
        announced_bent("vote", issuers=NOMINATE_POLL.issuers),
        {"2.issuer"},
    ),
    (
        "an issuer key twice in a poll",
        announced_bent("vote", issuers=(VOTE_N, VOTE_N)),
        {"2.issuer"},
    ),
    ("an even issuer key", announced_bent("vote", issuers=(VOTE_N[:-1] + b"\x02",)), {"2.issuer"}),
    (
        "an issuer key of 3071 bits",
        announced_bent("vote", issuers=(b"\x7f" + VOTE_N[1:],)),
        {"2.issuer"},
    ),
    ("a trustee twice", announced_bent("vote", trustees=VOTE_POLL.trustees[:1] * 2), {"2.trustee"}),
    ("more trustees needed than there are", announced_bent("vote", threshold=4), {"2.trustee"}),
    (
        "taking from after the opening",
        announced_bent("vote", take_from=VOTE_POLL.opens_at + HOUR),
        {"2.times"},
    ),
    ("closing at the opening", announced_bent("vote", closes_at=VOTE_POLL.opens_at), {"2.times"}),
    (
        "nominating closes after voting opens",
        announced_bent("nominate", closes_at=VOTE_POLL.opens_at + HOUR),
        {"2.times"},
    ),
    (
        "an event that closes before the opening",
        announced(lambda x: x.entries.append(event_of(x, closes_at=VOTE_POLL.take_from).text())),
        {"2.times"},
    ),
    (
        "an event that opens the vote before nominating closes",
        announced(lambda x: x.entries.append(event_of(x, opens_at=NOMINATE_POLL.opens_at).text())),
        {"2.times"},
    ),
    (
        "an event after the close",
        edited(lambda x: x.entries.append(event_of(x).text())),
        {"2.event"},
    ),
    (
        "fewer re-issued than before",
        announced(lambda x: x.entries.extend([event_of(x, reissued=1).text(), event_of(x).text()])),
        {"2.event"},
    ),
    (
        "a slate for the nominating poll",
        announced(
            lambda x: x.entries.append(m.Slate(NOMINATE_POLL.record_id(), bytes(32), ()).text())
        ),
        {"2.purpose"},
    ),
    (
        "an opening for the nominating poll",
        announced(
            lambda x: x.entries.append(m.Opening(NOMINATE_POLL.record_id(), 1, bytes(32)).text())
        ),
        {"2.purpose"},
    ),
    (
        "closed twice",
        edited(
            lambda x: x.entries.append(
                replace(m.Close.parse(x.entries[find(x, m.Close)]), voters=4).text()
            )
        ),
        {"2.close"},
    ),
    (
        "nominating's close names a fund",
        bent(
            bend={"close_nominate": change(fund_minor=1, currency="EUR", ledger=bytes(32))},
            stop="close_nominating",
        ),
        {"2.close", "9.fund"},
    ),
    (
        "a vote's close names no fund",
        bent(
            bend={"close_vote": change(fund_minor=None, currency=None, ledger=None)},
            stop="close_vote",
        ),
        {"2.close"},
    ),
]
