"""A file of any format: which one it is (by its content, never by its name), and what is in it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from circles.ledger.statements import camt, mt940, ofx, table
from circles.ledger.statements.guess import Guess, guess
from circles.ledger.statements.mapping import Mapping
from circles.ledger.statements.model import (
    PROBLEMS_MAX,
    Closed,
    Event,
    Pending,
    Problem,
    Reading,
    Statement,
    StatementLine,
    UnreadableError,
)
from circles.ledger.statements.source import Source
from circles.web.i18n import gettext as _


@dataclass(frozen=True, slots=True)
class Stream:
    """A file being read: lines of a statement first, then its `Closed`; problems in between."""

    format: str | None
    mapping: Mapping | None
    events: Iterator[Event]


def stream(
    file: BinaryIO, *, currency: str | None = None, mapping: Mapping | None = None
) -> Stream:
    """Begin to read. `file` can be seeked; memory stays the same however long it is.

    `currency` is the account's, for files that name none. `mapping` is how a CSV was read before,
    as remembered or corrected; without one it is guessed.
    """
    source = Source(file)
    try:
        name, found = _detect(source, mapping)
    except UnreadableError as error:
        return Stream(None, None, iter([error.problem]))
    if name == "csv":
        assert found is not None
        return Stream(name, found.mapping, _bounded(table.read(source, found, currency)))
    reader = {"ofx": ofx.read, "camt": camt.read, "mt940": mt940.read}[name]
    return Stream(name, None, _bounded(reader(source)))


def read(data: bytes, *, currency: str | None = None, mapping: Mapping | None = None) -> Reading:
    """Everything at once: see `stream`. Never raises for what is in the file."""
    import io

    flowing = stream(io.BytesIO(data), currency=currency, mapping=mapping)
    statements: list[Statement] = []
    problems: list[Problem] = []
    lines: list[StatementLine] = []
    pending: list[StatementLine] = []
    for event in flowing.events:
        if isinstance(event, StatementLine):
            lines.append(event)
        elif isinstance(event, Pending):
            pending.append(event.line)
        elif isinstance(event, Problem):
            problems.append(event)
        else:
            statements.append(_statement(event, lines, pending))
            lines, pending = [], []
    return Reading(flowing.format, tuple(statements), tuple(problems), flowing.mapping)


def _statement(
    closed: Closed, lines: list[StatementLine], pending: list[StatementLine]
) -> Statement:
    return Statement(
        closed.account,
        closed.currency,
        closed.opening,
        closed.closing,
        tuple(lines),
        tuple(pending),
        closed.kind,
        closed.id_in_file,
    )


def _detect(source: Source, mapping: Mapping | None) -> tuple[str, Guess | None]:
    head = source.head
    if source.is_empty:
        raise UnreadableError(Problem(_("Whole file"), "", _("There is nothing in this file.")))
    if mapping is not None:
        return "csv", Guess(mapping)
    if ofx.looks_like(head):
        return "ofx", None
    if camt.looks_like(head):
        return "camt", None
    if mt940.looks_like(head):
        return "mt940", None
    known = _known_stranger(head)
    if known is not None:
        raise UnreadableError(Problem(_("Whole file"), "", known))
    found = guess(source)
    if found is None:
        raise UnreadableError(
            Problem(
                _("Whole file"),
                "",
                _(
                    "This is none of the files that can be read here: OFX, QFX, CAMT, MT940, or a "
                    "table (CSV) with a column of dates and one of amounts."
                ),
            )
        )
    return "csv", found


def _known_stranger(head: str) -> str | None:
    """Files that people send by mistake, each with what to do instead."""
    start = head.lstrip("\ufeff \t\r\n")
    if start.startswith("%PDF"):
        return _("This is a PDF, made for reading. Ask your bank for CAMT, MT940, OFX or CSV.")
    if start.startswith("PK\x03\x04"):
        return _(
            "This is a ZIP or a spreadsheet. Unpack it, or save the sheet as CSV, and take that."
        )
    if start.startswith("<"):
        if "<!DOCTYPE" in start[:4000] or "<!ENTITY" in start[:4000]:
            return _("This file defines its own words (a document type). That is not read.")
        return _("This is XML or a web page, but no CAMT and no OFX.")
    return None


def _bounded(events: Iterator[Event]) -> Iterator[Event]:
    """At most so many problems, then how many more there were. Says if there was nothing."""
    problems = statements = 0
    is_open = False
    try:
        for event in events:
            if isinstance(event, Problem):
                problems += 1
                if problems > PROBLEMS_MAX:
                    continue
            elif isinstance(event, Closed):
                statements += 1
            is_open = not isinstance(event, Closed) and (
                is_open or isinstance(event, StatementLine | Pending)
            )
            yield event
    except UnreadableError as error:
        problems += 1
        yield error.problem
    if is_open:
        # However a reader ended: lines that were read are shown.
        statements += 1
        yield Closed(None, None)
    if problems > PROBLEMS_MAX:
        yield Problem(
            _("Whole file"),
            "",
            _("There are %(n)s more problems like these.") % {"n": problems - PROBLEMS_MAX},
        )
    if not statements and not problems:
        said = _(
            "There is no statement in this file. Fetch a statement of the account from your bank."
        )
        yield Problem(_("Whole file"), "", said)
