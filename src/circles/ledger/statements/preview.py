"""`circles statement FILE`: what an import would read, without importing.

It streams: lines wait in a temporary file until their statement's balances are known, so memory
stays the same for a million of them. Exit codes: 0 read, 1 read with problems, 2 nothing read.
"""

from __future__ import annotations

import io
import json
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any, BinaryIO, TextIO

from circles.ledger.statements import reading, values
from circles.ledger.statements.mapping import Mapping, MappingError
from circles.ledger.statements.model import Balance, Closed, Pending, Problem, StatementLine
from circles.ledger.statements.sheet import shown
from circles.web.i18n import gettext as _

READ, PROBLEMS, UNREADABLE = 0, 1, 2
SPOOL_BYTES = 1 << 22


def main(
    name: str, *, as_json: bool, currency: str | None = None, mapping: Path | None = None
) -> int:
    """Read the file (`-`: what is piped in) and write to stdout; the exit code."""
    try:
        remembered = Mapping.from_json(mapping.read_text("utf-8")) if mapping else None
        with _opened(name) as file:
            return write(file, sys.stdout, as_json=as_json, currency=currency, mapping=remembered)
    except (OSError, UnicodeError, MappingError) as error:
        if isinstance(error, BrokenPipeError):
            sys.stderr.close()
            return PROBLEMS
        sys.stderr.write(f"circles: {error}\n")
        return UNREADABLE


def _opened(name: str) -> BinaryIO:
    if name != "-":
        return Path(name).open("rb")
    spooled = tempfile.TemporaryFile()  # noqa: SIM115 - the caller closes it
    shutil.copyfileobj(sys.stdin.buffer, spooled)
    return spooled


def write(
    file: BinaryIO,
    out: TextIO,
    *,
    as_json: bool,
    currency: str | None = None,
    mapping: Mapping | None = None,
) -> int:
    """Everything of the file, as JSON or to be read; the exit code."""
    if isinstance(out, io.TextIOWrapper):
        out.reconfigure(errors="replace")
    flowing = reading.stream(file, currency=currency, mapping=mapping)
    page: _Page = _Json(out) if as_json else _Words(out)
    page.begin(flowing)
    problems: list[Problem] = []
    statements = 0
    with _spool() as lines, _spool() as pending:
        for event in flowing.events:
            if isinstance(event, StatementLine):
                page.line(event, lines)
            elif isinstance(event, Pending):
                page.line(event.line, pending)
            elif isinstance(event, Problem):
                problems.append(event)
            else:
                page.statement(event, lines, pending, statements)
                statements += 1
                for spool in (lines, pending):
                    spool.seek(0)
                    spool.truncate()
    page.end(problems, statements)
    return UNREADABLE if not statements else PROBLEMS if problems else READ


def _spool() -> tempfile.SpooledTemporaryFile[str]:
    return tempfile.SpooledTemporaryFile(SPOOL_BYTES, "w+", encoding="utf-8", newline="")


Spool = tempfile.SpooledTemporaryFile[str]


class _Page:
    """One way of writing it."""

    def __init__(self, out: TextIO) -> None:
        self.out = out

    def begin(self, flowing: reading.Stream) -> None:
        raise NotImplementedError

    def line(self, line: StatementLine, spool: Spool) -> None:
        raise NotImplementedError

    def statement(self, closed: Closed, lines: Spool, pending: Spool, number: int) -> None:
        raise NotImplementedError

    def end(self, problems: list[Problem], statements: int) -> None:
        raise NotImplementedError

    def copy(self, spool: Spool) -> None:
        """What was kept, from its start."""
        spool.seek(0)
        shutil.copyfileobj(spool, self.out)


def line_values(line: StatementLine) -> dict[str, Any]:
    """A line as in `--json`."""
    return {
        "booked_on": line.booked_on.isoformat(),
        "value_on": line.value_on.isoformat() if line.value_on else None,
        "amount_minor": line.amount_minor,
        "currency": line.currency,
        "counterparty": line.counterparty,
        "counterparty_iban": line.counterparty_iban,
        "reference": line.reference,
        "text": line.text,
        "bank_ref": line.bank_ref,
    }


def balance_values(balance: Balance | None) -> dict[str, Any] | None:
    """A balance as in `--json`."""
    if balance is None:
        return None
    return {
        "on": balance.on.isoformat() if balance.on else None,
        "amount_minor": balance.amount_minor,
    }


class _Json(_Page):
    def begin(self, flowing: reading.Stream) -> None:
        self.out.write('{"statements": [')

    def line(self, line: StatementLine, spool: Spool) -> None:
        spool.write(("," if spool.tell() else "") + "\n  " + json.dumps(line_values(line)))

    def statement(self, closed: Closed, lines: Spool, pending: Spool, number: int) -> None:
        head = {
            "account": closed.account,
            "currency": closed.currency,
            "opening": balance_values(closed.opening),
            "closing": balance_values(closed.closing),
        }
        self.out.write(("," if number else "") + "\n " + json.dumps(head)[:-1] + ', "lines": [')
        self.copy(lines)
        self.out.write('], "pending": [')
        self.copy(pending)
        self.out.write("]}")

    def end(self, problems: list[Problem], statements: int) -> None:
        told = [{"where": p.where, "field": p.field, "message": p.message} for p in problems]
        self.out.write('\n], "problems": ' + json.dumps(told) + "}\n")


class _Words(_Page):
    def begin(self, flowing: reading.Stream) -> None:
        self.out.write(f"{(flowing.format or '?').upper()}\n")
        if flowing.mapping is not None:
            self.out.write(
                _("Columns as guessed or given: %(json)s") % {"json": flowing.mapping.to_json()}
                + "\n"
            )

    def line(self, line: StatementLine, spool: Spool) -> None:
        who = [line.counterparty, line.counterparty_iban, line.reference, line.text, line.bank_ref]
        if line.details:
            who.append(_("(%(n)s parts)") % {"n": len(line.details)})
        spool.write(
            f"  {line.booked_on}  {shown(line.amount_minor, line.currency):>16}  "
            + " · ".join(part for part in who if part)
            + "\n"
        )

    def statement(self, closed: Closed, lines: Spool, pending: Spool, number: int) -> None:
        kinds = {"intraday": _("within the day"), "notice": _("a notice, no statement")}
        kind = f" ({kinds[closed.kind]})" if closed.kind in kinds else ""
        account = closed.account or _("unknown")
        self.out.write("\n" + _("Account %(account)s") % {"account": account})
        self.out.write(f" {closed.currency or ''}{kind}\n")
        self._balance(_("opening"), closed.opening, closed.currency)
        self.copy(lines)
        self._balance(_("closing"), closed.closing, closed.currency)
        if pending.tell():
            self.out.write(_("  Not booked yet:") + "\n")
            self.copy(pending)

    def _balance(self, name: str, balance: Balance | None, currency: str | None) -> None:
        if balance is not None:
            on = str(balance.on) if balance.on else " " * 10
            self.out.write(f"  {on}  {shown(balance.amount_minor, currency):>16}  {name}\n")

    def end(self, problems: list[Problem], statements: int) -> None:
        if not problems:
            self.out.write("\n" + _("No problems.") + "\n")
            return
        self.out.write("\n" + _("Problems:") + "\n")
        for problem in problems:
            name = f", {problem.field}" if problem.field else ""
            # Names of columns and tags are the file's own: a terminal must not obey them.
            told = values.clean(f"{problem.where}{name}: {problem.message}")
            self.out.write(f"  {told}\n")
