"""A bank's file at the desk: what it holds, what keeping it would do, and the keeping.

A preview is made anew each time from the file that waits (`ledger.bank.inbox`) and from what the
person says in the page's address or form; nothing else is remembered, so two tabs cannot disturb
one another. Reading runs in a thread: the other pages go on meanwhile.
"""

from __future__ import annotations

import asyncio
import io
import re
from dataclasses import dataclass, field, replace
from datetime import date

from circles.circle.circles import Circle
from circles.circle.iban import as_on_paper
from circles.errors import InvalidError
from circles.host import Host
from circles.ledger.bank import accounts, imports, inbox, lines, staging
from circles.ledger.bank.continuity import Gap
from circles.ledger.bank.imports import Choices, Kept, Plan, Planned
from circles.ledger.bank.staging import Staged, StagedLine
from circles.ledger.bank.words import LineWords
from circles.ledger.statements import columns, unguessed
from circles.ledger.statements.columns import Columns
from circles.ledger.statements.mapping import Mapping, MappingError
from circles.ledger.statements.model import Problem
from circles.ledger.statements.source import Source
from circles.ledger.statements.unguessed import Bare
from circles.members.people import Member
from circles.web.forms import Form
from circles.web.i18n import gettext as _

FILE_BYTES_MAX = 6 << 20
# Keeping holds SQLite's one writer, a second for some ten thousand lines: members wait meanwhile.
LINES_MAX = 20_000
LINES_SHOWN = 60
DOUBLES_SHOWN = 100
PROBLEMS_SHOWN = 100
_TEXT_CHARS_MAX = 90
_WHOLE = re.compile(r"[0-9]{1,9}", re.ASCII)


@dataclass(frozen=True)
class ShownLine:
    """A line as the preview shows it."""

    n: int
    on: date
    amount_minor: int
    who: str
    text: str


@dataclass(frozen=True)
class Double:
    """A line that is perhaps here already, and the one that it may be."""

    line: ShownLine
    stored: ShownLine


@dataclass(frozen=True)
class AccountRow:
    """What one account's statements in the file come to."""

    index: int
    number: str
    state: str
    currency: str
    statements: int
    first: date | None
    last: date | None
    opening: int | None
    closing: int | None
    lines: int
    fresh: int
    known: int
    zeros: int
    pending: int
    proves: bool
    gaps: tuple[Gap, ...]
    our_iban: bool
    another: bool


@dataclass(frozen=True)
class Preview:
    """Everything on the preview's page."""

    format: str
    accounts: tuple[AccountRow, ...]
    stopping: tuple[Problem, ...]
    remarks: tuple[Problem, ...]
    plan: Plan
    fresh: int
    known: int
    lines: tuple[ShownLine, ...]
    more_lines: int
    doubles: tuple[Double, ...]
    more_doubles: int
    another: tuple[ShownLine, ...]
    more_another: int
    columns: Columns | None
    remembered: bool
    trouble: str
    unguessed: bool = False

    @property
    def readable(self) -> bool:
        """Whether nothing stands against bringing it in."""
        return not self.stopping and bool(self.accounts)

    @property
    def asks(self) -> bool:
        """Whether an account is still to be named."""
        return any(row.state == "asked" for row in self.accounts)

    @property
    def offers(self) -> bool:
        """Whether there is anything to bring in."""
        return any(row.state in {"ours", "asked"} for row in self.accounts)


@dataclass
class Asked:
    """What a person said in address or form; no `fields`: the table is read as it was guessed."""

    fields: tuple[str, ...] = ()
    dates: str = "dmy"
    decimal: str = "."
    turned: bool = False
    header_row: int = 0
    accounts: dict[int, bool] = field(default_factory=dict)
    further: frozenset[int] = frozenset()
    all_further: bool = False
    another: frozenset[int] = frozenset()
    all_another: bool = False

    @classmethod
    def of(cls, form: Form) -> Asked:
        """Whatever of it is there; what no page of ours sends is passed over."""
        fields = [form.value(f"c{n}") for n in range(columns.COLUMNS_MAX) if f"c{n}" in form]
        answers = {"yes": True, "no": False}
        return cls(
            fields=tuple(fields),
            dates=form.value("dates"),
            decimal=form.value("decimal"),
            turned=form.value("turned") == "yes",
            header_row=max(0, _whole(form.value("header"))),
            accounts={
                _number(name): answers[form.value(name)]
                for name in form.names("account-")
                if form.value(name) in answers
            },
            further=frozenset(_number(name) for name in form.names("further-")),
            all_further=form.value("all-further") == "yes",
            another=frozenset(_number(name) for name in form.names("another-")),
            all_another=form.value("all-another") == "yes",
        )


def _number(name: str) -> int:
    return _whole(name.rpartition("-")[2])


def _whole(text: str) -> int:
    return int(text) if _WHOLE.fullmatch(text) else -1


async def put(host: Host, circle: Circle, member: Member, data: bytes) -> bytes:
    """Let a file wait for its preview; its id."""
    return await asyncio.to_thread(inbox.put, host, circle.id, member.actor, data)


async def drop(host: Host, circle: Circle, member: Member, file_id: bytes) -> None:
    """Throw it away."""
    await asyncio.to_thread(inbox.drop, host, circle.id, member.actor, file_id)


async def waiting(host: Host, circle: Circle, member: Member, file_id: bytes) -> bytes | None:
    """The file, while it waits."""
    return await asyncio.to_thread(inbox.get, host, circle.id, member.actor, file_id)


async def preview(host: Host, circle: Circle, data: bytes, asked: Asked) -> Preview:
    """What is in it and what keeping it would do."""
    staged, kept, trouble = await _staged(host, circle, data, asked)
    with staged:
        async with host.database.read() as db:
            known = await accounts.known(db, circle.id)
            choices = _choices(circle, staged, asked, list(known))
            plan = await imports.plan(db, circle.id, staged, choices)
            stored = await lines.some(
                db, host.vault, circle.id, [one.twin for one in _twins(staged, plan) if one.twin]
            )
        return _preview(circle, data, staged, plan, asked, {one.id: one for one in stored},
                        remembered=kept, trouble=trouble)  # fmt: skip


async def keep(
    host: Host, circle: Circle, member: Member, file_id: bytes, data: bytes, asked: Asked
) -> Kept:
    """Bring it in. InvalidError while something is still to be said or mended."""
    staged, _kept, trouble = await _staged(host, circle, data, asked)
    with staged:
        if trouble or not staged.readable:
            raise InvalidError(_("This file has problems. Nothing of it was kept."))
        async with host.database.begin() as db:
            known = await accounts.known(db, circle.id)
            choices = _choices(circle, staged, asked, list(known))
            plan = await imports.plan(db, circle.id, staged, choices)
            if _lines(plan) > LINES_MAX:
                raise InvalidError(_too_many(circle, plan))
            _refuse_unsaid(plan, choices)
            kept = await imports.keep(
                db,
                host.vault,
                circle.id,
                staged,
                choices,
                import_id=file_id,
                actor=member.actor,
                now=host.clock.now(),
            )
    if kept.statements:
        # Where there was nothing to keep the page says so, as long as the file waits.
        await drop(host, circle, member, file_id)
    return kept


def _lines(plan: Plan) -> int:
    return sum(one.staged.lines for one in plan.statements if one.state in {"ours", "asked"})


def _too_many(circle: Circle, plan: Plan) -> str:
    return _(
        "This file has %(n)s lines, and a page brings in %(most)s at once, so that nobody has to "
        "wait. Ask your bank for a shorter time. Or whoever runs this machine brings it in with: "
        "circles ledger import %(slug)s FILE"
    ) % {"n": _lines(plan), "most": LINES_MAX, "slug": circle.slug}


def _refuse_unsaid(plan: Plan, choices: Choices) -> None:
    if any(one.state == "asked" for one in plan.statements):
        raise InvalidError(_("Please say whether the account is ours."), code="whose")
    if len(choices.ours & {one.number for one in plan.statements if one.kept}) > 1:
        raise InvalidError(
            _("Only one of these can be our account. Please leave the others out."), code="whose"
        )


async def _staged(
    host: Host, circle: Circle, data: bytes, asked: Asked
) -> tuple[Staged, bool, str]:
    """The file read, whether a remembered mapping was used, and what is wrong with a corrected
    one (then the guessed one is used)."""
    async with host.database.read() as db:
        kept = await accounts.mappings(db, circle.id)
    used = []

    def remembered(guessed: Mapping) -> Mapping | None:
        found = accounts.remembered(kept, guessed)
        used.append(found is not None)
        return found

    def recalled(bare: Bare) -> Mapping | None:
        found = unguessed.recalled(list(kept.values())[::-1], bare)
        used.append(found is not None)
        return found

    def work(mapping: Mapping | None) -> Staged:
        return staging.stage(
            io.BytesIO(data),
            host.vault,
            currency=circle.currency,
            mappings=remembered,
            mapping=mapping,
            recall=recalled,
        )

    staged = await asyncio.to_thread(work, None)
    base = staged.mapping or await asyncio.to_thread(_bare, data, staged)
    if not asked.fields or base is None:
        return staged, any(used), ""
    try:
        mapping = await asyncio.to_thread(_corrected, data, base, asked)
    except MappingError as error:
        return staged, any(used), str(error)
    if mapping == staged.mapping and not staged.problems:
        return staged, any(used), ""
    staged.close()
    return await asyncio.to_thread(work, mapping), False, ""


def _bare(data: bytes, staged: Staged) -> Mapping | None:
    """Of a table of which nothing could be guessed, what a person can go on from."""
    bare = None if staged.format else unguessed.look(Source.of(data))
    return bare.mapping if bare is not None else None


def _corrected(data: bytes, mapping: Mapping, asked: Asked) -> Mapping:
    return columns.corrected(
        data,
        mapping,
        asked.fields,
        dates=asked.dates,
        decimal=asked.decimal,
        turned=asked.turned,
        header_row=asked.header_row,
    )


def _unnamed(circle: Circle, known: list[str]) -> str:
    """The account of a file that names none: the one that is known, or the one paid into."""
    return known[0] if known else staging.normal(circle.pay_iban) or accounts.NAMELESS


def _numbers(circle: Circle, staged: Staged, known: list[str]) -> list[str]:
    """The accounts of a file in its order."""
    unnamed = _unnamed(circle, known)
    return list(dict.fromkeys(one.account or unnamed for one in staged.statements))


def _choices(circle: Circle, staged: Staged, asked: Asked, known: list[str]) -> Choices:
    numbers = _numbers(circle, staged, known)
    said = {number: asked.accounts.get(index) for index, number in enumerate(numbers)}
    return Choices(
        ours=frozenset(number for number, ours in said.items() if ours),
        theirs=frozenset(number for number, ours in said.items() if ours is False),
        unnamed=_unnamed(circle, known),
        further=asked.further,
        all_further=asked.all_further,
        another=asked.another,
        all_another=asked.all_another,
    )


# ------------------------------------------------------------------ for the page


def _twins(staged: Staged, plan: Plan) -> list[StagedLine]:
    """The lines that may be here already, as many as are shown."""
    found: list[StagedLine] = []
    for one in plan.statements:
        if one.state not in {"ours", "asked"}:
            continue
        for line in staged.lines(one.staged.position):
            if line.twin is not None:
                found.append(line)
                if len(found) == DOUBLES_SHOWN:
                    return found
    return found


def _preview(
    circle: Circle,
    data: bytes,
    staged: Staged,
    plan: Plan,
    asked: Asked,
    stored: dict[bytes, lines.BankLine],
    *,
    remembered: bool,
    trouble: str,
) -> Preview:
    shown = [one for one in plan.statements if one.state in {"ours", "asked"}]
    fresh = _fresh(staged, shown)
    twins = _twins(staged, plan)
    asking = [one for part in shown for one in staged.asking(part.staged.position)]
    (doubles,) = staged.store.execute("SELECT count(*) FROM line WHERE twin IS NOT NULL").fetchone()
    stopping = [problem for problem in staged.problems if problem.stops]
    if _lines(plan) > LINES_MAX:
        stopping.insert(0, Problem(_("Whole file"), "", _too_many(circle, plan)))
    table = _columns(data, staged, asked, trouble)
    bare = staged.mapping is None and table is not None
    total = sum(one.fresh for one in shown)
    return Preview(
        format=staged.format,
        accounts=_account_rows(circle, plan),
        # That nothing could be guessed is what the columns are asked for.
        stopping=() if bare else tuple(stopping[:PROBLEMS_SHOWN]),
        remarks=tuple(p for p in staged.problems if not p.stops)[:PROBLEMS_SHOWN],
        plan=plan,
        fresh=total,
        known=sum(one.known for one in plan.statements),
        lines=tuple(fresh),
        more_lines=max(0, total - len(fresh)),
        doubles=tuple(
            Double(_shown(line), _stored(stored[line.twin]))
            for line in twins
            if line.twin is not None and line.twin in stored
        ),
        more_doubles=doubles - len(twins),
        another=tuple(map(_shown, asking[:DOUBLES_SHOWN])),
        more_another=max(0, len(asking) - DOUBLES_SHOWN),
        columns=table,
        remembered=remembered,
        trouble=trouble,
        unguessed=bare,
    )


def _columns(data: bytes, staged: Staged, asked: Asked, trouble: str) -> Columns | None:
    """How a table is read, or what was said of it that does not suffice."""
    mapping = staged.mapping or _bare(data, staged)
    if mapping is None:
        return None
    table = columns.shown(data, mapping)
    if staged.mapping is None:
        table = replace(table, fields=("",) * len(table.fields))
    if trouble and asked.fields:
        said = [*asked.fields, *table.fields[len(asked.fields) :]][: len(table.fields)]
        table = replace(table, fields=tuple(said), dates=asked.dates, decimal=asked.decimal,
                        turned=asked.turned, header_row=asked.header_row)  # fmt: skip
    return table


def _fresh(staged: Staged, planned: list[Planned]) -> list[ShownLine]:
    found: list[ShownLine] = []
    for one in planned:
        for line in staged.lines(one.staged.position):
            if not (line.stands or line.repeated or line.twin):
                found.append(_shown(line))
                if len(found) == LINES_SHOWN:
                    return found
    return found


def _shown(line: StagedLine) -> ShownLine:
    return ShownLine(line.n, line.booked_on, line.amount_minor, *_words(line.words))


def _stored(line: lines.BankLine) -> ShownLine:
    return ShownLine(0, line.booked_on, line.amount_minor, *_words(line.words))


def _words(words: LineWords | None) -> tuple[str, str]:
    """Who, and what they wrote."""
    if words is None:
        return "", _("Its words were erased.")
    who = words.counterparty or words.counterparty_iban or words.counterparty_account or ""
    told = (words.reference, words.text, words.bank_kind if not words.text else None)
    text = " · ".join(dict.fromkeys(part for part in told if part))
    return who[:_TEXT_CHARS_MAX], text[:_TEXT_CHARS_MAX]


def _account_rows(circle: Circle, plan: Plan) -> tuple[AccountRow, ...]:
    by_number: dict[str, list[Planned]] = {}
    for one in plan.statements:
        by_number.setdefault(one.number, []).append(one)
    ours = staging.normal(circle.pay_iban)
    return tuple(
        _account_row(index, number, parts, ours=number == ours, first_file=plan.first)
        for index, (number, parts) in enumerate(by_number.items())
    )


def _account_row(
    index: int, number: str, parts: list[Planned], *, ours: bool, first_file: bool
) -> AccountRow:
    staged = [one.staged for one in parts]
    states = [one.state for one in parts]
    proving = [one for one in staged if one.kind == "statement"]
    starts = [one.first_on for one in staged if one.first_on]
    ends = [one.last_on for one in staged if one.last_on]
    first, last = (proving[0], proving[-1]) if proving else (None, None)
    return AccountRow(
        index=index,
        number="" if number == accounts.NAMELESS else as_on_paper(number),
        # Told before, and not quite: the new part counts.
        state=next((s for s in ("asked", "ours") if s in states), states[0]),
        currency=staged[0].currency or "",
        statements=len(parts),
        first=min(starts, default=None),
        last=max(ends, default=None),
        opening=first.opening.amount_minor if first and first.opening else None,
        closing=last.closing.amount_minor if last and last.closing else None,
        lines=sum(one.lines for one in staged),
        fresh=sum(one.fresh for one in parts),
        known=sum(one.known for one in parts),
        zeros=sum(one.zeros for one in staged),
        pending=sum(one.pending for one in staged),
        proves=bool(proving),
        gaps=tuple(one.gap for one in parts if one.gap is not None),
        our_iban=ours,
        another=not first_file,
    )
