"""`circles ledger export`: a circle's books to a file or to standard output."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from circles.circle import circles
from circles.errors import CirclesError, InvalidError, SettingsError
from circles.host import Host
from circles.ledger.export import Format, Period, export


class ExportError(CirclesError):
    """The file could not be written; what stood there before still stands."""


def period_of(text: str | None) -> Period | None:
    """The period of the command line; SettingsError when it is none."""
    try:
        return None if text is None else Period.parse(text)
    except InvalidError as error:
        raise SettingsError(str(error)) from error


async def write(
    host: Host,
    slug: str,
    to: Format,
    period: Period | None,
    out: Path | None,
    report: Callable[[int, int], None],
) -> int:
    """Write the books of one moment; how many transfers. A file appears whole or not at all."""
    async with host.database.read() as db:
        circle = await circles.by_slug(db, slug)
        with _opened(out) as file:
            return await export(
                db,
                circle.id,
                circle.name,
                to,
                period,
                lambda text: file.write(text.encode()),
                report,
            )


@contextmanager
def _opened(out: Path | None) -> Iterator[BinaryIO]:
    """Standard output, or a file beside the wanted one that takes its place in the end.

    Only its owner may read it: it says who paid what, by number, and holds the notes.
    """
    if out is None:
        yield from _standard_output()
        return
    beside = out.with_name(f"{out.name}.{os.getpid()}.part")
    try:
        descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise _not_written(out, error) from error
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        beside.replace(out)
    except OSError as error:
        raise _not_written(out, error) from error
    finally:
        beside.unlink(missing_ok=True)


def _standard_output() -> Iterator[BinaryIO]:
    try:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
    except BrokenPipeError as error:
        # Python would try to flush once more at its end, and complain.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise ExportError("Whoever read this file stopped before its end.") from error


def _not_written(out: Path, error: OSError) -> ExportError:
    return ExportError(f"{out} could not be written: {error.strerror}. Name another with --out.")
