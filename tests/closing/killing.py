"""What must hold after a kill of each scenario; `tests.campaigns` kills at every point."""

from __future__ import annotations

from sqlalchemy import func, select

from circles import log
from circles.host import Host
from circles.ledger import books
from circles.members import issuer
from circles.members.roll_tables import IssuerKeyRow, TakeRow
from circles.protocol.archive_source import open_source
from circles.protocol.checkpoint import VerifierKey, open_checkpoint, open_receipt
from circles.protocol.merkle import Tree
from circles.protocol.text import unb64
from circles.protocol.verify import verify
from circles.rounds import rounds
from circles.rounds.tables import SecretRow
from tests import faults
from tests.closing import scenarios
from tests.closing.scenarios import AT, FUND_MINOR, MONTH, NEXT_MONTH, build

__all__ = ["AT", "CHECKS", "build"]


async def _check_log(host: Host, killed: faults.Killed) -> list[str]:
    """Nothing promised is missing, nothing shown was taken back, outsiders find no fault.

    Gives the kinds of all entries.
    """
    circle = await scenarios.the_circle(host)
    async with host.database.read() as db:
        await log.check_whole(db, host, circle.id)
        entries = await log.entries(db, circle.id)
        key = VerifierKey.parse(await log.verifier_key(db, circle.id))
    tree = Tree(entry.leaf for entry in entries)
    for line in killed.said + killed.said_again:
        if line.startswith("checkpoint"):
            _, size, note = line.split()
            shown = open_checkpoint(unb64(note), [key])
            assert (shown.size, shown.root) == (int(size), tree.root(int(size))), killed.point
    leaves = {entry.leaf for entry in entries}
    for note in scenarios.receipts(host):
        assert open_receipt(note, [key]).leaf in leaves, killed.point
    report = verify(open_source(str(host.settings.data / "public" / circle.slug)))
    assert report.holds, (killed.point, [str(problem) for problem in report.problems])
    return [entry.data.split(b"\n")[0].decode().split("/")[1] for entry in entries]


async def check_month_end(killed: faults.Killed) -> None:
    """One close, one opening, one result; the books moved once; every secret gone."""
    async with faults.opened(killed.place) as host:
        kinds = await _check_log(host, killed)
        assert [kinds.count(kind) for kind in ("close", "seal", "opening", "result", "void")] == [
            2, 1, 1, 1, 0,
        ], killed.point  # fmt: skip
        circle = await scenarios.the_circle(host)
        async with host.database.read() as db:
            round_ = await rounds.by_month(db, circle.id, MONTH)
            assert round_.posted, killed.point
            assert await books.fund_minor(db, circle.id) == FUND_MINOR - 4000, killed.point
            assert await books.reserved_minor(db, circle.id, MONTH) == 0, killed.point
            for table in (IssuerKeyRow, SecretRow):
                left = await db.scalar(select(func.count()).select_from(table))
                assert left == 0, killed.point


async def check_new_month(killed: faults.Killed) -> None:
    """Exactly one new round, with two polls, whose keys are the ones that the log names."""
    async with faults.opened(killed.place) as host:
        kinds = await _check_log(host, killed)
        assert [kinds.count(kind) for kind in ("poll", "seal", "result")] == [4, 2, 1], killed.point
        circle = await scenarios.the_circle(host)
        async with host.database.read() as db:
            round_ = await rounds.by_month(db, circle.id, NEXT_MONTH)
            for table in (IssuerKeyRow, SecretRow):
                assert await db.scalar(select(func.count()).select_from(table)) == 2, killed.point
            assert await issuer.is_kept(db, round_.vote.poll_hash), killed.point


async def check_take(killed: faults.Killed) -> None:
    """The same bytes got the same answer, before the kill and after; each slot was used once."""
    assert set(killed.said) <= set(killed.said_again), killed.point
    assert len(killed.said_again) == scenarios.TAKES, killed.point
    async with faults.opened(killed.place) as host:
        lines = await scenarios.stored_lines(host)
        async with host.database.read() as db:
            taken = (await db.execute(select(TakeRow.line, TakeRow.take, TakeRow.taken))).all()
            poll = (await rounds.by_month(db, (await scenarios.the_circle(host)).id, MONTH)).vote
            assert await issuer.count(db, poll.poll_hash) == 12, killed.point
    told = {line.split()[1]: line.split()[2] for line in killed.said_again}
    stored = {take: answer for line, take, answer in taken if line in lines.values()}
    for body, answer in told.items():
        assert stored[unb64(body)] == unb64(answer), killed.point


CHECKS: dict[str, faults.Check] = {
    "tests.closing.scenarios:take": check_take,
    "tests.closing.scenarios:month_end": check_month_end,
    "tests.closing.scenarios:new_month": check_new_month,
}
