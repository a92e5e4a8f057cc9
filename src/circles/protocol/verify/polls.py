"""Steps 3 to 5: the slate, where the cast messages stand, and the counts of each poll."""

from collections import Counter
from itertools import pairwise

from circles.protocol import draw, tally
from circles.protocol.messages import SEQ_MAX, VOTE
from circles.protocol.text import b64
from circles.protocol.verify.report import PollCounts, Report
from circles.protocol.verify.walk import PollState


def check_slate(nominate: PollState, vote: PollState, report: Report) -> None:
    """Step 3: one slate between the two closes, as the counted nominations and the draw say."""
    if vote.slate is None:
        report.expect(vote.close is None, "3.slate", vote.name, "it was closed without a slate")
        return
    index, slate = vote.slate
    where = f"entry {index}"
    after = nominate.close is not None and nominate.close[0] < index
    before = vote.close is None or index < vote.close[0]
    report.expect(
        after and before, "3.slate", where, "the slate does not stand between the two closes"
    )
    listed = Counter([*slate.candidates, *(leaf for leaf, _ in slate.omits)])
    counted = tally.counted({cast.leaf: cast for cast in nominate.cast})
    for leaf in counted:
        report.expect(
            leaf in listed, "3.nominations", where, f"nomination {b64(leaf)} is not listed"
        )
    for leaf, times in listed.items():
        report.expect(
            leaf in counted, "3.nominations", where, f"{b64(leaf)} is no counted nomination"
        )
        report.expect(times == 1, "3.nominations", where, f"{b64(leaf)} is listed twice")
    report.expect(
        draw.draw_commit(slate.draw_salt) == vote.poll.draw_commit,
        "3.salt",
        where,
        "the draw salt is not the one that was fixed before nominating",
    )
    report.expect(
        draw.draw_order(slate.draw_salt, slate.candidates) == list(slate.candidates),
        "3.order",
        where,
        "the candidates do not stand in the order of the draw",
    )


def check_range(state: PollState, report: Report) -> None:
    """Step 4, the messages together: contiguous, sorted, right before the close, 20 a key."""
    if state.close is None:
        report.expect(not state.cast, "4.range", state.name, "messages are logged without a close")
        return
    index, close = state.close
    where = f"entry {index}"
    stand = [cast.index for cast in state.cast]
    within = [cast for cast in state.cast if close.first <= cast.index < index]
    report.expect(
        stand == list(range(close.first, close.first + close.ballots))
        and close.first + close.ballots == index,
        "4.range",
        where,
        "what was cast does not stand, all of it and nothing else, right before the close",
    )
    report.expect(
        all(before.leaf < after.leaf for before, after in pairwise(within)),
        "4.sorted",
        where,
        "what was cast is not sorted by leaf hash",
    )
    most = max(Counter(cast.key for cast in state.cast).values(), default=0)
    report.expect(most <= SEQ_MAX, "4.many", where, f"one key has more than {SEQ_MAX} messages")


def check_counts(state: PollState, report: Report) -> None:
    """Step 5 without files: V <= T <= N x slots + R, and what the close record says of them."""
    if state.close is None:
        return
    index, close = state.close
    where, poll = f"entry {index}", state.poll
    keys = state.keys
    most = poll.members * poll.slots + close.reissued
    for holds, message in (
        (close.keys == keys, f"it says {close.keys} keys, there are {keys}"),
        (close.ballots == len(state.cast), f"it says {close.ballots}, there are {len(state.cast)}"),
        (keys <= close.take_count, "there are more keys than were taken"),
        (close.take_count <= most, "more were taken than there are slots"),
        (close.voters <= poll.members, "more members took than are on the roll"),
        (close.voters <= close.take_count, "more members took than there are takes"),
        (
            close.take_count <= close.voters * poll.slots + close.reissued,
            "more were taken than these members have slots",
        ),
        (close.reissued == state.reissued, "it re-issued other than the last event says"),
    ):
        report.expect(holds, "5.counts", where, message)


def counts(state: PollState) -> PollCounts:
    """The counts to print."""
    close = state.close[1] if state.close else None
    return PollCounts(
        month=state.poll.month,
        purpose=state.poll.purpose,
        members=state.poll.members,
        slots=state.poll.slots,
        takes=close.take_count if close else None,
        voters=close.voters if close else None,
        keys=state.keys,
        reissued=close.reissued if close else state.reissued,
        ending=_ending(state),
    )


def _ending(state: PollState) -> str:
    if state.close is None:
        return "not closed"
    if state.poll.purpose != VOTE:
        nominations = tally.counted({cast.leaf: cast for cast in state.cast})
        return f"{len(nominations)} nominations"
    if state.void is not None:
        return f"void: {state.void[1].reason}"
    if state.result is None:
        return "closed, not counted yet"
    result = state.result[1]
    close = state.close[1]
    awarded = sum(amount for _, amount in result.awards)
    return (
        f"counted {result.counted}, void {len(result.voids)}; fund {close.fund_minor} "
        f"{close.currency}, awarded {awarded}, carried {result.carried_minor}"
    )
