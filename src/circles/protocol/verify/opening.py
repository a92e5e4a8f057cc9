"""Steps 6 and 7: the trustees' secrets, the ballots opened, the count and the awards."""

from collections.abc import Iterable, Iterator

from circles.protocol import allocation, seal, tally
from circles.protocol.messages import Ask, Ballot, Choice, Close, Result, Slate
from circles.protocol.text import b64
from circles.protocol.verify.log import Log
from circles.protocol.verify.report import Progress, Report
from circles.protocol.verify.walk import Cast, PollState

_PROGRESS_EVERY = 1000


def check_openings(state: PollState, report: Report) -> dict[int, bytes]:
    """Step 6: secrets by trustee, those that stand between the close and the result or void.

    Each must be its trustee's, one each, after the close; none where the box stays shut.
    """
    close_index = state.close[0] if state.close else None
    end = state.result or state.void
    usable: dict[int, bytes] = {}
    met: set[int] = set()
    for index, opening in state.openings:
        where = f"entry {index}"
        fits = report.expect(
            seal.opening_fits(state.poll, opening),
            "6.opening",
            where,
            "the secret is not that trustee's",
        )
        report.expect(opening.trustee not in met, "6.opening", where, "this trustee opened before")
        met.add(opening.trustee)
        after = report.expect(
            close_index is not None and index > close_index,
            "6.opening",
            where,
            "a trustee opened before the close",
        )
        if fits and after and (end is None or index < end[0]):
            usable.setdefault(opening.trustee, opening.secret)
    return usable


def check_ending(state: PollState, usable: dict[int, bytes], report: Report) -> None:
    """Step 6: whether the vote had to end in a result or in a void, and why."""
    empty = state.slate is not None and not state.slate[1].candidates
    report.expect(
        not (empty and state.cast), "6.shut", state.name, "ballots were cast though none could be"
    )
    end = state.result or state.void
    if state.close is None:
        report.expect(end is None, "6.ending", state.name, "it ended before it was closed")
        return
    close_index, close = state.close
    if end is not None:
        after = end[0] > close_index
        report.expect(after, "6.ending", f"entry {end[0]}", "it stands before the close")
    shut = _shut_reason(state, close)
    if shut is not None and state.openings:
        report.fail("6.shut", state.name, f"a trustee opened though the box stays shut: {shut}")
    missing = len(usable) < state.poll.threshold
    if state.result is not None:
        where = f"entry {state.result[0]}"
        report.expect(shut is None, "6.shut", where, f"it was counted, but had to be void: {shut}")
        report.expect(not missing, "6.opening", where, "it was counted before enough openings")
    if state.void is not None:
        index, void = state.void
        ground = shut or ("not-opened" if missing else None)
        report.expect(
            void.reason == ground,
            "6.void",
            f"entry {index}",
            f"the reason {void.reason} does not hold; what holds is {ground or 'none'}",
        )


def _shut_reason(state: PollState, close: Close) -> str | None:
    if state.slate is not None and not state.slate[1].candidates:
        return "no-candidates"
    few = tally.few_voters(state.poll, close.voters, state.keys, close.reissued)
    return "few-voters" if few else None


def check_result(
    state: PollState,
    nominate: PollState | None,
    usable: dict[int, bytes],
    log: Log,
    report: Report,
    progress: Progress,
) -> None:
    """Steps 6 and 7: every counted ballot opened again, totals and awards made anew."""
    if state.result is None or state.slate is None or len(usable) < state.poll.threshold:
        return
    index, result = state.result
    slate = state.slate[1]
    opener = seal.Opener.of(state.poll, slate, usable)
    choices: list[Choice] = []
    voids: dict[bytes, str] = {}
    counted = tally.counted({cast.leaf: cast for cast in state.cast})
    for leaf, opened in _opened(state, counted, opener, log, progress):
        if isinstance(opened, str):
            voids[leaf] = opened
        else:
            choices.append(opened)
    totals = tally.count_ticks(len(slate.candidates), choices)
    _compare(f"entry {index}", result, len(choices), voids, totals, report)
    asks = _asks(slate, nominate)
    if state.close is not None and asks is not None:
        _check_awards(state, state.close[1], asks, choices, report)


def _opened(
    state: PollState,
    counted: dict[bytes, Cast],
    opener: seal.Opener,
    log: Log,
    progress: Progress,
) -> Iterator[tuple[bytes, Choice | str]]:
    for done, (leaf, cast) in enumerate(counted.items(), start=1):
        data = log.entry(cast.index)
        ballot = state.ballots.get(leaf) or Ballot.read_again(data)
        yield leaf, opener.open(ballot, data)
        if done % _PROGRESS_EVERY == 0:
            progress(f"{state.name}: opened {done} of {len(counted)} ballots")


def _compare(
    where: str,
    result: Result,
    counted: int,
    voids: dict[bytes, str],
    totals: tally.Totals,
    report: Report,
) -> None:
    report.expect(
        result.counted == counted,
        "7.counted",
        where,
        f"it says {result.counted} ballots opened, there are {counted}",
    )
    said = dict(result.voids)
    for leaf in sorted({*said, *voids}):
        report.expect(
            said.get(leaf) == voids.get(leaf),
            "7.voids",
            where,
            f"ballot {b64(leaf)} is {voids.get(leaf, 'not void')}, "
            f"it says {said.get(leaf, 'not void')}",
        )
    report.expect(
        result.totals == tuple(enumerate(totals.candidates, start=1))
        and result.keep == totals.keep,
        "7.totals",
        where,
        f"the ticks are {_list(enumerate(totals.candidates, start=1))}, keep {totals.keep}; "
        f"it says {_list(result.totals)}, keep {result.keep}",
    )


def _list(pairs: Iterable[tuple[int, int]]) -> str:
    return ", ".join(f"{number}: {n}" for number, n in pairs) or "none"


def _asks(slate: Slate, nominate: PollState | None) -> list[Ask] | None:
    """What each candidate asks for; None where one is no nomination (step 3 has said so)."""
    known = {cast.leaf: cast.ask for cast in nominate.cast} if nominate else {}
    asks = [known.get(leaf) for leaf in slate.candidates]
    found = [ask for ask in asks if ask is not None]
    return found if len(found) == len(asks) else None


def _check_awards(
    state: PollState, close: Close, asks: list[Ask], choices: list[Choice], report: Report
) -> None:
    if state.result is None or close.fund_minor is None:
        return
    index, result = state.result
    where = f"entry {index}"
    totals = tally.count_ticks(len(asks), choices)
    try:
        found = allocation.allocate(
            state.poll.rule, state.poll.params, close.fund_minor, asks, totals, choices
        )
    except allocation.RuleError as error:
        report.fail("7.rule", where, str(error))
        return
    report.expect(
        result.awards == found.awards,
        "7.awards",
        where,
        f"the awards are {_list(found.awards)}; it says {_list(result.awards)}",
    )
    report.expect(
        result.carried_minor == found.carried_minor,
        "7.carried",
        where,
        f"{found.carried_minor} is carried; it says {result.carried_minor}",
    )
