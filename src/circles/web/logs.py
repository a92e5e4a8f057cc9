"""What this program writes about itself: to stderr, in plain lines, without a word about people.

Local variables never stand beside a traceback (the library would print them, and with them a
passphrase or a ballot), and no line bears a time of ours: whoever collects the lines may add one,
we do not tie one to what somebody did.
"""

from __future__ import annotations

import sys
from typing import Any

import structlog

_CAUSES_MAX = 8


def _to_stderr(*_args: Any) -> structlog.PrintLogger:
    # Looked up at each line, so that whoever redirects stderr gets what comes after.
    return structlog.PrintLogger(sys.stderr)


def configure() -> None:
    """Take these settings; again changes nothing."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.dev.ConsoleRenderer(
                colors=False, exception_formatter=structlog.dev.plain_traceback
            ),
        ],
        logger_factory=_to_stderr,
        cache_logger_on_first_use=False,
    )


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
