"""Everything that outsiders recompute of a circle, in the nine steps of docs/protocol.md, 6.

    report = verify(open_source(target))
    report.holds, report.problems, report.polls

Nothing stops at the first failed check; only an archive that cannot be read at all raises
`SourceError`. Nothing here knows the server.
"""

from collections.abc import Iterable

from circles.protocol.archive_source import Source
from circles.protocol.messages import NOMINATE, VOTE
from circles.protocol.text import b64
from circles.protocol.verify import books, evidence, log, opening, polls
from circles.protocol.verify.report import PollCounts, Problem, Progress, Report
from circles.protocol.verify.walk import Walk
from circles.protocol.verify.witnesses import Cosigned, check_witness

__all__ = ["Cosigned", "PollCounts", "Problem", "Progress", "Report", "verify"]

_PROGRESS_EVERY = 1000


def _silent(_: str) -> None:
    """Progress that nobody watches."""


def verify(
    source: Source,
    kept: Source | None = None,
    *,
    clients: Iterable[bytes] | None = None,
    witnesses: Iterable[Cosigned] = (),
    progress: Progress = _silent,
) -> Report:
    """Check a whole archive, and what was kept of it in `kept` (else in its `evidence/`).

    `clients` are the script hashes (32 bytes each) that the caller knows to be good; without
    them the log's are only listed. Each of `witnesses` must have cosigned this log.
    Raises `SourceError` where the archive cannot be read.
    """
    report = Report()
    proof = evidence.open_evidence(source, kept)

    # 1: the log
    head = log.read_checkpoint(source, report)
    if head is None:
        return report
    note, checkpoint = head
    entries = log.Log()
    try:
        log.read_entries(source, checkpoint.size, entries, report, progress)
        log.check_tree(source, entries, checkpoint, report)

        # 2: every entry (and 4, of each nomination and ballot by itself)
        walk = Walk(report)
        for index, leaf, data in entries.entries():
            walk.entry(index, leaf, data)
            if (index + 1) % _PROGRESS_EVERY == 0:
                progress(f"checked {index + 1} of {checkpoint.size} entries")
        walk.finish()
        _check_clients(walk, clients, report)

        # 1 again, now that the rotations are known
        keys = log.check_signature(source, proof.key(), note, walk.rotations, report)
        if keys is not None:
            evidence.check_checkpoints(proof, keys, entries, report)
            for shown in witnesses:
                check_witness(shown, keys, entries, report)

        _check_polls(walk, entries, report, progress)
        evidence.check_files(proof, walk, report)

        # 8: receipts
        if keys is not None:
            evidence.check_receipts(proof, keys, walk, report)

        # 9: the books
        books.check_payouts(walk, report)
        books.check_seals(walk, report)
        books.check_documents(source, report)
        report.polls = [polls.counts(state) for state in walk.polls.values()]
    finally:
        entries.close()
    report.settle()
    return report


def _check_polls(walk: Walk, entries: log.Log, report: Report, progress: Progress) -> None:
    for purposes in walk.rounds.values():
        # 3: the slate
        if NOMINATE in purposes and VOTE in purposes:
            polls.check_slate(purposes[NOMINATE], purposes[VOTE], report)
    for state in walk.polls.values():
        # 4: where they stand; 5: the counts
        polls.check_range(state, report)
        polls.check_counts(state, report)
        if state.poll.purpose == VOTE:
            # 6: the openings; 7: the result
            usable = opening.check_openings(state, report)
            opening.check_ending(state, usable, report)
            nominate = walk.rounds[state.poll.month].get(NOMINATE)
            opening.check_result(state, nominate, usable, entries, report, progress)


def _check_clients(walk: Walk, clients: Iterable[bytes] | None, report: Report) -> None:
    report.clients = walk.clients()
    if clients is None:
        return
    known = set(clients)
    for client in report.clients:
        report.expect(
            client in known, "2.client", f"client {b64(client)}", "this script is not on the list"
        )
