"""Step 9: payouts, seals of the books, and the documents of the archive."""

from collections import defaultdict

from circles.protocol.archive_source import FileError, Source
from circles.protocol.ballot import DOCUMENT_BYTES_MAX, Document
from circles.protocol.text import HASH_BYTES, MalformedError, unb64
from circles.protocol.verify.report import Report
from circles.protocol.verify.walk import Walk


def check_payouts(walk: Walk, report: Report) -> None:
    """Payouts follow a result, stay within its awards, and name an earlier seal."""
    paid: dict[tuple[bytes, int], int] = defaultdict(int)
    for index, payout in walk.payouts:
        where = f"entry {index}"
        result = walk.polls[payout.poll].result
        if result is None or result[0] > index:
            report.fail("9.payout", where, "it pays before there is a result")
            continue
        paid[payout.poll, payout.candidate] += payout.amount_minor
        award = dict(result[1].awards).get(payout.candidate, 0)
        report.expect(
            paid[payout.poll, payout.candidate] <= award,
            "9.payout",
            where,
            f"candidate {payout.candidate} was awarded {award} and is paid more",
        )
        seal = walk.seals.get(payout.ledger)
        report.expect(
            seal is not None and seal[0] < index,
            "9.payout",
            where,
            "it names no seal of the books that stands before it",
        )


def check_seals(walk: Walk, report: Report) -> None:
    """The books only grow, in one currency; each vote's close names a seal with its fund."""
    before = None
    for index, seal in walk.seals.values():
        where = f"entry {index}"
        if before is not None:
            report.expect(seal.currency == before.currency, "9.seal", where, "the currency changed")
            report.expect(
                seal.transfers >= before.transfers, "9.seal", where, "the books lost transfers"
            )
            same = (seal.head, seal.fund_minor) == (before.head, before.fund_minor)
            report.expect(
                same or seal.transfers != before.transfers,
                "9.seal",
                where,
                "the books changed without a transfer",
            )
        before = seal
    for state in walk.polls.values():
        if state.close is None or state.close[1].ledger is None:
            continue
        index, close = state.close
        sealed = walk.seals.get(close.ledger or b"")
        report.expect(
            sealed is not None
            and sealed[0] < index
            and (sealed[1].fund_minor, sealed[1].currency) == (close.fund_minor, close.currency),
            "9.fund",
            f"entry {index}",
            "no seal before it shows this fund",
        )


def check_documents(source: Source, report: Report) -> None:
    """Each document hashes to its name."""
    for name in source.names("documents"):
        path = f"documents/{name}"
        try:
            data = source.read(path, HASH_BYTES + DOCUMENT_BYTES_MAX)
            document = Document(data[:HASH_BYTES], data[HASH_BYTES:])
            same = len(data) > HASH_BYTES and document.hash() == unb64(name, HASH_BYTES)
        except (MalformedError, FileError):
            same = False
        report.expect(same, "9.document", path, "it does not hash to its name")
