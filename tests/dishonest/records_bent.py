"""Lies in the records: the operator changes what is stored, and signs what comes of it."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date
from typing import Any

from sqlalchemy import update

from circles.ballot.tables import Staged
from circles.closing import count
from circles.protocol import messages as m
from circles.protocol.merkle import leaf
from circles.protocol.text import unb64
from circles.rounds import opening, slate
from tests.dishonest import tampering
from tests.dishonest.liar import Answer
from tests.dishonest.scenes import NOMINATE, VOTE, Scene


async def _count(scene: Scene) -> None:
    await scene.world.go(scene.world.at.count_at)


def _leaves(records: list[dict[str, Any]], purpose: str) -> Iterator[list[bytes]]:
    """Of each credential what was cast, by number."""
    for record in records:
        if record["purpose"] == purpose and record["casts"]:
            casts = sorted(record["casts"], key=lambda cast: int(cast["seq"]))
            yield [unb64(cast["leaf"]) for cast in casts]


def of_ann(scene: Scene, purpose: str = VOTE) -> list[list[bytes]]:
    """Ann's receipted casts, from her file."""
    records = json.loads((scene.folder / "Ann.json").read_text("utf-8"))["records"]
    return list(_leaves(records, purpose))


def of_ben(scene: Scene) -> list[list[bytes]]:
    """Ben's, from his browser."""
    items = [item for origin in scene.ben_storage["origins"] for item in origin["localStorage"]]
    records = [json.loads(i["value"]) for i in items if ":credential:" in i["name"]]
    return list(_leaves(records, VOTE))


# The log


async def forked(scene: Scene) -> None:
    """Ann collects in a log of her own; then she is shown that of the others."""
    await scene.world.begin()
    await scene.take()
    await scene.kept()

    def others(found: list[bytes]) -> list[bytes]:
        polls = [m.Poll.parse(data) for data in found]
        return [replace(poll, roll=secrets.token_bytes(32)).text() for poll in polls]

    await tampering.rewrite(scene, others)


async def old_entry(scene: Scene) -> None:
    await tampering.rewrite(scene, lambda found: _with_other_takes(found, 0))


def _with_other_takes(found: list[bytes], which: int) -> list[bytes]:
    at = tampering.index_of(found, m.Close, which)
    other = replace(m.Close.parse(found[at]), takes=secrets.token_bytes(32))
    return [*found[:at], other.text(), *found[at + 1 :]]


async def put_back(scene: Scene) -> None:
    await tampering.rewrite(scene, lambda found: found[:-1])


async def signed_again(scene: Scene) -> None:
    await _count(scene)
    await scene.run("receipt")
    await scene.kept()
    await tampering.rewrite(scene, lambda found: _with_other_takes(found, 1))


# The box


async def dropped(scene: Scene) -> None:
    await tampering.take_out(scene, of_ann(scene)[0][-1])
    await _count(scene)


async def dropped_of_ben(scene: Scene) -> None:
    await tampering.take_out(scene, of_ben(scene)[0][-1])
    await _count(scene)


async def dropped_nomination(scene: Scene) -> None:
    await tampering.take_out(scene, of_ann(scene, NOMINATE)[0][-1])
    await scene.world.go(scene.world.at.voting_opens)


async def dropped_later(scene: Scene) -> None:
    first, later = of_ann(scene)[0]
    assert first in await tampering.staged(scene)
    await tampering.take_out(scene, later)
    await _count(scene)


async def hidden_close(scene: Scene) -> None:
    await tampering.take_out(scene, of_ann(scene)[0][-1])
    await dropped_of_ben(scene)
    scene.liar.lie("GET", "/vote/close", lambda answer: replace(answer, status=404))


async def other_close(scene: Scene) -> None:
    await tampering.take_out(scene, of_ann(scene)[0][-1])
    await dropped_of_ben(scene)
    entries = await tampering.entries(scene)
    other = entries[tampering.index_of(entries, m.Close)]
    scene.liar.lie("GET", "/vote/close", lambda answer: answer.with_body(other))


async def reordered(scene: Scene) -> None:
    await _count(scene)

    def swap(found: list[bytes]) -> None:
        at = tampering.index_of(found, m.Ballot)
        found[at], found[at + 1] = found[at + 1], found[at]

    await tampering.rewrite(scene, swap)


async def swapped_token(scene: Scene) -> None:
    one, other, *_rest = sorted(await tampering.staged(scene))
    rows = await tampering.staged(scene)
    token = m.Ballot.parse(rows[other]).tokens
    await _replace_staged(scene, one, replace(m.Ballot.parse(rows[one]), tokens=token))
    await _count(scene)


async def altered_ballot(scene: Scene) -> None:
    name = of_ann(scene)[0][-1]
    ballot = m.Ballot.parse((await tampering.staged(scene))[name])
    await _replace_staged(scene, name, replace(ballot, body=bytes(len(ballot.body))))
    await _count(scene)


async def _replace_staged(scene: Scene, name: bytes, other: m.Ballot) -> None:
    values = {"leaf": other.record_id(), "message": other.text(), "key": other.key}
    async with scene.host.database.begin() as db:
        await db.execute(update(Staged).where(Staged.leaf == name).values(values))


async def stuffed_beyond(scene: Scene) -> None:
    await tampering.stuff(scene, 3 + 1)
    await _count(scene)


async def unsigned_token(scene: Scene) -> None:
    rows = await tampering.staged(scene)
    ballot = m.Ballot.parse(next(iter(rows.values())))
    made = await tampering.own_credential(scene)
    token = b"\0" + secrets.token_bytes(383)
    poll_hash = (await scene.world.round()).vote.poll_hash
    slate_id = ballot.slate
    forged = replace(made, tokens=(token,))
    choice = tampering.new_choice([1])
    poll = (await scene.world.round()).vote.poll
    await tampering.put_in(scene, poll_hash, tampering.make_ballot(poll, slate_id, forged, choice))
    await _count(scene)


async def collected_for_finn(scene: Scene) -> None:
    await tampering.collect_for(scene, "Finn")
    await tampering.stuff(scene, 1)
    await _count(scene)


async def reissued_in_secret(scene: Scene) -> None:
    await tampering.collect_for(scene, "Ann", anew=True)
    await _count(scene)


async def other_takes(scene: Scene) -> None:
    """Finn's line is used, and everybody is shown a list without it."""
    await tampering.collect_for(scene, "Finn")
    await _count(scene)
    line = await scene.member("Finn").line(VOTE)

    def without(answer: Answer) -> Answer:
        takes = m.Takes.parse(answer.body)
        rest = [take for take in takes.takes if take.member != line]
        return answer.with_body(m.Takes.of(takes.poll, rest).text())

    scene.liar.lie("GET", "/vote/takes", without)


# The slate


async def _with_slate(scene: Scene, lie: Callable[..., m.Slate]) -> None:
    with tampering.instead(slate, "_slate", lie):
        await scene.world.go(scene.world.at.voting_opens)


async def omitted(scene: Scene) -> None:
    await _with_slate(scene, lambda real, round_, salt, drafts: real(round_, salt, drafts[1:]))


async def other_order(scene: Scene) -> None:
    def other(real: Any, *given: Any) -> m.Slate:
        drawn: m.Slate = real(*given)
        return replace(drawn, candidates=drawn.candidates[::-1])

    await _with_slate(scene, other)


async def drawn_again(scene: Scene) -> None:
    await _with_slate(
        scene, lambda real, round_, _salt, drafts: real(round_, secrets.token_bytes(32), drafts)
    )


# The count


async def opened_early(scene: Scene) -> None:
    round_ = await scene.world.round()
    async with scene.host.database.read() as db:
        text = await opening.own_opening(db, scene.host, round_)
    assert text is not None
    await tampering.append(scene, text)


async def _with_result(scene: Scene, lie: Callable[[m.Result], m.Result]) -> None:
    with tampering.instead(count, "tally_up", lambda real, *given: lie(real(*given))):
        await _count(scene)


async def earlier_counted(scene: Scene) -> None:
    later = {leaves[-1] for leaves in of_ann(scene)}

    def earlier(real: Any, round_: Any, ballots: dict[bytes, bytes], *rest: Any) -> m.Result:
        kept = {name: data for name, data in ballots.items() if name not in later}
        result: m.Result = real(round_, kept, *rest)
        return result

    with tampering.instead(count, "tally_up", earlier):
        await _count(scene)


async def other_totals(scene: Scene) -> None:
    def other(result: m.Result) -> m.Result:
        (one, n), (two, k) = result.totals
        return replace(result, totals=((one, n + 1), (two, k - 1)))

    await _with_result(scene, other)


async def other_awards(scene: Scene) -> None:
    def other(result: m.Result) -> m.Result:
        fund = result.carried_minor + sum(amount for _, amount in result.awards)
        return replace(result, awards=((1, fund),), carried_minor=0)

    await _with_result(scene, other)


async def called_void(scene: Scene) -> None:
    name = of_ann(scene)[0][-1]

    def other(result: m.Result) -> m.Result:
        return replace(result, counted=result.counted - 1, voids=((name, "body"),))

    await _with_result(scene, other)


async def void_round(scene: Scene) -> None:
    def few(_real: object, _round: object) -> str:
        return opening.FEW_VOTERS

    with tampering.instead(opening, "void_ground", few):
        await _count(scene)


async def overpaid(scene: Scene) -> None:
    await _count(scene)
    entries = await tampering.entries(scene)
    sealed = leaf(entries[tampering.index_of(entries, m.Seal)])
    poll_hash = (await scene.world.round()).vote.poll_hash
    payout = m.Payout(poll_hash, 1, 99999, date(2026, 10, 28), sealed)
    await tampering.append(scene, payout.text())
