"""`circles ledger import`: a bank's file of any size into a circle's books.

The same preview and the same keeping as at the desk, streamed: lines wait in a temporary file.
"""

from __future__ import annotations

import asyncio
import secrets
import shutil
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from circles.circle import circles
from circles.circle.circles import Circle
from circles.errors import ConflictError, SettingsError
from circles.host import Host
from circles.ledger.bank import accounts, imports, staging
from circles.ledger.bank.imports import Choices, Kept, Plan, Planned
from circles.ledger.bank.staging import Report, Staged
from circles.ledger.statements import columns, guess, unguessed, values
from circles.ledger.statements.mapping import FIELDS, Mapping, MappingError
from circles.ledger.statements.sheet import shown
from circles.ledger.statements.source import Source

# Who brought it in: nobody of the circle.
ACTOR = 0
_PROBLEMS_SHOWN = 50
_HEAD_BYTES = 1 << 20
# Above that it says that others wait meanwhile.
_LINES_QUICK = 20_000


@dataclass(frozen=True)
class Asked:
    """The command's options.

    `account` is the number that is ours. `further`: lines that look like ones of another kind of
    file are payments of their own; `another`: the same of those that look like ones of the other
    half of a day. `columns` says what each column of a table is, with the order of its days, its
    decimal sign, and the rows before it.
    """

    slug: str
    file: str
    account: str | None = None
    mapping: Path | None = None
    columns: str | None = None
    dates: str | None = None
    decimal: str | None = None
    header: int | None = None
    further: bool = False
    another: bool = False
    yes: bool = False


async def bring_in(
    host: Host,
    asked: Asked,
    say: Callable[[str], None],
    ask: Callable[[str], bool],
    report: Callable[[str, int, int], None],
) -> Kept | None:
    """Preview, question, keeping; None when nothing was kept. `report` is told what it counts
    ("bytes", "lines"), how far it is, and how far it goes.
    """
    async with host.database.read() as db:
        circle = await circles.by_slug(db, asked.slug)
        kept = await accounts.mappings(db, circle.id)
        known = await accounts.known(db, circle.id)
    mapping = _mapping(asked.mapping)

    def read() -> Staged:
        with _opened(asked.file) as file:
            said = _said(file, asked) if asked.columns else None
            return staging.stage(
                file,
                host.vault,
                currency=circle.currency,
                mapping=said or mapping,
                mappings=lambda guessed: accounts.remembered(kept, guessed),
                recall=lambda bare: unguessed.recalled(list(kept.values())[::-1], bare),
                report=_counting(report, "bytes"),
            )

    with await asyncio.to_thread(read) as staged:
        unnamed = next(iter(known), None) or staging.normal(circle.pay_iban) or accounts.NAMELESS
        ours = frozenset({staging.normal(asked.account)} if asked.account else ())
        choices = Choices(
            ours=ours,
            # A file that names no account is of the one that was named here.
            unnamed=next(iter(ours), unnamed) if unnamed not in known else unnamed,
            all_further=asked.further,
            all_another=asked.another,
        )
        async with host.database.read() as db:
            plan = await imports.plan(db, circle.id, staged, choices)
        _tell(circle, staged, plan, say)
        if not _may_go_on(asked, staged, plan, ask, say):
            return None
        async with host.database.begin() as db:
            return await imports.keep(
                db,
                host.vault,
                circle.id,
                staged,
                choices,
                import_id=secrets.token_bytes(16),
                actor=ACTOR,
                now=host.clock.now(),
                report=_counting(report, "lines"),
            )


def _counting(report: Callable[[str, int, int], None], what: str) -> Report:
    return lambda done, total: report(what, done, total)


def _mapping(path: Path | None) -> Mapping | None:
    try:
        return None if path is None else Mapping.from_json(path.read_text("utf-8"))
    except (OSError, UnicodeError, MappingError) as error:
        raise SettingsError(f"{path} is no mapping: {error}") from error


def _said(file: BinaryIO, asked: Asked) -> Mapping:
    """How the table is to be read, as the options say; what they leave open is guessed."""
    file.seek(0)
    head = file.read(_HEAD_BYTES)
    bare = unguessed.look(Source.of(head))
    found = guess.guess(Source.of(head))
    base = found.mapping if found else bare.mapping if bare else None
    if base is None:
        raise SettingsError(f"{asked.file} is no table, so it has no columns to name.")
    fields = [name.strip() for name in (asked.columns or "").split(",")]
    if unknown := [name for name in fields if name and name not in FIELDS]:
        raise SettingsError(
            f"No column is called {', '.join(unknown)}. There are: {', '.join(FIELDS)}."
        )
    try:
        return columns.corrected(
            head,
            base,
            fields,
            dates=asked.dates or base.dates,
            decimal=asked.decimal or base.decimal,
            turned=False,
            header_row=base.header_row if asked.header is None else asked.header,
        )
    except MappingError as error:
        raise SettingsError(f"--columns {asked.columns}: {error}") from error


def _opened(name: str) -> BinaryIO:
    try:
        if name != "-":
            return Path(name).open("rb")
        spooled = tempfile.TemporaryFile()  # noqa: SIM115 - the caller closes it
        shutil.copyfileobj(sys.stdin.buffer, spooled)
    except OSError as error:
        raise SettingsError(f"{name} cannot be read: {error.strerror}.") from error
    return spooled


def _tell(circle: Circle, staged: Staged, plan: Plan, say: Callable[[str], None]) -> None:
    """The preview, a line for each account."""
    by_number: dict[str, list[Planned]] = {}
    for one in plan.statements:
        by_number.setdefault(one.number, []).append(one)
    for number, parts in by_number.items():
        name = (
            "The account, which the file does not name" if number == accounts.NAMELESS else number
        )
        say(f"{name}: {_account(circle, parts)}")
        for part in parts:
            if part.gap is not None:
                missing = shown(part.gap.missing_minor, circle.currency)
                say(f"  Missing between {part.gap.after} and {part.gap.until}: {missing}")
    lines = sum(one.staged.lines for one in plan.statements if one.state in {"ours", "asked"})
    if lines > _LINES_QUICK:
        say(
            f"{lines} lines are kept all or nothing. Until then nothing else is written: with "
            f"SQLite in any circle of this host, about {lines // 10_000} seconds or more, with "
            "PostgreSQL in this circle's books alone. Take a quiet hour, or stop the server first."
        )
    if plan.asks:
        say(
            f"{plan.asks} lines look just like ones that are here, but by the balances they are "
            "further payments. If they are (look at the bank's page), say so with --another; else "
            "they count once, and money is missing."
        )
    for problem in staged.problems[:_PROBLEMS_SHOWN]:
        place = f"{problem.where}, {problem.field}" if problem.field else problem.where
        # Names of columns and tags are the file's own: a terminal must not obey them.
        told = values.clean(f"{place}: {problem.message}")
        say(f"{'Wrong' if problem.stops else 'Worth knowing'}: {told}")
    if len(staged.problems) > _PROBLEMS_SHOWN:
        say(f"and {len(staged.problems) - _PROBLEMS_SHOWN} more (circles statement shows them all)")


def _account(circle: Circle, parts: list[Planned]) -> str:
    state = next(
        (s for s in ("asked", "ours") if s in {one.state for one in parts}), parts[0].state
    )
    words = {
        "left-out": "left out, it is not ours",
        "foreign": f"left out, it is not in {circle.currency}",
        "again": "all of it is here already",
        "empty": "nothing is told about it",
    }
    if state in words:
        return words[state]
    fresh, doubles = sum(one.fresh for one in parts), sum(one.doubles for one in parts)
    told = f"{fresh} new lines, {sum(one.known for one in parts)} known already"
    zeros = sum(one.staged.zeros for one in parts)
    told += f" ({doubles} by day and amount, from another kind of file)" if doubles else ""
    return told + (f", {zeros} of amount 0 left out" if zeros else "")


def _may_go_on(
    asked: Asked,
    staged: Staged,
    plan: Plan,
    ask: Callable[[str], bool],
    say: Callable[[str], None],
) -> bool:
    if not staged.readable:
        if not staged.format and asked.columns is None:
            say(
                "If it is a table (CSV), say what its columns are, from the left: --columns "
                "date,counterparty,amount (debit, credit, mark, balance, reference, text ...), "
                "with --dates dmy, --decimal , and --header N if need be."
            )
        raise ConflictError("This file has problems. Nothing of it was kept.")
    unknown = list(dict.fromkeys(s.number for s in plan.statements if s.state == "asked"))
    if unknown:
        names = ", ".join("-" if one == accounts.NAMELESS else one for one in unknown)
        raise ConflictError(
            f"Nobody has said yet that this account is ours: {names}. If it is, say so with "
            "--account NUMBER. Nothing was kept."
        )
    if not plan.does_something:
        say("Nothing new in it. Nothing was kept.")
        return False
    return asked.yes or ask(f"Bring in {plan.fresh} new lines? [y/N] ")
