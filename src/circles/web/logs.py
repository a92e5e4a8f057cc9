"""What this program writes about itself: to stderr, in plain lines, without a word about people.

Local variables never stand beside a traceback (the library would print them, and with them a
passphrase or a ballot), and no line bears a time of ours: whoever collects the lines may add one,
we do not tie one to what somebody did.
"""

from __future__ import annotations

import sys
import traceback
from types import TracebackType
from typing import Any, TextIO

import structlog

_CAUSES_MAX = 8
# Their errors quote the statement's values ("Key (handle)=(wren) already exists").
_QUOTING = frozenset({"sqlalchemy", "asyncpg", "sqlite3", "aiosqlite"})


def _to_stderr(*_args: Any) -> structlog.PrintLogger:
    # Looked up at each line, so that whoever redirects stderr gets what comes after.
    return structlog.PrintLogger(sys.stderr)


def configure() -> None:
    """Take these settings; again changes nothing."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.dev.ConsoleRenderer(colors=False, exception_formatter=_traceback),
        ],
        logger_factory=_to_stderr,
        cache_logger_on_first_use=False,
    )


def _traceback(
    out: TextIO, exc_info: tuple[type[BaseException], BaseException, TracebackType | None]
) -> None:
    """Where an error and its causes were raised, the first cause first; of a database's errors the
    kind alone, for what they say holds the values that they choked on."""
    chain: list[BaseException] = []
    found: BaseException | None = exc_info[1]
    while found is not None and len(chain) < _CAUSES_MAX:
        chain.append(found)
        found = found.__cause__ or (None if found.__suppress_context__ else found.__context__)
    for error in reversed(chain):
        out.write("\nTraceback (most recent call last):\n")
        out.writelines(traceback.format_tb(error.__traceback__))
        kind = type(error)
        if kind.__module__.partition(".")[0] in _QUOTING:
            out.write(f"{kind.__module__}.{kind.__qualname__}")
        else:
            out.write("".join(traceback.format_exception_only(error)).rstrip("\n"))


def where(error: BaseException) -> str:
    """The kinds of an error and its causes, and where each was raised: nothing that it says.

    For what handles ballots: an error's own words may quote the bytes that it choked on.
    """
    parts: list[str] = []
    found: BaseException | None = error
    while found is not None and len(parts) < _CAUSES_MAX:
        trace = found.__traceback__
        while trace is not None and trace.tb_next is not None:
            trace = trace.tb_next
        place = f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}" if trace else "-"
        parts.append(f"{type(found).__name__} at {place}")
        found = found.__cause__ or found.__context__
    return ", from ".join(parts)
